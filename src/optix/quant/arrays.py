"""Shapes and types every function of `quant` shares: broadcast float64 arrays in, the same out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def broadcast_floats(*values: ArrayLike) -> tuple[FloatArray, ...]:
    """Return the values as read-only float64 arrays of one common shape."""
    return np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))


def broadcast_options(is_call: ArrayLike, *values: ArrayLike) -> tuple[BoolArray, list[FloatArray]]:
    """Return sides and values as read-only arrays of one common shape."""
    call, *floats = np.broadcast_arrays(
        np.asarray(is_call, dtype=np.bool_),
        *(np.asarray(value, dtype=np.float64) for value in values),
    )
    return call, floats


def contiguous(array: FloatArray) -> FloatArray:
    """Return the values in one row, as the compiled kernels take them."""
    return np.ascontiguousarray(array).reshape(-1)


def flags_of(array: BoolArray) -> BoolArray:
    """Return the flags in one row, as the compiled kernels take them."""
    return np.ascontiguousarray(array).reshape(-1)


def all_positive(*values: FloatArray) -> BoolArray:
    """Say where every value is finite and above zero. NaN is not."""
    result = np.ones(values[0].shape, dtype=np.bool_)
    for value in values:
        result &= (value > 0) & np.isfinite(value)
    return result
