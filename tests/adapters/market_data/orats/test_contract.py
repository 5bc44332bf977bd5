"""The provider keeps the cards of every provider, on a server with ORATS' documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from pydantic import SecretStr
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.fakes.orats_server import TOKEN, FakeOrats, day_row, strike_row, summary_row

from optix.adapters.market_data.orats.adapter import OratsMarketData
from optix.adapters.market_data.orats.client import OratsClient
from optix.kernel.clock import SystemClock
from optix.ports.market_data import ChainKey

KNOWN = Known(
    symbol="IWM",
    chain=ChainKey("IWM", date(2026, 7, 17)),
    other_chain=ChainKey("IWM", date(2026, 6, 18)),
    bars=(date(2026, 6, 16), date(2026, 6, 17)),
)


def fake_orats() -> FakeOrats:
    fake = FakeOrats()
    fake.rows = {
        "/strikes": [
            strike_row("IWM", day, strike)
            for day in ("2026-06-18", "2026-07-17")
            for strike in (290, 295, 300)
        ],
        "/summaries": [summary_row("IWM"), summary_row("SPY")],
        "/hist/dailies": [
            day_row("IWM", day) for day in ("2026-06-15", "2026-06-16", "2026-06-17")
        ],
    }
    return fake


def build(fake: FakeOrats, token: str = TOKEN) -> OratsMarketData:
    clock = SystemClock()
    return OratsMarketData(OratsClient(SecretStr(token), clock, base_url=fake.url), clock)


class TestOrats(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        fake = fake_orats()
        async with fake.serve_http():
            provider = build(fake)
            await provider.open()
            yield Market(provider, KNOWN)
            await provider.close()
