"""Which implementation does the arithmetic: compiled kernels, or NumPy where there are none.

The functions of `quant` ask here, once per call. `native()` is the extension module
`optix.quant._native` or None; the NumPy code beside each call is the reference and the fallback.
OPTIX_QUANT_KERNEL forces one of `available()`: a test or a comparison may want it, a user does not.
Why so: docs/adr/0014.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Final

VARIABLE: Final = "OPTIX_QUANT_KERNEL"
NUMPY: Final = "numpy"
_WORDS: Final = {
    "avx512": "AVX-512",
    "avx2": "AVX2",
    "baseline": "every processor of this kind",
}


def _load() -> ModuleType | None:
    try:
        from optix.quant import _native  # noqa: PLC0415  # absent where nothing could be compiled
    except ImportError:
        return None
    return _native


_NATIVE: Final = _load()


class _Choice:
    """The one mutable thing here: the kernels in use by this process."""

    name = NUMPY


def available() -> tuple[str, ...]:
    """Return what this machine can use, fastest first; `numpy` is always the last."""
    return (*(_NATIVE.available() if _NATIVE is not None else ()), NUMPY)


def active() -> str:
    """Return what is in use: `avx512`, `avx2`, `baseline` or `numpy`."""
    return _Choice.name


def use(name: str) -> None:
    """Take another of `available()`, for the whole process. Not while a calculation runs.

    Errors:  ValueError if this machine cannot run it.
    """
    if name not in available():
        raise ValueError(f"This machine has no kernel {name}: {', '.join(available())}.")
    if _NATIVE is not None and name != NUMPY:
        _NATIVE.use(name)
    _Choice.name = name


def describe() -> str:
    """Return a sentence part for people: what does the arithmetic here."""
    if _Choice.name != NUMPY:
        return f"compiled kernels for {_WORDS[_Choice.name]}"
    if _NATIVE is not None:
        return f"NumPy, because {VARIABLE} asks for it: many times slower than the kernels"
    return "NumPy, because no kernels are compiled here: many times slower"


def native() -> ModuleType | None:
    """Return the compiled kernels, None where NumPy is to do the work."""
    return None if _Choice.name == NUMPY else _NATIVE


use(os.environ.get(VARIABLE) or available()[0])
