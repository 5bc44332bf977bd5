"""Columns of many assets against what the service says of each alone, on a real feed."""

from __future__ import annotations

import asyncio
import math

import pytest
from tests.fixtures.chains import EXPIRATION, contracts_of, spot_of, table_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.market import marks as module
from optix.features.market.marks import ASK, BID, LAST, Marks
from optix.features.market.service import MarketService
from optix.kernel import limits
from optix.kernel.instrument import parse_option
from optix.ports.market_data import ChainKey

pytestmark = pytest.mark.stores

CALLS = ["SPY261218C00590000", "SPY261218C00600000", "SPY261218P00610000"]


@pytest.fixture
async def service(market: Market) -> MarketService:
    market.provider.list_small_chain()
    book = await market.start()
    return MarketService(book, market.clock)


def marks_of(service: MarketService, *keys: str, symbols: tuple[str, ...] = ()) -> Marks:
    return service.marks_of(symbols, [parse_option(key) for key in keys])


class TestReading:
    async def test_every_number_is_that_of_the_contract_alone(self, service: MarketService) -> None:
        marks = marks_of(service, *CALLS)
        await marks.open()
        assert marks.read().all()
        columns = marks.columns
        for key in CALLS:
            row, alone = marks.rows[key], await service.get_contract(key)
            contract, root = alone.contract, alone.root
            assert root is not None
            for place, value in (
                (BID, contract.bid),
                (ASK, contract.ask),
                (LAST, contract.last),
            ):
                assert columns.quotes[place, row] == pytest.approx(
                    math.nan if value is None else value, nan_ok=True
                )
            greeks = ("iv", "delta", "gamma", "theta", "vega", "rho")
            told = [getattr(contract, name) for name in greeks]
            assert columns.analytics[:, row].tolist() == told
            terms = [root.expiry_years, root.forward, root.rate]
            assert columns.terms[:3, row].tolist() == terms
            assert columns.strike[row] == contract.strike
        assert marks.spot_of("SPY") == 600.0

    async def test_only_what_changed_is_read_again(
        self, service: MarketService, market: Market
    ) -> None:
        marks = marks_of(service, *CALLS)
        await marks.open()
        marks.read()
        assert not marks.read().any()
        market.provider.emit(spot_of(price=601.0))

        def moved() -> bool:
            return bool(marks.read()[marks.rows["SPY"]]) and marks.spot_of("SPY") == 601.0

        await until(moved)

    async def test_a_feed_that_is_away_leaves_old_numbers_and_says_so(
        self, service: MarketService, market: Market
    ) -> None:
        marks = marks_of(service, CALLS[0])
        await marks.open()
        marks.read()
        assert set(marks.columns.quality) == {"realtime"}
        await market.kill(market.feed)

        def stale() -> bool:
            marks.read()
            return set(marks.columns.quality) == {"stale"}

        await until(stale)
        assert marks.columns.known.all()

    async def test_what_there_is_not_says_why(self, service: MarketService) -> None:
        gone, other = "SPY261218C00123000", "SPY270319C00600000"
        past = "SPY200117C00300000"
        marks = marks_of(service, gone, other, past, symbols=("NONE",))
        await marks.open()
        marks.read()
        told = {name: marks.columns.reasons[row] for name, row in marks.rows.items()}
        assert told == {
            "NONE": "unknown_symbol",
            "SPY": "",
            gone: "unknown_contract",
            other: "unknown_contract",
            past: "expired_contract",
        }

    async def test_a_contract_without_a_sound_quote_has_the_volatility_of_its_neighbours(
        self, market: Market
    ) -> None:
        """Strikes around it have theirs, and by the strike it lies between them."""
        contracts = contracts_of([590, 600, 610])
        bids = [22.0, 9.5, 0.0, 13.2, 10.6, 18.0]
        asks = [22.2, 9.7, 15.9, 13.4, 10.8, 18.2]
        key = ChainKey("SPY", EXPIRATION)
        market.provider.chains[key] = table_of(
            contracts, {"bid": bids, "ask": asks}, spot=spot_of()
        )
        book = await market.start()
        marks = MarketService(book, market.clock).marks_of((), contracts)
        await marks.open()
        marks.read()
        row = marks.rows["SPY261218C00600000"]
        assert math.isnan(marks.columns.analytics[0, row])
        ivs = marks.columns.analytics[0, marks.symbols :]
        assert min(ivs[ivs > 0]) <= marks.columns.near_iv[row] <= max(ivs[ivs > 0])


class TestOpening:
    async def test_what_nobody_knows_is_asked_for_again_after_a_while(
        self, service: MarketService, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MARKS_RETRY_SECONDS", 3600.0)
        assert limits.MARKS_RETRY_SECONDS == 3600.0
        marks = marks_of(service, symbols=("LATE",))
        await marks.open()
        market.provider.quotes["LATE"] = spot_of("LATE", 5.0)
        await marks.open()
        marks.read()
        assert marks.spot_of("LATE") is None
        marks._failed.clear()  # as once `MARKS_RETRY_SECONDS` have gone by
        await marks.open()
        marks.read()
        assert marks.spot_of("LATE") == 5.0

    async def test_nobody_waits_for_what_is_late(
        self, service: MarketService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MARKS_WAIT_SECONDS_MAX", 0.01)
        assert limits.MARKS_WAIT_SECONDS_MAX == 0.01
        marks = marks_of(service, CALLS[0])
        book, coming = marks._book, asyncio.Event()
        real = book.get_chain

        async def late(key: ChainKey) -> object:
            await coming.wait()
            return await real(key)

        monkeypatch.setattr(book, "get_chain", late)
        await marks.open()
        marks.read()
        assert marks.columns.reasons[marks.rows[CALLS[0]]] == module.PENDING
        coming.set()
        await until(lambda: bool(marks.read()[marks.rows[CALLS[0]]]))

    async def test_so_many_chains_begin_at_once(
        self, service: MarketService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MARKS_LOADS_AT_ONCE_MAX", 2)
        assert limits.MARKS_LOADS_AT_ONCE_MAX == 2
        marks = marks_of(service, *(f"SPY26120{n}C00600000" for n in (1, 2, 3, 4, 7)))
        book, running, most = marks._book, 0, 0
        real = book.get_chain

        async def counted(key: ChainKey) -> object:
            nonlocal running, most
            running += 1
            most = max(most, running)
            try:
                return await real(key)
            finally:
                running -= 1

        monkeypatch.setattr(book, "get_chain", counted)
        await marks.open()
        assert most == 2


async def test_events_of_an_underlying_come_from_the_feed(service: MarketService) -> None:
    """The scripted provider knows none, and the answer says why there are none."""
    told = await service.list_events("SPY")
    assert (told.dividends, told.earnings) == ([], [])
    assert told.dividends_reason
    assert told.earnings_reason
