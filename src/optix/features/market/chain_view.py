"""A chain as the API answers it: filters, and the bytes of the response.

The bytes are put together from row fragments that are encoded once per change (docs/streaming.md),
so that a thousand readers of a chain cost little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson

from optix.features.market.chain_replica import ChainReplica
from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.instrument import Right

Moneyness = Literal["all", "itm", "atm", "otm"]

_ATM_STRIKES = 2  # at the money: the strike on either side of the spot


class BadChainFilter(InvalidInput):
    """Filters that contradict each other."""

    code = "bad_chain_filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFilter:
    """Which contracts of an expiration are wanted. All conditions must hold.

    `strikes` keeps that many strikes nearest to the spot. The delta band is of absolute delta;
    contracts without a delta are outside every band.
    """

    strikes: int | None = None
    moneyness: Moneyness = "all"
    delta_min: float | None = None
    delta_max: float | None = None
    right: Right | None = None

    def __post_init__(self) -> None:
        low, high = self.delta_min, self.delta_max
        if low is not None and high is not None and low > high:
            raise BadChainFilter(
                f"delta_min {low:g} is above delta_max {high:g}.",
                fields={"delta_min": "must not be above delta_max"},
                next_step="Swap the two, or leave one out.",
            )
        if self.strikes is not None and not 1 <= self.strikes <= limits.CHAIN_STRIKES_MAX:
            raise BadChainFilter(
                f"strikes must be between 1 and {limits.CHAIN_STRIKES_MAX}.",
                fields={"strikes": f"1 to {limits.CHAIN_STRIKES_MAX}"},
            )

    def select(self, replica: ChainReplica, spot: float) -> list[int]:
        """Return the positions of the wanted rows. `spot` may be NaN: then nothing is near it."""
        strikes = replica.strikes
        keep = np.ones(len(strikes), dtype=np.bool_)
        calls = replica.is_call
        if self.right is not None:
            keep &= calls if self.right is Right.CALL else ~calls
        if self.strikes is not None:
            keep &= np.isin(strikes, _nearest(strikes, spot, self.strikes))
        if self.moneyness == "atm":
            keep &= np.isin(strikes, _nearest(strikes, spot, _ATM_STRIKES))
        elif self.moneyness != "all":
            in_the_money = np.where(calls, strikes < spot, strikes > spot)
            keep &= in_the_money if self.moneyness == "itm" else ~in_the_money
        if self.delta_min is not None or self.delta_max is not None:
            size = np.abs(replica.deltas())
            keep &= size >= (0.0 if self.delta_min is None else self.delta_min)
            keep &= size <= (1.0 if self.delta_max is None else self.delta_max)
        positions: list[int] = np.flatnonzero(keep).tolist()
        return positions


def _nearest(strikes: np.ndarray[Any, Any], spot: float, count: int) -> np.ndarray[Any, Any]:
    distinct = np.unique(strikes)
    if not np.isfinite(spot):
        middle = max(0, (len(distinct) - count) // 2)
        return distinct[middle : middle + count]
    order = np.argsort(np.abs(distinct - spot), kind="stable")
    return distinct[order[:count]]


def encode_chain(replica: ChainReplica, positions: list[int], head: dict[str, Any]) -> bytes:
    """Return the JSON bytes of a `schemas.Chain`. `head` holds every field but the contracts."""
    opening = orjson.dumps(head)[:-1]
    rows = b",".join([replica.object_row(position) for position in positions])
    return b"".join((opening, b',"contracts":[', rows, b"]}"))
