"""Schwab's names of securities and contracts, both ways.

Indices have a dollar sign, share classes a slash, contracts are padded to 21 characters.
"""

from __future__ import annotations

from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    Spelling,
    format_option,
    parse_option,
)
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol

_CONTRACT_LENGTH_MIN = 16  # a root, a date, a right and eight digits; no security has so many


def vendor_symbol(symbol: str) -> str:
    """Return Schwab's name of a security: $SPX, BRK/B, SPY."""
    return f"${symbol}" if kind_of(symbol) is SecurityKind.INDEX else symbol.replace(".", "/")


def vendor_contract(contract: OptionContract) -> str:
    return format_option(contract, Spelling.OSI)


def is_contract(symbol: str) -> bool:
    """Tell whether a symbol, ours or theirs, is a contract's."""
    return len(symbol) >= _CONTRACT_LENGTH_MIN


def vendor_name(symbol: str) -> str | None:
    """Return Schwab's name of an OPTIX symbol, None for what is none."""
    if not is_contract(symbol):
        return vendor_symbol(symbol)
    try:
        return vendor_contract(parse_option(symbol))
    except MalformedContract:
        return None


def optix_symbol(name: object) -> str | None:
    """Return the OPTIX symbol of Schwab's name, None for what is none."""
    if not isinstance(name, str):
        return None
    try:
        return parse_option(name).key if is_contract(name) else parse_symbol(name)
    except (MalformedContract, MalformedSymbol):
        return None
