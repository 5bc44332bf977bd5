"""Whatever an aggregator or Tradier puts into a field is read, or said to be unreadable.

Each value of a recorded payload is replaced by each of many odd ones, one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers import plaid, snaptrade, tradier
from optix.adapters.brokers.exact import load_exact
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
    "9" * 18,
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    [],
    [None],
    {},
)
CASES = [
    (tradier.PARSERS, "accounts", "tradier/profile.json"),
    (tradier.PARSERS, "balances", "tradier/balances_margin.json"),
    (tradier.PARSERS, "positions", "tradier/positions_single_object.json"),
    (tradier.PARSERS, "transactions", "tradier/history_single_object.json"),
    (tradier.PARSERS, "orders", "tradier/order.json"),
    (snaptrade.PARSERS, "accounts", "snaptrade/accounts.json"),
    (snaptrade.PARSERS, "balances", "snaptrade/balances.json"),
    (snaptrade.PARSERS, "positions", "snaptrade/positions_all.json"),
    (snaptrade.PARSERS, "positions", "snaptrade/holdings_deprecated.json"),
    (snaptrade.PARSERS, "transactions", "snaptrade/activities.json"),
    (snaptrade.PARSERS, "orders", "snaptrade/orders.json"),
    (snaptrade.PARSERS, "orders", "snaptrade/orders_v2.json"),
    (plaid.PARSERS, "accounts", "plaid/accounts_get.json"),
    (plaid.PARSERS, "balances", "plaid/investments_holdings_get.json"),
    (plaid.PARSERS, "positions", "plaid/investments_holdings_get.json"),
    (plaid.PARSERS, "transactions", "plaid/investments_transactions_get.json"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value below, the containers too."""
    if path:
        yield path
    keys: Any = value if isinstance(value, dict) else ()
    if isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield from places(value[key], (*path, key))


def container_of(payload: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        payload = payload[key]
    return payload


def with_sides(payload: Any) -> Any:
    """Give orders the sides that the documentation's examples leave out."""
    rows = payload.get("orders", []) if isinstance(payload, dict) else payload
    for row in rows if isinstance(rows, list) else []:
        for part in row.get("legs") or [row]:
            if "action" in part:
                part["action"] = "BUY"
    return payload


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("parsers", "kind", "name"), CASES, ids=[f"{name}-{kind}" for _, kind, name in CASES]
)
def test_an_odd_value_is_read_or_is_an_error_of_the_port(
    parsers: Any, kind: str, name: str
) -> None:
    payload = with_sides(load_exact(recorded(f"brokers/{name}").read_bytes()))
    parsers[kind](payload)
    refused = 0
    for path in list(places(payload)):
        holder = container_of(payload, path)
        real = holder[path[-1]]
        for odd in ODD:
            holder[path[-1]] = odd
            try:
                parsers[kind](payload)
            except BrokerUnreadable:
                refused += 1
        holder[path[-1]] = real
    assert refused, "some of it cannot be read"
