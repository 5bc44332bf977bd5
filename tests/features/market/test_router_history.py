"""The market's memory over HTTP: stored rows are served with their source, and never the future."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest
from tests.contracts.openapi import problem_faults
from tests.fakes.history_rows import at, option_rows, store_in, write
from tests.fixtures.api import Caller
from tests.fixtures.chains import NOW_NS
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.adapters.history import HistoryStore
from optix.features.market import calendar, schemas
from optix.features.market import schemas_history as answers
from optix.features.market.history.measures import TENORS, WINDOWS
from optix.features.market.history.rules import RANK_SESSIONS_MIN
from optix.features.market.router_history import Tenor, Window
from optix.kernel import limits
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName
from optix.ports.market_data import Bar, BarInterval, Bars

pytestmark = pytest.mark.stores

MONDAY, TUESDAY = at(2026, 11, 16), at(2026, 11, 17)
DECEMBER = date(2026, 12, 18)
Get = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def get(client: httpx.AsyncClient, caller: Caller) -> Get:
    async def get(path: str, **headers: str) -> httpx.Response:
        return await client.get(f"/api/v1{path}", headers=caller.headers | headers)

    return get


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    """The store that the API reads."""
    return store_in(tmp_path / "history")


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert list(problem_faults(response)) == []
    problem: dict[str, Any] = response.json()
    return problem


def bar_rows(closes: dict[date, float], symbol: str = "AAPL") -> pl.DataFrame:
    values = list(closes.values())
    return pl.DataFrame(
        {
            "ts_event": [at(day.year, day.month, day.day, 5) for day in closes],
            "underlying": [symbol] * len(values),
            "symbol": [symbol] * len(values),
            "interval": ["1d"] * len(values),
            **dict.fromkeys(("open", "high", "low", "close"), values),
            "volume": [100.0] * len(values),
            "source": ["made_up"] * len(values),
            "quality": ["delayed"] * len(values),
        }
    )


WEEK = {date(2026, 11, 12): 700.0, date(2026, 11, 13): 707.0, date(2026, 11, 16): 101.0}


def split(store: HistoryStore) -> None:
    with store.writing("a test") as writer:
        writer.write_columns(
            DatasetName.CORPORATE_ACTIONS,
            {
                "symbol": ["AAPL"],
                "kind": ["split"],
                "ex_date": [date(2026, 11, 16)],
                "ratio": [7.0],
                "source": ["made_up"],
            },
        )


def fed(closes: dict[date, float], *, adjusted: bool) -> Bars:
    return Bars(
        symbol="AAPL",
        interval=BarInterval.DAY_1,
        source="scripted",
        quality=Quality.REALTIME,
        adjusted=adjusted,
        rows=[
            Bar(ts_event=at(d.year, d.month, d.day, 5), open=c, high=c, low=c, close=c, volume=1.0)
            for d, c in closes.items()
        ],
    )


class TestBars:
    PATH = "/historical/AAPL?start=2026-11-12&end=2026-11-17"

    async def test_stored_bars_come_first_and_the_feed_goes_on(
        self, get: Get, store: HistoryStore, market: Market
    ) -> None:
        write(store, bar_rows(WEEK), dataset=DatasetName.BARS)
        split(store)
        market.provider.bars["AAPL"] = fed(
            {date(2026, 11, 16): 999.0, date(2026, 11, 17): 102.0}, adjusted=True
        )
        answer = answers.StoredHistory.model_validate_json((await get(self.PATH)).text)
        assert [round(bar.close, 6) for bar in answer.bars] == [100.0, 101.0, 101.0, 102.0]
        assert answer.bars[0].volume == 700.0
        assert answer.adjusted
        assert [(part.source, part.stored) for part in answer.sources] == [
            ("made_up", True),
            ("scripted", False),
        ]
        assert answer.source == "scripted"

    async def test_as_traded_is_as_traded_and_footings_are_not_mixed(
        self, get: Get, store: HistoryStore, market: Market
    ) -> None:
        write(store, bar_rows(WEEK), dataset=DatasetName.BARS)
        split(store)
        market.provider.bars["AAPL"] = fed({date(2026, 11, 17): 102.0}, adjusted=True)
        response = await get(f"{self.PATH}&adjusted=false")
        answer = answers.StoredHistory.model_validate_json(response.text)
        assert [bar.close for bar in answer.bars] == [700.0, 707.0, 101.0]
        assert not answer.adjusted
        assert [part.source for part in answer.sources] == ["made_up"]

    async def test_without_a_feed_the_store_answers(
        self, get: Get, store: HistoryStore, market: Market
    ) -> None:
        write(store, bar_rows(WEEK), dataset=DatasetName.BARS)
        await market.kill(market.feed)
        await until(lambda: market.book.feed_status().state == "down")
        answer = answers.StoredHistory.model_validate_json((await get(self.PATH)).text)
        assert len(answer.bars) == 3
        refused(await get("/historical/MSFT?start=2026-11-12"), 503, "feed_unavailable")

    async def test_the_tag_spares_the_second_answer(self, get: Get, store: HistoryStore) -> None:
        write(store, bar_rows(WEEK), dataset=DatasetName.BARS)
        first = await get(self.PATH)
        again = await get(self.PATH, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def quoted(ts_event: int, bid: float) -> pl.DataFrame:
    rows = option_rows(ts_event, expiration=DECEMBER, strikes=(590, 600, 610), spot=600.0, bid=1.0)
    values = {"C": (22.0, 15.7, 10.6), "P": (9.5, 13.2, 18.0)}
    bids = [values[right][number // 2] + bid for number, right in enumerate(rows["right"])]
    return rows.with_columns(bid=pl.Series(bids), ask=pl.Series([value + 0.1 for value in bids]))


class TestPastChain:
    PATH = "/options/chain/SPY?as_of="

    async def test_it_is_what_was_known_then_priced_as_today(
        self, get: Get, store: HistoryStore
    ) -> None:
        write(store, quoted(MONDAY, 0.0), quoted(TUESDAY, 1.0))
        response = await get(f"{self.PATH}2026-11-17T15:00:00Z")
        chain = schemas.Chain.model_validate_json(response.text)
        assert {contract.bid for contract in chain.contracts} == {22.0, 9.5, 15.7, 13.2, 10.6, 18.0}
        assert (chain.source, chain.quality, chain.delay_seconds) == ("made_up", "delayed", 0)
        assert chain.expiration == DECEMBER
        assert chain.days == 31
        assert chain.spot.last == 600.0
        assert all(contract.iv and contract.status == "ok" for contract in chain.contracts)
        later = schemas.Chain.model_validate_json(
            (await get(f"{self.PATH}2026-11-17T21:00:00Z")).text
        )
        assert {contract.bid for contract in later.contracts} != {
            contract.bid for contract in chain.contracts
        }
        tag = response.headers["ETag"]
        again = await get(f"{self.PATH}2026-11-17T15:00:00Z", **{"If-None-Match": tag})
        assert again.status_code == 304

    async def test_filters_and_expirations_work_as_on_a_live_chain(
        self, get: Get, store: HistoryStore
    ) -> None:
        write(store, quoted(MONDAY, 0.0))
        moment = "2026-11-16T22:00:00Z"
        chain = schemas.Chain.model_validate_json(
            (await get(f"{self.PATH}{moment}&right=C&strikes=1&expiration={DECEMBER}")).text
        )
        assert [(contract.right, contract.strike) for contract in chain.contracts] == [("C", 600.0)]
        problem = refused(
            await get(f"{self.PATH}{moment}&expiration=2026-12-19"), 404, "unknown_expiration"
        )
        assert "2026-12-19" in problem["detail"]

    async def test_nothing_near_and_nothing_of_the_future(
        self, get: Get, store: HistoryStore
    ) -> None:
        write(store, quoted(at(2026, 10, 1), 0.0))
        problem = refused(await get(f"{self.PATH}2026-11-16T22:00:00Z"), 404, "no_past_chain")
        assert f"{limits.HISTORY_LOOKBACK_DAYS_MAX} days" in problem["detail"]
        assert "backfill" in problem["next_step"]
        refused(await get(f"{self.PATH}2030-01-02T15:00:00Z"), 422, "invalid_input")
        refused(await get(f"{self.PATH}2026-11-16T22:00:00"), 422, "invalid_input")


def store_volatility(store: HistoryStore, vols: dict[date, float], tenor: int = 30) -> None:
    count = len(vols)
    with store.writing("a test") as writer:
        writer.write_columns(
            DatasetName.IV_HISTORY,
            {
                "ts_event": [calendar.closes_at(day) for day in vols],
                "underlying": ["SPY"] * count,
                "date": list(vols),
                "measure": ["atm_iv"] * count,
                "tenor_days": [tenor] * count,
                "value": list(vols.values()),
                "quality": ["delayed"] * count,
                "source": ["made_up"] * count,
            },
        )


SESSIONS = list(calendar.iter_sessions(date(2026, 6, 1), date(2026, 11, 17)))


class TestVolatility:
    async def test_sessions_and_rank(self, get: Get, store: HistoryStore) -> None:
        vols = {day: 0.10 + 0.001 * number for number, day in enumerate(SESSIONS)}
        vols[SESSIONS[-1]] = 0.10
        store_volatility(store, vols)
        answer = answers.VolatilityHistory.model_validate_json(
            (await get("/options/iv-history/SPY")).text
        )
        assert [entry.date for entry in answer.sessions] == SESSIONS
        assert answer.sessions[0].atm_iv == 0.10
        assert answer.sessions[0].rr25 is None
        assert answer.sessions[0].source == "made_up"
        assert answer.rank is not None
        assert (answer.rank.rank, answer.rank.percentile, answer.rank.reason) == (0.0, 0.0, "")
        assert answer.rank.sessions == len(SESSIONS)

    async def test_a_short_past_has_no_rank_and_says_why(
        self, get: Get, store: HistoryStore
    ) -> None:
        store_volatility(store, dict.fromkeys(SESSIONS[-RANK_SESSIONS_MIN + 1 :], 0.1))
        answer = answers.VolatilityHistory.model_validate_json(
            (await get("/options/iv-history/SPY")).text
        )
        assert answer.rank is not None
        assert (answer.rank.rank, answer.rank.percentile) == (None, None)
        assert answer.rank.reason == "59 sessions are known; a rank needs 60."

    async def test_pages_go_on_where_the_one_before_ended(
        self, get: Get, store: HistoryStore
    ) -> None:
        store_volatility(store, dict.fromkeys(SESSIONS, 0.1))
        path, found, cursor = "/options/iv-history/SPY?limit=50", list[date](), ""
        for _ in range(3):
            answer = answers.VolatilityHistory.model_validate_json((await get(path + cursor)).text)
            found += [entry.date for entry in answer.sessions]
            cursor = f"&cursor={answer.next_cursor}"
        assert answer.next_cursor is None
        assert found == SESSIONS
        refused(await get(f"{path}&cursor=what"), 422, "cursor_unreadable")
        over = f"/options/iv-history/SPY?limit={limits.HISTORY_PAGE_MAX + 1}"
        refused(await get(over), 422, "invalid_input")

    async def test_other_maturities_and_symbols_are_their_own(
        self, get: Get, store: HistoryStore
    ) -> None:
        store_volatility(store, dict.fromkeys(SESSIONS, 0.1))
        answer = answers.VolatilityHistory.model_validate_json(
            (await get("/options/iv-history/SPY?tenor=90")).text
        )
        assert answer.sessions == []
        assert answer.rank is None
        problem = refused(await get("/options/iv-history/QQQ"), 404, "no_history")
        assert "OPTIX_CAPTURE_SYMBOLS" in problem["next_step"]
        refused(await get("/options/iv-history/SPY?start=2026-11-17&end=2026-11-16"), 422,
                "invalid_input")  # fmt: skip


class TestCoverage:
    async def test_sessions_that_are_missing_are_listed_by_pages(
        self, get: Get, store: HistoryStore
    ) -> None:
        write(store, option_rows(at(2026, 11, 9)), option_rows(at(2026, 11, 17)))
        path = "/historical/SPY/coverage"
        answer = answers.HistoryCoverage.model_validate_json((await get(path)).text)
        assert (answer.sessions, answer.present, len(answer.missing)) == (7, 2, 5)
        assert answer.sources == ["made_up"]
        page = answers.HistoryCoverage.model_validate_json((await get(f"{path}?limit=2")).text)
        assert page.missing == answer.missing[:2]
        rest = answers.HistoryCoverage.model_validate_json(
            (await get(f"{path}?cursor={page.next_cursor}")).text
        )
        assert page.missing + rest.missing == answer.missing
        refused(await get("/historical/QQQ/coverage"), 404, "no_history")

    async def test_a_store_that_cannot_be_read_says_so(self, get: Get, tmp_path: Path) -> None:
        folder = tmp_path / "history" / "option_quotes" / "SPY"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{")
        problem = refused(await get("/historical/SPY/coverage"), 503, "history_unavailable")
        assert "is damaged" in problem["detail"]


def test_what_can_be_asked_for_is_what_is_kept() -> None:
    assert tuple(Tenor) == TENORS
    assert tuple(Window) == WINDOWS


def test_the_market_clock_of_these_tests_is_after_the_stored_days() -> None:
    assert NOW_NS > TUESDAY
