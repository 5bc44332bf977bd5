"""Searches over the shipped universe and over small ones, with the mistakes people make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.adapters.market_data.directory import default_directory
from optix.adapters.market_data.symbol_index import SymbolIndex, _distance, words_of

ROWS = [
    ("AAPL", "Apple Inc"),
    ("MSFT", "Microsoft Corporation"),
    ("JPM", "JPMorgan Chase & Co"),
    ("GS", "The Goldman Sachs Group Inc"),
    ("BRK.B", "Berkshire Hathaway Inc Class B"),
    ("APLE", "Apple Hospitality REIT, Inc."),
    ("EL", "Estée Lauder Companies"),
]
INDEX = SymbolIndex(ROWS)


def found(text: str, limit: int = 10) -> list[str]:
    return [ROWS[place][0] for place in INDEX.search(text, limit)]


class TestWhatPeopleType:
    @pytest.mark.parametrize(
        ("text", "symbol"),
        [
            ("aapl", "AAPL"),
            ("brkb", "BRK.B"),
            ("BRK/B", "BRK.B"),
            ("sachs gold", "GS"),
            ("jp morgan", "JPM"),
            ("estee", "EL"),
            ("ESTÉE", "EL"),
            ("kshire", "BRK.B"),
            ("microsft", "MSFT"),
            ("mircosoft", "MSFT"),
            ("microsf", "MSFT"),
            ("goldmn sacks", "GS"),
        ],
    )
    def test_it_finds(self, text: str, symbol: str) -> None:
        assert found(text)[0] == symbol

    def test_what_begins_so_comes_before_what_is_misspelled(self) -> None:
        assert found("apple")[:2] == ["AAPL", "APLE"]
        assert found("appel")[0] == "AAPL"

    def test_a_short_word_is_taken_as_it_stands(self) -> None:
        assert found("gx") == []

    def test_what_stands_across_two_rows_is_in_neither(self) -> None:
        assert found("inc msft") == []
        assert found("inc\nmsft") == []

    @pytest.mark.parametrize("text", ["", " ", "...", "\n"])
    def test_nothing_matches_nothing(self, text: str) -> None:
        assert found(text) == []

    def test_no_more_than_the_limit(self) -> None:
        assert len(found("a", 2)) == 2
        assert found("a", 0) == []


class TestTheUniverse:
    def test_it_holds_thousands_and_knows_recent_listings(self) -> None:
        listed = default_directory()
        assert len(listed) > 6_000
        for symbol in ("SNDK", "CRWV", "RDDT", "BF.B"):
            assert listed.lookup(symbol) is not None, symbol

    @given(st.integers(min_value=0, max_value=6_000), st.data())
    def test_every_symbol_is_found_first_by_its_ticker_and_among_others_by_its_name(
        self, place: int, data: st.DataObject
    ) -> None:
        listed = default_directory()
        info = listed.symbols()[place]
        assert listed.search(info.symbol, 5)[0] == info
        word = max(words_of(info.name.casefold()), key=len)
        cut = data.draw(st.integers(min_value=1, max_value=len(word)))
        begun = {entry.symbol for entry in listed.search(f"{word[:cut]} {info.name}", 50)}
        assert info.symbol in begun

    @given(st.text(max_size=64))
    def test_any_text_is_answered(self, text: str) -> None:
        results = default_directory().search(text, 20)
        assert len(results) <= 20
        assert len({entry.symbol for entry in results}) == len(results)


class TestDistance:
    @pytest.mark.parametrize(
        ("one", "other", "mistakes"),
        [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "ab", 1), ("", "ab", 2)],
    )
    def test_it_counts(self, one: str, other: str, mistakes: int) -> None:
        assert _distance(one, other) == mistakes

    @given(st.text("abc", max_size=7), st.text("abc", max_size=7))
    def test_it_is_the_same_both_ways_and_bounded(self, one: str, other: str) -> None:
        assert _distance(one, other) == _distance(other, one)
        assert abs(len(one) - len(other)) <= _distance(one, other) <= max(len(one), len(other))
