"""The page of provider health over HTTP, on a real feed and a real Redis: administrators only."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import httpx
import pytest
from tests.contracts.openapi import problem_faults
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.api import Caller, signed_in_user
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.identity.service import Identity
from optix.features.market.schemas_admin import MarketProviders
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality
from optix.platform.bus import FeedUnavailable
from optix.ports.market_data import DataKind, ProviderHealth, ProviderSwitch

pytestmark = pytest.mark.stores

PATH = "/api/v1/admin/market/providers"


class Reporting(ScriptedProvider):
    """A provider that tells of two behind it."""

    def health(self) -> list[ProviderHealth]:
        now_ns = self.clock.now_ns()
        well = ProviderHealth(
            name="first",
            label="First",
            state="live",
            reason="",
            serves=frozenset({DataKind.QUOTES, DataKind.CHAINS}),
            quality=Quality.REALTIME,
            since_ns=now_ns - 60 * NANOSECONDS,
            last_update_ns=now_ns,
            errors_per_minute=2.0,
            error_rate=0.25,
            reconnects=1,
            subscribed=7,
            symbols_max=100,
            requests_left=None,
            lag_seconds=0.125,
            errors={"lost": 1},
        )
        down = replace(
            well,
            name="second",
            state="down",
            reason="It is shut.",
            serves=frozenset(),
            last_update_ns=0,
            lag_seconds=nan,
        )
        return [well, down]

    def switches(self) -> list[ProviderSwitch]:
        switch = ProviderSwitch(
            kind=DataKind.QUOTES, ts=self.clock.now_ns(), source="", target="second", reason="A."
        )
        return [switch, replace(switch, source="second", target="first", reason="B.")]

    def rejects(self) -> dict[str, int]:
        return {"impossible_price": 4}


@pytest.fixture
async def admin(identity: Identity) -> Caller:
    return await signed_in_user(
        identity, "root@example.com", role="admin", methods=("password", "totp")
    )


async def ask(client: httpx.AsyncClient, caller: Caller) -> MarketProviders:
    response = await client.get(PATH, headers=caller.headers)
    assert response.status_code == 200, response.text
    return MarketProviders.model_validate_json(response.text)


async def test_who_is_no_administrator_sees_nothing(
    client: httpx.AsyncClient, caller: Caller
) -> None:
    response = await client.get(PATH, headers=caller.headers)
    assert (response.status_code, response.json()["code"]) == (403, "permission_missing")
    assert list(problem_faults(response)) == []
    assert (await client.get(PATH)).status_code == 401


async def test_a_provider_that_stands_alone_is_told_by_the_state_of_the_feed(
    client: httpx.AsyncClient, admin: Caller
) -> None:
    told = await ask(client, admin)
    (row,) = told.providers
    assert (row.name, row.label, row.state) == ("scripted", "Scripted market", "live")
    assert DataKind.QUOTES in row.serves
    assert row.error_rate is None
    assert not told.switches


async def test_each_provider_is_told_with_its_figures(
    client: httpx.AsyncClient, admin: Caller, market: Market
) -> None:
    await market.kill(market.feed)
    market.provider = Reporting(clock=market.clock)
    await market.start_feed()
    await until(lambda: market.book.feed_status().state == "live")
    told = await ask(client, admin)
    first, second = told.providers
    assert (first.name, first.state, first.reason) == ("first", "live", "")
    assert set(first.serves) == {DataKind.QUOTES, DataKind.CHAINS}
    assert (first.error_rate, first.errors_per_minute, first.lag_seconds) == (0.25, 2.0, 0.125)
    assert (first.subscribed, first.symbols_max, first.requests_left) == (7, 100, None)
    assert first.errors == {"lost": 1}
    assert first.freshness_seconds is not None
    assert (second.state, second.reason) == ("down", "It is shut.")
    assert (second.last_update_at, second.freshness_seconds) == (None, None)
    assert second.lag_seconds is None  # not a number is never sent as one
    assert [(s.source, s.target) for s in told.switches] == [("second", "first"), (None, "second")]
    assert told.rejects == {"impossible_price": 4}


async def test_a_feed_that_does_not_answer_is_told_and_no_error(
    client: httpx.AsyncClient,
    admin: Caller,
    market: Market,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nobody(*_: object) -> None:
        raise FeedUnavailable("The market feed did not answer within 20 s.")

    await market.kill(market.feed)
    await until(lambda: market.book.feed_status().state == "down")
    monkeypatch.setattr(market.book, "ask", nobody)
    told = await ask(client, admin)
    assert told.feed.state == "down"
    assert not told.providers
