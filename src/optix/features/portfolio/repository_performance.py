"""The SQL of account days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from optix.features.portfolio.models_performance import AccountDay
from optix.features.portfolio.returns.equity import (
    DayQuality,
    DayReason,
    DaySource,
    EquityDay,
)
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession

_ROWS_AT_ONCE: Final = 1_000
_FIELDS: Final = tuple(EquityDay.__dataclass_fields__)


async def list_days(
    session: ReadSession,
    owner: UserId,
    *,
    account: UUID | None = None,
    first: date | None = None,
    last: date | None = None,
) -> list[EquityDay]:
    """Return days by account, currency and day."""
    wanted = [AccountDay.user_id == owner]
    if account is not None:
        wanted.append(AccountDay.account_id == account)
    if first is not None:
        wanted.append(AccountDay.day >= first)
    if last is not None:
        wanted.append(AccountDay.day <= last)
    found = await session.scalars(
        select(AccountDay)
        .where(*wanted)
        .order_by(AccountDay.account_id, AccountDay.currency, AccountDay.day)
    )
    return [to_day(row) for row in found]


def to_day(row: AccountDay) -> EquityDay:
    """Return the value that a row keeps."""
    own = {name: getattr(row, name) for name in _FIELDS if name != "account"}
    own["quality"] = DayQuality(row.quality)
    own["reason"] = DayReason(row.reason)
    own["source"] = DaySource(row.source)
    return EquityDay(account=row.account_id, **own)


async def save_days(
    session: WriteSession, owner: UserId, days: Sequence[EquityDay], stored: Sequence[EquityDay]
) -> int:
    """Make the rows of an owner be `days`, where `stored` are there; return how many changed."""
    before = {_name(each): each for each in stored}
    after = {_name(each): each for each in days}
    gone = sorted(before.keys() - after.keys())
    changed = [name for name, each in after.items() if before.get(name) != each]
    for start in range(0, len(gone), _ROWS_AT_ONCE):
        some = gone[start : start + _ROWS_AT_ONCE]
        await session.execute(
            delete(AccountDay).where(AccountDay.user_id == owner, AccountDay.id.in_(some))
        )
    for start in range(0, len(changed), _ROWS_AT_ONCE):
        some = changed[start : start + _ROWS_AT_ONCE]
        statement = insert(AccountDay).values([_row(owner, name, after[name]) for name in some])
        told = {name: statement.excluded[name] for name in _FIELDS if name != "account"}
        await session.execute(
            statement.on_conflict_do_update(index_elements=[AccountDay.id], set_=told)
        )
    return len(gone) + len(changed)


def _name(day: EquityDay) -> UUID:
    """Return the id of a row: made from what it is of, so that a rebuild gives the same rows."""
    return uuid5(day.account, f"{day.currency} {day.day.isoformat()}")


def _row(owner: UserId, name: UUID, day: EquityDay) -> dict[str, object]:
    return {"id": name, "user_id": owner, "account_id": day.account} | {
        field: value for field, value in asdict(day).items() if field != "account"
    }
