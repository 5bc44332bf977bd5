"""Nobody can lock in a profit against the simulated quotes: any seed, any day, any time.

Surfaces are judged by `quant.arbitrage`, exactly and at every strike. Quotes are judged as a trader
would: buying at the ask and selling at the bid, for calls, puts, spreads, butterflies, conversions.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.market_data.sim.world import FIRST_DAY, PROGRAMS, SESSIONS

from optix.adapters.market_data.sim.boards import Boards
from optix.adapters.market_data.sim.chain import Board
from optix.adapters.market_data.sim.hashing import Floats
from optix.adapters.market_data.sim.listing import Listing
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, RATE_ANNUAL, SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.pricing import YEAR_NS, Valuation
from optix.adapters.market_data.sim.span import as_instants
from optix.quant import arbitrage

NAMES = {name.symbol: name for name in DEFAULT_NAMES}
SEEDS = st.integers(0, 10_000)
DAYS = st.integers(30, 400).map(lambda days: FIRST_DAY + timedelta(days=days))
SHARES = st.floats(0.0, 0.999)  # of the session that has passed
ROUNDING = 1e-6


def a_day(seed: int, day: date, share: float) -> tuple[MarketPath, int, int]:
    path = MarketPath(seed=seed, sessions=SESSIONS, names=DEFAULT_NAMES, first_day=FIRST_DAY)
    session = next(iter(SESSIONS.iter_sessions(day, day + timedelta(days=9))))
    number = path.day_number(SESSIONS.opens_at(session))
    open_ns, close_ns = path.open_ns(number), path.close_ns(number)
    return path, number, open_ns + int(share * (close_ns - open_ns))


def boards_of(path: MarketPath, seed: int, name: SimulatedName, number: int) -> list[Board]:
    boards = Boards(path, SESSIONS, Listing(path, PROGRAMS), seed)
    return boards.of_day(name, number, 12)[::3]


def valuation_of(board: Board) -> Valuation:
    return board._valuation


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, day=DAYS, share=SHARES, symbol=st.sampled_from(["SPX", "AAPL", "TSLA", "GLD"]))
def test_the_surface_allows_neither_butterflies_nor_calendars(
    seed: int, day: date, share: float, symbol: str
) -> None:
    path, _, now_ns = a_day(seed, day, share)
    name = NAMES[symbol]
    assert name.surface is not None
    at = as_instants(now_ns)
    vol = path.vols_short(symbol, at)
    reports = [
        report.instant_ns
        for report in path.schedule.earnings(name, day, day + timedelta(days=900))
        if report.instant_ns > now_ns
    ]
    slices = []
    for days_left in (0.02, 0.3, 1, 2, 7, 20, 35, 90, 200, 400, 800):
        expires = now_ns + int(days_left * 86_400e9)
        jumps = sum(report <= expires for report in reports) * (1.05 * name.earnings_move) ** 2
        theta = float(name.surface.theta(vol, (expires - now_ns) / YEAR_NS)[0]) + jumps
        rho = float(name.surface.tilt(vol)[0])
        gamma = name.surface.gamma
        phi = name.surface.eta / (theta**gamma * (1 + theta) ** (1 - gamma))
        b = 0.5 * theta * phi
        slices.append(
            [
                0.5 * theta * (1 - rho**2),
                b * (1 + rho),
                b * (1 - rho),
                -rho / phi,
                np.sqrt(1 - rho**2) / phi,
            ]
        )
    assert arbitrage.count_violations(np.array(slices)) == 0


def two_sided(board: Board, now_ns: int) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return strikes, bids and asks of the standard root by right; withdrawn ones left out."""
    bid, ask = board.quotes(np.arange(len(board.contracts)), as_instants(now_ns))
    root = board.contracts[0].root
    held = np.array([c.root == root for c in board.contracts]) & (ask > 0)
    strikes = np.array([contract.strike for contract in board.contracts])
    is_call = np.arange(len(strikes)) % 2 == 0
    return {
        right: (strikes[held & mine], bid[held & mine], ask[held & mine])
        for right, mine in (("C", is_call), ("P", ~is_call))
    }


@settings(max_examples=12, deadline=None)
@given(
    seed=SEEDS,
    day=DAYS,
    share=SHARES,
    symbol=st.sampled_from(["SPX", "SPY", "AAPL", "NVDA", "JPM", "TLT", "VIX"]),
)
def test_no_spread_butterfly_or_conversion_pays_for_itself(
    seed: int, day: date, share: float, symbol: str
) -> None:
    path, number, now_ns = a_day(seed, day, share)
    name = NAMES[symbol]
    spot = float(np.exp(path.log_prices(symbol, as_instants(now_ns)))[0])
    for board in boards_of(path, seed, name, number):
        sides = two_sided(board, now_ns)
        for right, (strikes, bid, ask) in sides.items():
            if len(strikes) < 3:
                continue
            low, high = (bid, ask) if right == "C" else (bid[::-1], ask[::-1])
            gaps = np.diff(strikes)
            cheaper = np.maximum.accumulate(low[::-1])[::-1][1:]
            assert (cheaper <= high[:-1] + ROUNDING).all(), "a nearer option for less"
            assert (np.abs(np.diff(0.5 * (bid + ask))) <= gaps + (ask - bid)[1:]).all()
            share_left = gaps[1:] / (gaps[1:] + gaps[:-1])
            wings = share_left * ask[:-2] + (1 - share_left) * ask[2:]
            assert (wings >= bid[1:-1] - ROUNDING).all(), "a butterfly for nothing"
        check_parity(board, sides, spot, now_ns)


def check_parity(
    board: Board, sides: dict[str, tuple[Floats, Floats, Floats]], spot: float, now_ns: int
) -> None:
    strikes, call_bid, call_ask = sides["C"]
    other, put_bid, put_ask = sides["P"]
    if len(strikes) != len(other) or not len(strikes):
        return
    years = max((int(board.terms.settles_ns[0]) - now_ns) / YEAR_NS, 1e-9)
    discount = np.exp(-RATE_ANNUAL * years)
    row = np.array([0])
    forward = valuation_of(board).forward(
        row, as_instants(now_ns), np.array([spot]), np.array([years])
    )
    low, high = call_bid - put_ask, call_ask - put_bid  # what a synthetic forward sells, costs
    if board.terms.american:
        carried = discount * float(forward[0])  # the spot without what it pays until then
        assert (high >= min(carried, spot) - strikes - ROUNDING).all()
        assert (low <= max(carried, spot) - discount * strikes + ROUNDING).all()
    else:
        fair = discount * (float(forward[0]) - strikes)
        assert (low <= fair + ROUNDING).all()
        assert (high >= fair - ROUNDING).all()


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, day=DAYS, share=SHARES, symbol=st.sampled_from(["AAPL", "XOM", "SPY"]))
def test_more_time_never_costs_less_with_american_exercise(
    seed: int, day: date, share: float, symbol: str
) -> None:
    path, number, now_ns = a_day(seed, day, share)
    boards = boards_of(path, seed, NAMES[symbol], number)
    for near, far in itertools.pairwise(boards):
        before, after = two_sided(near, now_ns), two_sided(far, now_ns)
        for right in "CP":
            strikes, bid, _ = before[right]
            later, _, ask = after[right]
            _, mine, theirs = np.intersect1d(strikes, later, return_indices=True)
            assert (bid[mine] - ask[theirs]).max(initial=0.0) <= ROUNDING


@pytest.mark.parametrize("symbol", ["AAPL", "DIS"])
def test_options_over_a_report_are_dearer_and_lose_it_after(symbol: str) -> None:
    path, _, _ = a_day(3, date(2026, 3, 2), 0.5)
    name = NAMES[symbol]
    report = path.schedule.earnings(name, date(2026, 3, 2), date(2026, 8, 30))[0]
    assert name.surface is not None
    number = path.day_number(report.instant_ns)
    open_ns = path.open_ns(number)
    board = next(
        board
        for board in Boards(path, SESSIONS, Listing(path, PROGRAMS), 3).of_day(name, number)
        if board.terms.settles_ns[0] > report.instant_ns
    )
    rows = np.arange(len(board.contracts))
    before = board.theoretical(rows, as_instants(report.instant_ns - 1)).value
    after = board.theoretical(rows, as_instants(report.instant_ns)).value
    spot = float(np.exp(path.log_prices(symbol, as_instants(report.instant_ns - 1)))[0])
    strikes = np.array([contract.strike for contract in board.contracts])
    near = np.abs(strikes / spot - 1) < 0.03
    assert open_ns < report.instant_ns
    assert after[near].sum() < 0.95 * before[near].sum()
