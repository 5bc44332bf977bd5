"""The SQL of history beyond merging: fills whose transaction has not come yet."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import select

from optix.features.brokerage import records
from optix.features.brokerage.models import BrokerActivity, BrokerOrder
from optix.features.brokerage.provisional import days_of, provisional_fills
from optix.features.brokerage.repository import stored_of
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession


async def list_provisional(
    session: ReadSession, owner: UserId, account_id: UUID, today: date
) -> list[Activity]:
    """Return what an account's orders filled and no transaction says yet."""
    rows = await session.scalars(
        select(BrokerOrder)
        .where(BrokerOrder.user_id == owner, BrokerOrder.account_id == account_id)
        .order_by(BrokerOrder.id)
    )
    orders = [records.load_order(row.body) for row in rows]
    if not any(leg.filled for order in orders for leg in order.legs):
        return []
    found = await session.scalars(
        select(BrokerActivity)
        .where(
            BrokerActivity.user_id == owner,
            BrokerActivity.account_id == account_id,
            BrokerActivity.kind == ActivityKind.TRADE,
            BrokerActivity.day >= days_of(orders, today),
        )
        .order_by(BrokerActivity.id)
    )
    return provisional_fills(orders, stored_of(found.all()), today=today)
