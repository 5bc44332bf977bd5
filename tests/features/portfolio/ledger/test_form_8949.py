"""Form 8949: each column by a table, sums that agree with the form's own, and a safe CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.features.portfolio.ledger.tax_books import (
    CALL,
    TAXED,
    XYZ,
    book,
    closed,
    held,
    named,
    option,
    share,
)

from optix.features.portfolio.ledger.form_8949 import (
    COLUMNS,
    Form8949Row,
    Reported,
    Reporting,
    as_csv,
    describe,
    form_8949,
)
from optix.features.portfolio.ledger.gains import taxable_gains
from optix.features.portfolio.ledger.values import Disposal, DisposalKind, Lot
from optix.features.portfolio.ledger.wash_sales import find_wash_sales
from optix.kernel.holding import Asset, AssetKind


def rows_of(
    *things: Disposal | Lot, year: int = 2025, reporting: Reporting | None = None
) -> tuple[Form8949Row, ...]:
    return form_8949(taxable_gains(find_wash_sales(book(*things)).disposals), year, reporting)


class TestColumns:
    def test_a_sale(self) -> None:
        """By every cell of one: bought on 6 January, sold on 5 February."""
        (row,) = rows_of(closed("a", 0, 30, 100, "1000.50", "1200.25"))
        assert row.cells == (
            "C",
            "100 sh. XYZ",
            "01/06/2025",
            "02/05/2025",
            "1200.25",
            "1000.50",
            "",
            "",
            "199.75",
        )

    def test_a_wash_sale_has_its_code_and_a_positive_adjustment(self) -> None:
        """By a loss of 200 of which half is washed."""
        (row,) = rows_of(closed("a", 0, 30, 100, 1000, 800), held("b", 40, 50, 400))
        assert (row.code, row.adjustment, row.gain) == ("W", "100.00", "-100.00")

    def test_a_replacement_is_held_since_the_tacked_day(self) -> None:
        """By a replacement bought on day 60 for shares that were held 30 days."""
        rows = rows_of(closed("a", 0, 50, 1, 10, 9), closed("b", 60, 80, 1, 9, 12))
        assert [row.acquired for row in rows] == ["01/06/2025", "01/16/2025"]
        assert rows[1].cost == "10.00"

    @pytest.mark.parametrize(
        ("quantity", "paid", "received", "expected"),
        [
            (1, 120, 0, ("01/06/2025", "02/05/2025", "EXPIRED", "120.00", "-120.00")),
            (-1, 0, 120, ("02/05/2025", "01/06/2025", "120.00", "EXPIRED", "120.00")),
        ],
    )
    def test_expired_options_say_so(
        self, quantity: int, paid: int, received: int, expected: tuple[str, ...]
    ) -> None:
        """By the instructions: one that was bought in (d); one that was written in (e), with the
        day of its expiry in (b).
        """
        (row,) = rows_of(
            closed("a", 0, 30, quantity, paid, received, asset=CALL, kind=DisposalKind.EXPIRY)
        )
        assert (row.acquired, row.sold, row.proceeds, row.cost, row.gain) == expected

    def test_a_written_option_that_was_bought_back(self) -> None:
        """By its days: bought back in (b), written in (c)."""
        (row,) = rows_of(closed("a", 0, 30, -1, 50, 120, asset=CALL))
        assert (row.acquired, row.sold, row.gain) == ("02/05/2025", "01/06/2025", "70.00")

    def test_a_short_sale(self) -> None:
        """By its days: what closed it was bought and delivered on the same one."""
        (row,) = rows_of(closed("a", 0, 30, -100, 900, 1000))
        assert (row.acquired, row.sold) == ("02/05/2025", "02/05/2025")
        assert row.description == "100 sh. XYZ short sale"

    @pytest.mark.parametrize(
        ("asset", "quantity", "text"),
        [
            (XYZ, "0.125", "0.125 sh. XYZ"),
            (XYZ, "100.000", "100 sh. XYZ"),
            (CALL, "2", "2 XYZ 06/20/2025 CALL 50"),
            (option("XYZ250620P00047500"), "-1", "1 XYZ 06/20/2025 PUT 47.5 written"),
            (Asset(kind=AssetKind.CRYPTO, symbol="BTC"), "0.5", "0.5 BTC"),
        ],
    )
    def test_what_it_was(self, asset: Asset, quantity: str, text: str) -> None:
        assert describe(closed("a", 0, 1, quantity, 1, 1, asset=asset)) == text

    def test_only_the_year_and_dollars(self) -> None:
        """By a sale of the next year and one in euros."""
        euro = replace(XYZ, currency="EUR")
        assert not rows_of(closed("a", 0, 400, 1, 1, 2), closed("b", 0, 9, 1, 1, 2, asset=euro))

    def test_short_term_comes_first(self) -> None:
        """By a long-term sale that was earlier in the year."""
        rows = rows_of(
            closed("long", 0, 380, 1, 1, 2), closed("short", 370, 390, 1, 1, 2), year=2026
        )
        assert [row.box for row in rows] == ["C", "F"]


class TestBoxes:
    @pytest.mark.parametrize(
        ("reported", "boxes"),
        [
            (Reported.WITH_BASIS, ("A", "D", "G", "J")),
            (Reported.WITHOUT_BASIS, ("B", "E", "H", "K")),
            (Reported.NOT, ("C", "F", "I", "L")),
        ],
    )
    def test_they_say_what_the_broker_reports(
        self, reported: Reported, boxes: tuple[str, ...]
    ) -> None:
        """By a sale of either term, of shares and of a digital asset."""
        coin = Asset(kind=AssetKind.CRYPTO, symbol="BTC")
        rows = rows_of(
            closed("a", 370, 380, 1, 1, 2),
            closed("b", 0, 380, 1, 1, 2),
            closed("c", 370, 380, 1, 1, 2, asset=coin),
            closed("d", 0, 380, 1, 1, 2, asset=coin),
            year=2026,
            reporting=Reporting(accounts={TAXED: reported}),
        )
        by_source = {row.disposal: row.box for row in rows}
        assert tuple(by_source[named(name)] for name in "abcd") == boxes

    def test_a_sale_s_own_word_goes_before_the_account_s(self) -> None:
        """By a sale that was reported otherwise."""
        known = Reporting(
            sales={named("a"): Reported.WITHOUT_BASIS}, accounts={TAXED: Reported.WITH_BASIS}
        )
        rows = rows_of(closed("a", 0, 30, 1, 1, 2), closed("b", 0, 30, 1, 1, 2), reporting=known)
        assert [row.box for row in rows] == ["B", "A"]

    def test_digital_assets_have_no_boxes_of_their_own_before_2025(self) -> None:
        """By a sale of 2024."""
        coin = Asset(kind=AssetKind.CRYPTO, symbol="BTC")
        (row,) = rows_of(closed("a", -90, -30, 1, 1, 2, asset=coin), year=2024)
        assert row.box == "C"


class TestRounding:
    @given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=8))
    def test_the_form_adds_up_in_its_own_cents(self, amounts: list[tuple[int, int]]) -> None:
        """By amounts of millionths: (h) is (d) - (e) + (g) as they stand there."""
        rows = rows_of(
            *(
                closed(f"{number}", number, 30, 1, Decimal(paid).scaleb(-6), received)
                for number, (paid, received) in enumerate(amounts)
            )
        )
        for row in rows:
            added = Decimal(row.proceeds) - Decimal(row.cost) + Decimal(row.adjustment or 0)
            assert Decimal(row.gain) == added
            assert all(
                len(text.partition(".")[2]) == 2 for text in (row.proceeds, row.cost, row.gain)
            )


class TestCSV:
    def read(self, text: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(text)))

    def test_it_has_the_form_s_columns_in_its_order(self) -> None:
        """By reading it back."""
        rows = rows_of(
            closed("a", 0, 30, 1, 12, 10), closed("b", 0, 31, 1, 1, 2, asset=share("ABC"))
        )
        header, *lines = self.read(as_csv(rows))
        assert tuple(header) == COLUMNS
        assert [tuple(line) for line in lines] == [row.cells for row in rows]
        assert lines[0][-1] == "-2.00"

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
    def test_no_text_is_a_formula(self, start: str) -> None:
        """By a description that a spreadsheet would compute: a quote stands in front of it."""
        (row,) = rows_of(closed("a", 0, 30, 1, 1, 2, asset=share("XYZ")))
        evil = replace(row, description=f"{start}HYPERLINK(1)")
        _, line = self.read(as_csv([evil]))
        assert line[1] == f"'{start}HYPERLINK(1)"

    @given(st.text(max_size=12))
    def test_every_cell_is_a_number_or_begins_harmlessly(self, text: str) -> None:
        """By any text in a description."""
        (row,) = rows_of(closed("a", 0, 30, 1, 1, 2))
        cell = self.read(as_csv([replace(row, description=text)]).replace("\0", ""))[1][1]
        if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
            assert Decimal(cell) < 0
