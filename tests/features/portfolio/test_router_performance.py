"""Performance over HTTP: figures of stored days, and the same figures out of their export."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from decimal import Decimal
from math import sin
from statistics import mean, stdev
from typing import Any
from uuid import UUID

import httpx
import pytest
from scipy.optimize import brentq
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account

from optix.features.market import calendar
from optix.features.portfolio import repository_performance as repository
from optix.features.portfolio.returns.equity import DayQuality, EquityDay
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.db import Database

pytestmark = pytest.mark.stores

PATH = "/api/v1/portfolio/performance"
ZERO = Decimal(0)


def owner_of(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


def a_year(account: UUID, last: date, sessions: int = 260) -> list[EquityDay]:
    """A year that rises and falls by at most a hundredth a day, with a flow each month."""
    day = calendar.session_on_or_before(last)
    days = [day]
    while len(days) < sessions:
        days.append(calendar.previous_session(days[-1]))
    value = Decimal("10000.00")
    found = []
    for place, each in enumerate(reversed(days)):
        inflow = Decimal("250.00") if place % 21 == 20 else ZERO
        outflow = Decimal("100.00") if place % 50 == 49 else ZERO
        change = Decimal(str(round(sin(place * 1.7) / 100 + 0.0004, 6))) if place else ZERO
        value = ((value + inflow) * (1 + change) - outflow).quantize(Decimal("0.01"))
        found.append(
            EquityDay(
                account=account,
                currency="USD",
                day=each,
                value=value,
                quality=DayQuality.CLOSING,
                inflow=inflow,
                outflow=outflow,
            )
        )
    return found


async def keep(database: Database, owner: UserId, days: Sequence[EquityDay]) -> None:
    async with database.writing() as session:
        await repository.save_days(session, owner, days, [])


@pytest.fixture
async def kept(database: Database, caller: Caller, clock: ScaledClock) -> list[EquityDay]:
    now = to_datetime(clock.now_ns())
    account = await add_account(database, owner_of(caller), now)
    days = a_year(account, calendar.exchange_date(clock.now_ns()))
    await keep(database, owner_of(caller), days)
    return days


async def ask(client: httpx.AsyncClient, caller: Caller, **parameters: Any) -> dict[str, Any]:
    answer = await client.get(PATH, params=parameters, headers=caller.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestExport:
    async def test_every_figure_can_be_worked_out_from_the_export(
        self, client: httpx.AsyncClient, caller: Caller, kept: list[EquityDay]
    ) -> None:
        """The figures once more, by their definitions, from nothing but the text of the CSV."""
        (shown,) = (await ask(client, caller, period="ALL"))["currencies"]
        answer = await client.get(f"{PATH}/days", headers=caller.headers)
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        values = [float(row["value"]) for row in rows]
        into = [float(row["inflow"]) for row in rows]
        out = [float(row["outflow"]) for row in rows]
        days = [date.fromisoformat(row["day"]) for row in rows]
        later = range(1, len(rows))
        rates = [(values[i] + out[i]) / (values[i - 1] + into[i]) - 1 for i in later]
        level = [1.0]
        for rate in rates:
            level.append(level[-1] * (1 + rate))
        assert shown["time_weighted"]["value"] == pytest.approx(level[-1] - 1, abs=1e-9)
        assert shown["time_weighted"]["n"] == len(rates)
        flows = [(days[0], -values[0])]
        flows += [(days[i], out[i] - into[i]) for i in later]
        flows += [(days[-1], values[-1])]

        def worth(rate: float) -> float:
            return math.fsum(
                amount * math.pow(1 + rate, -(day - days[0]).days / 365) for day, amount in flows
            )

        wanted = brentq(worth, -0.9, 9, xtol=1e-14)
        assert shown["money_weighted"]["value"] == pytest.approx(wanted, abs=1e-9)
        span = (days[-1] - days[0]).days
        base = values[0] + sum(
            (into[i] - out[i]) * ((days[-1] - days[i]).days + 0.5) / span for i in later
        )
        gain = values[-1] - values[0] - sum(into[1:]) + sum(out[1:])
        assert shown["modified_dietz"]["value"] == pytest.approx(gain / base, abs=1e-9)
        assert shown["volatility"]["value"] == pytest.approx(stdev(rates) * 252**0.5, abs=1e-9)
        excess = [rate - (1.04 ** (1 / 252) - 1) for rate in rates]
        short = mean(min(each, 0.0) ** 2 for each in excess) ** 0.5
        sharpe = mean(excess) / stdev(excess) * 252**0.5
        assert shown["sharpe"]["value"] == pytest.approx(sharpe, abs=1e-9)
        assert shown["sortino"]["value"] == pytest.approx(mean(excess) / short * 252**0.5, abs=1e-9)
        assert shown["best_day"]["value"] == pytest.approx(max(rates), abs=1e-12)
        assert shown["worst_day"]["value"] == pytest.approx(min(rates), abs=1e-12)
        deepest = min(level[i] / max(level[: i + 1]) - 1 for i in range(len(level)))
        assert shown["max_drawdown"]["depth"] == pytest.approx(deepest, abs=1e-9)
        assert Decimal(shown["inflow"]) == sum((each.inflow for each in kept[1:]), ZERO)
        months: dict[tuple[int, int], float] = {}
        for day, rate in zip(days[1:], rates, strict=True):
            key = (day.year, day.month)
            months[key] = (1 + months.get(key, 0.0)) * (1 + rate) - 1
        found = {(cell["year"], cell["month"]): cell["figure"]["value"] for cell in shown["months"]}
        assert found == pytest.approx(months, abs=1e-9)

    async def test_a_window_of_the_export_is_that_of_the_answer(
        self, client: httpx.AsyncClient, caller: Caller, kept: list[EquityDay]
    ) -> None:
        """The same parameters give the same first and last day."""
        wanted = {"from": kept[100].day.isoformat(), "to": kept[140].day.isoformat()}
        (shown,) = (await ask(client, caller, **wanted))["currencies"]
        answer = await client.get(f"{PATH}/days", params=wanted, headers=caller.headers)
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert (rows[0]["day"], rows[-1]["day"]) == (wanted["from"], wanted["to"])
        assert (shown["curve"][0]["day"], shown["curve"][-1]["day"]) == (
            wanted["from"],
            wanted["to"],
        )
        assert shown["time_weighted"]["n"] == 40


class TestAnswer:
    async def test_without_days_there_is_nothing_and_not_zero(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        """A user without accounts."""
        assert (await ask(client, caller))["currencies"] == []

    async def test_one_known_day_gives_reasons_in_place_of_figures(
        self, client: httpx.AsyncClient, caller: Caller, database: Database, clock: ScaledClock
    ) -> None:
        """Every figure is null, and each says why."""
        account = await add_account(database, owner_of(caller), to_datetime(clock.now_ns()))
        await keep(
            database,
            owner_of(caller),
            a_year(account, calendar.exchange_date(clock.now_ns()), sessions=1),
        )
        (shown,) = (await ask(client, caller))["currencies"]
        for name in ("time_weighted", "money_weighted", "modified_dietz", "sharpe", "volatility"):
            assert (shown[name]["value"], bool(shown[name]["reason"])) == (None, True)
        assert shown["benchmark"]["figure"]["value"] is None

    async def test_currencies_have_a_result_each(
        self, client: httpx.AsyncClient, caller: Caller, database: Database, kept: list[EquityDay]
    ) -> None:
        """The same days once more in euros: two results, equal and never added."""
        euros = [EquityDay(**{**_fields(each), "currency": "EUR"}) for each in kept]
        async with database.writing() as session:
            await repository.save_days(session, owner_of(caller), [*kept, *euros], kept)
        one, other = (await ask(client, caller, period="ALL"))["currencies"]
        assert (one["currency"], other["currency"]) == ("EUR", "USD")
        assert one["curve"][-1]["value"] == other["curve"][-1]["value"]

    async def test_a_move_between_own_accounts_is_no_flow_of_the_total(
        self, client: httpx.AsyncClient, caller: Caller, database: Database, clock: ScaledClock
    ) -> None:
        """300 leave one account and arrive in the other a session later: the total stays 2000."""
        now = to_datetime(clock.now_ns())
        one = await add_account(database, owner_of(caller), now)
        two = await add_account(database, owner_of(caller), now)
        last = calendar.session_on_or_before(calendar.exchange_date(clock.now_ns()))
        days = [calendar.previous_session(calendar.previous_session(last))]
        days += [calendar.previous_session(last), last]

        def row(account: UUID, place: int, value: int, **more: Any) -> EquityDay:
            known = EquityDay(
                account=account,
                currency="USD",
                day=days[place],
                value=Decimal(value),
                quality=DayQuality.CLOSING,
            )
            amounts: dict[str, Any] = {name: Decimal(amount) for name, amount in more.items()}
            return replace(known, **amounts)

        await keep(
            database,
            owner_of(caller),
            [
                row(one, 0, 1000),
                row(one, 1, 700, outflow=300, inner_out=300),
                row(one, 2, 700),
                row(two, 0, 1000),
                row(two, 1, 1000),
                row(two, 2, 1300, inflow=300, inner_in=300),
            ],
        )
        (shown,) = (await ask(client, caller))["currencies"]
        assert [point["value"] for point in shown["curve"]] == ["2000", "2000", "2000"]
        assert (shown["time_weighted"]["value"], shown["inflow"]) == (0.0, "0")
        (alone,) = (await ask(client, caller, account=str(one)))["currencies"]
        assert (alone["time_weighted"]["value"], alone["outflow"]) == (0.0, "300")

    async def test_a_curve_has_at_most_performance_points_max(
        self, client: httpx.AsyncClient, caller: Caller, database: Database, clock: ScaledClock
    ) -> None:
        """`PERFORMANCE_POINTS_MAX` and some sessions more; the ends are there."""
        account = await add_account(database, owner_of(caller), to_datetime(clock.now_ns()))
        count = limits.PERFORMANCE_POINTS_MAX + 50
        days = a_year(account, calendar.exchange_date(clock.now_ns()), sessions=count)
        await keep(database, owner_of(caller), days)
        (shown,) = (await ask(client, caller, period="ALL"))["currencies"]
        assert len(shown["curve"]) == limits.PERFORMANCE_POINTS_MAX
        assert shown["curve"][0]["day"] == days[0].day.isoformat()
        assert shown["curve"][-1]["day"] == days[-1].day.isoformat()

    async def test_another_users_account_is_not_found(
        self, client: httpx.AsyncClient, admin: Caller, kept: list[EquityDay]
    ) -> None:
        """The id exists, and is somebody else's."""
        for path in (PATH, f"{PATH}/days"):
            answer = await client.get(
                path, params={"account": str(kept[0].account)}, headers=admin.headers
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")

    async def test_a_window_that_ends_before_it_begins_is_refused(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        """Tomorrow is after today, whatever `to` says."""
        tomorrow = calendar.exchange_date(clock.now_ns()) + timedelta(days=1)
        answer = await client.get(
            PATH, params={"from": tomorrow.isoformat()}, headers=caller.headers
        )
        assert answer.status_code in {400, 422}


def _fields(day: EquityDay) -> dict[str, Any]:
    return asdict(day)
