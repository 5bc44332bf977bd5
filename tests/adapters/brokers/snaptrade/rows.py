"""Rows in SnapTrade's documented form, written for these tests."""

from __future__ import annotations

from typing import Any

from tests.fakes.brokers.snaptrade import ACCOUNT

OPTION = "SPY   260918P00550000"
ACCOUNT_ROW: dict[str, Any] = {
    "id": ACCOUNT,
    "name": "Robinhood Individual",
    "number": "****3003",
    "institution_account_id": "54953432",
    "institution_name": "Robinhood",
    "sync_status": {
        "transactions": {"initial_sync_completed": True},
        "holdings": {"initial_sync_completed": True},
    },
    "balance": {"total": {"amount": "15363.23", "currency": "USD"}},
    "status": "open",
    "raw_type": "Margin",
    "account_category": "INVESTMENT",
    "is_paper": False,
}
BALANCES = [{"currency": {"code": "USD"}, "cash": -300.71, "buying_power": None}]
STOCK: dict[str, Any] = {
    "instrument": {"kind": "stock", "symbol": "BRK.B", "raw_symbol": "BRK.B", "currency": "USD"},
    "units": "10.5",
    "price": "400.10",
    "cost_basis": "380.00",
    "currency": "USD",
    "cash_equivalent": False,
    "tax_lots": [{"quantity": "10.5", "cost_basis": None, "position_type": "LONG"}],
}
SHORT_OPTION: dict[str, Any] = {
    "instrument": {"kind": "option", "symbol": OPTION, "multiplier": "100"},
    "units": "-2",
    "price": "1.25",
    "cost_basis": "1.29",
    "currency": None,
    "cash_equivalent": None,
    "tax_lots": None,
}
SWEEP: dict[str, Any] = {
    "instrument": {"kind": "mutualfund", "symbol": "SPAXX", "raw_symbol": "SPAXX"},
    "units": "512.33",
    "price": "1",
    "cost_basis": None,
    "currency": "USD",
    "cash_equivalent": True,
}


def line(identity: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return a line of history with what every line has."""
    row: dict[str, Any] = {
        "id": identity,
        "type": kind,
        "symbol": None,
        "option_symbol": None,
        "option_type": "",
        "price": 0,
        "units": 0,
        "amount": 0,
        "fee": 0,
        "currency": {"code": "USD"},
        "trade_date": "2026-03-03T00:00:00Z",
        "settlement_date": "2026-03-04T00:00:00Z",
        "description": "",
    }
    return {**row, **more}


SPY = {"symbol": "SPY", "raw_symbol": "SPY", "type": {"code": "et"}, "currency": {"code": "USD"}}
PUT = {"ticker": OPTION, "is_mini_option": False}
ACTIVITIES = [
    line("a", "BUY", symbol=SPY, units="3", price="500.1", amount="-1500.3"),
    line("b", "BUY", symbol=SPY, units="3", price="500.1", amount="-1500.3"),
    line(
        "c",
        "SELL",
        option_symbol=PUT,
        option_type="SELL_TO_OPEN",
        units=2,
        price=1.3,
        amount=258.9,
        fee=1.1,
        trade_date="2026-03-02T15:31:07+00:00",
    ),
    line("d", "DIVIDEND", symbol=SPY, amount=12.5, trade_date="2026-03-01T00:00:00Z"),
    line("e", "CONTRIBUTION", amount=2500, trade_date="2026-03-01T00:00:00Z"),
]


def order(identity: str, status: str, action: str | None, **more: Any) -> dict[str, Any]:
    """Return one leg of an order."""
    row: dict[str, Any] = {
        "brokerage_order_id": identity,
        "status": status,
        "universal_symbol": None,
        "option_symbol": PUT,
        "action": action,
        "total_quantity": "2",
        "open_quantity": "0",
        "canceled_quantity": "0",
        "filled_quantity": "2",
        "execution_price": "1.25",
        "limit_price": None,
        "order_type": "Limit",
        "time_in_force": "Day",
        "time_placed": "2026-03-03T15:00:00Z",
        "time_updated": None,
        "time_executed": "2026-03-03T15:01:00Z",
    }
    return {**row, **more}


ORDERS = [
    order("spread", "EXECUTED", "SELL_OPEN"),
    order("spread", "EXECUTED", "BUY_OPEN", execution_price="0.75"),
    order(
        "old-limit",
        "ACCEPTED",
        "BUY",
        option_symbol=None,
        universal_symbol=SPY,
        filled_quantity="0",
        execution_price=None,
        open_quantity="2",
        limit_price="400",
        time_placed="2026-01-05T15:00:00Z",
    ),
]
