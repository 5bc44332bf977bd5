"""The provider on a fake ORATS: its token, what it asks for how often, and chains of the past."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.adapters.market_data.orats.test_contract import KNOWN, build, fake_orats
from tests.fakes.orats_server import TOKEN, FakeOrats, strike_row, summary_row
from tests.fakes.provider_server import Reply

from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.market_data.orats import adapter
from optix.adapters.market_data.orats import adapter as adapter_module
from optix.adapters.market_data.orats.adapter import OratsMarketData, build_provider
from optix.adapters.market_data.orats.client import TICKERS_MAX
from optix.adapters.market_data.tiers import disagreements, load_quality
from optix.kernel.clock import SystemClock
from optix.platform.provider_settings import OratsSettings
from optix.ports.market_data import (
    BarInterval,
    ChainHistorySource,
    CorporateActionSource,
    ProviderUnavailable,
    UnknownSymbol,
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeOrats]:
    made = fake_orats()
    async with made.serve_http():
        yield made


@pytest.fixture
async def provider(fake: FakeOrats) -> AsyncIterator[OratsMarketData]:
    made = build(fake)
    yield made
    await made.close()


async def test_without_a_token_it_is_not_offered() -> None:
    assert build_provider(OratsSettings(), SystemClock()) is None
    made = build_provider(OratsSettings(orats_token=SecretStr("x")), SystemClock())
    assert isinstance(made, ChainHistorySource)
    assert isinstance(made, CorporateActionSource)


async def test_a_refused_token_is_shown_nowhere(
    fake: FakeOrats, caplog: pytest.LogCaptureFixture
) -> None:
    provider = build(fake, token="another-token")
    with caplog.at_level("WARNING"), pytest.raises(ProviderRefused) as caught:
        await provider.open()
    shown = f"{caught.value!r} {caught.value.detail} {provider.__dict__} {caplog.text}"
    assert "another-token" not in shown
    await provider.close()


async def test_a_server_that_fails_does_not_show_the_token(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    fake.down = True
    with pytest.raises(ProviderUnavailable) as caught:
        await provider.fetch_chain(KNOWN.chain)
    assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!s}"


async def test_one_answer_serves_everybody_for_a_minute(
    provider: OratsMarketData, fake: FakeOrats, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(
        *(provider.fetch_chain(key) for key in (KNOWN.chain, KNOWN.other_chain)),
        provider.fetch_expirations("IWM"),
    )
    assert fake.counts["/datav2/strikes"] == 1
    monkeypatch.setattr(adapter, "SNAPSHOT_SECONDS", 0)
    await provider.fetch_chain(KNOWN.chain)
    assert fake.counts["/datav2/strikes"] == 2


async def test_what_is_remembered_is_bounded(
    provider: OratsMarketData, fake: FakeOrats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "SNAPSHOTS_MAX", 1)
    fake.rows["/strikes"].append(strike_row("SPY", "2026-07-17", 600))
    for symbol in ("IWM", "SPY", "IWM"):
        await provider.fetch_expirations(symbol)
    with pytest.raises(UnknownSymbol):
        await provider.fetch_expirations("ZZQXW")
    assert fake.counts["/datav2/strikes"] == 4
    assert len(provider._snapshots) == len(provider._asking) == 1  # the bound


async def test_several_prices_are_one_question_of_ten(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    symbols = [f"A{letter}" for letter in "ABCDEFGHIJK"]
    fake.rows["/summaries"] = [summary_row(symbol) for symbol in symbols]
    assert len(await provider.fetch_quotes(symbols)) == len(symbols) == TICKERS_MAX + 1
    assert fake.counts["/datav2/summaries"] == 2


async def test_an_answer_that_is_mostly_unreadable_is_refused(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    for row in fake.rows["/strikes"][:4]:
        row["strike"] = None
    with pytest.raises(Unreadable):
        await provider.fetch_chain(KNOWN.chain)


async def test_what_is_no_document_is_unreadable(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    fake.routes.insert(0, ("GET", "/datav2/strikes", lambda _: Reply([])))
    with pytest.raises(Unreadable):
        await provider.fetch_chain(KNOWN.chain)


async def test_the_sessions_of_the_past_come_in_order(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    fake.rows["/hist/strikes"] = [
        strike_row("IWM", expiration, 295, tradeDate=day, updatedAt=f"{day}T19:46:00Z")
        for day in ("2026-06-15", "2026-06-17")
        for expiration in ("2026-06-18", "2026-07-17")
    ]
    start, end = date(2026, 6, 15), date(2026, 6, 17)
    tables = [table async for table in provider.iter_chain_history("IWM", start=start, end=end)]
    assert [len(table) for table in tables] == [4, 4]
    assert tables[0].ts_event < tables[1].ts_event
    with pytest.raises(UnknownSymbol):
        await anext(provider.iter_chain_history("ZZQXW", start=start, end=end))


async def test_actions_and_earnings_are_of_the_asked_days(
    provider: OratsMarketData, fake: FakeOrats
) -> None:
    fake.rows["/hist/divs"] = [
        {"ticker": "IWM", "exDate": day, "divAmt": 0.6, "declaredDate": None}
        for day in ("2026-03-18", "2026-06-17")
    ]
    fake.rows["/hist/earnings"] = [{"ticker": "IWM", "earnDate": "2026-05-01", "anncTod": 1630}]
    day = date(2026, 6, 17)
    (action,) = await provider.fetch_corporate_actions("IWM", start=day, end=day)
    assert (action.ex_date, action.amount, action.source) == (day, 0.6, "orats")
    assert [entry.day for entry in await provider.fetch_past_earnings("IWM")] == [date(2026, 5, 1)]
    fake.rows["/cores"] = [{"ticker": "IWM", "nextErn": "2090-05-01", "nextErnTod": 900}]
    assert [entry.session for entry in await provider.fetch_earnings("IWM")] == [date(2090, 5, 1)]
    with pytest.raises(UnknownSymbol):
        await provider.fetch_earnings("ZZQXW")
    with pytest.raises(UnknownSymbol):
        await provider.fetch_corporate_actions("ZZQXW", start=day, end=day)
    assert await provider.fetch_corporate_actions("SPY", start=day, end=day) == []


async def test_weeks_are_joined_from_days(provider: OratsMarketData) -> None:
    bars = await provider.fetch_bars(
        "IWM", BarInterval.WEEK_1, start=date(2026, 6, 15), end=date(2026, 6, 19)
    )
    assert [bar.volume for bar in bars.rows] == [2700]


def test_its_quality_file_agrees_with_the_code() -> None:
    file = Path(adapter_module.__file__).with_name("quality.toml")
    assert disagreements(load_quality(file), adapter_module.CAPABILITIES) == []
