"""Fidelity: history of accounts as CSV, of one account or of all.

`Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),Accrued Interest
($),Amount ($),Cash Balance ($),Settlement Date`, with `Account` and `Account Number` in a file of
several accounts. The action is a sentence; options are written ` -SPY240119C470`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar, Final

from optix.adapters.imports.statements.assets import find_asset
from optix.adapters.imports.statements.table_reader import (
    CLOSING,
    OPENING,
    Action,
    TableReader,
    line_of,
    signed,
)
from optix.adapters.imports.statements.tables import Row
from optix.adapters.imports.statements.words import (
    RowUnreadable,
    cut,
    day,
    fees_money,
    find_amount,
    find_day,
)
from optix.kernel.activity import Activity, ActivityKind

# What a sentence begins with; the first that fits counts.
BEGINNINGS: Final[Sequence[tuple[str, Action]]] = (
    ("YOU BOUGHT", Action(ActivityKind.TRADE, 1)),
    ("YOU SOLD", Action(ActivityKind.TRADE, -1)),
    ("BOUGHT", Action(ActivityKind.TRADE, 1)),
    ("SOLD", Action(ActivityKind.TRADE, -1)),
    ("EXPIRED", Action(ActivityKind.EXPIRATION)),
    ("ASSIGNED", Action(ActivityKind.ASSIGNMENT)),
    ("YOU ASSIGNED", Action(ActivityKind.ASSIGNMENT)),
    ("EXERCISED", Action(ActivityKind.EXERCISE)),
    ("YOU EXERCISED", Action(ActivityKind.EXERCISE)),
    ("REINVESTMENT", Action(ActivityKind.REINVESTMENT, 1)),
    ("DIVIDEND", Action(ActivityKind.DIVIDEND)),
    ("LONG-TERM CAP GAIN", Action(ActivityKind.DIVIDEND)),
    ("SHORT-TERM CAP GAIN", Action(ActivityKind.DIVIDEND)),
    ("IN LIEU", Action(ActivityKind.DIVIDEND)),
    ("INTEREST", Action(ActivityKind.INTEREST)),
    ("MARGIN INTEREST", Action(ActivityKind.INTEREST)),
    ("FOREIGN TAX", Action(ActivityKind.TAX)),
    ("FED TAX", Action(ActivityKind.TAX)),
    ("ADJUST FEE", Action(ActivityKind.FEE)),
    ("FEE", Action(ActivityKind.FEE)),
    ("ADVISORY FEE", Action(ActivityKind.FEE)),
    ("ELECTRONIC FUNDS TRANSFER", Action(ActivityKind.DEPOSIT)),
    ("WIRE TRANSFER", Action(ActivityKind.DEPOSIT)),
    ("CHECK", Action(ActivityKind.DEPOSIT)),
    ("DIRECT DEPOSIT", Action(ActivityKind.DEPOSIT)),
    ("DIRECT DEBIT", Action(ActivityKind.DEPOSIT)),
    ("CASH CONTRIBUTION", Action(ActivityKind.DEPOSIT)),
    ("CO CONTR", Action(ActivityKind.DEPOSIT)),
    ("PARTIC CONTR", Action(ActivityKind.DEPOSIT)),
    ("BILL PAYMENT", Action(ActivityKind.DEPOSIT)),
    ("DEBIT CARD", Action(ActivityKind.DEPOSIT)),
    ("JOURNALED", Action(ActivityKind.TRANSFER)),
    ("TRANSFER", Action(ActivityKind.TRANSFER)),
    ("ROLLOVER", Action(ActivityKind.TRANSFER)),
    ("REVERSE SPLIT", Action(ActivityKind.SPLIT)),
    ("STOCK SPLIT", Action(ActivityKind.SPLIT)),
    ("DISTRIBUTION", Action(ActivityKind.SPIN_OFF)),
    ("SPIN", Action(ActivityKind.SPIN_OFF)),
    ("MERGER", Action(ActivityKind.REORGANISATION)),
    ("EXCHANGED", Action(ActivityKind.REORGANISATION)),
    ("NAME CHANGE", Action(ActivityKind.SYMBOL_CHANGE)),
    ("REDEMPTION FROM CORE", Action(ActivityKind.SWEEP)),
    ("PURCHASE INTO CORE", Action(ActivityKind.SWEEP)),
    ("ADJUSTMENT", Action(ActivityKind.ADJUSTMENT)),
)
_EFFECTS: Final = {"OPENING TRANSACTION": OPENING, "CLOSING TRANSACTION": CLOSING}


class FidelityHistory(TableReader):
    name = "fidelity_csv"
    label = "Fidelity, history as CSV"
    broker = "fidelity"
    broker_label = "Fidelity"
    columns: ClassVar = ("run date", "action", "symbol", "quantity", "amount")

    def account_of(self, row: Row, common: str) -> tuple[str, str]:
        return row["account number"] or common, row["account"]

    def line(self, row: Row) -> Activity | str:
        sentence = " ".join(row["action"].upper().split())
        happened = day(row["run date"])
        action = next(
            (meaning for words, meaning in BEGINNINGS if sentence.startswith(words)),
            Action(ActivityKind.OTHER),
        )
        effect = next((known for words, known in _EFFECTS.items() if words in sentence), None)
        cash = find_amount(row["amount"])
        quantity = signed(action, find_amount(row["quantity"]))
        if "PROCESSING" in row["cash balance"].upper():
            return "The broker still processes it: it comes with a later file."
        if action.kind is ActivityKind.TRADE and (quantity is None or cash is None):
            raise RowUnreadable("A trade has a quantity and an amount.")
        if cash is None and quantity is None:
            return f"No event of the account: {cut(row['action'])}."
        asset = find_asset(row["symbol"], name=cut(row["description"]))
        if action.kind is ActivityKind.TRADE and asset is None:
            raise RowUnreadable("A trade has a symbol.")
        return line_of(
            Action(action.kind, action.sign, effect),
            happened,
            Decimal(0) if cash is None else cash,
            asset=asset,
            quantity=quantity,
            price=find_amount(row["price"]) or None,
            fees=fees_money(find_amount(row["commission"]), find_amount(row["fees"])),
            settles=find_day(row["settlement date"]),
            description=cut(row["action"]),
        )
