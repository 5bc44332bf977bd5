"""Robinhood: account activity as CSV.

`"Activity Date","Process Date","Settle Date","Instrument","Description","Trans Code","Quantity",
"Price","Amount"`. Quantities have no sign, except that a closing one ends in S where it was short.
An option is in the description: `SPY 1/19/2024 Call $470.00`, the instrument is its underlying.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Final

from optix.adapters.imports.statements.assets import asset_of, find_asset, find_contract, option
from optix.adapters.imports.statements.table_reader import (
    CLOSING,
    OPENING,
    Action,
    TableReader,
    line_of,
    signed,
)
from optix.adapters.imports.statements.tables import Row
from optix.adapters.imports.statements.words import RowUnreadable, cut, day, find_amount, find_day
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import Asset
from optix.kernel.money import Money, Price

_CASH: Final = Action(ActivityKind.DEPOSIT)
_FEE: Final = Action(ActivityKind.FEE)
_DIVIDEND: Final = Action(ActivityKind.DIVIDEND)
_INTEREST: Final = Action(ActivityKind.INTEREST)
_TRANSFER: Final = Action(ActivityKind.TRANSFER)
CODES: Final[Mapping[str, Action]] = {
    "BUY": Action(ActivityKind.TRADE, 1),
    "SELL": Action(ActivityKind.TRADE, -1),
    "BTO": Action(ActivityKind.TRADE, 1, OPENING),
    "STO": Action(ActivityKind.TRADE, -1, OPENING),
    "BTC": Action(ActivityKind.TRADE, 1, CLOSING),
    "STC": Action(ActivityKind.TRADE, -1, CLOSING),
    "OEXP": Action(ActivityKind.EXPIRATION),
    "OASGN": Action(ActivityKind.ASSIGNMENT),
    "OEXCS": Action(ActivityKind.EXERCISE),
    "CDIV": _DIVIDEND,
    "MDIV": _DIVIDEND,
    "SDIV": _DIVIDEND,
    "CIL": _DIVIDEND,
    "INT": _INTEREST,
    "MINT": _INTEREST,
    "SLIP": _INTEREST,  # securities lent
    "ACH": _CASH,
    "RTP": _CASH,
    "WIRE": _CASH,
    "CHK": _CASH,
    "DCF": _CASH,
    "XENT": _CASH,
    "GOLD": _FEE,
    "AFEE": _FEE,
    "DFEE": _FEE,
    "FEE": _FEE,
    "DTAX": Action(ActivityKind.TAX),
    "ACATI": _TRANSFER,
    "ACATO": _TRANSFER,
    "ITRF": _TRANSFER,
    "SPL": Action(ActivityKind.SPLIT),
    "SPR": Action(ActivityKind.SPLIT),
    "SOFF": Action(ActivityKind.SPIN_OFF),
    "MRGS": Action(ActivityKind.REORGANISATION),
    "MRGC": Action(ActivityKind.REORGANISATION),
    "SXCH": Action(ActivityKind.SYMBOL_CHANGE),
    "MISC": Action(ActivityKind.ADJUSTMENT),
    "JNLS": Action(ActivityKind.TRANSFER),
    "JNLC": Action(ActivityKind.TRANSFER),
    "REC": Action(ActivityKind.TRANSFER, 1),
}
_CLOSINGS: Final = frozenset(
    {ActivityKind.EXPIRATION, ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE}
)
_OPTION: Final = re.compile(
    r"\S+ [0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4} (?:call|put) \$?[0-9.,]+", re.IGNORECASE
)
_CUSIP: Final = re.compile(r"CUSIP:? *([0-9A-Z]{9})", re.IGNORECASE)


class RobinhoodActivity(TableReader):
    name = "robinhood_csv"
    label = "Robinhood, account activity as CSV"
    broker = "robinhood"
    broker_label = "Robinhood"
    columns: ClassVar = ("activity date", "instrument", "trans code", "quantity", "amount")

    def line(self, row: Row) -> Activity | str:
        happened = day(row["activity date"])
        action = CODES.get(row["trans code"].upper(), Action(ActivityKind.OTHER))
        cash = find_amount(row["amount"])
        quantity = self._quantity(action, row["quantity"])
        if action.kind is ActivityKind.TRADE and (quantity is None or cash is None):
            raise RowUnreadable("A trade has a quantity and an amount.")
        if cash is None and quantity is None:
            return f"No event of the account: {cut(row['description'])}."
        asset = self._asset(row)
        price = find_amount(row["price"])
        fees = None
        if action.kind is ActivityKind.TRADE:
            if asset is None or price is None:
                raise RowUnreadable("A trade has an instrument and a price.")
            assert cash is not None, "checked above"
            assert quantity is not None, "checked above"
            gross = Price(price).cash(quantity, asset.multiplier)
            # Prices of fractional shares are rounded, so a difference the other way is no fee.
            fees = min(Money(cash) - gross, Money.zero())
        return line_of(
            action,
            happened,
            Decimal(0) if cash is None else cash,
            asset=asset,
            quantity=quantity,
            price=price or None,
            fees=fees,
            settles=find_day(row["settle date"]),
            description=cut(row["description"]),
        )

    def _quantity(self, action: Action, text: str) -> Decimal | None:
        short = text.upper().endswith("S")
        size = find_amount(text[:-1] if short else text)
        if size is None or action.kind not in _CLOSINGS:
            return signed(action, None if size is None else -size if short else size)
        # What closes a short position comes in.
        return abs(size) if short else -abs(size)

    def _asset(self, row: Row) -> Asset | None:
        text = row["description"]
        found = _OPTION.search(text)
        if found is not None:
            contract = find_contract(found.group())
            if contract is None:
                raise RowUnreadable("The option in the description cannot be read.")
            return option(contract)
        cusip = _CUSIP.search(text)
        if cusip is None:
            return find_asset(row["instrument"])
        name = cut(text[: cusip.start()])
        return asset_of(row["instrument"], name=name, cusip=cusip[1]) if row["instrument"] else None
