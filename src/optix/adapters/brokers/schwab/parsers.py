"""One payload of Schwab's, as it was recorded, turned into OPTIX's values: nothing is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.schwab import translate, wire
from optix.adapters.brokers.schwab.client import LABEL
from optix.kernel.activity import Activity
from optix.kernel.holding import Balance, Position
from optix.kernel.order import Order
from optix.ports.broker import BrokerAccount


def _rows(payload: object) -> list[object]:
    """Return the rows of a list, or the one of an answer that is about one."""
    return payload if isinstance(payload, list) else [payload]


def _accounts_told(payload: object) -> list[wire.Account]:
    return read(wire.Accounts, {"rows": _rows(payload)}, LABEL).rows


def parse_accounts(payload: object) -> list[BrokerAccount]:
    """Return accounts of their numbers with hashes, or of the accounts, which have no hashes."""
    if any(isinstance(row, Mapping) and "hashValue" in row for row in _rows(payload)):
        numbers = read(wire.AccountNumbers, {"rows": _rows(payload)}, LABEL).rows
        return translate.accounts(numbers, [], wire.Preferences(accounts=[]))
    told = _accounts_told(payload)
    numbers = [
        wire.AccountNumber(account_number=each.securities_account.account_number, hash_value="")
        for each in told
    ]
    return translate.accounts(numbers, told, wire.Preferences(accounts=[]))


def parse_positions(payload: object) -> list[Position]:
    return [each for told in _accounts_told(payload) for each in translate.positions(told)]


def parse_balances(payload: object) -> list[Balance]:
    return [translate.balance(told) for told in _accounts_told(payload)]


def parse_transactions(payload: object) -> list[Activity]:
    return translate.activities(read(wire.Transactions, {"rows": _rows(payload)}, LABEL).rows)


def parse_orders(payload: object) -> list[Order]:
    return translate.orders(read(wire.Orders, {"rows": _rows(payload)}, LABEL).rows)


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "positions": parse_positions,
    "balances": parse_balances,
    "transactions": parse_transactions,
    "orders": parse_orders,
}
