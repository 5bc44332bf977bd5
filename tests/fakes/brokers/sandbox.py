"""The real sandbox brokerage on a port of its own, with faults in front of it on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import delete
from tests.fakes.provider_server import ProviderServer, Reply, Request, _bytes_of, _read

from optix.features.sandbox.grants import SandboxClient
from optix.features.sandbox.models import SandboxActivity, SandboxGrant, SandboxOrder
from optix.features.sandbox.router import router
from optix.features.sandbox.router_page import router as page_router
from optix.features.sandbox.rules import PaperOrderRefused, PaperQuote
from optix.features.sandbox.service import Sandbox
from optix.kernel.clock import Clock
from optix.platform.db import Database
from optix.platform.http import install_problems

CALLBACK = "https://optix.example/api/v1/brokerages/it/callback"
CLIENT_ID, CLIENT_SECRET = "optix", "a-client-secret-that-must-not-show"


@dataclass
class GivenQuotes:
    """Quotes by symbol, as a test sets them."""

    given: dict[str, PaperQuote] = field(default_factory=dict)

    async def quote(self, symbol: str) -> PaperQuote:
        if symbol not in self.given:
            raise PaperOrderRefused(f"{symbol} has no quote: nobody gave one.")
        return self.given[symbol]

    def set(self, symbol: str, bid: str | None, ask: str | None) -> None:
        sides = [None if side is None else Decimal(side) for side in (bid, ask)]
        self.given[symbol] = PaperQuote(*sides)


def sandbox_app(database: Database, clock: Clock, quotes: GivenQuotes) -> FastAPI:
    """Return the sandbox by itself, as the product mounts it."""
    app = FastAPI()
    app.state.sandbox = Sandbox(
        database,
        clock,
        quotes=quotes,
        client=SandboxClient(CLIENT_ID, SecretStr(CLIENT_SECRET), (CALLBACK,)),
    )
    app.include_router(router)
    app.include_router(page_router)
    install_problems(app)
    return app


@dataclass(frozen=True, slots=True)
class Passed(Reply):
    """The answer is the real application's."""

    request: Request | None = None


class FrontedSandbox(ProviderServer):
    """The application behind a port: what is scripted comes first, all else is passed on."""

    def __init__(self, app: FastAPI, database: Database) -> None:
        super().__init__()
        self._database = database
        self._behind = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://sandbox.example"
        )

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FrontedSandbox]:
        async with self._behind, self.serve_http():
            yield self

    async def allow(self, address: str) -> dict[str, str]:
        """Be the holder who agrees; the cookie of the first time is kept."""
        form = dict(parse_qsl(urlsplit(address).query))
        answer = await self._behind.post("/sandbox/authorize", data={**form, "answer": "allow"})
        assert answer.status_code == 200, answer.text
        onward = answer.text.split('<a href="')[1].split('"')[0].replace("&amp;", "&")
        return dict(parse_qsl(urlsplit(onward).query))

    async def end_grants(self) -> None:
        async with self._database.writing() as session:
            await session.execute(delete(SandboxGrant))

    async def end_access_tokens(self) -> None:
        async with self._database.writing() as session:
            await session.execute(delete(SandboxGrant).where(SandboxGrant.kind == "access"))

    async def forget_history(self) -> None:
        """Let nothing be held and nothing have happened."""
        async with self._database.writing() as session:
            await session.execute(delete(SandboxActivity))
            await session.execute(delete(SandboxOrder))

    def _answer(self, request: Request) -> Reply:
        found = super()._answer(request)
        return Passed(request=request) if found.status == 404 else found

    async def _follow_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                request = await _read(reader)  # first: a test may replace how it is answered
                reply = self._answer(request)
                if isinstance(reply, Passed) and reply.request is not None:
                    reply = await self._pass(reply.request)
                if reply.drop:
                    return
                writer.write(_bytes_of(reply))
                await writer.drain()
                if reply.cut:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.close()

    async def _pass(self, request: Request) -> Reply:
        wanted = ("authorization", "content-type")
        answer = await self._behind.request(
            request.method,
            request.path,
            params=dict(request.query),
            content=request.body,
            headers={name: request.headers[name] for name in wanted if name in request.headers},
        )
        return Reply(answer.content, status=answer.status_code)
