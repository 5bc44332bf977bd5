"""One program's share of one embedded store. Blocking: call it from a worker thread.

A lease is a shared flock on the store's `users.lock`. The kernel drops it however the program
ends, so the last user is always known, and the keeper stops the server for it. Starting and
leaving are serialised by `start.lock`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal

from optix.kernel.errors import Unavailable

WAIT_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 40.0
TURN_SECONDS = 0.02

_SOURCE = Path(__file__).resolve().parents[3]
_PROGRAM = (
    f"import sys; sys.path.insert(0, {str(_SOURCE)!r}); "
    "from optix.platform.embedded.keeper import main; sys.exit(main())"
)


class StoreUnavailable(Unavailable):
    """A store could not be started or reached. The detail says why and what to do."""

    code = "store_unavailable"
    next_step = "Do what the sentence says and start again."


class Lease:
    """A running server that stays as long as this lease, or a later one, is held."""

    def __init__(self, folder: Path, launch: Mapping[str, str]) -> None:
        """`launch` is what the keeper needs: store, binaries, password, mode."""
        self._folder = folder
        self._launch = dict(launch)
        self._users: IO[str] | None = None
        self._keeper: subprocess.Popen[str] | None = None
        # A program that is interrupted while it acquires releases from another thread.
        self._turn = threading.Lock()
        self.port = 0

    def acquire(self) -> Literal["started", "reused"]:
        """Join the running server, or start one. Errors: StoreUnavailable."""
        with self._turn:
            return self._acquire()

    def _acquire(self) -> Literal["started", "reused"]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self._folder / "start.lock").open("w") as start:
                _lock(start, fcntl.LOCK_EX, "another program is starting or stopping it")
                if self._users is None:
                    self._users = (self._folder / "users.lock").open("a")
                _lock(self._users, fcntl.LOCK_SH, "its last server does not end")
                return self._join() or self._start()
        except OSError as error:
            self._forget()
            raise StoreUnavailable(
                f"{self._folder} cannot be used ({error.strerror or error}): correct its rights "
                "or free some space, or set OPTIX_DATA_DIR to a folder that you own."
            ) from error
        except StoreUnavailable:
            self._forget()
            raise

    def release(self) -> Literal["stopped", "left running"]:
        """Give the share back. The last one out waits until the server has stopped."""
        with self._turn:
            return self._release()

    def _release(self) -> Literal["stopped", "left running"]:
        if self._users is None:
            return "left running"
        try:
            with (self._folder / "start.lock").open("w") as start:
                _lock(start, fcntl.LOCK_EX, "another program is starting or stopping it")
                return self._leave(self._users)
        finally:
            self._forget()

    def is_kept(self) -> bool:
        """True while a keeper watches the server."""
        if self._keeper is not None and self._keeper.poll() is not None:
            return False
        return self._keeper_holds_lock()

    def _join(self) -> Literal["reused"] | None:
        if not self._keeper_holds_lock():
            return None
        state = self._state()
        if "port" not in state or "stopping" in state:
            return None
        self.port = int(state["port"])
        return "reused"

    def _start(self) -> Literal["started"]:
        given = {**self._launch, "folder": str(self._folder), "port": self._last_port()}
        with (self._folder / "server.log").open("a") as log:
            self._keeper = subprocess.Popen(  # noqa: S603  # this interpreter, no shell
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd="/",
                start_new_session=True,  # Ctrl-C in the terminal is for the program, not for it
            )
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        with suppress(BrokenPipeError), self._keeper.stdin as channel:
            channel.write(json.dumps(given))
        with self._keeper.stdout as channel:
            line = channel.readline()
        answer = json.loads(line) if line else {"error": self._silence()}
        if "error" in answer:
            self._keeper.wait()
            raise StoreUnavailable(str(answer["error"]))
        self.port = int(answer["port"])
        return "started"

    def _leave(self, users: IO[str]) -> Literal["stopped", "left running"]:
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while time.monotonic() < deadline:
            if _try_lock(users, fcntl.LOCK_EX):  # nobody else, and the keeper has not noticed yet
                self._tell_keeper_to_stop()
                self._wait_for_keeper(deadline)
                return "stopped"
            if _try_lock(users, fcntl.LOCK_SH):  # shared with others: it is theirs now
                self._hand_over()
                return "left running"
            time.sleep(TURN_SECONDS)  # the keeper noticed and is stopping the server
        return "left running"

    def _hand_over(self) -> None:
        """Let a keeper that outlives our use of it be reaped whenever it ends."""
        if self._keeper is not None and self._keeper.poll() is None:
            threading.Thread(target=self._keeper.wait, name="keeper", daemon=True).start()

    def _tell_keeper_to_stop(self) -> None:
        if not self._keeper_holds_lock():
            return
        keeper = self._state().get("keeper")
        if keeper is not None:
            with suppress(ProcessLookupError):
                os.kill(keeper, signal.SIGTERM)

    def _wait_for_keeper(self, deadline: float) -> None:
        while self._keeper_holds_lock() and time.monotonic() < deadline:
            time.sleep(TURN_SECONDS)
        if self._keeper is not None:
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(1.0)

    def _keeper_holds_lock(self) -> bool:
        with (self._folder / "keeper.lock").open("a") as probe:
            return not _try_lock(probe, fcntl.LOCK_SH)

    def _last_port(self) -> int:
        """Return the port to ask for again, so that open connections find a new server."""
        return self._state().get("port", 0)

    def _state(self) -> dict[str, int]:
        """Return what the keeper wrote last, nothing if that cannot be read."""
        try:
            state = json.loads((self._folder / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _silence(self) -> str:
        log = self._folder / "server.log"
        said = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        return f"The keeper of {self._folder} ended without a word: {' / '.join(said)}"

    def _forget(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock(file: IO[str], kind: int, otherwise: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not _try_lock(file, kind):
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"Waited {WAIT_SECONDS_MAX:g} s for {file.name}: {otherwise}. End the other "
                "program, or set OPTIX_DATA_DIR to another folder."
            )
        time.sleep(TURN_SECONDS)
