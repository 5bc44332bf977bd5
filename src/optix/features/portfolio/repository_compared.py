"""The SQL of what the ledger comes to, to be held against brokers' snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Row, Text, cast, func, select, text

from optix.features.portfolio.models import (
    LedgerChange,
    LedgerEntry,
    LedgerLot,
    LedgerProblem,
    LedgerSymbol,
)
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession

_CASH = text(
    """
    SELECT account_id, posting ->> 'currency' AS currency,
           sum((posting ->> 'amount')::numeric) AS amount
    FROM ledger_entry, jsonb_array_elements(postings) AS posting
    WHERE user_id = :owner AND superseded_at IS NULL AND posting ->> 'book' = 'cash'
    GROUP BY account_id, posting ->> 'currency'
    """
)


async def sum_lots(
    session: ReadSession, owner: UserId
) -> Sequence[Row[UUID, str, Decimal, Decimal]]:
    """Return (account_id, asset, quantity, basis) of what is open."""
    found = await session.execute(
        select(
            LedgerLot.account_id,
            func.min(cast(LedgerLot.asset, Text)).label("asset"),
            func.sum(LedgerLot.quantity).label("quantity"),
            func.sum(LedgerLot.basis).label("basis"),
        )
        .where(LedgerLot.user_id == owner)
        .group_by(LedgerLot.account_id, LedgerLot.symbol)
    )
    return found.all()


async def sum_cash(session: ReadSession, owner: UserId) -> list[tuple[UUID, str, Decimal]]:
    """Return (account_id, currency, amount) of all cash that was booked."""
    rows = await session.execute(_CASH, {"owner": owner})
    return [(row.account_id, row.currency, row.amount) for row in rows]


async def list_unopened(
    session: ReadSession, owner: UserId
) -> Sequence[Row[UUID, str | None, Decimal | None, date]]:
    """Return (account_id, asset, quantity, day) of closings of what nothing opened."""
    found = await session.execute(
        select(
            LedgerProblem.account_id,
            LedgerProblem.asset,
            LedgerProblem.quantity,
            LedgerEntry.day,
        )
        .join(LedgerEntry, LedgerEntry.line_id == LedgerProblem.line_id)
        .where(
            LedgerProblem.user_id == owner,
            LedgerProblem.code == "closes_more_than_open",
            LedgerProblem.asset.is_not(None),
            LedgerProblem.quantity.is_not(None),
            LedgerEntry.superseded_at.is_(None),
        )
    )
    return found.all()


async def list_newest(
    session: ReadSession, owner: UserId
) -> dict[UUID, tuple[date, datetime | None]]:
    """Return the last day, and the last moment, of what is booked of each account."""
    found = await session.execute(
        select(
            LedgerEntry.account_id,
            func.max(LedgerEntry.day).label("day"),
            func.max(LedgerEntry.at).label("at"),
        )
        .where(LedgerEntry.user_id == owner, LedgerEntry.superseded_at.is_(None))
        .group_by(LedgerEntry.account_id)
    )
    return {row.account_id: (row.day, row.at) for row in found}


async def list_named(session: ReadSession, owner: UserId) -> frozenset[str]:
    """Return all symbols that the history names."""
    found = await session.scalars(select(LedgerSymbol.symbol).where(LedgerSymbol.user_id == owner))
    return frozenset(found)


async def is_waiting(session: ReadSession, owner: UserId) -> bool:
    """Return whether something is to be booked yet."""
    query = select(LedgerChange.id).where(LedgerChange.user_id == owner).limit(1)
    return await session.scalar(query) is not None
