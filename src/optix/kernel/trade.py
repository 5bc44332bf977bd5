"""Prints: what was traded, with the words the venue put beside it.

A print is one report of one execution. It is kept as it was reported: cancels and corrections are
prints of their own that name the one they undo. What the conditions mean is in `kernel.opra`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

from optix.kernel.quote import Quality


class TradeAction(StrEnum):
    NEW = "new"
    CANCEL = "cancel"  # `refers_to` did not happen
    CORRECTION = "correction"  # `refers_to` happened as this print says


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One print of a security or of an option contract.

    Units: price per share in dollars, size in shares or contracts, times in nanoseconds.
    """

    symbol: str  # of a security, or the OCC symbol of a contract without padding
    price: float
    size: float
    exchange: str = ""  # OPRA participant letter or MIC; empty where the source does not say
    conditions: str = ""  # OPRA last-sale letters; empty is a regular print
    sequence: int = 0  # of the venue or the source, rising; 0 where there is none
    action: TradeAction = TradeAction.NEW
    refers_to: int = 0  # the sequence of the print that is cancelled or corrected
    bid: float = nan  # best bid at or before the print, where the source gives it
    ask: float = nan
    source: str
    quality: Quality
    ts_event: int
    ts_received: int
