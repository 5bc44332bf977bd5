"""Numbers of messages and tables of rows: what cannot be is missing or refused, never zero."""

from __future__ import annotations

from datetime import date
from math import inf, isnan, nan

import pytest

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    IV_MIN,
    PRICE_MAX,
    RawRows,
    amount_of,
    analytic_of,
    check_rows,
    instant_of,
    price_of,
    refuse_drift,
    table_of,
)
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality

NOW_NS = 1_763_650_860_000_000_000
DAY = date(2025, 12, 19)


def table(*bids: object, instants: list[int] | None = None) -> ChainTable:
    raw = RawRows(
        contracts=[
            OptionContract("SPY", DAY, Right.CALL, 1_000 * (n + 1)) for n in range(len(bids))
        ],
        columns={"bid": list(bids)},
        describe=str,
    )
    return table_of(
        "SPY",
        check_rows("SPY", raw),
        instants=instants or [0] * len(bids),
        source="test",
        quality=Quality.REALTIME,
        ts_event=NOW_NS,
        ts_received=NOW_NS,
    )


class TestNumbers:
    @pytest.mark.parametrize(
        "value", [None, "1", True, -0.01, inf, nan, 10**400, PRICE_MAX + 1, [], {}]
    )
    def test_what_is_no_amount_is_missing(self, value: object) -> None:
        assert isnan(amount_of(value))
        assert isnan(price_of(value))

    def test_zero_is_an_amount_and_no_price(self) -> None:
        assert amount_of(0) == 0.0
        assert isnan(price_of(0))
        assert amount_of(COUNT_MAX, COUNT_MAX) == COUNT_MAX

    @pytest.mark.parametrize(
        ("name", "value", "known"),
        [
            ("vendor_iv", 0.2, True),
            ("vendor_iv", IV_MIN, False),
            ("vendor_iv", 101.0, False),
            ("vendor_delta", -1.0, True),
            ("vendor_delta", 1.1, False),
            ("vendor_theta", -0.3, True),
            ("vendor_gamma", -0.3, False),
            ("vendor_rho", "0.1", False),
        ],
    )
    def test_an_analytic_keeps_to_the_bounds_of_its_column(
        self, name: str, value: object, known: bool
    ) -> None:
        assert isnan(analytic_of(name, value)) != known

    def test_an_instant_is_a_whole_number_of_units(self) -> None:
        assert instant_of(1_763_650_859_123, 1_000_000, received_ns=NOW_NS) == 1763650859123 * 10**6
        for value in (None, "1763650859123", 1763650859123.0, True, 5, -1, 10**30):
            assert instant_of(value, 1_000_000, received_ns=NOW_NS) == 0

    def test_a_clock_a_little_ahead_counts_as_now(self) -> None:
        assert instant_of(NOW_NS + 10**9, 1, received_ns=NOW_NS) == NOW_NS
        assert instant_of(NOW_NS + 301 * 10**9, 1, received_ns=NOW_NS) == 0


class TestTables:
    def test_a_row_without_a_time_has_the_tables(self) -> None:
        rows = table(1.0, -1.0, 2.0, instants=[7, 8, 0])
        assert list(rows.row_ts_event or []) == [7, NOW_NS], "the rejected row takes its time along"
        assert [row.code for row in rows.rejected] == ["negative_number"]

    def test_a_table_with_few_bad_rows_is_served(self) -> None:
        rows = table(1.0, -1.0)
        assert refuse_drift("Vendor", rows, 2) is rows

    def test_a_table_with_many_is_a_format_that_changed(self) -> None:
        with pytest.raises(Unreadable, match=r"2 of 3 options of SPY from Vendor .* negative"):
            refuse_drift("Vendor", table(1.0, -1.0, -2.0), 3)
        with pytest.raises(Unreadable, match="name nothing"):
            refuse_drift("Vendor", table(1.0), 3)
