"""Rows in Plaid's documented form, written for these tests."""

from __future__ import annotations

from typing import Any

from tests.fakes.brokers.plaid import ACCOUNT

MONEY: dict[str, Any] = {"iso_currency_code": "USD", "unofficial_currency_code": None}
ACCOUNTS: list[dict[str, Any]] = [
    {
        "account_id": ACCOUNT,
        "balances": {"available": "40", "current": "24580.06", **MONEY},
        "mask": "5555",
        "name": "An IRA",
        "official_name": None,
        "subtype": "ira",
        "type": "investment",
    },
    {
        "account_id": "a-checking-account",
        "balances": {"available": "1", "current": "1", **MONEY},
        "mask": "0000",
        "name": "Checking",
        "subtype": "checking",
        "type": "depository",
    },
]
SECURITIES: list[dict[str, Any]] = [
    {
        "security_id": "fund",
        "ticker_symbol": "DBLTX",
        "name": "A fund",
        "cusip": "258620103",
        "isin": None,
        "type": "mutual fund",
    },
    {
        "security_id": "option",
        "ticker_symbol": "SPXW260918P05500000",
        "type": "derivative",
        "option_contract": {
            "contract_type": "put",
            "expiration_date": "2026-09-18",
            "strike_price": 5500,
            "underlying_security_ticker": "SPX",
        },
    },
    {"security_id": "dollars", "ticker_symbol": "USD", "type": "cash", "is_cash_equivalent": True},
]


def holding(security: str, quantity: str, **more: Any) -> dict[str, Any]:
    """Return one holding of the account."""
    return {
        "account_id": ACCOUNT,
        "security_id": security,
        "quantity": quantity,
        "institution_price": None,
        "institution_value": None,
        "cost_basis": None,
        **MONEY,
        **more,
    }


HOLDINGS = [
    holding("fund", "2", institution_price="10.42", institution_value="20.84", cost_basis="20"),
    holding("option", "-200", institution_price="1.1", institution_value="-220", cost_basis="240"),
    holding("dollars", "312.5", institution_price="1", institution_value="312.5"),
]


def line(identity: str, subtype: str, amount: str, **more: Any) -> dict[str, Any]:
    """Return one line of history, where a positive amount leaves the account."""
    return {
        "investment_transaction_id": identity,
        "account_id": ACCOUNT,
        "security_id": "fund",
        "date": "2026-03-02",
        "transaction_datetime": None,
        "name": "A LINE",
        "quantity": "0",
        "amount": amount,
        "price": "0",
        "fees": None,
        "type": "cash",
        "subtype": subtype,
        "cancel_transaction_id": None,
        **MONEY,
        **more,
    }


TRANSACTIONS = [
    line("a", "buy", "20.84", type="buy", quantity="2", price="10.42"),
    line("b", "buy", "20.84", type="buy", quantity="2", price="10.42"),
    line("c", "sell", "-12.9", type="sell", quantity="-1", price="13", fees="0.1"),
    line("d", "dividend", "-1.5", security_id=None, date="2026-03-01"),
    line("e", "deposit", "-500", security_id="dollars", date="2026-03-01"),
]
