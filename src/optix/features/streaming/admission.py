"""Who may connect: how many sockets of one address and one user, and how often an address comes.

Counted in this process alone: a handshake that asked a server would cost more than it guards.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any

from optix.kernel import limits
from optix.kernel.ids import UserId


class Admission:
    """Counts. `connects_per_minute` and `sockets_per_address` are the operator's to set."""

    def __init__(self, *, connects_per_minute: int, sockets_per_address: int) -> None:
        self._seconds_each = 60 / connects_per_minute
        self._sockets_per_address = sockets_per_address
        # Of each address when its connections would be allowed at an even pace, oldest use first.
        self._paced: OrderedDict[str, float] = OrderedDict()
        self._of_address: Counter[str] = Counter()
        self._of_user: Counter[UserId] = Counter()

    def seconds_to_wait(self, address: str, now: float) -> int:
        """Count one more connection; return how long to wait where it is one too many, else 0."""
        at = max(self._paced.get(address, now), now) + self._seconds_each
        if at - now > 60:
            return int(at - now - 60) + 1
        self._paced[address] = at
        self._paced.move_to_end(address)
        if len(self._paced) > limits.SOCKET_ADDRESSES_MAX:
            self._paced.popitem(last=False)
        return 0

    def add_address(self, address: str) -> bool:
        """Count a socket. False where its address has as many as it may."""
        if self._of_address.get(address, 0) >= self._sockets_per_address:
            return False
        self._of_address[address] += 1
        return True

    def remove_address(self, address: str) -> None:
        _take(self._of_address, address)

    def add_user(self, user: UserId) -> bool:
        """Count a socket that signed in. False where its user has as many as one may have."""
        if self._of_user.get(user, 0) >= limits.SOCKETS_PER_USER_MAX:
            return False
        self._of_user[user] += 1
        return True

    def remove_user(self, user: UserId) -> None:
        _take(self._of_user, user)


def _take(counts: Counter[Any], key: object) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
