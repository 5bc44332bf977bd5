"""The provider keeps the cards of every provider, and those of every stream, on a fake terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.contracts.streaming_provider import (
    CHAOS_TIMINGS,
    Streamed,
    StreamingProviderContract,
)
from tests.fakes.thetadata_server import (
    HEARTBEAT_SECONDS,
    NEW_YORK,
    FakeStream,
    FakeTerminal,
    day_row,
    greeks_row,
    interest_row,
    ohlc_row,
    quote_row,
    security_ohlc,
    security_row,
)

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.thetadata.adapter import ThetaDataMarketData
from optix.adapters.market_data.thetadata.client import ThetaDataClient
from optix.kernel.clock import SystemClock, to_datetime
from optix.ports.market_data import ChainKey

TODAY = new_york_date(SystemClock().now_ns())
NEAR, FAR = TODAY + timedelta(days=3), TODAY + timedelta(days=31)
DAYS = (date(2026, 6, 15), date(2026, 6, 16), date(2026, 6, 17))
KNOWN = Known(
    symbol="IWM",
    chain=ChainKey("IWM", FAR),
    other_chain=ChainKey("IWM", NEAR),
    bars=(DAYS[1], DAYS[2]),
)


def symbols_of(root: str, day: date) -> list[str]:
    return [
        f"{root}{day:%y%m%d}{right}{strike:08d}"
        for strike in (290_000, 295_000, 300_000)
        for right in "CP"
    ]


def fake_terminal() -> FakeTerminal:
    """Return a terminal with one underlying, quoted a minute ago."""
    fake = FakeTerminal()
    now = to_datetime(SystemClock().now_ns()).astimezone(NEW_YORK) - timedelta(minutes=1)
    at = now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    symbols = [*symbols_of("IWM", NEAR), *symbols_of("IWM", FAR)]
    fake.tables = {
        "/option/list/contracts/quote": [quote_row(each, at) for each in symbols],
        "/option/snapshot/quote": [quote_row(each, at) for each in symbols],
        "/option/snapshot/ohlc": [ohlc_row(each, at) for each in symbols],
        "/option/snapshot/open_interest": [interest_row(each, at) for each in symbols],
        "/option/snapshot/greeks/first_order": [greeks_row(each, at) for each in symbols],
        "/stock/snapshot/quote": [security_row("IWM", at)],
        "/stock/snapshot/ohlc": [security_ohlc("IWM", at)],
        "/stock/history/eod": [
            *(day_row("IWM", day) for day in DAYS),
            day_row("IWM", TODAY - timedelta(days=3)),
            day_row("SPY", TODAY - timedelta(days=3)),
        ],
    }
    return fake


def build(fake: FakeTerminal, *, plan: str = "value", **options: object) -> ThetaDataMarketData:
    clock = SystemClock()
    client = ThetaDataClient(fake.url, clock, plan=plan)
    return ThetaDataMarketData(client, clock, plan=plan, url=fake.url, **options)  # type: ignore[arg-type]  # what a test adds


class TestThetaData(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        fake = fake_terminal()
        async with fake.serve_http():
            provider = build(fake)
            await provider.open()
            yield Market(provider, KNOWN)
            await provider.close()


class TestThetaDataStream(StreamingProviderContract):
    @pytest.fixture
    async def streamed(self) -> AsyncIterator[Streamed]:
        fake, stream = fake_terminal(), FakeStream()
        timings = replace(CHAOS_TIMINGS, frame_silence=6 * HEARTBEAT_SECONDS)
        async with fake.serve_http(), stream.serve_all():
            provider = build(fake, plan="standard", stream=stream.stream_url, timings=timings)
            await provider.open()
            yield Streamed(
                provider,
                stream,
                chain=KNOWN.chain,
                contracts=symbols_of("IWM", FAR),
                refusals=False,
                tokens=False,
            )
            await provider.close()
