"""Watchlists as text: what people paste is read, and what is written is read back."""

from __future__ import annotations

from uuid import UUID

import pytest

from optix.features.watchlists.exchange import as_comma_text, as_csv, read_text
from optix.features.watchlists.registers import SECTION, Edit, Watchlist, apply_edits, check_edit
from optix.kernel import limits

NOW = 1_790_000_000_000
HEADLINE = f"{SECTION}{UUID(int=7)}"


def listed(*entries: tuple[str, str, str]) -> Watchlist:
    """Return a list of (key, rank, note)."""
    lists: dict[UUID, Watchlist] = {}
    changes = [(None, {"alive": True, "name": "Core", "rank": "5"})]
    changes += [(key, {"alive": True, "rank": rank, "note": note}) for key, rank, note in entries]  # type: ignore[misc]  # a list of pairs
    made = []
    for number, (entry, wanted) in enumerate(changes):
        key, checked = check_edit(entry, wanted)
        made.append(
            Edit(id=UUID(int=number), at_ms=NOW, list_id=UUID(int=1), entry=key, changes=checked)
        )
    apply_edits(lists, made, now_ms=NOW, symbols_max=limits.WATCHLIST_SYMBOLS_MAX)
    return lists[UUID(int=1)]


@pytest.mark.parametrize(
    "text", ["SPY, QQQ,IWM", "spy qqq\niwm", "SPY;QQQ;\tIWM;", "\ufeffSPY\r\nQQQ\r\nIWM\r\n"]
)
def test_symbols_between_whatever_people_put_between_them(text: str) -> None:
    assert [row.symbol for row in read_text(text)] == ["SPY", "QQQ", "IWM"]


def test_what_is_no_symbol_and_what_came_before_are_told_apart() -> None:
    rows = read_text("SPY, what?!, SPY")
    assert [(row.symbol, row.repeated) for row in rows] == [
        ("SPY", False),
        (None, False),
        ("SPY", True),
    ]
    assert rows[1].problem


def test_csv_with_columns_in_any_order() -> None:
    text = 'Note,Ticker,Section\n"to buy, soon",brk.b,Value\n,,\n,AAPL,\n'
    assert [(row.line, row.symbol, row.section, row.note) for row in read_text(text)] == [
        (2, "BRK.B", "Value", "to buy, soon"),
        (4, "AAPL", "", ""),
    ]


def test_a_text_without_end_is_read_up_to_the_limit() -> None:
    many = ",".join(f"A{number:04d}"[:5] for number in range(2 * limits.WATCHLIST_SYMBOLS_MAX))
    assert len(read_text(many)) == limits.WATCHLIST_SYMBOLS_MAX
    assert read_text("") == []


def test_what_is_written_is_read_back() -> None:
    """Sections and notes go through CSV and come back as they were."""
    whole = listed(
        ("SPY", "1", "core, always"), (HEADLINE, "2", "Semis"), ("NVDA", "3", ""), ("AMD", "4", "x")
    )
    assert [(row.symbol, row.section, row.note) for row in read_text(as_csv(whole))] == [
        ("SPY", "", "core, always"),
        ("NVDA", "Semis", ""),
        ("AMD", "Semis", "x"),
    ]
    assert as_comma_text(whole) == "SPY, NVDA, AMD"


@pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@x"])
def test_a_spreadsheet_takes_no_note_for_a_formula(note: str) -> None:
    assert f"SPY,,'{note}" in as_csv(listed(("SPY", "1", note)))
