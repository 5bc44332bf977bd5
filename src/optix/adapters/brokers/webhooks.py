"""Webhooks of aggregators: how old one may be, and each of them once.

Signatures differ and are checked in the adapters. What is remembered lives in one process: a word
that comes again after a restart, or at another process, asks for one more reading and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import InvalidInput

WEBHOOK_SECONDS_MAX: Final = 300  # between its moment and its coming, either way
WEBHOOKS_REMEMBERED_MAX: Final = 10_000


class WebhookRefused(InvalidInput):
    """What came is not from whom it says, or not from now."""

    code = "broker_webhook_refused"
    next_step = "Check the key of the webhook and the clock of this machine."


class Deliveries:
    """Those that were taken, until they are too old to be taken again."""

    def __init__(self, label: str, clock: Clock) -> None:
        self._label = label
        self._clock = clock
        self._taken: OrderedDict[str, int] = OrderedDict()

    def take(self, name: str, sent_ns: int) -> bool:
        """Return whether a signed delivery is news. Raises WebhookRefused if it is not of now.

        `name` is what makes it this one and no other; only names that were signed come here, so
        that strangers cannot fill the memory.
        """
        now_ns = self._clock.now_ns()
        if abs(now_ns - sent_ns) > WEBHOOK_SECONDS_MAX * NANOSECONDS:
            raise WebhookRefused(f"{self._label}'s webhook is not from now.")
        while self._taken and (
            next(iter(self._taken.values())) < now_ns or len(self._taken) >= WEBHOOKS_REMEMBERED_MAX
        ):
            self._taken.popitem(last=False)
        if name in self._taken:
            return False
        self._taken[name] = now_ns + 2 * WEBHOOK_SECONDS_MAX * NANOSECONDS
        return True


def header_of(headers: Mapping[str, str], name: str) -> str:
    """Return a header in whatever case it comes, '' where it is not there."""
    wanted = name.lower()
    return next((value for given, value in headers.items() if given.lower() == wanted), "")
