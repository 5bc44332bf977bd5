"""One payload of Interactive Brokers', as recorded, turned into OPTIX's values: nothing is asked.

Options of trades and orders are told by number alone; what the number is, only a question tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.ibkr import assets, translate, wire
from optix.adapters.brokers.ibkr.client import LABEL
from optix.kernel.activity import Activity
from optix.kernel.holding import Asset, Balance, Position
from optix.kernel.order import Order
from optix.ports.broker import BrokerAccount


def accounts_of(payload: object) -> list[wire.Account]:
    return read(wire.Accounts, {"rows": payload}, LABEL).rows


def positions_of(payload: object) -> list[wire.Position]:
    return read(wire.Positions, {"rows": payload}, LABEL).rows


def secdefs_of(payload: object) -> list[wire.Contract]:
    return read(wire.Secdefs, payload, LABEL).secdef


def ledger_of(payload: object) -> wire.Ledger:
    return read(wire.Ledger, {"rows": payload}, LABEL)


def summary_of(payload: object) -> wire.Summary:
    return read(wire.Summary, payload, LABEL)


def trades_of(payload: object) -> list[wire.Trade]:
    return read(wire.Trades, {"rows": payload}, LABEL).rows


def orders_of(payload: object) -> list[wire.Order]:
    return read(wire.Orders, payload, LABEL).orders


def parse_accounts(payload: object) -> list[BrokerAccount]:
    return translate.accounts(accounts_of(payload))


def parse_positions(payload: object) -> list[Position]:
    return translate.positions(positions_of(payload))


def parse_balances(payload: object) -> list[Balance]:
    """Return the balances of a ledger."""
    return translate.balances(ledger_of(payload), None, "USD")


def parse_transactions(payload: object) -> list[Activity]:
    """Return the lines of trades (a list), or of the portfolio analyst."""
    if isinstance(payload, Mapping):
        told = read(wire.PaTransactions, payload, LABEL)
        return translate.pa_transactions(told.transactions)
    rows = trades_of(payload)
    account = next((row.account for row in rows if row.account), "")
    return translate.trades(rows, {}, account)


def parse_orders(payload: object) -> list[Order]:
    return translate.orders(orders_of(payload), {})


def parse_contract(payload: object) -> Asset:
    """Return one contract."""
    return assets.of_info(read(wire.ContractInfo, payload, LABEL))


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "positions": parse_positions,
    "balances": parse_balances,
    "transactions": parse_transactions,
    "orders": parse_orders,
}
