"""The shipped directory is sound, and a search ranks as its docstring promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.adapters.market_data import directory
from optix.adapters.market_data.directory import SymbolDirectory, default_directory
from optix.kernel import limits
from optix.kernel.quote import SecurityKind
from optix.ports.market_data import SymbolInfo


def info(symbol: str, name: str) -> SymbolInfo:
    return SymbolInfo(symbol=symbol, name=name, kind=SecurityKind.STOCK)


class TestShippedDirectory:
    def test_it_holds_about_two_hundred_symbols_of_all_three_kinds(self) -> None:
        symbols = default_directory().symbols()
        assert len(symbols) >= 200
        assert {entry.kind for entry in symbols} == set(SecurityKind)

    def test_every_symbol_has_a_name_an_exchange_and_a_bounded_ticker(self) -> None:
        for entry in default_directory().symbols():
            assert entry.name
            assert entry.exchange
            assert 0 < len(entry.symbol) <= limits.SYMBOL_LENGTH_MAX
            assert entry.symbol == directory.normalise_symbol(entry.symbol)
            assert directory.lookup(entry.symbol) is entry

    def test_a_symbol_listed_twice_is_refused(self) -> None:
        with pytest.raises(ValueError, match="A is listed twice"):
            SymbolDirectory([info("A", "One"), info("A", "Two")])


class TestLookup:
    @pytest.mark.parametrize("spelling", ["BRK.B", "brk.b", " BRK/B ", "BRK-B", "BRK B"])
    def test_it_accepts_the_spellings_of_a_share_class(self, spelling: str) -> None:
        found = directory.lookup(spelling)
        assert found is not None
        assert found.symbol == "BRK.B"

    @pytest.mark.parametrize("spelling", ["$SPX", "^SPX", "spx"])
    def test_it_drops_the_mark_of_an_index(self, spelling: str) -> None:
        found = directory.lookup(spelling)
        assert found is not None
        assert found.kind is SecurityKind.INDEX

    @pytest.mark.parametrize("spelling", ["", " ", "NOSUCH", "A" * 5_000, "\x00", "AAPL;DROP"])
    def test_what_is_not_listed_is_none(self, spelling: str) -> None:
        assert directory.lookup(spelling) is None


class TestSearch:
    def test_the_ranks_are_exact_then_ticker_then_word_then_contains(self) -> None:
        listed = SymbolDirectory(
            [
                info("XGOX", "Nothing"),
                info("ZZ", "Cargo Lines"),
                info("ABC", "The Gone Company"),
                info("GOOG", "Alphabet"),
                info("GO", "Grocery"),
            ]
        )
        assert [entry.symbol for entry in listed.search("go", 10)] == [
            "GO",
            "GOOG",
            "ABC",
            "XGOX",
            "ZZ",
        ]

    def test_the_more_active_symbol_wins_within_a_rank(self) -> None:
        listed = SymbolDirectory([info("AB", "Second"), info("AA", "First")])
        assert [entry.symbol for entry in listed.search("a", 10)] == ["AB", "AA"]

    def test_several_words_may_be_begun_in_any_order(self) -> None:
        assert directory.search("am bank", 1)[0].symbol == "BAC"

    def test_a_class_is_found_without_its_dot(self) -> None:
        assert directory.search("brkb", 1)[0].symbol == "BRK.B"

    @pytest.mark.parametrize("text", ["", "   ", "zzzzqq", "x" * 65, "x" * 100_000])
    def test_empty_unknown_or_absurd_text_finds_nothing(self, text: str) -> None:
        assert directory.search(text, 10) == []

    @pytest.mark.parametrize(("limit", "count"), [(-5, 0), (0, 0), (3, 3), (10_000, 50)])
    def test_the_number_of_results_is_bounded(self, limit: int, count: int) -> None:
        assert len(directory.search("i", limit)) == count

    @given(text=st.text(max_size=100), limit=st.integers(-10, 200))
    def test_any_text_gives_distinct_listed_symbols_within_the_bound(
        self, text: str, limit: int
    ) -> None:
        found = directory.search(text, limit)
        assert len(found) <= min(max(limit, 0), limits.SEARCH_RESULTS_MAX)
        assert len({entry.symbol for entry in found}) == len(found)
