"""Watchlists as text: comma text and CSV, read and written. Pure.

Reading takes what people paste: symbols between commas, blanks or line ends, or CSV whose first
line names the columns (symbol, section, note). Writing CSV keeps spreadsheets from taking a note
for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from optix.features.watchlists.registers import SECTION, Watchlist
from optix.kernel import limits
from optix.kernel.symbols import MalformedSymbol, parse_symbol

_SYMBOL_HEADS: Final = frozenset({"symbol", "ticker", "symbols", "tickers"})
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_between = re.compile(r"[\s,;]+").split


@dataclass(frozen=True, slots=True)
class ReadRow:
    """One symbol of a text. `problem` says why it is none; `repeated` that it came before."""

    line: int
    text: str
    symbol: str | None
    section: str = ""
    note: str = ""
    problem: str = ""
    repeated: bool = False


def read_text(text: str) -> list[ReadRow]:
    """Return what a text names, row by row, at most `WATCHLIST_SYMBOLS_MAX` of them."""
    found: list[ReadRow] = []
    seen: set[str] = set()
    for line, word, section, note in _words(text):
        if len(found) == limits.WATCHLIST_SYMBOLS_MAX:
            break
        try:
            symbol = parse_symbol(word)
        except MalformedSymbol as error:
            found.append(ReadRow(line, word, None, section, note, problem=error.detail))
            continue
        found.append(ReadRow(line, word, symbol, section, note, repeated=symbol in seen))
        seen.add(symbol)
    return found


def _words(text: str) -> Iterator[tuple[int, str, str, str]]:
    lines = text.lstrip("\ufeff").splitlines()
    heads = [each.strip().lower() for each in lines[0].split(",")] if lines else []
    named = next((place for place, head in enumerate(heads) if head in _SYMBOL_HEADS), None)
    if named is None:
        for number, line in enumerate(lines, start=1):
            for word in _between(line):
                if word:
                    yield number, word[: limits.CONTRACT_TEXT_LENGTH_MAX], "", ""
        return
    reader = csv.reader(io.StringIO("\n".join(lines[1:])))
    section, note = (heads.index(name) if name in heads else None for name in ("section", "note"))
    for row in reader:
        word = _cell(row, named)
        if word:
            yield (
                reader.line_num + 1,
                word[: limits.CONTRACT_TEXT_LENGTH_MAX],
                _cell(row, section)[: limits.WATCHLIST_NOTE_LENGTH_MAX],
                _cell(row, note)[: limits.WATCHLIST_NOTE_LENGTH_MAX],
            )


def _cell(row: Sequence[str], place: int | None) -> str:
    text = row[place] if place is not None and place < len(row) else ""
    return " ".join(text.split())


def as_comma_text(watchlist: Watchlist) -> str:
    """Return the symbols in their order, as one line."""
    return ", ".join(key for key, _ in watchlist.shown() if not key.startswith(SECTION))


def as_csv(watchlist: Watchlist) -> str:
    """Return symbol, section and note of each entry; `read_text` reads it back."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("symbol", "section", "note"))
    section = ""
    for key, fields in watchlist.shown():
        if key.startswith(SECTION):
            section = fields.text("note")
        else:
            writer.writerow((key, _harmless(section), _harmless(fields.text("note"))))
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
