"""Compiled kernels of American options, or the NumPy ones in their place: one call for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optix.quant import american_numpy, kernels
from optix.quant.american_numpy import FamilyTables, Terms
from optix.quant.american_scheme import Scheme
from optix.quant.arrays import FloatArray


def boundary(
    scheme: Scheme, terms: Terms, near: FloatArray | None = None, *, threads: int = 1
) -> FloatArray:
    """Return depths at the nodes, (nodes, rows); `near` is a solution of neighbouring terms."""
    native = kernels.native()
    if native is None:
        return american_numpy.boundary(scheme, terms, near)
    depth = np.empty((scheme.node.size, terms.vol.size)) if near is None else near.copy()
    native.american_boundary(*scheme.flat(), *terms, depth, near is not None, threads)
    return depth


def single_price(
    scheme: Scheme, terms: Terms, moneyness: FloatArray, depth: FloatArray, *, threads: int = 1
) -> FloatArray:
    """Return prices of puts of unit strike from their depths."""
    native = kernels.native()
    if native is None:
        return american_numpy.single_price(scheme, terms, moneyness, depth)
    out = np.empty(moneyness.size)
    native.american_single_price(*scheme.flat(), *terms, moneyness, depth, out, threads)
    return out


def family_values(
    tables: FamilyTables, moneyness: FloatArray, vol: FloatArray, *, full: bool, threads: int = 1
) -> FloatArray:
    """Return the price, (1, rows), or all eight values in the order of `native/american.hpp`."""
    native = kernels.native()
    if native is None:
        return american_numpy.family_values(tables, moneyness, vol, full=full)
    out = np.empty((8 if full else 1, vol.size))
    native.american_family_values(*tables, moneyness, vol, out, threads)
    return out


def family_implied_vol(
    tables: FamilyTables,
    moneyness: FloatArray,
    price: FloatArray,
    start: FloatArray,
    *,
    threads: int = 1,
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return volatilities and `american_numpy.Edge` codes."""
    native = kernels.native()
    if native is None:
        return american_numpy.family_implied_vol(tables, moneyness, price, start)
    vol, edge = start.copy(), np.empty(start.size, dtype=np.int8)
    native.american_family_implied_vol(
        tables.coefficients,
        tables.rule,
        tables.log_vol_middle,
        tables.log_vol_half,
        moneyness,
        price,
        vol,
        edge,
        threads,
    )
    return vol, edge
