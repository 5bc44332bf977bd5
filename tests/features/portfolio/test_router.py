"""The portfolio over HTTP on a real feed: every number against market and books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.contracts.openapi import problem_faults
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account, option, position, stock, trade
from tests.fixtures.chains import NOW_NS
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.kernel import limits
from optix.kernel.activity import ActivityKind
from optix.kernel.clock import ScaledClock, to_datetime, to_ns
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.ids import UserId
from optix.kernel.quote import Quality
from optix.platform.db import Database
from optix.ports.market_data import Bar, BarInterval, Bars

pytestmark = pytest.mark.stores

CALL = "SPY261218C00600000"  # bid 9.5 or 15.7: asked of the chain in the test
Get = Callable[..., Awaitable[Any]]


def owner_of(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


@pytest.fixture
async def get(client: httpx.AsyncClient, caller: Caller) -> Get:
    """Ask as a signed-in user, and return the answer's body."""

    async def get(path: str, **parameters: Any) -> Any:
        answer = await client.get(f"/api/v1/{path}", params=parameters, headers=caller.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get


@pytest.fixture
def at(clock: ScaledClock) -> datetime:
    return to_datetime(clock.now_ns())


class TestPositions:
    async def test_a_share_and_a_contract_are_valued_at_the_middle_of_their_quotes(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[
                position(stock(), "10", "5500.00"),
                position(option(CALL), "-2", "-2500.00"),
            ],
        )
        share, short = (await get("portfolio/positions"))["positions"]
        quote = await get("quotes/SPY")
        contract = (await get(f"options/contracts/{CALL}"))["contract"]
        assert share["mark"]["source"] == "mid"
        assert share["mark"]["price"] == (quote["bid"] + quote["ask"]) / 2
        assert Decimal(share["unrealised"]) == Decimal(share["value"]) - Decimal("5500.00")
        assert short["mark"]["price"] == pytest.approx(contract["mid"])
        assert Decimal(short["value"]) == Decimal(str(contract["mid"])) * -200
        assert short["greeks"]["delta"] == pytest.approx(contract["delta"] * -200)
        assert short["greeks"]["dollar_delta"] == pytest.approx(
            contract["delta"] * -200 * quote["last"]
        )
        assert short["greeks"]["gamma_percent"] == pytest.approx(
            contract["gamma"] * -200 * quote["last"] ** 2 / 100
        )
        assert short["asset"]["underlying"] == "SPY"
        assert (short["asset"]["strike"], short["asset"]["right"]) == (600.0, "C")

    async def test_what_nobody_quotes_has_the_brokers_mark_and_says_so(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        bond = Asset(kind=AssetKind.BOND, symbol="912828YK0")
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[
                position(bond, "3", "2900.00", price="98.5"),
                position(stock("NONE"), "1", "10.00"),
            ],
        )
        held, unknown = (await get("portfolio/positions"))["positions"]
        assert (held["mark"]["source"], held["value"]) == ("broker", "295.50")
        assert (held["greeks"], held["reason"]) == (None, "not_modelled")
        assert (unknown["mark"]["price"], unknown["value"]) == (None, None)
        assert unknown["mark"]["reason"] == "unknown_symbol"

    async def test_a_position_without_a_direction_has_a_size_and_nothing_invented(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        held = position(option(CALL), None, size="3")
        await add_account(database, owner_of(caller), at, positions=[held])
        (shown,) = (await get("portfolio/positions"))["positions"]
        assert (shown["quantity"], shown["size"], shown["value"]) == (None, "3", None)
        assert (shown["greeks"], shown["reason"]) == (None, "direction_unknown")


class TestPortfolio:
    async def test_without_accounts_everything_is_empty(self, get: Get) -> None:
        found = await get("portfolio")
        assert (found["accounts"], found["totals"], found["positions"]) == ([], [], 0)
        assert found["greeks"]["total"] == 0

    async def test_accounts_are_added_up_in_their_currency(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, cash="100.10", worth="1000.10")
        await add_account(database, owner_of(caller), at, cash="200.20", worth="2000.20")
        await add_account(database, owner_of(caller), at, cash="5.00", worth="7.00", currency="EUR")
        euros, dollars = (await get("portfolio"))["totals"]
        assert (euros["currency"], euros["cash"], euros["net_liquidation"]) == (
            *("EUR", "5.00"),
            "7.00",
        )
        assert (dollars["cash"], dollars["net_liquidation"]) == ("300.30", "3000.30")

    async def test_a_sum_with_an_unknown_part_is_not_known(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, cash=None, worth="1.00")
        await add_account(
            database, owner_of(caller), at, positions=[position(stock("NONE"), "1", "10.00")]
        )
        (dollars,) = (await get("portfolio"))["totals"]
        assert (dollars["cash"], dollars["positions_value"], dollars["unvalued"]) == (
            None,
            None,
            1,
        )

    async def test_an_account_that_cannot_be_read_keeps_its_snapshot_and_is_stale(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, failure="broker_unavailable")
        (account,) = (await get("portfolio"))["accounts"]
        assert (account["stale"], account["problem"]) == (True, "broker_unavailable")
        assert account["cash"] == "1000.00"

    async def test_an_account_that_was_never_read_is_empty(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, read=False)
        (account,) = (await get("portfolio"))["accounts"]
        assert (account["as_of"], account["stale"], account["cash"]) == (None, False, None)

    async def test_an_old_snapshot_is_stale(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at - timedelta(days=2))
        await add_account(database, owner_of(caller), at)
        assert [each["stale"] for each in (await get("portfolio"))["accounts"]] == [True, False]


class TestGreeks:
    async def test_sums_say_what_they_cover_and_why_not_all(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        gone = "SPY261218C00123000"
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[
                position(stock(), "100"),
                position(option(CALL), "-1"),
                position(option(gone), "1"),
            ],
        )
        found = await get("portfolio/greeks")
        positions = (await get("portfolio/positions"))["positions"]
        known = [each["greeks"] for each in positions if each["greeks"] is not None]
        assert (found["total"]["covered"], found["total"]["total"]) == (2, 3)
        assert found["total"]["missing"] == [{"reason": "unknown_contract", "positions": 1}]
        for name in ("delta", "gamma", "theta", "vega", "rho", "dollar_delta", "gamma_percent"):
            assert found["total"][name] == pytest.approx(sum(each[name] for each in known))
        (spy,) = found["underlyings"]
        assert (spy["underlying"], spy["delta"]) == ("SPY", found["total"]["delta"])
        assert spy["price"] == (await get("quotes/SPY"))["last"]


class TestAnswers:
    PATHS = (
        *("portfolio", "portfolio/positions", "portfolio/greeks", "portfolio/exposure"),
        *("portfolio/scenarios", "portfolio/upcoming"),
    )

    @pytest.mark.parametrize("path", PATHS)
    async def test_a_known_state_is_not_sent_again(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        database: Database,
        at: datetime,
        path: str,
    ) -> None:
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[position(stock(), "10"), position(option(CALL), "-2")],
        )
        for _ in range(2):  # betas and events are asked for once
            first = await client.get(f"/api/v1/{path}", headers=caller.headers)
        tag = first.headers["etag"]
        again = await client.get(
            f"/api/v1/{path}", headers={**caller.headers, "If-None-Match": tag}
        )
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")

    @pytest.mark.parametrize("path", PATHS)
    async def test_without_accounts_everything_is_empty(self, get: Get, path: str) -> None:
        found = await get(path)
        assert not found.get("positions")
        assert found.get("gains") is None

    async def test_a_feed_that_is_away_leaves_the_brokers_marks(
        self, get: Get, caller: Caller, database: Database, at: datetime, market: Market
    ) -> None:
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[position(option(CALL), "1", "900.00", price="9.25")],
        )
        await market.kill(market.feed)
        await until(lambda: market.book.feed_status().state == "down")
        (held,) = (await get("portfolio/positions"))["positions"]
        assert (held["mark"]["source"], held["value"]) == ("broker", "925.00")
        assert held["mark"]["reason"] == "feed_unavailable"
        assert (held["greeks"], held["reason"]) == (None, "no_underlying_price")

    async def test_a_sync_shows_at_once(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, positions=[position(stock(), "10")])
        assert len((await get("portfolio/positions"))["positions"]) == 1
        await add_account(database, owner_of(caller), at, positions=[position(stock(), "5")])
        shown = (await get("portfolio/positions"))["positions"]
        assert [each["quantity"] for each in shown] == ["10", "5"]


class TestDay:
    async def test_todays_trades_are_in_the_change_and_deposits_beside_it(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        """10 were held at the close of 595, 5 came at 598 and a dollar of fees; SPY is at 600."""
        session = date.fromisoformat((await get("portfolio"))["day"])
        bought = trade(session, stock(), "5", "-2991.00", "a")
        deposit = replace(
            trade(session, stock(), "0", "500.00", "b"), kind=ActivityKind.DEPOSIT, asset=None
        )
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[position(stock(), "15")],
            lines=[bought, deposit],
        )
        (dollars,) = (await get("portfolio"))["totals"]
        assert (dollars["day_change"], dollars["flows"]) == ("59.00", "500.00")
        (held,) = (await get("portfolio/positions"))["positions"]
        assert (held["day_change"], held["day_change_source"]) == ("59.00", "market")


class TestScenarios:
    async def test_the_grid_is_the_asked_one(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[position(stock(), "10"), position(option(CALL), "-2")],
        )
        found = await get(
            "portfolio/scenarios", spot="-0.1,0,0.1", vol="0", days="0,90", by_underlying=True
        )
        (days, spots) = (len(found["gains"]), len(found["gains"][0][0]))
        assert (days, spots, found["gains"][0][0][1]) == (2, 3, 0.0)
        # Expired, and worth nothing but what the model's spot is off the last trade: 0.01 %.
        gains = found["gains"][1][0]
        assert gains[0] == pytest.approx(-600.0 + gains[1], abs=200 * 600 * 1.1e-4)
        assert found["underlyings"][0]["gains"] == found["gains"]
        assert {leg["model"] for leg in found["legs"]} == {"shares", "american"}

    async def test_a_beta_that_is_missing_leaves_its_legs_out(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, positions=[position(stock(), "10")])
        found = await get("portfolio/scenarios", beta=True)
        assert (found["benchmark"], found["gains"]) == ("SPY", None)
        assert [leg["reason"] for leg in found["legs"]] == ["no_beta"]

    async def test_an_unreadable_axis_is_refused(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        answer = await client.get(
            "/api/v1/portfolio/scenarios", params={"spot": "x"}, headers=caller.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "axis_unreadable")
        assert list(problem_faults(answer)) == []

    async def test_days_ahead_have_a_bound(self, client: httpx.AsyncClient, caller: Caller) -> None:
        for days, status in ((limits.UPCOMING_DAYS_MAX, 200), (limits.UPCOMING_DAYS_MAX + 1, 422)):
            answer = await client.get(
                "/api/v1/portfolio/upcoming", params={"days": days}, headers=caller.headers
            )
            assert answer.status_code == status


class TestBetas:
    async def test_come_from_the_markets_daily_closes(
        self, get: Get, caller: Caller, database: Database, at: datetime, market: Market
    ) -> None:
        """SPY moves with itself: its beta is one, and its weighted delta its delta."""
        first = to_ns(to_datetime(NOW_NS) - timedelta(days=120))
        day_ns = 86_400 * 1_000_000_000
        market.provider.bars["SPY"] = Bars(
            rows=[
                Bar(
                    ts_event=first + n * day_ns,
                    **dict.fromkeys(("open", "high", "low", "close"), 500.0 + n + 5 * (n % 3)),
                    volume=1.0,
                )
                for n in range(100)
            ],
            symbol="SPY",
            interval=BarInterval.DAY_1,
            source="test",
            quality=Quality.REALTIME,
            adjusted=True,
        )
        await add_account(database, owner_of(caller), at, positions=[position(stock(), "10")])
        found = await get("portfolio/greeks")
        (spy,) = found["underlyings"]
        assert (spy["beta"]["value"], spy["beta"]["days"]) == (pytest.approx(1.0), 99)
        assert found["total"]["beta_delta"] == pytest.approx(10.0)
        assert found["accounts"][0]["beta_delta"] == pytest.approx(10.0)
        assert found["benchmark_price"] == 600.0


class TestTransactions:
    async def test_the_newest_stand_first_and_pages_meet(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        first = date(2026, 1, 1)
        count = limits.TRANSACTIONS_PAGE_MAX + 5
        lines = [
            trade(first + timedelta(days=n % 50), stock(), "1", f"-{n}.00", f"t{n}")
            for n in range(count)
        ]
        await add_account(database, owner_of(caller), at, lines=lines)
        page = await get("transactions")
        rest = await get("transactions", cursor=page["next"])
        shown = [*page["transactions"], *rest["transactions"]]
        assert len(page["transactions"]) == limits.TRANSACTIONS_PAGE_MAX
        assert (len({each["id"] for each in shown}), rest["next"]) == (count, None)
        days = [each["day"] for each in shown]
        assert days == sorted(days, reverse=True)
        assert {Decimal(each["cash"]) for each in shown} == {Decimal(-n) for n in range(count)}

    async def test_account_kind_symbol_and_days_narrow_it(
        self, get: Get, caller: Caller, database: Database, at: datetime
    ) -> None:
        lines = [
            trade(date(2026, 3, 1), stock("SPY"), "1", "-600.00", "a"),
            trade(date(2026, 3, 2), option(CALL), "-1", "955.00", "b"),
            trade(date(2026, 3, 3), stock("IWM"), "2", "-400.00", "c"),
        ]
        account = await add_account(database, owner_of(caller), at, lines=lines)
        other = await add_account(database, owner_of(caller), at)

        async def days(**parameters: Any) -> list[str]:
            found = await get("transactions", **parameters)
            return [each["day"][-1] for each in found["transactions"]]

        assert await days() == ["3", "2", "1"]
        assert await days(account=str(account), symbol="spy") == ["2", "1"]
        assert await days(account=str(other)) == []
        assert await days(kind="dividend") == []
        assert await days(kind="trade", start="2026-03-02", end="2026-03-02") == ["2"]
        assert await days(symbol="%") == []

    @pytest.mark.parametrize("cursor", ["x", "2026-01-01__no", "2026-01-01_2026-01-01T00:00:00_x"])
    async def test_a_cursor_that_is_none_is_refused(
        self, client: httpx.AsyncClient, caller: Caller, cursor: str
    ) -> None:
        answer = await client.get(
            "/api/v1/transactions", params={"cursor": cursor}, headers=caller.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unreadable")
        assert list(problem_faults(answer)) == []

    async def test_lines_with_and_without_a_moment_page_through(
        self,
        get: Get,
        caller: Caller,
        database: Database,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "TRANSACTIONS_PAGE_MAX", 1)
        day = date(2026, 3, 1)
        plain = trade(day, stock(), "1", "-1.00", "a")
        timed = [trade(day, stock(), "1", f"-{n}.00", f"b{n}") for n in (2, 3)]
        moments = [datetime(2026, 3, 1, 15, n, tzinfo=UTC) for n in (0, 30)]
        lines = [plain, *(replace(one, at=when) for one, when in zip(timed, moments, strict=True))]
        await add_account(database, owner_of(caller), at, lines=lines)
        seen, cursor = [], None
        while True:
            page = await get("transactions", **({"cursor": cursor} if cursor else {}))
            seen += [each["cash"] for each in page["transactions"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == ["-3.00", "-2.00", "-1.00"]


class TestOwners:
    @pytest.mark.parametrize("path", ["portfolio", "portfolio/positions", "transactions"])
    async def test_nobody_sees_what_another_holds(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        admin: Caller,
        database: Database,
        at: datetime,
        path: str,
    ) -> None:
        line = trade(date(2026, 3, 1), stock(), "1", "-600.00", "a")
        await add_account(
            database, owner_of(caller), at, positions=[position(stock(), "1")], lines=[line]
        )
        own = (await client.get(f"/api/v1/{path}", headers=caller.headers)).json()
        others = (await client.get(f"/api/v1/{path}", headers=admin.headers)).json()
        name = {"portfolio": "accounts", "portfolio/positions": "positions"}.get(
            path, "transactions"
        )
        assert (len(own[name]), others[name]) == (1, [])
