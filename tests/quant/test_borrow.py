"""Quotes are made by the spot model at a known cost of borrowing, which must come back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from benchmarks.iwm_accuracy import load
from numpy.typing import NDArray
from tests.fixtures.recorded import recorded

from optix.features.market.terms import ListedTerms
from optix.kernel.instrument import Right
from optix.quant.arrays import FloatArray
from optix.quant.borrow import BorrowFit, BorrowStatus, implied_borrow
from optix.quant.daycount import expiry_years
from optix.quant.dividend_options import dividend_implied_vol, dividend_price
from optix.quant.dividends import Dividend, DividendSchedule

SCHEDULE = DividendSchedule(tuple(Dividend(0.09 + 0.25 * i, 0.6) for i in range(6)))
STRIKES = np.arange(80.0, 121.0, 2.5)
YEARS = np.array([0.05, 0.25, 0.5, 1.5])


def quotes(borrow: float, half_spread: float = 0.03) -> dict[str, FloatArray]:
    call, put = (
        dividend_price(
            spot=100.0,
            strike=STRIKES,
            expiry_years=YEARS[:, np.newaxis],
            vol=0.3 - 0.3 * np.log(STRIKES / 100),
            rate=0.045,
            borrow=borrow,
            is_call=is_call,
            schedule=SCHEDULE,
        )
        for is_call in (True, False)
    )
    return {
        "strike": np.broadcast_to(STRIKES, call.shape).copy(),
        "call_bid": call - half_spread,
        "call_ask": call + half_spread,
        "put_bid": put - half_spread,
        "put_ask": put + half_spread,
    }


def fitted(market: dict[str, Any], **changes: Any) -> BorrowFit:
    usual: dict[str, Any] = {
        "expiry_years": YEARS,
        "spot": 100.0,
        "rate": 0.045,
        "schedule": SCHEDULE,
    }
    return implied_borrow(**market, **(usual | changes))


class TestFit:
    @pytest.mark.parametrize("borrow", [-0.01, 0.0, 0.03, 0.15])
    def test_finds_the_cost_the_quotes_were_made_with(self, borrow: float) -> None:
        fit = fitted(quotes(borrow))
        assert np.all(fit.status == BorrowStatus.OK)
        np.testing.assert_allclose(fit.borrow * YEARS, borrow * YEARS, atol=4e-5)
        expected = SCHEDULE.forward(spot=100.0, expiry_years=YEARS, rate=0.045, borrow=borrow)
        np.testing.assert_allclose(fit.forward, expected, atol=4e-3)
        assert np.all(fit.pairs == 6)

    def test_makes_calls_and_puts_agree(self) -> None:
        market = quotes(0.03)
        fit = fitted(market)
        assert np.all(fit.iv_gap < 5e-4)
        apart = fitted(quotes(0.03), schedule=DividendSchedule())
        assert np.all(np.abs(apart.borrow - 0.03)[1:] > 0.01)  # dividends left out become a cost

    def test_says_what_bids_and_asks_leave_open(self) -> None:
        fit = fitted(quotes(0.03, half_spread=0.1))
        assert np.all((fit.low < 0.03) & (fit.high > 0.03))
        assert np.all(np.diff(fit.high - fit.low) < 0)  # the later, the surer

    def test_one_wrong_pair_does_not_move_it(self) -> None:
        market = quotes(0.03)
        market["call_bid"][:, 8] += 1.0
        market["call_ask"][:, 8] += 1.0
        fit = fitted(market)
        np.testing.assert_allclose(fit.borrow[1:], 0.03, atol=2e-3)


class TestStatus:
    def test_says_why_there_is_none(self) -> None:
        market = quotes(0.0)
        market["put_bid"][1] = np.nan
        fit = fitted(
            market,
            spot=np.array([np.nan, 100.0, 100.0, 100.0]),
            expiry_years=np.array([0.05, 0.25, 0.0, 1.5]),
        )
        assert fit.status.tolist() == [
            BorrowStatus.NO_SPOT,
            BorrowStatus.NO_PAIRS,
            BorrowStatus.EXPIRED,
            BorrowStatus.OK,
        ]
        for column in (fit.borrow, fit.low, fit.high, fit.forward, fit.iv_gap):
            assert np.isnan(column[:3]).all()

    def test_dividends_that_take_the_share_leave_none(self) -> None:
        huge = DividendSchedule((Dividend(0.1, 150.0),))
        fit = fitted(quotes(0.0), schedule=huge)
        assert fit.status.tolist() == [
            BorrowStatus.OK,
            *[BorrowStatus.DIVIDENDS_TOO_LARGE] * 3,
        ]

    def test_calls_worth_their_exercise_tell_nothing(self) -> None:
        fit = fitted(quotes(0.5))  # calls of half a year are exercised today: the stock is so dear
        assert fit.status.tolist() == [BorrowStatus.OK] * 2 + [BorrowStatus.UNDETERMINED] * 2
        np.testing.assert_allclose(fit.borrow[:2], 0.5, atol=1e-3)
        assert np.isnan(fit.borrow[2:]).all()


class Chain(NamedTuple):
    """Calls and puts of one recorded document side by side, by expiry and strike."""

    years: FloatArray
    strike: FloatArray
    quotes: dict[str, FloatArray]
    spot: float


def recorded_chain(symbol: str) -> Chain:
    table = load(recorded(f"market/cboe/json/{symbol}_20260617T203253Z.json.gz"))
    terms = ListedTerms()
    pairs: dict[tuple[int, int], dict[Right, int]] = {}
    for row, contract in enumerate(table.contracts):
        settles_ns = terms.terms_of(contract.root, contract.expiration).settles_at_ns
        pairs.setdefault((settles_ns, contract.strike_milli), {})[contract.right] = row
    whole = sorted((key, rows) for key, rows in pairs.items() if len(rows) == 2)
    settles, milli = np.array([key for key, _ in whole]).T
    quotes = {
        f"{right.name.lower()}_{side}": np.asarray(table.columns[side], dtype=np.float64)[
            [rows[right] for _, rows in whole]
        ]
        for right in (Right.CALL, Right.PUT)
        for side in ("bid", "ask")
    }
    assert table.spot is not None
    years = expiry_years(now_ns=table.ts_event, settles_at_ns=settles)
    return Chain(years, milli / 1000, quotes, table.spot.last)


def gap_without_borrow(chain: Chain, chosen: NDArray[np.intp]) -> float:
    vols = [
        dividend_implied_vol(
            price=(chain.quotes[f"{leg}_bid"] + chain.quotes[f"{leg}_ask"])[chosen] / 2,
            spot=chain.spot,
            strike=chain.strike[chosen],
            expiry_years=chain.years[chosen],
            rate=0.04,
            is_call=leg == "call",
            schedule=DividendSchedule(),
        ).vol
        for leg in ("call", "put")
    ]
    return float(np.nanmedian(np.abs(vols[0] - vols[1])))


@pytest.mark.recorded
@pytest.mark.parametrize("symbol", ["IWM", "TLT"])
def test_closes_the_gap_between_calls_and_puts_of_a_recorded_fund(symbol: str) -> None:
    # Dividends are not in the document: the fitted cost includes them as a yield.
    chain = recorded_chain(symbol)
    dates = np.unique(chain.years[chain.years > 5 / 365])
    fitted_gaps, plain_gaps = [], []
    for date in dates.tolist():
        rows = np.flatnonzero(chain.years == date)
        fit = fitted(
            {name: column[rows][np.newaxis] for name, column in chain.quotes.items()},
            strike=chain.strike[rows][np.newaxis],
            expiry_years=[date],
            spot=chain.spot,
            rate=0.04,
            schedule=DividendSchedule(),
        )
        if fit.status[0] == BorrowStatus.OK:
            assert -0.05 < fit.borrow[0] < 0.12
            near = np.argsort(np.abs(chain.strike[rows] - fit.forward[0]))[:3]
            fitted_gaps.append(float(fit.iv_gap[0]))
            plain_gaps.append(gap_without_borrow(chain, rows[near]))
    assert len(fitted_gaps) > 0.8 * dates.size
    # IWM 0.0003 after 0.008, TLT 0.0013 after 0.052.
    assert np.median(fitted_gaps) < 0.002
    assert np.median(fitted_gaps) < 0.1 * np.median(plain_gaps)
