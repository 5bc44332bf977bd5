"""What is written in fields: amounts, quantities, days and moments. Exact, or RowUnreadable.

Brokers write negative amounts as -$1, $-1, ($1) or 1-, thousands with commas, and nothing as an
empty field or dashes.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from optix.kernel import limits
from optix.kernel.money import Money, parse_decimal

_NOTHING: Final = frozenset({"", "-", "--", "n/a", "N/A"})
_number = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_american = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{2}|[0-9]{4})", re.ASCII).fullmatch
_iso = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})", re.ASCII).fullmatch


class RowUnreadable(ValueError):
    """One row that cannot be read, and why: a sentence for its owner."""


def find_amount(text: str) -> Decimal | None:
    """Return the number of a field, None where there is nothing."""
    bare = text.strip()
    if bare in _NOTHING:
        return None
    negative = False
    if bare.startswith("(") and bare.endswith(")"):
        negative, bare = True, bare[1:-1].strip()
    # At most one sign in front, around the currency, or behind.
    bare = bare.replace("$", "", 1).strip()
    if bare[:1] in {"-", "+", "\N{MINUS SIGN}"}:
        negative, bare = negative != (bare[0] != "+"), bare[1:].strip()
    elif bare.endswith("-"):
        negative, bare = not negative, bare[:-1].strip()
    bare = bare.replace("$", "", 1).strip()
    if not _number.fullmatch(bare):
        raise RowUnreadable(f"{shown(text)} is not an amount.")
    plain = bare.replace(",", "").rstrip(".")
    number = parse_decimal(f"0{plain}" if plain.startswith(".") else plain)
    return -number if negative and number else number


def amount(text: str, what: str) -> Decimal:
    """Return the number of a field that must have one."""
    number = find_amount(text)
    if number is None:
        raise RowUnreadable(f"There is no {what}.")
    return number


def day(text: str) -> date:
    """Return a day written 01/31/2026, 1/31/26, 01-31-2026, 2026-01-31 or 20260131."""
    bare = text.strip()
    try:
        if found := _american(bare):
            month, number, year = map(int, found.groups())
            return date(year + 2000 if year < 100 else year, month, number)
        if found := _iso(bare):
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    raise RowUnreadable(f"{shown(text)} is not a day.")


def find_day(text: str) -> date | None:
    return None if text.strip() in _NOTHING else day(text)


def clock_time(text: str) -> tuple[int, int, int]:
    """Return hour, minute and second of 10:30:00, 10:30 or 103000."""
    found = re.fullmatch(r"([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?", text.strip(), re.ASCII)
    if found is None:
        raise RowUnreadable(f"{shown(text)} is not a time.")
    hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        datetime(2000, 1, 1, hour, minute, second)  # noqa: DTZ001  # house: allow(clock) because only the bounds of a time are asked
    except ValueError:
        raise RowUnreadable(f"{shown(text)} is not a time.") from None
    return hour, minute, second


def fees_money(*parts: Decimal | None, currency: str = "USD") -> Money | None:
    """Return fees, stated with either sign, as money that was paid. None where none is stated."""
    stated = [abs(part) for part in parts if part is not None]
    return Money.paid(sum(stated, Decimal(0)), currency) if stated else None


def cut(text: str) -> str:
    """Return a description on one line and within its bound."""
    return " ".join(text.split())[: limits.STATEMENT_TEXT_LENGTH_MAX]


def shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
