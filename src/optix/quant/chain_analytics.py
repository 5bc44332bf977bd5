"""A whole chain in one call: forwards, implied vols, Greeks, the surface and how good it is.

Columns in, columns out, no I/O and no clock. Natural units throughout (per 1.00 of vol and rate,
per year), as everywhere in `quant`. A row without a number has a status that says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import american, black_scholes
from optix.quant.american_rows import AmericanGreeks
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.black_scholes import AllGreeks, Greeks
from optix.quant.daycount import expiry_years as years_between
from optix.quant.forward import Carry, ForwardFit, implied_carry, implied_forward
from optix.quant.implied_vol import ImpliedVol, IvStatus, implied_vol
from optix.quant.slice_quotes import SliceQuotes, slice_quotes
from optix.quant.surface import Surface, fit_surface

RootKey = tuple[str, date]


class RowStatus(IntEnum):
    """Why a row has no implied vol; the first seven are those of `IvStatus`."""

    OK = 0
    BELOW_INTRINSIC = 1
    ABOVE_MAXIMUM = 2
    NO_TIME_VALUE = 3
    EXPIRED = 4
    NOT_CONVERGED = 5
    INVALID = 6
    NO_BID = 7
    NO_ASK = 8
    CROSSED = 9
    NO_FORWARD = 10


class ChainColumns(NamedTuple):
    """The rows of a chain, and what belongs to an expiry of one root."""

    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray  # NaN or 0: nobody bids
    ask: FloatArray
    expiry: NDArray[np.intp]  # (rows,) index into the three below
    expiry_years: FloatArray  # (expiries,), any order; 0: settled
    is_american: BoolArray  # (expiries,)


class ChainAnalytics(NamedTuple):
    """Aligned with the rows, or with the expiries, of the chain it was made from."""

    forward: ForwardFit  # per expiry
    discount: FloatArray  # per expiry
    mid: FloatArray  # per row, as all that follows
    iv: FloatArray  # of the mid
    iv_bid: FloatArray
    iv_ask: FloatArray
    status: NDArray[np.int8]  # RowStatus of `iv`
    greeks: Greeks  # at `iv`
    log_moneyness: FloatArray  # ln(strike/forward)
    in_surface: BoolArray  # the rows the surface was fitted to
    slice_of: NDArray[np.intp]  # per expiry: its slice of the surface, −1 without
    surface: Surface | None  # None where no row is usable


class _Contract(Protocol):
    @property
    def root(self) -> str: ...
    @property
    def expiration(self) -> date: ...
    @property
    def right(self) -> str: ...
    @property
    def strike_milli(self) -> int: ...


class ChainTableLike(Protocol):
    """What is read of a chain table: `optix.kernel.chain.ChainTable` is one."""

    @property
    def contracts(self) -> Sequence[_Contract]: ...
    @property
    def columns(self) -> Mapping[str, Sequence[float]]: ...


def chain_columns(
    table: ChainTableLike,
    *,
    now_ns: int,
    settles_at_ns: Mapping[RootKey, int],
    american_roots: frozenset[str],
) -> tuple[ChainColumns, list[RootKey]]:
    """Return the columns of a chain table and the (root, expiration) of each expiry.

    Units:   strikes in thousandths in the table, in quote currency in the result; instants in
             nanoseconds since the epoch.
    Errors:  KeyError if a (root, expiration) of the table has no settlement instant.
    """
    ids: dict[RootKey, int] = {}
    expiry = [
        ids.setdefault((contract.root, contract.expiration), len(ids))
        for contract in table.contracts
    ]
    keys = list(ids)
    count = len(expiry)
    columns = ChainColumns(
        strike=np.fromiter((c.strike_milli for c in table.contracts), np.float64, count) / 1000.0,
        is_call=np.fromiter((str(c.right) == "C" for c in table.contracts), np.bool_, count),
        bid=np.array(table.columns["bid"], dtype=np.float64),
        ask=np.array(table.columns["ask"], dtype=np.float64),
        expiry=np.array(expiry, dtype=np.intp),
        expiry_years=years_between(
            now_ns=now_ns,
            settles_at_ns=np.array([settles_at_ns[key] for key in keys], dtype=np.int64),
        ),
        is_american=np.array([root in american_roots for root, _ in keys], dtype=np.bool_),
    )
    return columns, keys


def analyse_chain(
    chain: ChainColumns,
    *,
    spot: ArrayLike = np.nan,
    rate: float,
    with_surface: bool = True,
    start: FloatArray | None = None,
) -> ChainAnalytics:
    """Return forwards, implied vols of bid, mid and ask, Greeks at the mid, and the surface.

    The surface stands on the out-of-the-money side of each strike, quoted on both sides. Greeks of
    European rows are against `spot` where it is known, else against the forward brought back.

    Shapes:  see `ChainColumns`; spot is one number or (expiries,). start: as `fit_surface`, for the
             slices of this chain in ascending order of time.
    Units:   prices in quote currency per share; years ACT/365; vols and rates annual decimals;
             Greeks natural (per 1.00 of spot, vol and rate, per year).
    Errors:  none raised; a row without a vol has NaN and its RowStatus, an expiry without a forward
             is in no slice.
    Source:  `forward`, `implied_vol`, `american`, `black_scholes`, `surface`.
    """
    years = np.asarray(chain.expiry_years, dtype=np.float64)
    spots = np.broadcast_to(np.asarray(spot, dtype=np.float64), years.shape)
    forward = _forwards(chain, years, spots, rate)
    bid = np.where(chain.bid > 0, chain.bid, np.nan)
    ask = np.where(chain.ask > 0, chain.ask, np.nan)
    mid = 0.5 * (bid + ask)
    status = _row_status(chain, bid, ask, years, forward)
    carry = implied_carry(
        spot=spots, forward=forward.forward, expiry_years=years, rate=forward.rate
    )
    terms = _Terms(chain, forward, carry, spots)
    rows = np.flatnonzero(status == RowStatus.OK)
    low, middle, high = (_vols(terms, values, rows) for values in (bid, mid, ask))
    status[rows] = middle.status[rows]
    k = np.log(chain.strike / forward.forward[chain.expiry])
    out = np.where(chain.is_call, k >= 0, k < 0)
    in_surface = out & (status == RowStatus.OK)
    quotes, slice_of = _slice_rows(
        chain, in_surface, {"k": k, "vol": middle.vol, "vol_bid": low.vol, "vol_ask": high.vol}
    )
    fitted = None
    if with_surface and quotes is not None:
        fitted = fit_surface(quotes, start=start)
    return ChainAnalytics(
        forward=forward,
        discount=np.exp(-forward.rate * years),
        mid=mid,
        iv=middle.vol,
        iv_bid=low.vol,
        iv_ask=high.vol,
        status=status,
        greeks=_greeks(terms, middle.vol, status),
        log_moneyness=k,
        in_surface=in_surface,
        slice_of=slice_of,
        surface=fitted,
    )


def _forwards(chain: ChainColumns, years: FloatArray, spot: FloatArray, rate: float) -> ForwardFit:
    """Join calls and puts of one strike into pairs, a row for each expiry, and fit the forwards."""
    order = np.lexsort((~chain.is_call, chain.strike, chain.expiry))
    group, strike, is_call = chain.expiry[order], chain.strike[order], chain.is_call[order]
    joined = (group[1:] == group[:-1]) & (strike[1:] == strike[:-1]) & is_call[:-1] & ~is_call[1:]
    first = np.flatnonzero(joined)
    rows = group[first]
    counts = np.bincount(rows, minlength=years.size)
    places = np.arange(first.size) - np.repeat(np.cumsum(counts) - counts, counts)
    call, put = order[first], order[first + 1]

    def spread_out(values: FloatArray) -> FloatArray:
        matrix = np.full((years.size, int(counts.max(initial=0))), np.nan)
        matrix[rows, places] = values
        return matrix

    return implied_forward(
        strike=spread_out(chain.strike[call]),
        call_bid=spread_out(chain.bid[call]),
        call_ask=spread_out(chain.ask[call]),
        put_bid=spread_out(chain.bid[put]),
        put_ask=spread_out(chain.ask[put]),
        expiry_years=years,
        is_american=chain.is_american,
        spot=spot,
        rate=rate,
    )


def _row_status(
    chain: ChainColumns, bid: FloatArray, ask: FloatArray, years: FloatArray, forward: ForwardFit
) -> NDArray[np.int8]:
    status = np.full(chain.strike.shape, RowStatus.OK, dtype=np.int8)
    status[bid > ask] = RowStatus.CROSSED
    status[np.isnan(bid)] = RowStatus.NO_BID
    status[np.isnan(ask)] = RowStatus.NO_ASK
    status[np.isnan(forward.forward)[chain.expiry]] = RowStatus.NO_FORWARD
    status[(years <= 0)[chain.expiry]] = RowStatus.EXPIRED
    return status


class _Terms(NamedTuple):
    """What a model needs beside the quotes, per expiry."""

    chain: ChainColumns
    forward: ForwardFit
    carry: Carry
    spot: FloatArray  # as shown, NaN where not known


def _vols(terms: _Terms, value: FloatArray, rows: NDArray[np.intp]) -> ImpliedVol:
    """Return the vols of the rows by their style; NaN and INVALID elsewhere."""
    chain, forward, carry, _ = terms
    vol = np.full(value.shape, np.nan)
    status = np.full(value.shape, IvStatus.INVALID, dtype=np.int8)
    style = chain.is_american[chain.expiry[rows]]
    for part, exercise in ((rows[~style], False), (rows[style], True)):
        if part.size == 0:
            continue
        group = chain.expiry[part]
        strike, is_call = chain.strike[part], chain.is_call[part]
        years, rate = chain.expiry_years[group], forward.rate[group]
        if exercise:
            found = american.implied_vol(
                price=value[part],
                spot=carry.spot[group],
                strike=strike,
                expiry_years=years,
                rate=rate,
                dividend_yield=carry.dividend_yield[group],
                is_call=is_call,
            )
        else:
            found = implied_vol(
                price=value[part],
                forward=forward.forward[group],
                strike=strike,
                expiry_years=years,
                rate=rate,
                is_call=is_call,
            )
        vol[part], status[part] = found.vol, found.status
    return ImpliedVol(vol, status)


def _greeks(terms: _Terms, iv: FloatArray, status: NDArray[np.int8]) -> Greeks:
    chain, forward, carry, shown = terms
    columns = Greeks(*(np.full(iv.shape, np.nan) for _ in Greeks._fields))
    style = chain.is_american[chain.expiry]
    for exercise in (False, True):
        rows = np.flatnonzero((status == RowStatus.OK) & (style == exercise))
        if rows.size == 0:
            continue
        group = chain.expiry[rows]
        strike, is_call, vol = chain.strike[rows], chain.is_call[rows], iv[rows]
        years, rate = chain.expiry_years[group], forward.rate[group]
        found: Greeks | AllGreeks | AmericanGreeks
        if exercise:
            found = american.greeks(
                spot=carry.spot[group],
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=rate,
                dividend_yield=carry.dividend_yield[group],
                is_call=is_call,
            )
        else:
            found = black_scholes.greeks(
                spot=carry.spot[group],
                forward=forward.forward[group],
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=rate,
                is_call=is_call,
            )
        for name in Greeks._fields:
            getattr(columns, name)[rows] = getattr(found, name)
        # By the spot that is shown, which the model's spot follows in proportion.
        seen = shown[group]
        scale = np.where(np.isfinite(seen), carry.spot[group] / seen, 1.0)
        columns.delta[rows] *= scale
        columns.gamma[rows] *= scale * scale
    return columns


def _slice_rows(
    chain: ChainColumns, in_surface: BoolArray, columns: Mapping[str, FloatArray]
) -> tuple[SliceQuotes | None, NDArray[np.intp]]:
    """Return the quotes of the slices and the slice of each expiry.

    Two roots that settle at one instant share a slice, each with its own forward.
    """
    years = np.asarray(chain.expiry_years, dtype=np.float64)
    present = np.zeros(years.size, dtype=np.bool_)
    present[chain.expiry[in_surface]] = True
    slice_of = np.full(years.size, -1, dtype=np.intp)
    if not present.any():
        return None, slice_of
    times, place = np.unique(years[present], return_inverse=True)
    slice_of[present] = place
    quotes = slice_quotes(
        expiry=slice_of[chain.expiry[in_surface]],
        years=times,
        **{name: column[in_surface] for name, column in columns.items()},
    )
    return quotes, slice_of
