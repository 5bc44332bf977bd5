"""The eight values of American options, group by group: by families or one by one.

A group is what shares side, rate, yield and time, as the rows of a chain do. The values are those
of the kernels, for puts of unit strike: price, its first three derivatives by ln moneyness, vega,
vega by ln moneyness, vomma and rho.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optix.quant import american_double, american_kernels, american_scheme, american_tables
from optix.quant.american_numpy import FamilyTables
from optix.quant.american_rows import Kind, Rows, certain_values, groups, take
from optix.quant.american_scheme import Scheme
from optix.quant.arrays import FloatArray

_FAMILY_ROWS_MIN = 32  # below it a family costs more than the options themselves


def scheme_of(mode: str) -> Scheme:
    """Return the tables of a mode: those of `precise`, or of every other."""
    return american_scheme.precise() if mode == "precise" else american_scheme.fast()


def tables_of(rows: Rows, scheme: Scheme, *, low: float, high: float, greeks: bool) -> FamilyTables:
    """Return the family of one group of rows."""
    rate, dividend_yield = float(rows.terms.rate[0]), float(rows.terms.dividend_yield[0])
    years, is_call = float(rows.terms.years[0]), bool(rows.is_call[0])
    if rows.kind[0] == Kind.EUROPEAN:
        return american_tables.european_tables(
            rate=rate, dividend_yield=dividend_yield, years=years, rho_by_yield=is_call
        )
    return american_tables.family_tables(
        rate=rate,
        dividend_yield=dividend_yield,
        years=years,
        vol_min=low,
        vol_max=high,
        rho_by_yield=is_call,
        greeks=greeks,
        scheme=scheme,
    )


def family_values(rows: Rows, scheme: Scheme, *, full: bool, threads: int) -> FloatArray:
    """Return the values of one group of rows, whatever its kind."""
    if rows.kind[0] == Kind.CERTAIN:
        return certain_values(rows)[: 8 if full else 1]
    if rows.kind[0] == Kind.DOUBLE:
        return american_double.values(rows.terms, rows.moneyness, rows.is_call, full=full)
    low, high = float(rows.terms.vol.min()), float(rows.terms.vol.max())
    tables = tables_of(rows, scheme, low=low, high=high, greeks=full)
    return american_kernels.family_values(
        tables, rows.moneyness, rows.terms.vol, full=full, threads=threads
    )


def values_of(rows: Rows, mode: str, *, full: bool, threads: int) -> FloatArray:
    """Return the values of all rows: the price alone, or all eight."""
    out = np.empty((8 if full else 1, rows.moneyness.size))
    scheme = scheme_of(mode)
    alone: list[NDArray[np.intp]] = []
    for at in groups(rows):
        few = mode in {"single", "precise"} or (mode == "auto" and at.size < _FAMILY_ROWS_MIN)
        if few and not full and rows.kind[at[0]] == Kind.SINGLE:
            alone.append(at)
        else:
            out[:, at] = family_values(take(rows, at), scheme, full=full, threads=threads)
    if alone:
        every = np.concatenate(alone)
        part = take(rows, every)
        depth = american_kernels.boundary(scheme, part.terms, threads=threads)
        out[0, every] = american_kernels.single_price(
            scheme, part.terms, part.moneyness, depth, threads=threads
        )
    return out
