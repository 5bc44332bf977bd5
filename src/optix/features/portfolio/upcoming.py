"""What comes up for a book: expirations, ex-dates with their risk of assignment, reports. Pure.

A contract whose price is next to its strike shortly before it settles may end either way (pin
risk). The holder of a call exercises it before an ex-date when what is left of its time value is
less than the dividend (FORMULAS, "Exercise/assignment").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final

from optix.features.market.schemas import ComingEvents
from optix.features.portfolio import schemas_exposure as schemas
from optix.features.portfolio.encoding import text
from optix.features.portfolio.holding import underlying_symbol
from optix.features.portfolio.valuing import Valuer, why
from optix.kernel.clock import to_datetime
from optix.kernel.instrument import ExerciseStyle, Right
from optix.kernel.roots import style_of

PIN_DISTANCE: Final = 0.01  # of the price
PIN_DAYS: Final = 5
NEXT_TO_NOTHING: Final = 0.01  # dollars of time value a share, below which holding pays nothing


def upcoming_of(
    valuer: Valuer, events: Mapping[str, ComingEvents | str], today: date, until: date
) -> dict[str, Any]:
    """Return the fields of `schemas.Upcoming` but its moment."""
    expiring = [
        _expiring(valuer, row, today)
        for row in _contracts(valuer)
        if today <= _expiration(valuer, row) <= until
    ]
    expiring.sort(key=lambda each: (each.expiration, each.symbol, str(each.account_id)))
    held = {
        name
        for row in valuer.holding.rows
        if not row.closed and (name := underlying_symbol(row.position.asset)) is not None
    }
    dividends, reports, unknown = [], [], []
    for symbol in sorted(held):
        told = events.get(symbol, "pending")
        if isinstance(told, str):
            unknown.append(
                schemas.UnknownEvents(
                    underlying=symbol, dividends_reason=told, earnings_reason=told
                )
            )
            continue
        if told.dividends_reason or told.earnings_reason:
            unknown.append(
                schemas.UnknownEvents(
                    underlying=symbol,
                    dividends_reason=told.dividends_reason,
                    earnings_reason=told.earnings_reason,
                )
            )
        dividends += [
            _dividend(valuer, symbol, told, number)
            for number, each in enumerate(told.dividends)
            if today <= each.ex_date <= until
        ]
        reports += [
            schemas.Report(underlying=symbol, session=day)
            for day in told.earnings
            if today <= day <= until
        ]
    return {
        "expirations": expiring,
        "dividends": sorted(dividends, key=lambda each: (each.ex_date, each.underlying)),
        "earnings": sorted(reports, key=lambda each: (each.session, each.underlying)),
        "unknown": unknown,
        "until": until,
    }


def _contracts(valuer: Valuer) -> Iterator[int]:
    for number, row in enumerate(valuer.holding.rows):
        if row.position.asset.contract is not None and not row.closed:
            yield number


def _expiration(valuer: Valuer, row: int) -> date:
    contract = valuer.holding.rows[row].position.asset.contract
    assert contract is not None, "only contracts are asked"
    return contract.expiration


def extrinsic_of(price: float, spot: float, strike: float, right: Right) -> float | None:
    """Return the price less what exercise pays, per share; None where a part is missing."""
    if not (isfinite(price) and isfinite(spot)):
        return None
    paid = spot - strike if right is Right.CALL else strike - spot
    return price - max(paid, 0.0)


def _expiring(valuer: Valuer, row: int, today: date) -> schemas.ExpiringPosition:
    held = valuer.holding.rows[row]
    contract = held.position.asset.contract
    assert contract is not None, "only contracts are asked"
    name = int(valuer.name[row])
    price, spot = valuer.valued.price[row].item(), valuer.valued.spot[row].item()
    known = isfinite(spot)
    days = (contract.expiration - today).days
    sign = 1.0 if contract.right is Right.CALL else -1.0
    inside = sign * (spot - contract.strike) > 0 if known else None
    distance = contract.strike / spot - 1.0 if known and spot > 0 else None
    extrinsic = extrinsic_of(price, spot, contract.strike, contract.right)
    american = style_of(contract.root) is ExerciseStyle.AMERICAN
    reason = ""
    if not known:
        reason = "no_underlying_price"
    elif extrinsic is None:
        reason = valuer.reason(row)
    settles_at = valuer.marks.columns.settles_at[name].item() if name >= 0 else 0
    return schemas.ExpiringPosition(
        account_id=valuer.holding.accounts[held.account].id,
        symbol=contract.key,
        underlying=underlying_symbol(held.position.asset) or "",
        expiration=contract.expiration,
        settles_at=to_datetime(settles_at) if settles_at else None,
        days=days,
        right=contract.right,
        strike=contract.strike,
        quantity=text(held.position.quantity),
        underlying_price=spot if known else None,
        in_the_money=inside,
        distance=distance,
        pin_risk=None if distance is None else abs(distance) <= PIN_DISTANCE and days <= PIN_DAYS,
        price=price if isfinite(price) else None,
        extrinsic=extrinsic,
        early_exercise=(
            None
            if extrinsic is None or inside is None
            else american and inside and extrinsic <= NEXT_TO_NOTHING
        ),
        reason=reason
        or (why(valuer.marks.columns, name) if name >= 0 and extrinsic is None else ""),
    )


def _dividend(valuer: Valuer, symbol: str, told: ComingEvents, number: int) -> schemas.ExDividend:
    dividend = told.dividends[number]
    risks = []
    for row in _contracts(valuer):
        held = valuer.holding.rows[row]
        contract, quantity = held.position.asset.contract, held.position.quantity
        assert contract is not None, "only contracts are asked"
        if (
            underlying_symbol(held.position.asset) != symbol
            or contract.right is not Right.CALL
            or quantity is None
            or quantity >= 0
            or contract.expiration < dividend.ex_date - timedelta(days=1)
            or style_of(contract.root) is not ExerciseStyle.AMERICAN
        ):
            continue
        price, spot = valuer.valued.price[row].item(), valuer.valued.spot[row].item()
        extrinsic = extrinsic_of(price, spot, contract.strike, Right.CALL)
        likely = None
        if extrinsic is not None and dividend.amount is not None:
            likely = spot > contract.strike and extrinsic < dividend.amount
        risks.append(
            schemas.AssignmentRisk(
                account_id=valuer.holding.accounts[held.account].id,
                symbol=contract.key,
                quantity=format(quantity, "f"),
                extrinsic=extrinsic,
                likely=likely,
            )
        )
    return schemas.ExDividend(
        underlying=symbol,
        ex_date=dividend.ex_date,
        amount=dividend.amount,
        estimated=dividend.estimated,
        source=dividend.source,
        at_risk=risks,
    )
