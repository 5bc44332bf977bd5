"""The directory of symbols: what is listed in the US, the most active optionable ones first.

For providers that cannot search by themselves, and for the names of symbols whose source gives only
a ticker. The facts are rows of `directory.csv`, most active first, and of `universe.csv`, every
other listed company and many funds, largest first (from the SEC's list of registrants, by
`tools/symbol_universe.py`); that order breaks ties in a search. `exchange` is the listing market of
a security and, for an index, the exchange that lists its options. Whether a symbol of the universe
has options is not known here. Prices and option contracts never come from here.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources

from optix.adapters.market_data.symbol_index import SymbolIndex
from optix.kernel import limits
from optix.kernel.quote import SecurityKind
from optix.ports.market_data import SymbolInfo


def normalise_symbol(symbol: str) -> str:
    """Return the OPTIX spelling of a ticker as people and vendors type it.

    Upper case; `$SPX` and `^SPX` lose their index mark; `BRK/B`, `BRK-B` and `BRK B` become
    `BRK.B`. What is longer than any symbol becomes the empty string, which no symbol is.
    """
    if len(symbol) > limits.SEARCH_TEXT_LENGTH_MAX:
        return ""
    text = unicodedata.normalize("NFKC", symbol).strip().upper().lstrip("$^")
    text = text.replace("/", ".").replace("-", ".").replace(" ", ".")
    return text if len(text) <= limits.SYMBOL_LENGTH_MAX else ""


class SymbolDirectory:
    """A fixed list of symbols that can be looked up and searched."""

    def __init__(self, symbols: Iterable[SymbolInfo]) -> None:
        self._symbols = list(symbols)
        self._by_symbol: dict[str, SymbolInfo] = {}
        for info in self._symbols:
            if info.symbol in self._by_symbol:
                raise ValueError(f"{info.symbol} is listed twice")
            self._by_symbol[info.symbol] = info
        self._index = SymbolIndex([(info.symbol, info.name) for info in self._symbols])

    def __len__(self) -> int:
        return len(self._symbols)

    def symbols(self) -> Sequence[SymbolInfo]:
        """Return all symbols, most active first."""
        return self._symbols

    def lookup(self, symbol: str) -> SymbolInfo | None:
        """Return what is known about `symbol` in any spelling, or None."""
        return self._by_symbol.get(normalise_symbol(symbol))

    def search(self, text: str, limit: int) -> list[SymbolInfo]:
        """Return the symbols that match `text`, best first, at most `limit` (see `symbol_index`).

        `limit` is held within `limits.SEARCH_RESULTS_MAX`. Text that is empty or longer than
        `limits.SEARCH_TEXT_LENGTH_MAX` matches nothing.
        """
        if len(text) > limits.SEARCH_TEXT_LENGTH_MAX:
            return []
        count = min(max(limit, 0), limits.SEARCH_RESULTS_MAX)
        return [self._symbols[place] for place in self._index.search(text, count)]


_FUND = re.compile(r"\b(ETF|ETN|SPDR|iShares)\b", re.IGNORECASE)


@cache
def default_directory() -> SymbolDirectory:
    """Return the directory that ships with OPTIX."""
    return SymbolDirectory([*_active(), *_universe()])


def _rows(name: str) -> Iterator[dict[str, str]]:
    source = resources.files(__package__).joinpath(name)
    return csv.DictReader(source.read_text(encoding="utf-8").splitlines())


def _active() -> Iterator[SymbolInfo]:
    for row in _rows("directory.csv"):
        yield SymbolInfo(
            symbol=row["symbol"],
            name=row["name"],
            kind=SecurityKind(row["kind"]),
            exchange=row["exchange"],
            has_options=True,
        )


def _universe() -> Iterator[SymbolInfo]:
    for row in _rows("universe.csv"):
        kind = SecurityKind.ETF if _FUND.search(row["name"]) else SecurityKind.STOCK
        yield SymbolInfo(
            symbol=row["symbol"], name=row["name"], kind=kind, exchange=row["exchange"]
        )


def lookup(symbol: str) -> SymbolInfo | None:
    """Return what the shipped directory knows about `symbol`, or None."""
    return default_directory().lookup(symbol)


def search(text: str, limit: int) -> list[SymbolInfo]:
    """Search the shipped directory (see `SymbolDirectory.search`)."""
    return default_directory().search(text, limit)
