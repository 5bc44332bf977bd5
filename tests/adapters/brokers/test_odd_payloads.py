"""Whatever a broker puts into a field, its adapter reads it or says that it cannot.

Each value of a payload in the documented form is replaced by each of many odd ones, one at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from optix.adapters.brokers import alpaca, schwab
from optix.ports.broker import BrokerUnreadable

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    Decimal("0.5"),
    Decimal("1e25"),
    "",
    " ",
    "x",
    "\x00",
    "-1",
    "1e3",
    "NaN",
    "9" * 30,
    "0001-01-01",
    "0001-01-01T00:00:00+0000",
    "9999-12-31T23:59:59Z",
    [],
    [None],
    {},
)
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
Parser = Callable[[object], object]


def samples() -> Iterator[Any]:
    """Yield a parser with a payload for each kind of each broker."""
    of: Mapping[str, tuple[Mapping[str, Parser], Mapping[str, Any]]] = {
        "schwab": (
            schwab.PARSERS,
            {
                "accounts": SCHWAB_ACCOUNT,
                "positions": SCHWAB_ACCOUNT,
                "balances": SCHWAB_ACCOUNT,
                "transactions": [SCHWAB_TRANSACTION],
                "orders": [SCHWAB_ORDER],
            },
        ),
        "alpaca": (
            alpaca.PARSERS,
            {
                "accounts": ALPACA_ACCOUNT,
                "positions": [ALPACA_POSITION],
                "balances": ALPACA_ACCOUNT,
                "transactions": [ALPACA_LINE, ALPACA_FILL],
                "orders": [ALPACA_ORDER],
            },
        ),
    }
    for broker, (parsers, payloads) in of.items():
        for kind, parser in parsers.items():
            yield pytest.param(parser, payloads[kind], id=f"{broker}-{kind}")


def odd_ones(payload: Any) -> Iterator[tuple[str, Any]]:
    """Yield the payload with one value of it replaced, and where."""
    for path in _paths(payload):
        for value in ODD:
            changed = copy.deepcopy(payload)
            place = changed
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
            yield f"{path} = {value!r}", changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        steps = value.items()
    elif isinstance(value, list):
        steps = enumerate(value)
    for step, inner in steps:
        yield (*path, step)
        yield from _paths(inner, (*path, step))


@pytest.mark.parametrize(("parser", "payload"), list(samples()))
def test_an_odd_value_is_read_or_refused(parser: Parser, payload: Any) -> None:
    assert parser(payload), "as documented, it is read"
    refused, wrong = 0, []
    for place, odd in odd_ones(payload):
        try:
            parser(odd)
        except BrokerUnreadable:
            refused += 1
        except Exception as error:  # noqa: BLE001  # whatever it is, it is listed
            wrong.append(f"{place}: {type(error).__name__}: {error}")
    assert wrong == []
    assert refused, "there are values that cannot be read"
