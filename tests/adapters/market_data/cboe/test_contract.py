"""The provider keeps the cards of every provider, on a server with Cboe's documents."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.fakes.cboe import (
    FakeCboe,
    daily_document,
    minutes_document,
    options_document,
    quote_document,
    usual_rows,
)

from optix.adapters.market_data.cboe.adapter import CboeMarketData
from optix.adapters.market_data.cboe.client import CboeClient
from optix.ports.market_data import ChainKey

KNOWN = Known(
    symbol="IWM",
    chain=ChainKey("IWM", date(2026, 7, 17)),
    other_chain=ChainKey("IWM", date(2026, 6, 18)),
    bars=(date(2026, 6, 16), date(2026, 6, 17)),
)


class TestCboe(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        async with FakeCboe().serve() as server:
            server.put("options/IWM.json", options_document(usual_rows()))
            server.put("quotes/IWM.json", quote_document())
            server.put("quotes/SPY.json", quote_document(symbol="SPY"))
            server.put(
                "charts/historical/IWM.json",
                daily_document(
                    [
                        ("2026-06-15", 290.0, 292.5, 289.0, 291.0, 1),
                        ("2026-06-16", 292.0, 294.0, 291.0, 292.08, 2),
                        ("2026-06-17", 293.1, 296.2, 292.8, 295.4, 3),
                    ]
                ),
            )
            server.put(
                "charts/intraday/IWM.json",
                minutes_document([("2026-06-17T09:31:00", 293.1, 293.4, 293.0, 293.2, 900)]),
            )
            provider = CboeMarketData(
                CboeClient(base_url=server.base_url, spacing_seconds=0.0), poll_seconds=60.0
            )
            await provider.open()
            yield Market(provider, KNOWN)
            await provider.close()
