"""The cost of borrowing a stock, as American calls and puts imply it.

With rate and dividends known, the forward tells the cost of borrowing. American pairs do not tell
the forward by parity: each leg first loses its early exercise premium, which needs the cost itself.
So both are found in turns, until call and put at the money have one volatility. The premiums come
from the spot model (`dividend_options`), the one place here that prices Americans.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray, broadcast_floats
from optix.quant.dividend_options import dividend_implied_vol, dividend_price
from optix.quant.dividends import DividendSchedule
from optix.quant.implied_vol import IvStatus
from optix.quant.parity import Pairs, nearest_pairs, row_median, usable_pairs, weighted_forward

_PAIRS_MAX = 6
_PASSES_MAX = 12  # three do, but for stocks that are very dear to borrow
_PASS_SMALL, _PASS_LARGE = 1e-6, 1e-4  # moves of the forward, relative: settled, and not settled
_ROOT_STEPS = 12
_NODES, _STEPS = 101, 48  # a premium needs less than a price


class BorrowStatus(IntEnum):
    """Why a cost of borrowing is NaN; OK when it is a number."""

    OK = 0
    NO_SPOT = 1  # the spot is missing: any forward would do
    NO_PAIRS = 2  # no strike near the money is quoted on both sides
    EXPIRED = 3
    DIVIDENDS_TOO_LARGE = 4  # they take the whole share
    UNDETERMINED = 5  # the pairs sit at their exercise values, or the passes did not settle


class BorrowFit(NamedTuple):
    """One entry per expiry, NaN where the status is not OK."""

    borrow: FloatArray  # continuous, per year; above 0 the share earns less than the rate
    low: FloatArray  # what bids and asks allow; crossed where they contradict each other
    high: FloatArray
    forward: FloatArray
    pairs: NDArray[np.int64]
    iv_gap: FloatArray  # median |IV of call − IV of put| over the pairs; NaN if none has both
    status: NDArray[np.int8]


def implied_borrow(
    *,
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    expiry_years: ArrayLike,
    spot: ArrayLike,
    rate: ArrayLike,
    schedule: DividendSchedule,
) -> BorrowFit:
    """Return the cost of borrowing at which American calls and puts at the money agree.

    Up to six pairs next to the forward count, with weights 1/spread², outliers with less. Days
    before expiry a spot seen at another instant than the options is a large yearly cost: `low` and
    `high` say what the quotes leave open.

    Shapes:  strike and quotes (expiries, pairs), NaN where there is none; expiry_years (expiries,),
             spot and rate too or one for all.
    Units:   quote currency; years (ACT/365); continuous annual decimals.
    Errors:  none raised but ValueError for more than 64 ex-dates. An expiry without a result has
             NaN and its reason in `status`.
    Source:  PRICING notes of the project, section 4.
    """
    T = np.asarray(expiry_years, dtype=np.float64)
    S, r = (np.broadcast_to(np.asarray(v, dtype=np.float64), T.shape) for v in (spot, rate))
    pairs = usable_pairs(broadcast_floats(strike, call_bid, call_ask, put_bid, put_ask), T, r)
    status = _status(pairs, T, S, r, schedule)
    borrow, low, high, forward, iv_gap = (np.full(T.shape, np.nan) for _ in range(5))
    counts = np.zeros(T.shape, dtype=np.int64)
    result = BorrowFit(borrow, low, high, forward, counts, iv_gap, status)
    chosen = status == BorrowStatus.OK
    if chosen.any():
        fit = _fitted(pairs.rows(chosen), T[chosen], S[chosen], r[chosen], schedule)
        status[chosen], counts[chosen] = fit.status, fit.pairs
        columns = (borrow, low, high, forward, iv_gap)
        found = (fit.borrow, fit.low, fit.high, fit.forward, fit.iv_gap)
        for whole, part in zip(columns, found, strict=True):
            whole[chosen] = np.where(fit.status == BorrowStatus.OK, part, np.nan)
    return result


def _status(
    pairs: Pairs, T: FloatArray, S: FloatArray, r: FloatArray, schedule: DividendSchedule
) -> NDArray[np.int8]:
    status = np.full(T.shape, BorrowStatus.OK, dtype=np.int8)
    status[~pairs.used.any(axis=1)] = BorrowStatus.NO_PAIRS
    forward = schedule.forward(spot=S, expiry_years=T, rate=r)
    status[np.isnan(forward)] = BorrowStatus.DIVIDENDS_TOO_LARGE
    status[~(S > 0) | np.isinf(S)] = BorrowStatus.NO_SPOT
    status[~(T > 0)] = BorrowStatus.EXPIRED
    return status


def _fitted(
    pairs: Pairs, T: FloatArray, S: FloatArray, r: FloatArray, schedule: DividendSchedule
) -> BorrowFit:
    """Return the fit of expiries that have pairs and a spot."""
    parity = pairs.call - pairs.put
    first = weighted_forward(pairs, parity, T, r)
    near = nearest_pairs(pairs, first.forward, _PAIRS_MAX)
    borrow = borrow_cost(forward=first.forward, expiry_years=T, spot=S, rate=r, schedule=schedule)
    legs = _Legs(near, T, S, r, schedule)
    fit, moved = first, np.zeros(T.shape)
    for _ in range(_PASSES_MAX):
        before = borrow
        shift = legs.premium_gap(borrow)
        lean = near._replace(low=near.low - shift, high=near.high - shift)
        fit = weighted_forward(lean, near.call - near.put - shift, T, r)
        borrow = borrow_cost(forward=fit.forward, expiry_years=T, spot=S, rate=r, schedule=schedule)
        moved = np.abs(borrow - before) * T
        if not (moved > _PASS_SMALL).any():
            break
    low, high = (
        borrow_cost(forward=bound, expiry_years=T, spot=S, rate=r, schedule=schedule)
        for bound in (fit.high, fit.low)
    )
    counts = near.used.sum(axis=1)
    gap = legs.iv_gap(borrow)
    settled = (moved <= _PASS_LARGE) & np.isfinite(gap)  # a NaN move is not settled
    status = np.where(settled, BorrowStatus.OK, BorrowStatus.UNDETERMINED).astype(np.int8)
    return BorrowFit(borrow, low, high, fit.forward, counts, gap, status)


def borrow_cost(
    *,
    forward: ArrayLike,
    expiry_years: ArrayLike,
    spot: ArrayLike,
    rate: ArrayLike,
    schedule: DividendSchedule,
) -> FloatArray:
    """Return the cost of borrowing at which the schedule's forward is the given one.

    Shapes:  forward, expiry_years, spot and rate broadcast to one shape; the result has it.
    Units:   quote currency; years (ACT/365), above 0; continuous annual decimals.
    Errors:  NaN for a forward that is not above 0, and where an input is NaN.
    """
    F, T, S, r = broadcast_floats(forward, expiry_years, spot, rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.log(F)
        borrow = r - (target - np.log(S)) / T
        for _ in range(_ROOT_STEPS):
            reached = schedule.forward(spot=S, expiry_years=T, rate=r, borrow=borrow)
            # Where dividends take all at this cost, a lower one is tried.
            step = np.where(np.isnan(reached), -0.5, (np.log(reached) - target) / T)
            borrow = borrow + step
    return np.where(np.isfinite(borrow), borrow, np.nan)


class _Legs:
    """The calls and puts of all used pairs, and what the spot model says of them."""

    def __init__(
        self, pairs: Pairs, T: FloatArray, S: FloatArray, r: FloatArray, schedule: DividendSchedule
    ) -> None:
        self.pairs, self.schedule = pairs, schedule
        self.rows, self.columns = np.nonzero(pairs.used)
        self.strike = pairs.strike[pairs.used]
        self.mids = np.stack((pairs.call[pairs.used], pairs.put[pairs.used]))
        self.years, self.spot, self.rate = T[self.rows], S[self.rows], r[self.rows]
        self.sides: BoolArray = np.array([[True], [False]])

    def _implied_vols(self, borrow: FloatArray) -> FloatArray:
        """Return (2, legs) volatilities of calls and puts, NaN where there is none."""
        found = dividend_implied_vol(
            price=self.mids,
            spot=self.spot,
            strike=self.strike,
            expiry_years=self.years,
            rate=self.rate,
            borrow=borrow[self.rows],
            is_call=self.sides,
            schedule=self.schedule,
            nodes=_NODES,
            steps=_STEPS,
        )
        return np.where(found.status == IvStatus.OK, found.vol, np.nan)

    def _prices(self, vol: FloatArray, borrow: FloatArray) -> FloatArray:
        """Return (American or European, call or put, legs) values."""
        return dividend_price(
            spot=self.spot,
            strike=self.strike,
            expiry_years=self.years,
            vol=vol,
            rate=self.rate,
            borrow=borrow[self.rows],
            is_call=self.sides,
            is_american=[[[True]], [[False]]],
            schedule=self.schedule,
            nodes=_NODES,
            steps=_STEPS,
        )

    def premium_gap(self, borrow: FloatArray) -> FloatArray:
        """Return the calls' early exercise premiums less the puts', at the cheaper leg's vol."""
        vols = self._implied_vols(borrow)
        outside = np.where(self.mids[0] <= self.mids[1], vols[0], vols[1])
        vol = np.where(np.isnan(outside), np.where(np.isnan(vols[0]), vols[1], vols[0]), outside)
        american, european = self._prices(vol, borrow)
        call, put = american - european
        gap = np.zeros(self.pairs.used.shape)
        gap[self.rows, self.columns] = np.nan_to_num(call - put)
        return gap

    def iv_gap(self, borrow: FloatArray) -> FloatArray:
        call, put = self._implied_vols(borrow)
        gaps = np.full(self.pairs.used.shape, np.nan)
        gaps[self.rows, self.columns] = np.abs(call - put)
        known = np.isfinite(gaps)
        return row_median(np.where(known, gaps, 0.0), known)
