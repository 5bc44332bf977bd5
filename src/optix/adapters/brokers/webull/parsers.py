"""What Webull's answers hold, translated: for the session and for single payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from optix.adapters.brokers.exact import Wire, read
from optix.adapters.brokers.webull import positions, translate, wire
from optix.adapters.brokers.webull.client import LABEL
from optix.kernel.holding import Position
from optix.ports.broker import BrokerUnreadable

Row = TypeVar("Row", bound=Wire)


def rows_of(model: type[Row], told: object) -> list[Row]:
    """Return the rows of a list, of one wrapped as data, or of one object that stands for it."""
    if isinstance(told, Mapping) and "data" in told:
        told = told["data"]
    try:
        rows: list[Any] = wire.listed(told)
    except ValueError:
        raise BrokerUnreadable(f"{LABEL} sent something that is not a list.") from None
    return [read(model, row, LABEL) for row in rows]


def balance_of(told: object) -> wire.Balance:
    return read(wire.Balance, told, LABEL)


def orders_of(told: object) -> list[wire.Order]:
    """Return the orders of all groups, those of a combination one after the other."""
    return [order for group in rows_of(wire.OrderGroup, told) for order in group.orders]


def positions_of(told: object) -> list[Position]:
    """Return the positions of any generation."""
    if isinstance(told, Mapping) and "holdings" in told:
        return positions.holdings(read(wire.Holdings, told, LABEL).holdings)
    return positions.positions(rows_of(wire.Position, told))


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": lambda told: translate.accounts(rows_of(wire.Account, told)),
    "balances": lambda told: translate.balances(balance_of(told)),
    "positions": positions_of,
    "transactions": lambda told: translate.activities(orders_of(told)),
    "orders": lambda told: translate.orders(orders_of(told)),
}
