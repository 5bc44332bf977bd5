"""From what tastytrade says to what OPTIX means: signs, multipliers, symbols, times and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.tastytrade import wire
from optix.adapters.brokers.tastytrade.client import LABEL
from optix.adapters.brokers.tastytrade.words import ACTIONS, DIRECTIONS, INSTRUMENTS, KINDS, STATES
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import (
    STANDARD_MULTIPLIER,
    Asset,
    AssetKind,
    Balance,
    Deliverable,
    Position,
)
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

AVERAGE_UNIT: Final = Decimal("0.000001")  # of a price that is worked out from fills
MILLISECONDS: Final = 1_000
_BY_OPTION: Final = (ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE)


def accounts(told: Sequence[wire.AccountItem], *, simulated: bool = False) -> list[BrokerAccount]:
    return [
        BrokerAccount(
            key=account.account_number,
            stable_key=account.account_number,
            number=f"…{account.account_number[-4:]}",
            name=account.nickname.strip() or account.account_type_name,
            kind=f"{account.account_type_name} {account.margin_or_cash}".strip().lower(),
            status=AccountStatus.CLOSED if account.is_closed else AccountStatus.ACTIVE,
            simulated=simulated,
        )
        for account in (item.account for item in told)
    ]


def login_key(told: Sequence[wire.AccountItem]) -> str:
    """Return what tells this login from others: its oldest account, which is never taken off.

    One's own come before those of somebody else, and those before shared ones.
    """

    def rank(item: wire.AccountItem) -> tuple[bool, bool, str, str]:
        joint = "joint" in item.account.account_type_name.lower()
        other = item.authority_level.lower() != "owner"
        return other, joint, item.account.opened_at, item.account.account_number

    return min(told, key=rank).account.account_number if told else ""


def balance(told: wire.Balances) -> Balance:
    currency = currency_of(told.currency)

    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount, currency)

    return Balance(
        currency=currency,
        cash=money(told.cash_balance),
        buying_power=money(told.equity_buying_power),
        option_buying_power=money(told.derivative_buying_power),
        withdrawable=money(told.cash_available_to_withdraw),
        maintenance=money(told.maintenance_requirement),
        net_liquidation=money(told.net_liquidating_value),
    )


def positions(told: Iterable[wire.Position]) -> list[Position]:
    """Return positions: sizes get their sign, and prices per unit become money for all of it.

    `cost-effect` is not looked at: the documentation gives it the effect of opening, live answers
    that of closing.
    """
    found = []
    for each in told:
        sign = DIRECTIONS.get(each.quantity_direction)
        size = abs(each.quantity)
        if not sign or not size:
            continue
        multiplier, scale = _whole(each.multiplier)
        paid, mark, worth = each.average_open_price, each.mark_price, each.mark
        found.append(
            Position(
                asset=asset_of(each.symbol, each.instrument_type, multiplier),
                quantity=sign * size,
                size=size,
                cost=None if paid is None else Price(paid * scale).cash(-sign * size, multiplier),
                price=None if mark is None else Price(mark * scale),
                value=None if worth is None else Money(sign * abs(worth)),
            )
        )
    return found


def _whole(multiplier: Decimal) -> tuple[int, Decimal]:
    """Return a multiplier and what prices are scaled by: some micro futures have 0.1."""
    if multiplier <= 0:
        raise BrokerUnreadable(f"{LABEL} has a position whose multiplier is not positive.")
    if multiplier == multiplier.to_integral_value():
        return int(multiplier), Decimal(1)
    return 1, multiplier


def asset_of(symbol: str, instrument: str, multiplier: int | None = None) -> Asset:
    """Return the asset of a symbol of a kind. What OPTIX cannot spell keeps tastytrade's text."""
    kind = INSTRUMENTS.find(instrument, AssetKind.OTHER)
    text = symbol.strip()
    if kind is AssetKind.OPTION:
        units = STANDARD_MULTIPLIER if multiplier is None else multiplier
        try:
            contract = parse_option(symbol)
        except MalformedContract:
            return Asset(kind=kind, symbol=text, multiplier=units)
        return Asset(kind=kind, symbol=contract.key, contract=contract, multiplier=units)
    if kind is AssetKind.STOCK:
        try:
            text = parse_symbol(symbol)
        except MalformedSymbol:
            return Asset(kind=kind, symbol=text, multiplier=multiplier or 1)
        if kind_of(text) is SecurityKind.ETF:
            kind = AssetKind.ETF
    return Asset(kind=kind, symbol=text, multiplier=multiplier or 1)


def is_adjusted(asset: Asset) -> bool:
    """Tell whether a contract delivers something else than its underlying: its root has a digit."""
    return asset.contract is not None and any(mark.isdigit() for mark in asset.contract.root)


def deliverables(told: Iterable[wire.ChainItem]) -> dict[str, tuple[Deliverable, ...]]:
    """Return what the contracts of each root deliver, cash as a part without a symbol."""
    return {
        item.root_symbol: tuple(
            Deliverable(
                symbol="" if part.deliverable_type.lower() == "cash" else part.symbol,
                quantity=part.amount,
            )
            for part in item.deliverables
        )
        for item in told
        if item.option_chain_type.lower() != "standard"
    }


def with_deliverables(position: Position, known: Mapping[str, tuple[Deliverable, ...]]) -> Position:
    contract = position.asset.contract
    parts = known.get(contract.root, ()) if contract is not None else ()
    return replace(position, asset=replace(position.asset, deliverables=parts))


def activities(told: Sequence[wire.Transaction]) -> list[Activity]:
    """Return the lines of history; the shares of an assignment join the option's own line."""
    rows = [_activity(each) for each in told]
    options: dict[tuple[str, date], Activity] = {}
    for each, row in zip(told, rows, strict=True):
        if row.kind in _BY_OPTION:
            options.setdefault((each.underlying_symbol, row.day), row)
    return [
        _joined(each, row, options.get((each.underlying_symbol, row.day)))
        for each, row in zip(told, rows, strict=True)
    ]


def _joined(told: wire.Transaction, row: Activity, option: Activity | None) -> Activity:
    if option is None:
        return row
    if row.kind in _BY_OPTION:
        return replace(row, group=f"{row.kind}:{told.underlying_symbol}:{row.day}")
    delivered = told.transaction_type.strip().lower() == "receive deliver"
    if delivered and row.kind is ActivityKind.TRADE:
        group = f"{option.kind}:{told.underlying_symbol}:{row.day}"
        return replace(row, kind=option.kind, group=group)
    return row


def _activity(told: wire.Transaction) -> Activity:
    kind, currency = _kind_of(told), currency_of(told.currency)
    sign, effect = ACTIONS.get(told.action) if told.action else (None, None)
    size = abs(told.quantity) if told.quantity is not None else None
    asset = asset_of(told.symbol, told.instrument_type) if told.symbol else None
    # The row's own difference: it has fees that no field of their own has.
    fees = None if told.value is None else min(told.net_value - told.value, Decimal(0))
    return Activity(
        id=told.id,
        kind=kind,
        # `is-estimated-fee` stays true for years, so it says nothing about a row's future.
        status=ActivityStatus.POSTED,
        day=day_of(told.transaction_date),
        at=moment_of(told.executed_at),
        cash=Money(told.net_value, currency),
        asset=asset,
        # Without an action nobody says which way it went.
        quantity=sign * size if sign is not None and size else None,
        price=None if told.price is None else Price(told.price),
        fees=Money(fees, currency) if fees is not None and told.action else None,
        effect=effect,
        order_id=told.order_id,
        replaces=told.reverses_id or "",
        description=told.description.strip(),
    )


def _kind_of(told: wire.Transaction) -> ActivityKind:
    if told.transaction_type.strip().lower() == "trade":
        return ActivityKind.TRADE  # its sub-type is the action
    word = f"{told.transaction_type}/{told.transaction_sub_type}"
    return KINDS.find(word, ActivityKind.OTHER)


def orders(told: Iterable[wire.Order]) -> list[Order]:
    return [
        Order(
            id=each.id,
            status=_status_of(each),
            legs=tuple(_leg(leg) for leg in each.legs),
            client_id=each.ext_client_order_id or "",
            kind=each.order_type,
            time_in_force=each.time_in_force,
            # Signed as cash so far: what is paid is a debit.
            net_price=None if each.price is None else -Price(each.price),
            placed_at=moment_of(each.received_at),
            updated_at=_epoch(each.updated_at),
            replaced_by=each.replacing_order_id or "",
        )
        for each in told
    ]


def lacks_fills(told: wire.Order) -> bool:
    """Tell whether an order is filled of which executions are still to come."""
    return STATES.get(told.status) is OrderStatus.FILLED and any(
        leg.quantity is not None and sum(fill.quantity for fill in leg.fills) < leg.quantity
        for leg in told.legs
    )


def _status_of(told: wire.Order) -> OrderStatus:
    status = STATES.get(told.status)
    if status is OrderStatus.CANCELLED and told.replacing_order_id:
        return OrderStatus.REPLACED
    if status is OrderStatus.WORKING and any(leg.fills for leg in told.legs):
        return OrderStatus.PARTIALLY_FILLED
    return status


def _leg(told: wire.Leg) -> OrderLeg:
    sign, effect = ACTIONS.get(told.action)
    size = sum((fill.quantity for fill in told.fills), Decimal(0))
    paid = sum((fill.quantity * fill.fill_price for fill in told.fills), Decimal(0))
    ordered = size if told.quantity is None else told.quantity
    return OrderLeg(
        asset=asset_of(told.symbol, told.instrument_type),
        quantity=sign * ordered,
        filled=sign * size,
        average_price=Price((paid / size).quantize(AVERAGE_UNIT)) if size else None,
        effect=effect,
        fills=tuple(
            Fill(
                id=fill.fill_id,
                quantity=sign * fill.quantity,
                price=Price(fill.fill_price),
                at=moment_of(fill.filled_at),
            )
            for fill in told.fills
        ),
    )


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a date that cannot be read.") from None


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


def _epoch(milliseconds: int | None) -> datetime | None:
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / MILLISECONDS, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
