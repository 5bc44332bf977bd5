"""What Schwab sends: plain JSON, numbers as numbers, ids as numbers here and as texts there."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from optix.adapters.brokers.exact import Exact, Multiplier, OptionalExact, Text
from optix.adapters.brokers.exact import Wire as AnyWire


class Wire(AnyWire):
    """Schwab's names are ours but for their spelling."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AccountNumber(Wire):
    """An account and the name that addresses take instead of its number."""

    account_number: Text
    hash_value: Text


class AccountNumbers(Wire):
    rows: list[AccountNumber]


class Deliverable(Wire):
    """Accounts name a `symbol`, transactions a `rootSymbol`."""

    symbol: Text = ""
    root_symbol: Text = ""
    asset_type: str = ""
    deliverable_units: OptionalExact = None


class Instrument(Wire):
    asset_type: str
    symbol: Text = ""
    cusip: Text = ""
    description: str = ""
    type: str = ""
    option_multiplier: Multiplier = None
    option_premium_multiplier: Multiplier = None
    option_deliverables: list[Deliverable] = Field(default=[])


class Position(Wire):
    """Both quantities are there and never negative, whatever `settledShortQuantity` says."""

    long_quantity: Exact = Field(ge=0)
    short_quantity: Exact = Field(ge=0)
    instrument: Instrument
    average_price: OptionalExact = None
    market_value: OptionalExact = None
    current_day_profit_loss: OptionalExact = None
    long_open_profit_loss: OptionalExact = None
    short_open_profit_loss: OptionalExact = None


class Balances(Wire):
    """Those of margin accounts and those of cash accounts: each has some of them."""

    cash_balance: OptionalExact = None
    money_market_fund: OptionalExact = None
    liquidation_value: OptionalExact = None
    buying_power: OptionalExact = None
    option_buying_power: OptionalExact = None
    buying_power_non_marginable_trade: OptionalExact = None
    maintenance_requirement: OptionalExact = None
    total_cash: OptionalExact = None
    unsettled_cash: OptionalExact = None
    cash_available_for_trading: OptionalExact = None
    cash_available_for_withdrawal: OptionalExact = None


class SecuritiesAccount(Wire):
    """`positions` is absent where there are none."""

    type: str
    account_number: Text
    is_closing_only_restricted: bool = False
    current_balances: Balances
    positions: list[Position] = Field(default=[])


class AggregatedBalance(Wire):
    liquidation_value: OptionalExact = None


class Account(Wire):
    securities_account: SecuritiesAccount
    aggregated_balance: AggregatedBalance = AggregatedBalance()


class Accounts(Wire):
    rows: list[Account]


class PreferredAccount(Wire):
    account_number: Text
    nick_name: str = ""


class Streamer(Wire):
    schwab_client_customer_id: Text = ""


class Preferences(Wire):
    accounts: list[PreferredAccount]
    streamer_info: list[Streamer] = Field(default=[])


class TransferItem(Wire):
    """A fee, or what was traded. `amount` is a quantity; `cost` is cash with its sign."""

    instrument: Instrument
    amount: OptionalExact = None
    cost: OptionalExact = None
    price: OptionalExact = None
    fee_type: str = ""
    position_effect: str = ""


class Transaction(Wire):
    activity_id: Text
    time: str = ""
    trade_date: str = ""
    settlement_date: str = ""
    type: str
    status: str = "VALID"
    order_id: Text | None = None
    net_amount: Exact
    description: str = ""
    transfer_items: list[TransferItem] = Field(default=[])


class Transactions(Wire):
    rows: list[Transaction]


class OrderLeg(Wire):
    leg_id: Text
    instrument: Instrument
    instruction: str
    quantity: Exact
    quantity_type: str = ""
    position_effect: str = ""


class Execution(Wire):
    leg_id: Text
    quantity: Exact
    price: Exact
    time: str = ""


class OrderActivity(Wire):
    activity_id: Text = ""
    activity_type: str = ""
    execution_type: str = ""
    execution_legs: list[Execution] = Field(default=[])


class OrderNumber(Wire):
    order_id: Text


class Order(Wire):
    """One that only holds others (one cancels the other) has no legs of its own."""

    order_id: Text
    status: str
    order_type: str = ""
    duration: str = ""
    price: OptionalExact = None
    filled_quantity: OptionalExact = None
    entered_time: str = ""
    close_time: str = ""
    order_leg_collection: list[OrderLeg] = Field(default=[])
    order_activity_collection: list[OrderActivity] = Field(default=[])
    child_order_strategies: list[Order] = Field(default=[])
    replacing_order_collection: list[OrderNumber] = Field(default=[])


class Orders(Wire):
    rows: list[Order]
