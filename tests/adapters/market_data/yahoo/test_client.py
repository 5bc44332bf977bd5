"""Signing in, being refused and being throttled, on a server that behaves as Yahoo does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.adapters.market_data.yahoo.test_contract import fake_market
from tests.fakes.provider_server import Reply
from tests.fakes.yahoo_server import FakeYahoo

from optix.adapters.market_data.failures import ProviderRefused
from optix.adapters.market_data.yahoo.client import PAUSE_SECONDS, YahooClient
from optix.kernel.clock import NANOSECONDS, SystemClock
from optix.ports.market_data import ProviderUnavailable


@pytest.fixture
async def fake() -> AsyncIterator[FakeYahoo]:
    made = fake_market()
    async with made.serve_http():
        yield made


@pytest.fixture
async def client(fake: FakeYahoo) -> AsyncIterator[YahooClient]:
    url = fake.base_url
    made = YahooClient(SystemClock(), base_url=url, cookie_url=url, spacing_seconds=0.0)
    yield made
    await made.rest.close()


def _result(document: Any) -> Any:
    return document["quoteResponse"]["result"]


async def test_it_signs_in_once_for_all_questions(client: YahooClient, fake: FakeYahoo) -> None:
    assert len(_result(await client.fetch_quotes(["IWM", "SPY"]))) == 2
    await client.fetch_options("IWM")
    assert fake.sign_ins == 1
    assert [request.path for request in fake.asked][:2] == ["/", "/v1/test/getcrumb"]
    assert fake.asked[2].query["crumb"] == fake.crumb
    assert fake.asked[2].headers["cookie"].startswith("A3=")


async def test_a_chart_needs_no_crumb(client: YahooClient, fake: FakeYahoo) -> None:
    assert await client.fetch_chart("IWM", interval="1d", start=1, end=2) is not None
    assert await client.fetch_chart("ZZZZ", interval="1d", start=1, end=2) is None
    assert fake.sign_ins == 0


async def test_an_expired_crumb_is_replaced_once(client: YahooClient, fake: FakeYahoo) -> None:
    await client.fetch_quotes(["IWM"])
    fake.crumb = "another"
    assert len(_result(await client.fetch_quotes(["IWM"]))) == 1
    assert fake.sign_ins == 2


async def test_a_new_crumb_that_is_refused_too_is_an_error(
    client: YahooClient, fake: FakeYahoo
) -> None:
    await client.fetch_quotes(["IWM"])
    crumb = fake.crumb
    fake.scripted.extend(
        [
            Reply(status=401),
            Reply(status=404, headers={"Set-Cookie": "A3=x"}),
            Reply(b"new"),
            Reply(status=401),
        ]
    )
    with pytest.raises(ProviderRefused) as caught:
        await client.fetch_quotes(["IWM"])
    assert crumb not in str(caught.value)
    assert "Yahoo" in caught.value.next_step
    assert not fake.scripted


@pytest.mark.parametrize("crumb", ["", "<html>", "x" * 65, "two words"])
async def test_what_is_no_crumb_is_not_sent(
    client: YahooClient, fake: FakeYahoo, crumb: str
) -> None:
    fake.crumb = crumb
    with pytest.raises(ProviderUnavailable, match="no crumb"):
        await client.fetch_quotes(["IWM"])


async def test_without_a_cookie_nothing_is_asked(client: YahooClient, fake: FakeYahoo) -> None:
    fake.scripted.append(Reply(status=404))
    with pytest.raises(ProviderUnavailable, match="no cookie"):
        await client.fetch_quotes(["IWM"])
    fake.scripted.append(Reply(drop=True))
    with pytest.raises(ProviderUnavailable, match="no cookie"):
        await client.fetch_quotes(["IWM"])


async def test_too_many_requests_stop_everything_for_minutes(
    client: YahooClient, fake: FakeYahoo
) -> None:
    await client.fetch_quotes(["IWM"])
    fake.scripted.append(Reply(b"Too Many Requests", status=429))
    with pytest.raises(ProviderUnavailable) as caught:
        await client.fetch_quotes(["IWM"])
    assert caught.value.code == "provider_rate_limited"
    assert caught.value.retry_after_seconds == PAUSE_SECONDS + 1
    asked = len(fake.asked)
    with pytest.raises(ProviderUnavailable):
        await client.fetch_options("IWM")
    assert len(fake.asked) == asked


async def test_a_server_that_says_how_long_is_believed(
    client: YahooClient, fake: FakeYahoo
) -> None:
    await client.fetch_quotes(["IWM"])
    fake.scripted.append(Reply(status=429, headers={"Retry-After": "7"}))
    with pytest.raises(ProviderUnavailable) as caught:
        await client.fetch_quotes(["IWM"])
    assert caught.value.retry_after_seconds == 8


async def test_the_pace_is_one_request_a_second(fake: FakeYahoo) -> None:
    class Wall:
        ns = 1_781_700_000 * NANOSECONDS

        def now_ns(self) -> int:
            return self.ns

    url = fake.base_url
    client = YahooClient(Wall(), base_url=url, cookie_url=url, spacing_seconds=0.0)
    await client.fetch_quotes(["IWM"])  # three turns: cookie, crumb, quotes
    for _ in range(57):
        await client.fetch_chart("IWM", interval="1d", start=1, end=2)
    with pytest.raises(ProviderUnavailable) as caught:
        await client.fetch_chart("IWM", interval="1d", start=1, end=2)
    assert caught.value.code == "provider_rate_limited"
    await client.rest.close()
