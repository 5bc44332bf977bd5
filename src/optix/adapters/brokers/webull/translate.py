"""From what Webull says to what OPTIX means: groups become legs, texts become numbers and days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import gcd
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.webull import wire
from optix.adapters.brokers.webull.client import LABEL
from optix.adapters.brokers.webull.words import INSTRUMENTS, INTENTS, SIDES, STATES
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Balance
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol, root_of
from optix.ports.broker import BrokerAccount, BrokerUnreadable

NEW_YORK: Final = ZoneInfo("America/New_York")


def accounts(told: Sequence[wire.Account], *, simulated: bool = False) -> list[BrokerAccount]:
    return [
        BrokerAccount(
            key=each.account_id,
            stable_key=each.account_number or each.account_id,
            number=f"…{each.account_number[-4:]}",
            name=each.account_class.replace("_", " ").strip().capitalize() or LABEL,
            kind=each.account_type.strip().lower(),
            simulated=simulated,
        )
        for each in told
    ]


def login_key(told: Sequence[wire.Account]) -> str:
    """Return who is signed in: the user's number, or else the lowest of an account."""
    return min(
        (each.user_id or each.account_number or each.account_id for each in told), default=""
    )


def balances(told: wire.Balance) -> list[Balance]:
    """Return one balance for each currency."""
    rows = told.account_currency_assets
    return [_balance(told, each, alone=len(rows) == 1) for each in rows]


def _balance(told: wire.Balance, row: wire.CurrencyAssets, *, alone: bool) -> Balance:
    code = currency_of(row.currency)

    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount, code)

    worth = None
    if row.cash_balance is not None and row.market_value is not None:
        worth = row.cash_balance + row.market_value
    if alone and row.currency == told.total_asset_currency:
        worth = told.total_net_liquidation_value or worth
    return Balance(
        currency=code,
        cash=money(row.cash_balance),
        settled_cash=money(row.settled_cash),
        buying_power=money(row.buying_power),
        withdrawable=money(row.available_withdrawal),
        net_liquidation=money(worth),
    )


def asset_of(
    symbol: str,
    instrument: str,
    *,
    right: str = "",
    strike: Decimal | None = None,
    expires: str = "",
    multiplier: int | None = None,
    currency: str = "USD",
) -> Asset:
    """Return the asset of a symbol of a kind; of an option by its parts, or by an OCC symbol.

    What OPTIX cannot spell keeps Webull's text.
    """
    text = symbol.strip()
    kind = AssetKind.OPTION if right.strip() else INSTRUMENTS.find(instrument, AssetKind.OTHER)
    code = currency_of(currency)
    if kind is AssetKind.OPTION:
        units = multiplier or STANDARD_MULTIPLIER
        contract = _contract(text, right, strike, expires)
        if contract is None:
            parts = (text, expires, right, "" if strike is None else f"{strike:f}")
            text = " ".join(part for part in parts if part)
            return Asset(kind=kind, symbol=text, multiplier=units, currency=code)
        return Asset(
            kind=kind, symbol=contract.key, contract=contract, multiplier=units, currency=code
        )
    if kind is AssetKind.STOCK:
        try:
            text = parse_symbol(text)
        except MalformedSymbol:
            return Asset(kind=kind, symbol=text, currency=code)
        if kind_of(text) is SecurityKind.ETF:
            kind = AssetKind.ETF
    return Asset(kind=kind, symbol=text, currency=code)


def _contract(
    symbol: str, right: str, strike: Decimal | None, expires: str
) -> OptionContract | None:
    try:
        if right and strike is not None and expires:
            root = root_of(parse_symbol(symbol))
            return contract_of(root, date.fromisoformat(expires), right.strip(), strike)
        return parse_option(symbol)
    except (MalformedContract, MalformedSymbol, ValueError):
        return None


def orders(told: Iterable[wire.Order]) -> list[Order]:
    """Return the orders of groups, each for itself: those of a combination end one by one."""
    return [_order(each) for each in told]


def _order(told: wire.Order) -> Order:
    sign, _ = SIDES.get(told.side)
    limit = told.limit_price
    number = told.order_id or told.client_order_id
    if not number:
        raise BrokerUnreadable(f"{LABEL} has an order without a number.")
    return Order(
        id=number,
        status=_status_of(told),
        legs=tuple(_legs(told)),
        client_id=told.client_order_id,
        kind=told.order_type.lower(),
        time_in_force=told.time_in_force.lower(),
        net_price=Price(sign * limit) if limit else None,
        placed_at=moment_of(told.place_time_at),
        updated_at=moment_of(told.filled_time_at),
    )


def _status_of(told: wire.Order) -> OrderStatus:
    """Return where an order stands; by its quantities where Webull's word is not a known one.

    The list of words is not a complete one.
    """
    status = STATES.find(told.status, None)
    if status is not None:
        return status
    filled, total = told.filled_quantity or Decimal(0), told.total_quantity
    if not filled:
        return OrderStatus.PENDING
    is_whole = total is not None and filled >= total
    return OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED


def _legs(told: wire.Order) -> list[OrderLeg]:
    """Return the legs. Of several nobody tells the prices, only that of all together."""
    total = _size(told.total_quantity, told.filled_quantity)
    filled = told.filled_quantity or Decimal(0)
    if not told.legs:
        asset = asset_of(told.symbol, told.instrument_type, currency=told.currency)
        return [_leg(told, asset, told.side, total, filled, priced=True)]
    counts = _counts(told.legs)
    return [
        _leg(
            told,
            _asset_of_leg(told, each),
            each.side,
            count * total,
            count * filled,
            priced=len(counts) == 1,
        )
        for each, count in zip(told.legs, counts, strict=True)
    ]


def _counts(legs: Sequence[wire.OrderLeg]) -> list[Decimal]:
    """Return how much of each leg a unit of the order has.

    Legs count for one unit on some pages and for the whole order on others: only how they relate
    is taken, with the options in the smallest whole numbers.
    """
    sizes = [abs(each.quantity or Decimal(1)) for each in legs]
    options = [
        size for each, size in zip(legs, sizes, strict=True) if each.option_type or len(legs) == 1
    ]
    if any(size != size.to_integral_value() for size in options):
        return sizes if len(legs) > 1 else [Decimal(1)]
    unit = gcd(*(int(size) for size in options)) or 1
    return [Decimal(1)] if len(legs) == 1 else [size / unit for size in sizes]


def _asset_of_leg(told: wire.Order, leg: wire.OrderLeg) -> Asset:
    return asset_of(
        leg.symbol,
        leg.instrument_type or ("" if leg.option_type else told.instrument_type),
        right=leg.option_type,
        strike=leg.strike_price,
        expires=leg.option_expire_date,
        multiplier=leg.option_contract_multiplier,
        currency=told.currency,
    )


def _leg(
    told: wire.Order, asset: Asset, side: str, total: Decimal, filled: Decimal, *, priced: bool
) -> OrderLeg:
    sign, effect = SIDES.get(side)
    paid = told.filled_price if priced and filled else None
    price = None if paid is None else Price(paid)
    return OrderLeg(
        asset=asset,
        quantity=sign * total,
        filled=sign * filled,
        average_price=price,
        effect=effect or _intent_of(told, priced=priced),
        fills=()
        if price is None
        else (Fill(id="", quantity=sign * filled, price=price, at=moment_of(told.filled_time_at)),),
    )


def _intent_of(told: wire.Order, *, priced: bool) -> PositionEffect | None:
    """Return what an order of one leg does to a position, where Webull says it."""
    if not priced or not told.position_intent:
        return None
    return INTENTS.find(told.position_intent, None)


def _size(total: Decimal | None, filled: Decimal | None) -> Decimal:
    """Return how much was ordered; of an order by its amount only what was filled is known."""
    return total or filled or Decimal(0)


def activities(told: Iterable[wire.Order]) -> list[Activity]:
    """Return what was filled, as Webull has no history: a line for each leg of an order.

    The money of several legs is told for all together and stands with the first.
    """
    return [row for each in told if each.filled_quantity for row in _filled(each)]


def _filled(told: wire.Order) -> list[Activity]:
    order = _order(told)
    at = order.updated_at or order.placed_at
    if at is None:
        raise BrokerUnreadable(f"{LABEL} has a filled order without a time.")
    several = len(order.legs) > 1
    rows = []
    for number, leg in enumerate(order.legs, 1):
        cash = _cash(told, order) if number == 1 else Money(Decimal(0), leg.asset.currency)
        rows.append(
            Activity(
                id=f"{order.id}:{number}" if several else order.id,
                kind=ActivityKind.TRADE,
                status=ActivityStatus.POSTED if order.status.is_final else ActivityStatus.PENDING,
                day=day_of(at),
                at=at,
                cash=cash,
                asset=leg.asset,
                quantity=leg.filled,
                price=leg.average_price,
                effect=leg.effect,
                order_id=order.id,
                group=order.id if several else "",
                description=f"{told.side} {told.symbol}".strip().lower(),
            )
        )
    return rows


def _cash(told: wire.Order, order: Order) -> Money:
    """Return what a fill paid or brought, before fees, which are not told.

    A future's price is not paid.
    """
    sign, _ = SIDES.get(told.side)
    first = order.legs[0].asset
    if told.filled_price is None:
        raise BrokerUnreadable(f"{LABEL} has a filled order without a price.")
    if first.kind is AssetKind.FUTURE:
        return Money(Decimal(0), first.currency)
    units = max(leg.asset.multiplier for leg in order.legs)
    filled = told.filled_quantity or Decimal(0)
    return Price(told.filled_price).cash(sign * filled, units, first.currency)


def day_of(moment: datetime) -> date:
    """Return New York's day."""
    try:
        return moment.astimezone(NEW_YORK).date()
    except OverflowError:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None


def moment_of(text: str) -> datetime | None:
    """Return a moment; one without a zone would be anybody's guess and is refused."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
    if moment.tzinfo is None:
        raise BrokerUnreadable(f"{LABEL} has a time without a zone.")
    return moment
