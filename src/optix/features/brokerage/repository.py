"""The SQL of brokerage. Reads of users take their owner; the worker's are the system's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from optix.features.brokerage import records
from optix.features.brokerage.merging import Merge, StoredActivity
from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerExchange,
    BrokerOrder,
    BrokerSnapshot,
)
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.holding import AccountSnapshot
from optix.kernel.ids import UserId, new_uuid
from optix.kernel.order import Order, OrderStatus
from optix.platform.db import ReadSession, WriteSession
from optix.ports.broker import BrokerAccount

_COLUMNS = (
    *("kind", "status", "day", "at", "settles", "asset", "quantity", "price", "cash", "fees"),
    *("currency", "effect", "order_id", "group", "replaces", "description"),
)


# Connections


async def list_connections(session: ReadSession, owner: UserId) -> Sequence[BrokerConnection]:
    """Return the connections that are not disconnected, the oldest first."""
    found = await session.scalars(
        select(BrokerConnection)
        .where(BrokerConnection.user_id == owner, BrokerConnection.state != "disconnected")
        .order_by(BrokerConnection.created_at)
    )
    return found.all()


async def find_connection(
    session: ReadSession, owner: UserId, connection_id: UUID
) -> BrokerConnection | None:
    return await session.scalar(
        select(BrokerConnection).where(
            BrokerConnection.user_id == owner, BrokerConnection.id == connection_id
        )
    )


async def add_connection(session: WriteSession, connection: BrokerConnection) -> None:
    session.add(connection)
    await session.flush()  # one living connection of a login: said here, not at the end


async def hasten(
    session: WriteSession, owner: UserId, connection_id: UUID | None, now: datetime
) -> int:
    """Let connections be read now, unless they were just read; return how many there are."""
    wanted = [BrokerConnection.user_id == owner, BrokerConnection.state == "connected"]
    if connection_id is not None:
        wanted.append(BrokerConnection.id == connection_id)
    recent = now - timedelta(seconds=limits.BROKER_EAGER_SECONDS_MIN)
    found = (await session.scalars(select(BrokerConnection).where(*wanted))).all()
    for row in found:
        if row.last_sync_at is None or row.last_sync_at < recent:
            row.next_sync_at = min(row.next_sync_at, now)
    return len(found)


async def delete_accounts(session: WriteSession, connection_id: UUID) -> None:
    """Forget the accounts of a connection and everything they have."""
    await session.execute(
        delete(BrokerAccountRow).where(BrokerAccountRow.connection_id == connection_id)
    )


async def find_login(
    session: ReadSession, owner: UserId, broker: str, login_key: str
) -> BrokerConnection | None:
    """Return the living connection of a login."""
    return await session.scalar(
        select(BrokerConnection).where(
            BrokerConnection.user_id == owner,
            BrokerConnection.broker == broker,
            BrokerConnection.login_key == login_key,
            BrokerConnection.state != "disconnected",
        )
    )


async def claim_due(
    session: WriteSession, now: datetime, *, brokers: Collection[str], most: int
) -> Sequence[BrokerConnection]:
    """Take connections that are due, the most urgent first; no other worker takes them meanwhile.

    A worker that dies keeps its claim for `BROKER_CLAIM_SECONDS`. The next turn is put to the end
    of the claim, so that whoever asks for one meanwhile changes it and is not forgotten.
    """
    due = (
        select(BrokerConnection)
        .where(
            BrokerConnection.state == "connected",
            BrokerConnection.next_sync_at <= now,
            BrokerConnection.broker.in_(brokers),
            or_(BrokerConnection.claimed_until.is_(None), BrokerConnection.claimed_until < now),
        )
        .order_by(BrokerConnection.next_sync_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    found = (await session.scalars(due)).all()
    for connection in found:
        connection.claimed_until = now + timedelta(seconds=limits.BROKER_CLAIM_SECONDS)
        connection.next_sync_at = connection.claimed_until
    return found


async def set_connection(
    session: WriteSession, connection_id: UUID, values: Mapping[str, Any]
) -> bool:
    """Change a living connection; False where it was disconnected meanwhile."""
    changed: CursorResult[Any] = await session.execute(  # type: ignore[assignment]  # an update's result counts
        update(BrokerConnection)
        .where(BrokerConnection.id == connection_id, BrokerConnection.state != "disconnected")
        .values(**values)
    )
    return changed.rowcount == 1


# Accounts


async def save_accounts(
    session: WriteSession,
    connection: BrokerConnection,
    accounts: Sequence[BrokerAccount],
    now: datetime,
) -> Sequence[BrokerAccountRow]:
    """Write what a broker says of its accounts; one that was here before is found again."""
    mine = select(BrokerAccountRow).where(BrokerAccountRow.connection_id == connection.id)
    known = {row.stable_key: row for row in (await session.scalars(mine)).all()}
    changed = False
    for each in accounts:
        told = {
            "connection_id": connection.id,
            "call_key": each.key,
            "brokerage": each.brokerage,
            "number": each.number,
            "name": each.name,
            "kind": each.kind,
            "currency": each.currency,
            "status": each.status,
            "simulated": each.simulated,
        }
        row = known.get(each.stable_key)
        if row is not None and all(getattr(row, name) == value for name, value in told.items()):
            continue
        changed = True
        fresh = {
            "id": new_uuid(),
            "user_id": connection.user_id,
            "broker": connection.broker,
            "stable_key": each.stable_key,
            "created_at": now,
            **told,
        }
        await session.execute(
            upsert(BrokerAccountRow)
            .values(**fresh)
            .on_conflict_do_update(index_elements=["user_id", "broker", "stable_key"], set_=told)
        )
    if not changed:
        return list(known.values())
    return (await session.scalars(mine.execution_options(populate_existing=True))).all()


async def list_accounts(session: ReadSession, owner: UserId) -> Sequence[BrokerAccountRow]:
    found = await session.scalars(
        select(BrokerAccountRow)
        .where(BrokerAccountRow.user_id == owner)
        .order_by(BrokerAccountRow.created_at)
    )
    return found.all()


async def set_account(session: WriteSession, account_id: UUID, values: Mapping[str, Any]) -> None:
    await session.execute(
        update(BrokerAccountRow).where(BrokerAccountRow.id == account_id).values(**values)
    )


async def lock_account(session: WriteSession, account_id: UUID) -> None:
    """Let nobody else merge into an account until this transaction ends.

    A reading and an import that do not see each other's lines would both add the same ones.
    """
    await session.execute(
        select(BrokerAccountRow.id).where(BrokerAccountRow.id == account_id).with_for_update()
    )


# Snapshots


async def find_snapshot(session: ReadSession, account_id: UUID) -> BrokerSnapshot | None:
    """Return the last complete one."""
    return await session.scalar(
        select(BrokerSnapshot)
        .where(BrokerSnapshot.account_id == account_id, BrokerSnapshot.complete)
        .order_by(BrokerSnapshot.as_of.desc())
        .limit(1)
    )


async def save_snapshot(
    session: WriteSession, account: BrokerAccountRow, snapshot: AccountSnapshot
) -> bool:
    """Keep a snapshot; True if it says something else than the last one.

    One that says the same only moves the time of the last one. Of the day before today the last one
    stays, the others go.
    """
    positions, balances = records.dump_snapshot(snapshot)
    last = await find_snapshot(session, account.id)
    if snapshot.complete:
        await set_account(session, account.id, {"snapshot_at": snapshot.as_of})
    if last is not None and snapshot.complete and same_day(last.as_of, snapshot.as_of):
        if (last.positions, last.balances) == (positions, balances):
            last.as_of = snapshot.as_of
            return False
        await session.execute(
            delete(BrokerSnapshot).where(
                BrokerSnapshot.account_id == account.id,
                func.date(BrokerSnapshot.as_of) == snapshot.as_of.date(),
            )
        )
    session.add(
        BrokerSnapshot(
            id=new_uuid(),
            user_id=account.user_id,
            account_id=account.id,
            as_of=snapshot.as_of,
            complete=snapshot.complete,
            positions=positions,
            balances=balances,
            warnings=list(snapshot.warnings),
        )
    )
    return True


def same_day(one: datetime, other: datetime) -> bool:
    return one.date() == other.date()


# Activities


async def load_window(
    session: ReadSession, account_id: UUID, first: date, last: date, ids: Collection[str]
) -> list[BrokerActivity]:
    """Return the lines of some days, and those of any day that a broker calls by one of `ids`."""
    found = await session.scalars(
        select(BrokerActivity)
        .where(
            BrokerActivity.account_id == account_id,
            or_(BrokerActivity.day.between(first, last), BrokerActivity.ids.overlap(list(ids))),
        )
        .order_by(BrokerActivity.id)
    )
    return list(found.all())


def stored_of(rows: Sequence[BrokerActivity]) -> list[StoredActivity]:
    """Return rows as `merge` wants them; `row` is the place in `rows`."""
    return [
        StoredActivity(
            row=place,
            ids=frozenset(row.ids),
            activity=line_of(row),
            absent=row.absent_since is not None,
        )
        for place, row in enumerate(rows)
    ]


def line_of(row: BrokerActivity) -> Activity:
    name = row.ids[-1] if row.ids else ""
    return records.load_activity({each: getattr(row, each) for each in _COLUMNS}, name=name)


async def apply_merge(
    session: WriteSession,
    account: BrokerAccountRow,
    rows: Sequence[BrokerActivity],
    found: Merge,
    now: datetime,
) -> None:
    """Write what a window changed. `rows` are those that the merge was made of."""
    for place, line in found.matched.items():
        row = rows[place]
        if line.id and (not row.ids or row.ids[-1] != line.id):
            row.ids = [*(name for name in row.ids if name != line.id), line.id]
        if row.absent_since is not None:
            row.absent_since = None
        if row.source == "import":
            # The broker shows it too: undoing the import no longer takes it away.
            row.source, row.import_id = "broker", None
        if place in found.revised and _said(line_of(row)) != _said(line):
            row.revisions = [*row.revisions, {"until": now.isoformat(), **_said(line_of(row))}][
                -limits.BROKER_REVISIONS_MAX :
            ]
            for name, value in records.dump_activity(line).items():
                setattr(row, name, value)
    for place in found.absent:
        if rows[place].absent_since is None:
            rows[place].absent_since = now
    if found.added:
        await session.execute(
            insert(BrokerActivity),
            [
                {
                    "id": new_uuid(),
                    "user_id": account.user_id,
                    "account_id": account.id,
                    "ids": [line.id] if line.id else [],
                    "source": "broker",
                    "import_id": None,
                    "first_seen_at": now,
                    "absent_since": None,
                    "revisions": [],
                    **records.dump_activity(line),
                }
                for line in found.added
            ],
        )


def _said(line: Activity) -> dict[str, Any]:
    return records.as_json(records.dump_activity(line))


# Orders


async def replace_orders(
    session: WriteSession, account: BrokerAccountRow, orders: Sequence[Order], now: datetime
) -> bool:
    """Write the orders as they are now; True if any of them changed."""
    rows = await session.scalars(select(BrokerOrder).where(BrokerOrder.account_id == account.id))
    known = {row.order_id: row for row in rows}
    changed = False
    for order in orders:
        body = records.dump_order(order)
        row = known.pop(order.id, None)
        if row is not None and row.body == body:
            continue
        changed = True
        if row is None:
            row = BrokerOrder(
                id=new_uuid(),
                user_id=account.user_id,
                account_id=account.id,
                order_id=order.id,
                status=order.status,
                body=body,
                seen_at=now,
            )
            session.add(row)
        else:
            row.status, row.body, row.seen_at = order.status, body, now
    for row in known.values():  # no longer of this session
        changed = await _let_go(session, row, now) or changed
    return changed


async def _let_go(session: WriteSession, row: BrokerOrder, now: datetime) -> bool:
    """Forget an order that is not told any more; its fills stay until their transaction is due.

    Brokers end a session's orders at night and post its transactions next morning.
    """
    order = records.load_order(row.body)
    filled = any(leg.filled for leg in order.legs)
    if not filled or row.seen_at < now - timedelta(days=limits.BROKER_FILLS_KEPT_DAYS_MAX):
        await session.delete(row)
        return True
    if order.status.is_final:
        return False
    over = replace(order, status=OrderStatus.CANCELLED)  # it fills no more
    row.status, row.body = over.status, records.dump_order(over)
    return True


# The owner's log


async def add_exchanges(
    session: WriteSession, connection: BrokerConnection, lines: Sequence[Mapping[str, Any]]
) -> None:
    """Append to the log of a connection; its oldest lines go."""
    if not lines:
        return
    await session.execute(
        insert(BrokerExchange),
        [
            {
                "id": new_uuid(),
                "user_id": connection.user_id,
                "connection_id": connection.id,
                **line,
            }
            for line in lines[-limits.BROKER_EXCHANGES_KEPT_MAX :]
        ],
    )
    oldest = (
        select(BrokerExchange.at)
        .where(BrokerExchange.connection_id == connection.id)
        .order_by(BrokerExchange.at.desc())
        .offset(limits.BROKER_EXCHANGES_KEPT_MAX)
        .limit(1)
        .scalar_subquery()
    )
    await session.execute(
        delete(BrokerExchange).where(
            BrokerExchange.connection_id == connection.id, BrokerExchange.at <= oldest
        )
    )


async def list_exchanges(
    session: ReadSession, owner: UserId, connection_id: UUID
) -> Sequence[BrokerExchange]:
    """Return the log of a connection, the newest first."""
    found = await session.scalars(
        select(BrokerExchange)
        .where(BrokerExchange.user_id == owner, BrokerExchange.connection_id == connection_id)
        .order_by(BrokerExchange.at.desc())
        .limit(limits.BROKER_EXCHANGES_KEPT_MAX)
    )
    return found.all()
