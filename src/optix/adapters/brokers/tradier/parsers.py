"""One decoded payload of Tradier as OPTIX's values, for whoever wants to try a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.tradier import translate, wire
from optix.adapters.brokers.tradier.client import LABEL
from optix.kernel.activity import Activity
from optix.kernel.holding import Balance, Position
from optix.kernel.order import Order
from optix.ports.broker import BrokerAccount


def parse_accounts(payload: object) -> list[BrokerAccount]:
    return translate.accounts(read(wire.ProfileAnswer, payload, LABEL).profile)


def parse_balances(payload: object) -> list[Balance]:
    return [translate.balance(read(wire.BalancesAnswer, payload, LABEL).balances)]


def parse_positions(payload: object) -> list[Position]:
    return translate.positions(read(wire.PositionsAnswer, payload, LABEL).positions)


def parse_transactions(payload: object) -> list[Activity]:
    return list(translate.activities(read(wire.HistoryAnswer, payload, LABEL).history))


def parse_orders(payload: object) -> list[Order]:
    """Return the orders of a list, or the one that was asked for by its number."""
    if isinstance(payload, Mapping) and "order" in payload:
        payload = {"orders": payload}
    return translate.orders(read(wire.OrdersAnswer, payload, LABEL).orders)


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "balances": parse_balances,
    "positions": parse_positions,
    "transactions": parse_transactions,
    "orders": parse_orders,
}
