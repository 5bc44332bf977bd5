"""From what E*TRADE says to what OPTIX means: signs, totals, fees, times and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.etrade import wire
from optix.adapters.brokers.etrade.assets import asset_of, day_of, is_adjusted, moment_of
from optix.adapters.brokers.etrade.client import LABEL
from optix.adapters.brokers.etrade.words import (
    ACCOUNT_STATES,
    DIRECTIONS,
    KINDS,
    SIDES,
    STATES,
    TRADES,
)
from optix.adapters.brokers.exact import currency_of
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset, Balance, Position
from optix.kernel.money import Money, Price, Rounding
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

BROKERAGE: Final = "brokerage"
ORDER_LIFE: Final = timedelta(days=200)  # longer than any order works
_NO_LIMIT: Final = frozenset(("market", "stop", "market_on_open", "market_on_close"))


def accounts(told: Iterable[wire.Account], *, simulated: bool = False) -> list[BrokerAccount]:
    """Return the accounts; those of the bank are left out, because all their calls fail."""
    return [
        BrokerAccount(
            key=each.account_id_key,
            stable_key=each.account_id,
            number=f"…{each.account_id[-4:]}",
            name=each.account_name.strip() or each.account_desc.strip(),
            kind=f"{each.account_type} {each.account_mode}".replace("_", " ").strip().lower(),
            status=ACCOUNT_STATES.find(each.account_status, AccountStatus.RESTRICTED),
            simulated=simulated,
        )
        for each in told
        if _is_brokerage(each)
    ]


def _is_brokerage(told: wire.Account) -> bool:
    return told.institution_type.strip().lower() == BROKERAGE


def login_key(told: Iterable[wire.Account]) -> str:
    """Return what tells this login from others: its lowest number, first of those not shared."""
    found = sorted(
        ("joint" in each.account_type.lower(), len(each.account_id), each.account_id)
        for each in told
        if _is_brokerage(each)
    )
    return found[0][2] if found else ""


def balance(told: wire.Balance) -> Balance:
    computed = told.computed
    cash = computed.cash_balance if computed.net_cash is None else computed.net_cash
    power = computed.margin_buying_power
    return Balance(
        currency="USD",
        cash=_money(cash),
        settled_cash=_money(computed.settled_cash_for_investment),
        buying_power=_money(computed.cash_buying_power if power is None else power),
        option_buying_power=_money(computed.cash_buying_power),
        withdrawable=_money(computed.cash_available_for_withdrawal),
        net_liquidation=_money(computed.real_time_values.total_account_value),
    )


def positions(told: Iterable[wire.Position]) -> list[Position]:
    """Return positions. The type is the sign; a cost of zero is one that E*TRADE does not know."""
    found = []
    for each in told:
        sign, size = DIRECTIONS.get(each.position_type), abs(each.quantity)
        asset = asset_of(
            each.product,
            osi_key=each.osi_key,
            description=each.symbol_description,
            multiplier=each.complete.option_multiplier,
        )
        if asset is None:
            raise BrokerUnreadable(f"{LABEL} has a position in nothing.")
        if not size:
            continue
        cost, worth = each.total_cost, each.market_value
        last = each.complete.last_trade or each.quick.last_trade
        found.append(
            Position(
                asset=asset,
                quantity=sign * size,
                size=size,
                cost=Money(sign * abs(cost)) if cost else None,
                cost_has_fees=True if cost else None,
                price=Price(last) if last else None,
                value=None if worth is None else Money(sign * abs(worth)),
                day_change=_money(each.days_gain),
            )
        )
    return found


def warnings(told: Iterable[wire.Position], found: Iterable[Position]) -> list[str]:
    """Return what is known of adjusted contracts only as a text."""
    texts = {
        each.symbol_description.strip(): each.complete.deliverables_str.strip() for each in told
    }
    return [
        f"{each.asset.symbol} is an adjusted contract"
        + (f" that delivers: {text}." if (text := texts.get(each.asset.name)) else ".")
        for each in found
        if is_adjusted(each.asset)
    ]


def activities(told: Iterable[wire.Transaction]) -> Iterator[Activity]:
    for each in told:
        moment = moment_of(each.transaction_date) or moment_of(each.post_date)
        if moment is None:
            raise BrokerUnreadable(f"{LABEL} has a transaction without a time.")
        trade = each.brokerage
        currency = currency_of(trade.settlement_currency.strip())
        kind = KINDS.find(each.transaction_type, ActivityKind.OTHER)
        if kind in {ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL}:
            kind = ActivityKind.WITHDRAWAL if each.amount < 0 else ActivityKind.DEPOSIT
        asset = asset_of(trade.product, currency=currency)
        quantity, effect = _quantity(each)
        priced = asset is not None and trade.price is not None and quantity is not None
        settles = moment_of(trade.settlement_date)
        yield Activity(
            id=each.transaction_id,
            kind=kind,
            status=ActivityStatus.POSTED,
            day=day_of(moment),
            at=moment,
            settles=None if settles is None else day_of(settles),
            cash=Money(each.amount, currency),
            asset=asset,
            quantity=quantity if asset is not None else None,
            price=Price(trade.price or Decimal(0)) if priced else None,
            fees=_fees(each, asset, quantity, currency) if kind is ActivityKind.TRADE else None,
            effect=effect,
            description=" ".join(each.description.split()),
        )


def _quantity(told: wire.Transaction) -> tuple[Decimal | None, PositionEffect | None]:
    """Return the signed quantity: that of a trade by its word, any other as it is told."""
    sign, effect = TRADES.get(told.transaction_type.strip().lower(), (None, None))
    size = told.brokerage.quantity
    if not size:
        return None, effect
    return (size if sign is None else sign * abs(size)), effect


def _fees(
    told: wire.Transaction, asset: Asset | None, quantity: Decimal | None, currency: str
) -> Money | None:
    """Return what the amount has less than the price says: the stated fee is often zero.

    Of an adjusted contract the stated one counts, because history does not tell its multiplier.
    """
    stated = Money(-abs(told.brokerage.fee or Decimal(0)), currency)
    price = told.brokerage.price
    if asset is None or price is None or quantity is None or is_adjusted(asset):
        return stated
    gross = Price(price).cash(quantity, asset.multiplier, currency)
    fees = (Money(told.amount, currency) - gross).rounded(Rounding.STATEMENT)
    return fees if fees.amount <= 0 else stated


def orders(told: Iterable[wire.Order]) -> list[Order]:
    """Return orders; those of which one cancels the others have a number in their number."""
    return [
        _order(detail, f"{each.order_id}-{place}" if several else each.order_id)
        for each in told
        for several in [len(each.order_detail) > 1]
        for place, detail in enumerate(each.order_detail, start=1)
    ]


def _order(detail: wire.OrderDetail, id_: str) -> Order:
    legs = tuple(_leg(each, detail) for each in detail.instrument)
    if not legs:
        raise BrokerUnreadable(f"{LABEL} has an order for nothing.")
    status = STATES.get(detail.status)
    if status is OrderStatus.CANCELLED and detail.replaced_by_order_id.strip("0"):
        status = OrderStatus.REPLACED
    if status is OrderStatus.WORKING and any(leg.filled for leg in legs):
        status = OrderStatus.PARTIALLY_FILLED
    return Order(
        id=id_,
        status=status,
        legs=legs,
        kind=detail.price_type,
        time_in_force=detail.order_term,
        net_price=_net_price(detail, legs),
        placed_at=moment_of(detail.placed_time),
        updated_at=_executed_at(detail),
        replaced_by=detail.replaced_by_order_id if status is OrderStatus.REPLACED else "",
    )


def _leg(told: wire.Instrument, detail: wire.OrderDetail) -> OrderLeg:
    sign, effect = SIDES.get(told.order_action)
    asset = asset_of(told.product, osi_key=told.osi_key, description=told.symbol_description)
    if asset is None:
        raise BrokerUnreadable(f"{LABEL} has an order for nothing.")
    filled = told.filled_quantity or Decimal(0)
    ordered = told.ordered_quantity or Decimal(0)
    if told.quantity_type.strip().lower() == "dollar":
        ordered = filled  # what was ordered is money, not a number of shares
    paid = told.average_execution_price
    price = Price(paid) if filled and paid else None
    return OrderLeg(
        asset=asset,
        quantity=sign * ordered,
        filled=sign * filled,
        average_price=price,
        effect=effect,
        # Single executions are not told: all of them together count as one.
        fills=()
        if price is None
        else (Fill(id="", quantity=sign * filled, price=price, at=_executed_at(detail)),),
    )


def _net_price(detail: wire.OrderDetail, legs: Sequence[OrderLeg]) -> Price | None:
    """Return the limit, positive for a debit: of a package by its type, of one leg by its side."""
    kind = detail.price_type.strip().lower()
    if kind == "net_even":
        return Price(Decimal(0))
    if kind in _NO_LIMIT or not detail.limit_price:
        return None
    credit = kind == "net_credit" or (kind != "net_debit" and legs[0].quantity < 0)
    return -Price(detail.limit_price) if credit else Price(detail.limit_price)


def _executed_at(detail: wire.OrderDetail) -> datetime | None:
    """Return when an order was executed. The field has garbage, which lies outside its life."""
    placed, executed = moment_of(detail.placed_time), moment_of(detail.executed_time)
    if placed is None or executed is None:
        return None
    return executed if placed <= executed <= placed + ORDER_LIFE else None


def _money(amount: Decimal | None) -> Money | None:
    return None if amount is None else Money(amount)
