"""Interactive Brokers: Flex queries as XML, of activity (AF) and of trade confirmations (TCF).

Executions, cash transactions, transfers and corporate actions become lines; sums of orders and of
symbols, lots and positions are passed over. What expires, is assigned or exercised stands among the
trades with a note, hence the section of its own (OptionEAE) is read only where there are no trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.adapters.imports.statements.assets import asset_of, find_contract, option
from optix.adapters.imports.statements.safe_xml import read_elements
from optix.adapters.imports.statements.tables import verdict
from optix.adapters.imports.statements.words import (
    RowUnreadable,
    amount,
    clock_time,
    cut,
    day,
    fees_money,
    find_amount,
    shown,
)
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import MalformedContract, contract_of
from optix.kernel.money import Money, Price
from optix.ports.statements import (
    RowKind,
    Statement,
    StatementAccount,
    StatementRow,
    StatementUnreadable,
)

IDS: Final = "flex:"
EASTERN: Final = ZoneInfo("America/New_York")
_ROOT: Final = b"<FlexQueryResponse"
_KINDS: Final[Mapping[str, AssetKind]] = {
    "BOND": AssetKind.BOND,
    "FUT": AssetKind.FUTURE,
    "FOP": AssetKind.FUTURE_OPTION,
    "FSFOP": AssetKind.FUTURE_OPTION,
    "FUND": AssetKind.FUND,
    "CRYPTO": AssetKind.CRYPTO,
}
_CASH: Final[Mapping[str, ActivityKind]] = {
    "deposits/withdrawals": ActivityKind.DEPOSIT,
    "deposits & withdrawals": ActivityKind.DEPOSIT,
    "dividends": ActivityKind.DIVIDEND,
    "payment in lieu of dividends": ActivityKind.DIVIDEND,
    "withholding tax": ActivityKind.TAX,
    "871(m) withholding": ActivityKind.TAX,
    "broker interest paid": ActivityKind.INTEREST,
    "broker interest received": ActivityKind.INTEREST,
    "broker fees": ActivityKind.FEE,
    "bond interest paid": ActivityKind.INTEREST,
    "bond interest received": ActivityKind.INTEREST,
    "other fees": ActivityKind.FEE,
    "advisor fees": ActivityKind.FEE,
    "commission adjustments": ActivityKind.ADJUSTMENT,
    "price adjustments": ActivityKind.ADJUSTMENT,
}
_NOTES: Final[Mapping[str, ActivityKind]] = {
    "A": ActivityKind.ASSIGNMENT,
    "Ex": ActivityKind.EXERCISE,
    "Ep": ActivityKind.EXPIRATION,
}
_ENDINGS: Final[Mapping[str, ActivityKind]] = {
    "assignment": ActivityKind.ASSIGNMENT,
    "exercise": ActivityKind.EXERCISE,
    "expiration": ActivityKind.EXPIRATION,
}
_CORPORATE: Final[Mapping[str, ActivityKind]] = {
    "FS": ActivityKind.SPLIT,
    "RS": ActivityKind.SPLIT,
    "SO": ActivityKind.SPIN_OFF,
    "IC": ActivityKind.SYMBOL_CHANGE,
    "SD": ActivityKind.DIVIDEND,
}
_EFFECTS: Final = {"O": PositionEffect.OPENING, "C": PositionEffect.CLOSING}
Fields = Mapping[str, str]


class IbkrFlex:
    name = "ibkr_flex"
    label = "Interactive Brokers, Flex query as XML"

    def recognises(self, body: bytes) -> bool:
        return _ROOT in body[: limits.IMPORT_HEAD_BYTES_MAX]

    def read(self, body: bytes) -> Statement:
        elements = read_elements(body)
        if not elements or elements[0].name != "FlexQueryResponse":
            raise StatementUnreadable("The file is no answer of a Flex query.")
        accounts: dict[str, StatementAccount] = {}
        rows: list[StatementRow] = []
        # Which account has a section of trades: its endings are there already.
        traded = {each.attributes.get("accountId", "") for each in elements if each.name == "Trade"}
        for each in elements:
            read = _READERS.get(each.name)
            if read is None or not each.attributes:
                continue  # among them the section OptionEAE, which is called like its rows
            if len(rows) >= limits.STATEMENT_ROWS_MAX:
                raise StatementUnreadable(
                    f"The file has more than {limits.STATEMENT_ROWS_MAX} rows."
                )
            fields = each.attributes
            key = fields.get("accountId", "").strip()[:64]
            accounts.setdefault(key, StatementAccount(key, fields.get("acctAlias", "")[:80]))
            if len(accounts) > limits.STATEMENT_ACCOUNTS_MAX:
                raise StatementUnreadable(
                    f"The file has more than {limits.STATEMENT_ACCOUNTS_MAX} accounts."
                )
            line = len(rows) + 1
            if each.name == "OptionEAE" and key in traded:
                why = "It stands among the trades of this file."
                rows.append(StatementRow(line=line, kind=RowKind.IGNORED, account=key, why=why))
            else:
                rows.append(verdict(line, key, lambda read=read, fields=fields: read(fields)))  # type: ignore[misc]  # bound at once
        return Statement(
            format=self.name,
            broker="ibkr",
            broker_label="Interactive Brokers",
            accounts=tuple(accounts.values()),
            rows=tuple(rows),
        )


def _trade(fields: Fields) -> Activity | str:
    level = fields.get("levelOfDetail", "EXECUTION")
    if level.upper() != "EXECUTION":
        return f"A sum of other rows ({cut(level)})."
    if fields.get("assetCategory") == "CASH":
        return "An exchange of currencies, which OPTIX does not keep yet."
    asset = _asset(fields)
    happened, at = _moment(fields.get("dateTime") or fields.get("tradeDate", ""))
    if traded := fields.get("tradeDate"):
        happened = day(traded)
    quantity = amount(fields.get("quantity", ""), "quantity")
    side = fields.get("buySell", "").split(" ")[0].upper()
    if side in {"BUY", "SELL"}:
        quantity = abs(quantity) if side == "BUY" else -abs(quantity)
    price = find_amount(fields.get("tradePrice") or fields.get("price", ""))
    currency = _currency(fields)
    cash = find_amount(fields.get("netCash", ""))
    if cash is None:
        raise RowUnreadable("There is no netCash; include it in the Flex query.")
    notes = fields.get("notes") or fields.get("code", "")
    kind = next(
        (known for note in notes.split(";") if (known := _NOTES.get(note.strip()))),
        ActivityKind.TRADE,
    )
    if asset.kind is not AssetKind.OPTION and kind is not ActivityKind.TRADE:
        kind = ActivityKind.TRADE  # the shares that an option delivered
    return Activity(
        id=_id("trade", fields, "tradeID", "transactionID"),
        kind=kind,
        status=_status(notes),
        day=happened,
        at=at,
        settles=_find_day(fields.get("settleDateTarget") or fields.get("settleDate", "")),
        cash=Money(cash, currency),
        asset=asset,
        quantity=quantity or None,
        price=None if price is None else Price(price),
        fees=fees_money(
            find_amount(fields.get("ibCommission") or fields.get("commission", "")),
            find_amount(fields.get("taxes") or fields.get("tax", "")),
            currency=currency,
        ),
        effect=_EFFECTS.get(fields.get("openCloseIndicator", "")),
        order_id=cut(fields.get("ibOrderID") or fields.get("orderID", "")),
        description=cut(fields.get("description", "")),
    )


def _cash_line(fields: Fields) -> Activity | str:
    if fields.get("levelOfDetail", "DETAIL").upper() != "DETAIL":
        return "A sum of other rows."
    cash = amount(fields.get("amount", ""), "amount")
    kind = _CASH.get(fields.get("type", "").strip().lower(), ActivityKind.OTHER)
    if kind is ActivityKind.DEPOSIT and cash < 0:
        kind = ActivityKind.WITHDRAWAL
    happened, at = _moment(fields.get("dateTime") or fields.get("reportDate", ""))
    return Activity(
        id=_id("cash", fields, "transactionID"),
        kind=kind,
        status=ActivityStatus.POSTED,
        day=happened,
        at=at,
        settles=_find_day(fields.get("settleDate", "")),
        cash=Money(cash, _currency(fields)),
        asset=_asset(fields) if fields.get("symbol", "").strip() else None,
        description=cut(fields.get("description", "")),
    )


def _ending(fields: Fields) -> Activity | str:
    word = fields.get("transactionType", "").strip().lower()
    kind = _ENDINGS.get(word)
    if kind is None:
        return f"The shares or the cash of an option that ended ({cut(word)})."
    happened, _ = _moment(fields.get("date") or fields.get("reportDate", ""))
    return Activity(
        id=_id("ending", fields, "tradeID"),
        kind=kind,
        status=ActivityStatus.POSTED,
        day=happened,
        cash=Money(find_amount(fields.get("proceeds", "")) or Decimal(0), _currency(fields)),
        asset=_asset(fields),
        quantity=amount(fields.get("quantity", ""), "quantity") or None,
        description=cut(fields.get("description", "")),
    )


def _corporate(fields: Fields) -> Activity | str:
    if fields.get("levelOfDetail", "DETAIL").upper() != "DETAIL":
        return "A sum of other rows."
    happened, _ = _moment(fields.get("reportDate") or fields.get("dateTime", ""))
    cash = find_amount(fields.get("proceeds", "")) or find_amount(fields.get("amount", ""))
    return Activity(
        id=_id("corporate", fields, "transactionID"),
        kind=_CORPORATE.get(fields.get("type", "").strip().upper(), ActivityKind.REORGANISATION),
        status=ActivityStatus.POSTED,
        day=happened,
        cash=Money(cash or Decimal(0), _currency(fields)),
        asset=_asset(fields),
        quantity=find_amount(fields.get("quantity", "")) or None,
        group=cut(fields.get("actionID", "")),
        description=cut(fields.get("actionDescription") or fields.get("description", "")),
    )


def _transfer(fields: Fields) -> Activity | str:
    happened, _ = _moment(fields.get("date") or fields.get("reportDate", ""))
    cash = find_amount(fields.get("cashTransfer", "")) or Decimal(0)
    quantity = find_amount(fields.get("quantity", "")) or None
    if quantity is not None and fields.get("direction", "").upper() == "OUT":
        quantity = -abs(quantity)
    return Activity(
        id=_id("transfer", fields, "transactionID"),
        kind=ActivityKind.TRANSFER,
        status=ActivityStatus.POSTED,
        day=happened,
        cash=Money(cash, _currency(fields)),
        asset=_asset(fields) if fields.get("symbol", "").strip(" -") else None,
        quantity=quantity,
        description=cut(fields.get("description", "")),
    )


_READERS: Final[Mapping[str, Callable[[Fields], Activity | str]]] = {
    "Trade": _trade,
    "TradeConfirm": _trade,
    "CashTransaction": _cash_line,
    "OptionEAE": _ending,
    "CorporateAction": _corporate,
    "Transfer": _transfer,
}


def _asset(fields: Fields) -> Asset:
    category = fields.get("assetCategory", "").upper()
    symbol = fields.get("symbol", "").strip()
    if category == "OPT":
        return _option(fields, symbol)
    if not symbol:
        raise RowUnreadable("There is no symbol.")
    if category in _KINDS:
        multiplier = find_amount(fields.get("multiplier", "")) or Decimal(1)
        if multiplier != int(multiplier):
            raise RowUnreadable("The multiplier is not a whole number.")
        made = Asset(kind=_KINDS[category], symbol=symbol[:64], multiplier=int(multiplier))
        return _named(made, fields)
    # "BRK B" is how this broker writes a share class.
    found = asset_of(symbol.replace(" ", "."))
    kind = AssetKind.ETF if fields.get("subCategory", "").upper() == "ETF" else found.kind
    return _named(replace(found, kind=kind), fields)


def _named(asset: Asset, fields: Fields) -> Asset:
    return replace(
        asset,
        currency=_currency(fields),
        name=cut(fields.get("description", "")),
        cusip=fields.get("cusip", "")[:12],
        isin=fields.get("isin", "")[:12],
    )


def _option(fields: Fields, symbol: str) -> Asset:
    multiplier = find_amount(fields.get("multiplier", "")) or Decimal(100)
    if multiplier != int(multiplier) or multiplier <= 0:
        raise RowUnreadable("The multiplier of an option is a whole number.")
    contract = find_contract(symbol)
    if contract is None:
        root = fields.get("underlyingSymbol", "").replace(" ", "").upper()
        try:
            contract = contract_of(
                root,
                day(fields.get("expiry", "")),
                fields.get("putCall", ""),
                amount(fields.get("strike", ""), "strike"),
            )
        except MalformedContract:
            raise RowUnreadable(f"{shown(symbol)} is not an option that can be read.") from None
    found = option(contract, multiplier=int(multiplier))
    return replace(found, currency=_currency(fields))


def _currency(fields: Fields) -> str:
    return fields.get("currency", "").strip() or "USD"


def _id(what: str, fields: Fields, *names: str) -> str:
    told = next((fields[name].strip() for name in names if fields.get(name, "").strip()), "")
    return f"{IDS}{what}:{told[:64]}" if told else ""


def _status(notes: str) -> ActivityStatus:
    cancelled = "Ca" in {note.strip() for note in notes.split(";")}
    return ActivityStatus.CANCELLED if cancelled else ActivityStatus.POSTED


def _find_day(text: str) -> date | None:
    return _moment(text)[0] if text.strip() else None


def _moment(text: str) -> tuple[date, datetime | None]:
    """Return day and moment of `20240119;103000`, `2026-04-02;11:08:05 EDT`, or a day alone."""
    bare = text.strip().replace(", ", ";")
    first, _, rest = bare.partition(";")
    happened = day(first)
    if not rest:
        return happened, None
    hour, minute, second = clock_time(rest.split(" ")[0])
    return happened, datetime(
        happened.year, happened.month, happened.day, hour, minute, second, tzinfo=EASTERN
    )
