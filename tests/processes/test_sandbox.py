"""The sandbox as the API serves it: on the feed's own quotes, filling what rests by itself."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI
from tests.fixtures.api import client_of
from tests.fixtures.waiting import until

from optix.features.sandbox.quotes import FeedQuotes
from optix.features.sandbox.rules import PaperOrderRefused
from optix.features.sandbox.schemas import PaperOrderAsked
from optix.features.sandbox.service import Sandbox
from optix.platform.settings import load_settings
from optix.processes.api import ApiDependencies
from optix.processes.sandbox import client_secret, mount_sandbox

pytestmark = pytest.mark.stores


def test_processes_with_one_key_agree_on_a_secret() -> None:
    first, second = client_secret(b"a key"), client_secret(b"a key")
    assert first.get_secret_value() == second.get_secret_value()
    assert first.get_secret_value() != client_secret(b"another").get_secret_value()


def test_the_sandbox_is_on_in_development_unless_it_is_turned_off() -> None:
    assert load_settings().sandbox_brokerage
    assert not load_settings(sandbox_brokerage=False).sandbox_brokerage


async def test_paper_is_filled_on_the_feeds_quotes_and_rests_until_they_cross(
    api_dependencies: ApiDependencies,
) -> None:
    deps = api_dependencies
    app = FastAPI()
    resting = mount_sandbox(
        app,
        database=deps.database,
        clock=deps.clock,
        lanes=deps.lanes,
        origin="https://optix.example",
        secret=client_secret(b"a key"),
    )
    async with client_of(app) as client:
        assert (await client.get("/sandbox")).status_code == 200
    sandbox: Sandbox = app.state.sandbox
    holder = await sandbox.find_holder(await sandbox.open_account())
    assert holder is not None
    account = (await sandbox.list_accounts(holder))[0].id
    quote = await FeedQuotes(deps.lanes).quote("SPY")
    assert quote.bid is not None
    assert quote.ask is not None
    asked = {"kind": "limit", "legs": [{"symbol": "SPY", "quantity": "1"}]}
    order = await sandbox.place(
        holder, account, PaperOrderAsked.model_validate({**asked, "net_limit": str(quote.ask)})
    )
    found = await sandbox.list_orders(holder, account)
    assert [(row.id, row.status) for row, _ in found] == [(order, "filled")]
    fill = found[0][1][0]
    assert fill.price is not None
    assert fill.price.value == quote.ask
    task = asyncio.create_task(resting.run())
    low = PaperOrderAsked.model_validate({**asked, "net_limit": "0.01"})
    await sandbox.place(holder, account, low)

    async def is_resting() -> bool:
        return [row.status for row, _ in await sandbox.list_orders(holder, account)] == [
            "filled",
            "working",
        ]

    await until(is_resting)
    assert not task.done()
    task.cancel()


async def test_what_the_feed_does_not_know_is_refused(api_dependencies: ApiDependencies) -> None:
    with pytest.raises(PaperOrderRefused, match="has no quote"):
        await FeedQuotes(api_dependencies.lanes).quote("IBM281215C00300000")
