"""The queue: with the transaction or not at all, more than once if need be, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import text
from tests.fixtures.api import empty
from tests.fixtures.waiting import WAIT_SECONDS, until

from optix.kernel import limits
from optix.kernel.errors import InvalidInput, OptixError, RateLimited, Unavailable
from optix.platform import jobs
from optix.platform.db import Database
from optix.platform.embedded.stores import StoreUrls
from optix.platform.jobs import Arguments, Handler, JobWorker, WorkerNotReady

pytestmark = pytest.mark.stores
SOON = timedelta(milliseconds=10)


class Recorder:
    """A handler that notes what it was given and fails as often as it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.seen: list[Arguments] = []
        self._failures = list(failures)

    async def __call__(self, arguments: Arguments) -> None:
        self.seen.append(arguments)
        if self._failures:
            raise self._failures.pop(0)


@asynccontextmanager
async def working(
    stores: StoreUrls, handlers: Mapping[str, Handler], schedules: Mapping[str, str] | None = None
) -> AsyncIterator[JobWorker]:
    worker = JobWorker(stores.database_url, handlers, schedules=schedules, pause=SOON)
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def add(database: Database, name: str = "tests.do", **options: object) -> None:
    async with database.writing() as session:
        await jobs.enqueue(session, name, {"n": "1"}, **options)  # type: ignore[arg-type]  # typed there


async def statuses(database: Database) -> list[str]:
    async with database.reading() as session:
        found = await session.scalars(text("SELECT status::text FROM jobs.pgqueuer"))
        return list(found)


async def logged(database: Database) -> str:
    async with database.reading() as session:
        found = await session.scalars(text("SELECT traceback::text FROM jobs.pgqueuer_log"))
        return " ".join(filter(None, found))


async def test_a_job_is_done_once_and_gone(database: Database, stores: StoreUrls) -> None:
    done = Recorder()
    await add(database)
    async with working(stores, {"tests.do": done}):
        await _until_statuses(database)
    assert done.seen == [{"n": "1"}]


async def test_a_job_that_comes_while_the_worker_waits_is_taken_at_once(
    database: Database, stores: StoreUrls
) -> None:
    done = Recorder()
    async with working(stores, {"tests.do": done}) as worker:
        await _ready(worker)
        await add(database)
        await until(lambda: done.seen)


async def test_what_is_rolled_back_leaves_no_job(database: Database) -> None:
    with suppress(RuntimeError):
        async with database.writing() as session:
            await jobs.enqueue(session, "tests.do", {})
            raise RuntimeError
    assert await statuses(database) == []
    async with database.writing() as session:
        await jobs.enqueue(session, "tests.do", {})  # the first statement of its transaction
        await session.rollback()
    assert await statuses(database) == []


async def test_a_key_keeps_a_second_job_away_while_the_first_waits(database: Database) -> None:
    for _ in range(3):
        await add(database, dedupe_key="one")
    await add(database, dedupe_key="two")
    assert await statuses(database) == ["queued", "queued"]


async def test_a_delayed_job_waits(database: Database, stores: StoreUrls) -> None:
    done, now = Recorder(), Recorder()
    await add(database, delay_seconds=600)
    await add(database, "tests.now")
    async with working(stores, {"tests.do": done, "tests.now": now}):
        await until(lambda: now.seen)
        await _until_statuses(database, "queued")
    assert done.seen == []


@pytest.mark.parametrize(
    "error", [Unavailable("not now"), RateLimited("slowly", retry_after_seconds=0), TimeoutError()]
)
async def test_what_may_work_later_is_tried_again(
    database: Database, stores: StoreUrls, error: Exception
) -> None:
    done = Recorder(error, error)
    await add(database)
    async with working(stores, {"tests.do": done}):
        await _until_statuses(database)
    assert len(done.seen) == 3


async def test_what_will_never_work_is_dropped(database: Database, stores: StoreUrls) -> None:
    done = Recorder(InvalidInput("no such address"))
    await add(database)
    async with working(stores, {"tests.do": done}):
        await _until_statuses(database)
    assert len(done.seen) == 1


@pytest.mark.parametrize("error", [OptixError("ours"), ValueError("secret-in-the-text")])
async def test_a_bug_is_kept_as_a_dead_letter_without_its_text(
    database: Database, stores: StoreUrls, error: Exception
) -> None:
    done = Recorder(error)
    await add(database)
    async with working(stores, {"tests.do": done}):
        await _until_statuses(database, "failed")
    assert len(done.seen) == 1
    assert "secret-in-the-text" not in await logged(database)


async def test_what_fails_too_often_is_kept_as_a_dead_letter(
    database: Database, stores: StoreUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOB_ATTEMPTS_MAX", 2)
    done = Recorder(*[Unavailable("down")] * (limits.JOB_ATTEMPTS_MAX + 3))
    await add(database)
    async with working(stores, {"tests.do": done}):
        await _until_statuses(database, "failed")
    assert len(done.seen) == limits.JOB_ATTEMPTS_MAX


async def test_a_handler_that_hangs_is_cut_off_and_tried_again(
    database: Database, stores: StoreUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JOB_SECONDS_MAX", 0.1)
    calls = 0

    async def hang_once(_: Arguments) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(limits.JOB_SECONDS_MAX * 1_000)

    await add(database)
    async with working(stores, {"tests.do": hang_once}):
        await until(lambda: calls == 2)


async def test_no_more_than_so_many_run_at_once(database: Database, stores: StoreUrls) -> None:
    running, most, done = 0, 0, 0
    go_on = asyncio.Event()

    async def count(_: Arguments) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        done += 1

    for _ in range(limits.JOBS_AT_ONCE_MAX * 3):
        await add(database)
    async with working(stores, {"tests.do": count}):
        await until(lambda: running >= limits.JOBS_AT_ONCE_MAX)
        await asyncio.sleep(0.2)  # time to take one too many
        go_on.set()
        await until(lambda: done == limits.JOBS_AT_ONCE_MAX * 3)
    assert most == limits.JOBS_AT_ONCE_MAX


async def test_two_workers_do_each_job_once(database: Database, stores: StoreUrls) -> None:
    done = Recorder()
    for _ in range(20):
        await add(database)
    async with working(stores, {"tests.do": done}), working(stores, {"tests.do": done}):
        await _until_statuses(database)
    assert len(done.seen) == 20


async def test_a_scheduled_job_comes_by_itself(database: Database, stores: StoreUrls) -> None:
    done = Recorder(Unavailable("the first time"))
    async with working(stores, {"tests.clock": done}, {"tests.clock": "* * * * * *"}):
        await until(lambda: len(done.seen) >= 2)
    async with database.writing() as session:
        await session.execute(text("DELETE FROM jobs.pgqueuer_schedules"))


async def test_a_worker_that_lost_its_database_says_so_and_ends(
    database: Database, stores: StoreUrls
) -> None:
    worker = JobWorker(stores.database_url, {})
    with pytest.raises(WorkerNotReady):
        await worker.ping()
    task = asyncio.create_task(worker.run())
    await _ready(worker)
    async with database.writing() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'optix worker' AND datname = current_database()"
            )
        )
    with pytest.raises(Exception):  # noqa: B017  # whichever part notices first
        await asyncio.wait_for(task, WAIT_SECONDS)
    with pytest.raises(WorkerNotReady):
        await worker.ping()


async def test_the_measure_counts_what_waits_and_what_failed(database: Database) -> None:
    await empty(database)
    await add(database)
    await add(database, delay_seconds=600)
    async with database.reading() as session:
        measured = await jobs.measure(session)
    assert (measured.waiting, measured.failed) == (2, 0)
    assert measured.oldest_seconds >= 0


async def _ready(worker: JobWorker) -> None:
    await until(lambda: worker._running)
    await worker.ping()


async def _until_statuses(database: Database, *expected: str) -> None:
    async def are_so() -> bool:
        return await statuses(database) == list(expected)

    await until(are_so)
