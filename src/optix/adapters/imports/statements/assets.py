"""What a row is about: stocks, funds and options in all spellings that statements use.

Beside those of the kernel (OCC with and without pad, dxFeed, `AAPL Jan 19 '24 $470 Call`) these
write: `-SPY240119C470` (Fidelity), `SPY 01/19/2024 470.00 C` (Schwab), `SPY 1/19/2024 Call $470.00`
(Robinhood), `SPY 19JAN24 470 C` (Interactive Brokers), `SPY Jan 19 2024 470.00 Call` (OFX).
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from optix.adapters.imports.statements.words import RowUnreadable, day, shown
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of, parse_option
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol, root_of

_STRIKE: Final = r"\$?(?P<strike>[0-9][0-9,]*(?:\.[0-9]+)?)"
_ROOT: Final = r"(?P<root>[0-9]?[A-Z][A-Z0-9./]{0,6})"
_RIGHT: Final = r"(?P<right>CALL|PUT|C|P)"
_SLASHED: Final = r"(?P<day>[0-9]{1,2}/[0-9]{1,2}/(?:[0-9]{4}|[0-9]{2}))"
_NAMES: Final = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_MONTHS: Final = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_COMPACT = re.compile(
    r"-?(?P<root>[0-9]?[A-Z]{1,6}[0-9]?)(?P<yymmdd>[0-9]{6})(?P<right>[CP])"
    r"(?P<strike>[0-9]{1,5}(?:\.[0-9]{1,3})?)",
    re.ASCII,
)
_SHORT_DATE: Final = rf"(?P<number>[0-9]{{1,2}}){_MONTH}(?P<year>[0-9]{{2}})"
_LONG_DATE: Final = rf"{_MONTH}[A-Z]* (?P<number>[0-9]{{1,2}}),? '?(?P<year>(?:20)?[0-9]{{2}})"
_WORDED = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"{_ROOT} {_SLASHED} {_STRIKE} {_RIGHT}",
        rf"{_ROOT} {_SLASHED} {_RIGHT} {_STRIKE}",
        rf"{_ROOT} {_SHORT_DATE} {_STRIKE} {_RIGHT}",
        rf"{_ROOT} {_LONG_DATE} {_STRIKE} {_RIGHT}",
    )
)
_MONEY_FUNDS: Final = frozenset(
    (
        *("SPAXX", "FDRXX", "FZFXX", "FCASH", "SPRXX", "FDLXX", "CORE", "QACDS"),
        *("SWVXX", "SNVXX", "SNSXX", "SWGXX"),
    )
)
_SECURITIES: Final = {SecurityKind.ETF: AssetKind.ETF, SecurityKind.STOCK: AssetKind.STOCK}


def find_contract(text: str) -> OptionContract | None:
    """Return the contract that a text spells, None where it spells none at all.

    Errors: RowUnreadable where it looks like a contract and is none.
    """
    bare = " ".join(text.upper().split())
    try:
        return parse_option(text)
    except MalformedContract:
        pass
    try:
        if found := _COMPACT.fullmatch(bare):
            expiration = day(f"20{found['yymmdd']}")
            return contract_of(found["root"], expiration, found["right"], found["strike"])
        for pattern in _WORDED:
            if found := pattern.fullmatch(bare):
                parts = found.groupdict()
                strike = parts["strike"].replace(",", "")
                return contract_of(_root(parts["root"]), _expiration(parts), parts["right"], strike)
    except MalformedContract as error:
        raise RowUnreadable(error.detail) from None
    return None


def _expiration(parts: dict[str, str]) -> date:
    if "day" in parts:
        return day(parts["day"])
    year = int(parts["year"])
    month = _MONTHS[parts["month"]]
    return day(f"{year if year > 99 else 2000 + year:04d}-{month:02d}-{int(parts['number']):02d}")


def _root(text: str) -> str:
    try:
        return root_of(parse_symbol(text))
    except MalformedSymbol:
        return text


def option(contract: OptionContract, *, multiplier: int = STANDARD_MULTIPLIER) -> Asset:
    return Asset(
        kind=AssetKind.OPTION, symbol=contract.key, contract=contract, multiplier=multiplier
    )


def asset_of(text: str, *, name: str = "", cusip: str = "") -> Asset:
    """Return the asset that a symbol names; what OPTIX has no spelling for is OTHER."""
    contract = find_contract(text)
    if contract is not None:
        return option(contract)
    bare = text.strip()
    if not bare:
        raise RowUnreadable("There is no symbol.")
    if bare.startswith("-"):
        raise RowUnreadable(f"{shown(text)} is not an option that can be read.")
    if bare.upper().rstrip("*") in _MONEY_FUNDS:
        symbol = bare.upper().rstrip("*")
        return Asset(kind=AssetKind.CASH_EQUIVALENT, symbol=symbol, name=name, cusip=cusip)
    try:
        canonical = parse_symbol(bare)
    except MalformedSymbol:
        return Asset(kind=AssetKind.OTHER, symbol=bare[:64], name=name, cusip=cusip)
    kind = _SECURITIES.get(kind_of(canonical), AssetKind.STOCK)
    if len(canonical) == 5 and canonical.endswith("X") and canonical.isalpha():
        kind = AssetKind.FUND  # only mutual funds have such tickers
    return Asset(kind=kind, symbol=canonical, name=name, cusip=cusip)


def find_asset(text: str, *, name: str = "") -> Asset | None:
    return asset_of(text, name=name) if text.strip() else None
