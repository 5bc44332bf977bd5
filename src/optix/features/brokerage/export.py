"""What is kept of somebody's brokerages, for the export of their own data. Tokens are left out."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.inspection import inspect

from optix.features.brokerage import repository_connections
from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerOrder,
    BrokerSnapshot,
)
from optix.features.brokerage.records import as_json
from optix.kernel.ids import UserId
from optix.platform.db import Base, ReadSession

OfAccount = TypeVar("OfAccount", BrokerSnapshot, BrokerOrder, BrokerActivity)
# What only this system uses: sealed, a digest, or a lease.
_OURS = frozenset({"user_id", "credentials", "login_key", "call_key", "claimed_until", "warned"})


async def exported_connections(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    """Return every connection there is or was."""
    return [
        _row(each)
        for each in await repository_connections.list_own(session, owner, BrokerConnection)
    ]


async def exported_accounts(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    """Return every account with its snapshots, orders and history."""

    async def by_account(table: type[OfAccount]) -> dict[UUID, list[dict[str, Any]]]:
        mine: dict[UUID, list[dict[str, Any]]] = {}
        for row in await repository_connections.list_own(session, owner, table):
            mine.setdefault(row.account_id, []).append(_row(row))
        return mine

    snapshots = await by_account(BrokerSnapshot)
    orders = await by_account(BrokerOrder)
    activities = await by_account(BrokerActivity)
    return [
        {
            **_row(each),
            "snapshots": snapshots.get(each.id, []),
            "orders": orders.get(each.id, []),
            "activities": activities.get(each.id, []),
        }
        for each in await repository_connections.list_own(session, owner, BrokerAccountRow)
    ]


def _row(row: Base) -> dict[str, Any]:
    names = [column.key for column in inspect(type(row)).column_attrs]
    return dict(as_json({name: getattr(row, name) for name in names if name not in _OURS}))
