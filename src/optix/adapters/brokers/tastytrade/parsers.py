"""What tastytrade's answers hold, translated: for the session and for single payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from optix.adapters.brokers.exact import Model, read
from optix.adapters.brokers.tastytrade import translate, wire
from optix.adapters.brokers.tastytrade.client import LABEL
from optix.kernel.holding import Balance
from optix.kernel.order import Order


def items_of(model: type[Model], told: object) -> list[Model]:
    """Return the rows of a list; one without its list is an error, an empty one is empty."""
    return [read(model, row, LABEL) for row in read(wire.Answer, told, LABEL).data.items]


def balances_of(told: object) -> list[Balance]:
    """Return balances: one object, or by later versions a list with one of each currency."""
    data = read(wire.ObjectAnswer, told, LABEL).data
    rows: Sequence[Any] = items_raw(data) if "items" in data else [data]
    return [translate.balance(read(wire.Balances, row, LABEL)) for row in rows]


def items_raw(data: Mapping[str, Any]) -> list[Any]:
    return read(wire.Items, data, LABEL).items


def _opened(told: object) -> object:
    """Return an answer in its envelope: recordings often have only what is inside."""
    if isinstance(told, Mapping) and "items" in told and "data" not in told:
        return {"data": told}
    return told


def _orders(told: object) -> list[Order]:
    """Return orders of a list, of an order asked for alone, of a dry run or of the streamer."""
    opened = _opened(told)
    data = read(wire.ObjectAnswer, opened, LABEL).data
    if "items" in data:
        return translate.orders(items_of(wire.Order, opened))
    return translate.orders([read(wire.Order, data.get("order", data), LABEL)])


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": lambda told: translate.accounts(items_of(wire.AccountItem, _opened(told))),
    "balances": balances_of,
    "positions": lambda told: translate.positions(items_of(wire.Position, _opened(told))),
    "transactions": lambda told: translate.activities(items_of(wire.Transaction, _opened(told))),
    "orders": _orders,
}
