"""Sums that are honest about what they lack. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def total(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Return a sum, None where a part is not known: a sum of some is not the sum."""
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
