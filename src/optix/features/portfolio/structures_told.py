"""Structures, chains and margins as the API says them. Only translates and divides."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from optix.features.brokerage.service import HeldAccount
from optix.features.market.calendar import exchange_date
from optix.features.portfolio import schemas_structures as schemas
from optix.features.portfolio.models_structures import StructureOverride
from optix.features.portfolio.structure_prices import StructureMark
from optix.features.portfolio.structures import margin as estimate
from optix.features.portfolio.structures.chains import Chain
from optix.features.portfolio.structures.payoff import NotDone, Payoff, payoff_of
from optix.features.portfolio.structures.shares import split_by
from optix.features.portfolio.structures.values import (
    Fallen,
    Grouping,
    Holding,
    Leg,
    Override,
    Structure,
)
from optix.kernel.clock import to_ns
from optix.kernel.holding import Asset, Position
from optix.kernel.money import Rounding

Marks = dict[str, StructureMark]
_CENT = Decimal("0.01")


class Grouped(Protocol):
    """What this needs of an account."""

    @property
    def account(self) -> HeldAccount: ...
    @property
    def holdings(self) -> tuple[Holding, ...]: ...
    @property
    def positions(self) -> dict[str, Position]: ...
    @property
    def grouping(self) -> Grouping: ...


def structure_of(account: Grouped, structure: Structure, marks: Marks) -> schemas.Structure:
    legs = [_leg(account, structure, leg, marks) for leg in structure.legs]
    cost, value = _sum(legs, "cost"), _sum(legs, "value")
    payoff = _payoff(structure, cost, marks)
    done = isinstance(payoff, Payoff)
    return schemas.Structure(
        id=structure.id,
        account_id=account.account.id,
        underlying=structure.underlying,
        shape=structure.shape,
        name=structure.name,
        units=_text(structure.units),
        why=structure.why,
        confidence=structure.confidence,
        orders=list(structure.orders),
        legs=legs,
        currency=structure.legs[0].asset.currency,
        cost=None if cost is None else _text(cost),
        value=None if value is None else _text(value),
        unrealised=None if cost is None or value is None else _text(value - cost),
        figures=_figures(payoff) if isinstance(payoff, Payoff) else None,
        reason=None if done else payoff,
    )


def detail_of(
    account: Grouped, structure: Structure, marks: Marks, at: datetime
) -> schemas.StructureDetail:
    shown = structure_of(account, structure, marks)
    payoff = _payoff(structure, _sum(shown.legs, "cost"), marks)
    points = payoff.points if isinstance(payoff, Payoff) else ()
    return schemas.StructureDetail(
        structure=shown,
        points=[
            schemas.PayoffPoint(price=_text(price), profit=_text(profit))
            for price, profit in points
        ],
        as_of=at,
    )


def fallen_of(account: UUID, fallen: Fallen) -> schemas.FallenStructure:
    return schemas.FallenStructure(
        id=fallen.override.id,
        account_id=account,
        name=fallen.override.name,
        missing=[key.split("|")[1] for key in fallen.missing],
    )


def chain_of(account: UUID, chain: Chain, marks: Marks) -> schemas.StructureChain:
    """Return a chain with its steps; its profit counts what is held of it at the market."""
    steps = []
    so_far = Decimal(0)
    for step in chain.steps:
        so_far += step.premium
        steps.append(
            schemas.ChainStep(
                kind=step.kind,
                day=step.day,
                at=step.at,
                closed=None if step.closed is None else step.closed.symbol,
                opened=None if step.opened is None else step.opened.symbol,
                quantity=_text(step.quantity),
                premium=_text(step.premium),
                cash=_text(step.cash),
                premium_so_far=_text(so_far),
            )
        )
    values = [_worth(asset, quantity, marks) for asset, quantity in chain.holds]
    value = None if None in values else sum((each for each in values if each), Decimal(0))
    return schemas.StructureChain(
        id=chain.id,
        account_id=account,
        kind=chain.kind,
        underlying=chain.underlying,
        is_open=chain.is_open,
        steps=steps,
        premium=_text(chain.premium),
        cash=_text(chain.cash),
        value=None if value is None else _text(value),
        profit=None if value is None else _text(chain.cash + value),
    )


def margin_of(
    account: Grouped, marks: Marks, at: datetime, underlying: str
) -> schemas.AccountMargin:
    """Return the estimate of one account, of one underlying where it is named."""
    held = account.account
    known = {name: mark.price for name, mark in marks.items() if mark.price is not None}
    has_margin = estimate.has_margin(held.kind)
    found = estimate.margins_of(
        account.holdings,
        estimate.Prices(underlyings=known, marks=known),
        today=exchange_date(to_ns(at)),
        margin=has_margin,
    )
    shown = [_underlying(each) for each in found if underlying in {"", each.underlying}]
    broker = None
    for balance in () if held.snapshot is None else held.snapshot.balances:
        if balance.currency == held.currency and balance.maintenance is not None:
            broker = balance.maintenance.text
    return schemas.AccountMargin(
        account_id=held.id,
        currency=held.currency,
        has_margin=has_margin,
        initial=_total([each.initial for each in shown]),
        maintenance=_total([each.maintenance for each in shown]),
        broker_maintenance=broker,
        underlyings=shown,
    )


def override_of(row: StructureOverride) -> schemas.Override:
    return schemas.Override(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        legs=[
            schemas.OverrideLeg(symbol=each["symbol"], quantity=each["quantity"])
            for each in row.legs
        ],
        created_at=row.created_at,
    )


def kept_override(row: StructureOverride) -> Override:
    legs = tuple((each["asset"], Decimal(each["quantity"])) for each in row.legs)
    return Override(id=row.id, name=row.name, legs=legs)


# --- parts ---------------------------------------------------------------------------------------


def _leg(account: Grouped, structure: Structure, leg: Leg, marks: Marks) -> schemas.StructureLeg:
    position = account.positions.get(leg.asset.key)
    mark = marks.get(leg.asset.symbol, StructureMark(price=None, reason="no_quote"))
    price = mark.price
    if price is None and position is not None and position.price is not None:
        price = position.price.value
    cost = None
    if position is not None and position.cost is not None:
        cost = _share(account.grouping, structure, leg, position.cost.amount)
    contract = leg.asset.contract
    return schemas.StructureLeg(
        symbol=leg.asset.symbol,
        kind=leg.asset.kind,
        quantity=_text(leg.quantity),
        multiplier=leg.asset.multiplier,
        expiration=None if contract is None else contract.expiration,
        right=None if contract is None else contract.right,
        strike=None if contract is None else _text(Decimal(contract.strike_milli) / 1000),
        cost=None if cost is None else _text(cost),
        price=None if price is None else _text(price),
        value=None if price is None else _text(_money(leg.asset, leg.quantity, price)),
        reason="" if price is not None else mark.reason or "no_quote",
    )


def _share(grouping: Grouping, structure: Structure, leg: Leg, cost: Decimal) -> Decimal:
    """Return what a leg cost: its part of the position, which all its structures divide."""
    parts = [
        (each.id, other.quantity)
        for each in grouping.structures
        for other in each.legs
        if other.asset.key == leg.asset.key
    ]
    shares = split_by(cost, [quantity for _, quantity in parts])
    return next(
        share for (name, _), share in zip(parts, shares, strict=True) if name == structure.id
    )


def _payoff(structure: Structure, cost: Decimal | None, marks: Marks) -> Payoff | NotDone:
    volatilities = {
        leg.asset.symbol: mark.volatility
        for leg in structure.legs
        if (mark := marks.get(leg.asset.symbol)) is not None and mark.volatility is not None
    }
    rates = [
        mark.rate
        for leg in structure.legs
        if (mark := marks.get(leg.asset.symbol)) is not None and mark.rate is not None
    ]
    return payoff_of(
        structure.legs, cost, volatilities=volatilities, rate=rates[0] if rates else 0.0
    )


def _figures(payoff: Payoff) -> schemas.StructureFigures:
    most, least = payoff.profit_max, payoff.loss_max
    return schemas.StructureFigures(
        basis=payoff.basis,
        front=payoff.front,
        profit_max=None if most is None else _text(most),
        profit_bounded=most is not None,
        loss_max=None if least is None else _text(least),
        loss_bounded=least is not None,
        break_evens=[_text(each) for each in payoff.break_evens],
    )


def _underlying(found: estimate.UnderlyingMargin) -> schemas.UnderlyingMargin:
    done = found.reason is None
    return schemas.UnderlyingMargin(
        underlying=found.underlying,
        initial=_text(found.initial) if done else None,
        maintenance=_text(found.kept) if done else None,
        long_options=_text(found.paid) if done else None,
        exact=found.exact,
        at_least=_text(found.at_least) if done else None,
        leverage=_text(found.leverage),
        groups=[
            schemas.MarginGroup(
                rule=group.rule,
                units=group.units,
                legs=[f"{_text(leg.quantity)} {leg.asset.symbol}" for leg in group.legs],
                initial=_text(group.initial),
                maintenance=_text(group.kept),
            )
            for group in found.groups
        ],
        reason=found.reason,
    )


def _sum(legs: list[schemas.StructureLeg], name: str) -> Decimal | None:
    """Return a sum, None where a part is not known."""
    parts = [getattr(leg, name) for leg in legs]
    return None if None in parts else sum((Decimal(each) for each in parts), Decimal(0))


def _total(amounts: list[str | None]) -> str | None:
    known = [Decimal(each) for each in amounts if each is not None]
    return _text(sum(known, Decimal(0))) if len(known) == len(amounts) else None


def _worth(asset: Asset, quantity: Decimal, marks: Marks) -> Decimal | None:
    mark = marks.get(asset.symbol)
    return None if mark is None or mark.price is None else _money(asset, quantity, mark.price)


def _money(asset: Asset, quantity: Decimal, price: Decimal) -> Decimal:
    return (price * quantity * asset.multiplier).quantize(_CENT, Rounding.BOOK)


def _text(value: Decimal) -> str:
    return format(value, "f")
