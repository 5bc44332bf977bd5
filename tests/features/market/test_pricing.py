"""Chains are made from known volatilities; the columns that come back must contain them.

The module adds no formula of its own to `quant`, so what is tested is its own part: pairs and
groups, units, statuses, flags, fallbacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, get_args

import numpy as np
import pytest
from tests.fixtures.chains import NOW_NS, spot_of, table_of

from optix.features.market.analytics import (
    STATUS_CODE,
    STATUS_WORDS,
    PricedChain,
    RootAnalytics,
    RootTerms,
)
from optix.features.market.normalise import mid_column, quote_flags_column
from optix.features.market.pricing import price_chain, price_chains, reference_spot
from optix.features.market.schemas import AnalyticsStatus
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import ExerciseStyle, OptionContract, Right, Settlement
from optix.kernel.quote import QuoteFlag, quote_flags
from optix.quant import american, black_scholes

DAY_NS = 86_400 * 1_000_000_000
NEAR, FAR = date(2026, 12, 18), date(2027, 6, 18)
DAYS = {NEAR: 30, FAR: 212}
STRIKES = tuple(range(540, 665, 5))
SPOT, RATE, YIELD, VOL = 600.0, 0.04, 0.01, 0.2


def contracts_of(root: str, expiration: date) -> list[OptionContract]:
    return [
        OptionContract(root, expiration, right, strike * 1000)
        for strike in STRIKES
        for right in (Right.CALL, Right.PUT)
    ]


def terms_of(
    contracts: Sequence[OptionContract], style: ExerciseStyle, **changes: Any
) -> dict[tuple[str, date], RootTerms]:
    return {
        (c.root, c.expiration): RootTerms(
            root=c.root,
            expiration=c.expiration,
            style=style,
            settlement=Settlement.PM,
            settles_at_ns=changes.get("settles_at_ns", NOW_NS + DAYS[c.expiration] * DAY_NS),
        )
        for c in contracts
    }


def model_prices(
    contracts: Sequence[OptionContract], style: ExerciseStyle, vol: float = VOL
) -> Any:
    given: dict[str, Any] = {
        "strike": np.array([c.strike for c in contracts]),
        "expiry_years": np.array([DAYS[c.expiration] for c in contracts]) / 365,
        "vol": vol,
        "rate": RATE,
        "is_call": np.array([c.right is Right.CALL for c in contracts]),
    }
    if style is ExerciseStyle.AMERICAN:
        return american.price(spot=SPOT, dividend_yield=YIELD, **given)
    forward = SPOT * np.exp((RATE - YIELD) * given["expiry_years"])
    return black_scholes.price(forward=forward, **given)


def market(contracts: Sequence[OptionContract], style: ExerciseStyle, **changes: Any) -> ChainTable:
    value = model_prices(contracts, style)
    half = 0.01
    columns: dict[str, Any] = {"bid": value - half, "ask": value + half}
    for name, edits in changes.items():
        for row, number in edits.items():
            columns[name][row] = number
    return table_of(contracts, columns, spot=spot_of(price=SPOT))


def priced(
    contracts: Sequence[OptionContract],
    style: ExerciseStyle = ExerciseStyle.EUROPEAN,
    *,
    edits: Mapping[str, Mapping[int, float]] | None = None,
    **changes: Any,
) -> PricedChain:
    table = market(contracts, style, **(edits or {}))
    if "spot" in changes:
        table = replace(table, spot=changes.pop("spot"))
    return price_chain(
        table,
        now_ns=changes.pop("now_ns", NOW_NS),
        terms=terms_of(contracts, style, **changes),
        rate_fallback=RATE,
    )


def word_of(chain: PricedChain, row: int) -> str:
    return STATUS_WORDS[int(chain.status[row])]


class TestSeveralTables:
    def test_numbers_are_those_of_each_table_alone(self) -> None:
        """Three expirations of two styles, each with its own instant and spot, one without any."""
        given = [
            (contracts_of("SPY", NEAR), ExerciseStyle.AMERICAN, spot_of(price=SPOT), NOW_NS),
            (contracts_of("SPY", FAR), ExerciseStyle.AMERICAN, spot_of(price=SPOT + 2), NOW_NS - 9),
            (contracts_of("SPX", NEAR), ExerciseStyle.EUROPEAN, None, NOW_NS - 60_000_000_000),
        ]
        tables = [
            replace(market(contracts, style), spot=spot) for contracts, style, spot, _ in given
        ]
        terms: dict[Any, RootTerms] = {}
        for contracts, style, _, _ in given:
            terms |= terms_of(contracts, style)
        instants = [now_ns for *_, now_ns in given]
        together = price_chains(tables, now_ns=instants, terms=terms, rate_fallback=RATE)
        for table, now_ns, chain in zip(tables, instants, together, strict=True):
            alone = price_chain(table, now_ns=now_ns, terms=terms, rate_fallback=RATE)
            for name in ("mid", "iv", "delta", "gamma", "theta", "vega", "rho"):
                np.testing.assert_allclose(
                    getattr(chain, name), getattr(alone, name), rtol=1e-9, atol=1e-12
                )
            np.testing.assert_array_equal(chain.status, alone.status)
            np.testing.assert_array_equal(chain.flags, alone.flags)
            assert chain.roots.keys() == alone.roots.keys()
            for key, root in alone.roots.items():
                assert chain.roots[key].forward == pytest.approx(root.forward, rel=1e-12)
                assert chain.roots[key].atm_iv == pytest.approx(root.atm_iv, rel=1e-9)
                assert chain.roots[key].expected_move == pytest.approx(root.expected_move, rel=1e-9)
                assert chain.roots[key].forward_method == root.forward_method

    def test_no_table_is_no_answer(self) -> None:
        assert price_chains([], now_ns=[], terms={}, rate_fallback=RATE) == []


class TestNumbers:
    @pytest.mark.parametrize("style", list(ExerciseStyle))
    def test_finds_the_volatility_the_quotes_were_made_with(self, style: ExerciseStyle) -> None:
        contracts = contracts_of("SPY", NEAR) + contracts_of("SPY", FAR)
        chain = priced(contracts, style)
        strikes = np.array([c.strike for c in contracts])
        near = np.abs(strikes - SPOT) <= 40
        assert (chain.status[near] == STATUS_CODE["ok"]).all()
        np.testing.assert_allclose(chain.iv[near], VOL, atol=2e-3)

    @pytest.mark.parametrize("style", list(ExerciseStyle))
    def test_greeks_have_the_units_of_the_response(self, style: ExerciseStyle) -> None:
        contracts = contracts_of("SPY", NEAR)
        chain = priced(contracts, style)
        row = STRIKES.index(600) * 2
        years = DAYS[NEAR] / 365
        exact = black_scholes.greeks(
            spot=SPOT,
            forward=SPOT * np.exp((RATE - YIELD) * years),
            strike=600.0,
            expiry_years=years,
            vol=VOL,
            rate=RATE,
            is_call=True,
        )
        assert chain.delta[row] == pytest.approx(float(exact.delta), abs=5e-3)
        assert chain.gamma[row] == pytest.approx(float(exact.gamma), rel=1e-2)
        assert chain.theta[row] == pytest.approx(float(exact.theta) / 365, rel=2e-2)
        assert chain.vega[row] == pytest.approx(float(exact.vega) / 100, rel=1e-2)
        assert chain.rho[row] == pytest.approx(float(exact.rho) / 100, rel=2e-2)
        assert chain.theta[row] < 0
        assert chain.rho[row + 1] < 0

    def test_the_root_carries_forward_rate_and_expected_move(self) -> None:
        found = priced(contracts_of("SPX", NEAR)).roots["SPX", NEAR]
        years = DAYS[NEAR] / 365
        assert found.expiry_years == years
        assert found.forward == pytest.approx(SPOT * np.exp((RATE - YIELD) * years), rel=1e-5)
        assert found.rate == pytest.approx(RATE, abs=1e-3)
        assert found.forward_pairs == len(STRIKES) - 1  # 540 is more than 10 % away
        assert found.atm_iv == pytest.approx(VOL, abs=1e-3)
        assert found.expected_move == pytest.approx(SPOT * VOL * np.sqrt(years), rel=5e-3)
        assert "European" in found.model

    def test_an_american_root_names_its_model_and_method(self) -> None:
        found = priced(contracts_of("SPY", NEAR), ExerciseStyle.AMERICAN).roots["SPY", NEAR]
        assert "American" in found.model
        assert "early exercise" in found.forward_method
        assert found.rate == RATE

    def test_one_expiration_alone_is_priced_as_among_others(self) -> None:
        alone = contracts_of("SPY", NEAR)
        whole = priced(contracts_of("SPY", FAR) + alone, ExerciseStyle.AMERICAN)
        single = priced(alone, ExerciseStyle.AMERICAN)
        count = len(alone)
        for name in ("iv", "delta", "gamma", "theta", "vega", "rho"):
            among = getattr(whole, name)[-count:]
            np.testing.assert_allclose(among, getattr(single, name), rtol=1e-7, err_msg=name)

    def test_rows_may_come_in_any_order(self) -> None:
        contracts = contracts_of("SPX", NEAR) + contracts_of("SPX", FAR)
        order = np.random.default_rng(5).permutation(len(contracts))
        straight = priced(contracts)
        shuffled = priced([contracts[i] for i in order])
        np.testing.assert_allclose(shuffled.iv, straight.iv[order], rtol=1e-9)


class TestSettlement:
    def test_morning_and_afternoon_roots_of_one_date_have_their_own_time(self) -> None:
        contracts = contracts_of("SPX", NEAR) + contracts_of("SPXW", NEAR)
        terms = terms_of(contracts, ExerciseStyle.EUROPEAN)
        noon = terms["SPX", NEAR].settles_at_ns
        early = noon - int(6.5 * 3600) * 1_000_000_000
        terms["SPX", NEAR] = replace(
            terms["SPX", NEAR], settlement=Settlement.AM, settles_at_ns=early
        )
        chain = price_chain(
            market(contracts, ExerciseStyle.EUROPEAN),
            now_ns=NOW_NS,
            terms=terms,
            rate_fallback=RATE,
        )
        am, pm = chain.roots["SPX", NEAR], chain.roots["SPXW", NEAR]
        assert pm.expiry_years - am.expiry_years == pytest.approx(6.5 / 24 / 365)
        assert am.atm_iv is not None
        assert pm.atm_iv is not None
        assert am.atm_iv > pm.atm_iv  # the same prices in less time

    def test_after_settlement_everything_is_expired_and_null(self) -> None:
        chain = priced(contracts_of("SPX", NEAR), settles_at_ns=NOW_NS)
        assert {word_of(chain, row) for row in range(len(chain.status))} == {"expired"}
        for column in (chain.iv, chain.delta, chain.gamma, chain.theta, chain.vega, chain.rho):
            assert np.isnan(column).all()
        assert np.isfinite(chain.mid).all()
        assert chain.roots["SPX", NEAR] == RootAnalytics(
            expiry_years=0.0,
            forward=None,
            rate=None,
            forward_method="expired",
            forward_pairs=0,
            atm_iv=None,
            expected_move=None,
            model=chain.roots["SPX", NEAR].model,
            rate_source="OPTIX_RISK_FREE_RATE",
            dividend_source=None,
            adjusted=False,
            basis=chain.roots["SPX", NEAR].basis,
        )

    def test_in_the_last_minute_time_stops_at_one_minute(self) -> None:
        chain = priced(contracts_of("SPX", NEAR), settles_at_ns=NOW_NS + 1)
        assert chain.roots["SPX", NEAR].expiry_years == 60 / (365 * 86_400)

    def test_missing_terms_are_our_own_mistake(self) -> None:
        contracts = contracts_of("SPX", NEAR)
        with pytest.raises(KeyError):
            price_chain(
                market(contracts, ExerciseStyle.EUROPEAN),
                now_ns=NOW_NS,
                terms={},
                rate_fallback=RATE,
            )


class TestStatuses:
    contracts = contracts_of("SPX", NEAR)
    row = STRIKES.index(620) * 2  # a call out of the money

    @pytest.mark.parametrize(
        ("bid", "ask", "word"),
        [
            (np.nan, np.nan, "no_quote"),
            (0.0, 0.0, "no_quote"),
            (0.0, 3.0, "no_bid"),
            (np.nan, 3.0, "no_bid"),
            (-1.0, 3.0, "no_bid"),
            (3.0, 0.0, "no_ask"),
            (3.0, np.nan, "no_ask"),
            (3.2, 3.1, "crossed"),
            (3.0, np.inf, "no_quote"),
            (650.0, 660.0, "above_maximum"),
        ],
    )
    def test_an_unusable_quote_has_its_reason_and_no_numbers(
        self, bid: float, ask: float, word: AnalyticsStatus
    ) -> None:
        chain = priced(self.contracts, edits={"bid": {self.row: bid}, "ask": {self.row: ask}})
        assert word_of(chain, self.row) == word
        for column in (chain.iv, chain.delta, chain.gamma, chain.theta, chain.vega, chain.rho):
            assert np.isnan(column[self.row])
        assert word_of(chain, self.row + 2) == "ok"

    def test_a_call_below_its_discounted_intrinsic_value_says_so(self) -> None:
        row = STRIKES.index(550) * 2
        chain = priced(self.contracts, edits={"bid": {row: 49.0}, "ask": {row: 49.2}})
        assert word_of(chain, row) == "below_intrinsic"

    def test_a_locked_or_wide_quote_is_priced_and_flagged(self) -> None:
        value = float(model_prices(self.contracts, ExerciseStyle.EUROPEAN)[self.row])
        locked = priced(self.contracts, edits={"bid": {self.row: value}, "ask": {self.row: value}})
        assert word_of(locked, self.row) == "ok"
        assert locked.flags[self.row] == QuoteFlag.LOCKED
        assert locked.iv[self.row] == pytest.approx(VOL, abs=1e-3)
        wide = priced(self.contracts, edits={"ask": {self.row: value * 2}})
        assert word_of(wide, self.row) == "ok"
        assert wide.flags[self.row] == QuoteFlag.WIDE

    def test_vendor_sentinels_are_not_read(self) -> None:
        table = market(self.contracts, ExerciseStyle.EUROPEAN)
        for position in range(len(table)):
            table.columns["vendor_iv"][position] = 1e-5
        chain = price_chain(
            table,
            now_ns=NOW_NS,
            terms=terms_of(self.contracts, ExerciseStyle.EUROPEAN),
            rate_fallback=RATE,
        )
        assert np.nanmin(chain.iv) > 0.1

    def test_the_code_table_has_every_word_once(self) -> None:
        assert get_args(AnalyticsStatus) == STATUS_WORDS
        assert [STATUS_CODE[word] for word in STATUS_WORDS] == list(range(len(STATUS_WORDS)))


class TestFallbacks:
    def test_one_sided_chains_carry_the_spot(self) -> None:
        calls = [c for c in contracts_of("SPX", NEAR) if c.right is Right.CALL]
        chain = priced(calls)
        found = chain.roots["SPX", NEAR]
        assert found.forward == pytest.approx(SPOT * np.exp(RATE * found.expiry_years))
        assert "spot at the given rate" in found.forward_method
        assert (chain.status == STATUS_CODE["ok"]).any()

    def test_without_pairs_and_spot_there_is_no_forward(self) -> None:
        calls = [c for c in contracts_of("SPX", NEAR) if c.right is Right.CALL]
        chain = priced(calls, spot=None)
        assert {word_of(chain, row) for row in range(len(calls))} == {"no_forward"}
        found = chain.roots["SPX", NEAR]
        assert (found.forward, found.rate, found.atm_iv) == (None, None, None)

    @pytest.mark.parametrize("style", list(ExerciseStyle))
    def test_without_a_spot_pairs_are_enough(self, style: ExerciseStyle) -> None:
        contracts = contracts_of("SPX", NEAR)
        chain = priced(contracts, style, spot=None)
        found = chain.roots["SPX", NEAR]
        assert found.atm_iv == pytest.approx(VOL, abs=2e-3)
        assert found.expected_move is not None
        row = STRIKES.index(600) * 2
        assert 0.5 < chain.delta[row] < 0.6

    def test_a_chain_without_rows_has_no_roots(self) -> None:
        chain = price_chain(table_of([]), now_ns=NOW_NS, terms={}, rate_fallback=RATE)
        assert chain.iv.shape == (0,)
        assert chain.roots == {}


class TestQuotes:
    SIDES = (np.nan, -1.0, 0.0, 0.01, 1.0, 1.7, 3.0, 100.0, np.inf)

    def test_flags_are_those_of_the_kernel_for_every_pair_of_sides(self) -> None:
        bid, ask = (grid.ravel() for grid in np.meshgrid(self.SIDES, self.SIDES))
        expected = [int(quote_flags(float(b), float(a))) for b, a in zip(bid, ask, strict=True)]
        assert quote_flags_column(bid, ask).tolist() == expected

    def test_mid_counts_a_zero_bid_as_zero_and_needs_an_ask(self) -> None:
        bid = np.array([1.0, 0.0, np.nan, 1.0, 1.0, -1.0, 1.0])
        ask = np.array([2.0, 3.0, 3.0, 0.0, np.nan, 3.0, np.inf])
        mid = mid_column(bid, ask)
        assert mid[:2].tolist() == [1.5, 1.5]
        assert np.isnan(mid[2:]).all()

    @pytest.mark.parametrize(
        ("last", "bid", "ask", "expected"),
        [
            (100.0, 99.0, 101.0, 100.0),
            (98.0, 99.0, 101.0, 99.0),
            (105.0, 99.0, 101.0, 101.0),
            (np.nan, 99.0, 101.0, 100.0),
            (0.0, 99.0, 101.0, 100.0),
            (100.0, 0.0, 0.0, 100.0),
            (100.0, 101.0, 99.0, 100.0),
            (np.inf, np.nan, np.nan, np.nan),
            (np.nan, np.nan, 5.0, np.nan),
        ],
    )
    def test_the_spot_is_the_last_trade_inside_a_sound_quote(
        self, last: float, bid: float, ask: float, expected: float
    ) -> None:
        quote = replace(spot_of(), last=last, bid=bid, ask=ask)
        assert reference_spot(quote) == pytest.approx(expected, nan_ok=True)

    def test_without_a_quote_there_is_no_spot(self) -> None:
        assert np.isnan(reference_spot(None))
