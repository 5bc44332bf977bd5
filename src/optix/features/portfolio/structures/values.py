"""What grouping speaks of: holdings with what opened them, shapes, structures, and why.

A *holding* is one position of one account. Its *openings* are what is left of the fills that opened
it. A *structure* is a set of *legs*, each a share of a holding: ten long calls can be five in a
spread and five by themselves. Quantities have the sign of their position.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from optix.kernel.holding import Asset


class Why(StrEnum):
    """What says that the legs belong together, the strongest first."""

    OWNER = "owner"  # the owner of the account said so
    ORDER = "order"  # one order opened them
    TIME = "time"  # they were opened in the same second
    WINDOW = "window"  # within minutes, and they make a shape
    SHAPE = "shape"  # they make a shape, whenever they were opened
    LOOSE = "loose"  # one leg by itself


# A judgement in numbers, for sorting and for showing doubt: not a measured probability.
CONFIDENCE: dict[Why, float] = {
    Why.OWNER: 1.0,
    Why.ORDER: 1.0,
    Why.TIME: 0.95,
    Why.WINDOW: 0.9,
    Why.SHAPE: 0.7,
    Why.LOOSE: 0.5,
}


class Shape(StrEnum):
    LONG_STOCK = "long_stock"
    SHORT_STOCK = "short_stock"
    LONG_CALL = "long_call"
    SHORT_CALL = "short_call"
    LONG_PUT = "long_put"
    SHORT_PUT = "short_put"
    CASH_SECURED_PUT = "cash_secured_put"
    COVERED_CALL = "covered_call"
    COVERED_PUT = "covered_put"
    PROTECTIVE_PUT = "protective_put"
    PROTECTIVE_CALL = "protective_call"
    RATIO_WRITE = "ratio_write"  # more calls sold than shares cover
    STOCK_RATIO = "stock_ratio"  # shares with options in another proportion than one to one
    COLLAR = "collar"
    REVERSE_COLLAR = "reverse_collar"
    PUT_SPREAD_COLLAR = "put_spread_collar"
    COVERED_STRANGLE = "covered_strangle"
    CONVERSION = "conversion"
    REVERSAL = "reversal"
    BULL_CALL_SPREAD = "bull_call_spread"
    BEAR_CALL_SPREAD = "bear_call_spread"
    BULL_PUT_SPREAD = "bull_put_spread"
    BEAR_PUT_SPREAD = "bear_put_spread"
    RATIO_SPREAD = "ratio_spread"  # more are sold than bought
    BACKSPREAD = "backspread"  # more are bought than sold
    LADDER = "ladder"
    CALENDAR = "calendar"
    REVERSE_CALENDAR = "reverse_calendar"
    DIAGONAL = "diagonal"
    REVERSE_DIAGONAL = "reverse_diagonal"
    POOR_MANS_COVERED_CALL = "poor_mans_covered_call"
    DOUBLE_CALENDAR = "double_calendar"
    DOUBLE_DIAGONAL = "double_diagonal"
    LONG_STRADDLE = "long_straddle"
    SHORT_STRADDLE = "short_straddle"
    LONG_STRANGLE = "long_strangle"
    SHORT_STRANGLE = "short_strangle"
    LONG_GUTS = "long_guts"
    SHORT_GUTS = "short_guts"
    STRIP = "strip"
    STRAP = "strap"
    SYNTHETIC_LONG = "synthetic_long"
    SYNTHETIC_SHORT = "synthetic_short"
    RISK_REVERSAL = "risk_reversal"
    SEAGULL = "seagull"
    JADE_LIZARD = "jade_lizard"
    REVERSE_JADE_LIZARD = "reverse_jade_lizard"
    BIG_LIZARD = "big_lizard"
    LONG_BUTTERFLY = "long_butterfly"
    SHORT_BUTTERFLY = "short_butterfly"
    BROKEN_WING_BUTTERFLY = "broken_wing_butterfly"
    UNBALANCED_BUTTERFLY = "unbalanced_butterfly"
    LONG_CONDOR = "long_condor"
    SHORT_CONDOR = "short_condor"
    BROKEN_WING_CONDOR = "broken_wing_condor"
    IRON_CONDOR = "iron_condor"
    REVERSE_IRON_CONDOR = "reverse_iron_condor"
    IRON_BUTTERFLY = "iron_butterfly"
    REVERSE_IRON_BUTTERFLY = "reverse_iron_butterfly"
    LONG_BOX = "long_box"
    SHORT_BOX = "short_box"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is left of what one order opened of one asset.

    `quantity` is left, `opened` is what the order opened of this asset in all; both are signed.
    `order` is '' where the broker names none; `whole` says that the order still has all of the legs
    that it opened.
    """

    quantity: Decimal
    opened: Decimal
    day: date | None = None
    at: datetime | None = None
    order: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One position with what opened it. Openings may be of less than the position: history ends."""

    asset: Asset
    quantity: Decimal
    openings: tuple[Opening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A share of one position."""

    asset: Asset
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Legs that belong together. `units` is how often the shape is held.

    `id` is the override's where the owner put it together; else it is made of the account, the
    legs' assets and directions, so that it stays while quantities change.
    """

    id: UUID
    underlying: str
    shape: Shape
    legs: tuple[Leg, ...]
    units: Decimal
    why: Why
    orders: tuple[str, ...] = ()
    name: str = ""

    @property
    def confidence(self) -> float:
        return CONFIDENCE[self.why]


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What the owner put together: legs by `Asset.key` with signed quantities."""

    id: UUID
    name: str
    legs: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallen:
    """An override whose legs are not all there any more. `missing` are the keys of those."""

    override: Override
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """All structures of one account. `left_out` has no shape: bonds, funds, futures, cash."""

    structures: tuple[Structure, ...]
    fallen: tuple[Fallen, ...] = ()
    left_out: tuple[Holding, ...] = ()
