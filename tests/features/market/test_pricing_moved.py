"""Pricing again: what moved is solved anew, what stood still keeps its numbers, cash is in cash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of

from optix.features.market.analytics import STATUS_CODE, ChainQuotes, PricedChain
from optix.features.market.carry import CarryInputs
from optix.features.market.listing import listing_of
from optix.features.market.pricing import (
    FORWARD_MOVED_SHARE,
    MODEL_TEXT,
    TIME_MOVED_SHARE,
    price_quotes,
)
from optix.features.market.solving import Model
from optix.features.market.terms import ListedTerms
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import QuoteFlag
from optix.quant.arrays import FloatArray
from optix.quant.dividend_options import dividend_price
from optix.quant.dividends import Dividend, DividendSchedule

LISTING = listing_of(contracts_of(list(range(560, 645, 5))))
LISTED = ListedTerms()
TERMS = {key: LISTED.terms_of(*key) for key in LISTING.keys}
[KEY] = LISTING.keys
YEARS = (TERMS[KEY].settles_at_ns - NOW_NS) / NANOSECONDS / 31_536_000
SCHEDULE = DividendSchedule((Dividend(YEARS / 2, 3.0, source="test"),))


def value(spot: float = 600.0, vol: float = 0.2) -> FloatArray:
    return dividend_price(
        spot=spot,
        strike=LISTING.strike,
        expiry_years=YEARS,
        vol=vol,
        rate=0.04,
        is_call=LISTING.is_call,
        schedule=SCHEDULE,
    )


def quotes(price: FloatArray, **values: Any) -> ChainQuotes:
    sizes = np.full(price.shape, 5.0)
    given: dict[str, Any] = {
        "listing": LISTING,
        "bid": price - 0.02,
        "ask": price + 0.02,
        "bid_size": sizes,
        "ask_size": sizes,
        "ts_event": np.full(price.shape, NOW_NS),
        "spot": 600.0,
        "now_ns": NOW_NS,
        "carry": CarryInputs(rate_fallback=0.04),
    }
    return ChainQuotes(**(given | values))


def priced(chains: Sequence[ChainQuotes]) -> PricedChain:
    return price_quotes(chains, terms=TERMS)[0]


class TestMoved:
    def test_a_row_that_moved_is_solved_and_the_others_keep_their_numbers(self) -> None:
        before = priced([quotes(value())])
        price = value()
        price[4] += 0.3
        after = priced([quotes(price, before=before)])
        fresh = priced([quotes(price)])
        assert after.iv[4] == pytest.approx(fresh.iv[4], rel=1e-4)
        assert after.iv[4] != before.iv[4]
        others = np.arange(len(LISTING)) != 4
        forward_moved = abs((fresh.roots[KEY].forward or 0) / (before.roots[KEY].forward or 1) - 1)
        if forward_moved <= FORWARD_MOVED_SHARE:
            assert (after.iv[others] == before.iv[others]).all()
        assert after.iv[others] == pytest.approx(fresh.iv[others], rel=2e-3)

    def test_little_moves_of_time_add_up_to_a_solution(self) -> None:
        """Readers are never further from a fresh pricing than one threshold."""
        chain = priced([quotes(value())])
        first, kept = chain.iv.copy(), 0
        step_ns = int(0.4 * TIME_MOVED_SHARE * YEARS * 31_536_000 * NANOSECONDS)
        for step in range(1, 8):
            now_ns = NOW_NS + step * step_ns
            before = chain
            chain = priced([quotes(value(), before=before, now_ns=now_ns)])
            kept += bool((chain.iv == before.iv).all())
        assert kept > 0
        assert not (chain.iv == first).all()
        fresh = priced([quotes(value(), now_ns=NOW_NS + 7 * step_ns)])
        assert chain.iv == pytest.approx(fresh.iv, rel=5e-4)


class TestCash:
    def cash(self, **values: Any) -> PricedChain:
        carry = CarryInputs(
            rate_fallback=0.04, schedule=SCHEDULE, dividend_source="test", in_cash=True
        )
        return priced([quotes(value(), carry=carry, **values)])

    def test_the_volatility_is_that_of_the_model_with_cash_dividends(self) -> None:
        chain = self.cash()
        root = chain.roots[KEY]
        assert root.model == MODEL_TEXT[Model.AMERICAN_CASH]
        assert root.dividend_source == "test"
        near = (chain.status == STATUS_CODE["ok"]) & (chain.vega > 0.1)
        assert near.sum() > 20
        assert chain.iv[near] == pytest.approx(0.2, abs=2e-3)

    def test_an_expiration_before_the_ex_date_and_one_without_a_spot_use_a_yield(self) -> None:
        later = DividendSchedule((Dividend(YEARS * 2, 3.0),))
        carry = CarryInputs(rate_fallback=0.04, schedule=later, in_cash=True)
        assert priced([quotes(value(), carry=carry)]).roots[KEY].dividend_source is None
        assert self.cash(spot=float("nan")).roots[KEY].model == MODEL_TEXT[Model.AMERICAN_YIELD]


def test_an_outlier_neither_moves_the_forward_nor_the_volatility_at_the_money() -> None:
    sound = priced([quotes(value())])
    price = value()
    row = LISTING.index[contracts_of([600])[0]]
    price[row] += 30.0
    odd = priced([quotes(price)])
    assert odd.flags[row] & QuoteFlag.OUTLIER
    assert np.count_nonzero(odd.flags & QuoteFlag.OUTLIER) == 1
    assert np.isfinite(odd.iv[row])  # it is served, with its number
    assert odd.roots[KEY].forward == pytest.approx(sound.roots[KEY].forward, rel=1e-4)
    assert odd.roots[KEY].atm_iv == pytest.approx(sound.roots[KEY].atm_iv, rel=1e-2)


def test_when_many_rows_jump_the_market_moved_and_nobody_erred() -> None:
    before = priced([quotes(value())])
    stamps = np.full(len(LISTING), NOW_NS + NANOSECONDS)
    after = priced([quotes(value(vol=0.6), before=before, ts_event=stamps)])
    assert KEY[1] == EXPIRATION
    assert np.count_nonzero(after.flags & QuoteFlag.OUTLIER) == 0
