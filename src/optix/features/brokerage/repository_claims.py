"""The SQL of claims: a reading writes only while its connection is its own.

A claim is the value of `claimed_until` that its holder wrote last. Whoever takes the connection
over, ends it or signs it in anew writes another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, case, func, update

from optix.features.brokerage.models import BrokerConnection
from optix.platform.db import WriteSession


async def hold(session: WriteSession, connection: BrokerConnection, until: datetime) -> bool:
    """Keep the claim to `until` and everybody else from the row while this transaction lasts.

    False where the claim is not the caller's any more: nothing may be written then.
    """
    return await _change(session, _held(connection), {"claimed_until": until})


async def release(
    session: WriteSession, connection: BrokerConnection, values: Mapping[str, Any]
) -> bool:
    """Write how a reading ended, if its claim still holds.

    A turn that was asked for meanwhile (by the user, by a hint) stays: what it is about may have
    happened after it was read.
    """
    asked = BrokerConnection.next_sync_at < connection.next_sync_at
    usual = values["next_sync_at"]
    turn = case((asked, func.least(BrokerConnection.next_sync_at, usual)), else_=usual)
    return await _change(session, _held(connection), {**values, "next_sync_at": turn})


async def keep_grant(
    session: WriteSession, connection: BrokerConnection, values: Mapping[str, Any]
) -> bool:
    """Write renewed credentials, unless others came from the user since."""
    same = (
        BrokerConnection.id == connection.id,
        BrokerConnection.state != "disconnected",
        BrokerConnection.signed_in_at == connection.signed_in_at,
    )
    return await _change(session, same, values)


def _held(connection: BrokerConnection) -> tuple[ColumnElement[bool], ...]:
    return (
        BrokerConnection.id == connection.id,
        BrokerConnection.state == "connected",
        BrokerConnection.claimed_until.is_not_distinct_from(connection.claimed_until),
    )


async def _change(
    session: WriteSession, where: tuple[ColumnElement[bool], ...], values: Mapping[str, Any]
) -> bool:
    changed: CursorResult[Any] = await session.execute(  # type: ignore[assignment]  # an update's result counts
        update(BrokerConnection)
        .where(*where)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return changed.rowcount == 1
