"""What Interactive Brokers sends: numbers as numbers and as texts, names of several spellings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from optix.adapters.brokers.exact import Exact, Multiplier, OptionalExact, Text
from optix.adapters.brokers.exact import Wire as AnyWire

CONID_MAX = 2**63 - 1


def _conid(value: object) -> object:
    """Contracts have numbers, which come as texts from some endpoints."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value


Conid = Annotated[int, BeforeValidator(_conid), Field(strict=True, gt=0, le=CONID_MAX)]
Millis = Annotated[int, Field(strict=True)]


class Plain(AnyWire):
    """Names as they are. What is null is as if it were left out."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        return {name: value for name, value in raw.items() if value is not None}


class Wire(Plain):
    """Names in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class LiveSessionToken(Plain):
    """The answer to a challenge of Diffie and Hellman. The expiration is in milliseconds."""

    diffie_hellman_response: str
    live_session_token_signature: str
    live_session_token_expiration: Millis


class AuthStatus(Wire):
    """How the brokerage session is. `competing`: another program of this username has it."""

    authenticated: bool
    connected: bool = False
    competing: bool = False
    established: bool = True


class Bridge(Wire):
    auth_status: AuthStatus


class Tickle(Wire):
    """`hmds` is left alone: an error in it is no error."""

    iserver: Bridge


class TradingAccounts(Wire):
    accounts: list[Text]


class Account(Wire):
    id: Text
    account_title: str = ""
    display_name: str = ""
    account_alias: str = ""
    currency: str = "USD"
    type: str = ""
    trading_type: str = ""
    faclient: bool = False


class Accounts(Wire):
    rows: list[Account]


class Contract(Wire):
    """What positions and definitions say of a contract. `strike` is a text or a number, or 0."""

    conid: Conid
    asset_class: str = ""
    ticker: str = ""
    expiry: Text = ""
    put_or_call: str = ""
    strike: OptionalExact = None
    multiplier: Multiplier = None
    currency: str = "USD"
    name: str = ""
    type: str = ""


class Secdefs(Wire):
    secdef: list[Contract]


class Position(Contract):
    """`avgCost` has the multiplier in it, `avgPrice` has not. `position` is signed."""

    acct_id: Text = ""
    contract_desc: str = ""
    position: Exact
    mkt_price: OptionalExact = None
    mkt_value: OptionalExact = None
    avg_cost: OptionalExact = None
    model: Text = ""


class Positions(Wire):
    rows: list[Position]


class LedgerRow(Plain):
    """One currency, or BASE, which is all of them once more. Its timestamp is in seconds."""

    cashbalance: Exact
    settledcash: OptionalExact = None
    netliquidationvalue: OptionalExact = None
    secondkey: str = ""


class Ledger(Plain):
    rows: dict[str, LedgerRow]


class Amount(Wire):
    """One line of a summary: nothing at all where `isNull`."""

    amount: OptionalExact = None
    currency: str = ""
    is_null: bool = False


class Summary(Plain):
    """Of the many lines those that are read; all are in the account's base currency."""

    netliquidation: Amount
    buyingpower: Amount = Amount()
    availablefunds: Amount = Amount()
    maintmarginreq: Amount = Amount()


class ContractInfo(Plain):
    """One contract, by its number. `local_symbol` is the OSI symbol of an option."""

    con_id: Conid
    symbol: str = ""
    instrument_type: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    maturity_date: Text = ""
    right: str = ""
    strike: OptionalExact = None
    multiplier: Multiplier = None
    currency: str = ""
    company_name: str = ""
    cusip: str = ""


class Trade(Plain):
    """One execution. `trade_time` is UTC without saying so; `net_amount` has no sign."""

    execution_id: Text
    conid: Conid
    symbol: str = ""
    side: str
    size: Exact
    price: Exact
    sec_type: str = ""
    trade_time: str = ""
    trade_time_r: Millis | None = None
    commission: OptionalExact = None
    net_amount: OptionalExact = None
    account: Text = ""
    order_description: str = ""
    contract_description_1: str = ""
    contract_description_2: str = ""


class Trades(Plain):
    rows: list[Trade]


class Order(Wire):
    """`conidex` names the legs of a combination. Times are yyMMddHHmmss of UTC."""

    acct: Text = ""
    account: Text = ""
    conid: Conid
    conidex: Text = ""
    order_id: Text
    status: str
    side: str
    order_type: str = ""
    price: OptionalExact = None
    total_size: OptionalExact = None
    filled_quantity: OptionalExact = None
    remaining_quantity: OptionalExact = None
    avg_price: OptionalExact = None
    time_in_force: str = ""
    last_execution_time: Text = ""
    last_execution_time_r: Annotated[Millis | None, Field(alias="lastExecutionTime_r")] = None
    ticker: str = ""
    sec_type: str = ""
    order_ref: Annotated[Text, Field(alias="order_ref")] = ""


class Orders(Wire):
    orders: list[Order]
    snapshot: bool = False


class PaTransaction(Wire):
    """A line of the portfolio analyst: no id, no time; `rawDate` is not always there."""

    date: str = ""
    raw_date: Text = ""
    cur: str = "USD"
    pr: OptionalExact = None
    qty: OptionalExact = None
    amt: Exact
    acctid: Text = ""
    conid: Conid | None = None
    type: str
    desc: str = ""


class PaTransactions(Wire):
    transactions: list[PaTransaction]
