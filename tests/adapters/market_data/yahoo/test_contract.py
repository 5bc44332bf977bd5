"""The provider keeps the cards of every provider, on a server with Yahoo's documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.fakes.yahoo_server import FakeYahoo, chart, quote_fields, usual_chain

from optix.adapters.market_data.yahoo.adapter import YahooMarketData
from optix.adapters.market_data.yahoo.client import YahooClient
from optix.kernel.clock import SystemClock
from optix.ports.market_data import ChainKey

JUNE, JULY = date(2026, 6, 18), date(2026, 7, 17)
OPENS = (1_781_530_200, 1_781_616_600, 1_781_703_000)  # 15 to 17 June 2026, 09:30 in New York
KNOWN = Known(
    symbol="IWM",
    chain=ChainKey("IWM", JULY),
    other_chain=ChainKey("IWM", JUNE),
    bars=(date(2026, 6, 16), date(2026, 6, 17)),
)


def fake_market() -> FakeYahoo:
    fake = FakeYahoo()
    fake.quotes = {"IWM": quote_fields(), "SPY": quote_fields("SPY")}
    fake.chains = {"IWM": {JULY: usual_chain("IWM", JULY), JUNE: usual_chain("IWM", JUNE)}}
    fake.charts = {"IWM": chart([(instant, 292.0, 294.0, 291.0, 293.0, 900) for instant in OPENS])}
    return fake


class TestYahoo(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        fake = fake_market()
        async with fake.serve_http():
            clock = SystemClock()
            client = YahooClient(
                clock,
                base_url=fake.base_url,
                cookie_url=fake.base_url,
                spacing_seconds=0.0,
            )
            provider = YahooMarketData(client, clock)
            await provider.open()
            yield Market(provider, KNOWN)
            await provider.close()
