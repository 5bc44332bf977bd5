"""Structures over HTTP on a real feed and real stores: what is shown, kept, and refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, select
from tests.contracts.openapi import problem_faults
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account, option, position, stock, trade

from optix.features.brokerage.models import BrokerAccountRow
from optix.features.brokerage.repository import save_snapshot
from optix.features.portfolio.models_structures import StructureOverride
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.holding import AccountSnapshot, Asset, AssetKind, Balance, Position
from optix.kernel.ids import UserId
from optix.kernel.money import Money
from optix.platform.db import Database

pytestmark = pytest.mark.stores

PATH = "/api/v1/portfolio/structures"
OVERRIDES = f"{PATH}/overrides"
LONG, SHORT = "SPY261218C00600000", "SPY261218C00610000"
NEAR = "SPY261127C00600000"  # nobody quotes it
Ask = Callable[..., Awaitable[httpx.Response]]


def owner_of(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


@pytest.fixture
async def ask(client: httpx.AsyncClient, caller: Caller) -> Ask:
    """Ask as a signed-in user."""

    async def ask(method: str, path: str, **more: Any) -> httpx.Response:
        return await client.request(method, path, headers=caller.headers, **more)

    return ask


@pytest.fixture
def at(clock: ScaledClock) -> datetime:
    return to_datetime(clock.now_ns())


def spread(many: int = 1) -> list[Position]:
    return [
        position(option(LONG), f"{many}", f"{many * 2000}.00"),
        position(option(SHORT), f"-{many}", f"-{many * 1500}.00"),
    ]


async def hold(database: Database, account: UUID, at: datetime, positions: list[Position]) -> None:
    """Let a later snapshot say what an account holds."""
    async with database.writing() as session:
        row = await session.get_one(BrokerAccountRow, account)
        snapshot = AccountSnapshot(
            as_of=at + timedelta(minutes=5),
            complete=True,
            positions=tuple(positions),
            balances=(Balance(currency="USD", cash=Money.parse("1000.00")),),
        )
        await save_snapshot(session, row, snapshot)


async def listed(ask: Ask, **parameters: Any) -> dict[str, Any]:
    answer = await ask("GET", PATH, params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestStructures:
    async def test_a_spread_is_one_structure_with_its_figures(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        (shown,) = (await listed(ask))["structures"]
        assert (shown["shape"], shown["why"], shown["units"]) == ("bull_call_spread", "shape", "1")
        assert (shown["account_id"], shown["underlying"]) == (str(account), "SPY")
        assert shown["cost"] == "500.00"
        assert shown["figures"]["basis"] == "exact_at_expiration"
        assert (shown["figures"]["profit_max"], shown["figures"]["loss_max"]) == (
            "500.00",
            "-500.00",
        )
        assert shown["figures"]["break_evens"] == ["605.0000"]
        contracts = [
            (await ask("GET", f"/api/v1/options/contracts/{key}")).json()["contract"]
            for key in (LONG, SHORT)
        ]
        worth = sum(
            Decimal(str(each["mid"])) * sign * 100
            for each, sign in zip(contracts, (1, -1), strict=True)
        )
        assert Decimal(shown["value"]) == pytest.approx(worth, abs=Decimal("0.02"))
        assert Decimal(shown["unrealised"]) == Decimal(shown["value"]) - 500

    async def test_a_position_in_two_structures_shares_its_cost(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        positions = [
            position(option(LONG), "3", "100.00"),
            position(option(SHORT), "-1", "-10.00"),
        ]
        await add_account(database, owner_of(caller), at, positions=positions)
        shown = (await listed(ask))["structures"]
        costs = [
            Decimal(leg["cost"]) for each in shown for leg in each["legs"] if leg["symbol"] == LONG
        ]
        assert sorted(costs) == [Decimal("33.33"), Decimal("66.67")]

    async def test_rows_of_one_asset_are_one_position_with_all_its_cost(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        rows = [position(option(LONG), "1", "100.00"), position(option(LONG), "2", "230.00")]
        await add_account(database, owner_of(caller), at, positions=rows)
        (shown,) = (await listed(ask))["structures"]
        assert (shown["units"], shown["cost"]) == ("3", "330.00")

    async def test_its_order_says_what_belongs_together(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        day = date(2026, 11, 2)
        lines = [
            replace(trade(day, option(LONG), "1", "-2000.00", "1"), order_id="o7"),
            replace(trade(day, option(SHORT), "-1", "1500.00", "2"), order_id="o7"),
        ]
        await add_account(database, owner_of(caller), at, positions=spread(), lines=lines)
        (shown,) = (await listed(ask))["structures"]
        assert (shown["why"], shown["orders"], shown["confidence"]) == ("order", ["o7"], 1.0)

    async def test_a_calendar_is_modelled_and_says_so(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        positions = [
            position(option(NEAR), "-1", "-900.00"),
            position(option(LONG), "1", "1300.00"),
        ]
        await add_account(database, owner_of(caller), at, positions=positions)
        (shown,) = (await listed(ask))["structures"]
        assert shown["shape"] == "calendar"
        assert shown["figures"]["basis"] == "black_76_at_front_expiration"
        assert shown["figures"]["front"] == "2026-11-27"
        assert (shown["value"], shown["unrealised"]) == (None, None)
        assert {leg["symbol"]: leg["reason"] for leg in shown["legs"]} == {
            NEAR: "unknown_contract",
            LONG: "",
        }

    async def test_a_calendar_without_a_volatility_has_no_figures(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        far = "SPY270115C00600000"
        positions = [position(option(LONG), "-1", "-900"), position(option(far), "1", "1300")]
        await add_account(database, owner_of(caller), at, positions=positions)
        (shown,) = (await listed(ask))["structures"]
        assert (shown["shape"], shown["figures"], shown["reason"]) == (
            *("calendar", None),
            "no_volatility",
        )

    async def test_a_detail_has_its_curve(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, positions=spread())
        (shown,) = (await listed(ask))["structures"]
        answer = (await ask("GET", f"{PATH}/{shown['id']}")).json()
        assert answer["structure"] == shown
        profits = {Decimal(each["price"]): each["profit"] for each in answer["points"]}
        assert (profits[Decimal(600)], profits[Decimal(610)]) == ("-500.00", "500.00")

    async def test_an_unknown_cost_is_no_profit(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(database, owner_of(caller), at, positions=[position(option(LONG), "1")])
        (shown,) = (await listed(ask))["structures"]
        assert (shown["cost"], shown["figures"], shown["reason"]) == (None, None, "cost_unknown")
        assert shown["unrealised"] is None

    async def test_account_and_underlying_narrow_it(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        first = await add_account(database, owner_of(caller), at, positions=spread())
        bond = Asset(kind=AssetKind.BOND, symbol="912828YK0")
        await add_account(
            database,
            owner_of(caller),
            at,
            positions=[position(stock("IWM"), "10"), position(bond, "1")],
        )
        everything = await listed(ask)
        assert (len(everything["structures"]), everything["left_out"]) == (2, 1)
        assert [
            each["underlying"] for each in (await listed(ask, underlying="iwm"))["structures"]
        ] == ["IWM"]
        (own,) = (await listed(ask, account=str(first)))["structures"]
        assert own["underlying"] == "SPY"

    async def test_a_structure_that_is_not_there_is_not_found(self, ask: Ask) -> None:
        answer = await ask("GET", f"{PATH}/{uuid4()}")
        assert (answer.status_code, answer.json()["code"]) == (404, "structure_not_found")
        assert list(problem_faults(answer)) == []

    async def test_no_more_lines_than_bounded_are_read(
        self,
        ask: Ask,
        caller: Caller,
        database: Database,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """By STRUCTURE_LINES_MAX of two, pages of one, and a history of three."""
        monkeypatch.setattr(limits, "STRUCTURE_LINES_MAX", 2)
        monkeypatch.setattr("optix.features.portfolio.structures_view._PAGE", 1)
        lines = [
            trade(date(2026, 11, day), option(LONG), "1", "-9.00", f"{day}") for day in (2, 3, 4)
        ]
        await add_account(
            database, owner_of(caller), at, positions=[position(option(LONG), "3")], lines=lines
        )
        found = await listed(ask)
        assert len(lines) > limits.STRUCTURE_LINES_MAX
        assert (found["history_complete"], len(found["structures"])) == (False, 1)


class TestChains:
    async def test_a_roll_is_told_with_what_it_brought(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        first, second = date(2026, 10, 1), date(2026, 11, 2)
        moment = datetime(2026, 11, 2, 15, tzinfo=UTC)
        lines = [
            trade(first, option(NEAR), "-1", "1200.00", "1"),
            replace(trade(second, option(NEAR), "1", "-700.00", "2"), order_id="r", at=moment),
            replace(trade(second, option(LONG), "-1", "1900.00", "3"), order_id="r", at=moment),
        ]
        positions = [position(option(LONG), "-1", "-1900.00")]
        await add_account(database, owner_of(caller), at, positions=positions, lines=lines)
        (chain,) = (await listed(ask))["chains"]
        assert (chain["kind"], chain["is_open"], chain["premium"]) == ("roll", True, "2400.00")
        assert [each["premium_so_far"] for each in chain["steps"]] == ["1200.00", "2400.00"]
        assert Decimal(chain["profit"]) == 2400 + Decimal(chain["value"])

    async def test_a_wheel_is_one_chain(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        put = option("SPY261120P00600000")

        def settled(line: Activity) -> Activity:
            return replace(line, kind=ActivityKind.ASSIGNMENT, group="g")

        lines = [
            trade(date(2026, 10, 1), put, "-1", "900.00", "1"),
            settled(trade(date(2026, 11, 20), put, "1", "0.00", "2")),
            settled(trade(date(2026, 11, 20), stock(), "100", "-60000.00", "3")),
            trade(date(2026, 11, 21), option(SHORT), "-1", "500.00", "4"),
        ]
        positions = [position(stock(), "100", "60000.00"), position(option(SHORT), "-1", "-500")]
        await add_account(database, owner_of(caller), at, positions=positions, lines=lines)
        found = await listed(ask)
        (chain,) = found["chains"]
        assert [each["kind"] for each in chain["steps"]] == ["opened", "assigned", "opened"]
        assert (chain["kind"], chain["premium"], chain["cash"]) == (
            *("wheel", "1400.00"),
            "-58600.00",
        )
        assert [each["shape"] for each in found["structures"]] == ["covered_call"]


class TestMargin:
    async def test_it_is_an_estimate_beside_the_brokers_own(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        async with database.writing() as session:
            row = await session.get_one(BrokerAccountRow, account)
            balance = Balance(
                currency="USD", cash=Money.parse("1"), maintenance=Money.parse("1234.50")
            )
            snapshot = AccountSnapshot(
                as_of=at + timedelta(minutes=1),
                complete=True,
                positions=tuple(spread()),
                balances=(balance,),
            )
            await save_snapshot(session, row, snapshot)
        assert (await listed(ask))["margin"] == []
        (shown,) = (await listed(ask, margin=True))["margin"]
        assert (shown["label"], shown["has_margin"]) == ("estimate", True)
        assert shown["broker_maintenance"] == "1234.50"
        (spy,) = shown["underlyings"]
        assert (spy["exact"], spy["groups"][0]["rule"]) == (True, "spread")
        assert shown["maintenance"] == spy["maintenance"] == spy["long_options"]

    async def test_without_a_price_it_says_why(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        await add_account(
            database, owner_of(caller), at, positions=[position(stock("NONE"), "5", "50.00")]
        )
        (shown,) = (await listed(ask, margin=True))["margin"]
        assert shown["maintenance"] is None
        assert shown["underlyings"][0]["reason"] == "no_underlying_price"


class TestOverrides:
    async def test_what_the_owner_puts_together_holds_through_a_sync(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        positions = [*spread(), position(stock(), "40", "24000.00")]
        account = await add_account(database, owner_of(caller), at, positions=positions)
        wanted = {
            "account_id": str(account),
            "name": "hedged",
            "legs": [{"symbol": LONG, "quantity": "1"}, {"symbol": "SPY", "quantity": "40"}],
        }
        made = await ask("POST", OVERRIDES, json=wanted)
        assert made.status_code == 201, made.text
        again = await ask("GET", made.headers["location"])
        assert again.json() == made.json()
        await hold(database, account, at, positions)
        shown = (await listed(ask))["structures"]
        (own,) = [each for each in shown if each["why"] == "owner"]
        assert (own["id"], own["name"], own["shape"]) == (made.json()["id"], "hedged", "custom")
        detail = await ask("GET", f"{PATH}/{own['id']}")
        assert detail.json()["structure"]["name"] == "hedged"

    async def test_it_falls_apart_visibly_and_can_be_taken_apart(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        legs = [{"symbol": LONG, "quantity": "1"}, {"symbol": SHORT, "quantity": "-1"}]
        wanted = {"account_id": str(account), "name": "mine", "legs": legs}
        made = (await ask("POST", OVERRIDES, json=wanted)).json()
        await hold(database, account, at, spread()[:1])
        found = await listed(ask)
        assert found["fallen"] == [
            {"id": made["id"], "account_id": str(account), "name": "mine", "missing": [SHORT]}
        ]
        assert [each["shape"] for each in found["structures"]] == ["long_call"]
        gone = await ask("DELETE", f"{OVERRIDES}/{made['id']}")
        assert gone.status_code == 204
        assert (await listed(ask))["fallen"] == []
        assert (await ask("GET", OVERRIDES)).json() == {"overrides": []}
        again = await ask("DELETE", f"{OVERRIDES}/{made['id']}")
        assert (again.status_code, again.json()["code"]) == (404, "override_not_found")

    @pytest.mark.parametrize(
        "legs",
        [
            [{"symbol": "SPY261218C00700000", "quantity": "1"}],
            [{"symbol": LONG, "quantity": "-1"}],
            [{"symbol": LONG, "quantity": "2"}],
            [{"symbol": LONG, "quantity": "1"}, {"symbol": LONG, "quantity": "1"}],
        ],
    )
    async def test_only_what_is_held_can_be_put_together(
        self,
        ask: Ask,
        caller: Caller,
        database: Database,
        at: datetime,
        legs: list[dict[str, str]],
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        answer = await ask("POST", OVERRIDES, json={"account_id": str(account), "legs": legs})
        assert (answer.status_code, answer.json()["code"]) == (422, "leg_not_held")
        assert list(problem_faults(answer)) == []

    async def test_a_leg_is_in_one_of_them_only(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread(2))
        wanted = {"account_id": str(account), "legs": [{"symbol": LONG, "quantity": "1"}]}
        answers = [await ask("POST", OVERRIDES, json=wanted) for _ in range(3)]
        assert [each.status_code for each in answers] == [201, 201, 409]
        assert answers[-1].json()["code"] == "leg_taken"

    async def test_bounds(
        self,
        ask: Ask,
        caller: Caller,
        database: Database,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """By one more than STRUCTURE_NAME_LENGTH_MAX, STRUCTURE_OVERRIDE_LEGS_MAX, and
        STRUCTURE_OVERRIDES_MAX of one.
        """
        account = await add_account(database, owner_of(caller), at, positions=spread(2))
        leg = {"symbol": LONG, "quantity": "1"}

        async def made(**more: Any) -> tuple[int, str]:
            wanted = {"account_id": str(account), "legs": [leg], **more}
            answer = await ask("POST", OVERRIDES, json=wanted)
            return answer.status_code, answer.json().get("code", "")

        assert await made(name="x" * (limits.STRUCTURE_NAME_LENGTH_MAX + 1)) == (
            *(422,),
            "invalid_input",
        )
        assert await made(legs=[leg] * (limits.STRUCTURE_OVERRIDE_LEGS_MAX + 1)) == (
            *(422,),
            "invalid_input",
        )
        assert await made(legs=[{"symbol": LONG, "quantity": "0.0"}]) == (422, "invalid_input")
        monkeypatch.setattr(limits, "STRUCTURE_OVERRIDES_MAX", 1)
        assert (await made(name="x" * limits.STRUCTURE_NAME_LENGTH_MAX))[0] == 201
        kept = (await ask("GET", OVERRIDES)).json()["overrides"]
        assert len(kept) == limits.STRUCTURE_OVERRIDES_MAX
        assert await made() == (409, "too_many_overrides")

    async def test_they_go_with_their_account(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        wanted = {"account_id": str(account), "legs": [{"symbol": LONG, "quantity": "1"}]}
        assert (await ask("POST", OVERRIDES, json=wanted)).status_code == 201
        async with database.writing() as session:
            await session.execute(delete(BrokerAccountRow).where(BrokerAccountRow.id == account))
        async with database.reading() as session:
            assert (await session.scalars(select(StructureOverride))).all() == []

    async def test_they_are_in_the_export_of_ones_own_data(
        self, ask: Ask, caller: Caller, database: Database, at: datetime
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        wanted = {
            "account_id": str(account),
            "name": "mine",
            "legs": [{"symbol": LONG, "quantity": "1"}],
        }
        made = (await ask("POST", OVERRIDES, json=wanted)).json()
        exported = (await ask("POST", "/api/v1/users/me/export")).json()
        assert exported["structure_overrides"] == [made]


class TestOwners:
    async def test_nobody_sees_or_changes_what_another_holds(
        self,
        client: httpx.AsyncClient,
        ask: Ask,
        caller: Caller,
        admin: Caller,
        database: Database,
        at: datetime,
    ) -> None:
        account = await add_account(database, owner_of(caller), at, positions=spread())
        wanted = {"account_id": str(account), "legs": [{"symbol": LONG, "quantity": "1"}]}
        made = (await ask("POST", OVERRIDES, json=wanted)).json()
        structure = (await listed(ask))["structures"][0]["id"]
        for method, path, body in [
            ("GET", f"{PATH}/{structure}", None),
            ("GET", f"{OVERRIDES}/{made['id']}", None),
            ("DELETE", f"{OVERRIDES}/{made['id']}", None),
            ("POST", OVERRIDES, wanted),
        ]:
            answer = await client.request(method, path, json=body, headers=admin.headers)
            assert answer.status_code == 404, (method, path)
        others = (await client.get(PATH, headers=admin.headers)).json()
        assert (others["structures"], others["chains"]) == ([], [])
        assert (await ask("GET", f"{OVERRIDES}/{made['id']}")).status_code == 200
