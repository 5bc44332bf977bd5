"""What a connection is for its owner: one word, from what is stored. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection
from optix.features.brokerage.rules import WARNINGS
from optix.kernel import limits

ConnectionState = Literal["connected", "expiring", "sign_in_needed", "failing", "disconnected"]

_LATE: Final = timedelta(seconds=limits.BROKER_CLAIM_SECONDS)


def state_of(connection: BrokerConnection, now: datetime) -> ConnectionState:
    """Return the state that is shown.

    A sign-in that never lives longer than a day is expiring in its last hours only, or it would be
    so from its first minute.
    """
    if connection.state == "disconnected":
        return "disconnected"
    ends = connection.login_ends
    if connection.state == "sign_in_needed" or (ends is not None and ends <= now):
        return "sign_in_needed"
    if connection.failing_since is not None:
        return "failing"
    if ends is not None:
        first, last = WARNINGS
        before = first if ends - connection.signed_in_at > first else last
        if ends - now <= before:
            return "expiring"
    return "connected"


def is_syncing(connection: BrokerConnection, now: datetime) -> bool:
    """Return whether a worker reads it, or is about to begin."""
    if connection.state != "connected":
        return False
    claimed = connection.claimed_until is not None and connection.claimed_until > now
    return claimed or connection.next_sync_at <= now


def is_stale(account: BrokerAccountRow, connection: BrokerConnection, now: datetime) -> bool:
    """Return whether what is shown of an account may not be what its broker would say now."""
    if account.snapshot_at is None:
        return False  # nothing is shown
    if account.failure_code is not None or connection.failing_since is not None:
        return True
    # No worker has come for it in time: nobody looks, whatever the state says.
    return connection.state != "connected" or connection.next_sync_at + _LATE < now
