"""Attacks with what is sent: too many fields, too deep, too large, too slow, or with code in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from tests.contracts.openapi import Operation, all_operations, sample
from tests.fixtures.api import Caller, signed_in_user
from tools.ports import free_port

from optix.features.identity.models import UserAccount
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.errors import Unavailable
from optix.platform.db import Database
from optix.platform.edge import EdgeMiddleware
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics
from optix.platform.settings import load_settings
from optix.platform.telemetry import configure_logging
from optix.processes.http_server import HTTPServer

pytestmark = pytest.mark.stores

PRIVILEGES = {
    "role": "admin",
    "is_admin": True,
    "admin": True,
    "id": "00000000-0000-7000-8000-000000000000",
    "user_id": "00000000-0000-7000-8000-000000000000",
    "password_hash": "x",
    "disabled_at": None,
    "second_factor": False,
    "__proto__": {"role": "admin"},
}
SQL = (
    "'; DROP TABLE user_account; --",
    "' OR '1'='1",
    "1; SELECT pg_sleep(30)",
    "\\'; UPDATE user_account SET role='admin'; --",
    "admin'/*",
    "%' AND 1=cast((SELECT email FROM user_account LIMIT 1) AS int) --",
    "$1",
    "{{7*7}}",
)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def operations(api_app: FastAPI) -> list[Operation]:
    return all_operations(api_app.openapi())


async def accounts(database: Database) -> list[tuple[str, str]]:
    async with database.reading() as session:
        query = sa.select(UserAccount.email, UserAccount.role).order_by(UserAccount.email)
        return [(row[0], row[1]) for row in await session.execute(query)]


class TestMassAssignment:
    async def test_a_field_that_a_route_does_not_name_is_refused_by_every_route(
        self,
        client: httpx.AsyncClient,
        operations: list[Operation],
        caller: Caller,
        database: Database,
    ) -> None:
        before = await accounts(database)
        wrong: list[str] = []
        for operation in operations:
            schema = operation.body_schema
            if schema is None or schema.get("type") != "object":
                continue
            for name, value in PRIVILEGES.items():
                if name in schema.get("properties", {}):
                    continue
                body = {**sample(schema, operation.document), name: value}
                response = await client.request(
                    operation.method, operation.url(), json=body, headers=caller.headers
                )
                if response.status_code not in (401, 403, 404, 422):
                    wrong.append(f"{operation} took {name}: {response.status_code}")
        assert not wrong
        assert await accounts(database) == before


class TestInjection:
    async def test_sql_injection_through_every_parameter_and_field(
        self,
        client: httpx.AsyncClient,
        operations: list[Operation],
        identity: Identity,
        database: Database,
    ) -> None:
        """Nothing breaks, nothing waits, nobody becomes anything, and no table is gone."""
        mallory = await signed_in_user(identity, "mallory@example.com")
        before = await accounts(database)
        wrong: list[str] = []
        for operation in operations:
            for values in injected(operation):
                url, body = values
                response = await client.request(
                    operation.method, url, json=body, headers=mallory.headers
                )
                if response.status_code >= 500:
                    wrong.append(f"{operation} {url} {body}: {response.status_code}")
                if "syntax error" in response.text or "asyncpg" in response.text:
                    wrong.append(f"{operation} shows the database: {response.text[:200]}")
        assert not wrong
        assert set(before) <= set(await accounts(database))
        assert ("mallory@example.com", "user") in await accounts(database)

    async def test_header_injection(
        self, client: httpx.AsyncClient, operations: list[Operation], caller: Caller
    ) -> None:
        """Line ends in addresses and values never become a header or a second answer."""
        evil = "x\r\nSet-Cookie: evil=1\r\nX-Evil: 1\r\n\r\n<html>"
        wrong: list[str] = []
        for operation in operations:
            for parameter in (*operation.parameters("path"), *operation.parameters("query")):
                response = await client.request(
                    operation.method,
                    operation.url({parameter["name"]: evil}),
                    json=operation.body(),
                    headers=caller.headers,
                )
                names = {name.lower() for name in response.headers}
                values = " ".join(response.headers.values())
                if "x-evil" in names or "evil=1" in values or "\n" in values:
                    wrong.append(f"{operation} {parameter['name']}")
        assert not wrong

    async def test_header_injection_by_the_request_id(self, client: httpx.AsyncClient) -> None:
        for offered in ("x" * 8 + "\t", "abcdefgh%0d%0aX-Evil:1", "abcdefgh,evil"):
            response = await client.get("/health", headers={"X-Request-Id": offered})
            assert response.headers["x-request-id"] != offered


def injected(operation: Operation) -> Iterator[tuple[str, object]]:
    """Yield an address and a body with an attack in one place at a time."""
    body = operation.body()
    for parameter in (*operation.parameters("path"), *operation.parameters("query")):
        for attack in SQL:
            yield operation.url({parameter["name"]: attack}), body
    if isinstance(body, dict):
        for name, value in body.items():
            for attack in SQL if isinstance(value, str) else ():
                yield operation.url(), {**body, name: attack}


class TestBodies:
    @pytest.mark.parametrize(
        ("content", "statuses"),
        [
            (b"x" * (limits.REQUEST_BODY_BYTES_MAX + 1), {413}),
            (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, {422}),
            (b"[" * 100_000, {422}),
            (b'{"a": "' + b"\\" * 99_999 + b'"}', {422}),
            (b'{"email": ' + b"9" * 100_000 + b"}", {422}),
        ],
        ids=["oversized", "deeply nested", "never closed", "many escapes", "a huge number"],
    )
    async def test_oversized_and_deeply_nested_bodies(
        self,
        client: httpx.AsyncClient,
        operations: list[Operation],
        caller: Caller,
        content: bytes,
        statuses: set[int],
    ) -> None:
        wrong: list[str] = []
        for operation in operations:
            if operation.body_schema is None:
                continue
            response = await client.request(
                operation.method, operation.url(), content=content, headers=caller.headers | JSON
            )
            # Where a route looks at who asks before what is asked, that refusal is right too.
            if response.status_code not in statuses | {401, 403, 404}:
                wrong.append(f"{operation}: {response.status_code}")
        assert not wrong

    async def test_slow_bodies(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a real socket: a byte now and then keeps nobody busy for longer than the bound."""
        monkeypatch.setattr(limits, "REQUEST_BODY_SECONDS_MAX", 0.3)
        app = FastAPI()
        install_problems(app)
        app.add_middleware(
            EdgeMiddleware,
            metrics=HttpMetrics(CollectorRegistry()),
            production=False,
        )

        @app.post("/")
        async def take(body: dict[str, str]) -> dict[str, str]:
            return body

        async with serving(app) as (host, port):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(
                b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100000\r\n\r\n"
            )
            answer = asyncio.create_task(reader.read())
            with contextlib.suppress(ConnectionError):
                while not answer.done():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.wait({answer}, timeout=limits.REQUEST_BODY_SECONDS_MAX / 10)
            assert (await answer).startswith(b"HTTP/1.1 408")
            writer.close()


@contextlib.asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[tuple[str, int]]:
    """Serve `app` on a free port."""
    port = free_port()
    server = HTTPServer(app, host="127.0.0.1", port=port)
    running = asyncio.create_task(server.run())
    while True:
        try:
            await server.ping()
            break
        except Unavailable:
            await asyncio.sleep(0.01)
    yield "127.0.0.1", port
    running.cancel()
    await asyncio.wait({running})


class TestLogInjection:
    @pytest.fixture
    def log(self) -> Iterator[io.StringIO]:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        stream = io.StringIO()
        configure_logging(load_settings(log_format="json", log_level="debug"), stream=stream)
        yield stream
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()

    async def test_log_injection(self, client: httpx.AsyncClient, log: io.StringIO) -> None:
        """What a stranger sends stands in one line, and cannot pretend to be another."""
        forged = '\n{"event": "security_event", "kind": "role.changed"}\r\n\x1b[2J\u2028'
        await client.get(f"/api/v1/quotes/{quote(forged)}")
        await client.get(f"/nowhere/{quote(forged)}?q={quote(forged)}")
        body = {"email": f"ada{forged}@example.com", "password": forged, "device_name": forged}
        await client.post("/api/v1/auth/login", json=body)
        await client.post("/api/v1/auth/login", content=forged.encode(), headers=JSON)
        await client.get("/health", headers={"User-Agent": "x\x1b[31m", "X-Request-Id": "a\tb" * 4})
        assert log.getvalue().count("\n") >= 4
        for line in log.getvalue().splitlines():
            assert not line.startswith('{"event": "security_event"')
            assert "\x1b" not in line
