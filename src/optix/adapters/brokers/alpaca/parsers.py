"""One payload of Alpaca's, as it was recorded, turned into OPTIX's values: nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.alpaca import translate, wire
from optix.adapters.brokers.alpaca.client import LABEL
from optix.adapters.brokers.exact import read
from optix.kernel.activity import Activity
from optix.kernel.holding import Balance, Position
from optix.kernel.order import Order
from optix.ports.broker import BrokerAccount


def _rows(payload: object) -> dict[str, object]:
    """Return the rows of a list, or the one of an answer that is about one."""
    return {"rows": payload if isinstance(payload, list) else [payload]}


def parse_accounts(payload: object) -> list[BrokerAccount]:
    """Return the account. That it is a paper one is said by the address that it came from."""
    return [translate.account(read(wire.Account, payload, LABEL), paper=False)]


def parse_balances(payload: object) -> list[Balance]:
    return [translate.balance(read(wire.Account, payload, LABEL))]


def parse_positions(payload: object) -> list[Position]:
    return translate.positions(read(wire.Positions, _rows(payload), LABEL).rows)[0]


def parse_transactions(payload: object) -> list[Activity]:
    return translate.activities(read(wire.Activities, _rows(payload), LABEL).rows)


def parse_orders(payload: object) -> list[Order]:
    return translate.orders(read(wire.Orders, _rows(payload), LABEL).rows)


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "positions": parse_positions,
    "balances": parse_balances,
    "transactions": parse_transactions,
    "orders": parse_orders,
}
