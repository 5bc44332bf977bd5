"""What an instrument of Schwab's is: its kind, its one spelling, what a contract stands for."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from optix.adapters.brokers.schwab import wire, words
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Deliverable
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import SecurityKind
from optix.kernel.roots import is_adjusted
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol

MINI_UNITS: Final = Decimal(10)  # shares of a mini, whose prices count ten times and not hundred

_TICKERED: Final = frozenset((AssetKind.STOCK, AssetKind.ETF, AssetKind.FUND, AssetKind.OTHER))


def asset_of(told: wire.Instrument) -> Asset:
    kind = words.ASSETS.find(told.asset_type, AssetKind.OTHER)
    if kind is AssetKind.OPTION:
        return _option(told)
    kind = words.TYPES_OF_ASSETS.get(told.type.upper(), kind)
    symbol = told.symbol.strip()
    if kind in _TICKERED:
        try:
            symbol = parse_symbol(symbol)
        except MalformedSymbol:
            pass  # the vendor's own text
        else:
            if kind is AssetKind.STOCK and kind_of(symbol) is SecurityKind.ETF:
                kind = AssetKind.ETF  # live answers call some of them equities
    return Asset(
        kind=kind,
        symbol=symbol or told.cusip,
        multiplier=(told.option_premium_multiplier or 1) if kind is AssetKind.FUTURE else 1,
        name=told.description.strip(),
        cusip=told.cusip,
    )


def _option(told: wire.Instrument) -> Asset:
    """Return an option. Its cusip is made up by Schwab, and is left out.

    Positions name neither strike nor expiration: the symbol has them. That of an option on a
    future is no contract of OCC's.
    """
    contract: OptionContract | None
    try:
        contract = parse_option(told.symbol)
    except MalformedContract:
        contract = None
    of_future = contract is None and told.symbol.lstrip().startswith("/")
    multiplier = _multiplier(told)
    return Asset(
        kind=AssetKind.FUTURE_OPTION if of_future else AssetKind.OPTION,
        symbol=told.symbol.strip() if contract is None else contract.key,
        contract=contract,
        multiplier=multiplier,
        deliverables=() if of_future else _deliverables(told, contract, multiplier),
        name=told.description.strip(),
    )


def _multiplier(told: wire.Instrument) -> int:
    stated = told.option_multiplier or told.option_premium_multiplier
    if stated:
        return stated
    units = [each.deliverable_units for each in told.option_deliverables]
    return int(MINI_UNITS) if units == [MINI_UNITS] else STANDARD_MULTIPLIER


def _deliverables(
    told: wire.Instrument, contract: OptionContract | None, multiplier: int
) -> tuple[Deliverable, ...]:
    """Return what an adjusted contract delivers; a standard one has nothing to say."""
    units = [each.deliverable_units for each in told.option_deliverables]
    usual = units in ([], [Decimal(multiplier)])
    if usual and (contract is None or not is_adjusted(contract.root)):
        return ()
    return tuple(
        Deliverable(_deliverable_symbol(each), each.deliverable_units)
        for each in told.option_deliverables
        if each.deliverable_units is not None
    )


def _deliverable_symbol(told: wire.Deliverable) -> str:
    """Return the symbol of what is delivered, '' for cash."""
    text = (told.symbol or told.root_symbol).strip()
    if told.asset_type == "CURRENCY" or text.upper().startswith("CURRENCY"):
        return ""
    try:
        return parse_symbol(text)
    except MalformedSymbol:
        return text
