"""The SQL of history beyond merging: fills whose transaction has not come yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from optix.features.brokerage import records
from optix.features.brokerage.merging import StoredActivity
from optix.features.brokerage.models import BrokerActivity, BrokerOrder
from optix.features.brokerage.provisional import days_of, provisional_fills
from optix.features.brokerage.repository import stored_of
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.ids import UserId
from optix.kernel.order import Order
from optix.platform.db import ReadSession


async def list_provisional(
    session: ReadSession, owner: UserId, today: date, account_id: UUID | None = None
) -> list[tuple[UUID, list[Activity]]]:
    """Return what orders filled and no transaction says yet, by account; of one where named."""
    wanted = [BrokerOrder.user_id == owner]
    if account_id is not None:
        wanted.append(BrokerOrder.account_id == account_id)
    rows = await session.scalars(select(BrokerOrder).where(*wanted).order_by(BrokerOrder.id))
    orders: dict[UUID, list[Order]] = {}
    for row in rows:
        order = records.load_order(row.body)
        if any(leg.filled for leg in order.legs):
            orders.setdefault(row.account_id, []).append(order)
    if not orders:
        return []
    since = min(days_of(own, today) for own in orders.values())
    found = await session.scalars(
        select(BrokerActivity)
        .where(
            BrokerActivity.user_id == owner,
            BrokerActivity.account_id.in_(orders),
            BrokerActivity.kind == ActivityKind.TRADE,
            BrokerActivity.day >= since,
        )
        .order_by(BrokerActivity.id)
    )
    lines: dict[UUID, list[BrokerActivity]] = {}
    for line in found:
        lines.setdefault(line.account_id, []).append(line)
    return [
        (account, provisional_fills(own, _stored(lines.get(account, ()), own, today), today=today))
        for account, own in orders.items()
    ]


def _stored(
    lines: Sequence[BrokerActivity], orders: Sequence[Order], today: date
) -> Sequence[StoredActivity]:
    first = days_of(orders, today)
    return stored_of([line for line in lines if line.day >= first])
