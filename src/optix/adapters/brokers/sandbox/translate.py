"""From the sandbox's words to OPTIX's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.exact import currency_of, read
from optix.adapters.brokers.sandbox import wire
from optix.adapters.brokers.sandbox.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Balance, Position
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.ports.broker import AccountStatus, BrokerAccount

KINDS: Final = Words(
    LABEL,
    "kinds of transactions",
    {
        kind.value: kind
        for kind in (
            ActivityKind.TRADE,
            ActivityKind.EXPIRATION,
            ActivityKind.ASSIGNMENT,
            ActivityKind.DIVIDEND,
            ActivityKind.INTEREST,
            ActivityKind.FEE,
            ActivityKind.SPLIT,
            ActivityKind.DEPOSIT,
            ActivityKind.WITHDRAWAL,
        )
    },
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "working": OrderStatus.WORKING,
        "filled": OrderStatus.FILLED,
        "rejected": OrderStatus.REJECTED,
        "cancelled": OrderStatus.CANCELLED,
    },
)
EFFECTS: Final = Words(
    LABEL,
    "effects on positions",
    {"opening": PositionEffect.OPENING, "closing": PositionEffect.CLOSING},
)
_ACCOUNT_STATES: Final = Words(LABEL, "states of accounts", {"active": AccountStatus.ACTIVE})


def accounts(told: object) -> list[BrokerAccount]:
    return [
        BrokerAccount(
            key=each.id,
            stable_key=each.id,
            number=f"…{each.number[-4:]}",
            name=each.name,
            kind=each.type,
            status=_ACCOUNT_STATES.find(each.status, AccountStatus.RESTRICTED),
            simulated=True,
        )
        for each in read(wire.Accounts, told, LABEL).accounts
    ]


def balances(told: object) -> list[Balance]:
    balance = read(wire.Balances, told, LABEL)
    worth, currency = balance.net_liquidation, currency_of(balance.currency)
    return [
        Balance(
            currency=currency,
            cash=Money(balance.cash, currency),
            net_liquidation=None if worth is None else Money(worth, currency),
        )
    ]


def positions(told: object) -> list[Position]:
    return [
        Position(
            asset=asset_of(each.symbol),
            quantity=each.quantity,
            size=abs(each.quantity),
            cost=Money(each.cost),
            cost_has_fees=True,
            price=None if each.price is None else Price(each.price),
            value=None if each.value is None else Money(each.value),
        )
        for each in read(wire.Positions, told, LABEL).positions
    ]


def transactions(told: object) -> list[Activity]:
    return [_activity(each) for each in read(wire.Transactions, told, LABEL).transactions]


def orders(told: object) -> list[Order]:
    return [
        Order(
            id=each.id,
            status=STATES.get(each.status),
            legs=tuple(_leg(leg, each.fills) for leg in each.legs),
            kind=each.kind,
            net_price=None if each.net_limit is None else Price(each.net_limit),
            placed_at=each.placed_at,
            updated_at=each.updated_at,
        )
        for each in read(wire.Orders, told, LABEL).orders
    ]


def asset_of(symbol: str) -> Asset:
    try:
        contract = parse_option(symbol)
    except MalformedContract:
        pass
    else:
        return Asset(
            kind=AssetKind.OPTION,
            symbol=contract.key,
            contract=contract,
            multiplier=STANDARD_MULTIPLIER,
        )
    try:
        canonical = parse_symbol(symbol)
    except MalformedSymbol:
        return Asset(kind=AssetKind.OTHER, symbol=symbol)
    is_fund = kind_of(canonical) is SecurityKind.ETF
    return Asset(kind=AssetKind.ETF if is_fund else AssetKind.STOCK, symbol=canonical)


def _activity(told: wire.Transaction) -> Activity:
    return Activity(
        id=told.id,
        kind=KINDS.find(told.kind, ActivityKind.OTHER),
        status=ActivityStatus.POSTED,
        day=told.day,
        at=told.at,
        cash=Money(told.cash),
        asset=None if told.symbol is None else asset_of(told.symbol),
        quantity=told.quantity,
        price=None if told.price is None else Price(told.price),
        fees=Money(told.fees),
        effect=None if told.effect is None else EFFECTS.get(told.effect),
        order_id=told.order_id,
        group=told.group,
        description=told.description,
    )


def _leg(told: wire.Leg, fills: Sequence[wire.Fill]) -> OrderLeg:
    own = [fill for fill in fills if fill.symbol == told.symbol]
    filled = sum((fill.quantity for fill in own), Decimal(0))
    money = sum((fill.quantity * fill.price for fill in own), Decimal(0))
    effects = [fill.effect for fill in own if fill.effect is not None]
    return OrderLeg(
        asset=asset_of(told.symbol),
        quantity=told.quantity,
        filled=filled,
        average_price=Price(money / filled) if filled else None,
        effect=EFFECTS.get(effects[0]) if effects else None,
        fills=tuple(
            Fill(id=fill.id, quantity=fill.quantity, price=Price(fill.price), at=fill.at)
            for fill in own
        ),
    )


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": accounts,
    "balances": balances,
    "positions": positions,
    "transactions": transactions,
    "orders": orders,
}
