"""Lean's zips: units, clocks, names, missing sides, and where every line goes."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from math import isnan
from pathlib import Path

import pytest
from tests.fakes.recordings import (
    CALL_750,
    CALL_JAN,
    GOOG_DAYS,
    PUT_750,
    lean_quote,
    lean_trade,
    write_daily,
    write_lean,
)

from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay import open_recording
from optix.adapters.market_data.replay.tape import Tape, Tick
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime
from optix.kernel.quote import Quote
from optix.ports.market_data import BarInterval


def tables(tick: Tick) -> list[ChainTable]:
    return [update for update in tick.updates if isinstance(update, ChainTable)]


def quotes(tape: Tape) -> list[Quote]:
    ticks = tape.iter_ticks()
    return [update for tick in ticks for update in tick.updates if isinstance(update, Quote)]


class TestLines:
    def test_a_bar_is_known_when_it_ends_and_prices_are_deci_cents(self, tmp_path: Path) -> None:
        tape = open_recording(write_lean(tmp_path))
        first = next(iter(tape.iter_ticks()))
        assert to_datetime(first.instant_ns) == datetime(2015, 12, 24, 14, 31, tzinfo=UTC)
        table = tables(first)[0]
        assert [contract.key for contract in table.contracts] == [
            "GOOG151231C00750000",
            "GOOG151231P00750000",
        ]
        assert table.columns["bid"][0] == 5.1
        assert table.columns["ask"][0] == 5.4
        assert (table.columns["bid_size"][0], table.columns["ask_size"][0]) == (10.0, 20.0)
        assert (table.columns["last"][0], table.columns["volume"][0]) == (5.25, 3.0)

    def test_the_first_tick_names_every_contract_with_its_open_interest(
        self, tmp_path: Path
    ) -> None:
        first = next(iter(open_recording(write_lean(tmp_path)).iter_ticks()))
        assert first.whole == {"GOOG"}
        december, january = tables(first)
        assert december.complete
        assert december.columns["open_interest"].tolist() == [1732.0, 0.0]
        assert isnan(january.columns["bid"][0])
        assert january.contracts[0].strike == 752.5

    def test_a_side_that_is_missing_is_missing_and_not_zero(self, tmp_path: Path) -> None:
        table = tables(next(iter(open_recording(write_lean(tmp_path)).iter_ticks())))[0]
        assert isnan(table.columns["bid"][1])
        assert table.columns["bid_size"][1] == 0.0
        assert table.columns["ask"][1] == 6.5

    def test_volume_adds_up_over_the_day(self, tmp_path: Path) -> None:
        _, second, *_ = open_recording(write_lean(tmp_path)).iter_ticks()
        table = next(t for t in tables(second) if t.contracts[0].key == "GOOG151231C00750000")
        assert (table.columns["last"][0], table.columns["volume"][0]) == (5.3, 7.0)
        assert not table.complete

    def test_a_crossed_quote_is_served(self, tmp_path: Path) -> None:
        ticks = list(open_recording(write_lean(tmp_path)).iter_ticks())
        table = tables(ticks[2])[0]
        assert table.columns["bid"][0] > table.columns["ask"][0]

    def test_every_line_is_served_or_listed(self, tmp_path: Path) -> None:
        account = open_recording(write_lean(tmp_path)).accounting()
        assert account.rows == account.served == 10
        assert account.unaccounted == 0

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("34200000,1,2,3", "short_line"),
            ("", "short_line"),
            ("soon,,,,,0,,,,,0", "not_a_number"),
            (lean_quote(0, 5.0, 5.1).replace("50000", "nan"), "not_a_number"),
            (lean_quote(0, 5.0, 5.1).replace("50000", "1e999"), "not_a_number"),
            (lean_quote(0, -5.0, 5.1), "absurd_number"),
            (lean_quote(0, 5.0, 5e9), "absurd_number"),
            ("99999999999,,,,,0,,,,,0", "absurd_number"),
            ("-1,,,,,0,,,,,0", "absurd_number"),
        ],
    )
    def test_a_line_that_cannot_be_served_is_listed(
        self, tmp_path: Path, line: str, code: str
    ) -> None:
        lines = {CALL_750: [lean_quote(0, 5.0, 5.1), line, lean_quote(1, 5.0, 5.1)]}
        account = open_recording(write_lean(tmp_path, members={"quote": lines})).accounting()
        assert account.as_dict() == {
            "rows": 3,
            "served": 2,
            "rejected": {code: 1},
            "unaccounted": 0,
            "shared_strikes": 0,
            "shared_strikes_lost": 0,
        }

    @pytest.mark.parametrize(
        "contract",
        ["call_0_20151231", "call_7500000_20151331", "both_7500000_20151231", "call_75_20151231"],
    )
    def test_lines_of_a_name_that_is_no_contract_are_listed(
        self, tmp_path: Path, contract: str
    ) -> None:
        members = {"quote": {contract: [lean_quote(0, 5.0, 5.1)], PUT_750: [lean_quote(0, 1, 2)]}}
        account = open_recording(write_lean(tmp_path, members=members)).accounting()
        assert account.rejected == {"malformed_contract": 1}
        assert account.unaccounted == 0


class TestFiles:
    def test_one_file_brings_those_of_its_day_along(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path)
        write_lean(tmp_path, day="20151228")
        account = open_recording(place / "20151224_trade_american.zip").accounting()
        assert account.rows == 10

    def test_a_folder_plays_its_days_in_order(self, tmp_path: Path) -> None:
        write_lean(tmp_path, day="20151228")
        tape = open_recording(write_lean(tmp_path))
        days = [to_datetime(tick.instant_ns).day for tick in tape.iter_ticks()]
        assert days == sorted(days)
        assert set(days) == {24, 28}
        assert to_datetime(tape.end_ns).day == 28

    def test_a_doubled_suffix_is_a_zip_all_the_same(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path, suffix=".zip.zip")
        assert open_recording(place / "20151224_quote_american.zip.zip").accounting().rows == 10

    def test_two_roots_of_one_underlying_play_together(self, tmp_path: Path) -> None:
        for root in ("spx", "spxw"):
            quote = {"call_37000000_20210115": [lean_quote(0, 50.0, 51.0)]}
            write_lean(
                tmp_path,
                day="20210104",
                root=root,
                members={"quote": quote},
                option_class="indexoption",
                style="european",
            )
        tape = open_recording(tmp_path / "indexoption" / "usa" / "minute")
        (table,) = tables(next(iter(tape.iter_ticks())))
        assert [contract.root for contract in table.contracts] == ["SPX", "SPXW"]
        account = tape.accounting()
        assert (account.shared_strikes, account.shared_strikes_lost) == (1, 0)

    def test_two_underlyings_of_a_day_share_their_ticks(self, tmp_path: Path) -> None:
        write_lean(tmp_path)
        write_lean(tmp_path, root="aapl")
        tape = open_recording(tmp_path / "option" / "usa" / "minute")
        first = next(iter(tape.iter_ticks()))
        assert first.whole == tape.symbols() == {"GOOG", "AAPL"}
        assert tape.accounting().unaccounted == 0

    @pytest.mark.parametrize(
        ("content", "says"),
        [(b"", "is empty"), (b"PK\x03\x04 cut", "no whole zip"), (b"hello", "no whole zip")],
    )
    def test_a_damaged_zip_says_so(self, tmp_path: Path, content: bytes, says: str) -> None:
        place = write_lean(tmp_path, members={"trade": {CALL_750: [lean_trade(0, 5.0, 1)]}})
        (place / "20151224_quote_american.zip").write_bytes(content)
        with pytest.raises(UnreadableRecording, match=says):
            open_recording(place)

    def test_a_zip_that_was_cut_off_says_so(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path)
        path = place / "20151224_quote_american.zip"
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(UnreadableRecording, match="no whole zip"):
            open_recording(place)

    def test_a_zip_without_content_says_so(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path, members={})
        with zipfile.ZipFile(place / "20151224_quote_american.zip", "w"):
            pass
        with pytest.raises(UnreadableRecording, match="without any file"):
            open_recording(place)

    def test_a_day_without_a_line_says_so(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path, members={"quote": {CALL_JAN: []}})
        with pytest.raises(UnreadableRecording, match="no readable line"):
            open_recording(place)


class TestSpot:
    def test_the_daily_bar_is_known_in_two_pieces(self, tmp_path: Path) -> None:
        write_daily(tmp_path, "goog", GOOG_DAYS)
        opening, closing = quotes(open_recording(write_lean(tmp_path)))
        assert (opening.last, opening.previous_close) == (749.55, 750.31)
        assert isnan(opening.high)
        assert (closing.last, closing.high, closing.low) == (748.4, 751.3, 746.56)
        assert to_datetime(closing.ts_event).strftime("%H:%M") == "18:00"

    def test_a_daily_bar_of_long_ago_is_no_previous_close(self, tmp_path: Path) -> None:
        write_daily(tmp_path, "goog", ["20140102 00:00,7534700,7542100,7440000,7503100,1"])
        assert quotes(open_recording(write_lean(tmp_path))) == []

    def test_index_minutes_are_points_in_chicago_time(self, tmp_path: Path) -> None:
        place = tmp_path / "index" / "usa" / "minute" / "spx"
        place.mkdir(parents=True)
        lines = ["30600000,3764.61,3769.99,3764.61,3766.63,59", "30660000,3766,3768,3765,3767,60"]
        with zipfile.ZipFile(place / "20210104_trade.zip", "w") as archive:
            archive.writestr("20210104_spx_minute_trade.csv", "\n".join(lines))
        contract = "call_37000000_20210115"
        members = {"quote": {contract: [lean_quote(0, 50.0, 51.0), lean_quote(5, 50.0, 51.0)]}}
        options = write_lean(
            tmp_path,
            day="20210104",
            root="spx",
            members=members,
            option_class="indexoption",
            style="european",
        )
        tape = open_recording(options)
        first, second = quotes(tape)
        assert to_datetime(first.ts_event) == datetime(2021, 1, 4, 14, 31, tzinfo=UTC)
        assert (first.last, second.last, second.high) == (3766.63, 3767.0, 3769.99)
        assert isnan(first.volume)
        bars = tape.bars("SPX", BarInterval.MINUTE_1)
        assert bars is not None
        assert [bar.close for bar in bars] == [3766.63, 3767.0]

    def test_of_a_universe_only_a_close_that_no_other_day_repeats_is_used(
        self, tmp_path: Path
    ) -> None:
        place = tmp_path / "option" / "usa" / "universes" / "goog"
        place.mkdir(parents=True)
        header = "#expiry,strike,right,open,high,low,close,volume,open_interest"
        for day, close in (("20151223", "750.31"), ("20151224", "748.40")):
            row = f",,,747.9300,748.7700,747.8600,{close},106129,"
            (place / f"{day}.csv").write_text(f"{header}\n{row}\n20151231,450,C,1,1,1,1,0,\n")
        opening, closing = quotes(open_recording(write_lean(tmp_path)))
        assert isnan(opening.last)
        assert opening.previous_close == 750.31
        assert closing.last == 748.4
        (place / "20151223.csv").write_text((place / "20151224.csv").read_text())
        assert quotes(open_recording(write_lean(tmp_path))) == []
