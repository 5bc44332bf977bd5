"""The Treasury's files as they are documented, through a server to the zero curve they imply."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from math import exp

import numpy as np
import orjson
import pytest
import structlog
from tests.fakes.provider_server import Reply
from tests.fakes.treasury_server import FakeTreasury
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.treasury.adapter import (
    KEPT_SECONDS,
    TreasuryRates,
    build_source,
)
from optix.adapters.market_data.treasury.client import BODY_BYTES_MAX, TreasuryClient
from optix.adapters.market_data.treasury.translate import tenor_years, translate_year
from optix.kernel.clock import NANOSECONDS, SystemClock, to_ns
from optix.ports.market_data import ProviderUnavailable
from optix.quant.rates import curve_from_par_yields

NEWEST = "06/17/2026,4.30,4.31,4.32,4.33,4.32,4.28,4.10,3.95,4.25,4.80"
BEFORE = "06/16/2026,4.29,N/A,4.31,4.32,,4.27,4.09,3.94,4.24,4.79"


class HandClock:
    ns = to_ns(datetime(2026, 6, 17, 22, 0, tzinfo=UTC))

    def now_ns(self) -> int:
        return self.ns


@pytest.fixture
async def fake() -> AsyncIterator[FakeTreasury]:
    made = FakeTreasury()
    made.years = {
        2026: [NEWEST, BEFORE],
        2025: ["12/31/2025,4.4,4.4,4.4,4.4,4.4,4.4,4.2,4.1,4.5,5"],
    }
    async with made.serve_http():
        yield made


@pytest.fixture
async def source(fake: FakeTreasury) -> AsyncIterator[TreasuryRates]:
    clock = HandClock()
    made = TreasuryRates(TreasuryClient(clock, base_url=fake.url), clock)
    yield made
    await made.close()


class TestLatest:
    async def test_percents_become_decimals_with_their_day(self, source: TreasuryRates) -> None:
        yields = await source.fetch_par_yields()
        assert (yields.day, yields.source) == (date(2026, 6, 17), "US Treasury")
        assert yields.years[:3] == (1 / 12, 0.125, 2 / 12)
        assert yields.years[-1] == 30
        assert yields.par_yields[-1] == pytest.approx(0.048)

    async def test_it_is_asked_for_once_in_an_hour(
        self, source: TreasuryRates, fake: FakeTreasury
    ) -> None:
        await source.fetch_par_yields()
        await source.fetch_par_yields()
        assert len(fake.asked) == 1
        HandClock.ns += KEPT_SECONDS * NANOSECONDS
        try:
            await source.fetch_par_yields()
        finally:
            HandClock.ns -= KEPT_SECONDS * NANOSECONDS
        assert len(fake.asked) == 2

    @pytest.mark.parametrize("lines", [None, []])
    async def test_in_january_last_year_counts(
        self, source: TreasuryRates, fake: FakeTreasury, lines: list[str] | None
    ) -> None:
        del fake.years[2026]
        if lines is not None:
            fake.years[2026] = lines
        assert (await source.fetch_par_yields()).day == date(2025, 12, 31)

    async def test_a_day_to_come_is_not_the_latest(
        self, source: TreasuryRates, fake: FakeTreasury
    ) -> None:
        fake.years[2026].insert(0, NEWEST.replace("06/17", "06/18"))
        assert (await source.fetch_par_yields()).day == date(2026, 6, 17)

    async def test_without_any_curve_it_is_an_outage(
        self, source: TreasuryRates, fake: FakeTreasury
    ) -> None:
        fake.years = {}
        with pytest.raises(ProviderUnavailable):
            await source.fetch_par_yields()

    async def test_an_answer_that_is_too_large_is_refused(
        self, source: TreasuryRates, fake: FakeTreasury
    ) -> None:
        fake.scripted.append(Reply(b"x" * (BODY_BYTES_MAX + 1)))
        with pytest.raises(Unreadable):
            await source.fetch_par_yields()


async def test_the_past_comes_in_order(source: TreasuryRates) -> None:
    curves = await source.fetch_history(start=date(2025, 12, 31), end=date(2026, 6, 16))
    assert [curve.day for curve in curves] == [date(2025, 12, 31), date(2026, 6, 16)]
    assert len(curves[1].years) == 8, "what is N/A or empty is left out"


async def test_it_needs_no_account() -> None:
    await build_source(SystemClock()).close()


class TestFile:
    @pytest.mark.parametrize(
        ("name", "years"),
        [
            ("1 Mo", 1 / 12),
            ("1.5 Month", 0.125),
            ("6 Mo", 0.5),
            ("20 Yr", 20.0),
            ("0 Mo", None),
            ("LT COMPOSITE (>10 Yrs)", None),
        ],
    )
    def test_a_column_says_its_tenor(self, name: str, years: float | None) -> None:
        assert tenor_years(name) == years

    def test_rows_that_are_no_curve_are_told(self) -> None:
        body = """Date,"1 Mo","2 Yr"
06/17/2026,4.3,4.1
06/31/2026,4.3,4.1
soon,4.3,4.1
06/16/2026,4.3
06/15/2026,N/A,4.1
06/12/2026,430,nan
"""
        with structlog.testing.capture_logs() as logs:
            curves = translate_year(body.encode())
        assert [curve.day.day for curve in curves] == [17]
        assert logs[0]["rows"] == 5

    @pytest.mark.parametrize(
        "body", [b"<html></html>", b"Date,x\n", b"\xff\xfe\x00", b'Date,"1 Mo\n', b""]
    )
    def test_what_is_no_table_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            translate_year(body)


@pytest.mark.recorded
def test_recorded_curves_become_discount_factors() -> None:
    (path,) = recorded("market/researchlab/rates").glob("*.json")
    rows = orjson.loads(path.read_bytes())["families"]["nominal"]["rows"]
    columns = {"y3m": "3 Mo", "y2": "2 Yr", "y5": "5 Yr", "y10": "10 Yr", "y30": "30 Yr"}
    lines = ["Date," + ",".join(columns.values())]
    for row in reversed(rows):
        cells = ["N/A" if row.get(key) is None else str(row[key]) for key in columns]
        lines.append(f"{date.fromisoformat(row['date']):%m/%d/%Y}," + ",".join(cells))
    curves = translate_year("\n".join(lines).encode())
    assert len(curves) == len(rows)
    assert [curve.day.isoformat() for curve in curves] == [row["date"] for row in rows]
    for curve in (curves[0], curves[-1]):
        fitted = curve_from_par_yields(years=curve.years, par_yield=curve.par_yields)
        found = fitted.at(np.array([0.25, 2.0, 10.0]))
        assert np.all(np.diff(found.discount) < 0)
        # Three months are a bill: simple interest.
        assert found.discount[0] == pytest.approx(1 / (1 + curve.par_yields[0] * 0.25))
        assert exp(-found.rate[1] * 2.0) == pytest.approx(found.discount[1])
