"""What a contract of Interactive Brokers' is: its kind, its one spelling, its multiplier."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from optix.adapters.brokers.exact import currency_of
from optix.adapters.brokers.ibkr import wire, words
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind
from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    contract_of,
    parse_option,
)
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol

UNITS_MAX: Final = 10**9  # that any contract stands for

_TERMED: Final = frozenset((AssetKind.OPTION, AssetKind.FUTURE, AssetKind.FUTURE_OPTION))
_TICKERED: Final = frozenset((AssetKind.STOCK, AssetKind.ETF, AssetKind.FUND))
_osi = re.compile(r"\[(.{21}) (\d{1,9})\]", re.ASCII).search


def lacks_definition(told: wire.Position) -> bool:
    """True for a row that came without its contract, as first rows do."""
    kind = words.ASSETS.find(told.asset_class, AssetKind.OTHER) if told.asset_class else None
    if kind is None:
        return True
    if kind is AssetKind.OPTION and _osi(told.contract_desc):
        return False
    return kind in _TERMED and not (told.expiry and told.ticker)


def of_position(told: wire.Position, definition: wire.Contract | None = None) -> Asset:
    """Return what is held: by the OSI symbol in brackets, else by the terms that are told."""
    terms = told if definition is None else definition
    kind = words.ASSETS.find(terms.asset_class, AssetKind.OTHER)
    contract: OptionContract | None = None
    multiplier = terms.multiplier
    if kind is AssetKind.OPTION:
        found = _osi(told.contract_desc)
        if found is not None:
            contract, multiplier = _parsed(found[1]), int(found[2])
        contract = contract or of_terms(terms.ticker, terms.expiry, terms.put_or_call, terms.strike)
    text = told.contract_desc.strip() or terms.ticker.strip()
    if kind not in _TERMED:
        text = terms.ticker.strip() or text
    return _asset(
        kind,
        text or str(told.conid),
        contract,
        multiplier,
        currency=told.currency,
        name=terms.name,
        is_fund=terms.type.upper() == "ETF",
    )


def of_info(told: wire.ContractInfo) -> Asset:
    """Return a contract that is asked for by its number: an option has its OSI symbol."""
    kind = words.ASSETS.find(told.instrument_type, AssetKind.OTHER)
    contract: OptionContract | None = None
    local = told.local_symbol.strip()
    if kind is AssetKind.OPTION:
        root = told.trading_class or told.symbol
        contract = _parsed(local) or of_terms(root, told.maturity_date, told.right, told.strike)
    named = local if kind in _TERMED or kind is AssetKind.CURRENCY else ""
    return _asset(
        kind,
        named or told.symbol.strip() or str(told.con_id),
        contract,
        told.multiplier,
        currency=told.currency,
        name=told.company_name,
        cusip=told.cusip,
    )


def of_words(conid: int, sec_type: str, symbol: str, described: str = "") -> Asset:
    """Return what a row says of a contract that nobody knows any more, in its own words."""
    kind = words.ASSETS.find(sec_type, AssetKind.OTHER) if sec_type else AssetKind.OTHER
    text = " ".join(f"{symbol} {described}".split()) if kind in _TERMED else symbol.strip()
    return _asset(kind, text or str(conid), None, None)


def of_terms(root: str, expiry: str, right: str, strike: Decimal | None) -> OptionContract | None:
    """Return the contract of separate terms, None where one is missing or is none."""
    day = _day(expiry)
    if day is None or strike is None:
        return None
    try:
        return contract_of(root.strip(), day, right.strip()[:1], strike)
    except MalformedContract:
        return None


def _asset(
    kind: AssetKind,
    text: str,
    contract: OptionContract | None,
    multiplier: int | None,
    *,
    currency: str = "",
    name: str = "",
    cusip: str = "",
    is_fund: bool = False,
) -> Asset:
    if kind in _TICKERED:
        text = _ticker(text)
        if kind is AssetKind.STOCK and (is_fund or kind_of(text) is SecurityKind.ETF):
            kind = AssetKind.ETF
    usual = STANDARD_MULTIPLIER if kind is AssetKind.OPTION else 1
    # What is no derivative stands for itself, whatever its multiplier says.
    units = (multiplier or usual) if kind in _TERMED or kind is AssetKind.OTHER else 1
    return Asset(
        kind=kind,
        symbol=text if contract is None else contract.key,
        contract=contract,
        multiplier=units,
        currency=currency_of(currency),
        name=name.strip(),
        cusip=cusip.strip(),
    )


def _parsed(text: str) -> OptionContract | None:
    try:
        return parse_option(text)
    except MalformedContract:
        return None


def _ticker(text: str) -> str:
    """Return a ticker in our spelling: classes of shares have a blank there."""
    try:
        return parse_symbol(text.replace(" ", "."))
    except MalformedSymbol:
        return text


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  # a day has no zone
    except ValueError:
        return None
