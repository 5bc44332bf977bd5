"""A payload of each kind of each broker, for tests of what all adapters have in common.

A text is the name of a recording. A broker of which one is missing fails `test_odd_values`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from tests.fakes.brokers import etrade_rows, tastytrade_rows
from tests.fakes.brokers import webull as webull_rows

from optix.adapters.brokers.exact import load_exact


def _exact(rows: Any) -> Any:
    """Return rows as they are decoded: a number with a point is no float."""
    return load_exact(orjson.dumps(rows))


SCHWAB_OPTION = {
    "assetType": "OPTION",
    "symbol": "META  250131P00510000",
    "optionMultiplier": 100,
    "optionDeliverables": [{"symbol": "META", "assetType": "EQUITY", "deliverableUnits": 100}],
}
SCHWAB_ACCOUNT = {
    "securitiesAccount": {
        "type": "MARGIN",
        "accountNumber": "12345678",
        "currentBalances": {"cashBalance": 5, "moneyMarketFund": 3, "liquidationValue": 8},
        "positions": [
            {
                "longQuantity": 2,
                "shortQuantity": 0,
                "averagePrice": Decimal("1.5"),
                "marketValue": 300,
                "instrument": SCHWAB_OPTION,
            },
            {
                "longQuantity": 2,
                "shortQuantity": 0,
                "marketValue": 300,
                "longOpenProfitLoss": 1,
                "instrument": {"assetType": "FIXED_INCOME", "symbol": "912828ZT0"},
            },
        ],
    }
}
SCHWAB_TRANSACTION = {
    "activityId": 1,
    "time": "2025-01-14T05:15:12+0000",
    "settlementDate": "2025-01-15T05:00:00+0000",
    "type": "TRADE",
    "status": "VALID",
    "orderId": 2,
    "netAmount": -174,
    "transferItems": [
        {"instrument": {"assetType": "CURRENCY"}, "amount": 1, "cost": -1},
        {"instrument": SCHWAB_OPTION, "amount": 1, "cost": -173, "price": 2},
        {"instrument": {"assetType": "FUTURE", "optionPremiumMultiplier": 50}, "amount": 1},
    ],
}
SCHWAB_ORDER = {
    "orderId": 1,
    "status": "WORKING",
    "orderType": "LIMIT",
    "price": 1,
    "filledQuantity": 1,
    "enteredTime": "2025-01-14T05:15:12+0000",
    "orderLegCollection": [
        {"legId": 1, "instrument": SCHWAB_OPTION, "instruction": "BUY", "quantity": 3}
    ],
    "orderActivityCollection": [
        {
            "activityId": 1,
            "executionType": "FILL",
            "executionLegs": [
                {"legId": 1, "quantity": 1, "price": 1, "time": "2025-01-14T05:15:12+0000"},
                {"legId": 1, "quantity": 2, "price": Decimal("1.1")},
            ],
        }
    ],
}
ALPACA_ACCOUNT = {
    "id": "an-id",
    "status": "ACTIVE",
    "account_number": "PA1",
    "currency": "USD",
    "multiplier": "2",
    "trading_blocked": False,
    "cash": "1.5",
    "equity": "2",
}
ALPACA_POSITION = {
    "symbol": "AAPL241213C00250000",
    "asset_class": "us_option",
    "side": "short",
    "qty": "-1",
    "avg_entry_price": "2",
    "cost_basis": "-200",
    "market_value": "-100",
    "current_price": "1",
}
ALPACA_LINE = {
    "id": "20220203000000000::a",
    "activity_type": "OPASN",
    "date": "2022-02-02",
    "created_at": "2022-02-03T00:00:00Z",
    "settle_date": "2022-02-04",
    "net_amount": "1",
    "qty": "1",
    "price": "1",
    "symbol": "AAPL241213C00250000",
    "status": "executed",
    "currency": "USD",
}
ALPACA_FILL = {
    "id": "20220203000000000::b",
    "activity_type": "FILL",
    "transaction_time": "2022-02-02T18:55:09.981482Z",
    "price": "2.5",
    "qty": "2",
    "side": "buy",
    "symbol": "AAPL",
}
ALPACA_LEG = {
    "id": "a-leg",
    "status": "filled",
    "symbol": "AAPL241213C00250000",
    "side": "buy",
    "qty": "1",
    "filled_qty": "1",
    "filled_avg_price": "2",
    "filled_at": "2022-02-02T18:55:09Z",
}
ALPACA_ORDER = {
    **ALPACA_LEG,
    "order_class": "mleg",
    "limit_price": "1",
    "submitted_at": "2022-02-02T18:55:09Z",
    "legs": [ALPACA_LEG],
}
ETRADE_ACCOUNT = {
    "accountId": "70700418",
    "accountIdKey": "a-key",
    "accountMode": "MARGIN",
    "accountDesc": "Brokerage",
    "accountType": "INDIVIDUAL",
    "institutionType": "BROKERAGE",
    "accountStatus": "ACTIVE",
}
ETRADE_BALANCE = {
    "accountId": "70700418",
    "accountType": "MARGIN",
    "Computed": {
        "netCash": Decimal("-740.45"),
        "cashBuyingPower": 100,
        "RealTimeValues": {"totalAccountValue": Decimal("12500.25")},
    },
}
TASTYTRADE_ACCOUNT = {
    "account": {
        "account-number": "5WT00001",
        "nickname": "",
        "account-type-name": "Individual",
        "margin-or-cash": "Margin",
        "is-closed": False,
        "opened-at": "2019-03-14T15:39:31.265+00:00",
    },
    "authority-level": "owner",
}
TASTYTRADE_BALANCE = {
    "account-number": "5WT00001",
    "cash-balance": "1000.5",
    "net-liquidating-value": "2000",
    "equity-buying-power": "3000",
    "currency": "USD",
}
SANDBOX_TRANSACTION = {
    "id": "1",
    "kind": "trade",
    "day": "2026-03-03",
    "at": "2026-03-03T15:00:00Z",
    "symbol": "AAPL",
    "quantity": "1",
    "price": "10",
    "cash": "-10",
    "fees": "0",
    "effect": "opening",
    "order_id": "2",
    "group": "",
    "description": "words",
}
SANDBOX_ORDER = {
    "id": "2",
    "status": "filled",
    "kind": "limit",
    "legs": [{"symbol": "AAPL", "quantity": "1"}],
    "net_limit": "10",
    "placed_at": "2026-03-03T15:00:00Z",
    "updated_at": "2026-03-03T15:00:01Z",
    "fills": [
        {
            "id": "1",
            "symbol": "AAPL",
            "quantity": "1",
            "price": "10",
            "at": "2026-03-03T15:00:01Z",
            "effect": "opening",
        }
    ],
}
WEBULL_TIME = "2026-03-03T18:00:00.123Z"
WEBULL_LEGS = [
    webull_rows.order_leg("BUY", "CALL", "100"),
    webull_rows.order_leg("SELL", "CALL", "110"),
]
WEBULL_ORDERS = {
    "data": [
        webull_rows.filled("1", WEBULL_TIME, position_intent="BUY_TO_OPEN"),
        webull_rows.filled("2", WEBULL_TIME, instrument_type="OPTION", legs=WEBULL_LEGS),
    ],
    "pagination_key": "a-key",
}
WEBULL_COVERED = webull_rows.group(
    "COVERED_STOCK",
    "2",
    webull_rows.stock_leg("100", "110", "2000"),
    webull_rows.option("CALL", "120", "4.00", "3.00", "200"),
)

SAMPLES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "schwab": {
        "accounts": [SCHWAB_ACCOUNT],
        "positions": [SCHWAB_ACCOUNT],
        "balances": [SCHWAB_ACCOUNT],
        "transactions": [[SCHWAB_TRANSACTION]],
        "orders": [[SCHWAB_ORDER]],
    },
    "alpaca": {
        "accounts": [ALPACA_ACCOUNT],
        "positions": [[ALPACA_POSITION]],
        "balances": [ALPACA_ACCOUNT],
        "transactions": [[ALPACA_LINE, ALPACA_FILL]],
        "orders": [[ALPACA_ORDER]],
    },
    "ibkr": {
        "accounts": ["Portfolio_portfolio-accounts.json"],
        "positions": ["spec_portfolio_positions.json"],
        "balances": ["Portfolio_portfolio-ledger.json"],
        "transactions": ["spec_pa_transactions.json"],
        "orders": ["Orders_live-orders.json", "spec_live_orders.json"],
    },
    "tradier": {
        "accounts": ["profile.json"],
        "balances": ["balances_margin.json"],
        "positions": ["positions_single_object.json"],
        "transactions": ["history_single_object.json"],
        "orders": ["order.json"],
    },
    "snaptrade": {
        "accounts": ["accounts.json"],
        "balances": ["balances.json"],
        "positions": ["positions_all.json", "holdings_deprecated.json"],
        "transactions": ["activities.json"],
        "orders": ["orders.json", "orders_v2.json"],
    },
    "plaid": {
        "accounts": ["accounts_get.json"],
        "balances": ["investments_holdings_get.json"],
        "positions": ["investments_holdings_get.json"],
        "transactions": ["investments_transactions_get.json"],
    },
    "etrade": {
        "accounts": [{"AccountListResponse": {"Accounts": {"Account": [ETRADE_ACCOUNT]}}}],
        "balances": [{"BalanceResponse": ETRADE_BALANCE}],
        "positions": [
            {"PortfolioResponse": {"AccountPortfolio": {"Position": _exact(etrade_rows.POSITIONS)}}}
        ],
        "transactions": [
            {"TransactionListResponse": {"Transaction": _exact(etrade_rows.TRANSACTIONS)}}
        ],
        "orders": [{"OrdersResponse": {"Order": [_exact(etrade_rows.ORDER)]}}],
    },
    "tastytrade": {
        "accounts": [{"data": {"items": [TASTYTRADE_ACCOUNT]}}],
        "balances": [{"data": TASTYTRADE_BALANCE}],
        "positions": [{"data": {"items": tastytrade_rows.POSITIONS}}],
        "transactions": [{"data": {"items": tastytrade_rows.TRANSACTIONS}}],
        "orders": [{"data": {"items": [tastytrade_rows.ORDER]}}],
    },
    "webull": {
        "accounts": [[webull_rows.account()]],
        "balances": [webull_rows.balance()],
        "positions": [[webull_rows.shares(), WEBULL_COVERED]],
        "transactions": [WEBULL_ORDERS],
        "orders": [WEBULL_ORDERS],
    },
    "sandbox": {
        "accounts": [
            {
                "holder": "a-user",
                "accounts": [
                    {
                        "id": "1",
                        "number": "PAPER1",
                        "name": "Paper",
                        "type": "margin",
                        "status": "active",
                    }
                ],
            }
        ],
        "balances": [{"currency": "USD", "cash": "1000", "net_liquidation": "2000"}],
        "positions": [
            {
                "positions": [
                    {"symbol": "AAPL", "quantity": "1", "cost": "9", "price": "10", "value": "10"}
                ]
            }
        ],
        "transactions": [{"transactions": [SANDBOX_TRANSACTION], "next": None}],
        "orders": [{"orders": [SANDBOX_ORDER]}],
    },
}
