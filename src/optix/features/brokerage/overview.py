"""What the API tells of connections: their health, their accounts, their log. Reads no broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from optix.features.brokerage import repository, repository_connections
from optix.features.brokerage.connections import BrokerNotFound, ConnectionNotFound, login_key_of
from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection, BrokerExchange
from optix.features.brokerage.repository_connections import HistoryHead, SnapshotHead
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput
from optix.kernel.ids import UserId
from optix.platform.db import Database, ReadSession
from optix.ports.broker import Broker, BrokerageLister, HintReceiver, ReachedBrokerage


class CursorInvalid(InvalidInput):
    code = "cursor_invalid"
    next_step = "Begin with the first page."


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """One account: its row, and the heads of what is kept of it."""

    row: BrokerAccountRow
    snapshot: SnapshotHead | None
    history: HistoryHead | None


@dataclass(frozen=True, slots=True)
class ConnectionOverview:
    row: BrokerConnection
    accounts: Sequence[AccountOverview]
    now: datetime


@dataclass(frozen=True, slots=True)
class LogPage:
    lines: Sequence[BrokerExchange]
    next: str | None


class Connections:
    """Reads what is kept of connections, renames them, and hastens those that a broker hints at."""

    def __init__(
        self,
        database: Database,
        *,
        brokers: Mapping[str, Broker],
        tiers: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._database = database
        self.brokers = brokers
        self.tiers = tiers
        self._clock = clock

    async def count(self, owner: UserId) -> dict[str, int]:
        """Return how many living connections there are at each broker."""
        async with self._database.reading(owner=owner) as session:
            rows = await repository.list_connections(session, owner)
        names = [row.broker for row in rows]
        return {name: names.count(name) for name in names}

    async def list_reached(self, broker: str) -> Sequence[ReachedBrokerage]:
        """Return the brokerages behind an aggregator; none for a brokerage itself.

        Errors: BrokerNotFound, BrokerUnavailable.
        """
        house = self.brokers.get(broker)
        if house is None:
            raise BrokerNotFound("There is no such brokerage here.")
        return await house.list_brokerages() if isinstance(house, BrokerageLister) else ()

    async def list_own(self, owner: UserId) -> list[ConnectionOverview]:
        """Return the living connections, the oldest first."""
        async with self._database.reading(owner=owner) as session:
            rows = await repository.list_connections(session, owner)
            return await self._overviews(session, owner, rows)

    async def get(self, owner: UserId, connection_id: UUID) -> ConnectionOverview:
        """Return one connection, also one that was disconnected. Errors: ConnectionNotFound."""
        async with self._database.reading(owner=owner) as session:
            row = await _get(session, owner, connection_id)
            return (await self._overviews(session, owner, [row]))[0]

    async def rename(self, owner: UserId, connection_id: UUID, label: str) -> ConnectionOverview:
        """Errors: ConnectionNotFound."""
        async with self._database.writing(owner=owner) as session:
            if not await repository_connections.rename(session, owner, connection_id, label):
                raise ConnectionNotFound("You have no such connection.")
        return await self.get(owner, connection_id)

    async def list_log(
        self,
        owner: UserId,
        connection_id: UUID,
        *,
        cursor: str = "",
        most: int | None = None,
    ) -> LogPage:
        """Return a page of the log, the newest first. Errors: ConnectionNotFound, CursorInvalid."""
        before = _parse_cursor(cursor) if cursor else None
        most = most or limits.BROKER_EXCHANGES_PER_PAGE_MAX
        async with self._database.reading(owner=owner) as session:
            await _get(session, owner, connection_id)
            lines = await repository_connections.list_exchanges(
                session, owner, connection_id, before=before, most=most + 1
            )
        shown = lines[:most]
        more = len(lines) > most
        return LogPage(shown, f"{shown[-1].at.isoformat()}~{shown[-1].id}" if more else None)

    async def take_hint(self, broker: str, headers: Mapping[str, str], body: bytes) -> int:
        """Hasten what a webhook hints at; return how many connections. It is never trusted as data.

        Errors: BrokerNotFound where the broker calls nobody; InvalidInput unless its signature
                holds; BrokerUnavailable where that cannot be found out.
        """
        house = self.brokers.get(broker)
        if not isinstance(house, HintReceiver):
            raise BrokerNotFound("There is no such brokerage here.")
        hints = await house.read_hint(headers, body)
        now = to_datetime(self._clock.now_ns())
        keys = {login_key_of(broker, hint.login_key) for hint in hints}
        async with self._database.writing() as session:
            return sum(
                [
                    await repository_connections.hasten_login(session, broker, key, now)
                    for key in sorted(keys)
                ]
            )

    async def _overviews(
        self, session: ReadSession, owner: UserId, rows: Sequence[BrokerConnection]
    ) -> list[ConnectionOverview]:
        accounts = await repository_connections.list_accounts(
            session, owner, [row.id for row in rows]
        )
        ids = [account.id for account in accounts]
        snapshots = await repository_connections.load_snapshot_heads(session, owner, ids)
        histories = await repository_connections.load_history_heads(session, owner, ids)
        now = to_datetime(self._clock.now_ns())
        return [
            ConnectionOverview(
                row,
                [
                    AccountOverview(each, snapshots.get(each.id), histories.get(each.id))
                    for each in accounts
                    if each.connection_id == row.id
                ],
                now,
            )
            for row in rows
        ]


async def _get(session: ReadSession, owner: UserId, connection_id: UUID) -> BrokerConnection:
    row = await repository.find_connection(session, owner, connection_id)
    if row is None:
        raise ConnectionNotFound("You have no such connection.")
    return row


def _parse_cursor(cursor: str) -> tuple[datetime, UUID]:
    at, _, line = cursor.partition("~")
    try:
        moment, place = datetime.fromisoformat(at), UUID(line)
    except ValueError as error:
        raise CursorInvalid("This cursor is none of ours.") from error
    if moment.tzinfo is None:
        raise CursorInvalid("This cursor is none of ours.")
    return moment, place
