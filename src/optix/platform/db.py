"""The database: one engine per process, and sessions that say whether they write.

One request is one transaction, opened and closed here and nowhere else; features never commit.
Code that must not hold a connection while it computes or waits (password hashing, network calls)
takes the `Database` and opens short units of work itself. The table schema is in `migrations/`.

A unit of work for a user names its `owner`: PostgreSQL then shows it that user's rows only
(`row_security.py`). Without one it is the system's own work.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, NewType, Self, cast
from uuid import UUID

import asyncpg
from fastapi import Depends
from sqlalchemy import (
    ColumnElement,
    DateTime,
    MetaData,
    Text,
    Uuid,
    any_,
    event,
    literal,
    make_url,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from starlette.requests import HTTPConnection

from optix.kernel.errors import Unavailable
from optix.kernel.ids import UserId
from optix.platform.row_security import TENANT_ROLE, USER_SETTING

ReadSession = NewType("ReadSession", AsyncSession)
WriteSession = NewType("WriteSession", ReadSession)  # who may write may also read

# A connection costs a SCRAM handshake, so none is opened for a peak and thrown away after it:
# what comes on top waits, for a bounded time.
POOL_SIZE = 16
POOL_WAIT_SECONDS_MAX = 5.0
POOL_RECYCLE_SECONDS = 1_800
CONNECT_SECONDS_MAX = 5.0
CONNECT_RETRY_SECONDS = (0.1, 0.2, 0.4, 0.8)
STATEMENT_MILLISECONDS_MAX = 5_000
LOCK_MILLISECONDS_MAX = 2_000
IDLE_IN_TRANSACTION_MILLISECONDS_MAX = 15_000

# SQLSTATE classes and codes that say "not now", as opposed to "this statement is wrong".
_NOT_NOW = ("08", "53", "57", "40001", "40P01", "55P03")
_NO_SUCH_TABLE = "42P01"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or could not answer in time."""

    code = "database_unavailable"
    next_step = "Try again in a moment."


class Base(DeclarativeBase):
    """Root of all tables. Times are aware UTC, text is unbounded (bounds are in the schemas)."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        str: Text(),
        UUID: Uuid(),
    }


def async_url(url: str) -> URL:
    """Return `url` for the asyncpg driver; `postgres://` and libpq's `sslmode` are understood."""
    parsed = make_url(url).set(drivername="postgresql+asyncpg")
    mode = parsed.query.get("sslmode")
    if mode is not None:
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed


async def connect_with_retry(*args: Any, **kwargs: Any) -> asyncpg.Connection:
    """Open a driver connection, again for a short while when the server is just (re)starting."""
    for pause_seconds in (*CONNECT_RETRY_SECONDS, None):
        try:
            return await asyncpg.connect(*args, timeout=CONNECT_SECONDS_MAX, **kwargs)
        except (
            OSError,
            asyncpg.CannotConnectNowError,
            asyncpg.TooManyConnectionsError,
            asyncpg.ConnectionDoesNotExistError,
        ) as error:
            if pause_seconds is None:
                raise DatabaseUnavailable("The database cannot be reached.") from error
            await asyncio.sleep(pause_seconds)
    raise AssertionError("the loop returns or raises")


class Database:
    """The engine of one process with its two kinds of unit of work."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        options: dict[str, Any] = {"expire_on_commit": False}
        self._write = async_sessionmaker(engine, **options)
        # The server refuses writes here, whatever the code in a read does.
        read_engine = engine.execution_options(postgresql_readonly=True)
        self._read = async_sessionmaker(read_engine, **options)

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        pool_size: int = POOL_SIZE,
        pool_wait_seconds_max: float = POOL_WAIT_SECONDS_MAX,
        statement_milliseconds_max: int = STATEMENT_MILLISECONDS_MAX,
        lock_milliseconds_max: int = LOCK_MILLISECONDS_MAX,
        application_name: str = "optix",
    ) -> Self:
        """Return a database at `url`. Nothing is connected before the first use."""
        engine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds_max,
            pool_recycle=POOL_RECYCLE_SECONDS,
            hide_parameters=True,  # of a failed statement: they hold hashes and addresses
            connect_args={
                "async_creator_fn": connect_with_retry,
                "server_settings": {
                    "application_name": application_name,
                    "timezone": "UTC",
                    "statement_timeout": str(statement_milliseconds_max),
                    "lock_timeout": str(lock_milliseconds_max),
                    "idle_in_transaction_session_timeout": str(
                        IDLE_IN_TRANSACTION_MILLISECONDS_MAX
                    ),
                },
            },
        )
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        return cls(engine)

    @asynccontextmanager
    async def reading(self, *, owner: UserId | None = None) -> AsyncIterator[ReadSession]:
        """Open a read-only transaction for the length of the block."""
        with _not_now_as_unavailable():
            async with self._read.begin() as session:
                await _become(session, owner)
                yield ReadSession(session)

    @asynccontextmanager
    async def writing(self, *, owner: UserId | None = None) -> AsyncIterator[WriteSession]:
        """Open a transaction: committed at the end of the block, rolled back on an exception."""
        with _not_now_as_unavailable():
            async with self._write.begin() as session:
                await _become(session, owner)
                yield WriteSession(ReadSession(session))

    async def ping(self) -> None:
        """Ask the server for an answer. Errors: DatabaseUnavailable."""
        async with self.reading() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


# Both end with the transaction, so that a connection never carries a user into its next one.
_AS_OWNER = text(
    f"SELECT set_config('role', '{TENANT_ROLE}', true), set_config('{USER_SETTING}', :owner, true)"
)


async def _become(session: AsyncSession, owner: UserId | None) -> None:
    if owner is not None:
        await session.execute(_AS_OWNER, {"owner": str(owner)})


class _not_now_as_unavailable:  # noqa: N801  # used like a function
    """Turn "the server cannot now" into `DatabaseUnavailable`; wrong statements stay bugs."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, PoolTimeoutError):
            raise DatabaseUnavailable(
                "Too many requests wait for the database.", code="database_busy"
            ) from error
        if isinstance(error, DBAPIError):
            state = str(getattr(error.orig, "sqlstate", None) or "")
            if error.connection_invalidated or state.startswith(_NOT_NOW):
                raise DatabaseUnavailable("The database did not answer in time.") from error
            if state == _NO_SUCH_TABLE:  # a process of a release may start before its migration
                raise DatabaseUnavailable(
                    "The database lacks a table of this release: it is not migrated yet.",
                    code="database_not_migrated",
                ) from error


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    # A restarted server is noticed before a request fails on it: the driver knows that its socket
    # was closed. SQLAlchemy's own pre-ping asks the server instead, with three round trips each
    # time, which is more than most requests need for their work.
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError("the server closed the connection")


def is_one_of(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Return `column = ANY(values)`: one parameter, however many values there are.

    `in_` has a parameter for each, of which PostgreSQL takes 32,767, and a statement of its own to
    plan for each count.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))


def database_of(connection: HTTPConnection) -> Database:
    """Return the database of the app that serves this request."""
    return cast("Database", connection.app.state.database)


async def read_session(connection: HTTPConnection) -> AsyncIterator[ReadSession]:
    async with database_of(connection).reading() as session:
        yield session


async def write_session(connection: HTTPConnection) -> AsyncIterator[WriteSession]:
    async with database_of(connection).writing() as session:
        yield session


# Function scope: the transaction ends before the answer goes out, so that a failed commit is a 500.
# With the default scope it would end afterwards, and the caller would have been told "done".
ReadSessionDep = Annotated[ReadSession, Depends(read_session, scope="function")]
WriteSessionDep = Annotated[WriteSession, Depends(write_session, scope="function")]
