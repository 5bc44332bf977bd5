"""One decoded payload of Plaid as OPTIX's values, for whoever wants to try a recording.

There is none for orders: Plaid has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.plaid import translate, wire
from optix.adapters.brokers.plaid.words import INVESTMENT_TYPES, LABEL
from optix.kernel.activity import Activity
from optix.kernel.holding import Balance, Position
from optix.ports.broker import BrokerAccount


def parse_accounts(payload: object) -> list[BrokerAccount]:
    told = read(wire.AccountsAnswer, payload, LABEL)
    return translate.accounts(told.accounts, told.item)


def parse_balances(payload: object) -> list[Balance]:
    """Return the balances of all accounts of an answer of holdings, each with its own cash."""
    told = read(wire.HoldingsAnswer, payload, LABEL)
    securities = {each.security_id: each for each in told.securities}
    found: list[Balance] = []
    for account in told.accounts:
        if account.type in INVESTMENT_TYPES:
            own = [each for each in told.holdings if each.account_id == account.account_id]
            found += translate.balances([account], own, securities)
    return found


def parse_positions(payload: object) -> list[Position]:
    told = read(wire.HoldingsAnswer, payload, LABEL)
    securities = {each.security_id: each for each in told.securities}
    return translate.positions(told.holdings, securities)[0]


def parse_transactions(payload: object) -> list[Activity]:
    told = read(wire.TransactionsAnswer, payload, LABEL)
    securities = {each.security_id: each for each in told.securities}
    return list(translate.activities(told.investment_transactions, securities))


PARSERS: Final[Mapping[str, Callable[[object], object]]] = {
    "accounts": parse_accounts,
    "balances": parse_balances,
    "positions": parse_positions,
    "transactions": parse_transactions,
}
