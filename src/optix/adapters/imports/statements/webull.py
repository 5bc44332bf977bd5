"""Webull: orders as CSV, of stocks and of options.

`Name,Symbol,Side,Status,Filled,Total Qty,Price,Avg Price,Time-in-Force,Placed Time,Filled Time`.
The file has no fees and no amounts: what an order cost is its quantity times its average price, and
its fees stay unknown. Other events of the account are in no file.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from optix.adapters.imports.statements.assets import asset_of
from optix.adapters.imports.statements.table_reader import SIDES, TableReader, line_of, signed
from optix.adapters.imports.statements.tables import Row
from optix.adapters.imports.statements.words import (
    RowUnreadable,
    clock_time,
    cut,
    day,
    find_amount,
    shown,
)
from optix.kernel.activity import Activity
from optix.kernel.money import Price

NEW_YORK: Final = ZoneInfo("America/New_York")
_OPEN: Final = frozenset({"pending", "working", "submitted", "partially filled", "partial filled"})
_ENDED: Final = frozenset({"cancelled", "canceled", "failed", "rejected", "expired"})
_SIDES: Final = {**SIDES, "short": SIDES["sell short"], "cover": SIDES["buy to cover"]}
_STRATEGY: Final = re.compile(
    r"\b(vertical|straddle|strangle|butterfly|condor|calendar|diagonal|covered|collar|ratio)\b",
    re.IGNORECASE,
)


class WebullOrders(TableReader):
    name = "webull_csv"
    label = "Webull, orders as CSV"
    broker = "webull"
    broker_label = "Webull"
    columns: ClassVar = ("symbol", "side", "status", "filled", "avg price", "filled time")

    def line(self, row: Row) -> Activity | str:
        status = row["status"].lower()
        filled = find_amount(row["filled"])
        if not filled:
            if status not in _OPEN | _ENDED:
                raise RowUnreadable(f"{shown(status)} is no state of an order that is known.")
            return f"An order without a fill: {cut(status)}."
        if status in _OPEN:
            return "An order that is still working: it comes with a later file."
        if status not in _ENDED | {"filled"}:
            raise RowUnreadable(f"{shown(status)} is no state of an order that is known.")
        action = _SIDES.get(row["side"].lower())
        if action is None:
            raise RowUnreadable(f"{shown(row['side'])} is no side of an order that is known.")
        asset = asset_of(row["symbol"])
        if asset.contract is None and _STRATEGY.search(f"{row['name']} {row['symbol']}"):
            return "A package of several legs, which have rows of their own."
        price = find_amount(row.first("avg price", "price").lstrip("@"))
        if price is None:
            raise RowUnreadable("There is no average price.")
        quantity = signed(action, filled)
        assert quantity is not None, "a filled order has a quantity"
        at = _moment(row.first("filled time", "placed time"))
        return line_of(
            action,
            at.date(),
            Price(price).cash(quantity, asset.multiplier).amount,
            asset=asset,
            quantity=quantity,
            price=price,
            at=at,
            description=cut(f"{row['side']} {row['name']}"),
        )


def _moment(text: str) -> datetime:
    """Return a moment written 01/19/2024 10:15:30 EST. The zone is always New York's."""
    parts = text.split()
    if len(parts) < 2:
        raise RowUnreadable(f"{shown(text)} is not a moment.")
    hour, minute, second = clock_time(parts[1])
    happened = day(parts[0])
    if len(parts) > 2 and parts[2] not in {"EST", "EDT", "ET"}:
        raise RowUnreadable(f"{shown(parts[2])} is not New York's time.")
    return datetime(
        happened.year, happened.month, happened.day, hour, minute, second, tzinfo=NEW_YORK
    )
