"""From what Alpaca says to what OPTIX means: symbols, signs, days and words end here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.brokers.alpaca import wire, words
from optix.adapters.brokers.alpaca.client import LABEL
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import (
    STANDARD_MULTIPLIER,
    Asset,
    AssetKind,
    Balance,
    Deliverable,
    Position,
)
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg
from optix.kernel.quote import SecurityKind
from optix.kernel.roots import is_adjusted
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

NEW_YORK: Final = ZoneInfo("America/New_York")
YEARS: Final = range(1900, 2200)  # in which there is an account, or a day before or after
LATE_DAYS: Final = 7  # between the day of a line and its entry, beyond which the entry counts
COST_TOLERANCE: Final = Decimal("0.01")  # of the cost: averages are rounded

Contracts = Mapping[str, wire.Contract]
_NO_CONTRACTS: Final[Contracts] = {}
_NOTHING: Final = Decimal(0)
_INCOME: Final = frozenset(  # the quantity is what it was paid for: nothing of it moves
    (ActivityKind.DIVIDEND, ActivityKind.INTEREST, ActivityKind.TAX)
)


def account(told: wire.Account, *, paper: bool) -> BrokerAccount:
    status = words.ACCOUNT_STATES.find(told.status, AccountStatus.RESTRICTED)
    blocked = told.trading_blocked or told.account_blocked
    if blocked and status is AccountStatus.ACTIVE:
        status = AccountStatus.RESTRICTED
    return BrokerAccount(
        key=told.id,
        stable_key=told.id,
        number=f"…{(told.account_number or told.id)[-4:]}",
        name=f"{LABEL} paper" if paper else LABEL,
        kind={"1": "cash", "": ""}.get(told.multiplier, "margin"),
        currency=told.currency,
        status=status,
        simulated=paper,
    )


def balance(told: wire.Account) -> Balance:
    def money(amount: Decimal | None) -> Money | None:
        return None if amount is None else Money(amount, told.currency)

    return Balance(
        currency=told.currency,
        cash=money(told.cash),
        buying_power=money(told.buying_power),
        option_buying_power=money(told.options_buying_power),
        maintenance=money(told.maintenance_margin),
        net_liquidation=money(told.equity if told.equity is not None else told.portfolio_value),
    )


def positions(
    told: Iterable[wire.Position], contracts: Contracts = _NO_CONTRACTS, currency: str = "USD"
) -> tuple[list[Position], list[str]]:
    """Return positions, and what about them is odd.

    Money is in the account's currency. Direction is what `side` says: some answers have signs as
    well, in `qty`, value and cost, and some have not.
    """
    found: list[Position] = []
    warnings: list[str] = []
    for each in told:
        if not each.qty:
            continue
        sign = words.DIRECTIONS.get(each.side)
        size = abs(each.qty)
        asset = asset_of(each.symbol, each.asset_class, contracts)
        cost = each.cost_basis
        if cost is not None and not _cost_fits(each, size, asset.multiplier):
            warnings.append(f"The cost of {asset.symbol} does not fit its price and quantity.")
            if asset.kind is AssetKind.OPTION:  # stated without its multiplier at times
                cost = (each.avg_entry_price or _NOTHING) * size * asset.multiplier
        if _is_adjusted(asset.contract) and each.symbol not in contracts:
            warnings.append(f"{LABEL} does not say what {asset.symbol} delivers.")
        found.append(
            Position(
                asset=asset,
                quantity=sign * size,
                size=size,
                cost=_signed(cost, sign, currency),
                cost_has_fees=False,
                price=None if each.current_price is None else Price(each.current_price),
                value=_signed(each.market_value, sign, currency),
                day_change=None
                if each.unrealized_intraday_pl is None
                else Money(each.unrealized_intraday_pl, currency),
            )
        )
    return found, warnings


def _signed(amount: Decimal | None, sign: int, currency: str) -> Money | None:
    return None if amount is None else Money(sign * abs(amount), currency)


def _cost_fits(told: wire.Position, size: Decimal, multiplier: int) -> bool:
    if told.cost_basis is None or told.avg_entry_price is None:
        return True
    computed = told.avg_entry_price * size * multiplier
    return abs(abs(told.cost_basis) - computed) <= max(computed * COST_TOLERANCE, COST_TOLERANCE)


def asset_of(symbol: str, asset_class: str = "", contracts: Contracts = _NO_CONTRACTS) -> Asset:
    """Return the asset of a symbol; history names no class, so the symbol alone tells."""
    try:
        contract = parse_option(symbol)
    except MalformedContract:
        contract = None
    if contract is not None:
        return _option(contract, contracts.get(symbol))
    kind = words.ASSETS.find(asset_class, AssetKind.OTHER) if asset_class else AssetKind.STOCK
    if kind is AssetKind.CRYPTO or (not asset_class and "/" in symbol):
        # Pairs are BTC/USD in orders and BTCUSD in positions.
        return Asset(kind=AssetKind.CRYPTO, symbol=symbol.replace("/", ""))
    try:
        canonical = parse_symbol(symbol)
    except MalformedSymbol:
        return Asset(kind=kind, symbol=symbol, multiplier=_multiplier_without_contract(kind))
    if kind is AssetKind.STOCK and kind_of(canonical) is SecurityKind.ETF:
        kind = AssetKind.ETF
    return Asset(kind=kind, symbol=canonical, multiplier=_multiplier_without_contract(kind))


def _multiplier_without_contract(kind: AssetKind) -> int:
    return STANDARD_MULTIPLIER if kind is AssetKind.OPTION else 1


def _option(contract: OptionContract, told: wire.Contract | None) -> Asset:
    deliverables = (told.deliverables if told is not None else None) or []
    known = _is_adjusted(contract) and all(each.amount is not None for each in deliverables)
    return Asset(
        kind=AssetKind.OPTION,
        symbol=contract.key,
        contract=contract,
        multiplier=(told and told.multiplier) or STANDARD_MULTIPLIER,
        deliverables=tuple(
            Deliverable("" if each.type == "cash" else each.symbol, each.amount or _NOTHING)
            for each in deliverables
        )
        if known
        else (),
    )


def adjusted_symbols(symbols: Iterable[str]) -> list[str]:
    """Return the symbols of contracts whose terms have to be asked for, once each."""
    found = dict.fromkeys(symbols)
    return [each for each in found if _is_adjusted(asset_of(each).contract)]


def _is_adjusted(contract: OptionContract | None) -> bool:
    return contract is not None and is_adjusted(contract.root)


def activities(
    told: Iterable[wire.Activity], contracts: Contracts = _NO_CONTRACTS
) -> list[Activity]:
    return [
        _fill(each, contracts) if each.activity_type == "FILL" else _line(each, contracts)
        for each in told
    ]


def _fill(told: wire.Activity, contracts: Contracts) -> Activity:
    """Return an execution. Its cash is computed; its fees are lines of their own."""
    at = moment_of(told.transaction_time)
    if at is None or told.price is None or not told.qty or not told.symbol:
        raise BrokerUnreadable(f"{LABEL} has a fill that misses a part.")
    sign, effect = words.SIDES.get(told.side)
    asset = asset_of(told.symbol, contracts=contracts)
    quantity, price = sign * abs(told.qty), Price(told.price)
    return Activity(
        id=told.id,
        kind=ActivityKind.TRADE,
        status=words.POSTINGS.get(told.status),
        day=at.astimezone(NEW_YORK).date(),
        cash=price.cash(quantity, asset.multiplier, told.currency),
        at=at,
        settles=day_of(told.settle_date),
        asset=asset,
        quantity=quantity,
        price=price,
        fees=Money.zero(told.currency),
        effect=effect,
        order_id=told.order_id,
        group=told.group_id,
        description=told.description,
    )


def _line(told: wire.Activity, contracts: Contracts) -> Activity:
    amount = told.net_amount or _NOTHING
    kind = words.KINDS.find(told.activity_type, ActivityKind.OTHER)
    if kind in {ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL} and amount:
        kind = ActivityKind.DEPOSIT if amount > 0 else ActivityKind.WITHDRAWAL
    return Activity(
        id=told.id,
        kind=kind,
        status=words.POSTINGS.get(told.status),
        day=_day_of_line(told),
        cash=Money(amount, told.currency),
        at=moment_of(told.transaction_time),
        settles=day_of(told.settle_date),
        asset=asset_of(told.symbol, contracts=contracts) if told.symbol else None,
        quantity=None if kind in _INCOME else told.qty or None,
        price=None if told.price is None else Price(told.price),
        order_id=told.order_id,
        group=told.group_id,
        description=told.description.strip(),
    )


def _day_of_line(told: wire.Activity) -> date:
    """Return the day of a line, but never far from its entry, by which Alpaca selects.

    A line that is entered years late would otherwise lie in days that nobody reads again.
    """
    day, entered = day_of(told.date), moment_of(told.created_at)
    if entered is None:
        if day is None:
            raise BrokerUnreadable(f"{LABEL} has a line of history without a day.")
        return day
    entry = entered.astimezone(NEW_YORK).date()
    late = timedelta(days=LATE_DAYS)
    return entry if day is None else min(max(day, entry - late), entry + late)


def orders(told: Iterable[wire.Order], contracts: Contracts = _NO_CONTRACTS) -> list[Order]:
    """Return orders. A package is one; a bracket's legs are orders beside the first."""
    found: list[Order] = []
    for each in told:
        legs = each.legs or []
        if each.order_class == "mleg":
            if not legs:
                raise BrokerUnreadable(f"{LABEL} has a package without its legs.")
            found.append(_order(each, legs, contracts))
        else:
            found += [_order(one, [one], contracts) for one in (each, *legs)]
    return found


def _order(told: wire.Order, legs: Sequence[wire.Order], contracts: Contracts) -> Order:
    parts = tuple(_leg(leg, contracts) for leg in legs)
    limit = None if told.limit_price is None else Price(told.limit_price)
    # A package's is signed as ours is: what it costs is positive. That of one leg has no sign.
    sold = told.order_class != "mleg" and words.SIDES.get(told.side)[0] < 0
    return Order(
        id=told.id,
        status=words.STATES.get(told.status),
        legs=parts,
        client_id=told.client_order_id,
        kind=told.type or told.order_type,
        time_in_force=told.time_in_force,
        net_price=-limit if limit is not None and sold else limit,
        placed_at=moment_of(told.submitted_at or told.created_at),
        updated_at=moment_of(told.updated_at),
        replaced_by=told.replaced_by,
    )


def _leg(told: wire.Order, contracts: Contracts) -> OrderLeg:
    sign, effect = words.SIDES.get(told.side)
    filled = sign * (told.filled_qty or _NOTHING)
    price = None
    if filled and told.filled_avg_price is not None:
        price = Price(told.filled_avg_price)
    return OrderLeg(
        asset=asset_of(told.symbol, told.asset_class, contracts),
        # An order for an amount of money has no quantity: units are known once it is filled.
        quantity=filled if told.qty is None else sign * told.qty,
        filled=filled,
        average_price=price,
        effect=words.INTENTS.get(told.position_intent, effect),
        # Single executions are in the history: all of them together count as one.
        fills=()
        if price is None
        else (Fill(id=told.id, quantity=filled, price=price, at=moment_of(told.filled_at)),),
    )


def moment_of(text: str) -> datetime | None:
    """Return a moment of UTC; nanoseconds are cut to what a moment holds."""
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
    """Return a day of New York's calendar, written as a date, perhaps with an idle time."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise BrokerUnreadable(f"{LABEL} has a date that cannot be read.")
    return day
