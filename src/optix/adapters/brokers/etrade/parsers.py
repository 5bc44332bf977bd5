"""What E*TRADE's answers hold, translated: for the session and for single payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.etrade import translate, wire
from optix.adapters.brokers.etrade.client import LABEL
from optix.adapters.brokers.exact import read


def accounts_of(told: object) -> list[wire.Account]:
    return read(wire.AccountListAnswer, told, LABEL).account_list_response.accounts.account


def balance_of(told: object) -> wire.Balance:
    return read(wire.BalanceAnswer, told, LABEL).balance_response


def portfolios_of(told: object) -> list[wire.Portfolio]:
    return read(wire.PortfolioAnswer, told, LABEL).portfolio_response.account_portfolio


def positions_of(told: object) -> list[wire.Position]:
    return [row for each in portfolios_of(told) for row in each.position]


def transactions_of(told: object) -> wire.Transactions:
    return read(wire.TransactionAnswer, told, LABEL).transaction_list_response


def orders_of(told: object) -> wire.Orders:
    return read(wire.OrdersAnswer, told, LABEL).orders_response


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": lambda told: translate.accounts(accounts_of(told)),
    "balances": lambda told: [translate.balance(balance_of(told))],
    "positions": lambda told: translate.positions(positions_of(told)),
    "transactions": lambda told: list(translate.activities(transactions_of(told).transaction)),
    "orders": lambda told: translate.orders(orders_of(told).order),
}
