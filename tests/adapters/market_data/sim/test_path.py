"""One instant has one price, prices move together as their names do, and time has no seams."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from tests.adapters.market_data.sim.world import SESSIONS, make_path, new_york

from optix.adapters.market_data.sim.hashing import Floats
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName
from optix.adapters.market_data.sim.path import BeforeSimulation, MarketPath
from optix.adapters.market_data.sim.span import as_instants
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import SecurityKind

NOON = new_york(2026, 11, 18, 12)


def prices(path: MarketPath, symbol: str, *instants: int) -> Floats:
    return np.exp(path.log_prices(symbol, np.array(instants, dtype=np.int64)))


def minute_returns(path: MarketPath, symbol: str) -> Floats:
    instants = NOON - 120 * 60 * NANOSECONDS + np.arange(240) * 60 * NANOSECONDS
    return np.diff(path.log_prices(symbol, instants))


def daily_returns(path: MarketPath, symbol: str) -> Floats:
    last = path.day_number(NOON)
    closes = np.array([path.close_ns(number) for number in range(last - 200, last)])
    return np.diff(path.log_prices(symbol, closes))


def correlation(one: Floats, two: Floats) -> float:
    return float(np.corrcoef(one, two)[0, 1])


class TestDeterminism:
    def test_a_restart_continues_the_same_world(self, path: MarketPath) -> None:
        again = make_path()
        for name in DEFAULT_NAMES:
            at = np.array([NOON + 7, NOON + 123_456_789_012])
            assert (path.log_prices(name.symbol, at) == again.log_prices(name.symbol, at)).all()

    def test_the_order_of_questions_changes_nothing(self) -> None:
        forward, backward = make_path(), make_path()
        instants = [new_york(2026, 3, 2, 11), NOON, new_york(2026, 11, 22, 9)]
        ahead = [prices(forward, "AAPL", at)[0] for at in instants]
        back = [prices(backward, "AAPL", at)[0] for at in reversed(instants)]
        assert ahead == back[::-1]

    def test_another_list_of_names_changes_no_price(self, path: MarketPath) -> None:
        few = make_path([n for n in DEFAULT_NAMES if n.symbol in {"SPX", "TSLA"}])
        assert prices(few, "TSLA", NOON) == prices(path, "TSLA", NOON)

    def test_another_seed_is_another_world(self, path: MarketPath) -> None:
        assert prices(make_path(seed=12), "SPX", NOON) != prices(path, "SPX", NOON)


class TestOneMarket:
    def test_a_fund_is_a_part_of_its_index_but_for_the_dividend_it_gathers(
        self, path: MarketPath
    ) -> None:
        ratio = prices(path, "SPY", NOON, NOON + NANOSECONDS) / prices(
            path, "SPX", NOON, NOON + NANOSECONDS
        )
        assert ratio == pytest.approx(678.0 / 6_800.0, rel=0.006)
        later = prices(path, "SPY", NOON + 9 * NANOSECONDS, NOON + 10 * NANOSECONDS) / prices(
            path, "SPX", NOON + 9 * NANOSECONDS, NOON + 10 * NANOSECONDS
        )
        assert later == pytest.approx(ratio, rel=1e-7)

    @pytest.mark.parametrize("returns", [minute_returns, daily_returns])
    def test_stocks_move_with_the_market(self, path: MarketPath, returns) -> None:  # type: ignore[no-untyped-def]  # parametrised function
        market = returns(path, "SPX")
        for symbol in ("AAPL", "NVDA", "MSFT", "JPM"):
            assert correlation(returns(path, symbol), market) > 0.25
        assert correlation(returns(path, "NDX"), market) > 0.8

    @pytest.mark.parametrize("returns", [minute_returns, daily_returns])
    def test_volatility_rises_when_the_market_falls(self, path: MarketPath, returns) -> None:  # type: ignore[no-untyped-def]  # parametrised function
        assert correlation(returns(path, "VIX"), returns(path, "SPX")) < -0.5

    def test_gold_goes_its_own_way(self, path: MarketPath) -> None:
        assert abs(correlation(daily_returns(path, "GLD"), daily_returns(path, "SPX"))) < 0.3

    def test_realised_volatility_is_near_what_options_say(self, path: MarketPath) -> None:
        for symbol, low, high in (("SPX", 0.08, 0.25), ("TSLA", 0.3, 0.75), ("TLT", 0.07, 0.2)):
            assert low < daily_returns(path, symbol).std() * np.sqrt(252) < high


class TestTime:
    def test_the_price_has_no_seam_at_open_close_and_minute(self, path: MarketPath) -> None:
        number = path.day_number(NOON)
        for edge in (path.open_ns(number), path.close_ns(number), NOON):
            before, after = prices(path, "TSLA", edge - 1, edge)
            assert before == pytest.approx(after, rel=1e-6)

    def test_state_and_path_agree_at_a_close(self, path: MarketPath) -> None:
        number = path.day_number(NOON) - 1
        at_close = prices(path, "META", path.close_ns(number))[0]
        assert np.exp(path.log_close("META", number)) == pytest.approx(at_close, rel=1e-12)

    def test_the_price_moves_in_the_session_at_night_and_on_sunday(self, path: MarketPath) -> None:
        for start in (NOON, new_york(2026, 11, 18, 22), new_york(2026, 11, 22, 9)):
            instants = start + np.arange(60) * NANOSECONDS
            cents = np.round(np.exp(path.log_prices("SPY", instants)), 2)
            assert len(np.unique(cents)) > 10

    def test_volume_only_rises_within_a_day_and_is_whole_at_its_end(self, path: MarketPath) -> None:
        number = path.day_number(NOON)
        day = np.linspace(path.open_ns(number), path.open_ns(number + 1) - NANOSECONDS, 500).astype(
            np.int64
        )
        shares = path.volume_shares("AAPL", day)
        assert shares[0] == 0
        assert np.diff(shares).min() >= 0
        assert shares[-1] == pytest.approx(1.0, abs=1e-5)

    def test_a_day_begins_at_its_open(self, path: MarketPath) -> None:
        monday_open = new_york(2026, 11, 23, 9, 30)
        before = path.day_number(monday_open - 1)
        assert path.day(before) == date(2026, 11, 20)
        assert path.day_number(monday_open) == before + 1

    def test_before_its_first_day_the_simulation_says_so(self, path: MarketPath) -> None:
        with pytest.raises(BeforeSimulation, match="2026-01-02"):
            path.position(new_york(2025, 12, 31))


def test_a_name_without_own_volatility_never_jumps_by_itself() -> None:
    lonely = SimulatedName(
        symbol="ONE",
        name="One",
        kind=SecurityKind.ETF,
        exchange="",
        level=100.0,
        loadings={"market": 1.0},
        surface=DEFAULT_NAMES[0].surface,
    )
    path = make_path([DEFAULT_NAMES[0], lonely])
    assert correlation(minute_returns(path, "ONE"), minute_returns(path, "SPX")) > 0.9999


def test_every_session_knows_its_close_and_the_way_to_the_next_open() -> None:
    path = make_path()
    for day in SESSIONS.iter_sessions(date(2026, 1, 5), date(2026, 3, 31)):
        instant = SESSIONS.opens_at(day)
        number = path.day_number(instant)
        assert np.isfinite(path.log_close("XOM", number))
        assert np.isfinite(path.log_prices("XOM", as_instants(instant))).all()
