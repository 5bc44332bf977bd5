"""Quirks of the CSV twin, on files written here in its format."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isnan

import pytest
from tests.fakes.cboe_csv import HEADER, csv_line, quotedata

from optix.adapters.market_data.cboe.quotedata import read_quotedata, translate_quotedata
from optix.adapters.market_data.cboe.wire import UnreadableDocument
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.clock import to_datetime


def read(text: str) -> Snapshot:
    return translate_quotedata(read_quotedata(text.encode()))


class TestPreamble:
    @pytest.mark.parametrize("first", ["", "\n", "\ufeff", "\r\n\r\n"])
    def test_blank_first_lines_are_passed_over(self, first: str) -> None:
        assert len(read(first + quotedata([csv_line()])).contracts) == 2

    @pytest.mark.parametrize(
        ("stamp", "published"),
        [
            ("September 14, 2023 at 4:31 PM EDT", datetime(2023, 9, 14, 20, 31, tzinfo=UTC)),
            ("June 10, 2022, 8:47 PM EDT", datetime(2022, 6, 11, 0, 47, tzinfo=UTC)),
            ("December 1, 2023 at 9:05 AM EST", datetime(2023, 12, 1, 14, 5, tzinfo=UTC)),
        ],
    )
    def test_both_date_formats_are_new_york_time(self, stamp: str, published: datetime) -> None:
        snapshot = read(quotedata([csv_line()], stamp=stamp))
        assert to_datetime(snapshot.published_ns) == published

    def test_a_weekend_stamp_is_of_friday(self) -> None:
        snapshot = read(quotedata([csv_line()], stamp="August 20, 2023 at 4:31 PM EDT"))
        assert to_datetime(snapshot.ts_event) == datetime(2023, 8, 18, 20, 15, tzinfo=UTC)

    def test_the_underlying_is_in_the_preamble_and_its_symbol_in_the_contracts(self) -> None:
        quote = read(quotedata([csv_line()])).quote
        assert quote.symbol == "SPX"
        assert (quote.bid, quote.ask, quote.last) == (4483.25, 4526.27, 4505.1)
        assert (quote.bid_size, quote.ask_size) == (1.0, 2.0)
        assert quote.previous_close == 4467.44

    def test_a_volume_with_separators_is_read(self) -> None:
        text = quotedata([csv_line(root="SPY")], volume='"Volume: 71,039,449"')
        assert read(text).quote.volume == 71_039_449


class TestRows:
    def test_a_line_is_a_call_and_a_put(self) -> None:
        snapshot = read(quotedata([csv_line(bid="241.2", ask="245.4", iv="0.167", net="-0.5")]))
        chain = snapshot.chain(date(2023, 9, 15))
        assert [contract.key for contract in chain.contracts] == [
            "SPXW230915C04275000",
            "SPXW230915P04275000",
        ]
        assert chain.columns["bid"][0] == 241.2
        assert chain.columns["vendor_iv"][0] == 0.167
        assert chain.columns["previous_close"][0] == 238.16
        assert isnan(chain.columns["vendor_theta"][0])

    @pytest.mark.parametrize("blank", ["", "--", " "])
    def test_a_blank_is_missing_and_not_zero(self, blank: str) -> None:
        snapshot = read(quotedata([csv_line(bid=blank)]))
        assert isnan(snapshot.columns["bid"][0])

    def test_a_missing_preamble_number_is_missing(self) -> None:
        text = quotedata([csv_line()]).replace("Last: 4505.1", "Last: n/a").replace("Bid: ", "")
        quote = read(text).quote
        assert isnan(quote.last)
        assert isnan(quote.bid)

    def test_no_change_says_nothing_about_the_close_before(self) -> None:
        snapshot = read(quotedata([csv_line(net="0")]))
        assert isnan(snapshot.columns["previous_close"][0])

    def test_am_and_pm_roots_of_one_strike_are_both_kept(self) -> None:
        snapshot = read(quotedata([csv_line(root="SPX"), csv_line(root="SPXW")]))
        assert len(snapshot.contracts) == 4
        assert not snapshot.rejections

    @pytest.mark.parametrize(
        ("line", "code", "count"),
        [
            ("Fri Sep 15 2023,SPXW230915C04275000,1,2", "short_line", 2),
            (csv_line() + ",7", "short_line", 2),
            (csv_line(stated="Sat Sep 16 2023"), "inconsistent_row", 2),
            (csv_line(stated="someday"), "inconsistent_row", 2),
            (csv_line(stated_strike="4276.00"), "inconsistent_row", 2),
            (csv_line(bid="n/a"), "not_a_number", 1),
            (csv_line(bid="-1"), "negative_number", 1),
            (csv_line(bid="nan"), "not_a_number", 1),
            (csv_line(bid="9e99"), "absurd_number", 1),
            (csv_line(root="SPY"), "other_underlying", 2),
            (csv_line(call="SPXW230915X04275000"), "malformed_symbol", 1),
        ],
    )
    def test_what_cannot_be_served_is_listed(self, line: str, code: str, count: int) -> None:
        good = [csv_line(strike=strike) for strike in (4000, 4100)]
        snapshot = read(quotedata([*good, line]))
        assert [entry.row.code for entry in snapshot.rejections] == [code] * count
        assert snapshot.rows == 6
        assert len(snapshot.contracts) == 6 - count
        assert all(entry.row.raw for entry in snapshot.rejections)

    def test_a_line_given_twice_is_listed_once(self) -> None:
        snapshot = read(quotedata([csv_line(), csv_line()]))
        assert [entry.row.code for entry in snapshot.rejections] == ["duplicate_contract"] * 2
        assert len(snapshot.contracts) == 2


class TestUnreadableFiles:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "empty"),
            ("\n\n", "empty"),
            ("a,b\nc,d\n", "preamble"),
            ("a\nb\nc\nd\n", "column names"),
            (quotedata([csv_line()], stamp="once upon a time"), "cannot be dated"),
            (quotedata([csv_line()], stamp="June 31, 2022, 8:47 PM EDT"), "cannot be dated"),
            (quotedata([]), "no contract"),
            (quotedata([csv_line()]).replace(HEADER, HEADER.replace("Gamma", "Speed")), "column"),
        ],
    )
    def test_says_what_is_wrong(self, text: str, says: str) -> None:
        with pytest.raises(UnreadableDocument, match=says):
            read(text)
