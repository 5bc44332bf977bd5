"""Each filter keeps what it says, alone and with others, and absurd ones are refused."""

from __future__ import annotations

from math import nan
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.chains import EXPIRATION
from tests.fixtures.travelling import travelling

from optix.features.market.chain_replica import ChainReplica
from optix.features.market.chain_view import BadChainFilter, ChainFilter, Moneyness, encode_chain
from optix.kernel import limits
from optix.kernel.instrument import Right
from optix.ports.market_data import ChainKey

STRIKES = [580, 590, 600, 610, 620]
# Calls fall and puts rise with the strike; the last strike was not priced.
CALL_DELTAS = [0.9, 0.7, 0.5, 0.3, None]
PUT_DELTAS = [-0.1, -0.3, -0.5, -0.7, None]


def _replica() -> ChainReplica:
    contracts: list[list[Any]] = []
    rows: list[list[Any]] = []
    for strike, call, put in zip(STRIKES, CALL_DELTAS, PUT_DELTAS, strict=True):
        for right, delta in (("C", call), ("P", put)):
            numbers = [1.0, 1.1, 1, 1, 1.05, 1, 0.2, delta, 0.01, -0.1, 0.1, 0.1]
            rows.append([len(rows), *numbers, "ok", 0, 0])
            contracts.append([f"{right}{strike}", "SPY", right, float(strike), 1, None])
    body = {
        "e": "e",
        "s": 1,
        "h": {},
        "contracts": contracts,
        "rows": travelling(rows),
        "rejected": [],
    }
    return ChainReplica.load(ChainKey("SPY", EXPIRATION), body)


REPLICA = _replica()


def chosen(spot: float = 601.0, **conditions: Any) -> list[str]:
    positions = ChainFilter(**conditions).select(REPLICA, spot)
    return [REPLICA.contracts[position][0] for position in positions]


def both(*strikes: int) -> list[str]:
    return [f"{right}{strike}" for strike in strikes for right in "CP"]


class TestEachFilter:
    def test_none_keeps_everything(self) -> None:
        assert chosen() == both(*STRIKES)

    def test_a_right(self) -> None:
        assert chosen(right=Right.CALL) == [f"C{k}" for k in STRIKES]
        assert chosen(right=Right.PUT) == [f"P{k}" for k in STRIKES]

    @pytest.mark.parametrize(
        ("count", "strikes"),
        [
            (1, [600]),
            (2, [600, 610]),
            (3, [590, 600, 610]),
            (5, STRIKES),
            (limits.CHAIN_STRIKES_MAX, STRIKES),
        ],
    )
    def test_so_many_strikes_nearest_to_the_spot(self, count: int, strikes: list[int]) -> None:
        assert chosen(strikes=count) == both(*strikes)

    def test_at_the_money_is_the_strike_on_either_side(self) -> None:
        assert chosen(605.0, moneyness="atm") == both(600, 610)

    def test_in_the_money(self) -> None:
        assert chosen(moneyness="itm") == ["C580", "C590", "C600", "P610", "P620"]

    def test_out_of_the_money(self) -> None:
        assert chosen(moneyness="otm") == ["P580", "P590", "P600", "C610", "C620"]

    def test_a_strike_at_the_spot_is_out_of_the_money(self) -> None:
        assert "C600" not in chosen(600.0, moneyness="itm")
        assert {"C600", "P600"} <= set(chosen(600.0, moneyness="otm"))

    def test_a_delta_band_is_of_the_size_and_leaves_out_what_has_none(self) -> None:
        assert chosen(delta_min=0.3, delta_max=0.5) == ["P590", "C600", "P600", "C610"]
        assert chosen(delta_min=0.0) == both(580, 590, 600, 610)
        assert chosen(delta_max=0.1) == ["P580"]

    def test_all_conditions_hold_at_once(self) -> None:
        assert chosen(strikes=3, moneyness="otm", right=Right.PUT, delta_max=0.4) == ["P590"]
        assert chosen(moneyness="itm", delta_max=0.2) == []


class TestWithoutASpot:
    def test_the_middle_of_the_chain_is_taken_for_the_money(self) -> None:
        assert chosen(nan, strikes=3) == both(590, 600, 610)
        assert chosen(nan, moneyness="atm") == both(590, 600)
        assert chosen(nan, strikes=1000) == both(*STRIKES)

    def test_nothing_is_known_to_be_in_the_money(self) -> None:
        assert chosen(nan, moneyness="itm") == []
        assert chosen(nan, moneyness="otm") == both(*STRIKES)


class TestRefusals:
    @pytest.mark.parametrize("strikes", [0, -1, limits.CHAIN_STRIKES_MAX + 1])
    def test_absurd_numbers_of_strikes(self, strikes: int) -> None:
        with pytest.raises(BadChainFilter) as caught:
            ChainFilter(strikes=strikes)
        assert "strikes" in caught.value.fields

    def test_a_band_upside_down(self) -> None:
        with pytest.raises(BadChainFilter) as caught:
            ChainFilter(delta_min=0.5, delta_max=0.3)
        assert "delta_min" in caught.value.fields
        assert caught.value.next_step

    def test_a_band_of_one_value_is_a_band(self) -> None:
        assert chosen(delta_min=0.5, delta_max=0.5) == ["C600", "P600"]


words: st.SearchStrategy[Moneyness] = st.sampled_from(["all", "itm", "atm", "otm"])


@given(
    spot=st.floats(0.01, 1e4) | st.just(nan),
    strikes=st.none() | st.integers(1, 10),
    moneyness=words,
    right=st.none() | st.sampled_from(Right),
    low=st.none() | st.floats(0, 0.5),
    high=st.none() | st.floats(0.5, 1),
)
def test_a_further_condition_never_adds_a_contract(
    spot: float,
    strikes: int | None,
    moneyness: Moneyness,
    right: Right | None,
    low: float | None,
    high: float | None,
) -> None:
    every = {
        "strikes": strikes,
        "moneyness": moneyness,
        "right": right,
        "delta_min": low,
        "delta_max": high,
    }
    kept = set(chosen(spot, **every))
    for name, value in every.items():
        assert kept <= set(chosen(spot, **{name: value}))


def test_the_response_is_its_head_and_its_rows() -> None:
    body = orjson.loads(encode_chain(REPLICA, [3, 1], {"underlying": "SPY"}))
    assert body["underlying"] == "SPY"
    assert [contract["key"] for contract in body["contracts"]] == ["P590", "P580"]
    assert orjson.loads(encode_chain(REPLICA, [], {"a": 1})) == {"a": 1, "contracts": []}
