"""Quotes with where they come from, when they were true and how good they are.

Market data is float: NaN stands for "the source did not say" inside the process and becomes `null`
on the wire, never 0 (docs/adr/0003). Prices are in quote currency per share, sizes in lots
(contracts for options), times in nanoseconds since the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from math import nan


class Quality(StrEnum):
    """How far a number may be trusted. Shown beside every number (PRODUCT, principle 1)."""

    REALTIME = "realtime"
    DELAYED = "delayed"
    STALE = "stale"
    MODELLED = "modelled"
    REPLAY = "replay"
    SIMULATED = "simulated"


class QuoteFlag(IntFlag):
    """What is odd about a two-sided quote. A flagged quote is served, never dropped."""

    NONE = 0
    CROSSED = 1  # bid above ask
    LOCKED = 2  # bid equals ask
    NO_BID = 4  # bid is zero: a valid quote with nobody buying
    NO_ASK = 8  # ask is zero or absent: the quote was withdrawn
    WIDE = 16  # wider than half of its mid
    NO_QUOTE = 32  # neither side was given
    OUTLIER = 64  # far from what its neighbours and its own past say
    INDICATIVE = 128  # made by the source from quotes, not a quote that anyone gave


class SecurityKind(StrEnum):
    STOCK = "stock"
    ETF = "etf"
    INDEX = "index"


class TradingState(StrEnum):
    """Whether a security can be traded now, by the word of its venue."""

    OPEN = "open"
    PRE_OPEN = "pre_open"
    AUCTION = "auction"
    PAUSED = "paused"  # limit up, limit down
    HALTED = "halted"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStatus:
    """The trading state of one security, and why, as one source told it."""

    symbol: str
    state: TradingState
    reason: str = ""  # the venue's code or words
    source: str
    ts_event: int
    ts_received: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One underlying's quote as one source saw it at one instant."""

    symbol: str
    kind: SecurityKind = SecurityKind.STOCK
    bid: float = nan
    ask: float = nan
    bid_size: float = nan
    ask_size: float = nan
    last: float = nan
    open: float = nan
    high: float = nan
    low: float = nan
    previous_close: float = nan
    volume: float = nan
    source: str
    quality: Quality
    ts_event: int  # when it was true at the venue
    ts_received: int  # when we saw it
    flags: QuoteFlag = field(default=QuoteFlag.NONE)


def quote_flags(bid: float, ask: float) -> QuoteFlag:
    """Return the flags of one two-sided quote. A missing side is NaN.

    Zero bid is a quote without a buyer; zero ask is a withdrawn quote (MARKET_RULES section 6).
    """
    has_bid = bid > 0  # NaN compares false
    has_ask = ask > 0
    if not has_bid and not has_ask:
        return QuoteFlag.NO_QUOTE
    if not has_bid:
        return QuoteFlag.NO_BID
    if not has_ask:
        return QuoteFlag.NO_ASK
    if bid > ask:
        return QuoteFlag.CROSSED
    flags = QuoteFlag.LOCKED if bid == ask else QuoteFlag.NONE
    if ask - bid > 0.25 * (ask + bid):
        flags |= QuoteFlag.WIDE
    return flags
