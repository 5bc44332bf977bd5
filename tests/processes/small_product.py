"""The command line with a small product behind it: two components and no features.

    python small_product.py up --port 8000 …

It stands in for `optix.processes.wiring`, so that starting, announcing and stopping can be seen
apart from the real components. SMALL_PRODUCT=slow makes the migrations wait, =broken ends a
component at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import asyncpg

from optix.platform.embedded.stores import StoreUrls
from optix.platform.settings import Settings
from optix.processes.composition import DevelopmentAccount
from optix.processes.supervisor import STOP_PROGRAM

KIND = os.environ.get("SMALL_PRODUCT", "")


class Web:
    """Answers one line on the port of the settings."""

    name = "web"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._up = False

    async def run(self) -> None:
        if KIND == "broken":
            raise RuntimeError("the disk is on fire")
        http = self._settings.http
        server = await asyncio.start_server(self._answer, http.host, http.port)
        self._up = True
        try:
            async with server:
                await server.serve_forever()
        finally:
            sys.stderr.write("web closed\n")

    async def ping(self) -> None:
        if not self._up:
            raise RuntimeError("not yet")

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()


class Rows:
    """Counts rows in the database."""

    name = "rows"

    def __init__(self, stores: StoreUrls) -> None:
        self._stores = stores

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            sys.stderr.write("rows closed\n")

    async def ping(self) -> None:
        connection = await asyncpg.connect(self._stores.dsn)
        await connection.fetchval("SELECT count(*) FROM small")
        await connection.close()


async def migrate(stores: StoreUrls) -> Sequence[str]:
    if KIND == "slow":
        await asyncio.sleep(3600)  # until it is cancelled
    connection = await asyncpg.connect(stores.dsn)
    there = await connection.fetchval("SELECT to_regclass('small')")
    await connection.execute("CREATE TABLE IF NOT EXISTS small (id int)")
    await connection.close()
    return [] if there else ["0001"]


async def seed_development_accounts(_: Settings, __: StoreUrls) -> Sequence[DevelopmentAccount]:
    return [DevelopmentAccount("somebody@optix.io", "Somebody123!")]


def build_components(
    settings: Settings, names: Sequence[str], stores: StoreUrls, _: Any, *, modules: Any
) -> Sequence[Any]:
    made: dict[str, Any] = {"web": lambda: Web(settings), "rows": lambda: Rows(stores)}
    return [made[name]() for name in names]


async def terminal_chain(
    _: Settings, symbol: str, *, expiration: str, as_json: bool, console: Any
) -> None:
    console.print(f"{symbol} {expiration} {as_json}")


async def record(_: Settings, *, out: Any, symbols: Any, seconds: Any, say: Any) -> int:
    say(f"recording {','.join(symbols)} for {seconds}")
    return 7


def install() -> None:
    wiring: Any = ModuleType("optix.processes.wiring")
    wiring.COMPONENTS = ("web", "rows")
    wiring.MODULES = ("identity",)
    wiring.policies = lambda: {"web": STOP_PROGRAM}
    wiring.openapi_document = lambda: {"openapi": "3.1.0", "paths": {}}
    for function in (
        migrate,
        seed_development_accounts,
        build_components,
        terminal_chain,
        record,
    ):
        setattr(wiring, function.__name__, function)
    sys.modules["optix.processes.wiring"] = wiring


if __name__ == "__main__":
    install()
    from optix.cli import main

    main()
