"""OFX and QFX of any broker: investment statements of versions 1.x (SGML) and 2.x (XML).

Ids (FITID) are unique for one account at one institution. Securities stand in a list of their own,
by CUSIP or whatever the broker uses. UNITS and TOTAL have signs as OPTIX has them: what is sold is
negative, what is paid is negative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from optix.adapters.imports.statements.assets import asset_of, find_contract, option
from optix.adapters.imports.statements.ofx_tree import Node, read_tree
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
from optix.kernel.instrument import contract_of
from optix.kernel.money import Money, Price
from optix.kernel.symbols import MalformedSymbol, parse_symbol, root_of
from optix.ports.statements import (
    Statement,
    StatementAccount,
    StatementRow,
    StatementUnreadable,
)

IDS: Final = "ofx:"
# Part of the institution's name in the file → the name that its adapter has.
BROKERS: Final[Mapping[str, tuple[str, str]]] = {
    "fidelity": ("fidelity", "Fidelity"),
    "schwab": ("schwab", "Charles Schwab"),
    "robinhood": ("robinhood", "Robinhood"),
    "webull": ("webull", "Webull"),
    "etrade": ("etrade", "E*TRADE"),
    "interactivebrokers": ("ibkr", "Interactive Brokers"),
    "ibkr": ("ibkr", "Interactive Brokers"),
    "tastytrade": ("tastytrade", "tastytrade"),
    "vanguard": ("vanguard", "Vanguard"),
}
_OPENING, _CLOSING = PositionEffect.OPENING, PositionEffect.CLOSING
_EFFECTS: Final = {
    "BUYTOOPEN": _OPENING,
    "BUYTOCLOSE": _CLOSING,
    "SELLTOOPEN": _OPENING,
    "SELLTOCLOSE": _CLOSING,
    "BUYTOCOVER": _CLOSING,
    "SELLSHORT": _OPENING,
}
_ENDINGS: Final = {
    "EXERCISE": ActivityKind.EXERCISE,
    "ASSIGN": ActivityKind.ASSIGNMENT,
    "EXPIRE": ActivityKind.EXPIRATION,
}
_INCOMES: Final = {"INTEREST": ActivityKind.INTEREST}
_BANKING: Final = {
    "INT": ActivityKind.INTEREST,
    "DIV": ActivityKind.DIVIDEND,
    "FEE": ActivityKind.FEE,
    "SRVCHG": ActivityKind.FEE,
    "XFER": ActivityKind.TRANSFER,
    **dict.fromkeys(
        ("CREDIT", "DEP", "DIRECTDEP", "DEBIT", "ATM", "POS", "CHECK", "PAYMENT", "CASH"),
        ActivityKind.DEPOSIT,
    ),
    "DIRECTDEBIT": ActivityKind.DEPOSIT,
    "REPEATPMT": ActivityKind.DEPOSIT,
}
_ZONE = re.compile(r"\[([+-]?[0-9]{1,2})(?:\.([0-9]{1,2}))?(?::[A-Za-z]*)?\]\s*$", re.ASCII)
Lines = Callable[["_Book", Node], Activity | str]


class Ofx:
    name = "ofx"
    label = "OFX or QFX"

    def recognises(self, body: bytes) -> bool:
        head = body[: limits.IMPORT_HEAD_BYTES_MAX].replace(b"\x00", b"").upper()
        return b"<OFX>" in head

    def read(self, body: bytes) -> Statement:
        tree = read_tree(body)
        assets = _securities(tree)
        accounts: dict[str, StatementAccount] = {}
        rows: list[StatementRow] = []
        broker = ("ofx", "")
        for told in tree.walk("INVSTMTRS"):
            where = told.value("INVACCTFROM", "BROKERID")
            key = told.value("INVACCTFROM", "ACCTID")[:64]
            broker = _broker_of(f"{where} {tree.value('SIGNONMSGSRSV1', 'SONRS', 'FI', 'ORG')}")
            book = _Book(assets, told.value("CURDEF") or "USD")
            accounts.setdefault(key, StatementAccount(key, currency=book.currency))
            if len(accounts) > limits.STATEMENT_ACCOUNTS_MAX:
                raise StatementUnreadable(
                    f"The file has more than {limits.STATEMENT_ACCOUNTS_MAX} accounts."
                )
            listed = told.find("INVTRANLIST")
            for node in listed.children if listed is not None else ():
                if node.name in {"DTSTART", "DTEND"}:
                    continue
                rows.extend(_rows(book, node, key, len(rows) + 1))
                if len(rows) > limits.STATEMENT_ROWS_MAX:
                    raise StatementUnreadable(
                        f"The file has more than {limits.STATEMENT_ROWS_MAX} rows."
                    )
        if not accounts:
            raise StatementUnreadable("The file has no investment statement in it.")
        return Statement(
            format=self.name,
            broker=broker[0],
            broker_label=broker[1] or "From a file",
            accounts=tuple(accounts.values()),
            rows=tuple(rows),
        )


class _Book:
    """What the rows of one statement need: securities by id, and the currency."""

    def __init__(self, assets: Mapping[str, Callable[[], Asset]], currency: str) -> None:
        self._assets = assets
        self.currency = currency

    def asset(self, node: Node) -> Asset:
        name = node.value("SECID", "UNIQUEID")
        found = self._assets.get(name)
        if found is None:
            raise RowUnreadable(f"The security {shown(name)} is not in the file's list.")
        return found()

    def money(self, text: str, what: str) -> Money:
        return Money(amount(text, what), self.currency)


def _rows(book: _Book, node: Node, key: str, line: int) -> list[StatementRow]:
    if node.name == "REINVEST":
        # One record for two events: the income, and the purchase that it pays.
        return [
            verdict(line, key, lambda: _reinvested(book, node)),
            verdict(line, key, lambda: _income(book, node, ":income")),
        ]
    read = _READERS.get(node.name)
    if read is None:
        return [verdict(line, key, lambda: _unknown(node))]
    return [verdict(line, key, lambda: read(book, node))]


def _unknown(node: Node) -> Activity | str:
    raise RowUnreadable(f"{node.name[:40]} is no record of a statement that is known.")


def _trade(book: _Book, node: Node) -> Activity | str:
    trade = node.find("INVBUY") or node.find("INVSELL")
    if trade is None:
        raise RowUnreadable("The trade has no INVBUY or INVSELL.")
    buys = trade.name == "INVBUY"
    units = amount(trade.value("UNITS"), "UNITS")
    asset = book.asset(trade)
    if asset.kind is AssetKind.OPTION:
        asset = _sized(asset, node.value("SHPERCTRCT"))
    total = amount(trade.value("TOTAL"), "TOTAL")
    side = node.value("OPTBUYTYPE") or node.value("OPTSELLTYPE")
    return _line(
        book,
        trade,
        ActivityKind.TRADE,
        # Some brokers leave out the signs: what was bought came in and was paid.
        cash=Money(-abs(total) if buys else abs(total), book.currency),
        asset=asset,
        quantity=abs(units) if buys else -abs(units),
        price=find_amount(trade.value("UNITPRICE")),
        fees=fees_money(
            *(find_amount(trade.value(name)) for name in ("COMMISSION", "FEES", "TAXES", "LOAD")),
            currency=book.currency,
        ),
        effect=_EFFECTS.get(side or node.value("BUYTYPE") or node.value("SELLTYPE")),
    )


def _closure(book: _Book, node: Node) -> Activity | str:
    kind = _ENDINGS.get(node.value("OPTACTION").upper())
    if kind is None:
        raise RowUnreadable("The option ended in a way that is not known.")
    return _line(
        book,
        node,
        kind,
        cash=Money.zero(book.currency),
        asset=_sized(book.asset(node), node.value("SHPERCTRCT")),
        quantity=amount(node.value("UNITS"), "UNITS"),
        group=cut(node.value("RELFITID")),
    )


def _income(book: _Book, node: Node, suffix: str = "") -> Activity:
    kind = _INCOMES.get(node.value("INCOMETYPE").upper(), ActivityKind.DIVIDEND)
    total = amount(node.value("TOTAL"), "TOTAL")
    cash = Money(abs(total) if suffix else total, book.currency)
    return _line(book, node, kind, cash=cash, asset=book.asset(node), suffix=suffix)


def _reinvested(book: _Book, node: Node) -> Activity:
    total = amount(node.value("TOTAL"), "TOTAL")
    return _line(
        book,
        node,
        ActivityKind.REINVESTMENT,
        cash=Money(-abs(total), book.currency),
        asset=book.asset(node),
        quantity=abs(amount(node.value("UNITS"), "UNITS")),
        price=find_amount(node.value("UNITPRICE")),
        fees=fees_money(
            *(find_amount(node.value(name)) for name in ("COMMISSION", "FEES", "TAXES", "LOAD")),
            currency=book.currency,
        ),
    )


def _expense(book: _Book, node: Node) -> Activity:
    cash = book.money(node.value("TOTAL"), "TOTAL")
    return _line(book, node, ActivityKind.FEE, cash=cash, asset=book.asset(node))


def _margin_interest(book: _Book, node: Node) -> Activity:
    cash = book.money(node.value("TOTAL"), "TOTAL")
    return _line(book, node, ActivityKind.INTEREST, cash=cash)


def _returned(book: _Book, node: Node) -> Activity:
    cash = book.money(node.value("TOTAL"), "TOTAL")
    return _line(book, node, ActivityKind.DIVIDEND, cash=cash, asset=book.asset(node))


def _banking(book: _Book, node: Node) -> Activity:
    told = node.find("STMTTRN")
    if told is None:
        raise RowUnreadable("The movement of cash has no STMTTRN.")
    cash = book.money(told.value("TRNAMT"), "TRNAMT")
    kind = _BANKING.get(told.value("TRNTYPE").upper(), ActivityKind.OTHER)
    if kind is ActivityKind.DEPOSIT and cash < Money.zero(book.currency):
        kind = ActivityKind.WITHDRAWAL
    happened, at = moment_of(told.value("DTPOSTED"))
    words = f"{told.value('NAME')} {told.value('MEMO')}"
    return Activity(
        id=_id(told.value("FITID")),
        kind=kind,
        status=ActivityStatus.POSTED,
        day=happened,
        at=at,
        cash=cash,
        description=cut(words),
    )


def _split(book: _Book, node: Node) -> Activity:
    gained = amount(node.value("NEWUNITS"), "NEWUNITS") - amount(node.value("OLDUNITS"), "OLDUNITS")
    cash = find_amount(node.value("FRACCASH")) or Decimal(0)
    return _line(
        book,
        node,
        ActivityKind.SPLIT,
        cash=Money(cash, book.currency),
        asset=book.asset(node),
        quantity=gained,
        words=f"{node.value('NUMERATOR')} for {node.value('DENOMINATOR')}",
    )


def _transfer(book: _Book, node: Node) -> Activity:
    units = amount(node.value("UNITS"), "UNITS")
    action = node.value("TFERACTION").upper()
    if action in {"IN", "OUT"}:
        units = abs(units) if action == "IN" else -abs(units)
    return _line(
        book,
        node,
        ActivityKind.TRANSFER,
        cash=Money.zero(book.currency),
        asset=book.asset(node),
        quantity=units,
    )


def _journal(_book: _Book, _node: Node) -> str:
    return "A movement between parts of the same account."


_TRADES: Final = ["STOCK", "OPT", "MF", "DEBT", "OTHER"]
_READERS: Final[Mapping[str, Lines]] = {
    **dict.fromkeys([f"{side}{what}" for side in ("BUY", "SELL") for what in _TRADES], _trade),
    "CLOSUREOPT": _closure,
    "INCOME": _income,
    "INVEXPENSE": _expense,
    "MARGININTEREST": _margin_interest,
    "RETOFCAP": _returned,
    "INVBANKTRAN": _banking,
    "SPLIT": _split,
    "TRANSFER": _transfer,
    "JRNLFUND": _journal,
    "JRNLSEC": _journal,
}


def _line(
    book: _Book,
    node: Node,
    kind: ActivityKind,
    *,
    cash: Money,
    asset: Asset | None = None,
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    fees: Money | None = None,
    effect: PositionEffect | None = None,
    group: str = "",
    suffix: str = "",
    words: str = "",
) -> Activity:
    told = node.find("INVTRAN")
    if told is None:
        raise RowUnreadable("The record has no INVTRAN.")
    if node.find("CURRENCY") is not None and node.value("CURRENCY", "CURSYM") != book.currency:
        raise RowUnreadable("It is in another currency than its account.")
    happened, at = moment_of(told.value("DTTRADE"))
    settles = told.value("DTSETTLE")
    return Activity(
        id=_id(told.value("FITID"), suffix),
        kind=kind,
        status=ActivityStatus.POSTED,
        day=happened,
        at=at,
        settles=moment_of(settles)[0] if settles else None,
        cash=cash,
        asset=asset,
        quantity=quantity or None,
        price=None if price is None else Price(price),
        fees=fees,
        effect=effect,
        group=group,
        description=cut(words or told.value("MEMO")),
    )


def _id(told: str, suffix: str = "") -> str:
    return f"{IDS}{told[:100]}{suffix}" if told else ""


def moment_of(text: str) -> tuple[date, datetime | None]:
    """Return day and moment of 20240119, 20240119103000 or 20240119103000.000[-5:EST].

    The day is that of the zone it is written in. Midnight and noon are what brokers fill in.
    """
    bare = text.strip()
    happened = day(bare[:8])
    if len(bare) < 14 or bare[8:14] in {"000000", "120000"}:
        return happened, None
    hour, minute, second = clock_time(bare[8:14])
    zone: timezone = UTC
    if found := _ZONE.search(bare):
        hours, part = int(found[1]), int(found[2] or 0)
        if not -15 < hours < 15 or part > 59:
            raise RowUnreadable(f"{shown(text)} has no zone that exists.")
        zone = timezone(timedelta(hours=hours, minutes=-part if hours < 0 else part))
    return happened, datetime(
        happened.year, happened.month, happened.day, hour, minute, second, tzinfo=zone
    )


def _sized(asset: Asset, shares: str) -> Asset:
    size = find_amount(shares)
    if asset.contract is None or size is None:
        return asset
    if size != int(size) or size <= 0:
        raise RowUnreadable("An option is for a whole number of shares.")
    return option(asset.contract, multiplier=int(size))


def _securities(tree: Node) -> dict[str, Callable[[], Asset]]:
    """Return how to make each security of the file's list: what fails, fails for its rows."""
    found: dict[str, Callable[[], Asset]] = {}
    tickers: dict[str, str] = {}
    for listed in tree.walk("SECLIST"):
        for node in listed.children:
            name = node.value("SECINFO", "SECID", "UNIQUEID")
            tickers[name] = node.value("SECINFO", "TICKER")
            found[name] = lambda node=node: _security(node, tickers)  # type: ignore[misc]  # bound at once
    return found


def _security(node: Node, tickers: Mapping[str, str]) -> Asset:
    info = node.find("SECINFO") or node
    ticker, name = info.value("TICKER"), cut(info.value("SECNAME"))
    identity = info.value("SECID", "UNIQUEID")
    cusip = identity if info.value("SECID", "UNIQUEIDTYPE").upper() == "CUSIP" else ""
    if node.name == "OPTINFO":
        return _sized(_option(node, ticker, name, tickers), node.value("SHPERCTRCT"))
    if node.name == "DEBTINFO":
        return Asset(kind=AssetKind.BOND, symbol=(ticker or identity)[:64], name=name, cusip=cusip)
    if not ticker:
        return Asset(kind=AssetKind.OTHER, symbol=identity[:64], name=name, cusip=cusip)
    found = asset_of(ticker, name=name, cusip=cusip)
    if node.name == "MFINFO" and found.kind is AssetKind.STOCK:
        return Asset(kind=AssetKind.FUND, symbol=found.symbol, name=name, cusip=cusip)
    return found


def _option(node: Node, ticker: str, name: str, tickers: Mapping[str, str]) -> Asset:
    for text in (ticker, name):
        contract = find_contract(text) if text else None
        if contract is not None:
            return option(contract)
    underlying = tickers.get(node.value("SECID", "UNIQUEID"), "")
    if not underlying:
        raise RowUnreadable(f"The option {shown(ticker or name)} has no underlying in the file.")
    try:
        root = root_of(parse_symbol(underlying))
    except MalformedSymbol as error:
        raise RowUnreadable(error.detail) from None
    expiration, _ = moment_of(node.value("DTEXPIRE"))
    strike = amount(node.value("STRIKEPRICE"), "STRIKEPRICE")
    return option(contract_of(root, expiration, node.value("OPTTYPE"), strike))


def _broker_of(text: str) -> tuple[str, str]:
    bare = re.sub(r"[^a-z0-9]", "", text.lower())
    return next((known for part, known in BROKERS.items() if part in bare), ("ofx", ""))
