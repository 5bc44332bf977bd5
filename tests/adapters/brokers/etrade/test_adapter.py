"""E*TRADE passes the cards of every brokerage, and what is its own; over real HTTP."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.contracts.broker import (
    CALLBACK,
    STATE,
    BrokerCards,
    BrokerWorld,
    Notes,
    quick_wiring,
    read_activities,
)
from tests.fakes.brokers.etrade import (
    CONSUMER_SECRET,
    KEY,
    NO_CONTENT,
    FakeEtrade,
    app_of,
    replaced,
    single,
)
from tests.fakes.brokers.etrade_rows import (
    EQUITY,
    NOON_MS,
    OPTION,
    ORDER,
    POSITIONS,
    TRANSACTIONS,
    detail,
    instrument,
    order,
    position,
    transaction,
)
from tests.fakes.provider_server import Reply, Request

from optix.adapters.brokers import etrade
from optix.adapters.brokers.etrade import EtradeBroker
from optix.kernel import limits
from optix.kernel.clock import Clock, ScaledClock, SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.money import Money
from optix.ports.broker import (
    BrokerBusy,
    BrokerUnavailable,
    BrokerUnreadable,
    Grant,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

ORIGIN = datetime(2026, 3, 3, 20, 0, tzinfo=UTC)  # three in the afternoon in New York


@pytest.fixture
def clock() -> ScaledClock:
    return ScaledClock(SystemClock(), origin_ns=int(ORIGIN.timestamp()) * 10**9)


@pytest.fixture
async def server(clock: ScaledClock) -> AsyncIterator[FakeEtrade]:
    async with FakeEtrade(clock).serve() as server:
        server.positions, server.transactions, server.orders = POSITIONS, TRANSACTIONS, [ORDER]
        yield server


def world_of(server: FakeEtrade, clock: Clock) -> BrokerWorld:
    def hold_nothing() -> None:
        server.positions = server.transactions = server.orders = []

    return BrokerWorld(
        broker=EtradeBroker(app_of(server), quick_wiring(clock)),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(TRANSACTIONS),
        secrets=(CONSUMER_SECRET, "that-must-not-show", "WXYZ9"),
        agree=server.allow,
        end_access=server.end_tokens,
        hold_nothing=hold_nothing,
    )


@pytest.fixture
async def world(server: FakeEtrade, clock: ScaledClock) -> AsyncIterator[BrokerWorld]:
    async with world_of(server, clock) as world:
        yield world


class TestCards(BrokerCards):
    """TC-B01 and following."""

    def test_the_quality_file_says_what_the_adapter_does(self, world: BrokerWorld) -> None:
        text = Path(etrade.__file__).with_name("quality.toml").read_text(encoding="utf-8")
        told, is_ = tomllib.loads(text)["capabilities"], world.broker.capabilities
        assert (told["name"], told["label"]) == (is_.name, is_.label)
        assert set(told["reads"]) == is_.reads
        assert told["history_days"] == is_.history_days


class TestSigningIn:
    async def test_the_user_copies_a_code_within_five_minutes(self, world: BrokerWorld) -> None:
        request = SignInRequest(kind=SignInKind.OAUTH1, callback_url=CALLBACK, state=STATE)
        start = await world.broker.begin(request)
        assert start.copies_code
        assert start.seconds == 300
        assert [each.name for each in start.fields] == ["code"]
        query = parse_qs(urlsplit(start.url).query)
        assert query["token"] == ["/token+1="], "encoded in the address, and only there"
        assert "that-must-not-show" not in repr(start)

    async def test_a_registered_address_brings_back_the_request_token(
        self, world: BrokerWorld, server: FakeEtrade, clock: ScaledClock
    ) -> None:
        app = replace(app_of(server), callback_registered=True)
        broker = EtradeBroker(app, quick_wiring(clock))
        request = SignInRequest(kind=SignInKind.OAUTH1, callback_url=CALLBACK, state=STATE)
        start = await broker.begin(request)
        assert not start.copies_code
        assert start.state == "/token+1="
        server.allow(start.url)
        came = {"oauth_token": start.state, "oauth_verifier": "WXYZ9"}
        for changed in ({**came, "oauth_token": "another"}, {**came, "oauth_verifier": ""}):
            with pytest.raises(SignInRefused):
                await broker.complete(_answer(changed, start.secrets))
        grant = await broker.complete(_answer(came, start.secrets))
        assert grant.login_key == "70700418"

    async def test_another_way_of_signing_in_is_not_offered(self, world: BrokerWorld) -> None:
        request = SignInRequest(kind=SignInKind.OAUTH2, callback_url=CALLBACK, state=STATE)
        with pytest.raises(InvalidInput):
            await world.broker.begin(request)

    async def test_a_consumer_key_that_ended_is_no_fault_of_the_user(
        self, server: FakeEtrade, clock: ScaledClock
    ) -> None:
        app = replace(app_of(server), consumer_key="one-that-ended")
        broker = EtradeBroker(app, quick_wiring(clock))
        request = SignInRequest(kind=SignInKind.OAUTH1, callback_url=CALLBACK, state=STATE)
        with pytest.raises(BrokerUnavailable, match="consumer_key_unknown"):
            await broker.begin(request)

    async def test_an_answer_without_tokens_is_unreadable(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        request = SignInRequest(kind=SignInKind.OAUTH1, callback_url=CALLBACK, state=STATE)
        for body in (b"", b"oauth_token=a", b"<html></html>"):
            server.scripted.append(Reply(body))
            with pytest.raises(BrokerUnreadable):
                await world.broker.begin(request)

    @pytest.mark.parametrize(
        ("now", "midnight"),
        [
            (datetime(2026, 3, 3, 20, tzinfo=UTC), datetime(2026, 3, 4, 5, tzinfo=UTC)),
            (datetime(2026, 3, 4, 4, 59, tzinfo=UTC), datetime(2026, 3, 4, 5, tzinfo=UTC)),
            # The night that clocks go forward, and its day of twenty-three hours.
            (datetime(2026, 3, 8, 5, 30, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)),
            (datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        ],
    )
    async def test_a_login_ends_at_midnight_in_new_york(
        self, now: datetime, midnight: datetime
    ) -> None:
        clock = ScaledClock(SystemClock(), origin_ns=int(now.timestamp()) * 10**9, speed=0)
        async with FakeEtrade(clock).serve() as server, world_of(server, clock) as world:
            grant = await world.sign_in()
            assert grant.login_ends == midnight
            assert grant.access_ends == min(now + timedelta(hours=2), midnight)
            assert world.broker.capabilities.login_ends_at_midnight_et


class TestTokens:
    async def test_a_token_that_slept_is_woken_in_the_middle_of_pages(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        real = server._transactions

        def sleep_after_the_first(request: Request) -> Reply:
            if "marker" not in request.query:
                server.fall_asleep()
            return real(request)

        server.routes = replaced(server, "/transactions.json", sleep_after_the_first)
        assert len(await read_activities(session, account, world)) == len(TRANSACTIONS)
        (kept,) = world.grants
        assert kept.login_ends == datetime(2026, 3, 4, 5, tzinfo=UTC), "not a minute later"

    async def test_no_renewal_crosses_midnight(
        self, world: BrokerWorld, server: FakeEtrade, clock: ScaledClock
    ) -> None:
        grant = await world.sign_in()
        asked = len(server.asked)
        clock.advance_to(int(datetime(2026, 3, 4, 5, 0, 1, tzinfo=UTC).timestamp()) * 10**9)
        with pytest.raises(SignInNeeded, match="midnight"):
            await world.broker.renew(grant.credentials)
        assert len(server.asked) == asked, "nothing to ask for"

    async def test_a_token_is_revoked_and_may_be_gone_already(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        await world.broker.revoke(grant.credentials)
        session = world.broker.open(grant.credentials, renew=_keep, log=Notes())
        with pytest.raises(SignInNeeded):
            await session.list_accounts()
        await session.close()
        await world.broker.revoke(grant.credentials)

    async def test_a_clock_that_is_wrong_does_not_end_the_sign_in(
        self, server: FakeEtrade, clock: ScaledClock
    ) -> None:
        async with world_of(server, clock) as world:
            grant = await world.sign_in()
        late = ScaledClock(SystemClock(), origin_ns=clock.now_ns() + 3_600 * 10**9)
        async with world_of(server, late) as world:
            session = world.broker.open(grant.credentials, renew=_keep, log=world.notes)
            world.sessions.append(session)
            with pytest.raises(BrokerUnavailable, match="clock"):
                await session.list_accounts()

    async def test_a_limit_may_be_told_as_a_refusal(self, world: BrokerWorld) -> None:
        session = await world.open()
        world.server.scripted.append(Reply(b"Rate limit exceeded", status=401))
        with pytest.raises(BrokerBusy):
            await session.list_accounts()

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (Reply({"Error": {"code": 102, "message": "Please enter"}}, status=400), "code 102"),
            (Reply(b"<Error><code>2003</code></Error>", status=400), "code 2003"),
            (Reply({"Error": {"message": "no code"}}, status=400), "status 400"),
            (Reply({"Error": {"code": 100, "message": "night"}}, status=500), "out of service"),
            (Reply(b"oauth_problem=signature_invalid", status=400), "signature_invalid"),
            (Reply(b"<HTML>Access Denied</HTML>", status=403), "gateway"),
            (Reply({"message": "not now"}, status=403), "gateway"),
        ],
    )
    async def test_refusals_are_told_by_their_codes(
        self, world: BrokerWorld, reply: Reply, words: str
    ) -> None:
        session = await world.open()
        world.server.scripted.extend([reply] * (limits.PROVIDER_RETRIES_MAX + 1))
        with pytest.raises(BrokerUnavailable, match=words):
            await session.list_accounts()

    async def test_a_page_of_the_gateway_is_no_word_on_the_sign_in(
        self, world: BrokerWorld
    ) -> None:
        session = await world.open()
        page = Reply(b"<html>401</html>", status=401)
        attempts = limits.PROVIDER_RETRIES_MAX + 1
        world.server.scripted.extend([page, page] * attempts)  # the question, then the renewal
        with pytest.raises(BrokerUnavailable, match="gateway"):
            await session.list_accounts()
        assert await session.list_accounts()

    async def test_xml_is_no_answer(self, world: BrokerWorld) -> None:
        session = await world.open()
        world.server.scripted.append(Reply(b"<?xml version='1.0'?><AccountListResponse/>"))
        with pytest.raises(BrokerUnreadable):
            await session.list_accounts()


class TestReading:
    async def test_accounts_of_the_bank_are_left_out(self, world: BrokerWorld) -> None:
        accounts = await (await world.open()).list_accounts()
        assert [each.status.value for each in accounts] == ["active", "closed"]
        assert accounts[0].key == KEY
        assert accounts[0].name == "Brokerage", "a blank name is none"

    async def test_a_single_account_is_no_list(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        server.accounts = server.accounts[0]
        assert len(await (await world.open()).list_accounts()) == 1

    async def test_the_sandbox_says_that_its_money_is_not_real(
        self, server: FakeEtrade, clock: ScaledClock
    ) -> None:
        async with world_of(server, clock) as world:
            app = replace(app_of(server), sandbox=True)
            world.broker = EtradeBroker(app, quick_wiring(clock))
            assert world.broker.capabilities.simulated
            assert all(each.simulated for each in await (await world.open()).list_accounts())

    async def test_no_content_is_nothing_only_where_there_may_be_nothing(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        for what in ("list.json", "balance.json"):
            server.routes = replaced(server, what, lambda _: NO_CONTENT)
        with pytest.raises(BrokerUnreadable):
            await session.list_accounts()
        with pytest.raises(BrokerUnreadable):
            await session.fetch_snapshot(account)

    async def test_balances_are_the_real_time_ones(self, world: BrokerWorld) -> None:
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        (balance,) = snapshot.balances
        assert balance.net_liquidation == Money(Decimal("12500.25"))
        assert balance.cash == Money(Decimal("-740.450013")), "a debt, and not rounded"
        assert balance.buying_power == Money(Decimal(201))
        assert balance.option_buying_power == Money(Decimal("100.5"))

    async def test_all_pages_of_positions_are_read_and_none_twice(
        self, world: BrokerWorld, server: FakeEtrade, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        snapshot = await session.fetch_snapshot(account)
        assert len(snapshot.positions) == len(POSITIONS) > server.page_rows
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
        with pytest.raises(BrokerUnreadable, match="more positions"):
            await session.fetch_snapshot(account)
        monkeypatch.undo()
        again = {"PortfolioResponse": {"AccountPortfolio": [{"nextPageNo": 1}]}}
        server.routes = replaced(server, "/portfolio.json", lambda _: Reply(again))
        with pytest.raises(BrokerUnreadable, match="again and again"):
            await session.fetch_snapshot(account)

    async def test_an_adjusted_contract_is_warned_of(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        told = {"optionMultiplier": 150, "deliverablesStr": "150 GE"}
        server.positions = [position(OPTION, 1, "LONG", Complete=told)]
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        assert snapshot.positions[0].asset.multiplier == 150
        assert "150 GE" in snapshot.warnings[0]


class TestOrders:
    async def test_orders_of_today_and_those_that_still_work_are_one_list(
        self, world: BrokerWorld, server: FakeEtrade, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leg = instrument(EQUITY, "BUY", 1)
        server.orders = [order(number, detail("OPEN", leg)) for number in range(5)]
        session = await world.open()
        account = (await session.list_accounts())[0]
        found = await session.fetch_orders(account)
        assert [each.id for each in found] == ["0", "1", "2", "3", "4"]
        asked = {each.query.get("status", each.query.get("fromDate")) for each in server.asked}
        assert {"03032026", "OPEN", "INDIVIDUAL_FILLS"} <= asked
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
        with pytest.raises(BrokerUnreadable, match="more orders"):
            await session.fetch_orders(account)

    async def test_a_marker_that_leads_nowhere_ends_the_list(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        """The sandbox always gives the same marker with the same orders."""
        canned = {"OrdersResponse": {"marker": "12345678999", "order": [ORDER]}}
        server.routes = replaced(server, "/orders.json", lambda _: Reply(canned))
        session = await world.open()
        found = await session.fetch_orders((await session.list_accounts())[0])
        assert [each.id for each in found] == ["479"]


class TestHistory:
    async def test_a_marker_counts_and_the_word_that_there_is_no_more_does_not(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        server.transactions = [transaction(str(number), "Fee", -1) for number in range(7)]
        session = await world.open()
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert len(rows) == 7

    async def test_a_full_page_of_more_without_a_marker_is_only_a_part(
        self, world: BrokerWorld, server: FakeEtrade
    ) -> None:
        rows = [transaction(str(number), "Fee", -1) for number in range(50)]
        told = {"Transaction": rows, "moreTransactions": False, "totalCount": 274}
        server.routes = replaced(
            server, "/transactions.json", lambda _: Reply({"TransactionListResponse": told})
        )
        session = await world.open()
        account = (await session.list_accounts())[0]
        with pytest.raises(BrokerUnavailable, match="part"):
            await read_activities(session, account, world)
        told["Transaction"] = rows[:49]
        assert len(await read_activities(session, account, world)) == 49

    async def test_a_history_without_end_is_an_error(
        self, world: BrokerWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
        with pytest.raises(BrokerUnreadable, match="more history"):
            await read_activities(session, account, world)

    async def test_a_single_line_is_no_list(self, world: BrokerWorld, server: FakeEtrade) -> None:
        server.transactions = [transaction("1", "Fee", -1, at=NOON_MS)]
        session = await world.open()
        rows = await read_activities(session, (await session.list_accounts())[0], world)
        assert len(rows) == 1
        assert single([1]) == 1, "as the server wrote it"


def _answer(values: dict[str, str], secrets: object) -> SignInAnswer:
    return SignInAnswer(
        kind=SignInKind.OAUTH1,
        callback_url=CALLBACK,
        values=values,
        secrets=secrets,  # type: ignore[arg-type]  # as `begin` returned it
    )


async def _keep(grant: Grant) -> None:
    assert grant.credentials
