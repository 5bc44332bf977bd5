"""Alpaca passes the cards of every brokerage, and what is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from tests.contracts.broker import (
    CALLBACK,
    STATE,
    BrokerCards,
    BrokerWorld,
    quick_wiring,
    read_activities,
)
from tests.fakes.brokers.alpaca import (
    ACCOUNTS,
    CLIENT_ID,
    CLIENT_SECRET,
    KEY_ID,
    KEY_SECRET,
    OPTION,
    FakeAlpacaBroker,
    fill,
    line,
    order,
    position,
)
from tests.fakes.provider_server import Reply
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.alpaca import AlpacaApp, AlpacaBroker
from optix.adapters.brokers.alpaca.client import ACTIVITY_ROWS, ORDER_ROWS
from optix.kernel import limits
from optix.kernel.clock import to_ns
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import Deliverable
from optix.kernel.money import Money
from optix.ports.broker import (
    BrokerBusy,
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
ADJUSTED = "AAPL1260320C00250000"


POSITIONS = [
    position(),
    position(
        OPTION,
        asset_class="us_option",
        side="short",
        qty="-10",
        avg_entry_price="5",
        cost_basis="-5000",
        market_value="-4000",
        exchange="",
    ),
]


ACTIVITIES = [
    line(1, "2026-03-03", "2026-03-04T06:00:00.123456789Z"),  # entered the day after
    fill(2, "2026-03-03T20:59:59.903569123Z"),
    fill(3, "2026-03-03T20:59:59.903569123Z"),  # its twin
    fill(4, "2026-03-01T05:00:00Z"),  # midnight of New York
]


class StillClock:
    """A moment that a test sets."""

    def now_ns(self) -> int:
        return to_ns(NOW)


@pytest.fixture
async def server() -> AsyncIterator[FakeAlpacaBroker]:
    async with FakeAlpacaBroker().serve() as server:
        server.positions, server.activities = POSITIONS, ACTIVITIES
        server.orders = [order("one", "2026-03-04T14:31:00Z")]
        yield server


def world_of(server: FakeAlpacaBroker, *, registered: bool = True) -> BrokerWorld:
    app = AlpacaApp(
        client_id=CLIENT_ID if registered else "",
        client_secret=SecretStr(CLIENT_SECRET),
        live_url=f"{server.base_url}/live",
        paper_url=f"{server.base_url}/paper",
    )

    def hold_nothing() -> None:
        server.orders = server.positions = server.activities = []

    return BrokerWorld(
        broker=AlpacaBroker(app, quick_wiring(StillClock())),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(ACTIVITIES),
        secrets=(CLIENT_SECRET, "that-must-not-show"),
        agree=server.allow if registered else None,
        typed={} if registered else {"key_id": KEY_ID, "secret": KEY_SECRET},
        end_access=server.end_access,
        hold_nothing=hold_nothing,
    )


@pytest.fixture
async def world(server: FakeAlpacaBroker) -> AsyncIterator[BrokerWorld]:
    async with world_of(server) as world:
        yield world


@pytest.fixture
async def session(world: BrokerWorld) -> BrokerSession:
    return await world.open()


class TestCards(BrokerCards):
    """TC-B01 and following, signed in by OAuth 2."""


class TestCardsOfKeys(BrokerCards):
    """TC-B01 and following, with a user's own keys of a paper account."""

    @pytest.fixture
    async def world(self, server: FakeAlpacaBroker) -> AsyncIterator[BrokerWorld]:
        async with world_of(server, registered=False) as world:
            yield world


class TestSigningIn:
    async def test_a_token_does_not_end_and_is_not_renewed(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        assert grant.access_ends is grant.login_ends is None
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_environments_are_those_that_let_the_token_in(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.granted = ["live", "paper"]
        session = await world.open()
        accounts = await session.list_accounts()
        assert [each.simulated for each in accounts] == [False, True]
        assert {each.key for each in accounts} == set(ACCOUNTS.values())
        paper = await session.fetch_snapshot(accounts[1])
        assert paper.complete
        assert server.asked[-1].path.startswith("/paper/")

    async def test_a_token_that_no_environment_lets_in_is_refused(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.granted = []
        with pytest.raises(SignInRefused):
            await world.sign_in()

    async def test_keys_are_of_one_environment_and_go_in_headers_of_their_own(
        self, server: FakeAlpacaBroker
    ) -> None:
        async with world_of(server, registered=False) as world:
            assert world.kind is SignInKind.SIGNED_KEYS
            (account,) = await (await world.open()).list_accounts()
            assert account.simulated
            assert "authorization" not in server.asked[-1].headers

    async def test_without_an_app_there_is_no_page_to_go_to(self, server: FakeAlpacaBroker) -> None:
        async with world_of(server, registered=False) as world:
            request = SignInRequest(kind=SignInKind.OAUTH2, callback_url=CALLBACK, state=STATE)
            with pytest.raises(InvalidInput):
                await world.broker.begin(request)

    async def test_leaving_sends_nothing_because_there_is_nowhere_to_send_it(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        grant = await world.sign_in()
        asked = len(server.asked)
        await world.broker.revoke(grant.credentials)
        assert len(server.asked) == asked
        assert not world.broker.capabilities.revocable

    async def test_an_account_that_was_not_allowed_is_not_read(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.granted = ["paper"]
        (paper,) = await (await world.open()).list_accounts()
        server.granted = ["live"]
        session = await world.open()
        with pytest.raises(SignInNeeded):
            await session.fetch_snapshot(paper)

    @pytest.mark.recorded
    async def test_a_recorded_token_is_a_grant(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        body = recorded("brokers/alpaca/oauth_token_response.json").read_bytes()
        server.tokens["79500537-5796-4230-9661-7f7108877c60"] = ["live"]
        server.scripted.append(Reply(body))
        grant = await world.sign_in()
        assert grant.scope == "account:write trading"
        assert grant.access_ends is None

    @pytest.mark.recorded
    async def test_the_specification_of_the_sign_in_is_what_is_sent(
        self, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        told = recorded("brokers/alpaca/oauth-token.openapi.yaml").read_text()
        await world.sign_in()
        (asked,) = (each for each in server.asked if each.path.endswith("/oauth/token"))
        assert "/oauth/token:" in told
        assert all(f"{name}:" in told for name in asked.form())
        told = recorded("brokers/alpaca/oauth-redirect.openapi.yaml").read_text()
        request = SignInRequest(kind=SignInKind.OAUTH2, callback_url=CALLBACK, state=STATE)
        url = (await world.broker.begin(request)).url
        assert url.startswith("https://app.alpaca.markets/oauth/authorize?response_type=code")
        assert "/oauth/authorize:" in told
        assert "Read-only endpoint access is assumed by default" in told


class TestAccounts:
    async def test_an_answer_about_another_account_is_an_error(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        (account,) = await session.list_accounts()
        server.scripted.append(Reply({"id": "another", "status": "ACTIVE"}))
        with pytest.raises(BrokerUnreadable):
            await session.fetch_snapshot(account)

    async def test_the_terms_of_adjusted_contracts_are_asked_for_once(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.positions = [position(ADJUSTED, asset_class="us_option", qty="1", cost_basis="1500")]
        server.contracts[ADJUSTED] = {
            "multiplier": "150",
            "size": "160",  # is no multiplier
            "deliverables": [
                {"type": "equity", "symbol": "AAPL", "amount": "160"},
                {"type": "cash", "symbol": "USD", "amount": "12.5"},
            ],
        }
        server.activities = [fill(1, "2026-03-03T20:00:00Z", symbol=ADJUSTED)]
        server.orders = [order("one", "2026-03-04T14:31:00Z", symbol=ADJUSTED)]
        (account,) = await session.list_accounts()
        (held,) = (await session.fetch_snapshot(account)).positions
        assert held.asset.multiplier == 150
        assert held.asset.deliverables == (
            Deliverable("AAPL", Decimal(160)),
            Deliverable("", Decimal("12.5")),
        )
        pages = session.iter_activities(account, date(2026, 3, 3), date(2026, 3, 3))
        (row,) = [row async for page in pages for row in page.rows]
        assert row.cash == Money(Decimal(-750))
        (placed,) = await session.fetch_orders(account)
        assert placed.legs[0].asset == held.asset
        assert server.counts[f"/live/v2/options/contracts/{ADJUSTED}"] == 1

    async def test_a_contract_that_nobody_knows_is_said(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.positions = [position(ADJUSTED, asset_class="us_option", qty="1", cost_basis="1000")]
        (account,) = await session.list_accounts()
        for _ in range(2):
            snapshot = await session.fetch_snapshot(account)
            assert snapshot.complete
            assert len(snapshot.warnings) == 1
        assert server.counts[f"/live/v2/options/contracts/{ADJUSTED}"] == 1


class TestHistory:
    async def test_days_are_those_of_the_lines_and_not_of_their_entry(
        self, session: BrokerSession, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.activities = [
            line(1, "2026-03-04", "2026-03-04T06:00:00Z"),
            line(2, "2026-03-03", "2026-03-05T06:00:00Z"),
            fill(3, "2026-03-04T04:59:59Z"),  # still the third in New York
            fill(4, "2026-03-01T04:59:59Z"),
        ]
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert [row.id[-2:].strip(":") for row in rows] == ["n2", "3"]

    async def test_a_line_that_is_entered_years_late_is_read_near_its_entry(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.activities = [line(1, "2019-08-01", "2026-03-04T14:00:00Z")]
        (account,) = await session.list_accounts()
        days = [date(2026, 2, 20) + timedelta(days=number) for number in range(13)]
        found = [
            row.day
            for day in days
            async for page in session.iter_activities(account, day, day)
            for row in page.rows
        ]
        assert found == [date(2026, 2, 25)], "within the days that are read again, and once"

    async def test_pages_follow_each_other_to_a_short_one(
        self, session: BrokerSession, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.activities = [
            fill(number, "2026-03-03T20:00:00Z") for number in range(2 * ACTIVITY_ROWS + 1)
        ]
        (account,) = await session.list_accounts()
        asked = len(server.asked)
        rows = await read_activities(session, account, world)
        assert len({row.id for row in rows}) == len(rows) == 2 * ACTIVITY_ROWS + 1
        assert len(server.asked) - asked == 3

    async def test_a_full_last_page_is_followed_by_an_empty_one(
        self, session: BrokerSession, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        server.activities = [
            fill(number, "2026-03-03T20:00:00Z") for number in range(ACTIVITY_ROWS)
        ]
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert len(rows) == ACTIVITY_ROWS

    async def test_a_leave_taken_back_between_two_pages_asks_the_user_back(
        self, session: BrokerSession, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        (account,) = await session.list_accounts()
        server.scripted.append(
            Reply([fill(number, "2026-03-03T20:00:00Z") for number in range(ACTIVITY_ROWS)])
        )
        server.end_access()
        with pytest.raises(SignInNeeded):
            await read_activities(session, account, world)

    async def test_the_same_page_again_is_an_error(
        self, session: BrokerSession, world: BrokerWorld, server: FakeAlpacaBroker
    ) -> None:
        (account,) = await session.list_accounts()
        page = [fill(number, "2026-03-03T20:00:00Z") for number in range(ACTIVITY_ROWS)]
        server.scripted.extend([Reply(page)] * 3)
        with pytest.raises(BrokerUnreadable, match="again"):
            await read_activities(session, account, world)

    async def test_more_pages_than_can_be_are_an_error(
        self,
        session: BrokerSession,
        world: BrokerWorld,
        server: FakeAlpacaBroker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        server.activities = [
            fill(number, "2026-03-03T20:00:00Z") for number in range(2 * ACTIVITY_ROWS + 1)
        ]
        (account,) = await session.list_accounts()
        with pytest.raises(BrokerUnreadable, match="at once"):
            await read_activities(session, account, world)
        server.orders = [
            order(f"o{number}", "2026-03-04T14:31:00Z") for number in range(2 * ORDER_ROWS + 1)
        ]
        with pytest.raises(BrokerUnreadable, match="more orders"):
            await session.fetch_orders(account)


class TestOrders:
    async def test_those_of_today_and_those_still_open(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.orders = [
            order("today", "2026-03-04T14:31:00Z", "filled"),
            order("midnight", "2026-03-04T05:00:00Z", "canceled"),
            order("yesterday", "2026-03-04T04:59:59Z", "filled"),
            order("open", "2026-01-05T14:31:00Z"),
        ]
        (account,) = await session.list_accounts()
        names = [each.id for each in await session.fetch_orders(account)]
        assert sorted(names) == ["midnight", "open", "today"]

    async def test_more_than_a_page_of_them(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.orders = [
            order(f"o{number}", "2026-03-04T14:31:00Z", "filled")
            for number in range(ORDER_ROWS + 1)
        ]
        (account,) = await session.list_accounts()
        assert len(await session.fetch_orders(account)) == ORDER_ROWS + 1

    async def test_the_same_page_again_is_an_error(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        (account,) = await session.list_accounts()
        page = [order(f"o{number}", "2026-03-04T14:31:00Z") for number in range(ORDER_ROWS)]
        server.scripted.extend([Reply(page)] * 3)
        with pytest.raises(BrokerUnreadable, match="again"):
            await session.fetch_orders(account)


class TestLimits:
    async def test_the_headers_say_when_nothing_is_left(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        (account,) = await session.list_accounts()
        headers = {
            "X-RateLimit-Limit": "200",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(NOW.timestamp()) + 40),
        }
        told = {"id": account.key, "status": "ACTIVE"}
        server.scripted.append(Reply(told, headers=headers))
        with pytest.raises(BrokerBusy) as error:
            await session.fetch_snapshot(account)
        assert error.value.retry_after_seconds == 41

    async def test_a_429_without_retry_after_is_as_long_as_its_reset_says(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        headers = {
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(NOW.timestamp()) + 30),
        }
        server.scripted.append(Reply({"message": "too many"}, status=429, headers=headers))
        with pytest.raises(BrokerBusy) as error:
            await session.list_accounts()
        assert error.value.retry_after_seconds == 31


class TestRefusals:
    @pytest.mark.recorded
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("error_403", 403),
            ("get_options_contracts_symbol_or_id_Contract_Not_Found", 404),
            ("post_positions_symbol_or_contract_id_do-not-exercise_Invalid_Symbol", 422),
            ("post_positions_symbol_or_contract_id_do-not-exercise_No_Available_Position", 403),
            ("post_positions_symbol_or_contract_id_exercise_Invalid_Symbol", 422),
            ("post_positions_symbol_or_contract_id_exercise_No_Available_Position", 403),
        ],
    )
    async def test_a_refusal_with_a_code_does_not_end_the_sign_in(
        self, session: BrokerSession, server: FakeAlpacaBroker, name: str, status: int
    ) -> None:
        body = recorded(f"brokers/alpaca/{name}.json").read_bytes()
        server.scripted.append(Reply(body, status=status))
        with pytest.raises(BrokerUnavailable, match=rf"code {status}\d{{5}}"):
            await session.list_accounts()

    @pytest.mark.parametrize("body", [{"message": "unauthorized."}, {"code": 40110000}])
    async def test_a_401_with_or_without_a_code_does(
        self, session: BrokerSession, server: FakeAlpacaBroker, body: dict[str, Any]
    ) -> None:
        server.scripted.append(Reply(body, status=401))
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_a_page_of_the_gateway_does_not(
        self, session: BrokerSession, server: FakeAlpacaBroker
    ) -> None:
        server.scripted.append(Reply(b"<html>Forbidden</html>", status=403))
        with pytest.raises(BrokerUnavailable, match="gateway"):
            await session.list_accounts()
