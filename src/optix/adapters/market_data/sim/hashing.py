"""Random numbers that are a function of what they are for, not of when they are drawn.

A generator with a state would make the price of noon depend on how many numbers were drawn since
the process began. Here number `n` of stream `key` is a hash of both, so the API, the history, the
stream and the next process agree without talking to each other.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_STEPS = (np.uint64(30), np.uint64(27), np.uint64(31))


def stream_key(*parts: int | str | np.uint64) -> np.uint64:
    """Return the key of the stream that `parts` name."""
    text = "\x1f".join(str(part) for part in parts)
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))


def hash_bits(key: np.uint64, counters: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """Return 64 well mixed bits (the finaliser of SplitMix64) for each counter of a stream."""
    bits = counters.astype(np.uint64) * _GOLDEN
    bits ^= key
    bits *= _MIX_B
    bits ^= bits >> _STEPS[0]
    bits *= _MIX_A
    bits ^= bits >> _STEPS[1]
    bits *= _MIX_B
    bits ^= bits >> _STEPS[2]
    return bits


def uniforms(key: np.uint64, counters: npt.NDArray[np.generic]) -> Floats:
    """Return numbers in (0, 1), both ends excluded."""
    return ((hash_bits(key, counters) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def _normal_table() -> Floats:
    """Return 65,536 standard normal numbers (Box and Muller 1958), exact in mean and deviation."""
    half = np.arange(1 << 15)
    radius = np.sqrt(-2.0 * np.log(uniforms(stream_key("radius"), half)))
    angle = 2.0 * np.pi * uniforms(stream_key("angle"), half)
    table = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))
    result: Floats = (table - table.mean()) / table.std()
    return result


_NORMALS = _normal_table()


def normals(key: np.uint64, counters: npt.NDArray[np.generic]) -> Floats:
    """Return standard normal numbers.

    They are picked from a table: five years of minutes are hundreds of thousands of draws, and a
    chart must not wait for as many logarithms and cosines.
    """
    result: Floats = _NORMALS[(hash_bits(key, counters) >> np.uint64(48)).astype(np.intp)]
    return result
