"""What a user of E*TRADE holds and has done, as production writes it."""

from __future__ import annotations

from typing import Any

NOON_MS = 1_772_557_200_000  # 3 March 2026, 12:00 in New York
DAY_MS = 86_400_000
EQUITY = {"symbol": "SPY", "securityType": "EQ", "expiryYear": 0, "strikePrice": 0}
OPTION = {
    "symbol": "GE",
    "securityType": "OPTN",
    "callPut": "PUT",
    "expiryYear": 2026,
    "expiryMonth": 9,
    "expiryDay": 18,
    "strikePrice": 160.0,
}
OSI = "GE----260918P00160000"


def position(product: dict[str, Any], quantity: Any, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "positionId": 1,
        "quantity": quantity,
        "positionType": kind,
        "symbolDescription": product["symbol"],
        "dateAcquired": -57600000,
        "Product": product,
        **more,
    }


def transaction(id_: str, kind: str, amount: Any, **more: Any) -> dict[str, Any]:
    return {
        "transactionId": id_,
        "accountId": "70700418",
        "transactionDate": more.pop("at", NOON_MS),
        "postDate": 0,
        "amount": amount,
        "description": "words  of\n\tE*TRADE ",
        "transactionType": kind,
        "memo": " ",
        "brokerage": {
            "product": {},
            "quantity": 0,
            "price": 0,
            "settlementCurrency": "USD",
            **more,
        },
    }


def order(id_: Any, *details: dict[str, Any]) -> dict[str, Any]:
    return {"orderId": id_, "orderType": "EQ", "OrderDetail": list(details)}


def detail(status: str, *instruments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "placedTime": NOON_MS,
        "status": status,
        "orderTerm": "GOOD_FOR_DAY",
        "priceType": "LIMIT",
        "limitPrice": 1.5,
        "stopPrice": 0,
        "Instrument": list(instruments),
        **more,
    }


def instrument(product: dict[str, Any], action: str, ordered: Any, **more: Any) -> dict[str, Any]:
    return {
        "symbolDescription": product["symbol"],
        "orderAction": action,
        "quantityType": "QUANTITY",
        "orderedQuantity": ordered,
        "filledQuantity": 0,
        "averageExecutionPrice": 0,
        "Product": product,
        **more,
    }


POSITIONS = [
    position(EQUITY, 13, "LONG", totalCost=5400.0, marketValue=6500.0),
    position(
        OPTION,
        -2,
        "SHORT",
        osiKey=OSI,
        totalCost=-258.0,
        marketValue=-210.0,
        daysGain=4.5,
        Complete={"optionMultiplier": 100, "lastTrade": 1.05},
    ),
    position({"symbol": "VMFXX", "securityType": "MMF"}, 100.5, "LONG", marketValue=100.5),
]
TRANSACTIONS = [
    transaction("3", "Sold", 211.98, product=EQUITY, quantity=-53, price=4.0),
    transaction(
        "2", "Bought", -220.35, product=EQUITY, quantity=53, price=4.15, at=NOON_MS - DAY_MS
    ),
    transaction("1", "Transfer", 1000, at=NOON_MS - 2 * DAY_MS),
]
ORDER = order(479, detail("OPEN", instrument(OPTION, "SELL_OPEN", 2, osiKey=OSI)))
