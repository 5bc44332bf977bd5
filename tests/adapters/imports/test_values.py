"""What the numbers of each source become: units, clocks, sentinels, roots, flags.

Proved on made-up rows in the documented formats whose right answer is known.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.fakes.recorded_files import (
    ALPACA_SNAPSHOT,
    CBOE_OPTION,
    IVOLATILITY_HEADER,
    QUOTE_TABLE_LINE,
    RESEARCH_LAB_SPX,
    SCHWAB_OPTION,
    UNIVERSE_HEADER,
    RecordedFile,
    alpaca,
    cboe_document,
    ivolatility_row,
    quote_table,
    research_lab,
    schwab_chain,
    zipped,
)
from tests.fakes.recorded_samples import SAMPLES

from optix.adapters.imports import build_importers
from optix.adapters.imports.codes import UNKNOWN
from optix.adapters.imports.quotes import IV_MAX, quote_flags
from optix.adapters.imports.thetadata_wire import read_table
from optix.features.market import calendar
from optix.kernel.clock import to_ns
from optix.kernel.quote import QuoteFlag
from optix.kernel.quote import quote_flags as flags_of_one
from optix.ports.history import DatasetName, ImportBatch, UnreadableFile

BY_NAME = {importer.name: importer for importer in build_importers(calendar)}
SAMPLE = {sample.path: sample for sample in SAMPLES}


def ns(*parts: int) -> int:
    return to_ns(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]  # year to microsecond


def rows_of(folder: Path, sample: RecordedFile, dataset: DatasetName) -> list[dict[str, Any]]:
    batches = BY_NAME[sample.importer].iter_batches(sample.write(folder))
    return [row for b in batches if b.dataset is dataset for row in frame(b).iter_rows(named=True)]


def frame(batch: ImportBatch) -> pl.DataFrame:
    assert isinstance(batch.rows, pl.DataFrame)
    return batch.rows


def read(folder: Path, importer: str, name: str, body: bytes) -> list[ImportBatch]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return list(BY_NAME[importer].iter_batches(path))


def options(batches: list[ImportBatch]) -> list[dict[str, Any]]:
    return [
        row
        for batch in batches
        if batch.dataset is DatasetName.OPTION_QUOTES
        for row in frame(batch).iter_rows(named=True)
    ]


class TestFlags:
    def test_flags_of_columns_are_those_of_one_quote(self) -> None:
        sides = [None, 0.0, 1.0, 1.1, 2.0, 5.0]
        pairs = [(bid, ask) for bid in sides for ask in sides]
        columns = pl.DataFrame(pairs, schema={"bid": pl.Float64, "ask": pl.Float64}, orient="row")
        found = columns.select(quote_flags(frozenset(columns.columns))).to_series().to_list()
        nan = float("nan")
        expected = [
            int(flags_of_one(nan if bid is None else bid, nan if ask is None else ask))
            for bid, ask in pairs
        ]
        assert found == expected

    def test_a_crossed_quote_is_kept_and_flagged(self, tmp_path: Path) -> None:
        crossed = {**CBOE_OPTION, "bid": 1.3}
        (row,) = options(read(tmp_path, "cboe_json", "a", cboe_document([crossed])))
        assert (row["bid"], row["ask"]) == (1.3, 1.2)
        assert row["flags"] == QuoteFlag.CROSSED


class TestSentinels:
    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            *((word, None) for word in (0, 1.0000000000000003e-05, -999.0, 21.5, None, "NaN")),
            (IV_MAX, IV_MAX),
            (IV_MAX + 0.01, None),
            (0.25, 0.25),
        ],
    )
    def test_a_volatility_is_within_its_bounds_or_none(
        self, given: object, kept: float | None, tmp_path: Path
    ) -> None:
        document = cboe_document([{**CBOE_OPTION, "iv": given}])
        (row,) = options(read(tmp_path, "cboe_json", "a", document))
        assert row["vendor_iv"] == kept
        assert row["bid"] == 1.1  # a good quote does not vanish for a bad volatility

    def test_zero_greeks_beside_no_volatility_were_never_computed(self, tmp_path: Path) -> None:
        zeros = dict.fromkeys(("iv", "delta", "gamma", "vega", "theta", "rho"), 0)
        document = cboe_document([{**CBOE_OPTION, **zeros}])
        (row,) = options(read(tmp_path, "cboe_json", "a", document))
        assert row["vendor_delta"] is row["vendor_vega"] is row["vendor_price"] is None

    def test_a_trade_at_zero_is_no_trade(self, tmp_path: Path) -> None:
        document = cboe_document([{**CBOE_OPTION, "last_trade_price": 0, "prev_day_close": 0}])
        (row,) = options(read(tmp_path, "cboe_json", "a", document))
        assert row["last"] is row["previous_close"] is None
        assert row["volume"] == 7

    def test_percent_becomes_a_fraction_and_words_for_none_become_null(
        self, tmp_path: Path
    ) -> None:
        odd = {**SCHWAB_OPTION, "symbol": "XYZ   260717P00050000", "volatility": -999.0}
        odd |= {"delta": -999.0}
        good, bad = options(read(tmp_path, "schwab_chain", "a", schwab_chain(SCHWAB_OPTION, odd)))
        assert good["vendor_iv"] == pytest.approx(0.255)
        assert good["vendor_rho"] is None
        assert bad["vendor_iv"] is bad["vendor_delta"] is None
        assert good["ts_event"] == ns(2026, 6, 17, 18) + 123_000_000

    def test_a_solver_that_had_no_quote_found_nothing(self, tmp_path: Path) -> None:
        call, put = rows_of(tmp_path, SAMPLE["yahoo/XYZ.csv"], DatasetName.OPTION_QUOTES)
        assert (call["vendor_iv"], put["vendor_iv"]) == (0.25, None)
        assert (call["open_interest"], put["volume"]) == (None, None)  # absent is not zero


class TestClocks:
    def test_cboe_numbers_are_a_quarter_of_an_hour_older_than_their_document(
        self, tmp_path: Path
    ) -> None:
        (row,) = options(read(tmp_path, "cboe_json", "a", cboe_document([CBOE_OPTION])))
        assert row["ts_event"] == ns(2026, 6, 17, 17, 45)

    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("September 14, 2023 at 4:31 PM EDT", ns(2023, 9, 14, 20, 16)),
            ("September 16, 2023, 8:47 PM EDT", ns(2023, 9, 15, 20, 15)),  # Saturday: Friday's
        ],
    )
    def test_the_quote_table_has_two_dates_and_weekends(
        self, text: str, instant: int, tmp_path: Path
    ) -> None:
        batches = read(tmp_path, "cboe_csv", "a", quote_table(QUOTE_TABLE_LINE, text))
        assert {row["ts_event"] for row in options(batches)} == {instant}

    def test_new_york_keeps_its_wall_clock_over_the_year(self, tmp_path: Path) -> None:
        line = "{}T16:00:00,XYZ,50.5,2026-12-18,0,C,50,1,2,0,0.2,5,1\n"
        batches = read(
            tmp_path,
            "research_lab_csv",
            "a",
            research_lab(line.format("2026-07-16") + line.format("2026-11-16")),
        )
        assert [row["ts_event"] for row in options(batches)] == [
            ns(2026, 7, 16, 20),
            ns(2026, 11, 16, 21),
        ]

    def test_nanoseconds_with_their_zeros_cut_stay_whole(self, tmp_path: Path) -> None:
        document = alpaca({"snapshots": {"XYZ260717C00050000": ALPACA_SNAPSHOT}})
        quote, trade = read(tmp_path, "alpaca_json", "a", document)
        assert frame(quote)["ts_event"].to_list() == [ns(2026, 6, 17, 18) + 123_456_700]
        assert frame(trade)["ts_event"].to_list() == [ns(2026, 6, 17, 17, 59, 59) + 500_000_000]

    def test_integers_beyond_a_float_stay_exact(self, tmp_path: Path) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["polygon/chain.json"], DatasetName.OPTION_QUOTES)
        assert row["ts_event"] == 1_781_719_200_123_456_789

    def test_a_frame_is_as_old_as_its_latest_trade(self, tmp_path: Path) -> None:
        for path in ("yahoo/XYZ.csv", "yahoo/XYZ.parquet"):
            rows = rows_of(tmp_path, SAMPLE[path], DatasetName.OPTION_QUOTES)
            assert {row["ts_event"] for row in rows} == {ns(2025, 8, 26, 20, 14, 59)}

    def test_a_stamp_without_a_zone_beside_prices_of_the_close_is_of_new_york(
        self, tmp_path: Path
    ) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["syzwang/chain.csv"], DatasetName.OPTION_QUOTES)
        assert row["ts_event"] == ns(2026, 4, 16, 3, 44, 59) + 843_450_000

    def test_a_price_of_another_session_is_not_beside_the_quotes(self, tmp_path: Path) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["lachjory/XYZ.csv"], DatasetName.OPTION_QUOTES)
        assert row["spot"] is None
        assert row["ts_event"] == ns(2026, 8, 13, 15, 58, 32)


class TestRoots:
    def test_a_lost_root_is_found_by_the_order_of_its_source(self, tmp_path: Path) -> None:
        rows = options(read(tmp_path, "research_lab_csv", "a", research_lab(RESEARCH_LAB_SPX)))
        found = {(row["root"], row["expiration"]): row["bid"] for row in rows}
        assert found == {
            ("SPX", date(2026, 7, 17)): 20,
            ("SPXW", date(2026, 7, 16)): 5,
            ("SPXW", date(2026, 7, 17)): 30,
            ("SPXW", date(2026, 7, 20)): 40,
        }
        assert {row["underlying"] for row in rows} == {"SPX"}

    def test_a_standard_date_alone_says_no_class(self, tmp_path: Path) -> None:
        rows = [line for line in RESEARCH_LAB_SPX.splitlines() if ",2026-07-17," in line][:2]
        batches = read(tmp_path, "research_lab_csv", "a", research_lab("\n".join(rows)))
        assert options(batches) == []
        assert [(entry.code, entry.count) for entry in batches[0].rejected] == [("root_lost", 2)]

    def test_the_two_classes_of_the_vix_are_told_by_their_dates(self, tmp_path: Path) -> None:
        line = "2026-07-16T16:15:01,VIX,18,{},0,C,20,1,2,0,0.2,5,1\n"
        text = line.format("2026-07-22") + line.format("2026-07-29")
        rows = options(read(tmp_path, "research_lab_csv", "a", research_lab(text)))
        assert [row["root"] for row in rows] == ["VIX", "VIXW"]

    def test_orats_rows_of_a_standard_date_have_no_root(self, tmp_path: Path) -> None:
        body = SAMPLE["orats/strikes.csv"].body.decode().replace("XYZ", "SPX").encode()
        (batch,) = read(tmp_path, "orats_strikes", "a", body)
        assert [(entry.code, entry.count) for entry in batch.rejected] == [("root_lost", 2)]
        (batch,) = read(tmp_path, "orats_strikes", "a", body.replace(b"07-17", b"07-16"))
        assert set(frame(batch)["root"]) == {"SPXW"}

    def test_a_strike_with_the_noise_of_floats_is_exact(self, tmp_path: Path) -> None:
        line = "2026-07-16T16:00:00,XYZ,50,2026-08-21,0,C,{},1,2,0,0.2,5,1\n"
        text = line.format("92.14000000000001") + line.format("92.14049")
        (batch,) = read(tmp_path, "research_lab_csv", "a", research_lab(text))
        assert frame(batch)["strike_milli"].to_list() == [92_140]
        assert [entry.code for entry in batch.rejected] == ["malformed_contract"]

    def test_adjusted_roots_keep_their_digit(self, tmp_path: Path) -> None:
        adjusted = {**CBOE_OPTION, "option": "XYZ1260717C00050000", "bid": 0.9}
        rows = options(read(tmp_path, "cboe_json", "a", cboe_document([CBOE_OPTION, adjusted])))
        assert [(row["root"], row["underlying"]) for row in rows] == [
            ("XYZ", "XYZ"),
            ("XYZ1", "XYZ"),
        ]

    def test_a_saturday_symbol_beside_its_friday_is_one_contract(self, tmp_path: Path) -> None:
        text = IVOLATILITY_HEADER + ivolatility_row(
            "SPX", "01/03/2011", "SPX   110122C00055000", "01/21/2011"
        )
        (row,) = options(read(tmp_path, "ivolatility_csv", "a", text.encode()))
        assert row["expiration"] == date(2011, 1, 22)
        assert row["ts_event"] == ns(2011, 1, 3, 21, 15)  # index options end at 16:15

    def test_an_expired_contract_is_rejected(self, tmp_path: Path) -> None:
        old = {**CBOE_OPTION, "option": "XYZ260616C00050000"}
        today = {**CBOE_OPTION, "option": "XYZ260617C00050000"}
        batches = read(tmp_path, "cboe_json", "a", cboe_document([old, today]))
        assert [row["expiration"] for row in options(batches)] == [date(2026, 6, 17)]
        assert [entry.code for batch in batches for entry in batch.rejected] == ["expired_contract"]


class TestDuplicates:
    def test_the_same_row_twice_stays_for_the_store_to_count(self, tmp_path: Path) -> None:
        rows = options(read(tmp_path, "cboe_json", "a", cboe_document([CBOE_OPTION] * 2)))
        assert len(rows) == 2

    def test_the_same_key_with_other_numbers_is_rejected(self, tmp_path: Path) -> None:
        other = {**CBOE_OPTION, "bid": 0.5}
        batches = read(tmp_path, "cboe_json", "a", cboe_document([CBOE_OPTION, other]))
        assert [row["bid"] for row in options(batches)] == [1.1]
        assert [entry.code for batch in batches for entry in batch.rejected] == ["conflicting_row"]


class TestLean:
    def test_a_quote_bar_is_known_when_it_ends(self, tmp_path: Path) -> None:
        path = "option/usa/minute/xyz/20240105_quote_american.zip"
        first, second = rows_of(tmp_path, SAMPLE[path], DatasetName.OPTION_QUOTES)
        assert first["ts_event"] == ns(2024, 1, 5, 14, 31)
        assert (first["bid"], first["ask"], first["strike_milli"]) == (1.1, 1.2, 50_000)
        assert (second["bid"], second["flags"]) == (None, QuoteFlag.NO_BID)

    @pytest.mark.parametrize(
        ("day", "root", "instant"),
        [
            ("20151224", "goog", ns(2015, 12, 24, 18)),  # closed at 13:00
            ("20151223", "goog", ns(2015, 12, 23, 21)),
            ("20151223", "spy", ns(2015, 12, 23, 21, 15)),
        ],
    )
    def test_the_quote_of_a_day_is_known_at_its_close(
        self, day: str, root: str, instant: int, tmp_path: Path
    ) -> None:
        member = f"{root}_quote_american_call_7500000_20160115.csv"
        line = f"{day} 00:00,1,1,1,10000,1,1,1,1,12000,1"
        (row,) = options(read(tmp_path, "lean_options", "a.zip", zipped({member: line})))
        assert row["ts_event"] == instant

    def test_open_interest_stands_for_the_session_before(self, tmp_path: Path) -> None:
        member = "spx_openinterest_european_call_32000000_20210115.csv"
        (batch,) = read(tmp_path, "lean_options", "a.zip", zipped({member: "20210104 00:00,7"}))
        (row,) = frame(batch).iter_rows(named=True)
        assert row["date"] == date(2020, 12, 31)  # over a weekend and a holiday
        assert row["ts_event"] == ns(2021, 1, 4, 11, 30)

    def test_index_minutes_are_of_chicago_and_in_points(self, tmp_path: Path) -> None:
        line = "30600000,3764.61,3769.99,3764.61,3766.63,59"
        body = zipped({"20210104_spx_minute_trade.csv": line})
        (batch,) = read(tmp_path, "lean_securities", "a.zip", body)
        (row,) = frame(batch).iter_rows(named=True)
        assert (row["ts_event"], row["close"]) == (ns(2021, 1, 4, 14, 30), 3766.63)
        assert "volume" not in row

    def test_actions_are_what_changes_from_line_to_line(self, tmp_path: Path) -> None:
        rows = rows_of(
            tmp_path, SAMPLE["equity/usa/factor_files/xyz.csv"], DatasetName.CORPORATE_ACTIONS
        )
        assert [(row["kind"], row["ex_date"], row["ratio"], row["amount"]) for row in rows] == [
            ("split", date(2021, 1, 5), 4.0, None),
            (
                "cash_dividend",
                date(2021, 1, 5),
                None,
                pytest.approx(50 * (1 - 0.9 / 0.99), abs=1e-4),
            ),
            ("cash_dividend", date(2022, 1, 4), None, pytest.approx(0.6)),
        ]

    def test_a_universe_needs_the_date_and_a_session(self, tmp_path: Path) -> None:
        body = UNIVERSE_HEADER.encode()
        for name in ("xyz/today.csv", "xyz/20240106.csv"):
            with pytest.raises(UnreadableFile, match=r"session|called by its date"):
                read(tmp_path, "lean_universe", name, body)


class TestVendors:
    def test_the_put_has_its_own_delta_and_no_rho(self, tmp_path: Path) -> None:
        for path in ("orats/strikes.csv", "orats/strikes.json"):
            call, put = rows_of(tmp_path, SAMPLE[path], DatasetName.OPTION_QUOTES)
            assert call["vendor_delta"] == pytest.approx(0.6)
            assert put["vendor_delta"] == pytest.approx(-0.4)
            assert put["vendor_rho"] is None
            assert put["vendor_gamma"] == 0  # it was -1e-14
            assert (put["vendor_iv"], put["spot"]) == (0.25, 50.5)

    def test_conditions_and_exchanges_become_letters(self, tmp_path: Path) -> None:
        (polygon,) = rows_of(tmp_path, SAMPLE["polygon/chain.json"], DatasetName.TRADES)
        assert (polygon["conditions"], polygon["exchange"]) == ("S", "C")
        (theta,) = rows_of(tmp_path, SAMPLE["theta/prints.csv"], DatasetName.TRADES)
        assert (theta["conditions"], theta["exchange"]) == ("f", "C")
        assert theta["sequence"] == -1986932228

    def test_a_condition_nobody_knows_is_no_regular_print(self, tmp_path: Path) -> None:
        body = SAMPLE["theta/prints.csv"].body
        for code, letter, action in ((b"99", UNKNOWN, "new"), (b"40", "A", "cancel")):
            changed = body.replace(b",130,", b"," + code + b",")
            (batch,) = read(tmp_path, "thetadata_csv", "a", changed)
            (row,) = frame(batch).iter_rows(named=True)
            assert (row["conditions"], row["action"]) == (letter, action)

    def test_a_raw_answer_says_the_same_as_its_table(self, tmp_path: Path) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["theta/prints.pb.zst"], DatasetName.TRADES)
        assert row["symbol"] == "XYZ260717C00050000"
        assert (row["price"], row["size"], row["sequence"]) == (1.15, 3, -5)
        assert row["ts_event"] == ns(2026, 6, 17, 18) + 123_000_000

    def test_a_raw_answer_that_is_none_is_refused(self) -> None:
        for body in (b"", b"\x0a\x05ab", b"\x0b\x01a", b"\xff" * 12):
            with pytest.raises(UnreadableFile):
                read_table(body, "a")

    def test_greeks_of_one_become_greeks_of_a_point(self, tmp_path: Path) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["theta/greeks.csv"], DatasetName.OPTION_QUOTES)
        assert (row["vendor_vega"], row["vendor_rho"]) == (pytest.approx(0.3), pytest.approx(0.1))
        late = SAMPLE["theta/greeks.csv"].body.replace(b"14:00:00.000", b"17:15:39.000")
        (late_row,) = options(read(tmp_path, "thetadata_csv", "a", late))
        assert late_row["vendor_iv"] is late_row["spot"] is None
        (eod,) = rows_of(tmp_path, SAMPLE["eod/spx.csv"], DatasetName.OPTION_QUOTES)
        assert eod["vendor_theta"] == pytest.approx(25.1577 / 365)
        assert eod["vendor_vega"] == pytest.approx(0.003713)
        assert eod["expiration"] == date(2016, 6, 17)

    def test_an_indicative_quote_says_so(self, tmp_path: Path) -> None:
        asked = "snapshots/XYZ?feed=indicative"
        document = alpaca({"snapshots": {"XYZ260717C00050000": ALPACA_SNAPSHOT}}, asked)
        (row,) = options(read(tmp_path, "alpaca_json", "a", document))
        assert row["flags"] & QuoteFlag.INDICATIVE
        assert row["source"] == "alpaca_indicative"

    def test_a_reverse_split_makes_fewer_shares(self, tmp_path: Path) -> None:
        paid, split = rows_of(tmp_path, SAMPLE["dbn/actions.jsonl"], DatasetName.CORPORATE_ACTIONS)
        assert (paid["kind"], paid["amount"]) == ("cash_dividend", pytest.approx(0.5))
        assert (split["kind"], split["ratio"]) == ("split", 0.1)

    def test_nanodollars_and_the_exchange_of_a_print(self, tmp_path: Path) -> None:
        (row,) = rows_of(tmp_path, SAMPLE["dbn/trades.dbn.zst"], DatasetName.TRADES)
        assert (row["price"], row["exchange"], row["symbol"]) == (1.15, "C", "XYZ260717C00050000")

    def test_a_cut_dbn_file_is_refused(self, tmp_path: Path) -> None:
        body = SAMPLE["dbn/cbbo.dbn"].body[:-3]
        with pytest.raises(UnreadableFile, match="within a record"):
            read(tmp_path, "databento_dbn", "a", body)
