"""One decoded payload of SnapTrade as OPTIX's values, for whoever wants to try a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.exact import read, read_rows
from optix.adapters.brokers.snaptrade import older, translate, wire
from optix.adapters.brokers.snaptrade.words import LABEL
from optix.kernel.activity import Activity
from optix.kernel.holding import Balance, Position
from optix.kernel.order import Order
from optix.ports.broker import BrokerAccount


def parse_accounts(payload: object) -> list[BrokerAccount]:
    return translate.accounts(read_rows(wire.Account, payload, LABEL))


def parse_balances(payload: object) -> list[Balance]:
    """Return balances; those of the deprecated answer of all holdings know the account's worth."""
    if isinstance(payload, Mapping):
        told = read(wire.OldHoldings, payload, LABEL)
        return translate.balances(told.balances, told.account)
    return translate.balances(read_rows(wire.Balance, payload, LABEL))


def parse_positions(payload: object) -> list[Position]:
    """Return positions of either form."""
    if isinstance(payload, Mapping) and "option_positions" in payload:
        return older.positions(read(wire.OldHoldings, payload, LABEL))
    return translate.positions(read(wire.Positions, payload, LABEL).results)[0]


def parse_transactions(payload: object) -> list[Activity]:
    return list(translate.activities(read(wire.Activities, payload, LABEL).data))


def parse_orders(payload: object) -> list[Order]:
    """Return orders of a list, or of the answers that keep theirs under `orders`."""
    rows = payload.get("orders") if isinstance(payload, Mapping) else payload
    return translate.orders(read_rows(wire.Order, rows, LABEL))


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "balances": parse_balances,
    "positions": parse_positions,
    "transactions": parse_transactions,
    "orders": parse_orders,
}
