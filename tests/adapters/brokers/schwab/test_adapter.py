"""Schwab passes the cards of every brokerage, and what is its own."""

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
from tests.fakes.brokers.schwab import (
    APP_KEY,
    APP_SECRET,
    CORRELATION,
    HASH,
    NUMBER,
    FakeSchwabBroker,
)
from tests.fakes.provider_server import Reply
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.schwab import SchwabApp, SchwabBroker
from optix.adapters.brokers.schwab.adapter import read_span
from optix.adapters.brokers.schwab.client import ROWS_MAX, path_note
from optix.kernel import limits
from optix.kernel.clock import to_ns
from optix.kernel.errors import InvalidInput
from optix.kernel.order import OrderStatus
from optix.ports.broker import (
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    Grant,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
OPTION = {
    "assetType": "OPTION",
    "symbol": "META  260320P00510000",
    "putCall": "PUT",
    "underlyingSymbol": "META",
}
POSITIONS = [
    {
        "longQuantity": 0.0,
        "shortQuantity": 1.0,
        "settledShortQuantity": -1.0,
        "averagePrice": 2.7733,
        "marketValue": -75.0,
        "instrument": OPTION,
    },
    {
        "longQuantity": 2.5,
        "shortQuantity": 0.0,
        "averagePrice": 400.1,
        "marketValue": 1050.25,
        "instrument": {"assetType": "EQUITY", "symbol": "BRK/B"},
    },
]


def fee(cost: float, name: str | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {
        "instrument": {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"},
        "amount": -cost,
        "cost": cost,
    }
    return item if name is None else {**item, "feeType": name}


def trade(number: int, time: str, **changed: Any) -> dict[str, Any]:
    return {
        "activityId": number,
        "time": time,
        "tradeDate": time,
        "type": "TRADE",
        "status": "VALID",
        "orderId": 100259,
        "netAmount": -174.66,
        "transferItems": [
            fee(-0.65, "COMMISSION"),
            fee(-0.01),
            {"instrument": OPTION, "amount": 1, "cost": -174, "price": 1.74}
            | {"positionEffect": "OPENING"},
        ],
        **changed,
    }


TRANSACTIONS = [
    trade(3, "2026-03-03T20:59:59+0000"),
    trade(2, "2026-03-03T20:59:59+0000"),  # its twin
    trade(1, "2026-03-01T05:00:00+0000"),  # midnight of New York
]


def order(number: int, entered: str, status: str = "WORKING", **changed: Any) -> dict[str, Any]:
    return {
        "orderId": number,
        "status": status,
        "orderType": "LIMIT",
        "duration": "GOOD_TILL_CANCEL",
        "price": 1.7,
        "filledQuantity": 0.0,
        "enteredTime": entered,
        "accountNumber": int(NUMBER),
        "orderLegCollection": [
            {"legId": 1, "instrument": OPTION, "instruction": "BUY_TO_OPEN", "quantity": 1.0}
        ],
        **changed,
    }


class StillClock:
    """A moment that a test sets."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def now_ns(self) -> int:
        return to_ns(self.now)


@pytest.fixture
async def server() -> AsyncIterator[FakeSchwabBroker]:
    async with FakeSchwabBroker().serve() as server:
        server.positions, server.transactions = POSITIONS, TRANSACTIONS
        server.orders = [order(1, "2026-03-04T14:31:00+0000")]
        yield server


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
async def world(server: FakeSchwabBroker, clock: StillClock) -> AsyncIterator[BrokerWorld]:
    app = SchwabApp(app_key=APP_KEY, app_secret=SecretStr(APP_SECRET), base_url=server.base_url)

    def hold_nothing() -> None:
        server.orders = server.positions = server.transactions = []

    async with BrokerWorld(
        broker=SchwabBroker(app, quick_wiring(clock)),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(TRANSACTIONS),
        secrets=(APP_SECRET, "that-must-not-show"),
        agree=server.allow,
        end_access=server.end_login,
        hold_nothing=hold_nothing,
    ) as world:
        yield world


@pytest.fixture
async def session(world: BrokerWorld) -> BrokerSession:
    return await world.open()


class TestCards(BrokerCards):
    """TC-B01 and following."""


class TestSigningIn:
    async def test_a_login_ends_after_a_week_however_often_it_is_renewed(
        self, world: BrokerWorld, clock: StillClock
    ) -> None:
        grant = await world.sign_in()
        assert grant.access_ends == NOW + timedelta(minutes=30)
        assert grant.login_ends == NOW + timedelta(days=7)
        clock.now += timedelta(days=3)
        renewed = await world.broker.renew(grant.credentials)
        assert renewed.access_ends == clock.now + timedelta(minutes=30)
        assert renewed.login_ends == grant.login_ends
        assert renewed.login_key == grant.login_key == "a-customer-id"

    async def test_a_dead_refresh_token_asks_the_user_back(
        self, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        grant = await world.sign_in()
        server.end_login()
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_nothing_to_renew_with_asks_the_user_back(self, world: BrokerWorld) -> None:
        with pytest.raises(SignInNeeded):
            await world.broker.renew({"access_token": "a-token"})

    async def test_a_new_login_of_the_same_user_ends_the_one_before(
        self, world: BrokerWorld
    ) -> None:
        before = await world.sign_in()
        after = await world.sign_in()
        with pytest.raises(SignInNeeded):
            await world.broker.renew(before.credentials)
        assert (await world.broker.renew(after.credentials)).credentials["access_token"]

    async def test_a_token_that_ends_in_the_middle_is_renewed_and_kept_first(
        self, world: BrokerWorld, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.end_access()
        assert await session.list_accounts()
        assert [grant.login_ends for grant in world.grants] == [NOW + timedelta(days=7)]

    async def test_a_clock_that_is_wrong_costs_a_renewal_and_no_sign_in(
        self,
        world: BrokerWorld,
        session: BrokerSession,
        server: FakeSchwabBroker,
        clock: StillClock,
    ) -> None:
        clock.now -= timedelta(hours=5)
        server.end_access()  # the token ended although our clock says that it holds
        account = (await session.list_accounts())[0]
        assert (await session.fetch_snapshot(account)).as_of == clock.now
        assert len(world.grants) == 1

    async def test_a_token_that_is_refused_at_once_is_a_sign_in_refused(
        self, world: BrokerWorld, server: FakeSchwabBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        issue = server._issue

        def useless(refresh_token: str) -> Reply:
            reply = issue(refresh_token)
            server.end_access()
            return reply

        monkeypatch.setattr(server, "_issue", useless)
        with pytest.raises(SignInRefused):
            await world.sign_in()

    async def test_a_user_who_declines_is_told_so(self, world: BrokerWorld) -> None:
        with pytest.raises(SignInRefused, match="not allowed"):
            await world.sign_in(error="access_denied")

    async def test_there_is_no_other_way_in(self, world: BrokerWorld) -> None:
        request = SignInRequest(kind=SignInKind.PERSONAL_TOKEN, callback_url=CALLBACK, state=STATE)
        with pytest.raises(InvalidInput):
            await world.broker.begin(request)

    async def test_leaving_sends_nothing_because_there_is_nowhere_to_send_it(
        self, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        grant = await world.sign_in()
        asked = len(server.asked)
        await world.broker.revoke(grant.credentials)
        assert len(server.asked) == asked
        assert not world.broker.capabilities.revocable


class TestAccounts:
    async def test_the_hash_is_asked_for_and_the_number_stays(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        (account,) = await session.list_accounts()
        assert (account.key, account.stable_key, account.number) == (HASH, NUMBER, "…5678")
        assert (account.name, account.kind) == ("Trading Brokerage", "margin")
        await session.fetch_snapshot(account)
        assert not any(NUMBER in request.path for request in server.asked)

    async def test_positions_come_because_they_are_asked_for(self, session: BrokerSession) -> None:
        (account,) = await session.list_accounts()
        snapshot = await session.fetch_snapshot(account)
        assert [each.quantity for each in snapshot.positions] == [-1, Decimal("2.5")]
        assert snapshot.as_of == NOW

    async def test_an_answer_about_another_account_is_an_error(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        (account,) = await session.list_accounts()
        other = server._document(positions=True)
        other["securitiesAccount"]["accountNumber"] = "87654321"
        server.scripted.append(Reply(other))
        with pytest.raises(BrokerUnreadable):
            await session.fetch_snapshot(account)


class TestHistory:
    async def test_days_are_those_of_new_york(
        self, session: BrokerSession, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        server.transactions = [
            trade(1, "2026-03-01T04:59:59+0000"),  # still February there
            trade(2, "2026-03-01T05:00:00+0000"),
            trade(3, "2026-03-04T04:59:59+0000"),
            trade(4, "2026-03-04T05:00:00+0000"),
        ]
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert [(row.id, row.day.day) for row in rows] == [("2", 1), ("3", 3)]

    async def test_an_answer_that_is_full_is_read_again_in_halves(
        self, session: BrokerSession, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        begin = datetime(2026, 3, 1, 12, tzinfo=UTC)
        server.transactions = [
            trade(number, f"{begin + timedelta(seconds=60 * number):%Y-%m-%dT%H:%M:%S}+0000")
            for number in range(ROWS_MAX)
        ]
        asked = len(server.asked)
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert {row.id for row in rows} == {str(number) for number in range(ROWS_MAX)}
        assert len(rows) == ROWS_MAX, "what lies on a seam counts once"
        assert len(server.asked) - asked > 2

    async def test_one_less_than_full_is_all_there_is(self) -> None:
        asked = []

        async def fetch(first: datetime, last: datetime) -> list[int]:
            asked.append((first, last))
            return list(range(ROWS_MAX - 1))

        assert len(await read_span(fetch, NOW - timedelta(days=90), NOW)) == ROWS_MAX - 1
        assert len(asked) == 1

    async def test_a_second_that_is_full_is_an_error(self) -> None:
        async def fetch(_: datetime, __: datetime) -> list[int]:
            return list(range(ROWS_MAX))

        with pytest.raises(BrokerUnreadable, match="second"):
            await read_span(fetch, NOW - timedelta(days=90), NOW)

    async def test_more_answers_than_can_be_are_an_error(self) -> None:
        asked = 0

        async def fetch(first: datetime, last: datetime) -> list[int]:
            nonlocal asked
            asked += 1
            return list(range(ROWS_MAX if last - first > timedelta(minutes=1) else 0))

        with pytest.raises(BrokerUnreadable, match="at once"):
            await read_span(fetch, NOW - timedelta(days=90), NOW)
        assert asked == limits.BROKER_PAGES_MAX

    async def test_what_is_no_list_is_an_error_and_not_nothing(self) -> None:
        async def fetch(_: datetime, __: datetime) -> object:
            return {}

        with pytest.raises(BrokerUnreadable):
            await read_span(fetch, NOW - timedelta(days=90), NOW)

    async def test_a_whole_window_stays_within_a_year_and_today(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        (account,) = await session.list_accounts()
        pages = session.iter_activities(account, date(2025, 12, 5), date(2026, 3, 4))
        assert [len(page.rows) async for page in pages] == [len(TRANSACTIONS)]
        asked = server.asked[-1].query
        assert asked["startDate"] == "2025-12-02T05:00:00.000Z"
        assert asked["endDate"] == "2026-03-05T04:59:59.999Z"

    async def test_a_token_that_ends_between_two_halves_loses_nothing(
        self, session: BrokerSession, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        (account,) = await session.list_accounts()
        server.scripted.append(Reply([trade(0, "2026-03-02T12:00:00+0000")] * ROWS_MAX))
        server.end_access()
        rows = await read_activities(session, account, world)
        assert [row.id for row in rows] == ["1", "3", "2"]
        assert len(world.grants) == 1


class TestOrders:
    async def test_those_of_today_and_those_still_open(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        fill = {
            "activityId": 9,
            "activityType": "EXECUTION",
            "executionType": "FILL",
            "executionLegs": [
                {"legId": 1, "quantity": 1.0, "price": 1.7, "time": "2026-03-04T14:40:00+0000"}
            ],
        }
        server.orders = [
            order(1, "2026-03-04T14:31:00+0000", "FILLED"),
            order(2, "2026-02-01T14:31:00+0000"),
            order(3, "2026-02-01T14:31:00+0000", "FILLED", orderActivityCollection=[fill]),
            order(4, "2026-02-01T14:31:00+0000", "CANCELED", closeTime="2026-03-04T14:30:00+0000"),
            order(5, "2026-03-03T14:31:00+0000", "FILLED"),  # yesterday's business
        ]
        (account,) = await session.list_accounts()
        assert [each.id for each in await session.fetch_orders(account)] == ["1", "2", "3", "4"]

    async def test_not_further_back_than_schwab_lists(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        (account,) = await session.list_accounts()
        await session.fetch_orders(account)
        asked = datetime.fromisoformat(server.asked[-1].query["fromEnteredTime"])
        assert timedelta(days=59) < NOW - asked < timedelta(days=60)

    async def test_an_unknown_state_is_an_error(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.orders = [order(1, "2026-03-04T14:31:00+0000", "SOMETHING_NEW")]
        (account,) = await session.list_accounts()
        with pytest.raises(BrokerUnreadable, match="SOMETHING_NEW"):
            await session.fetch_orders(account)

    async def test_a_working_order_with_fills_is_partly_filled(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.orders = [order(1, "2026-03-04T14:31:00+0000", filledQuantity=1.0)]
        (account,) = await session.list_accounts()
        (found,) = await session.fetch_orders(account)
        assert found.status is OrderStatus.PARTIALLY_FILLED


class TestRefusals:
    async def test_an_error_has_the_reference_that_schwabs_support_asks_for(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.scripted.extend([Reply({"message": "a bad id"}, status=500)] * 12)
        with pytest.raises(BrokerUnavailable, match=CORRELATION):
            await session.list_accounts()

    @pytest.mark.parametrize("odd", ["", "<script>", "a" * 65])
    async def test_a_reference_that_is_none_is_not_shown(
        self, session: BrokerSession, server: FakeSchwabBroker, odd: str
    ) -> None:
        refusal = Reply(b"{}", status=410, headers={"Schwab-Client-CorrelId": odd})
        server.scripted.append(refusal)
        with pytest.raises(BrokerUnavailable) as error:
            await session.list_accounts()
        assert "reference" not in error.value.detail

    async def test_a_page_of_the_gateway_does_not_end_the_sign_in(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.scripted.append(Reply(b"<HTML><TITLE>Access Denied</TITLE></HTML>", status=403))
        with pytest.raises(BrokerUnavailable, match="gateway"):
            await session.list_accounts()

    async def test_words_of_the_gateway_are_no_answer(
        self, session: BrokerSession, server: FakeSchwabBroker
    ) -> None:
        server.scripted.append(Reply(b"upstream request timeout"))
        with pytest.raises(BrokerUnreadable):
            await session.list_accounts()

    @pytest.mark.recorded
    @pytest.mark.parametrize(
        ("name", "status"),
        [
            ("error_trader", 401),
            ("error_marketdata_401", 401),
            ("error_marketdata_400", 400),
            ("oauth_refresh_error_400", 400),
        ],
    )
    async def test_recorded_refusals_mean_what_they_say(
        self, session: BrokerSession, server: FakeSchwabBroker, name: str, status: int
    ) -> None:
        body = recorded(f"brokers/schwab/{name}.json").read_bytes()
        server.end_access()
        refusal = Reply(body, status=status)
        if name == "oauth_refresh_error_400":  # the renewal that a 401 leads to
            server.scripted.extend([Reply(b"{}", status=401), refusal])
        else:
            server.scripted.extend([refusal] * 3)
        wanted = BrokerUnavailable if name == "error_marketdata_400" else SignInNeeded
        with pytest.raises(wanted):
            await session.list_accounts()

    @pytest.mark.recorded
    async def test_recorded_tokens_are_a_grant(
        self, world: BrokerWorld, server: FakeSchwabBroker
    ) -> None:
        body = recorded("brokers/schwab/oauth_token_response.json").read_bytes()
        grant = await world.sign_in()
        server.scripted.append(Reply(body))
        renewed: Grant = await world.broker.renew(grant.credentials)
        assert renewed.credentials["access_token"] == "I0.ACCESS_TOKEN_EXAMPLE@"
        assert renewed.scope == "api"


def test_the_log_has_no_account_in_its_paths() -> None:
    assert path_note(f"/trader/v1/accounts/{HASH}/orders") == "/trader/v1/accounts/…/orders"
    whole = "/trader/v1/accounts/accountNumbers"
    assert path_note(whole) == whole
