"""Dates follow the calendar of the day, and strikes follow the price without ever going away."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from tests.adapters.market_data.sim.world import PROGRAMS, new_york

from optix.adapters.market_data.sim.listing import (
    Listing,
    activity,
    lifetime_days,
    root_for,
    strikes_milli,
    zones,
)
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.sessions import ListedExpiration
from optix.kernel import limits
from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.ports.market_data import ChainKey, UnknownExpiration

NAMES = {name.symbol: name for name in DEFAULT_NAMES}
TODAY = date(2026, 11, 18)  # a Wednesday
THIRD_FRIDAY = date(2026, 12, 18)


@pytest.fixture
def listing(path: MarketPath) -> Listing:
    return Listing(path, PROGRAMS)


def number_of(path: MarketPath, day: date) -> int:
    return path.day_number(new_york(day.year, day.month, day.day, 12))


def standard(
    listing: Listing, name: SimulatedName, item: ListedExpiration, number: int
) -> tuple[int, ...]:
    return listing.ladders(name, item, number)[root_for(name.symbol, item)]


class TestDates:
    @pytest.mark.parametrize("symbol", ["SPX", "SPY", "AAPL", "DIS"])
    def test_dates_run_from_this_week_to_more_than_two_years(
        self, listing: Listing, symbol: str
    ) -> None:
        dates = [item.date for item in listing.listed(NAMES[symbol], TODAY)]
        assert dates == sorted(dates)
        assert min(dates) - TODAY <= timedelta(days=2)
        assert max(dates) - TODAY >= timedelta(days=365 * 2)

    def test_an_index_has_both_roots_on_a_third_friday(
        self, listing: Listing, path: MarketPath
    ) -> None:
        rows = listing.expirations(NAMES["SPX"], TODAY, number_of(path, TODAY))
        both = {row.root: row for row in rows if row.date == THIRD_FRIDAY}
        assert both["SPX"].settlement is Settlement.AM
        assert both["SPXW"].settlement is Settlement.PM
        assert {row.style for row in rows} == {ExerciseStyle.EUROPEAN}

    def test_stocks_are_american_and_settle_at_the_close(
        self, listing: Listing, path: MarketPath
    ) -> None:
        rows = listing.expirations(NAMES["AAPL"], TODAY, number_of(path, TODAY))
        assert {(row.root, row.style, row.settlement) for row in rows} == {
            ("AAPL", ExerciseStyle.AMERICAN, Settlement.PM)
        }

    def test_an_index_of_volatility_has_wednesdays_that_settle_in_the_morning(
        self, listing: Listing, path: MarketPath
    ) -> None:
        rows = listing.expirations(NAMES["VIX"], TODAY, number_of(path, TODAY))
        assert {row.root for row in rows} == {"VIX", "VIXW"}
        assert {row.settlement for row in rows} == {Settlement.AM}
        assert sum(row.date.weekday() == 2 for row in rows) > 0.8 * len(rows)

    @pytest.mark.parametrize("day", [date(2026, 11, 17), date(2026, 11, 22), date(2099, 1, 15)])
    def test_a_date_that_is_not_listed_is_an_error(self, listing: Listing, day: date) -> None:
        with pytest.raises(UnknownExpiration, match=f"DIS has no contracts that expire on {day}"):
            listing.on(NAMES["DIS"], ChainKey("DIS", day), TODAY)

    def test_a_root_is_found_by_its_settlement(self, listing: Listing) -> None:
        third_friday = listing.on(NAMES["RUT"], ChainKey("RUT", THIRD_FRIDAY), TODAY)
        assert {root_for("RUT", item) for item in third_friday} == {"RUT", "RUTW"}


class TestStrikes:
    @pytest.mark.parametrize("name", [n for n in DEFAULT_NAMES if n.has_options])
    def test_every_date_has_a_bounded_ladder_around_the_price(
        self, listing: Listing, path: MarketPath, name: SimulatedName
    ) -> None:
        number = number_of(path, TODAY)
        spot = np.exp(path.log_close(name.symbol, number - 1)) * 1000
        for item in listing.listed(name, TODAY):
            strikes = standard(listing, name, item, number)
            assert list(strikes) == sorted(set(strikes))
            assert 12 <= len(strikes) <= limits.CHAIN_STRIKES_MAX
            assert 0 < strikes[0] < 0.9 * spot
            assert strikes[-1] > 1.1 * spot

    @pytest.mark.parametrize("symbol", ["SPX", "TSLA", "TLT"])
    def test_a_strike_is_never_withdrawn(
        self, listing: Listing, path: MarketPath, symbol: str
    ) -> None:
        number = number_of(path, TODAY)
        for item in listing.on(NAMES[symbol], ChainKey(symbol, THIRD_FRIDAY), TODAY):
            before: set[int] = set()
            for earlier in range(number - 60, number + 1, 5):
                now = set(standard(listing, NAMES[symbol], item, earlier))
                assert before <= now
                before = now

    def test_strikes_are_denser_near_the_price(self, listing: Listing, path: MarketPath) -> None:
        number = number_of(path, TODAY)
        (item,) = listing.on(NAMES["SPY"], ChainKey("SPY", date(2026, 11, 20)), TODAY)
        strikes = np.array(standard(listing, NAMES["SPY"], item, number)) / 1000
        spot = float(np.exp(path.log_close("SPY", number - 1)))
        gaps = np.diff(strikes)
        assert gaps[np.searchsorted(strikes, spot)] == 1.0
        assert gaps[0] == gaps[-1] == 25.0

    def test_a_price_that_moves_adds_strikes(self) -> None:
        laid = zones(1.0, 0.2, 60)
        assert strikes_milli(100.0, 100.0, laid) < strikes_milli(80.0, 120.0, laid)

    def test_a_penny_stock_has_no_strike_of_zero(self) -> None:
        assert min(strikes_milli(0.3, 0.9, zones(0.5, 0.9, 60))) == 500


def test_a_january_lives_longest_and_its_life_depends_on_the_date_alone() -> None:
    january = date(2028, 1, 21)
    assert lifetime_days(january, "leaps") == lifetime_days(january, "monthly")
    assert lifetime_days(january, "leaps") > lifetime_days(THIRD_FRIDAY, "monthly")
    assert lifetime_days(THIRD_FRIDAY, "monthly") > lifetime_days(date(2026, 12, 11), "weekly")


def test_volume_is_near_and_open_interest_in_the_monthlies() -> None:
    today_volume, today_interest = activity(np.array([0]), "weekly")
    month_volume, month_interest = activity(np.array([30]), "monthly")
    assert today_volume > month_volume
    assert month_interest > today_interest
