"""What is fixed about the contracts of a chain, as columns made once and used with every update.

Building columns from contract objects costs more than pricing them, so it is done when contracts
are listed or withdrawn and not four times a second. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.kernel.instrument import OptionContract, Right
from optix.kernel.roots import deliverable_of
from optix.quant.arrays import BoolArray, FloatArray

RootKey = tuple[str, date]
Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Listing:
    """The contracts of a chain in one order.

    Shapes:  columns are (contracts,); `group` is the index into `keys` of each contract's root and
             expiration; `adjusted` is (keys,).
    """

    contracts: Sequence[OptionContract]
    keys: tuple[RootKey, ...]
    group: Positions
    strike: FloatArray
    is_call: BoolArray
    adjusted: BoolArray  # a corporate action changed what is delivered, and nobody says into what

    def __len__(self) -> int:
        return len(self.contracts)

    @cached_property
    def index(self) -> dict[OptionContract, int]:
        """Positions by contract."""
        return {contract: position for position, contract in enumerate(self.contracts)}

    @cached_property
    def texts(self) -> list[str]:
        """The canonical spellings."""
        return [contract.key for contract in self.contracts]


def listing_of(contracts: Sequence[OptionContract]) -> Listing:
    """Return the listing of contracts in the order given; groups count by sight."""
    ids: dict[RootKey, int] = {}
    count = len(contracts)
    group = np.fromiter(
        (ids.setdefault((c.root, c.expiration), len(ids)) for c in contracts), np.intp, count
    )
    return Listing(
        contracts=contracts,
        keys=tuple(ids),
        group=group,
        strike=np.fromiter((c.strike_milli for c in contracts), np.float64, count) / 1000.0,
        is_call=np.fromiter((c.right is Right.CALL for c in contracts), np.bool_, count),
        adjusted=np.array([deliverable_of(*key) is None for key in ids], dtype=np.bool_),
    )


class Layout(NamedTuple):
    """Several listings as one: the rows of the first, then those of the second, and so on."""

    keys: tuple[RootKey, ...]
    owner: Positions  # the listing of each group
    starts: Positions  # first row of each listing, and the end of the last
    group: Positions
    strike: FloatArray
    is_call: BoolArray
    adjusted: BoolArray  # per row
    ladder: Positions  # rows by group, side and strike
    calls: Positions  # rows of calls that have a put, by group and strike
    puts: Positions  # and of those puts

    def rows_of(self, number: int) -> slice:
        """Return where the rows of one listing stand."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))


def layout_of(listings: Sequence[Listing]) -> Layout:
    """Return the layout of listings one after the other."""
    groups = np.array([len(listing.keys) for listing in listings], dtype=np.intp)
    sizes = np.array([len(listing) for listing in listings], dtype=np.intp)
    first = np.cumsum(groups) - groups
    starts = np.concatenate(([0], np.cumsum(sizes))).astype(np.intp)
    group = _joined([e.group + offset for e, offset in zip(listings, first, strict=True)], np.intp)
    strike = _joined([listing.strike for listing in listings], np.float64)
    is_call = _joined([listing.is_call for listing in listings], np.bool_)
    adjusted = _joined([listing.adjusted for listing in listings], np.bool_)
    order = np.lexsort((~is_call, strike, group)).astype(np.intp)
    upper, lower = order[:-1], order[1:]
    pair = (group[upper] == group[lower]) & (strike[upper] == strike[lower])
    pair &= is_call[upper] & ~is_call[lower]
    sides = np.argsort(2 * group[order] + ~is_call[order], kind="stable")
    return Layout(
        keys=tuple(key for listing in listings for key in listing.keys),
        owner=np.repeat(np.arange(len(listings)), groups),
        starts=starts,
        group=group,
        strike=strike,
        is_call=is_call,
        adjusted=adjusted[group] if group.size else np.zeros(0, dtype=np.bool_),
        ladder=order[sides],
        calls=upper[pair],
        puts=lower[pair],
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype)
