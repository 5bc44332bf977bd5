"""From what SnapTrade says to what OPTIX means: symbols, signs, dates and words end here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import structlog

from optix.adapters.brokers.exact import NO_CURRENCY, currency_of
from optix.adapters.brokers.snaptrade import wire
from optix.adapters.brokers.snaptrade.words import (
    ACCOUNT_STATES,
    ACTIONS,
    KINDS,
    LABEL,
    SECURITY_TYPES,
    SIDES,
    STATES,
    TYPES,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind, Balance, Position
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable, ReachedBrokerage

USD: Final = "USD"
MINI_MULTIPLIER: Final = 10
MULTIPLIER_MAX: Final = 1_000_000
INVESTMENT: Final = "INVESTMENT"
SUMMED: Final = frozenset({ActivityKind.TRADE, ActivityKind.REINVESTMENT})
# Without an amount these say nothing; the others move no cash.
OF_CASH: Final = frozenset(
    {
        ActivityKind.DIVIDEND,
        ActivityKind.INTEREST,
        ActivityKind.FEE,
        ActivityKind.TAX,
        ActivityKind.DEPOSIT,
        ActivityKind.WITHDRAWAL,
    }
)
log = structlog.get_logger(__name__)


def brokerages(told: Sequence[wire.Brokerage]) -> list[ReachedBrokerage]:
    """Return what can be connected now, with what is wrong with it."""
    return [
        ReachedBrokerage(
            name=each.slug,
            label=each.display_name or each.name or each.slug,
            available=each.enabled is not False and not each.maintenance_mode,
            note=_note(each),
        )
        for each in told
    ]


def _note(told: wire.Brokerage) -> str:
    if told.enabled is False:
        return "Not offered at the moment."
    if told.maintenance_mode:
        return "In maintenance at the moment."
    return "Slow or incomplete at the moment." if told.is_degraded else ""


def accounts(told: Iterable[wire.Account]) -> list[BrokerAccount]:
    """Return the accounts that invest; an id is new once a connection was deleted and made anew."""
    return [
        BrokerAccount(
            key=each.id,
            stable_key=_stable_key(each),
            number=f"…{(each.number or '').strip('*x')[-4:]}",
            name=each.name or each.institution_name,
            kind=(each.raw_type or "").lower(),
            currency=_total_currency(each),
            status=ACCOUNT_STATES.find(each.status, AccountStatus.RESTRICTED)
            if each.status
            else AccountStatus.ACTIVE,
            brokerage=each.institution_name,
            simulated=bool(each.is_paper),
        )
        for each in told
        if (each.account_category or INVESTMENT).upper() == INVESTMENT
    ]


def _stable_key(told: wire.Account) -> str:
    own = told.institution_account_id or told.number or told.id
    return f"{told.institution_name}|{own}"


def is_synced(told: wire.Account) -> bool:
    """True once SnapTrade has read what the account holds, and can."""
    state = told.sync_status.holdings if told.sync_status is not None else None
    return state is None or not (
        state.initial_sync_completed is False or state.holdings_unavailable
    )


def has_history(told: wire.Account) -> bool:
    """True once SnapTrade has read the history; before that an empty page says nothing."""
    state = told.sync_status.transactions if told.sync_status is not None else None
    return state is None or state.initial_sync_completed is not False


def balances(told: Iterable[wire.Balance], account: wire.Account | None = None) -> list[Balance]:
    """Return the money by currency; the worth of the account stands with its own currency."""
    total = account.balance.total if account is not None and account.balance is not None else None
    worth = None if total is None or account is None else total.amount
    currency = USD if account is None else _total_currency(account)
    found: list[Balance] = []
    for each in told:
        code = currency_of(each.currency.code)
        if code != NO_CURRENCY:  # several coins would look like one
            found.append(
                Balance(
                    currency=code,
                    cash=_money(each.cash, code),
                    buying_power=_money(each.buying_power, code),
                    net_liquidation=_money(worth, currency) if code == currency else None,
                )
            )
    if worth is not None and all(each.currency != currency for each in found):
        found.append(Balance(currency=currency, net_liquidation=_money(worth, currency)))
    return found


def positions(told: Iterable[wire.Position]) -> tuple[list[Position], list[str]]:
    """Return the positions, and what was left out: funds that the cash has in it already."""
    found: list[Position] = []
    left_out: list[str] = []
    for each in told:
        if each.cash_equivalent:
            left_out.append(f"{each.instrument.symbol} is counted as cash.")
        elif each.units is None:
            raise BrokerUnreadable(f"{LABEL} has a position without a quantity.")
        elif each.units:
            asset = instrument_of(each.instrument, each.currency)
            found.append(position_of(asset, each.units, each.price, each.cost_basis))
    return found, left_out


def position_of(
    asset: Asset, units: Decimal, price: Decimal | None, unit_cost: Decimal | None
) -> Position:
    """Return a position of so many units; price and cost are of one share, also for options."""
    size = units * asset.multiplier
    return Position(
        asset=asset,
        quantity=units,
        size=abs(units),
        cost=None if unit_cost is None else Money(unit_cost, asset.currency) * size,
        price=None if price is None else Price(price),
        value=None if price is None else Money(price, asset.currency) * size,
    )


def instrument_of(told: wire.Instrument, currency: str | None) -> Asset:
    money = currency_of(currency or told.currency)
    kind = KINDS.find(told.kind, AssetKind.OTHER)
    if kind is AssetKind.OPTION:
        return option_of(told.symbol, money, told.multiplier)
    return _security(
        kind,
        told.symbol,
        told.raw_symbol,
        money,
        name=told.description,
        multiplier=_multiplier(told.multiplier, 1),
    )


def _multiplier(told: Decimal | int | None, usual: int) -> int:
    if not told:
        return usual
    if told != int(told) or not 0 < told <= MULTIPLIER_MAX:
        raise BrokerUnreadable(f"{LABEL} has a multiplier that is none.")
    return int(told)


def option_of(ticker: str, currency: str, multiplier: Decimal | int | None) -> Asset:
    """Return the option of a padded symbol; one that is none keeps its text."""
    size = _multiplier(multiplier, STANDARD_MULTIPLIER)
    try:
        contract = parse_option(ticker)
    except MalformedContract:
        return Asset(
            kind=AssetKind.OPTION, symbol=ticker.strip(), multiplier=size, currency=currency
        )
    return Asset(
        kind=AssetKind.OPTION,
        symbol=contract.key,
        contract=contract,
        multiplier=size,
        currency=currency,
    )


def _security(
    kind: AssetKind,
    symbol: str,
    raw_symbol: str | None,
    currency: str,
    *,
    name: str | None,
    multiplier: int = 1,
) -> Asset:
    canonical = symbol
    # A suffix names an exchange abroad (SAP.DE), which would read like a class of shares.
    if kind is not AssetKind.OTHER and raw_symbol in {None, "", symbol}:
        try:
            canonical = parse_symbol(symbol)
        except MalformedSymbol:
            canonical = symbol
    return Asset(
        kind=kind,
        symbol=canonical,
        currency=currency,
        multiplier=multiplier,
        name=name or "",
    )


def asset_of(
    symbol: wire.Symbol | None, option: wire.OptionSymbol | None, currency: str
) -> Asset | None:
    """Return what a line of history or an order is about: the option where both are named."""
    if option is not None:
        return option_of(
            option.ticker, currency, MINI_MULTIPLIER if option.is_mini_option else None
        )
    if symbol is None:
        return None
    code = symbol.type.code if symbol.type is not None else None
    kind = SECURITY_TYPES.find(code, AssetKind.OTHER) if code else AssetKind.STOCK
    own = symbol.currency.code if symbol.currency is not None else None
    money = currency_of(own or currency)
    return _security(kind, symbol.symbol, symbol.raw_symbol, money, name=symbol.description)


def activities(told: Iterable[wire.Activity]) -> Iterator[Activity]:
    """Yield the lines of history."""
    for each in told:
        kind = TYPES.find(each.type, ActivityKind.OTHER)
        sign, effect = _direction(each)
        currency = currency_of(each.currency.code if each.currency is not None else None)
        asset = asset_of(each.symbol, each.option_symbol, currency)
        units = each.units or None
        if units is not None and sign:
            units = sign * abs(units)
        day, at = day_of(each.trade_date or each.settlement_date)
        yield Activity(
            id=each.id,
            kind=kind,
            status=ActivityStatus.POSTED,
            day=day,
            at=at,
            settles=day_of(each.settlement_date)[0] if each.settlement_date else None,
            cash=_cash_of(each, kind, asset, units, currency),
            asset=asset,
            quantity=units,
            price=None if each.price is None else Price(each.price),
            fees=None if each.fee is None else Money(-abs(each.fee), currency),
            effect=effect,
            description=(each.description or "").strip(),
        )


def _direction(told: wire.Activity) -> tuple[int, PositionEffect | None]:
    """Return the sign that units must have, 0 where they have their own, and what it does."""
    if told.option_type:
        found = ACTIONS.find(told.option_type, (0, None))
        if found[0]:
            return found
    return SIDES.get(told.type.strip().upper(), 0), None


def _cash_of(
    told: wire.Activity,
    kind: ActivityKind,
    asset: Asset | None,
    units: Decimal | None,
    currency: str,
) -> Money:
    if told.amount is not None:
        return Money(told.amount, currency)
    if kind in SUMMED and asset is not None and units is not None and told.price is not None:
        gross = Price(told.price).cash(units, asset.multiplier, currency)
        return gross - Money(abs(told.fee or Decimal(0)), currency)
    if kind in SUMMED or (kind in OF_CASH and units is None):
        raise BrokerUnreadable(f"{LABEL} has a line of history without an amount.")
    return Money.zero(currency)


def orders(told: Iterable[wire.Order]) -> list[Order]:
    """Return orders of either form. In the first each row is a leg, and equal ids are one order."""
    rows: dict[str, list[wire.Order]] = {}
    for each in told:
        rows.setdefault(each.brokerage_order_id, []).append(each)
    found: list[Order] = []
    for order_id, parts in rows.items():
        legs = [leg for part in parts for leg in _legs(part)]
        if None in legs or not legs:
            log.warning("broker.order_without_side", broker=LABEL)
            continue
        found.append(_order(order_id, parts, tuple(leg for leg in legs if leg is not None)))
    return found


def _order(order_id: str, parts: Sequence[wire.Order], legs: tuple[OrderLeg, ...]) -> Order:
    first = parts[0]
    return Order(
        id=order_id,
        status=_state(parts),
        legs=legs,
        kind=(first.order_type or "").lower(),
        time_in_force=(first.time_in_force or "").lower(),
        net_price=_net_price(first, legs),
        placed_at=moment_of(first.time_placed),
        updated_at=moment_of(first.time_updated or first.time_executed),
    )


def _legs(told: wire.Order) -> list[OrderLeg | None]:
    """Return the legs of a row; None is one whose side is not told, which no sign can stand for."""
    if not told.legs:
        asset = asset_of(told.universal_symbol, told.option_symbol, USD)
        if asset is None:
            raise BrokerUnreadable(f"{LABEL} has an order without a symbol.")
        return [_leg(asset, told, told.brokerage_order_id)]
    return [_leg(_leg_asset(leg.instrument), leg, told.brokerage_order_id) for leg in told.legs]


def _leg_asset(told: wire.LegInstrument) -> Asset:
    kind = KINDS.find(told.asset_type or "", AssetKind.OTHER)
    if kind is AssetKind.OPTION:
        return option_of(told.symbol, USD, None)
    return _security(kind, told.symbol, None, USD, name=told.description)


def _leg(asset: Asset, told: wire.Order | wire.Leg, order_id: str) -> OrderLeg | None:
    if not told.action:
        return None
    sign, effect = ACTIONS.get(told.action)
    filled = sign * (told.filled_quantity or Decimal(0))
    price = Price(told.execution_price) if filled and told.execution_price is not None else None
    at = moment_of(told.time_executed) if isinstance(told, wire.Order) else None
    return OrderLeg(
        asset=asset,
        quantity=sign * (told.total_quantity or Decimal(0)),
        filled=filled,
        average_price=price,
        effect=effect,
        # Single executions are not told: all of them together count as one.
        fills=() if price is None else (Fill(id=order_id, quantity=filled, price=price, at=at),),
    )


def _state(parts: Sequence[wire.Order]) -> OrderStatus:
    """Return where an order stands; "NONE" is a word that leaves it to the quantities."""
    words = {part.status.strip().upper() for part in parts}
    if words != {"NONE"}:
        return STATES.get(min(words - {"NONE"}))
    filled = sum((part.filled_quantity or Decimal(0) for part in parts), Decimal(0))
    still_open = sum((part.open_quantity or Decimal(0) for part in parts), Decimal(0))
    cancelled = sum((part.canceled_quantity or Decimal(0) for part in parts), Decimal(0))
    if still_open:
        return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.WORKING
    if cancelled:
        return OrderStatus.CANCELLED
    return OrderStatus.FILLED if filled else OrderStatus.PENDING


def _net_price(told: wire.Order, legs: Sequence[OrderLeg]) -> Price | None:
    if told.limit_price is None:
        return None
    effect = (told.price_effect or "").upper()
    if effect == "CREDIT" or (not effect and len(legs) == 1 and legs[0].quantity < 0):
        return -Price(told.limit_price)
    return Price(told.limit_price)


def day_of(text: str | None) -> tuple[date, datetime | None]:
    """Return the day as it is written, and the moment unless the time is only padding."""
    moment = moment_of(text)
    if moment is None:
        raise BrokerUnreadable(f"{LABEL} has a line of history without a day.")
    padding = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.date(), None if padding else moment


def moment_of(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _total_currency(told: wire.Account) -> str:
    total = told.balance.total if told.balance is not None else None
    return currency_of(total.currency if total is not None else None)


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)
