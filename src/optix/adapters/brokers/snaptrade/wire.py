"""What SnapTrade sends: JSON whose numbers come as numbers from some endpoints, as texts elsewhere.

Whatever depends on the brokerage behind it may be null, and is None here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from optix.adapters.brokers.exact import OptionalExact, Text, Wire


class Currency(Wire):
    code: str


class Registered(Wire):
    user_id: Text = Field(alias="userId")
    user_secret: str = Field(alias="userSecret")


class Login(Wire):
    redirect_uri: str = Field(alias="redirectURI")


class Brokerage(Wire):
    slug: str
    name: str = ""
    display_name: str | None = None
    enabled: bool | None = None
    maintenance_mode: bool | None = None
    is_degraded: bool | None = None


class Connection(Wire):
    """`data_freshness_mode` is a word by the specification and was seen as an object: passed by."""

    id: Text
    brokerage: Brokerage | None = None
    type: str | None = None
    disabled: bool
    disabled_date: str | None = None


class Total(Wire):
    amount: OptionalExact = None
    currency: str | None = None


class AccountBalance(Wire):
    total: Total | None = None


class SyncState(Wire):
    initial_sync_completed: bool | None = None
    holdings_unavailable: bool | None = None


class SyncStatus(Wire):
    transactions: SyncState | None = None
    holdings: SyncState | None = None


class Account(Wire):
    id: Text
    brokerage_authorization: Text
    name: str | None = None
    number: Text | None = None
    institution_account_id: Text | None = None
    institution_name: str
    sync_status: SyncStatus | None = None
    balance: AccountBalance | None = None
    status: str | None = None
    raw_type: str | None = None
    account_category: str | None = None
    is_paper: bool | None = None


class Balance(Wire):
    currency: Currency
    cash: OptionalExact = None
    buying_power: OptionalExact = None


class Instrument(Wire):
    kind: str
    symbol: str
    raw_symbol: str | None = None
    description: str | None = None
    currency: str | None = None
    multiplier: OptionalExact = None


class Position(Wire):
    instrument: Instrument
    units: OptionalExact = None
    price: OptionalExact = None
    cost_basis: OptionalExact = None  # of one unit, of one share for an option
    currency: str | None = None
    cash_equivalent: bool | None = None


class Freshness(Wire):
    as_of: str


class Positions(Wire):
    results: list[Position]
    data_freshness: Freshness


class SecurityType(Wire):
    code: str | None = None


class Symbol(Wire):
    symbol: str
    raw_symbol: str | None = None
    description: str | None = None
    currency: Currency | None = None
    type: SecurityType | None = None


class OptionSymbol(Wire):
    ticker: str
    is_mini_option: bool | None = None


class Activity(Wire):
    id: Text
    type: str
    symbol: Symbol | None = None
    option_symbol: OptionSymbol | None = None
    option_type: str | None = None
    price: OptionalExact = None
    units: OptionalExact = None
    amount: OptionalExact = None
    fee: OptionalExact = None
    currency: Currency | None = None
    trade_date: str | None = None
    settlement_date: str | None = None
    description: str | None = None


class Pagination(Wire):
    total: int


class Activities(Wire):
    data: list[Activity]
    pagination: Pagination


class LegInstrument(Wire):
    symbol: str
    asset_type: str | None = None
    description: str | None = None


class Leg(Wire):
    """A leg of an order's second form."""

    instrument: LegInstrument
    action: str | None = None
    execution_price: OptionalExact = None
    total_quantity: OptionalExact = None
    filled_quantity: OptionalExact = None


class Order(Wire):
    """One leg of an order in the first form; in the second, a whole order with `legs`."""

    brokerage_order_id: Text
    status: str
    universal_symbol: Symbol | None = None
    option_symbol: OptionSymbol | None = None
    action: str | None = None
    total_quantity: OptionalExact = None
    open_quantity: OptionalExact = None
    canceled_quantity: OptionalExact = None
    filled_quantity: OptionalExact = None
    execution_price: OptionalExact = None
    limit_price: OptionalExact = None
    price_effect: str | None = None
    order_type: str | None = None
    time_in_force: str | None = None
    time_placed: str | None = None
    time_updated: str | None = None
    time_executed: str | None = None
    legs: tuple[Leg, ...] = ()

    @field_validator("legs", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return () if value is None else value


class Webhook(Wire):
    """A word that something changed. Events of users and of attempts have no connection."""

    webhook_id: Text = Field(alias="webhookId")
    client_id: Text = Field("", alias="clientId")
    event_timestamp: str = Field(alias="eventTimestamp")
    event_type: str = Field(alias="eventType")
    brokerage_authorization_id: Text | None = Field(None, alias="brokerageAuthorizationId")
    account_id: Text | None = Field(None, alias="accountId")


class OldSymbol(Wire):
    """The old form puts the security into a box, and an option into another one."""

    symbol: Symbol | None = None
    option_symbol: OptionSymbol | None = None
    description: str | None = None


class OldPosition(Wire):
    symbol: OldSymbol
    units: OptionalExact = None
    price: OptionalExact = None
    average_purchase_price: OptionalExact = None  # of a share; of a whole contract for an option
    currency: Currency | None = None
    cash_equivalent: bool | None = None


class OldHoldings(Wire):
    """All of an account in one answer, as a deprecated endpoint still gives it."""

    account: Account
    balances: list[Balance]
    positions: list[OldPosition]
    option_positions: list[OldPosition]
