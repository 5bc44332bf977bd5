"""The market over HTTP, on a real feed: what is served, what is refused and in which words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.contracts.openapi import problem_faults
from tests.fakes.scripted import SMALL_CONTRACTS
from tests.fixtures.api import Caller
from tests.fixtures.chains import EXPIRATION, NOW_NS, spot_of, table_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.market import schemas
from optix.features.market import schemas_history as answers
from optix.kernel import limits
from optix.kernel.chain import RejectedRow
from optix.kernel.quote import Quality, SecurityKind
from optix.ports.market_data import Bar, BarInterval, Bars, ChainKey

pytestmark = pytest.mark.stores

KEY = ChainKey("SPY", EXPIRATION)
CHAIN = f"/api/v1/options/chain/SPY?expiration={EXPIRATION}"
TODAY = date(2026, 11, 18)  # of the market clock
Get = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
async def get(client: httpx.AsyncClient, caller: Caller) -> Get:
    """Ask as a signed-in user."""

    async def get(path: str, **headers: str) -> httpx.Response:
        return await client.get(path, headers=caller.headers | headers)

    return get


def refused(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem, which must be this one in the one shape."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    assert list(problem_faults(response)) == []
    problem: dict[str, Any] = response.json()
    return problem


async def kill_feed(market: Market) -> None:
    await market.kill(market.feed)
    await until(lambda: market.book.feed_status().state == "down")


class TestStatus:
    async def test_it_tells_the_feed_and_the_exchange_day_by_the_market_clock(
        self, get: Get
    ) -> None:
        status = schemas.MarketStatus.model_validate_json((await get("/api/v1/market/status")).text)
        assert (status.feed.source, status.feed.state) == ("scripted", "live")
        assert status.feed.label == "Scripted market"
        assert status.market.session == "pre"  # 11:06 UTC is 6:06 in New York
        assert status.market.trading_day == TODAY

    async def test_a_dead_feed_is_told_with_its_reason(self, get: Get, market: Market) -> None:
        await kill_feed(market)
        response = await get("/api/v1/market/status")
        assert response.status_code == 200
        assert response.json()["feed"]["state"] == "down"
        assert response.json()["feed"]["reason"]


class TestCalendar:
    async def test_it_tells_sessions_holidays_and_early_closes(self, get: Get) -> None:
        answer = await get("/api/v1/market/calendar?start=2026-11-25&end=2026-11-30")
        calendar = schemas.MarketCalendar.model_validate_json(answer.text)
        assert [(day.date.day, day.open, day.early_close) for day in calendar.days] == [
            (25, True, False),
            (26, False, False),  # Thanksgiving
            (27, True, True),
            (30, True, False),
        ]
        assert calendar.days[1].opens_at is None
        assert calendar.days[2].closes_at == datetime(2026, 11, 27, 18, tzinfo=UTC)

    async def test_without_dates_it_is_the_year_ahead_of_the_market(self, get: Get) -> None:
        answer = (await get("/api/v1/market/calendar")).json()
        assert answer["start"] == TODAY.isoformat()
        assert len(answer["days"]) > 250

    @pytest.mark.parametrize(
        ("start", "days", "code"),
        [
            ("2026-11-25", limits.CALENDAR_DAYS_MAX + 1, "invalid_input"),
            ("2026-11-25", -1, "invalid_input"),
            ("1990-01-02", 5, "outside_calendar"),
        ],
    )
    async def test_what_it_cannot_tell_it_refuses(
        self, get: Get, start: str, days: int, code: str
    ) -> None:
        end = date.fromisoformat(start) + timedelta(days=days)
        refused(await get(f"/api/v1/market/calendar?start={start}&end={end}"), 422, code)


class TestQuotes:
    async def test_a_quote_says_where_it_is_from_and_how_good_it_is(self, get: Get) -> None:
        quote = schemas.Quote.model_validate_json((await get("/api/v1/quotes/spy")).text)
        assert (quote.symbol, quote.name, quote.kind) == ("SPY", "SPY Inc.", "etf")
        assert (quote.last, quote.previous_close) == (600.0, 595.0)
        assert quote.change == pytest.approx(5.0)
        assert quote.change_fraction == pytest.approx(5 / 595)
        assert (quote.source, quote.quality, quote.delay_seconds) == ("test", "realtime", 0)
        assert quote.flags == []

    async def test_an_index_has_a_price_and_no_sides(self, get: Get, market: Market) -> None:
        nan = float("nan")
        market.provider.quotes["SPX"] = replace(
            spot_of("SPX", 6000.0),
            kind=SecurityKind.INDEX,
            bid=nan,
            ask=nan,
            bid_size=nan,
            ask_size=nan,
            previous_close=nan,
        )
        quote = (await get("/api/v1/quotes/SPX")).json()
        assert (quote["kind"], quote["last"]) == ("index", 6000.0)
        absent = ["bid", "ask", "bid_size", "ask_size", "previous_close", "change"]
        assert [quote[name] for name in absent] == [None] * 6
        assert quote["change_fraction"] is None

    async def test_a_crossed_quote_is_served_with_its_flag(self, get: Get, market: Market) -> None:
        market.provider.quotes["SPY"] = replace(spot_of(), bid=600.2, ask=600.1)
        quote = (await get("/api/v1/quotes/SPY")).json()
        assert (quote["bid"], quote["ask"], quote["flags"]) == (600.2, 600.1, ["crossed"])

    @pytest.mark.parametrize(
        ("symbol", "status", "code"),
        [
            ("ZZZZ", 404, "unknown_symbol"),
            ("no such!", 422, "malformed_symbol"),
            ("SPY261218C00600000", 422, "contract_symbol"),
            ("x" * limits.SYMBOL_LENGTH_MAX, 422, "malformed_symbol"),
            ("x" * (limits.SYMBOL_LENGTH_MAX + 1), 422, "invalid"),
            ("%F0%9F%92%A9", 422, "malformed_symbol"),
        ],
    )
    async def test_what_is_no_stock_is_refused(
        self, get: Get, symbol: str, status: int, code: str
    ) -> None:
        response = await get(f"/api/v1/quotes/{symbol}")
        if code == "invalid":
            assert response.status_code == status
            assert list(problem_faults(response)) == []
        else:
            refused(response, status, code)

    async def test_of_several_the_bad_ones_are_named_and_the_good_ones_served(
        self, get: Get, market: Market
    ) -> None:
        market.provider.quotes["QQQ"] = spot_of("QQQ", 500.0)
        symbols = "SPY, QQQ,ZZZZ,no such!,SPY,,SPY261218C00600000"
        answer = schemas.QuoteList.model_validate_json(
            (await get(f"/api/v1/quotes?symbols={symbols}")).text
        )
        assert [quote.symbol for quote in answer.quotes] == ["SPY", "QQQ"]
        assert {failure.symbol: failure.code for failure in answer.failures} == {
            "ZZZZ": "unknown_symbol",
            "no such!": "malformed_symbol",
            "SPY261218C00600000": "contract_symbol",
        }

    async def test_as_many_as_one_request_may_ask_for_and_one_more(self, get: Get) -> None:
        symbols = ["SPY", *(f"no{n}!" for n in range(limits.QUOTE_SYMBOLS_PER_REQUEST_MAX - 1))]
        answer = (await get(f"/api/v1/quotes?symbols={','.join(symbols)}")).json()
        assert len(answer["quotes"]) == 1
        assert len(answer["failures"]) == limits.QUOTE_SYMBOLS_PER_REQUEST_MAX - 1
        response = await get(f"/api/v1/quotes?symbols={','.join([*symbols, 'QQQ'])}")
        assert response.status_code == 422
        assert "symbols" in response.json()["fields"]

    @pytest.mark.parametrize("query", ["", "?symbols=", "?symbol=SPY"])
    async def test_no_symbols_at_all_are_refused(self, get: Get, query: str) -> None:
        response = await get(f"/api/v1/quotes{query}")
        assert response.status_code == 422
        assert list(problem_faults(response)) == []

    async def test_commas_alone_are_an_empty_list(self, get: Get) -> None:
        assert (await get("/api/v1/quotes?symbols=,,")).json() == {"quotes": [], "failures": []}


class TestExpirations:
    async def test_they_come_with_their_terms_and_expected_move(self, get: Get) -> None:
        answer = schemas.ExpirationList.model_validate_json(
            (await get("/api/v1/options/expirations/SPY")).text
        )
        [listed] = answer.expirations
        assert (listed.date, listed.days, listed.cycle) == (EXPIRATION, 30, "monthly")
        [root] = listed.roots
        assert (root.root, root.style, root.settlement, root.contracts) == (
            "SPY",
            "american",
            "pm",
            6,
        )
        assert listed.expected_move is not None
        assert 5 < listed.expected_move < 60

    async def test_an_unknown_symbol_has_none(self, get: Get) -> None:
        refused(await get("/api/v1/options/expirations/ZZZZ"), 404, "unknown_symbol")

    async def test_a_dead_feed_is_unavailable_in_the_one_shape(
        self, get: Get, market: Market
    ) -> None:
        await kill_feed(market)
        problem = refused(await get("/api/v1/options/expirations/SPY"), 503, "feed_unavailable")
        assert problem["next_step"]


class TestChain:
    async def test_its_bytes_are_what_the_schema_promises(self, get: Get, market: Market) -> None:
        bad = RejectedRow(raw="SPY…", code="bad_strike", reason="The strike is no number.")
        market.provider.chains[KEY] = replace(market.provider.chains[KEY], rejected=[bad])
        response = await get(CHAIN)
        assert response.headers["content-type"] == "application/json"
        chain = schemas.Chain.model_validate_json(response.content)
        assert (chain.underlying, chain.expiration, chain.days) == ("SPY", EXPIRATION, 30)
        assert len(chain.contracts) == chain.contracts_total == len(SMALL_CONTRACTS)
        assert [row.raw for row in chain.rejected] == [bad.raw]
        assert (chain.quality, chain.source, chain.spot.last) == ("realtime", "test", 600.0)
        assert {contract.status for contract in chain.contracts} == {"ok"}
        assert all(0.05 < (contract.iv or 0) < 0.5 for contract in chain.contracts)
        [root] = chain.roots
        assert root.forward == pytest.approx(600, rel=0.02)

    async def test_without_a_date_it_is_the_next_that_is_open(
        self, get: Get, market: Market
    ) -> None:
        settled = ChainKey("SPY", TODAY - timedelta(days=1))
        market.provider.chains[settled] = table_of([])
        chain = (await get("/api/v1/options/chain/SPY")).json()
        assert chain["expiration"] == EXPIRATION.isoformat()

    async def test_a_symbol_without_options_has_no_next_date(
        self, get: Get, market: Market
    ) -> None:
        market.provider.quotes["QQQ"] = spot_of("QQQ")
        refused(await get("/api/v1/options/chain/QQQ"), 404, "unknown_expiration")

    async def test_who_has_it_already_is_not_sent_it_again(self, get: Get, market: Market) -> None:
        first = await get(CHAIN)
        tag = first.headers["etag"]
        again = await get(CHAIN, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert (await get(CHAIN)).headers["etag"] == tag
        await until(lambda: KEY in market.provider.demand.chains)
        market.provider.emit(spot_of(price=601.0))
        await until(lambda: market.book.quotes["SPY"].quote.last == 601.0)
        moved = await get(CHAIN, **{"If-None-Match": tag})
        assert moved.status_code == 200
        assert moved.headers["etag"] != tag
        assert moved.json()["spot"]["last"] == 601.0

    @pytest.mark.parametrize(
        ("query", "kept"),
        [
            ("strikes=1", 2),
            ("right=C", 3),
            ("moneyness=itm", 2),
            ("moneyness=otm", 4),
            ("moneyness=atm", 4),
            ("delta_min=0.45&delta_max=0.55", 2),
            ("delta_min=0&right=P&strikes=2", 2),
            ("delta_min=1", 0),
        ],
    )
    async def test_filters_keep_what_they_say(self, get: Get, query: str, kept: int) -> None:
        chain = (await get(f"{CHAIN}&{query}")).json()
        assert len(chain["contracts"]) == kept
        assert chain["contracts_total"] == 6

    @pytest.mark.parametrize(
        "query",
        [
            "strikes=0",
            "strikes=-3",
            f"strikes={limits.CHAIN_STRIKES_MAX + 1}",
            "strikes=many",
            "strikes=1e9",
            "moneyness=deep",
            "delta_min=2",
            "delta_min=-0.1",
            "delta_max=nan",
            "delta_max=inf",
            "delta_min=0.6&delta_max=0.4",
            "right=X",
            "right=c",
            "expiration=soon",
            "expiration=2026-02-30",
            "expiration=99999-01-01",
        ],
    )
    async def test_absurd_filters_are_refused_and_the_field_is_named(
        self, get: Get, query: str
    ) -> None:
        response = await get(f"/api/v1/options/chain/SPY?{query}")
        assert response.status_code == 422, response.text
        assert list(problem_faults(response)) == []
        assert query.partition("=")[0] in response.json()["fields"]

    @pytest.mark.parametrize("day", ["2026-12-24", "0001-01-01", "9999-12-31"])
    async def test_a_date_without_contracts_is_unknown(self, get: Get, day: str) -> None:
        response = await get(f"/api/v1/options/chain/SPY?expiration={day}")
        refused(response, 404, "unknown_expiration")

    async def test_odd_quotes_are_served_flagged_and_never_zero(
        self, get: Get, market: Market
    ) -> None:
        """Crossed, without a bid, withdrawn, below intrinsic: each row says what is odd."""
        nan = float("nan")
        bids = [23.0, 9.5, 0.0, nan, 10.6, 2.0]
        asks = [22.0, 9.6, 15.8, nan, 10.7, 2.1]
        market.provider.chains[KEY] = table_of(
            SMALL_CONTRACTS, {"bid": bids, "ask": asks}, spot=spot_of()
        )
        chain = schemas.Chain.model_validate_json((await get(CHAIN)).content)
        rows = {contract.key: contract for contract in chain.contracts}
        crossed, fine, no_bid, gone, _, cheap = (rows[c.key] for c in SMALL_CONTRACTS)
        assert (crossed.flags, crossed.status, crossed.iv) == (["crossed"], "crossed", None)
        assert crossed.mid is None
        assert (fine.flags, fine.status) == ([], "ok")
        assert "no_bid" in no_bid.flags
        assert (gone.flags, gone.status) == (["no_quote"], "no_quote")
        assert (gone.bid, gone.ask, gone.iv, gone.delta) == (None,) * 4
        assert (cheap.status, cheap.iv, cheap.delta) == ("below_intrinsic", None, None)

    async def test_a_dead_feed_serves_what_is_here_as_stale(self, get: Get, market: Market) -> None:
        live = await get(CHAIN)
        assert live.json()["quality"] == "realtime"
        await kill_feed(market)
        response = await get(CHAIN, **{"If-None-Match": live.headers["etag"]})
        assert response.status_code == 200
        chain = response.json()
        assert (chain["quality"], chain["spot"]["quality"]) == ("stale", "stale")
        assert len(chain["contracts"]) == 6
        quote = (await get("/api/v1/quotes/SPY")).json()
        assert (quote["last"], quote["quality"]) == (600.0, "stale")
        other = await get("/api/v1/options/chain/SPY?expiration=2026-12-24")
        refused(other, 503, "feed_unavailable")


class TestContract:
    @pytest.mark.parametrize(
        "text",
        ["SPY261218C00600000", "SPY   261218C00600000", "O:SPY261218C00600000", ".SPY261218C600"],
    )
    async def test_it_is_found_in_every_spelling(self, get: Get, text: str) -> None:
        response = await get(f"/api/v1/options/contracts/{text}")
        found = schemas.ContractQuote.model_validate_json(response.content)
        assert found.contract.key == "SPY261218C00600000"
        assert (found.underlying, found.expiration) == ("SPY", EXPIRATION)
        assert found.contract.iv is not None
        assert found.root is not None
        assert found.root.root == "SPY"

    @pytest.mark.parametrize(
        ("text", "status", "code"),
        [
            ("SPY", 422, "malformed_contract"),
            ("SPY261318C00600000", 422, "malformed_contract"),
            ("SPY261218X00600000", 422, "malformed_contract"),
            ("SPY250117C00600000", 404, "expired_contract"),
            ("SPY261218C00605000", 404, "unknown_contract"),
            ("SPY261224C00600000", 404, "unknown_contract"),
            ("SPY990117C00600000", 404, "unknown_contract"),
            ("QQQQ261218C00600000", 404, "unknown_contract"),
        ],
    )
    async def test_what_is_not_listed_is_refused_with_why(
        self, get: Get, text: str, status: int, code: str
    ) -> None:
        problem = refused(await get(f"/api/v1/options/contracts/{text}"), status, code)
        assert problem["next_step"]

    async def test_a_text_too_long_for_any_contract_is_refused(self, get: Get) -> None:
        text = "S" * (limits.CONTRACT_TEXT_LENGTH_MAX + 1)
        response = await get(f"/api/v1/options/contracts/{text}")
        assert response.status_code == 422
        assert list(problem_faults(response)) == []


class TestHistory:
    @pytest.fixture
    def bars(self, market: Market) -> Bars:
        rows = [
            Bar(ts_event=NOW_NS + n, open=1.0, high=2.0, low=0.5, close=1.5, volume=float("nan"))
            for n in range(2)
        ]
        bars = Bars(
            symbol="SPY",
            interval=BarInterval.DAY_1,
            source="scripted",
            quality=Quality.DELAYED,
            adjusted=True,
            rows=rows,
        )
        market.provider.bars["SPY"] = bars
        return bars

    async def test_bars_come_with_their_source(self, get: Get, bars: Bars) -> None:
        response = await get("/api/v1/historical/SPY?start=2026-11-01&end=2026-11-17")
        history = answers.StoredHistory.model_validate_json(response.content)
        assert (history.symbol, history.interval, history.adjusted) == ("SPY", "1d", True)
        assert len(history.bars) == len(bars.rows)
        assert history.bars[0].close == 1.5
        assert history.bars[0].volume is None

    async def test_an_interval_the_feed_has_not_is_refused(self, get: Get, bars: Bars) -> None:
        response = await get("/api/v1/historical/SPY?interval=1m")
        refused(response, 422, "unsupported_by_feed")

    async def test_the_longest_span_is_served_and_a_day_more_refused(
        self, get: Get, bars: Bars
    ) -> None:
        longest = TODAY - timedelta(days=limits.HISTORY_SPAN_DAYS_MAX)
        assert (await get(f"/api/v1/historical/SPY?start={longest}")).status_code == 200
        longer = longest - timedelta(days=1)
        response = await get(f"/api/v1/historical/SPY?start={longer}")
        assert response.status_code == 422
        assert "start" in response.json()["fields"]

    @pytest.mark.parametrize(
        "query",
        [
            "interval=1y",
            "start=2026-11-17&end=2026-11-01",
            "start=2030-01-01",
            "start=yesterday",
            "start=0001-01-01",
            "end=0001-01-01",
            "start=0001-01-01&end=0001-01-01&interval=nonsense",
        ],
    )
    async def test_absurd_spans_are_refused(self, get: Get, query: str) -> None:
        response = await get(f"/api/v1/historical/SPY?{query}")
        assert response.status_code == 422, response.text
        assert list(problem_faults(response)) == []

    async def test_an_end_in_the_future_is_today(self, get: Get, bars: Bars) -> None:
        response = await get("/api/v1/historical/SPY?end=2999-01-01")
        assert response.status_code == 200


class TestSearch:
    async def test_it_finds_by_the_beginning(self, get: Get) -> None:
        answer = (await get("/api/v1/symbols/search?q=s")).json()
        assert [match["symbol"] for match in answer["results"]] == ["SPY"]

    async def test_nothing_found_is_an_empty_list(self, get: Get) -> None:
        assert (await get("/api/v1/symbols/search?q=none")).json() == {
            "results": [],
            "source": "scripted",
        }

    async def test_the_longest_text_and_the_longest_list(self, get: Get) -> None:
        text = "s" * limits.SEARCH_TEXT_LENGTH_MAX
        path = f"/api/v1/symbols/search?q={text}&limit={limits.SEARCH_RESULTS_MAX}"
        assert (await get(path)).status_code == 200

    @pytest.mark.parametrize(
        "query",
        [
            "",
            "q=",
            f"q={'s' * (limits.SEARCH_TEXT_LENGTH_MAX + 1)}",
            "q=s&limit=0",
            f"q=s&limit={limits.SEARCH_RESULTS_MAX + 1}",
            "q=s&limit=ten",
        ],
    )
    async def test_beyond_them_it_is_refused(self, get: Get, query: str) -> None:
        response = await get(f"/api/v1/symbols/search?{query}")
        assert response.status_code == 422
        assert list(problem_faults(response)) == []
