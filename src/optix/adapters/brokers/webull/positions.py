"""Webull's positions: strategies taken apart, and what is in several of them put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.webull import wire
from optix.adapters.brokers.webull.client import LABEL
from optix.adapters.brokers.webull.strategies import LegFacts, LegSize, shares_held, sizes_of
from optix.adapters.brokers.webull.translate import asset_of
from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.money import Money, Price


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of an asset, in one group. `quantity` is None where its direction is not known."""

    asset: Asset
    quantity: Decimal | None
    size: Decimal
    cost: Money | None
    price: Price | None


def positions(told: Iterable[wire.Position]) -> list[Position]:
    """Return what is held of each asset, over all the strategies that it is a part of."""
    parts: dict[str, list[_Part]] = {}
    for each in told:
        for part in _parts(each):
            parts.setdefault(part.asset.key, []).append(part)
    held = (_together(each) for each in parts.values())
    return [each for each in held if each.size]


def warnings(found: Iterable[Position]) -> list[str]:
    return [
        f"{LABEL} does not say whether {each.asset.symbol} is held long or short."
        for each in found
        if each.quantity is None
    ]


def holdings(told: Iterable[wire.Holding]) -> list[Position]:
    """Return the positions of the oldest generation, which has shares only."""
    return [
        Position(
            asset=asset_of(each.symbol, each.instrument_type, currency=each.currency),
            quantity=each.qty,
            size=abs(each.qty),
            cost=_signed(each.total_cost, each),
            price=None if each.last_price is None else Price(each.last_price),
            value=_signed(each.market_value, each),
        )
        for each in told
        if each.qty
    ]


def _signed(amount: Decimal | None, told: wire.Holding) -> Money | None:
    if amount is None:
        return None
    return Money(abs(amount) if told.qty > 0 else -abs(amount), currency_of(told.currency))


def _parts(told: wire.Position) -> list[_Part]:
    if len(told.legs) > 1 or any(leg.option_type for leg in told.legs):
        return _legs(told)
    asset = asset_of(told.symbol, told.instrument_type, currency=told.currency)
    money = (told.cost_price, told.last_price, told.unrealized_profit_loss)
    if asset.kind is AssetKind.OPTION:
        facts = _facts(asset, *money)
        (size,) = sizes_of("SINGLE", told.quantity, [facts])
        return [_part(asset, size, facts)]
    if asset.kind in {AssetKind.STOCK, AssetKind.ETF}:
        quantity = shares_held(told.quantity, *money)
    else:
        quantity = told.quantity
    sign = (quantity > 0) - (quantity < 0)
    return [_part(asset, LegSize(sign, abs(quantity)), _facts(asset, *money))]


def _legs(told: wire.Position) -> list[_Part]:
    alone = len(told.legs) == 1
    assets = [_asset_of(told, leg) for leg in told.legs]
    facts = [
        # What a leg does not say of itself, its group says where it is the only one.
        _facts(
            asset,
            told.cost_price if leg.cost is None and alone else leg.cost,
            told.last_price if leg.last_price is None and alone else leg.last_price,
            told.unrealized_profit_loss
            if leg.unrealized_profit_loss is None and alone
            else leg.unrealized_profit_loss,
        )
        for asset, leg in zip(assets, told.legs, strict=True)
    ]
    sizes = sizes_of(told.option_strategy or ("SINGLE" if alone else ""), told.quantity, facts)
    return [
        _part(asset, size, fact) for asset, size, fact in zip(assets, sizes, facts, strict=True)
    ]


def _asset_of(told: wire.Position, leg: wire.PositionLeg) -> Asset:
    return asset_of(
        leg.symbol,
        leg.instrument_type or told.instrument_type,
        right=leg.option_type,
        strike=leg.option_exercise_price,
        expires=leg.option_expire_date,
        multiplier=leg.option_contract_multiplier,
        currency=told.currency,
    )


def _facts(
    asset: Asset, cost: Decimal | None, last: Decimal | None, profit: Decimal | None
) -> LegFacts:
    contract = asset.contract
    return LegFacts(
        is_option=asset.kind is AssetKind.OPTION,
        right=None if contract is None else contract.right,
        strike_milli=0 if contract is None else contract.strike_milli,
        unit=asset.multiplier,
        cost=cost,
        last=last,
        profit=profit,
    )


def _part(asset: Asset, size: LegSize, facts: LegFacts) -> _Part:
    quantity = size.sign * size.size if size.sign or not size.size else None
    cost = None
    if facts.cost is not None and quantity is not None:
        cost = Price(facts.cost).cash(-quantity, asset.multiplier, asset.currency)
    return _Part(
        asset=asset,
        quantity=quantity,
        size=size.size,
        cost=cost,
        price=None if facts.last is None else Price(facts.last),
    )


def _together(parts: Sequence[_Part]) -> Position:
    """Return one position of all that is held of an asset.

    What is long in one strategy and short in another is held as what is left; nobody says what
    that cost.
    """
    first = parts[0]
    signs = {part.quantity > 0 for part in parts if part.quantity is not None}
    known = [part.quantity for part in parts if part.quantity is not None]
    quantity = sum(known, Decimal(0)) if len(known) == len(parts) else None
    costs = [part.cost.amount for part in parts if part.cost is not None]
    is_told = quantity is not None and len(costs) == len(parts) and len(signs) == 1
    price = next((part.price for part in parts if part.price is not None), None)
    value = None
    if price is not None and quantity is not None:
        value = price.cash(-quantity, first.asset.multiplier, first.asset.currency)
    return Position(
        asset=first.asset,
        quantity=quantity,
        size=abs(quantity) if quantity is not None else sum((p.size for p in parts), Decimal(0)),
        cost=Money(sum(costs, Decimal(0)), first.asset.currency) if is_told else None,
        price=price,
        value=value,
    )
