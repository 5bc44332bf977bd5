"""tastytrade's and dxFeed's names of securities and contracts, both ways.

A contract's streamer symbol is taken from the chain that lists it: a rule would be wrong for some
adjusted roots. The rule serves what no chain was read of.
"""

from __future__ import annotations

from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    Spelling,
    format_option,
    parse_option,
)
from optix.kernel.symbols import MalformedSymbol, parse_symbol

STREAMER_SYMBOLS_MAX = 200_000
_CONTRACT_LENGTH_MIN = 16  # a root, a date, a right and eight digits; no security has so many


def vendor_symbol(symbol: str) -> str:
    """Return how tastytrade and dxFeed name a security: BRK/B for BRK.B, an index as it is."""
    return symbol.replace(".", "/")


def vendor_contract(contract: OptionContract) -> str:
    """Return tastytrade's own name of a contract, the padded one of the clearing house."""
    return format_option(contract, Spelling.OSI)


def is_contract(symbol: str) -> bool:
    """Tell whether an OPTIX symbol is a contract's key."""
    return len(symbol) >= _CONTRACT_LENGTH_MIN


class StreamerSymbols:
    """What each contract is called on the stream, learned from chains."""

    def __init__(self, *, count_max: int = STREAMER_SYMBOLS_MAX) -> None:
        self._count_max = count_max
        self._theirs: dict[str, str] = {}
        self._ours: dict[str, str] = {}

    def learn(self, contract: OptionContract, streamer_symbol: str) -> None:
        """Remember a name; the oldest are forgotten when there are too many."""
        key = contract.key
        self._ours.pop(self._theirs.pop(key, ""), None)
        while len(self._theirs) >= self._count_max:
            oldest = next(iter(self._theirs))
            self._ours.pop(self._theirs.pop(oldest), None)
        self._theirs[key] = streamer_symbol
        self._ours[streamer_symbol] = key

    def theirs(self, symbol: str) -> str | None:
        """Return the stream's name of an OPTIX symbol, None for what is no symbol."""
        if not is_contract(symbol):
            return vendor_symbol(symbol)
        if (known := self._theirs.get(symbol)) is not None:
            return known
        try:
            return format_option(parse_option(symbol), Spelling.DXFEED)
        except MalformedContract:
            return None

    def ours(self, streamer_symbol: str) -> str | None:
        """Return the OPTIX symbol of a name on the stream, None for what is none."""
        if (known := self._ours.get(streamer_symbol)) is not None:
            return known
        try:
            if streamer_symbol.startswith("."):
                return parse_option(streamer_symbol).key
            return parse_symbol(streamer_symbol)
        except (MalformedContract, MalformedSymbol):
            return None
