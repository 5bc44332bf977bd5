"""Rows in ORATS' format, one for each quirk, and the documented examples where they are present."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, time
from math import isnan
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain, check_quote
from tests.fakes.orats_server import day_row, strike_row, summary_row
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.orats import translate
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.corporate import ActionKind
from optix.kernel.instrument import Right

NOW = to_ns(datetime(2026, 6, 17, 19, 5, tzinfo=UTC))
JULY = date(2026, 7, 17)


def snapshot(*rows: dict[str, Any], symbol: str = "IWM") -> Snapshot:
    return translate.translate_strikes(rows, underlying=symbol, received_ns=NOW)


def columns(**changes: Any) -> dict[str, tuple[float, float]]:
    """Return the (call, put) of each column of one strike."""
    table = snapshot(strike_row("IWM", "2026-07-17", 295, **changes)).chain(JULY)
    assert [contract.right for contract in table.contracts] == [Right.CALL, Right.PUT]
    return {name: (values[0], values[1]) for name, values in table.columns.items()}


class TestStrikes:
    def test_a_row_becomes_a_call_and_a_put(self) -> None:
        made = columns()
        assert made["bid"] == (8.0, 7.0)
        assert made["ask"] == (8.1, 7.1)
        assert made["bid_size"] == (166, 0)
        assert made["volume"] == (12, 1)
        assert made["open_interest"] == (340, 7)
        assert made["vendor_price"] == (8.05, 7.05)
        assert all(isnan(value) for value in made["last"])

    def test_the_delta_of_the_put_is_one_less_and_the_rest_is_of_both(self) -> None:
        made = columns()
        assert list(made["vendor_delta"]) == pytest.approx([0.52, -0.48])
        for name, value in (("gamma", 0.021), ("vega", 0.336), ("theta", -0.118)):
            assert made[f"vendor_{name}"] == (value, value)
        assert made["vendor_rho"][0] == 0.13
        assert isnan(made["vendor_rho"][1])

    def test_the_smoothed_volatility_counts(self) -> None:
        assert columns()["vendor_iv"] == (0.2345, 0.2345)

    def test_a_mid_of_one_side_is_half_of_it_and_is_none(self) -> None:
        made = columns(smvVol=0, callBidIv=0, callMidIv=0.837, callAskIv=1.675)
        assert isnan(made["vendor_iv"][0])
        assert made["vendor_iv"][1] == 0.236

    def test_greeks_a_little_below_zero_are_zero(self) -> None:
        made = columns(gamma=-1.29661e-14, vega=-1.93379e-11)
        assert made["vendor_gamma"] == (0.0, 0.0)
        assert made["vendor_vega"] == (0.0, 0.0)
        assert isnan(columns(gamma=-0.5)["vendor_gamma"][0])

    def test_fractions_of_a_strike_are_kept(self) -> None:
        table = snapshot(strike_row("IWM", "2026-07-17", 92.14)).chain(JULY)
        assert table.contracts[0].strike_milli == 92_140

    def test_the_spot_is_the_cash_price_and_not_the_forward(self) -> None:
        row = strike_row("SPX", "2026-07-17", 5000, spotPrice=4990.0, stockPrice=5010.0)
        quote = snapshot(row, symbol="SPX").quote
        check_quote(quote)
        assert quote.last == 4990.0
        del row["spotPrice"]
        assert snapshot(row, symbol="SPX").quote.last == 5010.0

    def test_times_are_utc_and_the_quotes_own_one_counts(self) -> None:
        assert to_datetime(snapshot(strike_row("IWM", "2026-07-17", 295)).ts_event) == datetime(
            2026, 6, 17, 18, 49, 36, tzinfo=UTC
        )
        row = strike_row("IWM", "2026-07-17", 295, quoteDate="2026-06-17T18:40:00")
        assert to_datetime(snapshot(row).ts_event).minute == 40
        undated = strike_row("IWM", "2026-07-17", 295, updatedAt=None)
        assert NOW - snapshot(undated).ts_event == translate.DELAY_SECONDS * 10**9

    def test_class_shares_and_saturdays_are_spelled_as_they_were(self) -> None:
        row = strike_row("BRK.B", "2014-06-21", 100)
        table = snapshot(row, symbol="BRK.B").chain(date(2014, 6, 21))
        assert table.contracts[0].key == "BRKB140621C00100000"

    @pytest.mark.parametrize(
        ("day", "root"), [("2026-07-17", "SPX"), ("2026-07-16", "SPXW"), ("2026-07-24", "SPXW")]
    )
    def test_an_index_has_its_monthly_root_on_third_fridays(self, day: str, root: str) -> None:
        table = snapshot(strike_row("SPX", day, 5000), symbol="SPX")
        assert {contract.root for contract in table.contracts} == {root}

    @pytest.mark.parametrize(
        ("changes", "codes"),
        [
            ({"expirDate": "soon"}, ["malformed_strike"] * 2),
            ({"expirDate": None}, ["malformed_strike"] * 2),
            ({"strike": "295"}, ["malformed_strike"] * 2),
            ({"strike": -1.0}, ["malformed_strike"] * 2),
            ({"callBidPrice": -8.0}, ["negative_number"]),
            ({"putAskPrice": "7"}, ["not_a_number"]),
            ({"strike": 290}, ["duplicate_contract"] * 2),
        ],
    )
    def test_what_cannot_be_served_is_listed(self, changes: Any, codes: list[str]) -> None:
        good = strike_row("IWM", "2026-07-17", 290)
        made = snapshot(good, strike_row("IWM", "2026-07-17", 295) | changes)
        assert [rejection.row.code for rejection in made.rejections] == codes
        assert len(made.contracts) + len(made.rejections) == made.rows == 4


class TestPast:
    def test_a_day_is_one_table_of_all_dates(self) -> None:
        rows = [strike_row("IWM", day, 295) for day in ("2026-06-18", "2026-07-17")]
        table = translate.translate_past(
            rows, underlying="IWM", day=date(2026, 6, 17), received_ns=NOW
        )
        check_chain(table)
        assert len(table) == 4
        assert to_datetime(table.ts_event).isoformat() == "2026-06-17T18:49:36+00:00"

    def test_what_was_written_again_later_counts_from_its_own_bell(self) -> None:
        row = strike_row("IWM", "2026-07-17", 295)
        table = translate.translate_past(
            [row], underlying="IWM", day=date(2026, 6, 16), received_ns=NOW
        )
        assert to_datetime(table.ts_event).isoformat() == "2026-06-16T20:00:00+00:00"


class TestSecurities:
    def test_a_summary_is_a_price_without_sides(self) -> None:
        quote = translate.translate_summary(summary_row("IWM"), symbol="IWM", received_ns=NOW)
        check_quote(quote)
        assert quote.last == 295.4
        assert isnan(quote.bid)

    def test_bars_are_as_traded(self) -> None:
        rows = [day_row("IWM", "2026-06-17"), day_row("IWM", "2026-06-16", unadjOpen=None)]
        (bar,), odd = translate.translate_days(rows)
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (292, 294, 291, 293, 900)
        assert to_datetime(bar.ts_event).isoformat() == "2026-06-17T04:00:00+00:00"
        assert odd == 1

    def test_dividends_and_splits(self) -> None:
        actions = translate.translate_actions(
            [
                {"exDate": "2014-05-08", "divAmt": 3.29, "declaredDate": "2014-04-23"},
                {"exDate": "soon", "divAmt": 1.0},
                {"exDate": "2014-05-08", "divAmt": 0},
            ],
            [{"splitDate": "2014-06-09", "divisor": 7}, {"splitDate": None, "divisor": 2}],
            symbol="AAPL",
        )
        assert [(action.kind, action.amount, action.ratio) for action in actions] == [
            (ActionKind.CASH_DIVIDEND, 3.29, None),
            (ActionKind.SPLIT, None, 7),
        ]
        assert actions[0].announced == date(2014, 4, 23)

    @pytest.mark.parametrize(
        ("told", "at"),
        [(1630, time(16, 30)), ("900", time(9, 0)), ("AMC", None), (None, None), (2599, None)],
    )
    def test_earnings_have_a_time_where_one_is_told(self, told: object, at: time | None) -> None:
        rows: list[dict[str, Any]] = [
            {"earnDate": "2026-05-01", "anncTod": told},
            {"earnDate": "x"},
        ]
        (earnings,) = translate.translate_past_earnings(rows, symbol="AAPL")
        assert (earnings.day, earnings.at) == (date(2026, 5, 1), at)

    @pytest.mark.parametrize(
        ("day", "told", "session"),
        [
            ("2026-07-30", 900, date(2026, 7, 30)),
            ("2026-07-30", None, date(2026, 7, 30)),
            ("2026-07-30", 1630, date(2026, 7, 31)),
            ("2026-07-31", "1600", date(2026, 8, 3)),
            ("2026-08-01", 1630, date(2026, 8, 3)),
        ],
    )
    def test_a_report_after_the_close_is_of_the_next_session(
        self, day: str, told: object, session: date
    ) -> None:
        (found,) = translate.translate_next_earnings(
            [{"nextErn": day, "nextErnTod": told}], symbol="AAPL", today=date(2026, 6, 17)
        )
        assert (found.session, found.confirmed, found.source) == (session, False, "ORATS")

    @pytest.mark.parametrize("day", ["0000-00-00", None, "", "2026-06-16"])
    def test_no_day_or_one_that_has_passed_is_none(self, day: object) -> None:
        rows = [{"nextErn": day, "nextErnTod": 1630}]
        today = date(2026, 6, 17)
        assert translate.translate_next_earnings(rows, symbol="AAPL", today=today) == []


_odd: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 0.5, 1e308, "", "1", [], {}, "2026-07-17"]
)


@given(changes=st.dictionaries(st.sampled_from([*strike_row("IWM", "2026-07-17", 1)]), _odd))
def test_whatever_comes_becomes_rows_or_reasons(changes: dict[str, Any]) -> None:
    good = strike_row("IWM", "2026-07-17", 290)
    made = snapshot(good, strike_row("IWM", "2026-07-17", 295) | changes)
    assert len(made.contracts) + len(made.rejections) == 4
    for table in made.chains():
        check_chain(table)


@pytest.mark.recorded
def test_the_documented_strike_is_read() -> None:
    document = orjson.loads(
        recorded("market/orats/datav2_strikes_AAPL_2019-12-23.json").read_bytes()
    )
    made = snapshot(*document["data"], symbol="AAPL")
    table = made.chain(date(2019, 12, 27))
    check_chain(table)
    assert len(table) == 2
    assert not table.rejected
    assert table.columns["vendor_iv"].tolist() == [0.201089, 0.201089]
    assert table.columns["vendor_delta"].tolist() == [1.0, 0.0]
    assert table.columns["vendor_gamma"].tolist() == [0.0, 0.0]


@pytest.mark.recorded
def test_the_documented_minute_is_read() -> None:
    with recorded("market/orats/snapshot_strikes_2020-08-20T1130.csv").open(newline="") as lines:
        texts = list(csv.DictReader(lines))

    def value(text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text

    rows = [{name: value(text) for name, text in row.items()} for row in texts]
    made = snapshot(*rows, symbol="A")
    assert len(made.contracts) == 2 * len(rows)
    assert to_datetime(made.ts_event).isoformat() == "2020-08-20T15:29:16+00:00"
    check_chain(made.chain(date(2020, 8, 21)))
