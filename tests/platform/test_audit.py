"""The audit trail on a real server: all append, nobody changes, and it is checked as a whole."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform import audit
from optix.platform.audit import GENESIS, RecordedEvent, SecurityEvent, list_events, record, verify
from optix.platform.db import Database
from optix.platform.origin import SYSTEM_ORIGIN, Origin

pytestmark = pytest.mark.stores

NOW = datetime(2026, 11, 23, 15, 30, 0, 123456, tzinfo=UTC)
ORIGIN = Origin("198.51.100.7", "Firefox/150", "request-1")
ADA, BOB = UserId(new_uuid()), UserId(new_uuid())


async def add(
    database: Database, *events: SecurityEvent, at: datetime = NOW, owner: UserId | None = None
) -> list[RecordedEvent]:
    done = []
    for event in events:
        async with database.writing(owner=owner) as session:
            done.append(await record(session, event, ORIGIN, at))
    return done


def kinds(*words: str) -> list[SecurityEvent]:
    return [SecurityEvent(kind=word) for word in words]


async def tamper(database: Database, *statements: str) -> None:
    """Do what only an owner of the database can: change rows past the trigger."""
    async with database.writing() as session:
        for statement in (
            "ALTER TABLE security_event DISABLE TRIGGER append_only",
            *statements,
            "ALTER TABLE security_event ENABLE TRIGGER append_only",
        ):
            await session.execute(text(statement))


class TestRecording:
    async def test_an_event_reads_back_as_it_was_recorded(self, database: Database) -> None:
        event = SecurityEvent(
            kind="sign_in.password",
            outcome="failure",
            user_id=ADA,
            actor_id=BOB,
            session_id=SessionId(new_uuid()),
            detail={"client": "web", "attempt": 3, "known": True, "why": None},
        )
        (recorded,) = await add(database, event)
        async with database.reading() as session:
            assert await list_events(session) == [recorded]
        assert recorded.seq == 1
        assert recorded.origin == ORIGIN

    async def test_the_chain_is_what_its_description_says(self, database: Database) -> None:
        """Computed here with nothing but a hash function and the stored values."""
        first, second = await add(database, *kinds("a.b", "c.d"))
        digest = hashlib.sha256(
            b'["2026-11-23T15:30:00.123456+00:00", "c.d", "success", null, null, null, '
            b'"198.51.100.7", "Firefox/150", "request-1", "{}"]'
        ).digest()
        before = first.chain_hash + (2).to_bytes(8, "big")
        assert second.chain_hash == hashlib.sha256(before + digest).digest()

    async def test_what_is_rolled_back_was_never_there(self, database: Database) -> None:
        async def fail() -> None:
            async with database.writing() as session:
                await record(session, SecurityEvent(kind="a.b"), ORIGIN, NOW)
                raise KeyError

        with capture_logs() as lines, pytest.raises(KeyError):
            await fail()
        assert not [line for line in lines if line["event"] == "security_event"]
        (kept,) = await add(database, SecurityEvent(kind="a.b"))
        assert kept.seq == 1

    async def test_the_head_is_written_to_the_log_once_it_is_committed(
        self, database: Database
    ) -> None:
        with capture_logs() as lines:
            (recorded,) = await add(database, SecurityEvent(kind="a.b"))
        (line,) = [line for line in lines if line["event"] == "security_event"]
        assert (line["seq"], line["chain_hash"]) == (1, recorded.chain_hash.hex())

    async def test_secrets_in_the_detail_do_not_arrive(self, database: Database) -> None:
        detail = {"password": "four green words", "said": "token=abcdef0123456789"}
        await add(database, SecurityEvent(kind="a.b", detail=detail))
        async with database.reading() as session:
            stored = await session.scalar(text("SELECT detail FROM security_event"))
        assert "green" not in stored
        assert "abcdef" not in stored

    async def test_recorders_at_once_make_one_chain(self, database: Database) -> None:
        await asyncio.gather(*(add(database, SecurityEvent(kind=f"k.n{n}")) for n in range(24)))
        report = await verify(database)
        assert (report.intact, report.checked, report.last_seq) == (True, 24, 24)

    async def test_what_failed_can_be_recorded_alone(self, database: Database) -> None:
        await audit.record_alone(database, SecurityEvent(kind="a.b"), SYSTEM_ORIGIN, NOW)
        assert (await verify(database)).checked == 1

    async def test_a_kind_or_a_detail_beyond_the_bound_is_our_own_mistake(
        self, database: Database
    ) -> None:
        for event in (
            SecurityEvent(kind="k" * (audit.KIND_LENGTH_MAX + 1)),
            SecurityEvent(kind="k", detail={"x": "y" * audit.DETAIL_LENGTH_MAX}),
        ):
            with pytest.raises(AssertionError):
                await add(database, event)


class TestAUsersOwnTransaction:
    async def test_it_records_and_reads_the_own_events_only(self, database: Database) -> None:
        await add(database, SecurityEvent(kind="a.b", user_id=BOB))
        await add(database, SecurityEvent(kind="c.d", user_id=ADA), owner=ADA)
        async with database.reading(owner=ADA) as session:
            assert [found.event.kind for found in await list_events(session)] == ["c.d"]
        assert (await verify(database)).checked == 2

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO security_event SELECT * FROM security_event",
            "UPDATE security_event SET kind = 'x'",
            "DELETE FROM security_event",
            "TRUNCATE security_event",
            "SELECT optix_retain_security_events(now())",
            "UPDATE security_chain SET head_seq = 0",
        ],
    )
    async def test_it_changes_nothing(self, database: Database, statement: str) -> None:
        await add(database, SecurityEvent(kind="a.b", user_id=ADA))
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.writing(owner=ADA) as session:
                await session.execute(text(statement))


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE security_event SET kind = 'x'",
            "DELETE FROM security_event",
            "TRUNCATE security_event",
        ],
    )
    async def test_also_the_system_only_appends(self, database: Database, statement: str) -> None:
        await add(database, SecurityEvent(kind="a.b"))
        with pytest.raises(DBAPIError, match="only appended"):
            async with database.writing() as session:
                await session.execute(text(statement))


class TestVerify:
    @pytest.mark.parametrize(
        ("statement", "broken_at"),
        [
            ("UPDATE security_event SET kind = 'x' WHERE seq = 3", 3),
            ("UPDATE security_event SET at = at + interval '1 microsecond' WHERE seq = 2", 2),
            ("UPDATE security_event SET user_id = gen_random_uuid() WHERE seq = 5", 5),
            ("UPDATE security_event SET address = '' WHERE seq = 1", 1),
            ("UPDATE security_event SET detail = '{ }' WHERE seq = 4", 4),
            ("UPDATE security_event SET chain_hash = sha256('x') WHERE seq = 4", 4),
            ("DELETE FROM security_event WHERE seq = 3", 3),
            ("DELETE FROM security_event WHERE seq = 1", 1),
            ("DELETE FROM security_event WHERE seq = 5", 5),
            ("UPDATE security_event SET seq = 6 - seq + 100; ", 1),
        ],
    )
    async def test_every_change_of_a_row_is_found(
        self, database: Database, statement: str, broken_at: int
    ) -> None:
        await add(database, *kinds("a", "b", "c", "d", "e"))
        assert (await verify(database)).intact
        await tamper(database, statement)
        report = await verify(database)
        assert report.broken_at == broken_at
        assert report.reason

    async def test_a_row_of_the_chain_that_was_set_back_is_found(self, database: Database) -> None:
        await add(database, *kinds("a", "b"))
        async with database.writing() as session:
            await session.execute(text("UPDATE security_chain SET head_seq = 1"))
        assert not (await verify(database)).intact

    async def test_an_empty_trail_is_intact(self, database: Database) -> None:
        report = await verify(database)
        assert (report.intact, report.checked, report.head_hash) == (True, 0, GENESIS.hex())

    async def test_a_trail_longer_than_one_page_is_checked_to_its_end(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "VERIFY_ROWS_AT_ONCE", 2)
        await add(database, *kinds("a", "b", "c", "d", "e"))
        assert (await verify(database)).checked == 5
        await tamper(database, "UPDATE security_event SET kind = 'x' WHERE seq = 5")
        assert (await verify(database)).broken_at == 5


class TestRetention:
    async def test_old_events_go_and_the_rest_still_verifies(self, database: Database) -> None:
        await add(database, *kinds("a", "b", "c"), at=NOW - timedelta(days=500))
        await add(database, *kinds("d"))
        async with database.writing() as session:
            assert await audit.retain(session, NOW - timedelta(days=400), NOW) == 3
        report = await verify(database)
        assert (report.intact, report.first_seq, report.last_seq) == (True, 4, 5)
        async with database.reading() as session:
            newest, oldest = await list_events(session)
        assert (oldest.event.kind, newest.event.kind) == ("d", "audit.trimmed")
        assert newest.event.detail["events"] == 3

    async def test_only_a_whole_run_from_the_old_end_goes(self, database: Database) -> None:
        """An old event that came late stays: a hole would look like a deleted row."""
        old = NOW - timedelta(days=500)
        await add(database, *kinds("a"), at=old)
        await add(database, *kinds("b"))
        await add(database, *kinds("c"), at=old)
        async with database.writing() as session:
            assert await audit.retain(session, NOW - timedelta(days=400), NOW) == 1
        assert (await verify(database)).intact

    async def test_the_newest_event_stays_and_nothing_to_take_is_nothing_recorded(
        self, database: Database
    ) -> None:
        await add(database, *kinds("a"), at=NOW - timedelta(days=500))
        for _ in range(2):
            async with database.writing() as session:
                assert await audit.retain(session, NOW, NOW) == 0
        report = await verify(database)
        assert (report.intact, report.checked) == (True, 1)

    async def test_a_row_missing_behind_the_cut_is_found(self, database: Database) -> None:
        await add(database, *kinds("a", "b"), at=NOW - timedelta(days=500))
        await add(database, *kinds("c", "d"))
        async with database.writing() as session:
            await audit.retain(session, NOW - timedelta(days=400), NOW)
        await tamper(database, "DELETE FROM security_event WHERE seq = 3")
        assert (await verify(database)).broken_at == 3


class TestTheList:
    async def test_filters_narrow_and_the_number_continues_a_page(self, database: Database) -> None:
        await add(
            database,
            SecurityEvent(kind="sign_in.password", outcome="failure", user_id=ADA),
            SecurityEvent(kind="sign_in.factor", user_id=ADA),
            SecurityEvent(kind="password.changed", user_id=BOB),
        )
        async with database.reading() as session:

            async def seqs(**filters: object) -> list[int]:
                return [found.seq for found in await list_events(session, **filters)]  # type: ignore[arg-type]  # named below

            assert await seqs() == [3, 2, 1]
            assert await seqs(user_id=ADA) == [2, 1]
            assert await seqs(kind_prefix="sign_in.") == [2, 1]
            assert await seqs(kind_prefix="%") == []
            assert await seqs(outcome="failure") == [1]
            assert await seqs(before_seq=3, limit=1) == [2]
            assert await seqs(since=NOW) == [3, 2, 1]
            assert await seqs(until=NOW) == []

    async def test_a_page_is_bounded(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "EVENTS_PER_PAGE_MAX", 2)
        await add(database, *kinds("a", "b", "c"))
        async with database.reading() as session:
            assert len(await list_events(session, limit=1_000)) == 2
