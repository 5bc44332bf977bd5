"""Charles Schwab: history of an account as CSV.

`"Date","Action","Symbol","Description","Quantity","Price","Fees & Comm","Amount"`, in older files
after a line that names the account and before one with a total.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from optix.adapters.imports.statements.assets import find_asset
from optix.adapters.imports.statements.table_reader import (
    SIDES,
    Action,
    TableReader,
    line_of,
    signed,
)
from optix.adapters.imports.statements.tables import Row, Table
from optix.adapters.imports.statements.words import RowUnreadable, cut, day, fees_money, find_amount
from optix.kernel.activity import Activity, ActivityKind

_DIVIDEND: Final = Action(ActivityKind.DIVIDEND)
_INTEREST: Final = Action(ActivityKind.INTEREST)
_FEE: Final = Action(ActivityKind.FEE)
_TAX: Final = Action(ActivityKind.TAX)
_CASH: Final = Action(ActivityKind.DEPOSIT)
_TRANSFER: Final = Action(ActivityKind.TRANSFER)
_REORGANISED: Final = Action(ActivityKind.REORGANISATION)
ACTIONS: Final[Mapping[str, Action]] = {
    **SIDES,
    "expired": Action(ActivityKind.EXPIRATION),
    "assigned": Action(ActivityKind.ASSIGNMENT),
    "exchange or exercise": Action(ActivityKind.EXERCISE),
    "exercised": Action(ActivityKind.EXERCISE),
    "reinvest shares": Action(ActivityKind.REINVESTMENT, 1),
    **dict.fromkeys(
        (
            *("cash dividend", "qualified dividend", "non-qualified div", "special dividend"),
            *("special qual div", "pr yr cash div", "pr yr non-qual div", "pr yr special div"),
            *("reinvest dividend", "qual div reinvest", "pr yr div reinvest", "cash in lieu"),
            *("long term cap gain", "short term cap gain", "long term cap gain reinvest"),
            *("short term cap gain reinvest", "div adjustment", "non-taxable div"),
        ),
        _DIVIDEND,
    ),
    **dict.fromkeys(
        ("bank interest", "credit interest", "margin interest", "bond interest", "cd interest"),
        _INTEREST,
    ),
    **dict.fromkeys(
        ("service fee", "adr mgmt fee", "misc fee", "foreign transaction fee", "advisor fee"), _FEE
    ),
    **dict.fromkeys(
        ("foreign tax paid", "nra tax adj", "nra withholding", "tax withholding"), _TAX
    ),
    **dict.fromkeys(
        (
            *("moneylink transfer", "moneylink deposit", "moneylink adj", "funds received"),
            *("wire funds", "wire received", "wire sent", "wire funds received", "visa purchase"),
            *("atm withdrawal", "schwab atm rebate", "check paid", "deposit", "ach deposit"),
        ),
        _CASH,
    ),
    **dict.fromkeys(
        (
            *("journal", "journaled shares", "security transfer", "internal transfer"),
            *("transfer", "transfer of security or option in", "stock plan activity"),
        ),
        _TRANSFER,
    ),
    **dict.fromkeys(("stock split", "reverse split"), Action(ActivityKind.SPLIT)),
    "spin-off": Action(ActivityKind.SPIN_OFF),
    **dict.fromkeys(
        (
            "mandatory reorg exc",
            "stock merger",
            "cash merger",
            "cash/stock merger",
            "full redemption",
        ),
        _REORGANISED,
    ),
    "name change": Action(ActivityKind.SYMBOL_CHANGE),
    "misc cash entry": Action(ActivityKind.ADJUSTMENT),
    "adjustment": Action(ActivityKind.ADJUSTMENT),
}
_CLOSINGS: Final = frozenset(
    {ActivityKind.EXPIRATION, ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE}
)
_account = re.compile(
    r"for account (?P<name>.+?)\s*(?P<number>[.…X*-]{2,}[0-9]{3,4})", re.IGNORECASE
)


class SchwabHistory(TableReader):
    name = "schwab_csv"
    label = "Charles Schwab, history as CSV"
    broker = "schwab"
    broker_label = "Charles Schwab"
    columns: ClassVar = ("date", "action", "symbol", "description", "fees & comm", "amount")

    def account_of_notes(self, table: Table) -> str:
        found = next(filter(None, map(_account.search, table.notes)), None)
        return "" if found is None else found["number"].strip(".…X*x-")

    def line(self, row: Row) -> Activity | str:
        if "total" in row["date"].lower():
            return "The total of the file."
        # "01/22/2024 as of 01/19/2024": what happened on the 19th was posted on the 22nd.
        _, _, earlier = row["date"].partition(" as of ")
        happened = day(earlier or row["date"])
        action = ACTIONS.get(row["action"].lower())
        cash = find_amount(row["amount"])
        if action is None:
            action = Action(ActivityKind.OTHER)
        quantity = signed(action, find_amount(row["quantity"]))
        if action.kind is ActivityKind.TRADE and (quantity is None or cash is None):
            raise RowUnreadable("A trade has a quantity and an amount.")
        if cash is None and quantity is None and action.kind is ActivityKind.OTHER:
            return f"No event of the account: {cut(row['action'])}."
        asset = find_asset(row["symbol"], name=cut(row["description"]))
        if action.kind is ActivityKind.TRADE and asset is None:
            raise RowUnreadable("A trade has a symbol.")
        fees = fees_money(find_amount(row["fees & comm"]))
        price = find_amount(row["price"])
        return line_of(
            action,
            happened,
            Decimal(0) if cash is None else cash,
            asset=asset,
            quantity=quantity,
            price=None if action.kind in _CLOSINGS else price,
            fees=fees,
            description=cut(f"{row['action']} {row['description']}"),
        )
