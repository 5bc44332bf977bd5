"""Why a ledger and its broker differ, with what would settle it. Pure; nothing is settled here.

An account is compared as a whole: an option that is gone and shares that came are one assignment,
not two faults. Causes are tried from the one that explains most to the one that explains least, and
what a cause explains of the cash is taken off what the cash still differs by. What fits no cause is
`UNKNOWN`: it is never made to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.deliveries import delivered
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.money import Money, Price

ZERO: Final = Decimal(0)
# What brokers round away: parts of a cent of interest, and of a share.
CASH_ROUNDING: Final = Decimal("0.05")
SHARE_ROUNDING: Final = Decimal("0.0001")
# By how much a cost that a broker states may differ from ours and still be the same money.
COST_SHARE: Final = Decimal("0.005")
_WHOLE: Final = [
    Decimal(each) for each in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
]
RATIOS: Final = frozenset({*_WHOLE, *(1 / each for each in _WHOLE), Decimal("1.5")})


class Cause(StrEnum):
    DELIVERY = "delivery"  # an exercise or assignment that the history lacks
    EXPIRY = "expiry"
    SYMBOL_CHANGE = "symbol_change"
    TRANSFER = "transfer"  # another account of the owner lacks, or has, the same
    SPLIT = "split"
    MISSING_FILL = "missing_fill"
    OPENING = "opening"  # it was there before the history begins
    CASH_LINE = "cash_line"  # cash that came or went without a line
    ROUNDING = "rounding"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One asset of one account on both sides. Costs are of all of it; None is what nobody says."""

    asset: Asset
    ledger: Decimal
    broker: Decimal
    basis: Decimal | None = None
    cost: Decimal | None = None
    price: Decimal | None = None  # the broker's, per unit

    @property
    def gap(self) -> Decimal:
        return self.broker - self.ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One account: what the ledger says with what is pending, and what its broker says.

    `cash` is (ledger, broker) by currency, where the broker states it. `elsewhere` is what the
    owner's other accounts differ by, by `Asset.key`. `known` are symbols that the history names.
    `unopened` are closings of what nothing opened: (asset, signed quantity of the closing, day).
    """

    account: UUID
    as_of: date
    sides: tuple[Side, ...]
    cash: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    elsewhere: Mapping[str, frozenset[Decimal]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    unopened: tuple[tuple[Asset, Decimal, date], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fault: what differs, why, and the lines that would settle it (none: nobody can tell)."""

    cause: Cause
    account: UUID
    asset: Asset | None
    currency: str
    ledger: Decimal
    broker: Decimal
    evidence: str
    proposal: tuple[Activity, ...] = ()


def reconcile(compared: Compared) -> tuple[Difference, ...]:
    """Return what differs in one account; nothing where ledger and broker are equal."""
    work = _Work(compared)
    for explain in (_deliveries, _expiries, _renames, _transfers, _splits, _fills, _rest):
        explain(work)
    _unopened(work)
    _cash(work)
    return tuple(work.found)


class _Work:
    """What is not explained yet."""

    def __init__(self, compared: Compared) -> None:
        self.compared = compared
        self.open = {
            side.asset.key: side
            for side in sorted(compared.sides, key=lambda side: side.asset.key)
            if side.gap
        }
        self.cash = {
            currency: broker - ledger for currency, (ledger, broker) in compared.cash.items()
        }
        self.found: list[Difference] = []

    def sides(self, wanted: Callable[[Side], bool] | None = None) -> list[Side]:
        return [side for side in self.open.values() if wanted is None or wanted(side)]

    def explain(
        self, side: Side, cause: Cause, evidence: str, lines: Iterable[Activity] = ()
    ) -> None:
        del self.open[side.asset.key]
        proposal = tuple(lines)
        for line in proposal:
            if line.cash.currency in self.cash:
                self.cash[line.cash.currency] -= line.cash.amount
        self.found.append(
            Difference(
                cause=cause,
                account=self.compared.account,
                asset=side.asset,
                currency=side.asset.currency,
                ledger=side.ledger,
                broker=side.broker,
                evidence=evidence,
                proposal=proposal,
            )
        )

    def line(self, kind: ActivityKind, asset: Asset | None, quantity: Decimal | None) -> Activity:
        return Activity(
            id="",
            kind=kind,
            status=ActivityStatus.POSTED,
            day=self.compared.as_of,
            cash=Money(ZERO, "USD" if asset is None else asset.currency),
            asset=asset,
            quantity=quantity,
        )


def _is_contract(side: Side) -> bool:
    return side.asset.contract is not None


def _deliveries(work: _Work) -> None:
    """An option is gone and its shares came or went."""
    for side in work.sides(lambda side: _is_contract(side) and abs(side.broker) < abs(side.ledger)):
        contract = side.asset.contract
        assert contract is not None, "it is a contract"
        parts = delivered(side.asset, side.gap)
        shares = [
            each
            for each in work.sides(lambda each: each.asset.contract is None)
            if len(parts) == 1
            and each.asset.symbol == parts[0].symbol
            and each.gap == parts[0].quantity
        ]
        if not shares:
            continue
        kind = ActivityKind.ASSIGNMENT if side.ledger < 0 else ActivityKind.EXERCISE
        strike = Price(Decimal(contract.strike_milli) / 1000)
        group = f"{kind} {side.asset.symbol} {work.compared.as_of}"
        moved = shares[0]
        ended = replace(work.line(kind, side.asset, side.gap), group=group)
        came = replace(
            work.line(kind, moved.asset, moved.gap),
            price=strike,
            cash=strike.cash(moved.gap, moved.asset.multiplier, moved.asset.currency),
            group=group,
        )
        del work.open[moved.asset.key]
        word = "assigned" if side.ledger < 0 else "exercised"
        evidence = (
            f"The contracts are gone and {abs(moved.gap)} {moved.asset.symbol} moved: {word}."
        )
        work.explain(side, Cause.DELIVERY, evidence, (ended, came))


def _expiries(work: _Work) -> None:
    for side in work.sides(lambda side: _is_contract(side) and not side.broker):
        contract = side.asset.contract
        assert contract is not None, "it is a contract"
        if contract.expiration < work.compared.as_of:
            line = work.line(ActivityKind.EXPIRATION, side.asset, side.gap)
            work.explain(
                side, Cause.EXPIRY, "Its last day is over and the broker has none.", [line]
            )


def _renames(work: _Work) -> None:
    """All of one is gone, and as many of another are there that the history never names."""
    gone = work.sides(lambda side: not _is_contract(side) and not side.broker)
    for old in gone:
        new = [
            side
            for side in work.sides(lambda side: not _is_contract(side) and not side.ledger)
            if side.broker == old.ledger
            and side.asset.symbol not in work.compared.known
            and _same_money(old.basis, side.cost)
        ]
        if len(new) == 1:
            out = work.line(ActivityKind.SYMBOL_CHANGE, old.asset, old.gap)
            come = work.line(ActivityKind.SYMBOL_CHANGE, new[0].asset, new[0].gap)
            del work.open[new[0].asset.key]
            evidence = f"As many {new[0].asset.symbol} are there, at the same cost."
            work.explain(old, Cause.SYMBOL_CHANGE, evidence, (out, come))


def _transfers(work: _Work) -> None:
    for side in work.sides():
        if -side.gap in work.compared.elsewhere.get(side.asset.key, frozenset()):
            line = work.line(ActivityKind.TRANSFER, side.asset, side.gap)
            evidence = "Another of your accounts differs by the same, the other way."
            work.explain(side, Cause.TRANSFER, evidence, [line])


def _splits(work: _Work) -> None:
    """As much money, in another number of shares."""
    for side in work.sides(lambda side: not _is_contract(side)):
        if not side.ledger or not side.broker:
            continue
        ratio = side.broker / side.ledger
        known = side.cost is not None and side.basis is not None
        same = _same_money(side.basis, side.cost) if known else _cash_is_settled(work, side)
        if ratio in RATIOS and same:
            line = work.line(ActivityKind.SPLIT, side.asset, side.gap)
            evidence = f"{_plain(ratio)} times the shares at the same cost."
            work.explain(side, Cause.SPLIT, evidence, [line])


def _fills(work: _Work) -> None:
    """A trade that the cash shows: it differs by about what the trade cost or brought."""
    for side in work.sides():
        cash = _implied_cash(work, side)
        if cash is None:
            continue
        opens = abs(side.broker) > abs(side.ledger)
        line = replace(
            work.line(ActivityKind.TRADE, side.asset, side.gap),
            cash=Money(cash, side.asset.currency),
            effect=PositionEffect.OPENING if opens else PositionEffect.CLOSING,
        )
        evidence = f"The cash differs by {_plain(cash)}, which such a trade explains."
        work.explain(side, Cause.MISSING_FILL, evidence, [line])


def _implied_cash(work: _Work, side: Side) -> Decimal | None:
    """Return the cash of a missing trade, where the cash that differs bears it out."""
    currency = side.asset.currency
    gap = work.cash.get(currency)
    if gap is None or abs(gap) <= CASH_ROUNDING:
        return None
    if side.cost is not None and side.basis is not None and abs(side.broker) > abs(side.ledger):
        cash = side.basis - side.cost
    elif side.price is not None:
        cash = Price(side.price).cash(side.gap, side.asset.multiplier, currency).amount
    elif len(work.open) == 1:
        cash = gap
    else:
        return None
    if cash * side.gap >= 0:
        return None  # who bought has paid
    if len(work.open) == 1 and abs(gap - cash) <= abs(cash) / 2:
        return gap  # the one trade there is has all of it
    # It is borne out if the cash differs less without it.
    return cash if abs(gap - cash) < abs(gap) else None


def _rest(work: _Work) -> None:
    for side in work.sides():
        grows = abs(side.broker) > abs(side.ledger) and side.broker * side.ledger >= 0
        if not grows:
            work.explain(side, Cause.UNKNOWN, "Nothing else of this account explains it.")
            continue
        line = replace(
            work.line(ActivityKind.ADJUSTMENT, side.asset, side.gap),
            price=_opening_price(side),
        )
        evidence = (
            "No cash moved for it: it was there before the history begins, or came as a gift."
        )
        work.explain(side, Cause.OPENING, evidence, [line])


def _opening_price(side: Side) -> Price | None:
    if side.cost is None:
        return None
    cost = side.cost - (side.basis or ZERO)
    each = cost / (side.gap * side.asset.multiplier)
    return Price(each.quantize(Decimal("0.000001"))) if each >= 0 else None


def _unopened(work: _Work) -> None:
    """A closing of what nothing opened, and cash that its opening would have moved."""
    for currency, gap in sorted(work.cash.items()):
        wanted = [
            each
            for each in work.compared.unopened
            # What is sold to close was bought, and the other way round.
            if each[0].currency == currency and gap * each[1] > 0
        ]
        if abs(gap) <= CASH_ROUNDING or len(wanted) != 1:
            continue
        [(asset, closed, day)] = wanted
        line = replace(
            work.line(ActivityKind.TRADE, asset, -closed),
            day=day,
            cash=Money(gap, currency),
            effect=PositionEffect.OPENING,
        )
        work.cash[currency] = ZERO
        work.found.append(
            Difference(
                cause=Cause.MISSING_FILL,
                account=work.compared.account,
                asset=asset,
                currency=currency,
                ledger=ZERO,
                broker=ZERO,
                evidence="It was closed, and nothing opened it; the cash differs by its opening.",
                proposal=(line,),
            )
        )


def _cash(work: _Work) -> None:
    for currency, gap in sorted(work.cash.items()):
        if not gap:
            continue
        ledger, broker = work.compared.cash[currency]
        if abs(gap) <= CASH_ROUNDING:
            cause, evidence = Cause.ROUNDING, "Less than a broker rounds away."
        else:
            cause, evidence = Cause.CASH_LINE, "No line of the history explains it."
        line = replace(work.line(ActivityKind.ADJUSTMENT, None, None), cash=Money(gap, currency))
        work.found.append(
            Difference(
                cause=cause,
                account=work.compared.account,
                asset=None,
                currency=currency,
                ledger=ledger,
                broker=broker,
                evidence=evidence,
                proposal=(line,),
            )
        )


def _same_money(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return True
    return abs(one - other) <= max(abs(one) * COST_SHARE, CASH_ROUNDING)


def _cash_is_settled(work: _Work, side: Side) -> bool:
    gap = work.cash.get(side.asset.currency)
    return gap is not None and abs(gap) <= CASH_ROUNDING


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def is_cash(asset: Asset) -> bool:
    """True for cash and funds of it, which brokers show as either: they are compared as cash."""
    return asset.kind in {AssetKind.CASH_EQUIVALENT, AssetKind.CURRENCY}
