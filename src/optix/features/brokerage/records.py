"""How kernel values lie in the database: amounts as text in JSON, everything else as it is.

`dump_x` and `load_x` are inverses. What is read back was written by us: a row that does not load is
a bug, not an input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import (
    AccountSnapshot,
    Asset,
    AssetKind,
    Balance,
    Deliverable,
    Position,
)
from optix.kernel.instrument import parse_option
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus

Record = dict[str, Any]

_BALANCES = (
    "cash",
    "settled_cash",
    "buying_power",
    "option_buying_power",
    "withdrawable",
    "maintenance",
    "net_liquidation",
)


def dump_asset(asset: Asset) -> Record:
    """Return an asset; what has its usual value is left out."""
    record: Record = {"kind": asset.kind, "symbol": asset.symbol, "currency": asset.currency}
    if asset.multiplier != 1:
        record["multiplier"] = asset.multiplier
    if asset.deliverables:
        record["deliverables"] = [
            [each.symbol, _plain(each.quantity)] for each in asset.deliverables
        ]
    record |= {name: value for name in ("name", "cusip", "isin") if (value := getattr(asset, name))}
    return record


def load_asset(record: Mapping[str, Any]) -> Asset:
    kind = AssetKind(record["kind"])
    return Asset(
        kind=kind,
        symbol=record["symbol"],
        contract=parse_option(record["symbol"]) if kind is AssetKind.OPTION else None,
        multiplier=record.get("multiplier", 1),
        deliverables=tuple(
            Deliverable(symbol, Decimal(quantity))
            for symbol, quantity in record.get("deliverables", ())
        ),
        currency=record["currency"],
        name=record.get("name", ""),
        cusip=record.get("cusip", ""),
        isin=record.get("isin", ""),
    )


def dump_snapshot(snapshot: AccountSnapshot) -> tuple[list[Record], list[Record]]:
    """Return positions and balances."""
    positions = [
        _without_none(
            asset=dump_asset(each.asset),
            quantity=_plain(each.quantity),
            size=_plain(each.size),
            cost=_amount(each.cost),
            cost_has_fees=each.cost_has_fees,
            price=_plain(each.price.value) if each.price is not None else None,
            value=_amount(each.value),
            day_change=_amount(each.day_change),
        )
        for each in snapshot.positions
    ]
    balances = [
        _without_none(
            currency=each.currency,
            **{name: _amount(getattr(each, name)) for name in _BALANCES},
        )
        for each in snapshot.balances
    ]
    return positions, balances


def load_snapshot(
    positions: Sequence[Mapping[str, Any]],
    balances: Sequence[Mapping[str, Any]],
    *,
    as_of: datetime,
    complete: bool,
    warnings: Sequence[str] = (),
) -> AccountSnapshot:
    return AccountSnapshot(
        as_of=as_of,
        complete=complete,
        positions=tuple(_load_position(each) for each in positions),
        balances=tuple(
            Balance(
                currency=each["currency"],
                **{name: _money(each.get(name), each["currency"]) for name in _BALANCES},
            )
            for each in balances
        ),
        warnings=tuple(warnings),
    )


def _load_position(record: Mapping[str, Any]) -> Position:
    asset = load_asset(record["asset"])
    return Position(
        asset=asset,
        quantity=_decimal(record.get("quantity")),
        size=Decimal(record["size"]),
        cost=_money(record.get("cost"), asset.currency),
        cost_has_fees=record.get("cost_has_fees"),
        price=_price(record.get("price")),
        value=_money(record.get("value"), asset.currency),
        day_change=_money(record.get("day_change"), asset.currency),
    )


def dump_activity(line: Activity) -> Record:
    """Return the columns of a line but its ids, its owner and where it came from."""
    return {
        "kind": line.kind,
        "status": line.status,
        "day": line.day,
        "at": line.at,
        "settles": line.settles,
        "asset": None if line.asset is None else dump_asset(line.asset),
        "symbol": None if line.asset is None else line.asset.symbol,
        "quantity": line.quantity,
        "price": None if line.price is None else line.price.value,
        "cash": line.cash.amount,
        "fees": None if line.fees is None else line.fees.amount,
        "currency": line.cash.currency,
        "effect": line.effect,
        "order_id": line.order_id,
        "group": line.group,
        "replaces": line.replaces,
        "description": line.description,
    }


def load_activity(record: Mapping[str, Any], *, name: str = "") -> Activity:
    """Return the line of columns; `name` is the broker's id of it."""
    currency = record["currency"]
    fees = record["fees"]
    effect = record["effect"]
    return Activity(
        id=name,
        kind=ActivityKind(record["kind"]),
        status=ActivityStatus(record["status"]),
        day=record["day"],
        at=record["at"],
        settles=record["settles"],
        asset=None if record["asset"] is None else load_asset(record["asset"]),
        quantity=record["quantity"],
        price=None if record["price"] is None else Price(record["price"]),
        cash=Money(record["cash"], currency),
        fees=None if fees is None else Money(fees, currency),
        effect=None if effect is None else PositionEffect(effect),
        order_id=record["order_id"],
        group=record["group"],
        replaces=record["replaces"],
        description=record["description"],
    )


def as_json(record: Mapping[str, Any]) -> Record:
    """Return columns as JSON can hold them: what a revision keeps of the line before."""
    return {name: _json(value) for name, value in record.items() if value is not None}


def dump_order(order: Order) -> Record:
    return _without_none(
        id=order.id,
        status=order.status,
        client_id=order.client_id or None,
        kind=order.kind,
        time_in_force=order.time_in_force,
        net_price=_plain(order.net_price.value) if order.net_price is not None else None,
        placed_at=order.placed_at.isoformat() if order.placed_at else None,
        updated_at=order.updated_at.isoformat() if order.updated_at else None,
        replaced_by=order.replaced_by or None,
        legs=[
            _without_none(
                asset=dump_asset(leg.asset),
                quantity=_plain(leg.quantity),
                filled=_plain(leg.filled),
                price=_plain(leg.average_price.value) if leg.average_price is not None else None,
                effect=leg.effect,
                fills=[
                    [
                        fill.id,
                        _plain(fill.quantity),
                        _plain(fill.price.value),
                        fill.at.isoformat() if fill.at else None,
                    ]
                    for fill in leg.fills
                ],
            )
            for leg in order.legs
        ],
    )


def load_order(record: Mapping[str, Any]) -> Order:
    return Order(
        id=record["id"],
        status=OrderStatus(record["status"]),
        client_id=record.get("client_id", ""),
        kind=record["kind"],
        time_in_force=record["time_in_force"],
        net_price=_price(record.get("net_price")),
        placed_at=_moment(record.get("placed_at")),
        updated_at=_moment(record.get("updated_at")),
        replaced_by=record.get("replaced_by", ""),
        legs=tuple(_load_leg(leg) for leg in record["legs"]),
    )


def _load_leg(record: Mapping[str, Any]) -> OrderLeg:
    effect = record.get("effect")
    return OrderLeg(
        asset=load_asset(record["asset"]),
        quantity=Decimal(record["quantity"]),
        filled=Decimal(record["filled"]),
        average_price=_price(record.get("price")),
        effect=None if effect is None else PositionEffect(effect),
        fills=tuple(
            Fill(id=name, quantity=Decimal(size), price=Price(Decimal(price)), at=_moment(at))
            for name, size, price, at in record["fills"]
        ),
    )


def _without_none(**values: Any) -> Record:
    return {name: value for name, value in values.items() if value is not None}


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _amount(money: Money | None) -> str | None:
    return None if money is None else money.text


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money(Decimal(text), currency)


def _price(text: str | None) -> Price | None:
    return None if text is None else Price(Decimal(text))


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)  # the database's own kind of it is none that JSON knows
    return value
