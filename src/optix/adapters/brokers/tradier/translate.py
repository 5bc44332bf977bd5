"""From what Tradier says to what OPTIX means: symbols, signs, dates and words end here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.tradier import wire
from optix.adapters.brokers.tradier.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Balance, Position
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price, Rounding
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

CENT: Final = Decimal("0.01")

KINDS: Final = Words(
    LABEL,
    "kinds of events",
    {
        "trade": ActivityKind.TRADE,
        "ach": ActivityKind.DEPOSIT,
        "wire": ActivityKind.DEPOSIT,
        "check": ActivityKind.DEPOSIT,
        "dividend": ActivityKind.DIVIDEND,
        "divadj": ActivityKind.DIVIDEND,
        "interest": ActivityKind.INTEREST,
        "fee": ActivityKind.FEE,
        "tax": ActivityKind.TAX,
        "journal": ActivityKind.TRANSFER,
        "transfer": ActivityKind.TRANSFER,
        "adjustment": ActivityKind.ADJUSTMENT,
        "option": ActivityKind.OTHER,  # `option_type` says more
    },
)
OPTION_KINDS: Final = Words(
    LABEL,
    "option events",
    {
        "optexp": ActivityKind.EXPIRATION,
        "expiration": ActivityKind.EXPIRATION,
        "assignment": ActivityKind.ASSIGNMENT,
        "exercise": ActivityKind.EXERCISE,
    },
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "open": OrderStatus.WORKING,
        "pending": OrderStatus.PENDING,
        "partially_filled": OrderStatus.PARTIALLY_FILLED,
        "filled": OrderStatus.FILLED,
        "expired": OrderStatus.EXPIRED,
        "canceled": OrderStatus.CANCELLED,
        "rejected": OrderStatus.REJECTED,
        "error": OrderStatus.REJECTED,
    },
)
SIDES: Final = Words(
    LABEL,
    "sides of orders",
    {
        "buy": (1, None),
        "buy_to_open": (1, PositionEffect.OPENING),
        "buy_to_close": (1, PositionEffect.CLOSING),
        "buy_to_cover": (1, PositionEffect.CLOSING),
        "sell": (-1, None),
        "sell_short": (-1, PositionEffect.OPENING),
        "sell_to_open": (-1, PositionEffect.OPENING),
        "sell_to_close": (-1, PositionEffect.CLOSING),
    },
)
_ACCOUNT_STATES: Final = Words(
    LABEL,
    "states of accounts",
    {"active": AccountStatus.ACTIVE, "closed": AccountStatus.CLOSED},
)
_SECURITIES: Final = {SecurityKind.ETF: AssetKind.ETF, SecurityKind.STOCK: AssetKind.STOCK}


def accounts(profile: wire.Profile) -> list[BrokerAccount]:
    return [
        BrokerAccount(
            key=each.account_number,
            stable_key=each.account_number,
            number=f"…{each.account_number[-4:]}",
            name=" ".join((each.classification.replace("_", " "), each.type)).strip().title(),
            kind=each.type,
            status=_ACCOUNT_STATES.find(each.status, AccountStatus.RESTRICTED),
        )
        for each in profile.account
    ]


def balance(told: wire.Balances) -> Balance:
    """Return the balances; the documentation's example shows the parts of all kinds at once."""
    cash = read(wire.BuyingPower, told.cash, LABEL) if isinstance(told.cash, dict) else None
    kind = told.account_type.lower()
    power = {"margin": told.margin, "pdt": told.pdt, "cash": cash}.get(kind) or cash
    if power is None:
        power = wire.BuyingPower()
    option_power = power.option_buying_power
    if option_power is None:
        option_power = power.cash_available
    unsettled = power.unsettled_funds
    return Balance(
        currency="USD",
        cash=Money(told.total_cash),
        settled_cash=None if unsettled is None else Money(told.total_cash - unsettled),
        buying_power=_money(power.stock_buying_power or power.cash_available),
        option_buying_power=_money(option_power),
        maintenance=_money(told.current_requirement),
        net_liquidation=Money(told.total_equity),
    )


def positions(told: Sequence[wire.Position]) -> list[Position]:
    """Return positions. Tradier states their cost, and neither price nor value."""
    return [
        Position(
            asset=asset_of(each.symbol),
            quantity=each.quantity,
            size=abs(each.quantity),
            cost=Money(each.cost_basis),
            cost_has_fees=True,
        )
        for each in told
        if each.quantity
    ]


def asset_of(symbol: str) -> Asset:
    """Return the asset of a symbol, which alone tells what it is."""
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
    kind = _SECURITIES.get(kind_of(canonical), AssetKind.STOCK)
    return Asset(kind=kind, symbol=canonical)


def activities(told: Sequence[wire.Event]) -> Iterator[Activity]:
    """Yield the lines of history. Tradier gives no ids, no times and no orders."""
    for event in told:
        detail = read(wire.Detail, event.detail, LABEL)
        kind = KINDS.find(event.type, ActivityKind.OTHER)
        if event.type.strip().lower() == "option":
            kind = OPTION_KINDS.find(detail.option_type, ActivityKind.OTHER)
        if kind is ActivityKind.DEPOSIT and event.amount < 0:
            kind = ActivityKind.WITHDRAWAL
        asset = asset_of(detail.symbol) if detail.symbol else None
        yield Activity(
            id="",
            kind=kind,
            status=ActivityStatus.POSTED,
            day=day_of(event.date),
            cash=Money(event.amount),
            asset=asset,
            quantity=detail.quantity or None,
            price=None if detail.price is None else Price(detail.price),
            fees=fees_of(event, detail, asset) if kind is ActivityKind.TRADE else None,
            description=detail.description.strip(),
        )


def fees_of(event: wire.Event, detail: wire.Detail, asset: Asset | None) -> Money | None:
    """Return what a trade's amount has less than its price says, whatever commission it states."""
    if asset is None or detail.price is None or not detail.quantity:
        return None
    gross = Price(detail.price).cash(detail.quantity, asset.multiplier)
    fees = (Money(event.amount) - gross).rounded(Rounding.STATEMENT)
    return fees if fees.amount < 0 else Money.zero()


def orders(told: Sequence[wire.Order]) -> list[Order]:
    return [
        Order(
            id=each.id,
            status=STATES.get(each.status),
            legs=tuple(_leg(leg) for leg in each.leg or [each]),
            client_id=each.tag,
            kind=each.type,
            time_in_force=each.duration,
            net_price=_net_price(each),
            placed_at=moment_of(each.create_date),
            updated_at=moment_of(each.transaction_date),
        )
        for each in told
    ]


def _leg(told: wire.Leg) -> OrderLeg:
    sign, effect = SIDES.get(told.side)
    filled = sign * (told.exec_quantity or Decimal(0))
    price = Price(told.avg_fill_price) if filled and told.avg_fill_price is not None else None
    return OrderLeg(
        asset=asset_of(told.option_symbol or told.symbol),
        quantity=sign * told.quantity,
        filled=filled,
        average_price=price,
        effect=effect,
        # Single executions are not told: all of them together count as one.
        fills=() if price is None else (Fill(id=told.id, quantity=filled, price=price, at=None),),
    )


def _net_price(order: wire.Order) -> Price | None:
    if order.price is None:
        return None
    kind = order.type.lower()
    # One leg by itself has no word for it: what is sold is a credit.
    sold = not order.leg and kind != "debit" and SIDES.get(order.side)[0] < 0
    return -Price(order.price) if kind == "credit" or sold else Price(order.price)


def day_of(text: str) -> date:
    """Return a date that is written like a moment of UTC and is none: New York's calendar."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a date that cannot be read.") from None


def moment_of(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _money(amount: Decimal | None) -> Money | None:
    return None if amount is None else Money(amount)
