"""A chain in one call: what was put in comes out, every row has a reason, order does not matter."""

from __future__ import annotations

from array import array
from datetime import date
from typing import Any

import numpy as np
import pytest

from optix.kernel.instrument import OptionContract, Right
from optix.quant import american, black_scholes
from optix.quant.arrays import FloatArray
from optix.quant.chain_analytics import (
    ChainColumns,
    RowStatus,
    analyse_chain,
    chain_columns,
)
from optix.quant.surface import surface_violations, vol

YEARS = np.array([30, 7, 90]) / 365  # in no order, as a chain may come
STRIKES = np.arange(80.0, 121.0, 2.0)
RATE = 0.04


def true_vol(k: FloatArray) -> FloatArray:
    return np.asarray(0.22 - 0.2 * k + 0.6 * k * k)


def chain(*, exercise: bool = False, **given: Any) -> ChainColumns:
    expiry, strike, call = (
        part.ravel() for part in np.meshgrid(range(3), STRIKES, [True, False], indexing="ij")
    )
    years = YEARS[expiry]
    forward = 100.0 * np.exp(RATE * years)
    vols = true_vol(np.log(strike / forward))
    terms = {"strike": strike, "expiry_years": years, "vol": vols, "rate": RATE, "is_call": call}
    if exercise:
        mid = american.price(spot=100.0, dividend_yield=0.0, **terms)
    else:
        mid = black_scholes.price(forward=forward, **terms)
    half = 0.01 + 0.01 * mid
    columns = ChainColumns(
        strike=strike,
        is_call=call,
        bid=np.maximum(mid - half, 0.0),
        ask=mid + half,
        expiry=expiry,
        expiry_years=YEARS,
        is_american=np.full(3, exercise),
    )
    return columns._replace(**given)


class TestWholeChain:
    found = analyse_chain(chain(), spot=100.0, rate=RATE)

    def test_forwards_and_discounts_come_out(self) -> None:
        assert self.found.forward.forward == pytest.approx(100 * np.exp(RATE * YEARS), rel=1e-4)
        assert self.found.discount == pytest.approx(np.exp(-RATE * YEARS), rel=1e-3)

    def test_vols_of_bid_mid_and_ask_are_in_order(self) -> None:
        ok = self.found.in_surface
        k = self.found.log_moneyness[ok]
        assert self.found.iv[ok] == pytest.approx(true_vol(k), abs=2e-3)
        assert (self.found.iv_bid[ok] < self.found.iv[ok]).all()
        assert (self.found.iv[ok] < self.found.iv_ask[ok]).all()

    def test_every_row_without_a_vol_says_why(self) -> None:
        missing = ~np.isfinite(self.found.iv)
        assert (self.found.status[missing] != RowStatus.OK).all()
        assert (self.found.status[~missing] == RowStatus.OK).all()

    def test_the_surface_is_in_order_of_time_and_knows_its_expiries(self) -> None:
        surface = self.found.surface
        assert surface is not None
        assert surface.years == pytest.approx(np.sort(YEARS))
        assert self.found.slice_of.tolist() == [1, 0, 2]
        assert surface_violations(surface) == 0
        assert vol(surface, 0.0, 30 / 365) == pytest.approx(0.22, abs=2e-3)

    def test_greeks_are_those_of_the_model_at_the_vol(self) -> None:
        rows = np.flatnonzero(self.found.status == RowStatus.OK)[::7]
        columns = chain()
        expected = black_scholes.greeks(
            spot=100.0,
            forward=self.found.forward.forward[columns.expiry[rows]],
            strike=columns.strike[rows],
            expiry_years=YEARS[columns.expiry[rows]],
            vol=self.found.iv[rows],
            rate=self.found.forward.rate[columns.expiry[rows]],
            is_call=columns.is_call[rows],
        )
        assert self.found.greeks.delta[rows] == pytest.approx(expected.delta, abs=2e-3)
        assert self.found.greeks.vega[rows] == pytest.approx(expected.vega, rel=1e-2)

    def test_the_order_of_rows_does_not_matter(self) -> None:
        columns = chain()
        order = np.random.default_rng(0).permutation(columns.strike.size)
        mixed = columns._replace(
            **{
                name: getattr(columns, name)[order]
                for name in ("strike", "is_call", "bid", "ask", "expiry")
            }
        )
        again = analyse_chain(mixed, spot=100.0, rate=RATE)
        assert again.iv == pytest.approx(self.found.iv[order], nan_ok=True)


def test_american_vols_come_out_of_american_prices() -> None:
    found = analyse_chain(chain(exercise=True), spot=100.0, rate=RATE)
    ok = found.in_surface
    assert found.iv[ok] == pytest.approx(true_vol(found.log_moneyness[ok]), abs=3e-3)
    assert found.surface is not None


class TestRowsWithoutNumbers:
    @pytest.mark.parametrize(
        ("bid", "ask", "status"),
        [
            (0.0, 1.0, RowStatus.NO_BID),
            (np.nan, 1.0, RowStatus.NO_BID),
            (1.0, 0.0, RowStatus.NO_ASK),
            (1.0, np.nan, RowStatus.NO_ASK),
            (2.0, 1.0, RowStatus.CROSSED),
            (0.01, 0.011, RowStatus.BELOW_INTRINSIC),
            (500.0, 501.0, RowStatus.ABOVE_MAXIMUM),
        ],
    )
    def test_a_quote_that_cannot_be_used_says_why(
        self, bid: float, ask: float, status: RowStatus
    ) -> None:
        columns = chain()
        columns.bid[0], columns.ask[0] = bid, ask  # a call at 80 of the first expiry
        assert analyse_chain(columns, spot=100.0, rate=RATE).status[0] == status

    def test_a_settled_expiry_is_in_no_slice(self) -> None:
        found = analyse_chain(
            chain(expiry_years=np.array([0.0, 7 / 365, 90 / 365])), spot=100.0, rate=RATE
        )
        assert (found.status[: 2 * STRIKES.size] == RowStatus.EXPIRED).all()
        assert found.slice_of.tolist() == [-1, 0, 1]

    def test_calls_alone_and_no_spot_have_no_forward(self) -> None:
        columns = chain()
        columns.bid[~columns.is_call] = 0.0
        found = analyse_chain(columns, rate=RATE)
        assert (found.status[columns.is_call] == RowStatus.NO_FORWARD).all()
        assert found.surface is None

    def test_an_empty_chain_is_an_empty_answer(self) -> None:
        nothing = np.empty(0)
        empty = chain(
            strike=nothing,
            is_call=np.empty(0, dtype=bool),
            bid=nothing,
            ask=nothing,
            expiry=np.empty(0, dtype=np.intp),
        )
        found = analyse_chain(empty, spot=1.0, rate=RATE)
        assert found.iv.size == 0
        assert found.surface is None

    def test_without_a_surface_the_rest_is_there(self) -> None:
        found = analyse_chain(chain(), spot=100.0, rate=RATE, with_surface=False)
        assert found.surface is None
        assert found.slice_of.tolist() == [1, 0, 2]


class _Table:
    contracts = (
        OptionContract("SPX", date(2026, 1, 16), Right.CALL, 6_000_000),
        OptionContract("SPXW", date(2026, 1, 16), Right.PUT, 5_992_500),
        OptionContract("SPX", date(2026, 1, 16), Right.PUT, 6_000_000),
    )
    columns = {  # noqa: RUF012  # never changed
        "bid": array("d", [1.0, 2.0, 3.0]),
        "ask": array("d", [1.1, 2.1, float("nan")]),
    }


def test_a_chain_table_becomes_columns() -> None:
    settles = {("SPX", date(2026, 1, 16)): 86_400 * 10**9, ("SPXW", date(2026, 1, 16)): 10**9}
    columns, keys = chain_columns(
        _Table(), now_ns=0, settles_at_ns=settles, american_roots=frozenset({"SPXW"})
    )
    assert keys == list(settles)
    assert columns.strike.tolist() == [6000.0, 5992.5, 6000.0]
    assert columns.is_call.tolist() == [True, False, False]
    assert columns.expiry.tolist() == [0, 1, 0]
    assert columns.expiry_years == pytest.approx([1 / 365, 60 / 31_536_000])
    assert columns.is_american.tolist() == [False, True]
    assert columns.ask[1] == 2.1


def test_a_table_whose_settlement_is_unknown_is_refused() -> None:
    with pytest.raises(KeyError):
        chain_columns(_Table(), now_ns=0, settles_at_ns={}, american_roots=frozenset())
