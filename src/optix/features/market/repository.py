"""The SQL of market data agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update

from optix.features.market.models import MarketDataAgreement
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession


async def find_agreement(session: ReadSession, owner: UserId) -> MarketDataAgreement | None:
    """Return the declaration that holds."""
    return await session.scalar(
        select(MarketDataAgreement).where(
            MarketDataAgreement.user_id == owner, MarketDataAgreement.ended_at.is_(None)
        )
    )


async def list_agreements(session: ReadSession, owner: UserId) -> Sequence[MarketDataAgreement]:
    """Return all declarations of `owner`, the first one first."""
    found = await session.scalars(
        select(MarketDataAgreement)
        .where(MarketDataAgreement.user_id == owner)
        .order_by(MarketDataAgreement.signed_at)
    )
    return found.all()


async def lock_owner(session: WriteSession, owner: UserId) -> None:
    """Let one declaration of `owner` after the other be written, until the transaction ends."""
    key = func.hashtextextended(f"market_data_agreement {owner}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def end_agreement(session: WriteSession, owner: UserId, at: datetime) -> bool:
    """End the declaration that holds; False where there is none."""
    ended = await session.execute(
        update(MarketDataAgreement)
        .where(MarketDataAgreement.user_id == owner, MarketDataAgreement.ended_at.is_(None))
        .values(ended_at=at)
        .returning(MarketDataAgreement.id)
    )
    return ended.first() is not None


async def add_agreement(session: WriteSession, agreement: MarketDataAgreement) -> None:
    session.add(agreement)
    await session.flush()  # the row that holds must be the only one: said here, not at the end
