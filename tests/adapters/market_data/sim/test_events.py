"""Reports, dividends, splits, halts and settlements leave their marks where they must."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from tests.adapters.market_data.sim.world import (
    FIRST_DAY,
    PROGRAMS,
    SEED,
    SESSIONS,
    make_market,
    make_path,
    new_york,
    step_clock,
)

from optix.adapters.market_data.sim.actions import LOOK_AHEAD_DAYS
from optix.adapters.market_data.sim.days import SimulatedDays, make_days
from optix.adapters.market_data.sim.files import truth_of
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName, Split
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.provider import SimulatedMarket
from optix.adapters.market_data.sim.settlement import settlement_value
from optix.adapters.market_data.sim.span import HALT_JUMP, HALT_MINUTES, as_instants
from optix.adapters.market_data.sim.status import LIMIT_UP_LIMIT_DOWN, statuses
from optix.features.market import calendar
from optix.kernel.clock import NANOSECONDS
from optix.kernel.corporate import ActionKind
from optix.kernel.quote import TradingState
from optix.kernel.roots import is_adjusted
from optix.ports.market_data import (
    BarInterval,
    ChainHistorySource,
    ChainKey,
    CorporateActionSource,
)

NAMES = {name.symbol: name for name in DEFAULT_NAMES}
EX_DAY = date(2026, 9, 14)  # a Monday
MARCH_2027 = date(2027, 3, 19)


def splitting(ratio: float) -> list[SimulatedName]:
    return [replace(NAMES["AAPL"], splits=(Split(EX_DAY, ratio),)), NAMES["SPX"]]


def world_of(ratio: float) -> tuple[SimulatedDays, SimulatedName]:
    days, names = make_days(SESSIONS, PROGRAMS, seed=SEED, start=EX_DAY, names=splitting(ratio))
    return days, names["AAPL"]


def price(path: MarketPath, symbol: str, instant_ns: int) -> float:
    return float(np.exp(path.log_prices(symbol, as_instants(instant_ns)))[0])


class TestSplits:
    def test_the_price_divides_overnight_and_the_strikes_with_it(self) -> None:
        days, name = world_of(4.0)
        number = days.number_of(EX_DAY)
        path = days._path
        before, after = path.close_ns(number - 1), path.open_ns(number)
        assert price(path, "AAPL", before - 1) / price(path, "AAPL", after) == pytest.approx(
            4.0, rel=0.05
        )
        old, new = (
            {
                contract.strike_milli
                for board in days._boards.of_day(name, at)
                for contract in board.contracts
                if contract.expiration == MARCH_2027
            }
            for at in (number - 1, number)
        )
        assert {round(strike / 4 / 10) * 10 for strike in old} <= new
        assert any(strike % 500 for strike in new), "fractional strikes appear"

    def test_every_contract_becomes_four_and_nothing_is_lost(self) -> None:
        days, name = world_of(4.0)
        number = days.number_of(EX_DAY)
        eve = days.name_day(name, number - 1, tape=True)
        truth = truth_of(days, eve)["positions"].to_pylist()
        assert eve.tape is not None
        morning = {
            (c.expiration, c.right, c.strike_milli): interest
            for board in days._boards.of_day(name, number)
            for c, interest in zip(board.contracts, board.open_interest.tolist(), strict=True)
        }
        held = 0
        for contract, row in zip(eve.tape.universe.contracts, truth, strict=True):
            key = (
                contract.expiration,
                contract.right,
                round(contract.strike_milli / 4 / 10) * 10,
            )
            if contract.expiration < EX_DAY:
                continue
            assert morning[key] == 4 * row["open_interest_next"]
            held += row["open_interest_next"]
        assert held > 1_000

    def test_a_broken_ratio_moves_the_contracts_to_an_adjusted_root(self) -> None:
        days, name = world_of(1.5)
        number = days.number_of(EX_DAY)
        old = next(
            b for b in days._boards.of_day(name, number - 1) if b.terms.expiration == MARCH_2027
        )
        new = next(b for b in days._boards.of_day(name, number) if b.terms.expiration == MARCH_2027)
        adjusted = {c.strike_milli for c in new.contracts if c.root == "AAPL1"}
        assert is_adjusted("AAPL1")
        assert adjusted == {contract.strike_milli for contract in old.contracts}
        assert {c.root for c in new.contracts} == {"AAPL", "AAPL1"}

        now = as_instants(days._path.open_ns(number))
        value = new.theoretical(np.arange(len(new.contracts)), now).value
        worth = {c.key: v for c, v in zip(new.contracts, value.tolist(), strict=True)}
        spot = price(days._path, "AAPL", int(now[0]))
        for contract, least in zip(
            new.contracts, new.theoretical(np.arange(len(new.contracts)), now).least, strict=True
        ):
            if contract.root == "AAPL1" and contract.right == "C":
                assert least == pytest.approx(max(1.5 * spot - contract.strike, 0.0))
                assert worth[contract.key] >= least
        interest = dict(
            zip((c.key for c in new.contracts), new.open_interest.tolist(), strict=True)
        )
        eve = truth_of(days, days.name_day(name, number - 1, tape=True))["positions"].to_pylist()
        for row in eve:
            if row["symbol"].startswith("AAPL270319"):
                assert interest[row["symbol"].replace("AAPL", "AAPL1")] == row["open_interest_next"]

    async def test_bars_are_adjusted_and_the_quote_says_the_close_in_new_shares(self) -> None:
        clock = step_clock(new_york(2026, 9, 14, 12))
        market = SimulatedMarket(
            clock, SESSIONS, PROGRAMS, seed=SEED, names=splitting(4.0), first_day=FIRST_DAY
        )
        bars = await market.fetch_bars(
            "AAPL", BarInterval.DAY_1, start=date(2026, 9, 1), end=EX_DAY
        )
        closes = np.array([bar.close for bar in bars.rows])
        assert np.abs(np.diff(np.log(closes))).max() < 0.2
        quote = await market.fetch_quote("AAPL")
        assert quote.previous_close == pytest.approx(closes[-2], rel=1e-3)
        actions = await market.fetch_corporate_actions(
            "AAPL", start=date(2026, 9, 1), end=date(2026, 9, 30)
        )
        assert [(a.kind, a.ex_date, a.ratio) for a in actions] == [(ActionKind.SPLIT, EX_DAY, 4.0)]

    def test_an_unannounced_split_is_not_told(self) -> None:
        market = SimulatedMarket(
            step_clock(new_york(2026, 6, 1, 12)),
            SESSIONS,
            PROGRAMS,
            seed=SEED,
            names=splitting(4.0),
            first_day=FIRST_DAY,
        )
        told = asyncio.run(
            market.fetch_corporate_actions("AAPL", start=FIRST_DAY, end=date(2026, 12, 1))
        )
        assert all(action.kind is ActionKind.CASH_DIVIDEND for action in told)


class TestDividends:
    @pytest.mark.parametrize("symbol", ["XOM", "SPY", "TLT"])
    async def test_the_price_drops_by_what_was_announced(
        self, path: MarketPath, symbol: str
    ) -> None:
        market, _ = make_market(new_york(2026, 11, 20, 12))
        assert isinstance(market, CorporateActionSource)
        actions = await market.fetch_corporate_actions(
            symbol, start=date(2026, 3, 1), end=date(2026, 11, 20)
        )
        paid = [a for a in actions if a.kind is ActionKind.CASH_DIVIDEND and not a.estimated]
        assert len(paid) >= 2
        for action in paid:
            assert action.amount is not None
            assert action.announced is not None
            assert action.announced < action.ex_date
            open_ns = SESSIONS.opens_at(action.ex_date)
            before, after = price(path, symbol, open_ns - 1), price(path, symbol, open_ns)
            assert before - after == pytest.approx(action.amount, rel=0.1)

    async def test_what_is_to_come_is_known_before_or_estimated(self) -> None:
        market, _ = make_market(new_york(2026, 11, 20, 12))
        actions = await market.fetch_corporate_actions(
            "SPY", start=date(2026, 11, 21), end=date(2027, 12, 31)
        )
        assert [action.ex_date for action in actions][:2] == [
            date(2026, 12, 18),
            date(2027, 3, 19),
        ]
        assert actions[-1].estimated
        assert actions[-1].ex_date <= date(2026, 11, 20) + timedelta(days=LOOK_AHEAD_DAYS)
        assert all(action.amount for action in actions)

    def test_deep_calls_are_exercised_before_the_ex_date(self) -> None:
        days, names = make_days(SESSIONS, PROGRAMS, seed=SEED, start=date(2026, 6, 1))
        ex_day = days._path.schedule.ex_days(names["XOM"], date(2026, 7, 1), date(2026, 9, 30))[0]
        number = days.number_of(ex_day)
        positions = truth_of(days, days.name_day(names["XOM"], number - 1, tape=True))["positions"]
        standard = [row for row in positions.to_pylist() if "XOM1" not in row["symbol"]]
        exercised = [row for row in standard if row["exercised"] and row["symbol"][-9] == "C"]
        assert exercised
        spot = price(days._path, "XOM", days._path.close_ns(number - 1))
        assert all(int(row["symbol"][-8:]) / 1000 < spot for row in exercised)


class TestReports:
    def test_a_company_reports_four_times_a_year_between_two_sessions(
        self, path: MarketPath
    ) -> None:
        for symbol in ("AAPL", "TSLA", "JPM", "DIS"):
            reports = path.schedule.earnings(NAMES[symbol], date(2026, 1, 1), date(2026, 12, 31))
            assert len(reports) == 4
            for report in reports:
                hour = (report.instant_ns - SESSIONS.opens_at(report.day)) / 3.6e12
                assert hour == -2.0 if report.before_open else hour > 6.5
        assert path.schedule.earnings(NAMES["SPY"], FIRST_DAY, date(2026, 12, 31)) == []

    def test_the_price_jumps_at_the_report(self, path: MarketPath) -> None:
        jumps, others = [], []
        for name in DEFAULT_NAMES:
            for report in path.schedule.earnings(name, date(2026, 2, 1), date(2026, 10, 30)):
                minute = 60 * NANOSECONDS
                at = report.instant_ns
                prices = [price(path, name.symbol, at + k * minute) for k in (-2, -1, 0, 1, 2)]
                moves = np.abs(np.diff(np.log(prices)))
                jumps.append(moves[1:3].max() / name.earnings_move)
                others.append(moves[0] / name.earnings_move)
        assert np.sqrt(np.mean(np.square(jumps))) == pytest.approx(1.0, abs=0.35)
        assert max(others) < 0.3

    async def test_a_provider_says_which_sessions_trade_on_the_reports_to_come(self) -> None:
        market, _ = make_market(new_york(2026, 11, 20, 12))
        coming = await market.fetch_earnings("NVDA")
        assert len(coming) >= 3
        sessions = [report.session for report in coming]
        assert sessions == sorted(sessions)
        assert all(date(2026, 11, 20) <= day <= date(2027, 11, 30) for day in sessions)
        assert all(day.weekday() < 5 for day in sessions)
        assert await market.fetch_earnings("SPY") == []


class TestHalts:
    def test_a_leap_stops_trading_for_five_minutes(self) -> None:
        path = make_path()
        path.position(new_york(2026, 11, 20, 12))
        found = [
            (name, number, halt)
            for name in DEFAULT_NAMES
            if name.vol_own > 0
            for number in range(220)
            if (halt := path.halt(name.symbol, number)) is not None
        ]
        assert found
        for name, number, (first, last) in found[:6]:
            assert last - first == HALT_MINUTES * 60 * NANOSECONDS
            inside = np.arange(first + 1, last, 7 * NANOSECONDS)
            prices = path.log_prices(name.symbol, inside)
            assert np.ptp(prices) < 1e-12
            shares = path.volume_shares(name.symbol, inside)
            assert np.ptp(shares) < 1e-12
            leap = path.log_prices(name.symbol, as_instants(last + 61 * NANOSECONDS))[0]
            assert abs(leap - prices[0]) > 0.4 * HALT_JUMP
            told = [status.state for status in statuses(path, name, number)]
            reasons = {status.reason for status in statuses(path, name, number)}
            assert told[:5] == [
                TradingState.AUCTION,
                TradingState.OPEN,
                TradingState.PAUSED,
                TradingState.AUCTION,
                TradingState.OPEN,
            ]
            assert LIMIT_UP_LIMIT_DOWN in reasons

    def test_options_are_not_quoted_while_their_underlying_is_halted(self) -> None:
        days, names = make_days(SESSIONS, PROGRAMS, seed=SEED, start=date(2026, 6, 1))
        path = days._path
        days.number_of(date(2026, 11, 20))
        name, number = next(
            (name, number)
            for name in names.values()
            if name.vol_own > 0
            for number in range(1_000, 1_600)
            if path.halt(name.symbol, number) is not None
        )
        halt = path.halt(name.symbol, number)
        assert halt is not None
        board = days._boards.of_day(name, number)[2]
        rows = np.arange(len(board.contracts))
        asks = [board.quotes(rows, as_instants(at))[1].sum() for at in (halt[0] - 1, *halt)]
        assert asks[0] > 0 == asks[1] < asks[2]


class TestSettlement:
    def test_mornings_settle_at_a_special_opening_and_evenings_at_the_close(
        self, path: MarketPath
    ) -> None:
        day = date(2026, 10, 16)
        number = path.day_number(SESSIONS.opens_at(day))
        values = {
            root: settlement_value(path, SESSIONS, NAMES["SPX"], root, number, seed=SEED)
            for root in ("SPX", "SPXW")
        }
        kind, instant, value = values["SPX"]
        assert (kind, instant) == ("am", SESSIONS.opens_at(day))
        opening = price(path, "SPX", instant)
        assert value != round(opening, 2)
        assert value == pytest.approx(opening, rel=0.01)
        kind, instant, value = values["SPXW"]
        assert (kind, instant) == ("pm", SESSIONS.closes_at(day))
        assert value == round(float(np.exp(path.log_close("SPX", number))), 2)

    def test_volatility_settles_on_its_wednesday_morning(self, path: MarketPath) -> None:
        day = calendar.vix_expiration(2026, 10)
        number = path.day_number(SESSIONS.opens_at(day))
        kind, instant, value = settlement_value(
            path, SESSIONS, NAMES["VIX"], "VIX", number, seed=SEED
        )
        assert (day.weekday(), kind, instant) == (2, "am", SESSIONS.opens_at(day))
        assert value == pytest.approx(price(path, "VIX", instant), rel=0.05)


class TestHistory:
    async def test_closing_chains_of_the_past_are_whole_and_ascend(self) -> None:
        market, _ = make_market(new_york(2026, 11, 20, 12))
        assert isinstance(market, ChainHistorySource)
        tables = [
            table
            async for table in market.iter_chain_history(
                "DIS", start=date(2026, 11, 17), end=date(2026, 11, 30)
            )
        ]
        days = [SESSIONS.exchange_date(table.ts_event) for table in tables]
        assert days == [date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)]
        for table, day in zip(tables, days, strict=True):
            assert table.complete
            listed = {c.expiration for c in table.contracts}
            assert min(listed) - day <= timedelta(days=4)
            assert len(listed) > 8
            assert np.frombuffer(table.columns["volume"]).sum() > 1_000

    async def test_the_history_agrees_with_what_was_live(self) -> None:
        market, _ = make_market(new_york(2026, 11, 20, 12))
        (table,) = [
            table
            async for table in market.iter_chain_history(
                "DIS", start=date(2026, 11, 19), end=date(2026, 11, 19)
            )
        ]
        live, _ = make_market(new_york(2026, 11, 19, 15, 59, 59))
        day = date(2026, 12, 18)
        chain = await live.fetch_chain(ChainKey("DIS", day))
        bids = dict(zip((c.key for c in table.contracts), table.columns["bid"], strict=True))
        for contract, bid in zip(chain.contracts, chain.columns["bid"], strict=True):
            assert bids[contract.key] == bid
