"""The list of symbols is made from a document in the SEC's form, written here."""

from __future__ import annotations

import pytest
from tools.symbol_universe import readable, symbol_rows

FIELDS = ["cik", "name", "ticker", "exchange"]


def made(*rows: tuple[str, str, str | None], known: frozenset[str] = frozenset()) -> list[str]:
    data = [[1, name, ticker, exchange] for name, ticker, exchange in rows]
    return [row[0] for row in symbol_rows({"fields": FIELDS, "data": data}, known)]


class TestRows:
    def test_classes_are_written_with_a_dot_and_other_securities_left_out(self) -> None:
        assert made(
            ("BROWN FORMAN CORP", "BF-B", "NYSE"),
            ("X", "ABR-PD", "NYSE"),
            ("X", "SPAC-WT", "NYSE"),
            ("X", "SPAC-U", "NYSE"),
            ("Over the Counter", "OTCXF", "OTC"),
            ("Nowhere", "NONE", None),
        ) == ["BF.B"]

    def test_a_fifth_letter_at_nasdaq_is_a_warrant_only_beside_its_share(self) -> None:
        assert made(
            ("A", "ABCD", "Nasdaq"), ("A", "ABCDW", "Nasdaq"), ("G", "GOOGL", "Nasdaq")
        ) == [
            "ABCD",
            "GOOGL",
        ]

    def test_what_the_directory_has_is_not_listed_again(self) -> None:
        assert made(("Apple", "AAPL", "Nasdaq"), known=frozenset({"AAPL"})) == []

    def test_another_document_is_refused(self) -> None:
        with pytest.raises(AssertionError, match="company_tickers_exchange"):
            list(symbol_rows({"fields": "cik", "data": []}, frozenset()))


@pytest.mark.parametrize(
    ("name", "as_written"),
    [
        ("ARM HOLDINGS PLC /UK", "Arm Holdings PLC"),
        ("TOYOTA MOTOR CORP/", "Toyota Motor Corp"),
        ("Meta Platforms, Inc.", "Meta Platforms, Inc."),
        ("ANHEUSER-BUSCH COMPANIES", "Anheuser-Busch Companies"),
        ("AT&T INC.", "AT&T Inc."),
    ],
)
def test_names_are_written_as_people_do(name: str, as_written: str) -> None:
    assert readable(name) == as_written
