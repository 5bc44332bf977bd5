"""What a position is worth and how it moves. Pure: prices and Greeks come in, numbers go out.

Money is exact: a mark is a float of the market, and becomes the decimal that it is written as.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.money import Rounding
from optix.kernel.quote import Quality
from optix.kernel.roots import underlying_of

_SHARES: Final = frozenset({AssetKind.STOCK, AssetKind.ETF})
_CENT: Final = Decimal("0.01")
# A quote wider than this share of its middle says little of a price, unless it is a few cents wide.
SPREAD_SHARE_MAX: Final = 0.25
SPREAD_SANE: Final = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What the market says of one asset; None is what it does not say. Greeks are per unit."""

    bid: float | None = None
    ask: float | None = None
    last: float | None = None
    previous_close: float | None = None
    as_of: datetime | None = None
    quality: Quality | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    rho: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    price: float | None
    source: str | None  # mid, last, broker, par
    as_of: datetime | None
    quality: Quality | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Greeks of a whole position, or sums of them."""

    delta: float = 0.0
    gamma: float = 0.0
    theta: float = 0.0
    vega: float = 0.0
    rho: float = 0.0
    dollar_delta: float = 0.0
    gamma_percent: float = 0.0

    def plus(self, other: Exposure) -> Exposure:
        return Exposure(
            delta=self.delta + other.delta,
            gamma=self.gamma + other.gamma,
            theta=self.theta + other.theta,
            vega=self.vega + other.vega,
            rho=self.rho + other.rho,
            dollar_delta=self.dollar_delta + other.dollar_delta,
            gamma_percent=self.gamma_percent + other.gamma_percent,
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Sums of those that have Greeks, and why others have none."""

    sums: Exposure
    covered: int
    missing: dict[str, int]


def underlying_symbol(asset: Asset) -> str | None:
    """Return whose price moves an asset; None for what has no quoted one."""
    if asset.contract is not None:
        return underlying_of(asset.contract.root)
    return asset.symbol if asset.kind in _SHARES else None


def mark_of(position: Position, priced: Priced | None, as_of: datetime) -> Marked:
    """Return the price of a position: middle of a sane quote, else last, else the broker's.

    Cash that earns is worth its par where nobody states a price.
    """
    if priced is not None and priced.bid and priced.ask and priced.bid <= priced.ask:
        middle, width = (priced.bid + priced.ask) / 2, priced.ask - priced.bid
        if width <= max(SPREAD_SANE, middle * SPREAD_SHARE_MAX):
            return Marked(middle, "mid", priced.as_of, priced.quality, "")
    why = "no_quote" if priced is None else priced.reason or "wide_or_one_sided"
    if priced is not None and priced.last is not None:
        return Marked(priced.last, "last", priced.as_of, priced.quality, why)
    if position.price is not None:
        return Marked(position.price.to_float(), "broker", as_of, None, why)
    if position.asset.kind is AssetKind.CASH_EQUIVALENT:
        return Marked(1.0, "par", as_of, None, "")
    return Marked(None, None, None, None, why)


def value_of(position: Position, price: float | None) -> Decimal | None:
    """Return what a position is worth in its currency, to the cent."""
    if position.quantity is None:
        return None
    if price is None:
        return None if position.value is None else position.value.amount
    exact = Decimal(repr(price)) * position.quantity * position.asset.multiplier
    return exact.quantize(_CENT, rounding=Rounding.BOOK)


def day_change_of(position: Position, marked: Marked, priced: Priced | None) -> Decimal | None:
    """Return the change since the previous close, of what is held now. The broker's where we know
    none: trades of the day are not in it.
    """
    known = None if priced is None else priced.previous_close
    if known is None or marked.source not in {"mid", "last"} or marked.price is None:
        return None if position.day_change is None else position.day_change.amount
    now, before = value_of(position, marked.price), value_of(position, known)
    return None if now is None or before is None else now - before


def exposure_of(
    position: Position, priced: Priced | None, underlying_price: float | None
) -> Exposure | str:
    """Return the Greeks of a whole position, or why there are none."""
    asset, quantity = position.asset, position.quantity
    if quantity is None:
        return "direction_unknown"
    if asset.contract is None and asset.kind not in _SHARES:
        return "not_modelled"
    if underlying_price is None:
        return "no_underlying_price"
    if asset.contract is None:
        # house: allow(money-float) because a quantity is no money, and Greeks are floats
        units = float(quantity)
        return Exposure(delta=units, dollar_delta=units * underlying_price)
    if priced is None:
        return "no_quote"
    greeks = (priced.delta, priced.gamma, priced.theta, priced.vega, priced.rho)
    delta, gamma, theta, vega, rho = greeks
    if delta is None or gamma is None or theta is None or vega is None or rho is None:
        return priced.reason or "no_greeks"
    # house: allow(money-float) because a quantity is no money, and Greeks are floats
    units = float(quantity) * asset.multiplier
    price = underlying_price
    return Exposure(
        delta=delta * units,
        gamma=gamma * units,
        theta=theta * units,
        vega=vega * units,
        rho=rho * units,
        dollar_delta=delta * units * price,
        gamma_percent=gamma * units * price * price * 0.01,
    )


def needs_greeks(asset: Asset) -> bool:
    """Cash, bonds and funds have none and are not missing any."""
    return asset.contract is not None or asset.kind in _SHARES or asset.kind in _UNMODELLED


_UNMODELLED: Final = frozenset({AssetKind.FUTURE, AssetKind.FUTURE_OPTION, AssetKind.OTHER})


def cover(found: Iterable[Exposure | str]) -> Coverage:
    """Sum what there is, and count why the rest is missing."""
    sums, covered, missing = Exposure(), 0, Counter[str]()
    for each in found:
        if isinstance(each, str):
            missing[each] += 1
        else:
            sums, covered = sums.plus(each), covered + 1
    return Coverage(sums, covered, dict(sorted(missing.items())))


def total(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Return a sum, None where a part is not known: a sum of some is not the sum."""
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
