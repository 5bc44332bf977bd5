"""What the root of an option contract means: underlying, style, settlement, deliverable.

Roots differ from underlyings (SPXW is on SPX), and terms belong to the root. The table names the
cash index classes; every other root is an equity or ETF class: American, physical, PM. Adjusted
roots (AAPL1) keep style and settlement, but what they deliver is unknown until a source says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.kernel.symbols import CLASS_SHARES, root_of

STANDARD_SHARES = 100
STANDARD_MULTIPLIER = 100


@dataclass(frozen=True, slots=True)
class IndexClass:
    """Terms of one cash-settled index root."""

    underlying: str
    style: ExerciseStyle
    settlement: Settlement


_E, _A = ExerciseStyle.EUROPEAN, ExerciseStyle.AMERICAN
INDEX_CLASSES: dict[str, IndexClass] = {
    "SPX": IndexClass("SPX", _E, Settlement.AM),
    "SPXW": IndexClass("SPX", _E, Settlement.PM),
    "SPXQ": IndexClass("SPX", _E, Settlement.PM),  # quarterlies, until they joined SPXW
    "SPXPM": IndexClass("SPX", _E, Settlement.PM),  # third Fridays, until they joined SPXW
    "XSP": IndexClass("XSP", _E, Settlement.PM),
    "NDX": IndexClass("NDX", _E, Settlement.AM),
    "NDXP": IndexClass("NDX", _E, Settlement.PM),
    "XND": IndexClass("XND", _E, Settlement.PM),
    "NQX": IndexClass("NQX", _E, Settlement.PM),
    "RUT": IndexClass("RUT", _E, Settlement.AM),
    "RUTW": IndexClass("RUT", _E, Settlement.PM),
    "MRUT": IndexClass("MRUT", _E, Settlement.PM),
    "VIX": IndexClass("VIX", _E, Settlement.AM),
    "VIXW": IndexClass("VIX", _E, Settlement.AM),
    "DJX": IndexClass("DJX", _E, Settlement.AM),
    "OEX": IndexClass("OEX", _A, Settlement.PM),
    "XEO": IndexClass("XEO", _E, Settlement.PM),
}

# Minis delivered ten shares. They were listed on five classes from 2013 and are gone; the same
# spelling with a later date is an ordinary adjusted root.
MINI_ROOTS = frozenset({"AAPL7", "AMZN7", "GLD7", "GOOG7", "SPY7"})
MINI_LAST_EXPIRATION = date(2016, 1, 31)
MINI_SHARES = 10


@dataclass(frozen=True, slots=True)
class DeliverableShare:
    """So many shares of one company, as a part of what a contract delivers."""

    symbol: str
    shares: Decimal


@dataclass(frozen=True, slots=True)
class Deliverable:
    """What one contract delivers when exercised.

    `multiplier` turns a premium per share into dollars per contract. It need not equal the number
    of shares: an adjusted contract may deliver 33 shares and cash at multiplier 100.
    A cash-settled contract delivers no shares; it pays intrinsic value × multiplier.
    """

    shares: tuple[DeliverableShare, ...]
    cash: Decimal = Decimal(0)  # dollars in lieu of fractions, or from a merger
    multiplier: int = STANDARD_MULTIPLIER
    cash_settled: bool = False


@dataclass(frozen=True, slots=True)
class _RootParts:
    flex: str  # leading digit, or nothing
    name: str  # root of the class
    adjustment: str  # trailing digit, or nothing


@lru_cache(maxsize=8192)
def _parts(root: str) -> _RootParts:
    name = root.strip("0123456789")
    assert name, "a root has letters"
    before, _, after = root.partition(name)
    return _RootParts(before, name, after)


def class_of(root: str) -> str:
    """Return the root without the digits of FLEX, mini and adjusted series: AAPL for AAPL1."""
    return _parts(root).name


def underlying_of(root: str) -> str:
    """Return the canonical symbol of the underlying: SPX for SPXW, BRK.B for BRKB, AAPL for AAPL1.

    FLEX series (2SPY) and minis (SPY7) belong to the class without their digit.
    """
    name = _parts(root).name
    index = INDEX_CLASSES.get(name)
    if index is not None:
        return index.underlying
    return CLASS_SHARES.get(name, name)


def roots_of(symbol: str) -> tuple[str, ...]:
    """Return the standard roots listed on a canonical symbol: (SPX, SPXW) for SPX."""
    live = tuple(
        root
        for root, terms in INDEX_CLASSES.items()
        if terms.underlying == symbol and root not in {"SPXQ", "SPXPM"}
    )
    return live or (root_of(symbol),)


def is_adjusted(root: str) -> bool:
    """True where a corporate action changed what the contract delivers (or it is a mini)."""
    parts = _parts(root)
    return bool(parts.adjustment) and parts.name not in INDEX_CLASSES


def is_flex(root: str) -> bool:
    """True for a FLEX series: its terms are its parties' own, marked by a digit in front."""
    return bool(_parts(root).flex)


def is_cash_settled(root: str) -> bool:
    """True for index classes, which pay intrinsic value instead of delivering shares."""
    return _parts(root).name in INDEX_CLASSES


def style_of(root: str) -> ExerciseStyle:
    """Return the exercise style of a root's contracts.

    FLEX digits 1 and 3 are American, 2 and 4 European; another digit says nothing, then the class
    decides.
    """
    parts = _parts(root)
    if parts.flex in {"1", "3"}:
        return ExerciseStyle.AMERICAN
    if parts.flex in {"2", "4"}:
        return ExerciseStyle.EUROPEAN
    index = INDEX_CLASSES.get(parts.name)
    return index.style if index else ExerciseStyle.AMERICAN


def settlement_of(root: str, expiration: date) -> Settlement:  # noqa: ARG001 - see docstring
    """Return when the settlement value of a root's contracts is set on its settlement day.

    Today the root alone decides: a class with both kinds has two roots, also on third Fridays.
    Callers name the expiration all the same, so that a class that changes from a date on is a row
    here and no new argument everywhere. FLEX index series are AM with digits 1 and 2, PM with 3
    and 4.
    """
    parts = _parts(root)
    index = INDEX_CLASSES.get(parts.name)
    if index is None:
        return Settlement.PM
    if parts.flex in {"1", "2"}:
        return Settlement.AM
    if parts.flex in {"3", "4"}:
        return Settlement.PM
    return index.settlement


def deliverable_of(root: str, expiration: date) -> Deliverable | None:
    """Return what a contract delivers, or None where the root alone does not say.

    None is an adjusted contract: only a broker's or the clearing house's record knows its shares,
    cash and multiplier, and 100 must not be assumed.
    """
    parts = _parts(root)
    if is_cash_settled(root):
        return Deliverable(shares=(), cash_settled=True)
    shares = Decimal(STANDARD_SHARES)
    multiplier = STANDARD_MULTIPLIER
    if parts.adjustment:
        if root not in MINI_ROOTS or expiration > MINI_LAST_EXPIRATION:
            return None
        shares, multiplier = Decimal(MINI_SHARES), MINI_SHARES
    return Deliverable((DeliverableShare(underlying_of(root), shares),), multiplier=multiplier)
