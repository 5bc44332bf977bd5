"""One expiry's American options, prepared once and priced many times: quotes, shocks, scenarios."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from optix.quant import american_kernels
from optix.quant.american_numpy import FamilyTables
from optix.quant.american_rows import (
    AmericanGreeks,
    AmericanStatus,
    Inputs,
    Kind,
    Rows,
    finish_greeks,
    finish_prices,
    read,
    rows_of,
    status_of,
    take,
)
from optix.quant.american_values import family_values, scheme_of, tables_of
from optix.quant.arrays import FloatArray


class AmericanFamily:
    """The exercise boundaries of one (rate, dividend_yield, expiry_years) for a range of vols.

    Shapes:  numbers; the methods broadcast spot, strike, vol and is_call to one shape.
    Units:   as `american.price`.
    Errors:  ValueError if a number is not finite, time or range is empty; in the methods, if a vol
             is outside the range. NaN in gives NaN out.
    Source:  the boundary in units of the strike depends on nothing else; see `american_tables`.
    """

    def __init__(
        self,
        *,
        rate: float,
        dividend_yield: float,
        expiry_years: float,
        vol_min: float,
        vol_max: float,
        mode: Literal["family", "precise"] = "family",
    ) -> None:
        finite = np.isfinite([rate, dividend_yield, expiry_years, vol_max]).all()
        if not (finite and expiry_years > 0 and 0 < vol_min <= vol_max):
            raise ValueError("A family needs finite terms, time left and 0 < vol_min <= vol_max.")
        self._terms = (expiry_years, rate, dividend_yield)
        self._range = (vol_min, vol_max)
        self._scheme = scheme_of(mode)
        self._tables: dict[bool, FamilyTables] = {}

    def price(
        self, *, spot: ArrayLike, strike: ArrayLike, vol: ArrayLike, is_call: ArrayLike
    ) -> FloatArray:
        """Return prices, as `american.price`."""
        given = self._read(is_call, spot, strike, vol)
        rows = rows_of(given, status_of(given) == AmericanStatus.OK, given.other)
        return finish_prices(given, rows, self._values(rows, full=False))

    def greeks(
        self, *, spot: ArrayLike, strike: ArrayLike, vol: ArrayLike, is_call: ArrayLike
    ) -> AmericanGreeks:
        """Return price and Greeks, as `american.greeks`."""
        given = self._read(is_call, spot, strike, vol)
        rows = rows_of(given, status_of(given) == AmericanStatus.OK, given.other)
        return finish_greeks(given, rows, self._values(rows, full=True))

    def _read(
        self, is_call: ArrayLike, spot: ArrayLike, strike: ArrayLike, vol: ArrayLike
    ) -> Inputs:
        given = read(is_call, spot, strike, *self._terms, vol)
        low, high = self._range
        if ((given.other < low) | (given.other > high)).any():
            raise ValueError(f"A vol is outside the range {low:g} to {high:g} of the family.")
        return given

    def _values(self, rows: Rows, *, full: bool) -> FloatArray:
        out = np.empty((8 if full else 1, rows.moneyness.size))
        for is_call in (False, True):
            for kind in Kind:
                at = np.flatnonzero((rows.is_call == is_call) & (rows.kind == kind))
                if at.size:
                    out[:, at] = self._side(take(rows, at), full=full)
        return out

    def _side(self, rows: Rows, *, full: bool) -> FloatArray:
        if rows.kind[0] in {Kind.CERTAIN, Kind.DOUBLE}:
            return family_values(rows, self._scheme, full=full, threads=1)
        is_call, (low, high) = bool(rows.is_call[0]), self._range
        if is_call not in self._tables:
            self._tables[is_call] = tables_of(rows, self._scheme, low=low, high=high, greeks=True)
        tables = self._tables[is_call]
        return american_kernels.family_values(tables, rows.moneyness, rows.terms.vol, full=full)
