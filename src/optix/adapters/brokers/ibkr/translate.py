"""From what Interactive Brokers says to what OPTIX means: signs, moments and words end here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.ibkr import assets, wire, words
from optix.adapters.brokers.ibkr.client import LABEL
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Asset, AssetKind, Balance, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus
from optix.ports.broker import BrokerAccount, BrokerUnreadable

NEW_YORK: Final = ZoneInfo("America/New_York")
YEARS: Final = range(1990, 2200)  # in which there is an execution
RATIO_MAX: Final = 10_000

_MILLISECONDS = 1000
_NOTHING: Final = Decimal(0)
COMBINATION: Final = "BAG"
_BASE: Final = "BASE"
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
# "Mon Dec 11 00:00:00 EST 2023": midnight of New York, whichever zone is written.
_worded_day = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) [\d:]{8} [A-Z]{2,5} (\d{4})", re.ASCII
).fullmatch
# A contract may name the exchange that it trades at.
_leg = re.compile(r"(\d{1,19})(?:@\w+)?/(-?\d{1,5})(?:@\w+)?", re.ASCII).fullmatch


def login_key(told: Sequence[wire.Account]) -> str:
    """Return what tells two logins apart: the lowest account number that one may see."""
    return min((each.id for each in told), default="")


def accounts(told: Iterable[wire.Account]) -> list[BrokerAccount]:
    return [_account(each) for each in told]


def _account(told: wire.Account) -> BrokerAccount:
    name = told.account_alias or told.display_name or told.account_title
    return BrokerAccount(
        key=told.id,
        stable_key=told.id,
        number=f"…{told.id[-4:]}",
        # The number is a name to some.
        name=name if name and name != told.id else LABEL,
        kind=told.trading_type.lower(),
        currency=currency_of(told.currency),
        # Paper accounts are called so, and their numbers begin with a D.
        simulated=told.type.upper() == "DEMO" or told.id.upper().startswith("D"),
    )


def balances(ledger: wire.Ledger, summary: wire.Summary | None, base: str) -> list[Balance]:
    """Return what there is of each currency. BASE is all of them once more and is left out.

    What the whole account may spend is told in its base currency, and stands there.
    """
    spare = None if summary is None else summary.netliquidation.currency
    base = currency_of(spare or base)
    found: dict[str, Balance] = {}
    for code, row in ledger.rows.items():
        currency = currency_of(code)
        if _BASE in {code.upper(), row.secondkey.upper()}:
            continue
        if currency != code:
            raise BrokerUnreadable(f"{LABEL} has a balance of no currency.")
        found[code] = Balance(
            currency=code,
            cash=Money(row.cashbalance, code),
            settled_cash=_money(row.settledcash, code),
            net_liquidation=_money(row.netliquidationvalue, code),
            **(_limits(summary, code) if code == base else {}),
        )
    if not ledger.rows:
        raise BrokerUnreadable(f"{LABEL} sent no balance at all.")
    if base not in found and summary is not None:
        found[base] = Balance(currency=base, **_limits(summary, base))
    return list(found.values())


def _limits(told: wire.Summary | None, currency: str) -> dict[str, Money | None]:
    if told is None:
        return {}
    return {
        "buying_power": _amount(told.buyingpower, currency),
        "option_buying_power": _amount(told.availablefunds, currency),
        "maintenance": _amount(told.maintmarginreq, currency),
    }


def _amount(told: wire.Amount, currency: str) -> Money | None:
    """Return one line of the summary: a null is said beside a number that means nothing."""
    if told.is_null or told.currency not in {"", currency}:
        return None
    return _money(told.amount, currency)


def positions(
    told: Iterable[wire.Position], definitions: Mapping[int, wire.Contract] | None = None
) -> list[Position]:
    """Return what is held.

    Rows of one contract in several models are added up; what was closed stays at 0 until the day
    rolls, and is none. Currencies are in the ledger and are no positions beside it.
    """
    found: dict[int, list[wire.Position]] = {}
    for row in told:
        found.setdefault(row.conid, []).append(row)
    known = definitions or {}
    held = [_position(rows, known.get(conid)) for conid, rows in found.items()]
    return [each for each in held if each.size and each.asset.kind is not AssetKind.CURRENCY]


def _position(rows: Sequence[wire.Position], definition: wire.Contract | None) -> Position:
    first = rows[0]
    asset = assets.of_position(first, definition)
    quantity = sum((row.position for row in rows), _NOTHING)
    values = [row.mkt_value for row in rows]
    costs = [
        None if row.avg_cost is None else row.avg_cost * row.position  # with its multiplier
        for row in rows
    ]
    return Position(
        asset=asset,
        quantity=quantity,
        size=abs(quantity),
        cost=_sum(costs, asset.currency),
        price=None if first.mkt_price is None else Price(first.mkt_price),
        value=_sum(values, asset.currency),
    )


def _sum(amounts: Sequence[Decimal | None], currency: str) -> Money | None:
    """Return a sum, None where a part of it is not told."""
    told = [each for each in amounts if each is not None]
    return Money(sum(told, _NOTHING), currency) if len(told) == len(amounts) else None


def warnings(found: Iterable[Position]) -> list[str]:
    """Say what could not be told for sure."""
    unknown = sum(
        each.asset.kind is AssetKind.OPTION and each.asset.contract is None for each in found
    )
    return [f"{unknown} options are not spelled like contracts."] if unknown else []


def trades(
    told: Iterable[wire.Trade], contracts: Mapping[int, Asset], account: str
) -> list[Activity]:
    """Return executions, each once. A combination is told by its legs, where they are there."""
    once = {each.execution_id: each for each in told if each.account in {"", account}}
    rows = list(once.values())
    legs = {each.trade_time_r for each in rows if each.sec_type.upper() != COMBINATION}
    return [
        _trade(each, contracts.get(each.conid))
        for each in rows
        if each.sec_type.upper() != COMBINATION or each.trade_time_r not in legs
    ]


def _trade(told: wire.Trade, asset: Asset | None) -> Activity:
    moment = epoch(told.trade_time_r) or moment_of(told.trade_time, "%Y%m%d-%H:%M:%S")
    if moment is None:
        raise BrokerUnreadable(f"{LABEL} has a trade without a time.")
    sign = words.SIDES.get(told.side)
    asset = asset or assets.of_words(
        told.conid,
        told.sec_type,
        told.symbol or told.contract_description_1,
        told.contract_description_2,
    )
    quantity, price = sign * abs(told.size), Price(told.price)
    if told.net_amount is None:
        gross = price.cash(quantity, asset.multiplier, asset.currency)
    else:
        gross = Money(-sign * abs(told.net_amount), asset.currency)  # with the multiplier in it
    fees = None if told.commission is None else -abs(told.commission)
    return Activity(
        id=told.execution_id,
        kind=ActivityKind.TRADE,
        status=ActivityStatus.POSTED,
        day=moment.astimezone(NEW_YORK).date(),
        at=moment,
        cash=gross + Money(fees or _NOTHING, asset.currency),
        asset=asset,
        quantity=quantity,
        price=price,
        fees=_money(fees, asset.currency),
        description=told.order_description.strip(),
    )


def orders(told: Iterable[wire.Order], contracts: Mapping[int, Asset]) -> list[Order]:
    return [_order(each, contracts) for each in told]


def _order(told: wire.Order, contracts: Mapping[int, Asset]) -> Order:
    status = words.STATES.get(told.status)
    filled = abs(told.filled_quantity or _NOTHING)
    if status is OrderStatus.WORKING and filled:
        status = OrderStatus.PARTIALLY_FILLED
    updated = epoch(told.last_execution_time_r) or moment_of(
        told.last_execution_time, "%y%m%d%H%M%S"
    )
    sign = words.SIDES.get(told.side)
    # An order for an amount of money has no size before it is filled.
    size = filled if told.total_size is None else abs(told.total_size)
    parts = legs_of(told)
    price = None if told.avg_price is None or not filled else Price(told.avg_price)
    return Order(
        id=told.order_id,
        status=status,
        legs=tuple(
            OrderLeg(
                asset=contracts.get(conid)
                or assets.of_words(conid, told.sec_type if alone else "", told.ticker),
                quantity=sign * ratio * size,
                filled=sign * ratio * filled,
                # The price of a combination is none of its legs'.
                average_price=price if alone else None,
                fills=_fills(told, sign * filled, price, updated) if alone else (),
            )
            for alone in (len(parts) == 1,)
            for conid, ratio in parts
        ),
        client_id=told.order_ref,
        kind=told.order_type.lower(),
        time_in_force=told.time_in_force.lower(),
        net_price=_net_price(told, sign, combined=len(parts) > 1),
        updated_at=updated,
    )


def legs_of(told: wire.Order) -> list[tuple[int, int]]:
    """Return the contracts of an order with their ratios: one, or those of a combination.

    A combination is spelled `spread;;;contract/ratio,contract/ratio`; below zero sells.
    """
    _, mark, described = told.conidex.partition(";;;")
    if not mark:
        return [(told.conid, 1)]
    found = []
    for text in described.split(","):
        leg = _leg(text.strip())
        if leg is None or not 0 < abs(int(leg[2])) <= RATIO_MAX or not 0 < int(leg[1]) < 2**63:
            raise BrokerUnreadable(f"{LABEL} has a combination that cannot be read.")
        found.append((int(leg[1]), int(leg[2])))
    return found


def _net_price(told: wire.Order, sign: int, *, combined: bool) -> Price | None:
    """Return the limit. That of a combination is of buying it, below zero for a credit."""
    if told.price is None:
        return None
    return Price(sign * told.price) if combined else Price(told.price)


def _fills(
    told: wire.Order, filled: Decimal, price: Price | None, at: datetime | None
) -> tuple[Fill, ...]:
    """Return all executions of an order as one: single ones are told by trades alone."""
    return () if price is None else (Fill(id=told.order_id, quantity=filled, price=price, at=at),)


def is_of_day(order: Order, day: date) -> bool:
    """True for an order that was last filled or ended on a day of New York, or says no time."""
    return order.updated_at is None or order.updated_at.astimezone(NEW_YORK).date() == day


def pa_transactions(told: Iterable[wire.PaTransaction]) -> list[Activity]:
    """Return lines of the portfolio analyst, which have no ids: not those that are kept."""
    return [
        Activity(
            id="",
            kind=words.PA_KINDS.find(each.type, ActivityKind.OTHER),
            status=ActivityStatus.POSTED,
            day=pa_day(each),
            cash=Money(each.amt, currency_of(each.cur)),
            asset=None
            if each.conid is None
            else Asset(
                kind=AssetKind.OTHER,
                symbol=str(each.conid),
                currency=currency_of(each.cur),
                name=each.desc.strip(),
            ),
            quantity=each.qty or None,
            price=None if each.pr is None else Price(each.pr),
            description=each.desc.strip(),
        )
        for each in told
    ]


def pa_day(told: wire.PaTransaction) -> date:
    """Return the day, of New York: written as digits, or only in words."""
    text, worded = told.raw_date, _worded_day(told.date)
    if not text and worded is not None and worded[1] in _MONTHS:
        text = f"{worded[3]}{_MONTHS.index(worded[1]) + 1:02d}{int(worded[2]):02d}"
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} has a day that cannot be read.") from None


def epoch(milliseconds: int | None) -> datetime | None:
    """Return a moment of milliseconds, None where there is none."""
    if not milliseconds:
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds / _MILLISECONDS, tz=UTC)
    except (ValueError, OverflowError, OSError):
        moment = None
    return _checked(moment)


def moment_of(text: str, form: str) -> datetime | None:
    """Return a moment that is written without its zone, which is UTC."""
    if not text.strip():
        return None
    try:
        moment = datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    except ValueError:
        moment = None
    return _checked(moment)


def _checked(moment: datetime | None) -> datetime:
    if moment is None or moment.year not in YEARS:
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.")
    return moment


def _money(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)
