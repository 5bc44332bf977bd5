"""The truth explains the tape to the contract: prints, volume and open interest agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import Any

import numpy as np
import pytest
from tests.adapters.market_data.sim.world import PROGRAMS, SESSIONS

from optix.adapters.market_data.sim.days import NameDay, SimulatedDays, make_days
from optix.adapters.market_data.sim.files import truth_of
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.tape import orders
from optix.adapters.market_data.sim.tape.prints import EXCHANGES
from optix.kernel.chain import ChainTable
from optix.kernel.quote import TradingState, TradingStatus
from optix.kernel.trade import Trade, TradeAction

DAY = date(2026, 11, 20)  # a monthly expiration
World = tuple[SimulatedDays, dict[str, SimulatedName]]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def world() -> World:
    return make_days(SESSIONS, PROGRAMS, seed=4, start=DAY, activity=0.02)


@pytest.fixture(scope="module", params=["AAPL", "SPX", "XOM", "VIX"])
def drawn(request: pytest.FixtureRequest, world: World) -> tuple[NameDay, dict[str, Rows]]:
    days, names = world
    number = days.number_of(DAY)
    day = days.name_day(names[request.param], number, tape=True, expirations=10)
    return day, {name: table.to_pylist() for name, table in truth_of(days, day).items()}


Drawn = tuple[NameDay, dict[str, Rows]]


def trades_of(day: NameDay) -> list[Trade]:
    assert day.tape is not None
    return list(day.tape.trades())


class TestReconciliation:
    def test_prints_that_stand_are_the_legs_that_happened(self, drawn: Drawn) -> None:
        _, truth = drawn
        undone = {order["order_id"] for order in truth["orders"] if order["busted"]}
        printed: Counter[tuple[int, int]] = Counter()
        for row in truth["prints"]:
            if row["stands"]:
                printed[row["order_id"], row["leg"]] += row["size"]
        happened = {
            (leg["order_id"], leg["leg"]): leg["size"]
            for leg in truth["legs"]
            if leg["order_id"] not in undone
        }
        assert dict(printed) == happened
        assert len(happened) > 20

    def test_volume_is_what_was_printed_and_not_cancelled(self, drawn: Drawn) -> None:
        day, truth = drawn
        volume: Counter[str] = Counter()
        sizes: dict[int, tuple[str, int]] = {}
        for trade in trades_of(day):
            if trade.action is TradeAction.NEW:
                sizes[trade.sequence] = (trade.symbol, int(trade.size))
                volume[trade.symbol] += int(trade.size)
            elif trade.action is TradeAction.CANCEL:
                symbol, size = sizes[trade.refers_to]
                volume[symbol] -= size
        assert {k: v for k, v in volume.items() if v} == {
            row["symbol"]: row["volume"] for row in truth["positions"] if row["volume"]
        }

    def test_open_interest_changes_by_openings_less_closings(self, drawn: Drawn) -> None:
        _, truth = drawn
        undone = {order["order_id"] for order in truth["orders"] if order["busted"]}
        change: Counter[str] = Counter()
        for leg in truth["legs"]:
            effects = {leg["customer_effect"], leg["contra_effect"]}
            if leg["order_id"] in undone:
                assert effects == {"none"}
            elif effects == {"open"}:
                change[leg["symbol"]] += leg["size"]
            elif effects == {"close"}:
                change[leg["symbol"]] -= leg["size"]
        for row in truth["positions"]:
            assert row["opened"] - row["closed"] == change[row["symbol"]]
            gone = row["exercised"] + row["expired"]
            evening = row["open_interest"] + row["opened"] - row["closed"]
            assert row["open_interest_next"] == evening - gone >= 0
            assert min(row["open_interest"], row["exercised"], row["expired"]) >= 0

    def test_the_next_morning_has_what_the_evening_left(self, drawn: Drawn, world: World) -> None:
        day, truth = drawn
        days, _ = world
        morning = {
            contract.key: interest
            for board in days.name_day(day.name, day.number + 1, tape=False).boards
            for contract, interest in zip(
                board.contracts, board.open_interest.tolist(), strict=True
            )
        }
        common = [row for row in truth["positions"] if row["symbol"] in morning]
        assert len(common) > 50
        for row in common:
            assert row["open_interest_next"] == morning[row["symbol"]]

    def test_what_expires_is_gone_and_exercised_only_where_it_pays(self, drawn: Drawn) -> None:
        day, truth = drawn
        assert day.tape is not None
        value = {row["root"]: row["value"] for row in truth["settlements"]}
        for contract, row in zip(day.tape.universe.contracts, truth["positions"], strict=True):
            if contract.expiration != DAY:
                continue
            assert row["open_interest_next"] == 0
            sign = 1 if contract.right == "C" else -1
            inside = round(sign * (value[contract.root] - contract.strike), 4) >= 0.01
            assert not row["expired" if inside else "exercised"]

    def test_closing_chains_say_the_volume_of_the_tape(self, drawn: Drawn, world: World) -> None:
        day, truth = drawn
        told: dict[str, float] = {}
        for _, update in world[0].closing(day):
            if isinstance(update, ChainTable):
                keys = [contract.key for contract in update.contracts]
                told |= dict(zip(keys, update.columns["volume"], strict=True))
        assert told == {row["symbol"]: row["volume"] for row in truth["positions"]}


class TestPrints:
    def test_every_print_lies_within_the_market_it_met(self, drawn: Drawn) -> None:
        day, _ = drawn
        corrected = {t.refers_to for t in trades_of(day) if t.action is TradeAction.CORRECTION}
        for trade in trades_of(day):
            assert trade.ask > 0
            if trade.sequence not in corrected:
                assert min(trade.bid, 0.01) - 1e-9 <= trade.price <= trade.ask + 1e-9
            assert trade.price == round(trade.price, 2) > 0
            assert trade.exchange in EXCHANGES
            assert trade.ts_event <= trade.ts_received

    def test_sequences_rise_with_the_time_of_the_report(self, drawn: Drawn) -> None:
        trades = trades_of(drawn[0])
        assert [trade.sequence for trade in trades] == list(range(1, len(trades) + 1))
        reported = [trade.ts_received for trade in trades]
        assert reported == sorted(reported)
        for trade in trades:
            assert (trade.refers_to == 0) == (trade.action is TradeAction.NEW)
            assert trade.refers_to < trade.sequence

    def test_legs_of_a_package_print_together_with_the_letter_of_a_package(
        self, drawn: Drawn
    ) -> None:
        day, truth = drawn
        prints = {row["sequence"]: row for row in truth["prints"]}
        packages: dict[int, list[Trade]] = defaultdict(list)
        wanted = {row["order_id"]: row for row in truth["orders"] if row["package_id"]}
        for trade in trades_of(day):
            order = prints[trade.sequence]["order_id"]
            if order in wanted and trade.action is TradeAction.NEW:
                packages[order].append(trade)
        assert packages
        for order, legs in packages.items():
            assert len(legs) == wanted[order]["legs"] >= 2
            assert {leg.conditions for leg in legs} <= set("fgi")
            assert max(t.ts_event for t in legs) - min(t.ts_event for t in legs) < 10


def test_a_busy_day_has_sweeps_late_prints_cancels_and_corrections() -> None:
    days, names = make_days(SESSIONS, PROGRAMS, seed=4, start=DAY, activity=0.01)
    day = days.name_day(names["SPY"], days.number_of(DAY), tape=True, expirations=3)
    truth = truth_of(days, day)
    trades = trades_of(day)
    kinds = Counter(truth["orders"].column("kind").to_pylist())
    assert {"single", "auction", "sweep", "vertical", "straddle", "condor"} <= kinds.keys()
    assert {TradeAction.CANCEL, TradeAction.CORRECTION} < {t.action for t in trades}
    late = [trade for trade in trades if trade.conditions == "D"]
    assert late
    assert all(trade.ts_received - trade.ts_event >= 20e9 for trade in late)
    sweeps = defaultdict(list)
    kind_of = dict(
        zip(
            truth["orders"].column("order_id").to_pylist(),
            truth["orders"].column("kind").to_pylist(),
            strict=True,
        )
    )
    for row, trade in zip(truth["prints"].to_pylist(), trades, strict=True):
        if kind_of[row["order_id"]] == "sweep" and trade.action is TradeAction.NEW:
            sweeps[row["order_id"]].append(trade)
    several = [parts for parts in sweeps.values() if len(parts) > 1]
    assert len(several) > 5
    for parts in several:
        assert len({trade.exchange for trade in parts}) == len(parts)
        assert max(t.ts_event for t in parts) - min(t.ts_event for t in parts) < 1_000_000


def test_a_session_is_told_in_the_order_of_time() -> None:
    days, names = make_days(SESSIONS, PROGRAMS, seed=4, start=DAY, activity=0.02)
    number = days.number_of(DAY)
    day = days.name_day(names["DIS"], number, tape=True, expirations=3)
    told = list(days.intraday(day, 3_600.0))
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    states = [u.state for _, u in told if isinstance(u, TradingStatus)]
    assert states == [
        TradingState.AUCTION,
        TradingState.OPEN,
        TradingState.AUCTION,
        TradingState.CLOSED,
    ]
    assert day.tape is not None
    seen: dict[str, float] = {}
    for _, update in told:
        if isinstance(update, ChainTable):
            keys = [contract.key for contract in update.contracts]
            for key, volume in zip(keys, update.columns["volume"], strict=True):
                assert volume >= 0
                seen[key] = volume
    closing = SESSIONS.closes_at(DAY) - 1_000_000_000
    printed: Counter[str] = Counter()
    for trade in day.tape.trades(0, day.tape.reported_before(closing)):
        sign = {"new": 1, "cancel": -1, "correction": 0}[trade.action]
        printed[trade.symbol] += sign * int(trade.size)
    assert {k: v for k, v in seen.items() if v} == {k: v for k, v in printed.items() if v}
    prices = np.array([t.price for _, t in told if isinstance(t, Trade) and t.symbol == "DIS"])
    assert len(prices) == 2, "one opening and one closing auction"


def test_a_day_has_no_more_orders_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "ORDERS_MAX", 40)
    days, names = make_days(SESSIONS, PROGRAMS, seed=4, start=DAY, activity=0.02)
    day = days.name_day(names["AAPL"], days.number_of(DAY), tape=True, expirations=2)
    kinds = truth_of(days, day)["orders"].column("kind").to_pylist()
    assert sum(kind != "top_up" for kind in kinds) == 40
