"""Quotes keep the rules of no-arbitrage and of the tape; a stream says what a question says."""

from __future__ import annotations

import itertools
from datetime import date

import numpy as np
import pytest
from tests.adapters.market_data.sim.world import make_market, new_york

from optix.adapters.market_data.sim.chain import LIVE_COLUMNS, Board, LiveChain
from optix.adapters.market_data.sim.hashing import Floats, Ints
from optix.adapters.market_data.sim.names import RATE_ANNUAL
from optix.adapters.market_data.sim.provider import SimulatedMarket
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import Right
from optix.kernel.quote import QuoteFlag, quote_flags
from optix.ports.market_data import ChainKey

NOON = new_york(2026, 11, 18, 12)
THIRD_FRIDAY = date(2026, 12, 18)
CHAINS = [
    ChainKey("SPX", THIRD_FRIDAY),
    ChainKey("SPX", date(2026, 11, 18)),
    ChainKey("SPY", date(2026, 11, 18)),
    ChainKey("SPY", date(2028, 1, 21)),
    ChainKey("AAPL", date(2026, 11, 20)),
    ChainKey("TSLA", THIRD_FRIDAY),
    ChainKey("TLT", date(2027, 1, 15)),
]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return make_market(NOON)[0]


def board_of(market: SimulatedMarket, key: ChainKey, now_ns: int = NOON) -> Board:
    return market._board(key, now_ns)


def column(table: ChainTable, name: str) -> Floats:
    return np.frombuffer(table.columns[name])


def all_rows(board: Board) -> Ints:
    return np.arange(len(board.contracts))


def values(board: Board) -> tuple[Floats, Floats]:
    value, _, least = board.theoretical(all_rows(board), np.array([NOON]))
    return value, least


@pytest.mark.parametrize("key", CHAINS, ids=lambda key: f"{key.underlying}-{key.expiration}")
class TestNoArbitrage:
    def test_values_are_monotone_and_convex_in_strike(
        self, market: SimulatedMarket, key: ChainKey
    ) -> None:
        board = board_of(market, key)
        value, _ = values(board)
        for root in {contract.root for contract in board.contracts}:
            for right, sign in ((Right.CALL, -1.0), (Right.PUT, 1.0)):
                rows = [
                    at
                    for at, contract in enumerate(board.contracts)
                    if (contract.root, contract.right) == (root, right)
                ]
                strikes = np.array([board.contracts[at].strike for at in rows])
                slopes = np.diff(value[rows]) / np.diff(strikes)
                assert (sign * slopes).min() >= -1e-9
                assert (sign * slopes).max() <= 1.0 + 1e-9
                assert np.diff(slopes).min() >= -1e-9

    def test_pairs_meet_put_call_parity(self, market: SimulatedMarket, key: ChainKey) -> None:
        board = board_of(market, key)
        value, _ = values(board)
        spot = np.exp(market._path.log_prices(key.underlying, np.array([NOON])))[0]
        calls, puts = value[0::2], value[1::2]
        strikes = np.array([contract.strike for contract in board.contracts[0::2]])
        years = (board.terms.settles_ns[0::2] - NOON) / (365 * 86_400 * NANOSECONDS)
        carry = spot * np.exp(-board.name.dividend_yield * years)
        gap = calls - puts - (carry - strikes * np.exp(-RATE_ANNUAL * years))
        if board.terms.american:
            # Early exercise leaves bounds only: S·e^(−qT) − K ≤ C − P ≤ S − K·e^(−rT).
            assert (calls - puts >= carry - strikes - 1e-6).all()
            assert (calls - puts <= spot - strikes * np.exp(-RATE_ANNUAL * years) + 1e-6).all()
        else:
            assert gap == pytest.approx(0.0, abs=1e-6)

    def test_the_value_lies_within_the_quote(self, market: SimulatedMarket, key: ChainKey) -> None:
        board = board_of(market, key)
        value, least = values(board)
        columns = board.columns(NOON)
        assert (columns["bid"] <= value + 1e-9).all()
        assert (columns["ask"] >= value - 1e-9).all()
        assert (0.5 * (columns["bid"] + columns["ask"]) >= least - 1e-9).all()

    def test_no_american_quote_is_below_exercise_value(
        self, market: SimulatedMarket, key: ChainKey
    ) -> None:
        board = board_of(market, key)
        if board.terms.american:
            spot = np.exp(market._path.log_prices(key.underlying, np.array([NOON])))[0]
            strikes = np.array([contract.strike for contract in board.contracts])
            sign = np.where(all_rows(board) % 2 == 0, 1.0, -1.0)
            columns = board.columns(NOON)
            middle = 0.5 * (columns["bid"] + columns["ask"])
            assert (middle >= sign * (spot - strikes) - 1e-9).all()

    def test_prices_are_on_the_ticks_of_the_class(
        self, market: SimulatedMarket, key: ChainKey
    ) -> None:
        board = board_of(market, key)
        ticks = {"SPY": (1, 1), "SPX": (5, 10)}.get(key.underlying, (1, 5))
        for name in ("bid", "ask", "previous_close"):
            table = board.table(board.columns(NOON), NOON, market._quotes.at(board.name, NOON))
            prices = column(table, name)
            prices = prices[~np.isnan(prices)]
            cents = np.round(prices * 100)
            assert prices * 100 == pytest.approx(cents, abs=1e-6)
            assert (cents[prices < 3] % ticks[0] == 0).all()
            assert (cents[prices >= 3] % ticks[1] == 0).all()

    def test_quotes_are_two_sided_or_without_a_buyer(
        self, market: SimulatedMarket, key: ChainKey
    ) -> None:
        columns = board_of(market, key).columns(NOON)
        bad = QuoteFlag.CROSSED | QuoteFlag.LOCKED | QuoteFlag.NO_ASK | QuoteFlag.NO_QUOTE
        for bid, ask in zip(columns["bid"].tolist(), columns["ask"].tolist(), strict=True):
            assert not quote_flags(bid, ask) & bad
        assert (columns["bid_size"][columns["bid"] == 0] == 0).all()
        assert (columns["bid_size"][columns["bid"] > 0] >= 1).all()
        assert (columns["ask_size"] >= 1).all()

    def test_the_stream_adds_up_to_the_whole(self, market: SimulatedMarket, key: ChainKey) -> None:
        board = board_of(market, key)
        live = LiveChain(board)
        spot = market._quotes.at(board.name, NOON)
        seen: dict[str, dict[str, float]] = {}
        updates = 0
        for second in range(0, 90, 3):
            table = live.update(NOON + second * NANOSECONDS, spot)
            if table is None:
                continue
            assert table.complete == (second == 0)
            updates += 1
            for at, contract in enumerate(table.contracts):
                seen[contract.key] = {name: table.columns[name][at] for name in LIVE_COLUMNS}
        assert updates > 5
        whole = board.columns(NOON + 87 * NANOSECONDS)
        for at, contract in enumerate(board.contracts):
            for name in LIVE_COLUMNS:
                told, true = seen[contract.key][name], float(whole[name][at])
                assert told == true or (np.isnan(told) and np.isnan(true))


class TestCalendarArbitrage:
    @pytest.mark.parametrize("symbol", ["SPX", "AAPL", "GLD"])
    def test_total_variance_rises_from_date_to_date(
        self, market: SimulatedMarket, symbol: str
    ) -> None:
        surface = market._names[symbol].surface
        assert surface is not None
        vol = float(market._path.vols_short(symbol, np.array([NOON]))[0])
        k = np.linspace(-0.6, 0.6, 121)
        before = np.zeros_like(k)
        for item in market._listing.listed(market._names[symbol], date(2026, 11, 18)):
            years = (board_of(market, ChainKey(symbol, item.date)).terms.settles_ns[-1] - NOON) / (
                365 * 86_400 * NANOSECONDS
            )
            now = surface.total_variance(k, surface.theta(vol, years), surface.tilt(vol))
            assert (now >= before).all()
            before = now


class TestTheDay:
    def test_volume_rises_and_open_interest_stands_still(self, market: SimulatedMarket) -> None:
        key = ChainKey("SPY", date(2026, 11, 20))
        times = [new_york(2026, 11, 18, 9, 31), NOON, new_york(2026, 11, 18, 15, 59)]
        boards = [board_of(market, key, at) for at in times]
        volumes = [board.columns(at)["volume"] for board, at in zip(boards, times, strict=True)]
        assert volumes[0].sum() < volumes[1].sum() < volumes[2].sum()
        assert all((after >= before).all() for before, after in itertools.pairwise(volumes))
        assert boards[0] is boards[2]

    def test_open_interest_is_whole_and_gathers_on_round_strikes(
        self, market: SimulatedMarket
    ) -> None:
        board = board_of(market, ChainKey("SPY", THIRD_FRIDAY))
        interest = board.open_interest
        assert (interest == np.floor(interest)).all()
        assert interest.min() >= 0
        strikes = np.array([contract.strike for contract in board.contracts])
        near = np.abs(strikes / np.median(strikes) - 1) < 0.1
        round_ = strikes % 10 == 0
        assert interest[near & round_].mean() > 1.5 * interest[near & ~round_].mean()

    def test_deep_wings_have_no_buyer(self, market: SimulatedMarket) -> None:
        columns = board_of(market, ChainKey("SPY", date(2026, 11, 18))).columns(NOON)
        wing = columns["bid"] == 0
        assert wing.sum() > 50
        assert (columns["ask"][wing] > 0).all()

    def test_a_contract_nobody_ever_held_has_no_last_and_no_previous_close(
        self, market: SimulatedMarket
    ) -> None:
        board = board_of(market, ChainKey("SPY", date(2026, 11, 18)))
        columns = board.columns(NOON)
        untouched = (board.open_interest == 0) & (columns["volume"] == 0)
        assert untouched.any()
        assert np.isnan(columns["last"][untouched]).all()
        assert np.isnan(board.previous_close[untouched]).all()

    def test_after_its_last_trade_a_contract_is_not_quoted(self, market: SimulatedMarket) -> None:
        key = ChainKey("SPY", date(2026, 11, 18))
        closed = new_york(2026, 11, 18, 16)
        board = board_of(market, key, closed)
        before, after = board.columns(closed - NANOSECONDS), board.columns(closed)
        assert (before["ask"] > 0).all()
        for name in ("bid", "ask", "bid_size", "ask_size"):
            assert (after[name] == 0).all()
        assert after["volume"].sum() >= before["volume"].sum() > 0

    def test_morning_settled_contracts_stop_the_evening_before(
        self, market: SimulatedMarket
    ) -> None:
        evening = new_york(2026, 12, 17, 17)
        board = board_of(make_market(NOON)[0], ChainKey("SPX", THIRD_FRIDAY), evening)
        quoted = {
            root: bool(
                board.columns(evening)["ask"][
                    [at for at, c in enumerate(board.contracts) if c.root == root]
                ].any()
            )
            for root in ("SPX", "SPXW")
        }
        assert quoted == {"SPX": False, "SPXW": True}

    def test_spreads_are_wider_at_night(self, market: SimulatedMarket) -> None:
        key = ChainKey("AAPL", THIRD_FRIDAY)
        board = board_of(market, key)
        day = board.columns(new_york(2026, 11, 18, 15, 30))
        night = board.columns(new_york(2026, 11, 18, 16, 1))
        assert (night["ask"] - night["bid"]).mean() > 1.2 * (day["ask"] - day["bid"]).mean()

    def test_a_quiet_instant_says_nothing(self, market: SimulatedMarket) -> None:
        live = LiveChain(board_of(market, CHAINS[4]))
        spot = market._quotes.at(live.board.name, NOON)
        assert live.update(NOON, spot) is not None
        assert live.update(NOON, spot) is None

    def test_the_last_price_does_not_move_without_volume(self, market: SimulatedMarket) -> None:
        board = board_of(market, ChainKey("DIS", THIRD_FRIDAY))
        before = board.columns(NOON)
        after = board.columns(NOON + 60 * NANOSECONDS)
        turned = board.trade_instants(NOON) != board.trade_instants(NOON + 60 * NANOSECONDS)
        still = ~turned
        assert still.any()
        assert np.array_equal(before["last"][still], after["last"][still], equal_nan=True)
        assert (before["volume"][still] == after["volume"][still]).all()
