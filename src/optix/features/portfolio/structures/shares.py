"""Dividing what a position cost or is worth among the structures that have a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from optix.kernel.money import Rounding

_CENT: Final = Decimal("0.01")


def split_by(total: Decimal, quantities: Sequence[Decimal]) -> list[Decimal]:
    """Return shares of `total` by signed quantities of one direction, which sum to it exactly.

    Each is rounded to the cent; what is left over goes to the last one.
    """
    whole = sum(quantities, Decimal(0))
    shares = [(total * each / whole).quantize(_CENT, Rounding.BOOK) for each in quantities]
    shares[-1] = total - sum(shares[:-1], Decimal(0))
    return shares
