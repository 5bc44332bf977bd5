"""Reading one connection: accounts, positions, orders, history, each kept as soon as it is whole.

Nothing is read inside a transaction. What is kept of an account does not wait for the others, nor a
window of history for the next: a crash loses the part that was under way, and the next reading
begins there. What fails leaves the last good state as it was, marked with what is wrong.

Everything that is kept goes through `_writing`, which holds the claim: a reading whose connection
was ended, signed in anew or taken over by another worker meanwhile writes nothing more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import structlog

from optix.features.brokerage import repository, repository_claims, rules
from optix.features.brokerage.merging import merge
from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection
from optix.features.brokerage.rules import Window
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import AuthExpired, Conflict, OptixError, RateLimited, Unavailable
from optix.kernel.holding import AccountSnapshot
from optix.kernel.order import Order
from optix.platform.db import Database, WriteSession
from optix.platform.vault import Vault
from optix.ports.broker import (
    AccountStatus,
    Broker,
    BrokerAccount,
    BrokerRead,
    BrokerSession,
    BrokerUnreadable,
    Grant,
)

log = structlog.get_logger(__name__)

NEW_YORK = ZoneInfo("America/New_York")
SEALED = {"table": "broker_connection", "column": "credentials"}


class ClaimLost(Conflict):
    """The connection is no longer this reading's: ended, signed in anew, or read by another."""

    code = "broker_claim_lost"


class ReadingTooLong(Unavailable):
    """A reading took longer than any may. The next one begins behind what was kept."""

    code = "broker_reading_too_long"


class ReadingBroken(Unavailable):
    """A fault of OPTIX itself; its log says which."""

    code = "broker_reading_broken"
    next_step = "Nothing is lost. Send the connection's log to support if this stays."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reading is: `done` of `total` steps, where the total is known by now."""

    connection_id: UUID
    user_id: UUID
    step: str
    account: str = ""
    done: int = 0
    total: int = 0


class Listener(Protocol):
    """Is told while a connection is read, and of what changed."""

    async def progressed(self, progress: Progress) -> None: ...
    async def changed(self, account: BrokerAccountRow, what: str) -> None: ...
    async def finished(self, connection: BrokerConnection, error: OptixError | None) -> None: ...


class _Notes:
    """The owner's log of one reading, kept at its end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: list[dict[str, Any]] = []

    def add(
        self, *, method: str, path: str, status: int | None, milliseconds: int, note: str
    ) -> None:
        if len(self.lines) < limits.BROKER_EXCHANGES_KEPT_MAX:
            at = to_datetime(self._clock.now_ns())
            line = {"at": at, "method": method, "path": path, "status": status}
            self.lines.append({**line, "milliseconds": milliseconds, "note": note})


@dataclass(slots=True)
class _Reading:
    """One reading under way."""

    connection: BrokerConnection
    session: BrokerSession
    notes: _Notes
    done: int = 0
    total: int = 0
    failures: list[OptixError] = field(default_factory=list)


class BrokerSync:
    """Reads connections. One per process; what it reads at once is the caller's business."""

    def __init__(
        self,
        database: Database,
        *,
        brokers: Mapping[str, Broker],
        vault: Vault,
        clock: Clock,
        listener: Listener,
        market_open: Callable[[datetime], bool],
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._brokers = brokers
        self._vault = vault
        self._clock = clock
        self._listener = listener
        self._market_open = market_open
        self._dice = dice

    async def read(self, connection: BrokerConnection) -> OptixError | None:
        """Read a claimed connection; return what went wrong, None where nothing did.

        Effects: broker_account, broker_snapshot, broker_activity, broker_order, broker_exchange;
                 the state of the connection and its next turn.
        """
        notes = _Notes(self._clock)
        error: OptixError | None
        try:
            async with asyncio.timeout(limits.BROKER_READING_SECONDS_MAX):
                error = await self._read(connection, notes)
        except TimeoutError:
            error = ReadingTooLong("Reading this brokerage takes very long; it goes on soon.")
        except ClaimLost as lost:
            return lost  # whoever has it now says how it is
        except OptixError as failure:
            error = failure
        except Exception:
            log.exception("brokerage.read_broken", broker=connection.broker)
            error = ReadingBroken("Something went wrong inside OPTIX while this was read.")
        if await self._settle(connection, notes, error):
            await self._listener.finished(connection, error)
        return error

    async def _read(self, connection: BrokerConnection, notes: _Notes) -> OptixError | None:
        broker = self._brokers[connection.broker]
        assert connection.credentials is not None, "a connected login has credentials"
        sealed = await self._vault.open(connection.credentials, row=connection.id, **SEALED)

        async def keep(grant: Grant) -> None:
            await self.keep_grant(connection, grant)

        session = broker.open(orjson.loads(sealed), renew=keep, log=notes)
        reading = _Reading(connection, session, notes)
        try:
            await self._read_accounts(reading, broker.capabilities.reads)
        finally:
            await session.close()
        # One account that fails does not hide the others, and is what the connection says.
        return reading.failures[0] if reading.failures else None

    async def _read_accounts(self, reading: _Reading, reads: frozenset[BrokerRead]) -> None:
        await self._say(reading, "accounts")
        told = await reading.session.list_accounts()
        async with self._writing(reading.connection) as session:
            rows = await repository.save_accounts(session, reading.connection, told, self._now())
        by_key = {row.stable_key: row for row in rows}
        living = [each for each in told if each.status is not AccountStatus.CLOSED]
        reading.total = 3 * len(living)
        for each in living:
            try:
                await self._read_account(reading, each, by_key[each.stable_key], reads)
            except (AuthExpired, ClaimLost):
                raise
            except OptixError as error:
                reading.failures.append(error)
                failure = {"failure_code": error.code, "failure_detail": error.detail}
                async with self._writing(reading.connection) as session:
                    await repository.set_account(session, by_key[each.stable_key].id, failure)

    async def _read_account(
        self,
        reading: _Reading,
        account: BrokerAccount,
        row: BrokerAccountRow,
        reads: frozenset[BrokerRead],
    ) -> None:
        snapshot: AccountSnapshot | None = None
        orders: Sequence[Order] | None = None
        try:
            if BrokerRead.POSITIONS in reads or BrokerRead.BALANCES in reads:
                await self._say(reading, "positions", account)
                snapshot = await reading.session.fetch_snapshot(account)
                await self._hold_longer(reading.connection)
            if BrokerRead.ORDERS in reads:
                await self._say(reading, "orders", account)
                orders = await reading.session.fetch_orders(account)
        finally:
            # Also what was read before the orders failed.
            await self._keep_state(reading, row, snapshot, orders)
        if BrokerRead.ACTIVITIES in reads:
            await self._say(reading, "history", account)
            await self._read_history(reading, account, row)
        if row.failure_code is not None:
            async with self._writing(reading.connection) as session:
                await repository.set_account(
                    session, row.id, {"failure_code": None, "failure_detail": None}
                )

    async def _keep_state(
        self,
        reading: _Reading,
        row: BrokerAccountRow,
        snapshot: AccountSnapshot | None,
        orders: Sequence[Order] | None,
    ) -> None:
        """Keep what an account holds and ordered, each that was read, in one transaction."""
        if snapshot is None and orders is None:
            return
        changed: list[str] = []
        async with self._writing(reading.connection) as session:
            if snapshot is not None and await repository.save_snapshot(session, row, snapshot):
                changed.append("snapshot")
            if orders is not None and await repository.replace_orders(
                session, row, orders, self._now()
            ):
                changed.append("orders")
        for what in changed:
            await self._listener.changed(row, what)

    async def _read_history(
        self, reading: _Reading, account: BrokerAccount, row: BrokerAccountRow
    ) -> None:
        capabilities = self._brokers[reading.connection.broker].capabilities
        covered = None
        if row.history_first is not None and row.history_last is not None:
            covered = Window(row.history_first, row.history_last)
        windows = rules.windows_to_read(
            covered,
            opened=None,
            today=self._today(),
            history_days=capabilities.history_days,
        )
        reading.total += len(windows) - 1
        empty = 0
        for place, window in enumerate(windows):
            lines = await self._read_window(reading, account, window)
            covered = rules.extended(covered, window)
            if await self._keep_window(reading, row, window, lines, covered):
                await self._listener.changed(row, "activities")
            reading.done += 1
            empty = 0 if lines else empty + window.days
            if capabilities.history_days is None and empty >= limits.BROKER_EMPTY_DAYS_MAX:
                # Nothing for so long: the account is younger than the broker's memory.
                older = Window(windows[-1].first, window.last)
                await self._keep_window(reading, row, older, None, covered)
                reading.total -= len(windows) - place - 1
                windows = windows[: place + 1]
            await self._say(reading, "history", account, counted=False)
            if place == len(windows) - 1:
                return

    async def _read_window(
        self, reading: _Reading, account: BrokerAccount, window: Window
    ) -> list[Activity]:
        """Return the lines of whole days. Errors: BrokerUnreadable where the pages do not end."""
        lines: list[Activity] = []
        pages = 0
        async for page in reading.session.iter_activities(account, window.first, window.last):
            pages += 1
            if pages > limits.BROKER_PAGES_MAX:
                raise BrokerUnreadable("The history has more pages than there can be.")
            # A clock that is off shows days that were not asked for; they have their own window.
            lines += [line for line in page.rows if window.first <= line.day <= window.last]
            await self._hold_longer(reading.connection)
        return lines

    async def _keep_window(
        self,
        reading: _Reading,
        row: BrokerAccountRow,
        window: Window,
        lines: list[Activity] | None,
        covered: Window,
    ) -> bool:
        """Merge a window, and say in the same transaction that it was read."""
        now = self._now()
        first, last = covered.first, covered.last
        changed = False
        async with self._writing(reading.connection) as session:
            if lines is None:
                first = window.first
            else:
                await repository.lock_account(session, row.id)
                ids = {line.id for line in lines if line.id}
                rows = await repository.load_window(session, row.id, window.first, window.last, ids)
                stored = repository.stored_of(rows)
                found = merge(stored, lines, first=window.first, last=window.last)
                await repository.apply_merge(session, row, rows, found, now)
                changed = bool(found.added or found.revised or found.absent)
            if (row.history_first, row.history_last) != (first, last):
                await repository.set_account(
                    session, row.id, {"history_first": first, "history_last": last}
                )
        row.history_first, row.history_last = first, last
        return changed

    async def keep_grant(self, connection: BrokerConnection, grant: Grant) -> None:
        """Seal and store a renewed grant. Effects: broker_connection. Errors: ClaimLost.

        Also where the claim went to another worker: the renewed credentials are the only ones that
        hold. Not where the user ended the connection or signed in anew: those count.
        """
        plain = orjson.dumps(dict(grant.credentials))
        sealed = await self._vault.seal(plain, row=connection.id, **SEALED)
        values: dict[str, Any] = {
            "credentials": sealed,
            "access_ends": grant.access_ends,
            "login_ends": grant.login_ends,
        }
        if grant.login_ends != connection.login_ends:
            values["warned"] = 0
        async with self._database.writing() as session:
            kept = await repository_claims.keep_grant(session, connection, values)
        if not kept:
            raise ClaimLost("This connection was ended, or signed in anew.")
        for name, value in values.items():
            setattr(connection, name, value)

    @asynccontextmanager
    async def _writing(self, connection: BrokerConnection) -> AsyncIterator[WriteSession]:
        """Give a transaction that only the holder of the claim has. Errors: ClaimLost."""
        until = self._now() + timedelta(seconds=limits.BROKER_CLAIM_SECONDS)
        async with self._database.writing() as session:
            if not await repository_claims.hold(session, connection, until):
                raise ClaimLost("This connection is no longer read here.")
            yield session
        connection.claimed_until = until

    async def _hold_longer(self, connection: BrokerConnection) -> None:
        """Let a claim that is half over begin anew: a window may have many pages."""
        half = timedelta(seconds=limits.BROKER_CLAIM_SECONDS / 2)
        if connection.claimed_until is None or connection.claimed_until - self._now() < half:
            async with self._writing(connection):
                pass

    async def _settle(
        self, connection: BrokerConnection, notes: _Notes, error: OptixError | None
    ) -> bool:
        """Write how the reading went, and when the next one is; False where that is another's."""
        now = self._now()
        failures = 0 if error is None else connection.failures + 1
        retry_after = error.retry_after_seconds if isinstance(error, RateLimited) else None
        pause = rules.seconds_to_next(
            pace_seconds=self._brokers[connection.broker].capabilities.sync_seconds_min,
            market_open=self._market_open(now),
            failures=failures,
            retry_after_seconds=retry_after,
            dice=self._dice(),
        )
        values: dict[str, Any] = {
            "claimed_until": None,
            "next_sync_at": now + timedelta(seconds=pause),
            "failures": failures,
            "failing_since": None if error is None else connection.failing_since or now,
            "failure_code": None if error is None else error.code,
            "failure_detail": None if error is None else error.detail,
        }
        if error is None:
            values["last_sync_at"] = now
        if isinstance(error, AuthExpired):
            values["state"] = "sign_in_needed"
        async with self._database.writing() as session:
            if not await repository_claims.release(session, connection, values):
                return False
            await repository.add_exchanges(session, connection, notes.lines)
        for name, value in values.items():
            setattr(connection, name, value)
        if error is not None:
            log.info("broker.sync_failed", broker=connection.broker, code=error.code)
        return True

    async def _say(
        self,
        reading: _Reading,
        step: str,
        account: BrokerAccount | None = None,
        *,
        counted: bool = True,
    ) -> None:
        progress = Progress(
            connection_id=reading.connection.id,
            user_id=reading.connection.user_id,
            step=step,
            account="" if account is None else account.name,
            done=reading.done,
            total=reading.total,
        )
        if counted and step in {"positions", "orders"}:
            reading.done += 1
        await self._listener.progressed(progress)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())

    def _today(self) -> date:
        return self._now().astimezone(NEW_YORK).date()
