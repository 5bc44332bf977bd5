"""What an account was worth at the end of each session, from snapshots, history and closes.

A day with a snapshot has the broker's own value. A day without one is derived from the next
snapshot after it: positions and cash are rolled back through the lines of history, and positions
are priced at that day's closes, unadjusted as the quantities are. It is derived only where the
history was read whole and every position has a close; else the day is unavailable and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from optix.features.portfolio.returns.flows import BorderFlow, HistoryLine, PriceOf
from optix.kernel.activity import ActivityStatus
from optix.kernel.holding import AccountSnapshot, Asset, AssetKind, Balance
from optix.kernel.money import Money

ZERO: Final = Decimal(0)


class DayQuality(StrEnum):
    CLOSING = "closing"  # the broker's value at the close or after it
    EARLY = "early"  # the broker's value, read before the close and not again that day
    DERIVED = "derived"  # history and closes
    UNAVAILABLE = "unavailable"


class DayReason(StrEnum):
    NONE = ""
    NO_STATED_VALUE = "no_stated_value"
    HISTORY_NOT_READ = "history_not_read"
    CASH_UNKNOWN = "cash_unknown"
    DIRECTION_UNKNOWN = "direction_unknown"
    NO_CLOSE = "no_close"


class DaySource(StrEnum):
    BROKER = "broker"  # its net liquidation
    BROKER_PARTS = "broker_parts"  # its cash and its values of positions
    HISTORY = "history"
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last whole snapshot of one session; `at_close` where it was taken after the close."""

    day: date
    at_close: bool
    snapshot: AccountSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountHistory:
    """All that the days of one account are made of. `heads` and `sessions` ascend.

    `read_from` is the first day of the history that was read whole, None where none was. `lines`
    has no cancelled and no absent one.
    """

    account: UUID
    heads: Sequence[Head]
    lines: Sequence[HistoryLine]
    flows: Sequence[BorderFlow]
    sessions: Sequence[date]
    read_from: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityDay:
    """One session of one account in one currency.

    `inflow` and `outflow` are without sign; `inner_in` and `inner_out` are the parts of them that
    came from or went to own accounts. `covered` of `positions` had a price.
    """

    account: UUID
    currency: str
    day: date
    value: Decimal | None
    quality: DayQuality
    reason: DayReason = DayReason.NONE
    source: DaySource = DaySource.NONE
    as_of: datetime | None = None
    inflow: Decimal = ZERO
    outflow: Decimal = ZERO
    inner_in: Decimal = ZERO
    inner_out: Decimal = ZERO
    flows_known: bool = True
    positions: int = 0
    covered: int = 0


@dataclass(slots=True)
class _Flows:
    inflow: Decimal = ZERO
    outflow: Decimal = ZERO
    inner_in: Decimal = ZERO
    inner_out: Decimal = ZERO
    flows_known: bool = True


@dataclass(frozen=True, slots=True)
class _Value:
    value: Decimal | None
    quality: DayQuality
    reason: DayReason = DayReason.NONE
    source: DaySource = DaySource.NONE
    as_of: datetime | None = None
    positions: int = 0
    covered: int = 0


@dataclass(slots=True)
class _Rolled:
    """What was held at the end of a day."""

    cash: dict[str, Decimal | None]
    held: dict[str, Decimal | None]
    assets: dict[str, Asset] = field(default_factory=dict)


def equity_days(history: AccountHistory, price_of: PriceOf) -> list[EquityDay]:
    """Return one row for each session and currency, up to the last snapshot."""
    if not history.heads:
        return []
    last = history.heads[-1].day
    sessions = [day for day in history.sessions if day <= last]
    heads = {head.day: head for head in history.heads}
    flows = _by_session(history, sessions, heads)
    found = []
    for currency in sorted(_currencies(history)):
        for day in sessions:
            head = heads.get(day)
            value = _derived(history, day, currency, price_of) if head is None else None
            if head is not None:
                value = _stated(head, currency)
            assert value is not None
            moved = flows.get((currency, day), _Flows())
            found.append(
                EquityDay(
                    account=history.account,
                    currency=currency,
                    day=day,
                    value=value.value,
                    quality=value.quality,
                    reason=value.reason,
                    source=value.source,
                    as_of=value.as_of,
                    inflow=moved.inflow,
                    outflow=moved.outflow,
                    inner_in=moved.inner_in,
                    inner_out=moved.inner_out,
                    flows_known=moved.flows_known,
                    positions=value.positions,
                    covered=value.covered,
                )
            )
    return found


def _currencies(history: AccountHistory) -> set[str]:
    balances = {each.currency for head in history.heads for each in head.snapshot.balances}
    held = {
        each.asset.currency
        for head in history.heads
        for each in head.snapshot.positions
        if each.asset.kind is not AssetKind.CURRENCY
    }
    return balances | held | {each.activity.cash.currency for each in history.lines}


def _stated(head: Head, currency: str) -> _Value:
    balance = _balance(head.snapshot, currency)
    own = [each for each in head.snapshot.positions if each.asset.currency == currency]
    quality = DayQuality.CLOSING if head.at_close else DayQuality.EARLY
    stated = None if balance is None else balance.net_liquidation
    if stated is not None:
        return _Value(
            stated.amount,
            quality,
            source=DaySource.BROKER,
            as_of=head.snapshot.as_of,
            positions=len(own),
            covered=len(own),
        )
    values = [each.value.amount for each in own if each.value is not None]
    cash = None if balance is None else balance.cash
    if cash is None or len(values) < len(own):
        return _Value(
            None,
            DayQuality.UNAVAILABLE,
            DayReason.NO_STATED_VALUE,
            as_of=head.snapshot.as_of,
            positions=len(own),
            covered=len(values),
        )
    return _Value(
        cash.amount + sum(values, ZERO),
        quality,
        source=DaySource.BROKER_PARTS,
        as_of=head.snapshot.as_of,
        positions=len(own),
        covered=len(own),
    )


def _derived(history: AccountHistory, day: date, currency: str, price_of: PriceOf) -> _Value:
    none = DayQuality.UNAVAILABLE
    if history.read_from is None or (history.read_from - day).days > 1:
        return _Value(None, none, DayReason.HISTORY_NOT_READ)
    head = next(each for each in history.heads if each.day > day)
    rolled = _rolled_back(head, history.lines, day)
    held = {
        key: quantity
        for key, quantity in rolled.held.items()
        if quantity != 0 and rolled.assets[key].currency == currency
    }
    cash = rolled.cash.get(currency)
    worths = []
    for key, quantity in held.items():
        asset = rolled.assets[key]
        price = _close(asset, day, price_of)
        if quantity is not None and price is not None:
            worths.append(quantity * price * asset.multiplier)
    if cash is None:
        reason = DayReason.CASH_UNKNOWN
    elif None in held.values():
        reason = DayReason.DIRECTION_UNKNOWN
    elif len(worths) < len(held):
        reason = DayReason.NO_CLOSE
    else:
        return _Value(
            cash + sum(worths, ZERO),
            DayQuality.DERIVED,
            source=DaySource.HISTORY,
            positions=len(held),
            covered=len(held),
        )
    return _Value(None, none, reason, positions=len(held), covered=len(worths))


def _close(asset: Asset, day: date, price_of: PriceOf) -> Decimal | None:
    return Decimal(1) if asset.kind is AssetKind.CASH_EQUIVALENT else price_of(asset, day)


def _rolled_back(head: Head, lines: Sequence[HistoryLine], day: date) -> _Rolled:
    """Take back from a snapshot what happened after `day` and is in it."""
    rolled = _Rolled(cash={}, held={})
    for balance in head.snapshot.balances:
        rolled.cash[balance.currency] = None if balance.cash is None else balance.cash.amount
    for position in head.snapshot.positions:
        if position.asset.kind is AssetKind.CURRENCY:
            continue  # it is a balance already
        key = position.asset.key
        before = rolled.held.get(key, ZERO)
        unknown = before is None or position.quantity is None
        rolled.held[key] = None if unknown else (before or ZERO) + (position.quantity or ZERO)
        rolled.assets[key] = position.asset
    for line in lines:
        if line.activity.day > day and is_in(line, head):
            _take_back(rolled, line)
    return rolled


def _take_back(rolled: _Rolled, line: HistoryLine) -> None:
    money: Money = line.activity.cash
    # A currency without a balance has no cash at the snapshot, if the broker states any balance.
    known = rolled.cash.get(money.currency, ZERO if rolled.cash else None)
    rolled.cash[money.currency] = None if known is None else known - money.amount
    asset, quantity = line.activity.asset, line.activity.quantity
    if asset is None or not quantity or asset.kind is AssetKind.CURRENCY:
        return
    rolled.assets.setdefault(asset.key, asset)
    held = rolled.held.get(asset.key, ZERO)
    rolled.held[asset.key] = None if held is None else held - quantity


def is_in(line: HistoryLine, head: Head) -> bool:
    """Return whether a snapshot knows of a line: it is of a day before, or was there by then."""
    activity = line.activity
    if activity.at is not None:
        return activity.at <= head.snapshot.as_of
    return activity.day <= head.day


def is_counted(line: HistoryLine) -> bool:
    """Return whether a line happened: what its broker took back did not."""
    return line.activity.status is not ActivityStatus.CANCELLED


def _by_session(
    history: AccountHistory, sessions: Sequence[date], heads: dict[date, Head]
) -> dict[tuple[str, date], _Flows]:
    """Return flows by currency and the session at whose end they are in the value."""
    found: dict[tuple[str, date], _Flows] = {}
    for flow in history.flows:
        day = _session_of(flow.line, sessions, heads)
        if day is None:
            continue
        sums = found.setdefault((flow.line.activity.cash.currency, day), _Flows())
        if flow.amount is None:
            sums.flows_known = False
        elif flow.amount > 0:
            sums.inflow += flow.amount
            sums.inner_in += flow.amount if flow.inner else ZERO
        else:
            sums.outflow -= flow.amount
            sums.inner_out -= flow.amount if flow.inner else ZERO
    return found


def _session_of(
    line: HistoryLine, sessions: Sequence[date], heads: dict[date, Head]
) -> date | None:
    for day in sessions:
        head = heads.get(day)
        if day >= line.activity.day and (head is None or is_in(line, head)):
            return day
    return None


def _balance(snapshot: AccountSnapshot, currency: str) -> Balance | None:
    return next((each for each in snapshot.balances if each.currency == currency), None)
