"""The answer of SnapTrade's deprecated endpoint of all holdings, which partners still meet."""

from __future__ import annotations

from decimal import Decimal

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.snaptrade import translate, wire
from optix.kernel.holding import Asset, Position


def positions(told: wire.OldHoldings) -> list[Position]:
    """Return the positions; here, and only here, an option's cost is that of a whole contract."""
    found: list[Position] = []
    for each in (*told.positions, *told.option_positions):
        if each.cash_equivalent or not each.units:
            continue
        currency = currency_of(each.currency.code if each.currency is not None else None)
        asset = translate.asset_of(each.symbol.symbol, each.symbol.option_symbol, currency)
        if asset is not None:
            cost = _unit_cost(each, asset)
            found.append(translate.position_of(asset, each.units, each.price, cost))
    return found


def _unit_cost(told: wire.OldPosition, asset: Asset) -> Decimal | None:
    cost = told.average_purchase_price
    if cost is None or told.symbol.option_symbol is None:
        return cost
    return cost / asset.multiplier
