"""What E*TRADE's products are: symbols, contracts and their parts, times in two units."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.brokers.etrade import wire
from optix.adapters.brokers.etrade.client import LABEL
from optix.adapters.brokers.etrade.words import SECURITIES
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of, parse_option
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol, root_of
from optix.ports.broker import BrokerUnreadable

NEW_YORK: Final = ZoneInfo("America/New_York")
MILLISECONDS_FROM: Final = 100_000_000_000  # a number of seconds so large is three millennia away
_CENTURY: Final = 2_000
_MONEY_MARKET: Final = frozenset(("mmf", "money_market", "money market"))


def asset_of(
    product: wire.Product,
    *,
    osi_key: str = "",
    description: str = "",
    multiplier: Decimal | None = None,
    currency: str = "USD",
) -> Asset | None:
    """Return the asset of a product, None of an empty one. A product's symbol is the underlying's.

    `multiplier` is a contract's where it is told; zero there is not told.
    """
    name = product.symbol.strip()
    if not name and not product.security_type.strip():
        return None
    kind = SECURITIES.find(product.security_type, AssetKind.OTHER)
    if product.security_sub_type.strip().lower() in _MONEY_MARKET:
        kind = AssetKind.CASH_EQUIVALENT
    text = description.strip()
    if kind is AssetKind.OPTION:
        contract = _contract(product, osi_key, text)
        return Asset(
            kind=kind,
            symbol=contract.key if contract else text or name,
            contract=contract,
            multiplier=_units(multiplier),
            currency=currency,
            name=text,
        )
    if kind is AssetKind.STOCK:
        try:
            name = parse_symbol(name)
        except MalformedSymbol:
            return Asset(kind=kind, symbol=name, currency=currency, name=text)
        if kind_of(name) is SecurityKind.ETF:
            kind = AssetKind.ETF
    return Asset(kind=kind, symbol=name or text, currency=currency, name=text)


def _contract(product: wire.Product, osi_key: str, description: str) -> OptionContract | None:
    """Return the contract by its key, by its parts, or by its description; None of none."""
    for text in (osi_key, product.product_id.symbol):
        try:
            return parse_option(text)
        except MalformedContract:
            continue
    try:
        if product.strike_price is not None:
            year = product.expiry_year
            expiration = date(
                year if year >= _CENTURY else _CENTURY + year,  # old rows have two digits
                product.expiry_month,
                product.expiry_day,
            )
            root = root_of(parse_symbol(product.symbol))
            return contract_of(root, expiration, product.call_put, product.strike_price)
        return parse_option(description)
    except (MalformedContract, MalformedSymbol, ValueError):
        return None


def _units(multiplier: Decimal | None) -> int:
    if not multiplier:
        return STANDARD_MULTIPLIER
    if multiplier < 0 or multiplier != multiplier.to_integral_value():
        raise BrokerUnreadable(f"{LABEL} has a contract with an odd multiplier.")
    return int(multiplier)


def is_adjusted(asset: Asset) -> bool:
    """Tell whether a contract delivers something else than a hundred shares of its underlying."""
    if asset.contract is None:
        return False
    digits = any(mark.isdigit() for mark in asset.contract.root)
    return digits or asset.multiplier != STANDARD_MULTIPLIER


def moment_of(number: int) -> datetime | None:
    """Return the moment of an epoch in seconds or milliseconds; None of one before 1970 or at it.

    Unknown times are zero, or some hours before 1970.
    """
    if number <= 0:
        return None
    try:
        if number > MILLISECONDS_FROM:
            whole, rest = divmod(number, 1_000)
            return datetime.fromtimestamp(whole, tz=UTC).replace(microsecond=rest * 1_000)
        return datetime.fromtimestamp(number, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None


def day_of(moment: datetime) -> date:
    """Return New York's day. Dates are midnights further west: the same day there."""
    return moment.astimezone(NEW_YORK).date()
