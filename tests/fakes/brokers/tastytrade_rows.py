"""What a user of tastytrade holds and has done, as tastytrade writes it."""

from __future__ import annotations

from typing import Any

OPTION = "SPY   260918P00550000"
ADJUSTED = "AAPL1 260918C00150000"


def position(symbol: str, kind: str, quantity: Any, direction: str, **more: Any) -> dict[str, Any]:
    return {
        "account-number": "5WT00001",
        "symbol": symbol,
        "underlying-symbol": symbol.partition(" ")[0],
        "instrument-type": kind,
        "quantity": quantity,
        "quantity-direction": direction,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def transaction(id_: int, kind: str, sub_type: str, **more: Any) -> dict[str, Any]:
    day = more.pop("day", "2026-03-03")
    return {
        "id": id_,
        "account-number": "5WT00001",
        "transaction-type": kind,
        "transaction-sub-type": sub_type,
        "transaction-date": day,
        "executed-at": f"{day}T20:00:00.123+00:00",
        "value": "0.0",
        "value-effect": "None",
        "net-value": "0.0",
        "net-value-effect": "None",
        "is-estimated-fee": True,
        "currency": "USD",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def leg(symbol: str, action: str, quantity: Any, *fills: tuple[Any, str]) -> dict[str, Any]:
    return {
        "instrument-type": "Equity Option" if " " in symbol else "Equity",
        "symbol": symbol,
        "quantity": quantity,
        "action": action,
        "fills": [
            {
                "fill-id": f"fill-{place}",
                "quantity": size,
                "fill-price": price,
                "filled-at": "2026-03-03T15:00:01.000+00:00",
            }
            for place, (size, price) in enumerate(fills)
        ],
    }


def order(id_: int, status: str, *legs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "status": status,
        "order-type": "Limit",
        "time-in-force": "Day",
        "received-at": "2026-03-03T15:00:00.000+00:00",
        "updated-at": 1772550000500,
        "legs": list(legs),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


POSITIONS = [
    position("BRK/B", "Equity", "13.5", "Long", multiplier=1, average_open_price="400.0"),
    position(
        OPTION,
        "Equity Option",
        2,
        "Short",
        multiplier="100.0",
        average_open_price="1.29",
        mark="210.0",
        mark_price="1.05",
        cost_effect="Debit",
    ),
    position("TSLA", "Equity", 0, "Zero", multiplier=1),
]
TRANSACTIONS = [
    transaction(
        5,
        "Trade",
        "Sell to Open",
        action="Sell to Open",
        symbol=OPTION,
        underlying_symbol="SPY",
        instrument_type="Equity Option",
        quantity="1.0",
        price="1.29",
        value="129.0",
        value_effect="Credit",
        net_value="127.85",
        net_value_effect="Credit",
        order_id=77,
    ),
    transaction(
        4,
        "Trade",
        "Sell to Open",
        action="Sell to Open",
        symbol=OPTION,
        underlying_symbol="SPY",
        instrument_type="Equity Option",
        quantity="1.0",
        price="1.29",
        value="129.0",
        value_effect="Credit",
        net_value="127.85",
        net_value_effect="Credit",
        order_id=77,
    ),
    transaction(
        3,
        "Money Movement",
        "Deposit",
        day="2026-03-02",
        value="2500.0",
        value_effect="Credit",
        net_value="2500.0",
        net_value_effect="Credit",
    ),
]
ORDER = order(
    229123,
    "Live",
    leg(OPTION, "Sell to Open", 2, (1, "1.30")),
    price="1.2",
    price_effect="Credit",
)
