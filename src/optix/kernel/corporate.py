"""What a company does to its shares, as far as prices, strikes and deliverables change by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ActionKind(StrEnum):
    CASH_DIVIDEND = "cash_dividend"
    SPECIAL_DIVIDEND = "special_dividend"  # may adjust strikes: see MARKET_RULES section 2
    SPLIT = "split"
    SPIN_OFF = "spin_off"
    MERGER = "merger"
    SYMBOL_CHANGE = "symbol_change"
    DELISTING = "delisting"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateAction:
    """One action, effective at the open of `ex_date` (exchange date)."""

    symbol: str
    kind: ActionKind
    ex_date: date
    amount: float | None = None  # dividends: dollars per share before any later split
    ratio: float | None = None  # splits: shares after for one share before; 7.0 is 7:1
    new_symbol: str = ""  # spin-offs, mergers and symbol changes
    announced: date | None = None
    pay_date: date | None = None
    estimated: bool = False  # projected from the past, not announced
    source: str
