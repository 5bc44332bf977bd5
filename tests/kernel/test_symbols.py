"""One symbol, whatever the vendor's mark or separator, and clear refusals."""

from __future__ import annotations

from typing import Any

import pytest

from optix.kernel.limits import SYMBOL_LENGTH_MAX
from optix.kernel.quote import SecurityKind
from optix.kernel.symbols import (
    CLASS_SHARES,
    ETFS,
    INDICES,
    MalformedSymbol,
    kind_of,
    parse_symbol,
    root_of,
)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("SPY", "SPY"),
        (" spy\n", "SPY"),
        ("F", "F"),
        ("GOOGL", "GOOGL"),
        ("VIX9D", "VIX9D"),
        ("BRK.B", "BRK.B"),
        ("BRK/B", "BRK.B"),
        ("BRK-B", "BRK.B"),
        ("BRKB", "BRK.B"),
        ("brk/b", "BRK.B"),
        ("^SPX", "SPX"),
        ("^GSPC", "SPX"),
        ("_SPX", "SPX"),
        ("$SPX", "SPX"),
        ("$SPX.X", "SPX"),
        ("I:SPX", "SPX"),
        ("^VIX9D", "VIX9D"),
    ],
)
def test_a_spelling_is_read(text: str, symbol: str) -> None:
    assert parse_symbol(text) == symbol


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("  \t", "empty"),
        ("S PY", "not a symbol"),
        ("SPY;--", "not a symbol"),
        ("1SPY", "not a symbol"),
        ("TOOLONG", "not a symbol"),
        ("BRK.", "not a symbol"),
        ("BRK..B", "not a symbol"),
        ("BRK.ABC", "not a symbol"),
        ("BTC-USD", "not a symbol"),
        ("../etc/passwd", "not a symbol"),
        ("SPY250117C00500000", "not a symbol"),
        ("^", "not a symbol"),
        ("^BRK.B", "no share class"),
        ("_SPX.X", "no share class"),
        ("$BRK-X", "no share class"),
        ("ＳＰＹ", "characters that no ticker has"),
        ("ſpy", "characters that no ticker has"),
        ("SPY\u00a0", "characters that no ticker has"),
        ("SPY\x00", "not a symbol"),
        ("A" * (SYMBOL_LENGTH_MAX + 1), "at most 32"),
    ],
)
def test_anything_else_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(MalformedSymbol, match=complaint) as refused:
        parse_symbol(text)
    assert refused.value.code == "malformed_symbol"


@pytest.mark.parametrize("value", [None, 7, b"SPY", ["SPY"]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(MalformedSymbol, match="is a text, not"):
        parse_symbol(value)


def test_the_longest_text_is_still_read() -> None:
    assert parse_symbol("SPY".ljust(SYMBOL_LENGTH_MAX)) == "SPY"


@pytest.mark.parametrize("root", sorted(CLASS_SHARES))
def test_a_share_class_has_one_root_there_and_back(root: str) -> None:
    assert root_of(parse_symbol(root)) == root


def test_a_symbol_is_its_own_root_as_a_rule() -> None:
    assert root_of("SPY") == "SPY"
    assert root_of("XYZ.A") == "XYZA"


def test_known_symbols_have_a_kind() -> None:
    assert kind_of("SPX") is SecurityKind.INDEX
    assert kind_of("VIX") is SecurityKind.INDEX
    assert kind_of("IWM") is SecurityKind.ETF
    assert kind_of("BRK.B") is SecurityKind.STOCK
    assert not INDICES & ETFS
