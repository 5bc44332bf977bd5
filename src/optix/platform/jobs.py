"""Jobs: work that a request leaves behind, as rows in the transaction of the change it belongs to.

The queue is pgqueuer's, in a schema of its own (`jobs`). `enqueue` is one insert in the caller's
transaction: no change without its job, no job without its change. The worker takes jobs one or more
times (it may die half-way), so handlers do the same thing twice without harm. What an error means
is the table of `platform/http.py`: some are tried again with growing pauses, the others and what
fails too often are kept as dead letters (`status = 'failed'`).

Arguments hold ids and words, never a secret: they lie in the table until the job is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from sqlalchemy import text

from optix.kernel import limits
from optix.kernel.errors import OptixError, Unavailable
from optix.platform.db import ReadSession, WriteSession, connect_with_retry
from optix.platform.embedded.stores import asyncpg_dsn
from optix.platform.http import outcome_of

if TYPE_CHECKING:
    import asyncpg
    from pgqueuer.core.qm import QueueManager
    from pgqueuer.core.sm import SchedulerManager
    from pgqueuer.domain.models import Job, Schedule

log = structlog.get_logger(__name__)

SCHEMA: Final = "jobs"
CHANNEL: Final = "optix_jobs"
RETRY_SECONDS_FIRST: Final = 5
CLOSE_SECONDS_MAX: Final = 2
POLL_SECONDS: Final = 2  # the queue is looked at so often even if nothing was heard of it
TRIED_AGAIN: Final = frozenset({"retry", "retry_at"})

Arguments = Mapping[str, str]
Handler = Callable[[Arguments], Awaitable[None]]

_ENQUEUE = text(
    """
    INSERT INTO jobs.pgqueuer (priority, entrypoint, payload, execute_after, dedupe_key, status)
    VALUES (0, :name, :payload, now() + make_interval(secs => :delay), :dedupe_key, 'queued')
    ON CONFLICT (dedupe_key)
        WHERE status IN ('queued', 'picked') AND dedupe_key IS NOT NULL
        DO NOTHING
    """
)


_MEASURE = text(
    """
    SELECT count(*) FILTER (WHERE status IN ('queued', 'picked')) AS waiting,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           coalesce(extract(epoch FROM now() - min(execute_after)
               FILTER (WHERE status IN ('queued', 'picked'))), 0) AS oldest_seconds
    FROM jobs.pgqueuer
    """
)


class JobFailed(OptixError):
    """A job that is not tried again. Says no more than the code: the text is kept in the queue."""


class WorkerNotReady(Unavailable):
    code = "worker_not_ready"


async def enqueue(
    session: WriteSession,
    name: str,
    arguments: Arguments,
    *,
    delay_seconds: float = 0.0,
    dedupe_key: str | None = None,
) -> None:
    """Let the worker do `name` once the caller's transaction is committed.

    With a `dedupe_key` nothing is added while a job with the same key waits or runs.
    Effects: writes jobs.pgqueuer, as the system: a user's own transaction may not.
    """
    await session.execute(
        _ENQUEUE,
        {
            "name": name,
            "payload": orjson.dumps(dict(arguments)),
            "delay": delay_seconds,
            "dedupe_key": dedupe_key,
        },
    )


@dataclass(frozen=True, slots=True)
class QueueState:
    """What lies before the worker: `oldest_seconds` is how late the most urgent job is."""

    waiting: int
    failed: int
    oldest_seconds: float


async def measure(session: ReadSession) -> QueueState:
    """Count the jobs that wait and the dead letters."""
    row = (await session.execute(_MEASURE)).one()
    return QueueState(row.waiting, row.failed, max(0.0, float(row.oldest_seconds)))


class JobWorker:
    """The component that does the jobs.

    `handlers` are by job name; `schedules` say with a cron line (UTC) which of them also come by
    themselves, without arguments.
    """

    name = "worker"

    def __init__(
        self,
        database_url: str,
        handlers: Mapping[str, Handler],
        *,
        schedules: Mapping[str, str] | None = None,
        pause: timedelta = timedelta(seconds=RETRY_SECONDS_FIRST),
    ) -> None:
        self._database_url = database_url
        self._handlers = dict(handlers)
        self._schedules = dict(schedules or {})
        self._pause = pause
        self._running = False

    async def run(self) -> None:
        """Work until cancelled; jobs that run then are finished first."""
        # Here, because nothing but a worker needs the library, and loading it takes its time.
        from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
        from pgqueuer.adapters.persistence.qb import (
            QueryBuilderEnvironment,
            QueryQueueBuilder,
            QuerySchedulerBuilder,
        )
        from pgqueuer.core.qm import QueueManager
        from pgqueuer.core.sm import SchedulerManager
        from pgqueuer.domain.settings import DBSettings
        from pgqueuer.domain.types import Channel
        from pgqueuer.queries import Queries

        connection = await connect_with_retry(
            asyncpg_dsn(self._database_url),
            server_settings={"application_name": "optix worker", "timezone": "UTC"},
        )
        settings = DBSettings(db_schema=SCHEMA, channel=Channel(CHANNEL))
        queries = Queries(
            AsyncpgDriver(connection),
            qbe=QueryBuilderEnvironment(settings),
            qbq=QueryQueueBuilder(settings),
            qbs=QuerySchedulerBuilder(settings),
        )
        jobs = QueueManager(queries, channel=Channel(CHANNEL))
        clockwork = SchedulerManager(queries)
        for name, handler in self._handlers.items():
            self._register(jobs, name, handler)
        for name, cron in self._schedules.items():
            clockwork.schedule(name, cron, clean_old=True)(self._scheduled(name))
        try:
            await self._until_cancelled(connection, jobs, clockwork)
        finally:
            self._running = False
            with contextlib.suppress(Exception):  # it may be what broke
                await connection.close(timeout=CLOSE_SECONDS_MAX)

    async def ping(self) -> None:
        """Errors: WorkerNotReady unless jobs are taken."""
        if not self._running:
            raise WorkerNotReady("The worker does not take jobs yet.")

    async def _until_cancelled(
        self, connection: asyncpg.Connection, jobs: QueueManager, clockwork: SchedulerManager
    ) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        work: list[asyncio.Task[Any]] = [
            asyncio.create_task(
                jobs.run(
                    dequeue_timeout=timedelta(seconds=POLL_SECONDS),
                    batch_size=limits.JOBS_AT_ONCE_MAX // 2,
                    max_concurrent_tasks=limits.JOBS_AT_ONCE_MAX,
                )
            ),
            asyncio.create_task(lost.wait()),
        ]
        if self._schedules:
            work.append(asyncio.create_task(clockwork.run()))
        self._running = True
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise WorkerNotReady("The worker lost its line to the database.")
        finally:
            jobs.shutdown.set()
            clockwork.shutdown.set()
            work[1].cancel()
            await asyncio.wait(work, timeout=limits.JOB_SECONDS_MAX if not lost.is_set() else 0)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    def _register(self, jobs: QueueManager, name: str, handler: Handler) -> None:
        from pgqueuer.core.executors import EntrypointExecutor, EntrypointExecutorParameters

        async def work(job: Job) -> None:
            await self._attempt(name, handler, job)

        # "hold" keeps what failed for good: the default would delete it.
        parameters = EntrypointExecutorParameters(func=work, concurrency_limit=0, on_failure="hold")
        jobs.register_executor(name, EntrypointExecutor(parameters))

    def _scheduled(self, name: str) -> Callable[[Schedule], Awaitable[None]]:
        async def work(_: Schedule) -> None:
            # It comes again by itself, so a failure is only told.
            try:
                await self._handlers[name]({})
            except OptixError as error:
                log.warning("job_failed", job=name, code=error.code)

        return work

    async def _attempt(self, name: str, handler: Handler, job: Job) -> None:
        from pgqueuer.domain.errors import RetryRequested

        try:
            async with asyncio.timeout(limits.JOB_SECONDS_MAX):
                await handler(orjson.loads(job.payload or b"{}"))
        except Exception as error:
            outcome = outcome_of(Unavailable("") if isinstance(error, TimeoutError) else error)
            code = getattr(error, "code", type(error).__name__)
            seen = {"job": name, "id": job.id, "code": code, "attempt": job.attempts + 1}
            if outcome.job == "drop":
                log.info("job_dropped", **seen)
                return
            if outcome.job in TRIED_AGAIN and job.attempts + 1 < limits.JOB_ATTEMPTS_MAX:
                log.warning("job_tried_again", **seen)
                # `from None` and the bare code: the queue keeps the text of what is raised here.
                raise RetryRequested(delay=self._delay(error, job.attempts), reason=code) from None
            log.error("job_failed", **seen, exc_info=outcome.level == "error")  # noqa: TRY400  # known errors need no trace
            raise JobFailed(code) from None

    def _delay(self, error: Exception, attempts: int) -> timedelta:
        """Return the pause before the next attempt: as told, else doubling."""
        told = getattr(error, "retry_after_seconds", None)
        if told is not None:
            return timedelta(seconds=told)
        return self._pause * float(2**attempts)
