"""The directory of symbols: the most active optionable US stocks, ETFs and indices.

For providers that cannot search by themselves, and for the names of symbols whose source gives only
a ticker. The facts are rows of `directory.csv`, most active first; that order breaks ties in a
search. `exchange` is the listing market of a security and, for an index, the exchange that
lists its options. Prices and option contracts never come from here.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

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


def _fold(text: str) -> str:
    """Return `text` for comparison: one case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.casefold().split())


@dataclass(frozen=True, slots=True)
class _Entry:
    info: SymbolInfo
    name: str  # folded
    words: tuple[str, ...]


class SymbolDirectory:
    """A fixed list of symbols that can be looked up and searched."""

    def __init__(self, symbols: Iterable[SymbolInfo]) -> None:
        self._entries: list[_Entry] = []
        self._by_symbol: dict[str, SymbolInfo] = {}
        for info in symbols:
            if info.symbol in self._by_symbol:
                raise ValueError(f"{info.symbol} is listed twice")
            self._by_symbol[info.symbol] = info
            name = _fold(info.name)
            self._entries.append(_Entry(info, name, tuple(name.split())))

    def __len__(self) -> int:
        return len(self._entries)

    def symbols(self) -> Sequence[SymbolInfo]:
        """Return all symbols, most active first."""
        return [entry.info for entry in self._entries]

    def lookup(self, symbol: str) -> SymbolInfo | None:
        """Return what is known about `symbol` in any spelling, or None."""
        return self._by_symbol.get(normalise_symbol(symbol))

    def search(self, text: str, limit: int) -> list[SymbolInfo]:
        """Return the symbols that match `text`, best first, at most `limit`.

        Order: the exact ticker, tickers that begin with the text, names with words that begin with
        the words of the text, then tickers and names that contain it; within one rank the more
        active symbol first. `limit` is held within `limits.SEARCH_RESULTS_MAX`. Text that is empty
        or longer than `limits.SEARCH_TEXT_LENGTH_MAX` matches nothing.
        """
        folded = _fold(text[: limits.SEARCH_TEXT_LENGTH_MAX + 1])
        if not folded or len(text) > limits.SEARCH_TEXT_LENGTH_MAX:
            return []
        ticker = normalise_symbol(text)
        words = folded.split()
        ranked: list[tuple[int, int, SymbolInfo]] = []
        for position, entry in enumerate(self._entries):
            rank = _rank(entry, ticker, folded, words)
            if rank is not None:
                ranked.append((rank, position, entry.info))
        ranked.sort(key=lambda row: row[:2])
        count = min(max(limit, 0), limits.SEARCH_RESULTS_MAX)
        return [info for _, _, info in ranked[:count]]


def _rank(entry: _Entry, ticker: str, folded: str, words: Sequence[str]) -> int | None:
    symbol = entry.info.symbol
    if ticker and (symbol == ticker or symbol.replace(".", "") == ticker):
        return 0
    if ticker and symbol.startswith(ticker):
        return 1
    if all(any(word.startswith(part) for word in entry.words) for part in words):
        return 2
    if folded in entry.name or (ticker and ticker in symbol):
        return 3
    return None


@cache
def default_directory() -> SymbolDirectory:
    """Return the directory that ships with OPTIX."""
    source = resources.files(__package__).joinpath("directory.csv")
    rows = csv.DictReader(source.read_text(encoding="utf-8").splitlines())
    return SymbolDirectory(
        SymbolInfo(
            symbol=row["symbol"],
            name=row["name"],
            kind=SecurityKind(row["kind"]),
            exchange=row["exchange"],
        )
        for row in rows
    )


def lookup(symbol: str) -> SymbolInfo | None:
    """Return what the shipped directory knows about `symbol`, or None."""
    return default_directory().lookup(symbol)


def search(text: str, limit: int) -> list[SymbolInfo]:
    """Search the shipped directory (see `SymbolDirectory.search`)."""
    return default_directory().search(text, limit)
