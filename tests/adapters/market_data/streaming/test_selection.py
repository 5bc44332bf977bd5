"""Few places, fairly shared."""

from __future__ import annotations

from datetime import date
from math import nan

from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.chains import contracts_of

from optix.adapters.market_data.streaming.selection import (
    fair_shares,
    nearest_the_money,
    select_symbols,
)
from optix.ports.market_data import ChainKey

NEAR, FAR = (ChainKey("SPY", date(2026, 12, day)) for day in (4, 18))


def test_pairs_nearest_the_money_come_first() -> None:
    ranked = nearest_the_money(contracts_of([590, 595, 600, 605]), 601.0)
    assert [(c.strike, str(c.right)) for c in ranked[:4]] == [
        (600.0, "C"),
        (600.0, "P"),
        (605.0, "C"),
        (605.0, "P"),
    ]


def test_without_a_spot_the_middle_strike_stands_for_it() -> None:
    assert nearest_the_money(contracts_of([500, 600, 900]), nan)[0].strike == 600.0
    assert nearest_the_money([], nan) == []


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200))
def test_shares_are_fair(sizes: list[int], places: int) -> None:
    shares = fair_shares(sizes, places)
    assert sum(shares) == min(places, sum(sizes))
    assert all(0 <= share <= size for share, size in zip(shares, sizes, strict=True))
    short = [share for share, size in zip(shares, sizes, strict=True) if share < size]
    if short:
        assert max(shares) <= max(short) + 1, "nobody has much while another goes without"
        assert max(short) - min(short) <= 1


def test_securities_come_first_and_chains_take_turns() -> None:
    chains = {
        NEAR: contracts_of([600, 605], expiration=NEAR.expiration),
        FAR: contracts_of(range(500, 700, 5), expiration=FAR.expiration),
    }
    chosen = select_symbols(["SPY"], chains, {"SPY": 600.0}, places=11)
    assert chosen[0] == "SPY"
    assert len(chosen) == 11
    assert sum("261204" in key for key in chosen) == 4, (
        "what a small chain does not need is given on"
    )
    assert ["261204" in key for key in chosen[1:5]] == [True, False, True, False]
    assert select_symbols(["SPY"], chains, {}, places=None)[0] == "SPY"
    assert len(select_symbols(["SPY"], chains, {}, places=None)) == 85
    assert select_symbols(["A", "B"], chains, {}, places=1) == ["A"]
