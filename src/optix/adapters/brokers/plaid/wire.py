"""What Plaid sends: JSON with numbers, much of it null, securities apart from what is held."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from optix.adapters.brokers.exact import Exact, OptionalExact, Wire


class LinkToken(Wire):
    link_token: str
    hosted_link_url: str = ""  # only where Hosted Link is switched on


class ItemAdded(Wire):
    public_token: str


class LinkResults(Wire):
    item_add_results: tuple[ItemAdded, ...] = ()


class LinkSession(Wire):
    results: LinkResults | None = None


class LinkState(Wire):
    link_sessions: tuple[LinkSession, ...] = ()

    @field_validator("link_sessions", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return () if value is None else value


class Exchanged(Wire):
    access_token: str
    item_id: str


class Removed(Wire):
    request_id: str


class PlaidError(Wire):
    error_type: str = ""
    error_code: str


class Item(Wire):
    item_id: str
    institution_id: str | None = None
    institution_name: str | None = None
    consent_expiration_time: str | None = None
    error: PlaidError | None = None


class Updates(Wire):
    last_successful_update: str | None = None


class ItemStatus(Wire):
    investments: Updates | None = None


class ItemAnswer(Wire):
    item: Item
    status: ItemStatus | None = None


class AccountBalances(Wire):
    available: OptionalExact = None
    current: OptionalExact = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None


class Account(Wire):
    account_id: str
    balances: AccountBalances
    mask: str | None = None
    name: str
    official_name: str | None = None
    type: str
    subtype: str | None = None
    persistent_account_id: str | None = None


class AccountsAnswer(Wire):
    accounts: list[Account]
    item: Item


class OptionTerms(Wire):
    contract_type: str
    expiration_date: str
    strike_price: Exact
    underlying_security_ticker: str


class Security(Wire):
    security_id: str
    ticker_symbol: str | None = None
    name: str | None = None
    isin: str | None = None
    cusip: str | None = None
    type: str | None = None
    is_cash_equivalent: bool | None = None
    option_contract: OptionTerms | None = None


class Holding(Wire):
    account_id: str
    security_id: str
    quantity: Exact
    institution_price: OptionalExact = None
    institution_value: OptionalExact = None
    cost_basis: OptionalExact = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None


class HoldingsAnswer(Wire):
    accounts: list[Account]
    holdings: list[Holding]
    securities: list[Security]
    is_investments_fallback_item: bool | None = None


class Transaction(Wire):
    investment_transaction_id: str
    account_id: str
    security_id: str | None = None
    date: str
    transaction_datetime: str | None = None
    name: str = ""
    quantity: OptionalExact = None
    amount: Exact
    price: OptionalExact = None
    fees: OptionalExact = None
    type: str
    subtype: str | None = None
    iso_currency_code: str | None = None
    unofficial_currency_code: str | None = None
    cancel_transaction_id: str | None = None


class TransactionsAnswer(Wire):
    investment_transactions: list[Transaction]
    securities: list[Security]
    total_investment_transactions: int


class VerificationKey(Wire):
    """A public key; what of it a signature needs is handed on as it is."""

    kid: str
    alg: str
    expired_at: int | None = None


class KeyAnswer(Wire):
    key: dict[str, Any]


class Webhook(Wire):
    webhook_type: str = ""
    webhook_code: str = ""
    item_id: str | None = None
