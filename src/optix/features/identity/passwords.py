"""Password hashes: bcrypt, off the event loop, with a bound on how many wait.

Method v1: the password in Unicode form NFKC, as UTF-8, goes through HMAC-SHA-384 keyed with the
method's name; base64 of that (64 bytes, no NUL) goes through bcrypt. bcrypt alone reads 72 bytes
at most and stops at a NUL. The key makes the inner hash useless for comparing with inner hashes
that leaked elsewhere. Stored as `v1` and bcrypt's own string, which carries salt and cost.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import bcrypt

from optix.kernel import limits
from optix.kernel.errors import Unavailable

COST_DEFAULT: Final = 10

NICENESS: Final = 5  # of 19: halves what a read waits for, and costs a twentieth of the hashes

_METHOD: Final = "v1"
_KEY: Final = b"optix.identity.password.v1"

T = TypeVar("T")


class PasswordHashingBusy(Unavailable):
    code = "password_hashing_busy"
    next_step = "Try again in a few seconds."


class PasswordHasher:
    """Hashes and verifies with one cost. bcrypt frees the interpreter, so threads really help."""

    def __init__(self, *, cost: int = COST_DEFAULT, threads: int | None = None) -> None:
        self.cost = cost
        self._waiting = 0
        self._threads = ThreadPoolExecutor(
            max_workers=threads or _processors(),
            thread_name_prefix="password",
            initializer=_give_way,
        )
        # A hash that no password makes: verifying against it costs what a real one costs, so that
        # an unknown e-mail takes as long as a known one.
        self._nobody = bcrypt.gensalt(cost) + b"." * 31

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hash(password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Say whether `password` made `stored`. None (no such account) costs the same and is no."""
        return await self._run(lambda: self._verify(password, stored))

    def is_outdated(self, stored: str) -> bool:
        """True if `stored` was made with another method or a lower cost than ours."""
        method, _, hashed = stored.partition("$")
        return method != _METHOD or int(hashed.split("$")[2]) < self.cost

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str) -> str:
        hashed = bcrypt.hashpw(_inner(password), bcrypt.gensalt(self.cost))
        return f"{_METHOD}${hashed.decode()}"

    def _verify(self, password: str, stored: str | None) -> bool:
        hashed = self._nobody if stored is None else stored.partition("$")[2].encode()
        return bcrypt.checkpw(_inner(password), hashed) and stored is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= limits.PASSWORD_HASHES_WAITING_MAX:
            raise PasswordHashingBusy("Too many people sign in at once.", retry_after_seconds=5)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _processors() -> int:
    """Return how many processors this process may use, which need not be all of the machine's."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _give_way() -> None:
    """Let this thread run after the others of the process: a hash may wait, a read may not."""
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it for single threads
        own = threading.get_native_id()
        niceness = max(os.getpriority(os.PRIO_PROCESS, own), NICENESS)
        os.setpriority(os.PRIO_PROCESS, own, niceness)


def _inner(password: str) -> bytes:
    normal = unicodedata.normalize("NFKC", password).encode()
    return base64.b64encode(hmac.digest(_KEY, normal, "sha384"))
