"""Real chains, priced whole, against the vendor's own IV: the claim of docs/features/pricing.md.

Vendor analytics are an opinion, not the truth; two that agree to a fraction of the spread make an
error of unit, clock, rate or side in either very unlikely.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.iwm_accuracy import MEDIAN_MAX, RATE, Accuracy, compare, load, terms_of
from tests.fixtures.recorded import recorded

from optix.features.market.analytics import STATUS_CODE, PricedChain
from optix.features.market.pricing import price_chain
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import Settlement
from optix.kernel.quote import QuoteFlag

pytestmark = pytest.mark.recorded


def priced(relative: str) -> tuple[ChainTable, PricedChain, Accuracy]:
    table = load(recorded(relative))
    chain = price_chain(table, now_ns=table.ts_event, terms=terms_of(table), rate_fallback=RATE)
    return table, chain, compare(table, chain)


def median_of(accuracy: Accuracy, name: str) -> float:
    return next(group.median for group in accuracy.groups if group.name == name)


class TestIWM:
    def test_agrees_with_the_vendor_within_half_a_point_at_the_median(self) -> None:
        _, _, found = priced("market/cboe/json/IWM_20260617T203253Z.json.gz")
        assert found.selected > 2_600
        assert found.median <= MEDIAN_MAX
        assert found.median <= 0.001  # what it is today, with room
        # Only rows of the series that settled a quarter of an hour before have no IV of ours.
        assert set(found.unpriced) <= {"expired"}
        assert found.within_half_spread > 0.98

    def test_puts_in_the_money_are_not_inflated_by_their_exercise_premium(self) -> None:
        _, _, found = priced("market/cboe/json/IWM_20260617T203253Z.json.gz")
        assert median_of(found, "puts in the money") < 0.003

    @pytest.mark.parametrize(
        "name",
        [
            "json/IWM_20260615T204422Z",
            "json/IWM_20260619T202055Z",  # a holiday's document: Thursday's close
            "json/IWM_20260624T202240Z",
            "json_hourly/IWM_20260617T144510Z",
            "json_hourly/IWM_20260617T193221Z",
            "json/TLT_20260617T203253Z",
            "json/DIA_20260623T202911Z",
        ],
    )
    def test_other_days_hours_and_funds_agree_too(self, name: str) -> None:
        _, _, found = priced(f"market/cboe/{name}.json.gz")
        assert found.compared > 800
        assert found.median <= MEDIAN_MAX

    @pytest.mark.parametrize(
        "name",
        [
            "json/IWM_20260617T203253Z.json.gz",
            "json/TLT_20260617T203253Z.json.gz",  # wide after the close
            "csv/SPY_2025-05-16.csv.gz",  # its spot moved after the options closed
            "csv/SPY_2023-09-14.csv.gz",  # the rate was a percent and a half from the given one
        ],
    )
    def test_no_quote_of_a_real_chain_is_called_an_outlier(self, name: str) -> None:
        _, chain, _ = priced(f"market/cboe/{name}")
        assert np.count_nonzero(chain.flags & QuoteFlag.OUTLIER) == 0

    def test_every_row_has_a_number_or_a_reason(self) -> None:
        _, chain, _ = priced("market/cboe/json/IWM_20260617T203253Z.json.gz")
        assert (np.isfinite(chain.iv) == (chain.status == STATUS_CODE["ok"])).all()
        good = chain.status == STATUS_CODE["ok"]
        for column in (chain.delta, chain.gamma, chain.theta, chain.vega, chain.rho):
            assert np.isfinite(column[good]).all()


class TestSPX:
    def test_european_morning_and_afternoon_roots_agree_to_two_hundredths_of_a_point(self) -> None:
        table, chain, found = priced("market/cboe/csv/SPX_2023-09-14.csv.gz")
        assert len(table) == 19_920
        assert found.compared > 9_500
        assert found.median <= 0.0005
        terms = terms_of(table)
        shared = {day for root, day in terms if root == "SPX"} & {
            day for root, day in terms if root == "SPXW"
        }
        assert shared
        for day in shared:
            morning, afternoon = chain.roots["SPX", day], chain.roots["SPXW", day]
            assert terms["SPX", day].settlement is Settlement.AM
            gap = (afternoon.expiry_years - morning.expiry_years) * 365 * 24
            assert gap == pytest.approx(6.5)
            assert morning.forward == pytest.approx(afternoon.forward, rel=2e-4)

    def test_long_expiries_imply_the_rate_of_their_day(self) -> None:
        # One-year bills yielded 5.4 % on 2023-09-14; the given rate is 4 %.
        _, chain, _ = priced("market/cboe/csv/SPX_2023-09-14.csv.gz")
        rates = [
            root.rate
            for root in chain.roots.values()
            if root.rate is not None and 0.4 < root.expiry_years < 1.1
        ]
        assert len(rates) >= 8
        assert 0.05 < float(np.median(rates)) < 0.06
