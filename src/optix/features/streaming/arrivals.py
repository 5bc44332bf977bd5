"""Looks at tokens in their turn: a storm of them leaves time for those who are here already."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from optix.features.streaming.connection import State
from optix.kernel import limits

if TYPE_CHECKING:
    from optix.features.streaming.connection import Connection
    from optix.features.streaming.protocol import Authenticate

_PAUSE_SECONDS: Final = 0.005
_SHARE: Final = 3  # others have at the most three times as long as these, however busy they are

SignIn = Callable[["Connection", "Authenticate"], None]


class Arrivals:
    """Those whose token has come. `sign_in` looks at one of them; `now` only rises."""

    def __init__(self, sign_in: SignIn, now: Callable[[], float]) -> None:
        self._sign_in = sign_in
        self._now = now
        self._queue: deque[tuple[Connection, Authenticate]] = deque()
        self._turn: asyncio.Handle | None = None
        self._left_at = 0.0  # when the others' time began

    def add(self, connection: Connection, request: Authenticate) -> None:
        """Have a token looked at, behind all that came before."""
        connection.state = State.SIGNING_IN
        self._queue.append((connection, request))
        if self._turn is None:
            self._left_at = self._now()
            self._turn = asyncio.get_running_loop().call_soon(self._some)

    def _some(self) -> None:
        self._turn = None
        share = max((self._now() - self._left_at) / _SHARE, limits.SOCKETS_SIGNING_IN_SECONDS_MIN)
        until = self._now() + min(share, limits.SOCKETS_SIGNING_IN_SECONDS_MAX)
        while self._queue:
            connection, request = self._queue.popleft()
            if connection.state is State.SIGNING_IN:
                self._sign_in(connection, request)
            if self._queue and self._now() >= until:
                self._left_at = self._now()
                loop = asyncio.get_running_loop()
                self._turn = loop.call_later(_PAUSE_SECONDS, self._some)
                return
