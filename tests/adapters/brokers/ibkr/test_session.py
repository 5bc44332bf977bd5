"""What a session asks, in which order, and what it does with half of an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.adapters.brokers.ibkr.worlds import (
    ACCOUNT_OF_IT,
    CALL,
    DAYS,
    NOW,
    SHARE,
    SPREAD,
    IbkrWorld,
    option,
    option_info,
    order,
    position,
    trade,
)
from tests.contracts.broker import read_activities
from tests.fakes.brokers.ibkr import ACCOUNT, API, FakeIbkr, account_row, amount, ledger_row
from tests.fakes.provider_server import Reply, Request

from optix.adapters.brokers.ibkr import session as sessions
from optix.adapters.brokers.ibkr.client import (
    BridgeMissing,
    path_note,
)
from optix.adapters.brokers.ibkr.session import CONTRACTS_KEPT_MAX, Contracts
from optix.kernel import limits
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.money import Money, Price
from optix.kernel.order import OrderStatus
from optix.ports.broker import (
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInNeeded,
)


def asked(server: FakeIbkr) -> list[str]:
    return [each.path.removeprefix(API) for each in server.asked]


class TestTheSession:
    async def test_it_is_kept_awake_once_a_minute(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        before = server.counts[f"{API}/tickle"]
        await session.list_accounts()
        await session.list_accounts()
        assert server.counts[f"{API}/tickle"] == before + 1
        world.clock.now += timedelta(seconds=61)
        await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert server.counts[f"{API}/tickle"] == before + 2

    async def test_the_brokerage_session_is_opened_before_orders_and_its_accounts_are_named(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.asked.clear()
        await session.fetch_orders(ACCOUNT_OF_IT)
        said = asked(server)
        assert said[:3] == ["/tickle", "/iserver/auth/ssodh/init", "/iserver/accounts"]
        assert set(said[3:5]) == {"/iserver/account/orders"}

    async def test_one_that_is_open_already_is_used(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.bridge = True
        server.asked.clear()
        await session.fetch_orders(ACCOUNT_OF_IT)
        assert "/iserver/auth/ssodh/init" not in asked(server)

    async def test_it_is_not_taken_from_the_program_in_which_the_user_trades(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.competing = True
        snapshot = await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert snapshot.complete, "positions need no brokerage session"
        with pytest.raises(BrokerUnavailable) as error:
            await session.fetch_orders(ACCOUNT_OF_IT)
        assert error.value.code == "broker_session_taken"
        assert "/iserver/auth/ssodh/init" not in asked(server)

    async def test_one_that_is_taken_while_it_is_opened_is_left_alone(
        self, server: FakeIbkr, session: BrokerSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await session.list_accounts()  # nobody competes yet

        def taken(_: Request) -> Reply:
            return Reply({**server.status, "authenticated": True, "competing": True})

        server.routes.insert(0, ("POST", f"{API}/iserver/auth/ssodh/init", taken))
        with pytest.raises(BrokerUnavailable) as error:
            await session.fetch_orders(ACCOUNT_OF_IT)
        assert error.value.code == "broker_session_taken"

    async def test_one_that_does_not_open_is_said(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        shut = Reply({"authenticated": False, "connected": True, "competing": False})
        server.routes.insert(0, ("POST", f"{API}/iserver/auth/ssodh/init", lambda _: shut))
        with pytest.raises(BrokerUnavailable, match="did not open"):
            await session.fetch_orders(ACCOUNT_OF_IT)

    async def test_one_that_was_lost_is_opened_again(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        assert len(await session.fetch_orders(ACCOUNT_OF_IT)) == 1
        server.bridge = server.named = False
        assert len(await session.fetch_orders(ACCOUNT_OF_IT)) == 1
        assert asked(server).count("/iserver/auth/ssodh/init") == 2

    async def test_one_that_is_lost_again_at_once_is_an_error(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        none = Reply({"error": "no bridge"}, status=500)
        server.routes.insert(0, ("GET", f"{API}/iserver/account/orders", lambda _: none))
        with pytest.raises(BridgeMissing):
            await session.fetch_orders(ACCOUNT_OF_IT)

    async def test_no_bridge_in_the_block_of_market_data_is_information(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        assert await session.list_accounts()
        assert b"no bridge" in str(server._tickle(server.asked[0]).body).encode()

    async def test_accounts_are_asked_for_before_a_portfolio(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.asked.clear()
        await session.fetch_snapshot(ACCOUNT_OF_IT)
        await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert asked(server).count("/portfolio/accounts") == 1
        assert asked(server).index("/portfolio/accounts") < 2

    async def test_accounts_that_are_not_loaded_yet_are_said(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await session.list_accounts()
        server.scripted.extend([Reply(b"", status=503)] * 12)
        with pytest.raises(BrokerUnavailable, match="not loaded the accounts yet"):
            await session.fetch_snapshot(ACCOUNT_OF_IT)

    async def test_accounts_that_are_loaded_a_moment_later_are_waited_for(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await session.list_accounts()
        server.scripted.append(Reply({"error": "not loaded"}, status=503))
        assert (await session.fetch_snapshot(ACCOUNT_OF_IT)).complete

    async def test_a_live_session_that_ends_in_the_middle_is_renewed_once(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await session.list_accounts()
        real = server._answer
        places = iter(range(100))

        def answer(request: Request) -> Reply:
            if next(places) == 2:
                server.end_access()
            return real(request)

        server._answer = answer  # type: ignore[method-assign]  # a fault in the middle
        snapshot = await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert len(snapshot.positions) == 2
        (grant,) = world.grants
        assert grant.login_key == ACCOUNT
        assert grant.access_ends is not None

    async def test_a_login_of_somebody_else_is_not_read(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.account_rows = [account_row("U7654321")]
        with pytest.raises(SignInNeeded, match="Somebody else"):
            await session.list_accounts()


class TestAccounts:
    async def test_those_of_an_adviser_are_read_page_by_page(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.account_rows = [account_row(faclient=True)]
        server.subaccount_rows = [account_row(f"U2{number:06d}") for number in range(45)]
        found = await session.list_accounts()
        assert len(found) == 46
        assert asked(server).count("/portfolio/subaccounts") == 3

    async def test_where_pages_are_not_known_the_same_one_ends_it(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.account_rows = [account_row(faclient=True)]
        rows = Reply([account_row(f"U2{number:06d}") for number in range(20)])
        server.routes.insert(0, ("GET", f"{API}/portfolio/subaccounts", lambda _: rows))
        assert len(await session.list_accounts()) == 21

    async def test_a_page_of_only_the_known_first_account_is_followed_by_the_next(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.account_rows = [account_row(faclient=True)]
        server.subaccount_rows = [account_row()] * 20 + [account_row("U2000001")]
        assert len(await session.list_accounts()) == 2

    async def test_pages_have_a_bound(
        self, server: FakeIbkr, session: BrokerSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        server.account_rows = [account_row(faclient=True)]
        server.subaccount_rows = [account_row(f"U2{number:06d}") for number in range(100)]
        with pytest.raises(BrokerUnreadable, match="more accounts"):
            await session.list_accounts()


class TestPositions:
    async def test_pages_are_read_to_the_empty_one(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.positions = [position(conid, 1.0) for conid in range(1, 201)]
        snapshot = await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert len(snapshot.positions) == 200
        assert [path for path in asked(server) if path.endswith(("/0", "/1", "/2"))] == [
            f"/portfolio/{ACCOUNT}/positions/{page}" for page in range(3)
        ]

    async def test_the_cache_is_thrown_away_first(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await session.fetch_snapshot(ACCOUNT_OF_IT)
        server.positions = [position(SHARE, 3.0)]
        (found,) = (await session.fetch_snapshot(ACCOUNT_OF_IT)).positions
        assert found.quantity == Decimal(3)

    async def test_rows_that_move_between_pages_are_no_whole_snapshot(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        rows = [position(conid, 1.0) for conid in range(1, 101)]
        server.positions = [*rows, rows[-1]]
        with pytest.raises(BrokerUnavailable, match="moved"):
            await session.fetch_snapshot(ACCOUNT_OF_IT)

    async def test_pages_without_end_are_an_error(
        self, server: FakeIbkr, session: BrokerSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        server.page_rows = 1
        server.positions = [position(conid, 1.0) for conid in range(1, 5)]
        with pytest.raises(BrokerUnreadable, match="more positions"):
            await session.fetch_snapshot(ACCOUNT_OF_IT)

    async def test_another_account_is_not_taken_for_this_one(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.positions = [position(SHARE, 3.0, acctId="U7654321")]
        with pytest.raises(BrokerUnreadable, match="another account"):
            await session.fetch_snapshot(ACCOUNT_OF_IT)

    async def test_contracts_that_did_not_come_are_asked_for(
        self, server: FakeIbkr, session: BrokerSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sessions, "SECDEFS_MAX", 1)
        bare = {"assetClass": "", "ticker": "", "expiry": None, "strike": 0.0, "putOrCall": None}
        server.positions = [
            position(SHARE, 3.0, **bare),
            {**option(1), **bare, "contractDesc": "SPY", "multiplier": None},
            position(5, 0.0, **bare),  # closed: nobody asks
        ]
        server.secdefs = {
            SHARE: position(SHARE, 0),
            CALL: {**option(), "strike": "640"},
        }
        snapshot = await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert {each.asset.symbol for each in snapshot.positions} == {"IBM", "SPY260320C00640000"}
        assert asked(server).count("/trsrv/secdef") == 2
        assert snapshot.warnings == ()

    async def test_an_option_that_nobody_can_spell_is_kept_with_a_warning(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.positions = [option(1)]
        server.positions[0] |= {"contractDesc": "ODD 1 C", "strike": "0.0001"}
        snapshot = await session.fetch_snapshot(ACCOUNT_OF_IT)
        assert snapshot.positions[0].asset.symbol == "ODD 1 C"
        assert snapshot.warnings

    async def test_balances_are_those_of_the_ledger_with_limits_in_the_base_currency(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.ledger["EUR"] = ledger_row("EUR", -50.0)
        server.summary["maintmarginreq"] = amount(0.0, None, is_null=True)
        found = {
            each.currency: each for each in (await session.fetch_snapshot(ACCOUNT_OF_IT)).balances
        }
        assert set(found) == {"USD", "EUR"}
        assert found["EUR"].cash == Money(Decimal(-50), "EUR")
        assert found["EUR"].buying_power is None
        assert found["USD"].buying_power == Money(Decimal(20000))
        assert found["USD"].option_buying_power == Money(Decimal(4000))
        assert found["USD"].maintenance is None


class TestOrders:
    async def test_the_first_answer_of_a_session_is_passed_over(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        assert len(await session.fetch_orders(ACCOUNT_OF_IT)) == 1
        forced = [each for each in server.asked if each.query.get("force") == "true"]
        assert len(forced) == 1
        await session.fetch_orders(ACCOUNT_OF_IT)
        assert len([each for each in server.asked if each.query.get("force")]) == 1

    async def test_those_of_other_accounts_and_of_other_days_are_left_out(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        before = int((NOW - timedelta(days=1)).timestamp() * 1000)
        server.orders = [
            order(1, acct="U7654321", account="U7654321"),
            order(5, acct=None, account="U7654321"),
            order(6, acct="U7654321"),
            order(2, status="Cancelled", lastExecutionTime_r=before),
            order(3, status="Submitted", lastExecutionTime_r=before),
            order(4, status="Filled", filledQuantity=5.0, avgPrice="179.5"),
            order(4, status="Filled", filledQuantity=5.0, avgPrice="179.5"),
        ]
        found = await session.fetch_orders(ACCOUNT_OF_IT)
        assert [each.id for each in found] == ["6", "3", "4"]
        assert found[2].legs[0].average_price == Price(Decimal("179.5"))

    async def test_the_legs_of_a_combination_are_named(
        self, server: FakeIbkr, session: BrokerSession
    ) -> None:
        other = 584891700
        server.contracts[other] = option_info(other, local_symbol="SPXW  260320C06500000")
        server.orders = [
            order(
                7,
                conid=SPREAD,
                conidex=f"{SPREAD};;;{CALL}/1,{other}/-2",
                secType="BAG",
                status="Filled",
                price="-1.50",
                avgPrice="-1.55",
                totalSize=3.0,
                filledQuantity=3.0,
            )
        ]
        (found,) = await session.fetch_orders(ACCOUNT_OF_IT)
        assert found.status is OrderStatus.FILLED
        assert [leg.asset.symbol for leg in found.legs] == [
            "SPXW260320C06400000",
            "SPXW260320C06500000",
        ]
        assert [leg.filled for leg in found.legs] == [Decimal(3), Decimal(-6)]
        assert all(leg.average_price is None for leg in found.legs)
        assert found.net_price == Price(Decimal("-1.50"))
        assert f"/iserver/contract/{SPREAD}/info" not in asked(server), "the mere combination"


class TestHistory:
    async def test_a_combination_is_not_asked_for(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        moment = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
        server.trades = [trade(1, moment, sec_type="BAG", conid=SPREAD, symbol="IBM")]
        (found,) = await read_activities(session, ACCOUNT_OF_IT, world)
        assert found.asset is not None
        assert found.asset.kind is AssetKind.OTHER
        assert f"/iserver/contract/{SPREAD}/info" not in asked(server)

    @pytest.mark.parametrize("status", [400, 500])
    async def test_one_unknown_contract_does_not_hide_the_rest(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession, status: int
    ) -> None:
        moment = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
        server.trades = [trade(1, moment, conid=77), trade(2, moment)]
        unknown = Reply({"error": "unknown"}, status=status)
        path = f"{API}/iserver/contract/77/info"
        server.routes.insert(0, ("GET", path, lambda _: unknown))
        assert len(await read_activities(session, ACCOUNT_OF_IT, world)) == 2

    async def test_rows_that_do_not_say_whose_they_are_are_of_the_only_account_or_nobodys(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.trades = [trade(1, datetime(2026, 3, 3, 15, 0, tzinfo=UTC), account="")]
        server.orders = [order(1, acct=None, account=None)]
        assert len(await read_activities(session, ACCOUNT_OF_IT, world)) == 1
        assert len(await session.fetch_orders(ACCOUNT_OF_IT)) == 1
        two = Reply({"accounts": [ACCOUNT, "U7654321"]})
        server.routes.insert(0, ("GET", f"{API}/iserver/accounts", lambda _: two))
        server.bridge = False
        with pytest.raises(BrokerUnreadable, match="whose"):
            await session.fetch_orders(ACCOUNT_OF_IT)
        with pytest.raises(BrokerUnreadable, match="whose"):
            await read_activities(session, ACCOUNT_OF_IT, world)

    async def test_days_before_the_last_seven_are_not_half_told(
        self, world: IbkrWorld, session: BrokerSession
    ) -> None:
        with pytest.raises(BrokerUnavailable, match="seven days"):
            async for _ in session.iter_activities(ACCOUNT_OF_IT, date(2026, 2, 25), DAYS[1]):
                pass
        days = world.broker.capabilities.history_days
        assert days == 6
        first = NOW.date() - timedelta(days=days)
        pages = [page async for page in session.iter_activities(ACCOUNT_OF_IT, first, NOW.date())]
        assert len(pages[0].rows) == 4

    async def test_contracts_are_asked_for_once_for_all_sessions(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        await read_activities(session, ACCOUNT_OF_IT, world)
        await read_activities(await world.open(), ACCOUNT_OF_IT, world)
        assert asked(server).count(f"/iserver/contract/{SHARE}/info") == 1

    async def test_a_contract_that_is_not_known_any_more_is_told_in_the_rows_words(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.trades = [
            trade(
                1,
                datetime(2026, 3, 3, 15, 0, tzinfo=UTC),
                conid=77,
                sec_type="OPT",
                symbol="SPX",
                contract_description_2="MAR2026 6400 C",
            )
        ]
        (found,) = await read_activities(session, ACCOUNT_OF_IT, world)
        assert found.asset is not None
        assert (found.asset.symbol, found.asset.kind) == ("SPX MAR2026 6400 C", AssetKind.OPTION)
        assert found.cash == Money(Decimal("-962.31")), "stated, not computed"

    async def test_index_options_keep_the_class_that_they_trade_in(
        self, world: IbkrWorld, server: FakeIbkr, session: BrokerSession
    ) -> None:
        server.trades = [
            trade(1, datetime(2026, 3, 3, 15, 0, tzinfo=UTC), conid=CALL, sec_type="OPT")
        ]
        (found,) = await read_activities(session, ACCOUNT_OF_IT, world)
        assert found.asset is not None
        assert found.asset.symbol == "SPXW260320C06400000"


class TestWhatIsKept:
    def test_contracts_are_kept_up_to_a_bound(self) -> None:
        kept = Contracts()
        asset = Asset(kind=AssetKind.STOCK, symbol="IBM")
        for conid in range(CONTRACTS_KEPT_MAX + 1):
            kept.keep(conid, asset)
        assert kept[0] is None
        assert kept[1] == kept[CONTRACTS_KEPT_MAX] == asset

    def test_paths_are_noted_without_numbers(self) -> None:
        assert path_note(f"/v1/api/portfolio/{ACCOUNT}/ledger") == "/v1/api/portfolio/…/ledger"
        assert path_note("/v1/api/portfolio/accounts") == "/v1/api/portfolio/accounts"
        assert path_note("/v1/api/portfolio/subaccounts") == "/v1/api/portfolio/subaccounts"
