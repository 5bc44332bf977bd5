"""From what Schwab says to what OPTIX means: symbols, signs, moments and words end here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.brokers.schwab import wire, words
from optix.adapters.brokers.schwab.assets import asset_of
from optix.adapters.brokers.schwab.client import LABEL
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import AssetKind, Balance, Position
from optix.kernel.money import Money, Price, total
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

NEW_YORK: Final = ZoneInfo("America/New_York")
YEARS: Final = range(1900, 2200)  # in which there is an account, or a day before or after
AVERAGE_UNIT: Final = Decimal("0.000001")  # of prices that are computed from several executions

_IN_CASH: Final = frozenset(("SWEEP_VEHICLE", "SAVINGS"))
_INCOME: Final = frozenset(  # cash because of an asset: nothing of the asset itself moves
    (ActivityKind.DIVIDEND, ActivityKind.INTEREST, ActivityKind.TAX, ActivityKind.FEE)
)
_NOTHING: Final = Decimal(0)


def login_key(told: wire.Preferences) -> str:
    return next((each.schwab_client_customer_id for each in told.streamer_info), "")


def accounts(
    numbers: Sequence[wire.AccountNumber],
    told: Sequence[wire.Account],
    preferences: wire.Preferences,
) -> list[BrokerAccount]:
    """Return the accounts by their hashes. Their kinds and names are told elsewhere, by number."""
    named = {each.account_number: each.nick_name for each in preferences.accounts}
    kinds = {each.securities_account.account_number: each.securities_account for each in told}
    return [
        _account(each, kinds.get(each.account_number), named.get(each.account_number, ""))
        for each in numbers
    ]


def _account(
    number: wire.AccountNumber, told: wire.SecuritiesAccount | None, name: str
) -> BrokerAccount:
    kind = "" if told is None else told.type.lower()
    restricted = told is not None and told.is_closing_only_restricted
    return BrokerAccount(
        key=number.hash_value,
        stable_key=number.account_number,
        number=f"…{number.account_number[-4:]}",
        name=name or f"{LABEL} {kind}".strip(),
        kind=kind,
        status=AccountStatus.RESTRICTED if restricted else AccountStatus.ACTIVE,
    )


def balance(account: wire.Account) -> Balance:
    """Return the balances as they are now, not as they were at the start of the day."""
    told = account.securities_account.current_balances
    worth = told.liquidation_value
    if worth is None:  # the balances of cash accounts may have none
        worth = account.aggregated_balance.liquidation_value
    if account.securities_account.type.upper() == "CASH":
        cash = told.total_cash if told.total_cash is not None else told.cash_balance
        unsettled = told.unsettled_cash
        return Balance(
            currency="USD",
            cash=_money(cash),
            settled_cash=None if cash is None or unsettled is None else Money(cash - unsettled),
            buying_power=_money(told.cash_available_for_trading),
            option_buying_power=_money(told.cash_available_for_trading),
            withdrawable=_money(told.cash_available_for_withdrawal),
            net_liquidation=_money(worth),
        )
    options = told.option_buying_power
    return Balance(
        currency="USD",
        cash=_cash_of_margin(account.securities_account),
        buying_power=_money(told.buying_power),
        option_buying_power=_money(
            options if options is not None else told.buying_power_non_marginable_trade
        ),
        maintenance=_money(told.maintenance_requirement),
        net_liquidation=_money(worth),
    )


def _cash_of_margin(told: wire.SecuritiesAccount) -> Money | None:
    """Return cash with the money-market fund, as far as that is no position of its own."""
    cash = told.current_balances.cash_balance
    if cash is None:
        return None
    listed = sum(
        (each.market_value or _NOTHING for each in told.positions if _is_money_fund(each)), _NOTHING
    )
    return Money(
        cash + max((told.current_balances.money_market_fund or _NOTHING) - listed, _NOTHING)
    )


def positions(account: wire.Account) -> list[Position]:
    """Return what is held. The sweep is left out: its money is in the cash balance."""
    return [
        _position(each)
        for each in account.securities_account.positions
        if each.long_quantity != each.short_quantity and not _is_sweep(each)
    ]


def _position(told: wire.Position) -> Position:
    asset = asset_of(told.instrument)
    quantity = told.long_quantity - told.short_quantity
    return Position(
        asset=asset,
        quantity=quantity,
        size=abs(quantity),
        cost=_cost(told, quantity, asset.kind, asset.multiplier),
        cost_has_fees=True,
        value=_money(told.market_value),
        day_change=_money(told.current_day_profit_loss),
    )


def _cost(told: wire.Position, quantity: Decimal, kind: AssetKind, multiplier: int) -> Money | None:
    """Return the total from the price per unit; a bond's price is per hundred of its face."""
    if kind is not AssetKind.BOND:
        if told.average_price is None:
            return None
        return -Price(told.average_price).cash(quantity, multiplier)
    gain = told.long_open_profit_loss if quantity > 0 else told.short_open_profit_loss
    if gain is None or told.market_value is None:
        return None
    return Money(told.market_value - gain)


def _is_sweep(told: wire.Position) -> bool:
    instrument = told.instrument
    return instrument.asset_type == "CASH_EQUIVALENT" and instrument.type in _IN_CASH


def _is_money_fund(told: wire.Position) -> bool:
    return told.instrument.asset_type == "CASH_EQUIVALENT" and not _is_sweep(told)


def activities(told: Iterable[wire.Transaction]) -> list[Activity]:
    return [line for each in told for line in _lines(each)]


def _lines(told: wire.Transaction) -> Iterator[Activity]:
    """Yield a line for each thing that moved: one, but for exchanges of one thing for another."""
    moment = moment_of(told.time or told.trade_date)
    if moment is None:
        raise BrokerUnreadable(f"{LABEL} has a transaction without a time.")
    moved = [item for item in told.transfer_items if item.instrument.asset_type != "CURRENCY"]
    kind = kind_of(told)
    whole = _NOTHING if told.type.lower() in words.WITHOUT_CASH else told.net_amount
    later = sum((item.cost or _NOTHING for item in moved[1:]), _NOTHING)
    items: list[wire.TransferItem | None] = [*moved] or [None]
    for place, item in enumerate(items):
        of_item = (item.cost if item is not None else None) or _NOTHING
        yield Activity(
            id=f"{told.activity_id}:{place}" if place else told.activity_id,
            kind=kind,
            status=words.POSTINGS.get(told.status),
            day=moment.astimezone(NEW_YORK).date(),
            cash=Money(of_item if place else whole - later),
            at=moment,
            settles=day_of(told.settlement_date),
            asset=None if item is None else asset_of(item.instrument),
            quantity=None if item is None or kind in _INCOME else item.amount or None,
            price=None if item is None or item.price is None else Price(item.price),
            fees=_fees(told) if kind is ActivityKind.TRADE and not place else None,
            effect=None if item is None else words.EFFECTS.get(item.position_effect),
            order_id=told.order_id if told.order_id and told.order_id != "0" else "",
            group=told.activity_id if len(items) > 1 else "",
            description=told.description.strip(),
        )


def kind_of(told: wire.Transaction) -> ActivityKind:
    """Return what happened: the type says it, for some together with description and sign."""
    kind = words.TYPES.find(told.type, ActivityKind.OTHER)
    said = told.description.lower()
    kind_of_words = {"receive_and_deliver": words.DELIVERIES, "dividend_or_interest": words.INCOMES}
    for word, meaning in kind_of_words.get(told.type.lower(), ()):
        if word in said:
            return meaning
    if kind is ActivityKind.DIVIDEND and "reinvest" in said and told.net_amount < 0:
        return ActivityKind.REINVESTMENT
    if kind in {ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL} and told.net_amount:
        return ActivityKind.DEPOSIT if told.net_amount > 0 else ActivityKind.WITHDRAWAL
    return kind


def _fees(told: wire.Transaction) -> Money:
    """Return the fees, most of them zero and some of them nameless; a rebate is no fee."""
    fees = total(
        Money(item.cost or _NOTHING)
        for item in told.transfer_items
        if item.instrument.asset_type == "CURRENCY"
    )
    return min(fees, Money.zero())


def orders(told: Iterable[wire.Order]) -> list[Order]:
    """Return orders with those that they hold or trigger; a mere holder of others is none."""
    found: list[Order] = []
    for each in told:
        if each.order_leg_collection:
            found.append(_order(each))
        found += orders(each.child_order_strategies)
    return found


def _order(told: wire.Order) -> Order:
    status = words.STATES.get(told.status)
    if status is OrderStatus.WORKING and told.filled_quantity:
        status = OrderStatus.PARTIALLY_FILLED
    legs = tuple(_leg(leg, told.order_activity_collection) for leg in told.order_leg_collection)
    return Order(
        id=told.order_id,
        status=status,
        legs=legs,
        kind=told.order_type.lower(),
        time_in_force=told.duration.lower(),
        net_price=_net_price(told, legs),
        placed_at=moment_of(told.entered_time),
        updated_at=moment_of(told.close_time),
        replaced_by=next((each.order_id for each in told.replacing_order_collection), ""),
    )


def _leg(told: wire.OrderLeg, told_activities: Sequence[wire.OrderActivity]) -> OrderLeg:
    sign, effect = words.INSTRUCTIONS.get(told.instruction)
    fills = tuple(
        Fill(
            id=f"{each.activity_id}:{execution.leg_id}",
            quantity=sign * execution.quantity,
            price=Price(execution.price),
            at=moment_of(execution.time),
        )
        for each in told_activities
        # The end of an order is an execution too, of a quantity at no price.
        if each.execution_type == "FILL"
        for execution in each.execution_legs
        if execution.leg_id == told.leg_id and execution.quantity
    )
    filled = sum((fill.quantity for fill in fills), _NOTHING)
    return OrderLeg(
        asset=asset_of(told.instrument),
        # Funds may be ordered for an amount of dollars: units are known once it is filled.
        quantity=filled if told.quantity_type == "DOLLARS" else sign * told.quantity,
        filled=filled,
        average_price=_average(fills, filled),
        effect=effect or words.EFFECTS.get(told.position_effect),
        fills=fills,
    )


def _average(fills: Sequence[Fill], filled: Decimal) -> Price | None:
    if not filled:
        return None
    if len({fill.price for fill in fills}) == 1:
        return fills[0].price
    paid = sum((fill.price.value * fill.quantity for fill in fills), _NOTHING)
    return Price((paid / filled).quantize(AVERAGE_UNIT))


def _net_price(told: wire.Order, legs: Sequence[OrderLeg]) -> Price | None:
    """Return the limit. Schwab's is never negative: a package's type has the direction, or what
    is done with the one leg there is.
    """
    if told.price is None:
        return None
    sold = len(legs) == 1 and legs[0].quantity < 0
    credit = told.order_type.upper() == "NET_CREDIT" or sold
    return -Price(told.price) if credit else Price(told.price)


def is_of_day(order: Order, day: date) -> bool:
    """True for an order that was entered, filled or ended on a day of New York."""
    moments = [order.placed_at, order.updated_at]
    moments += [fill.at for leg in order.legs for fill in leg.fills]
    return any(each is not None and each.astimezone(NEW_YORK).date() == day for each in moments)


def moment_of(text: str) -> datetime | None:
    """Return a moment, which is UTC with or without its offset."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.year not in YEARS:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def day_of(text: str) -> date | None:
    """Return a day, written as a date, as midnight of UTC or as midnight of New York."""
    moment = moment_of(text)
    if moment is None:
        return None
    of_utc = moment.astimezone(UTC)
    return of_utc.date() if of_utc.time() == time() else moment.astimezone(NEW_YORK).date()


def _money(amount: Decimal | None) -> Money | None:
    return None if amount is None else Money(amount)
