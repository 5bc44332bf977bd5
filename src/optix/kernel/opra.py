"""What OPRA puts beside a print: last-sale conditions and the letters of its exchanges.

A print carries the letters of its conditions (`Trade.conditions`); none is a regular print. This
module says what each letter counts for. How vendors number the same conditions ends in their
adapters. What a stream of prints adds up to is in `trade_tape`.

An unknown letter still was a trade: it counts for volume, and sets no price.

Source: MARKET_RULES section 6; OPRA Pillar output specification, last-sale message types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class CancelKind(StrEnum):
    """Which earlier print a cancel undoes."""

    EARLIER = "earlier"  # neither the first nor the last one
    LAST = "last"
    OPENING = "opening"
    ONLY = "only"


class Mechanism(StrEnum):
    """How buyer and seller met."""

    UNKNOWN = "unknown"
    ELECTRONIC = "electronic"
    AUCTION = "auction"  # the order was stopped and exposed
    CROSS = "cross"  # stopped, without exposure
    FLOOR = "floor"
    COMPRESSION = "compression"  # positions torn up at prices off the market


class LegKind(StrEnum):
    """What the print was a part of. Only a single leg says what somebody thinks of its contract."""

    SINGLE = "single"
    MULTI = "multi"  # against another package
    MULTI_VS_SINGLE = "multi_vs_single"  # a package against quotes of the single contracts
    STOCK_TIED = "stock_tied"  # with stock: hedged, delta-neutral
    STOCK_TIED_VS_SINGLE = "stock_tied_vs_single"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One last-sale condition. The defaults are those of a regular print."""

    letter: str
    word: str  # OPRA's own
    meaning: str
    counts_for_volume: bool = True
    sets_last: bool = True
    sets_extremes: bool = True  # the high and the low of the day
    cancels: CancelKind | None = None
    opening: bool = False
    late: bool = False
    out_of_sequence: bool = False  # later prints were reported before this one
    sweep: bool = False  # of an intermarket sweep order
    mechanism: Mechanism = Mechanism.UNKNOWN
    legs: LegKind = LegKind.SINGLE
    extended_hours: bool = False


def _cancel(letter: str, word: str, kind: CancelKind, meaning: str) -> Condition:
    return Condition(
        letter=letter,
        word=word,
        meaning=meaning,
        counts_for_volume=False,
        sets_last=False,
        sets_extremes=False,
        cancels=kind,
    )


def _late(letter: str, word: str, meaning: str, *, opening: bool, out: bool) -> Condition:
    return Condition(
        letter=letter,
        word=word,
        meaning=meaning,
        sets_last=False,
        late=True,
        opening=opening,
        out_of_sequence=out,
    )


def _met(
    letter: str,
    word: str,
    mechanism: Mechanism,
    legs: LegKind,
    meaning: str,
    *,
    sweep: bool = False,
) -> Condition:
    return Condition(
        letter=letter, word=word, meaning=meaning, mechanism=mechanism, legs=legs, sweep=sweep
    )


_ELECTRONIC, _AUCTION = Mechanism.ELECTRONIC, Mechanism.AUCTION
_CROSS, _FLOOR = Mechanism.CROSS, Mechanism.FLOOR
_SINGLE, _MULTI, _MULTI_VS = LegKind.SINGLE, LegKind.MULTI, LegKind.MULTI_VS_SINGLE
_STOCK, _STOCK_VS = LegKind.STOCK_TIED, LegKind.STOCK_TIED_VS_SINGLE

REGULAR = Condition(letter="", word="", meaning="A regular print.")

_ROWS = (
    _cancel("A", "CANC", CancelKind.EARLIER, "Cancels a print that was neither first nor last."),
    _late("B", "OSEQ", "Late, and later prints were reported before.", opening=False, out=True),
    _cancel("C", "CNCL", CancelKind.LAST, "Cancels the last print."),
    _late("D", "LATE", "Late, with no later print before it.", opening=False, out=False),
    _cancel("E", "CNCO", CancelKind.OPENING, "Cancels the opening print."),
    _late("F", "OPEN", "The opening print, late and out of sequence.", opening=True, out=True),
    _cancel("G", "CNOL", CancelKind.ONLY, "Cancels the only print."),
    _late("H", "OPNL", "The opening print, late but in sequence.", opening=True, out=False),
    _met("I", "AUTO", _ELECTRONIC, _SINGLE, "Executed electronically."),
    Condition(letter="J", word="REOP", meaning="Reopens a contract after a halt."),
    _met("S", "ISOI", _ELECTRONIC, _SINGLE, "Of an intermarket sweep order.", sweep=True),
    _met("a", "SLAN", _AUCTION, _SINGLE, "Single leg in an auction."),
    _met("b", "SLAI", _AUCTION, _SINGLE, "Single leg in an auction, sweep order.", sweep=True),
    _met("c", "SLCN", _CROSS, _SINGLE, "Single leg crossed."),
    _met("d", "SLCI", _CROSS, _SINGLE, "Single leg crossed, sweep order.", sweep=True),
    _met("e", "SLFT", _FLOOR, _SINGLE, "Single leg on a floor."),
    _met("f", "MLET", _ELECTRONIC, _MULTI, "Leg of a package, executed electronically."),
    _met("g", "MLAT", _AUCTION, _MULTI, "Leg of a package in an auction."),
    _met("h", "MLCT", _CROSS, _MULTI, "Leg of a package that was crossed."),
    _met("i", "MLFT", _FLOOR, _MULTI, "Leg of a package on a floor."),
    _met("j", "MESL", _ELECTRONIC, _MULTI_VS, "Leg of a package against single orders."),
    _met("k", "TLAT", _AUCTION, _STOCK, "Leg of stock and options in an auction."),
    _met("l", "MASL", _AUCTION, _MULTI_VS, "Leg of an auctioned package against single orders."),
    _met("m", "MFSL", _FLOOR, _MULTI_VS, "Leg of a floor package against single orders."),
    _met("n", "TLET", _ELECTRONIC, _STOCK, "Leg of stock and options, executed electronically."),
    _met("o", "TLCT", _CROSS, _STOCK, "Leg of stock and options that was crossed."),
    _met("p", "TLFT", _FLOOR, _STOCK, "Leg of stock and options on a floor."),
    _met("q", "TESL", _ELECTRONIC, _STOCK_VS, "Leg of stock and options against single orders."),
    _met("r", "TASL", _AUCTION, _STOCK_VS, "Auctioned stock and options against single orders."),
    _met("s", "TFSL", _FLOOR, _STOCK_VS, "Floor stock and options against single orders."),
    _met("t", "CBMO", _FLOOR, _MULTI, "Floor package of a proprietary product, off the NBBO."),
    Condition(
        letter="u",
        word="MCTP",
        meaning="Compression of positions outside regular hours, at prices off the market.",
        sets_last=False,
        sets_extremes=False,
        mechanism=Mechanism.COMPRESSION,
        legs=LegKind.MULTI,
    ),
    Condition(
        letter="v",
        word="EXHT",
        meaning="Traded outside regular hours.",
        sets_last=False,
        sets_extremes=False,
        extended_hours=True,
    ),
)
CONDITIONS: dict[str, Condition] = {row.letter: row for row in _ROWS}

# Participant letters of the exchanges whose quotes and prints OPRA carries.
EXCHANGES: dict[str, str] = {
    "A": "NYSE American",
    "B": "BOX",
    "C": "Cboe",
    "D": "MIAX Emerald",
    "E": "Cboe EDGX",
    "H": "Nasdaq GEMX",
    "I": "Nasdaq ISE",
    "J": "Nasdaq MRX",
    "M": "MIAX",
    "N": "NYSE Arca",
    "P": "MIAX Pearl",
    "Q": "Nasdaq Options Market",
    "S": "MIAX Sapphire",
    "T": "Nasdaq BX",
    "U": "MEMX",
    "W": "Cboe C2",
    "X": "Nasdaq PHLX",
    "Z": "Cboe BZX",
}


def find_condition(letter: str) -> Condition | None:
    """Return what a letter means; a blank is a regular print; None for a letter OPRA has not."""
    return CONDITIONS.get(letter) if letter.strip() else REGULAR


def counts_for_volume(conditions: str) -> bool:
    """True unless the print is a cancel."""
    return all(condition.counts_for_volume for condition in _known(conditions))


def may_set_last(conditions: str) -> bool:
    """True where the print may become the last price: in its time, in its hours, on the market."""
    return _all_known(conditions) and all(c.sets_last for c in _known(conditions))


def may_set_extremes(conditions: str) -> bool:
    """True where the print may become the high or the low: late ones may."""
    return _all_known(conditions) and all(c.sets_extremes for c in _known(conditions))


def cancel_kind(conditions: str) -> CancelKind | None:
    """Return which print is cancelled, None for a print that is no cancel."""
    return next((c.cancels for c in _known(conditions) if c.cancels is not None), None)


def is_cancel(conditions: str) -> bool:
    """Return True where the print undoes another one."""
    return cancel_kind(conditions) is not None


def is_late(conditions: str) -> bool:
    """True where the print was reported late, in sequence or out of it."""
    return any(condition.late for condition in _known(conditions))


def is_out_of_sequence(conditions: str) -> bool:
    """Return True where later prints were reported before this one."""
    return any(condition.out_of_sequence for condition in _known(conditions))


def is_opening(conditions: str) -> bool:
    """True for a late report of the opening print: OPRA marks no other one."""
    return any(condition.opening for condition in _known(conditions))


def is_sweep(conditions: str) -> bool:
    """True where the print is of an intermarket sweep order."""
    return any(condition.sweep for condition in _known(conditions))


def is_extended_hours(conditions: str) -> bool:
    """Return True for a trade outside regular hours."""
    return any(condition.extended_hours for condition in _known(conditions))


def mechanism(conditions: str) -> Mechanism:
    """Return how buyer and seller met; UNKNOWN for a regular print, which does not say."""
    told = (c.mechanism for c in _known(conditions) if c.mechanism is not Mechanism.UNKNOWN)
    return next(told, Mechanism.UNKNOWN)


def leg_kind(conditions: str) -> LegKind:
    """Return what the print was a part of."""
    told = (c.legs for c in _known(conditions) if c.legs is not LegKind.SINGLE)
    return next(told, LegKind.SINGLE)


def is_package(conditions: str) -> bool:
    """True for a leg of several: never to be called bullish or bearish alone."""
    return leg_kind(conditions) is not LegKind.SINGLE


def is_stock_tied(conditions: str) -> bool:
    """True for a leg traded with stock, which is hedged."""
    return leg_kind(conditions) in {LegKind.STOCK_TIED, LegKind.STOCK_TIED_VS_SINGLE}


def _known(conditions: str) -> Iterator[Condition]:
    return (found for letter in conditions if (found := find_condition(letter)) is not None)


def _all_known(conditions: str) -> bool:
    return all(find_condition(letter) is not None for letter in conditions)
