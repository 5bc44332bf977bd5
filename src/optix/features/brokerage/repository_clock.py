"""The SQL of the token clock: which sign-ins end soon, and which have ended untold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_, select, update

from optix.features.brokerage import rules
from optix.features.brokerage.models import BrokerConnection
from optix.platform.db import ReadSession, WriteSession


async def find(session: ReadSession, connection_id: UUID) -> BrokerConnection | None:
    return await session.get(BrokerConnection, connection_id)


async def take_owed(
    session: WriteSession, now: datetime, *, most: int
) -> Sequence[BrokerConnection]:
    """Return connections whose owners are owed a notice; nobody else has them meanwhile."""
    ends = BrokerConnection.login_ends
    soon = [
        and_(
            BrokerConnection.warned < number,
            ends - before <= now,
            ends - before >= BrokerConnection.signed_in_at,
        )
        for number, before in enumerate(rules.WARNINGS, start=1)
    ]
    found = await session.scalars(
        select(BrokerConnection)
        .where(
            or_(
                and_(BrokerConnection.state == "connected", ends > now, or_(*soon)),
                and_(
                    BrokerConnection.state == "sign_in_needed",
                    BrokerConnection.warned < rules.ENDED,
                ),
            )
        )
        .order_by(BrokerConnection.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def hasten_ended(session: WriteSession, now: datetime) -> None:
    """Have sign-ins whose end has passed read at once: only the broker knows that they are over."""
    await session.execute(
        update(BrokerConnection)
        .where(
            BrokerConnection.state == "connected",
            BrokerConnection.login_ends <= now,
            BrokerConnection.next_sync_at > now,
            BrokerConnection.failures == 0,
            or_(
                BrokerConnection.last_sync_at.is_(None),
                BrokerConnection.last_sync_at < BrokerConnection.login_ends,
            ),
        )
        .values(next_sync_at=now)
        .execution_options(synchronize_session=False)
    )
