"""What the service keeps, and for how long nothing waits for a slow market."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date
from typing import cast
from uuid import UUID

import pytest
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account, position, stock
from tests.fixtures.manual_time import ManualTime
from tests.fixtures.waiting import until

from optix.features.brokerage.service import BrokerageService
from optix.features.market.service import MarketService
from optix.features.portfolio.closes import KeptAnswers
from optix.features.portfolio.service import PortfolioService
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.errors import NotFound
from optix.kernel.ids import UserId
from optix.processes.api import ApiDependencies

TODAY = date(2026, 11, 18)


@dataclass
class Slow:
    """A market that answers when it is told to."""

    asked: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    missing: set[str] = field(default_factory=set)

    async def fetch(self, _: MarketService, symbol: str, day: date) -> str:
        assert day == TODAY
        self.asked.append(symbol)
        self.running += 1
        self.most = max(self.most, self.running)
        await self.go.wait()
        self.running -= 1
        if symbol in self.missing:
            raise NotFound(f"There is no {symbol}.", code="unknown_symbol")
        return symbol.lower()


class Market:
    """Only its identity counts."""


class TestKeptAnswers:
    @pytest.fixture
    def clock(self) -> ManualTime:
        return ManualTime(0)

    @pytest.fixture
    def market(self) -> MarketService:
        return cast("MarketService", Market())

    async def test_nobody_waits_longer_than_a_moment(
        self, clock: ManualTime, market: MarketService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("optix.kernel.limits.HISTORIES_WAIT_SECONDS_MAX", 0.01)
        assert limits.HISTORIES_WAIT_SECONDS_MAX == 0.01
        slow = Slow()
        kept = KeptAnswers(clock, slow.fetch)
        assert await kept.get(market, ["A"], TODAY) == {"A": "pending"}
        slow.go.set()
        assert await kept.get(market, ["A"], TODAY) == {"A": "a"}
        assert slow.asked == ["A"]

    async def test_so_many_are_asked_at_once(
        self, clock: ManualTime, market: MarketService
    ) -> None:
        slow, most = Slow(), limits.HISTORIES_AT_ONCE_MAX
        kept = KeptAnswers(clock, slow.fetch)
        names = [f"S{n}" for n in range(3 * most)]
        kept.find(market, names, TODAY)
        await until(lambda: slow.running == most)
        slow.go.set()
        found = await kept.get(market, names, TODAY)
        assert (slow.most, set(found.values())) == (most, {name.lower() for name in names})

    async def test_what_was_told_holds_for_a_while_and_a_failure_shorter(
        self, clock: ManualTime, market: MarketService
    ) -> None:
        slow = Slow(missing={"B"})
        slow.go.set()
        kept = KeptAnswers(clock, slow.fetch)
        assert await kept.get(market, ["A", "B"], TODAY) == {"A": "a", "B": "unknown_symbol"}
        await clock.advance(limits.MARKS_RETRY_SECONDS)
        await kept.get(market, ["A", "B"], TODAY)
        assert sorted(slow.asked) == ["A", "B", "B"]
        await clock.advance(limits.HISTORIES_SECONDS)
        await kept.get(market, ["A"], TODAY)
        assert sorted(slow.asked) == ["A", "A", "B", "B"]

    async def test_so_many_symbols_are_kept(
        self, clock: ManualTime, market: MarketService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "HISTORIES_KEPT_MAX", 2)
        slow = Slow()
        slow.go.set()
        kept = KeptAnswers(clock, slow.fetch)
        for name in ("A", "B", "C"):
            await kept.get(market, [name], TODAY)
        assert limits.HISTORIES_KEPT_MAX == 2
        assert kept.find(market, ["A", "B", "C"], TODAY) == {"A": "pending", "B": "b", "C": "c"}


@pytest.mark.stores
class TestKept:
    async def test_what_is_held_is_compiled_once_until_it_changes(
        self, api_dependencies: ApiDependencies, caller: Caller, clock: ScaledClock
    ) -> None:
        database, owner = api_dependencies.database, UserId(UUID(caller.id))
        at = to_datetime(clock.now_ns())
        service = PortfolioService(BrokerageService(database, clock), clock)
        market = api_dependencies.lanes.main.market
        await add_account(database, owner, at, positions=[position(stock(), "10")])
        first = await service.compiled(owner, market)
        assert await service.compiled(owner, market) is first
        await add_account(database, owner, at, positions=[position(stock(), "5")])
        assert len((await service.compiled(owner, market)).valuer.holding) == 2

    async def test_so_many_positions_are_kept(
        self,
        api_dependencies: ApiDependencies,
        caller: Caller,
        admin: Caller,
        clock: ScaledClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """With room for three positions the book of two makes way for the other of two."""
        monkeypatch.setattr(limits, "PORTFOLIO_POSITIONS_KEPT_MAX", 3)
        monkeypatch.setattr(limits, "SNAPSHOT_POSITIONS_KEPT_MAX", 3)
        database, at = api_dependencies.database, to_datetime(clock.now_ns())
        brokerage = BrokerageService(database, clock)
        service = PortfolioService(brokerage, clock)
        market = api_dependencies.lanes.main.market
        owners = [UserId(UUID(who.id)) for who in (caller, admin)]
        for owner in owners:
            held = [position(stock(), "10"), position(stock("IWM"), "1")]
            await add_account(database, owner, at, positions=held)
        first = await service.compiled(owners[0], market)
        second = await service.compiled(owners[1], market)
        kept = sum(len(each.positions) for each in brokerage._snapshots.values())
        assert kept <= limits.SNAPSHOT_POSITIONS_KEPT_MAX
        assert len(second.valuer.holding) <= limits.PORTFOLIO_POSITIONS_KEPT_MAX
        assert await service.compiled(owners[1], market) is second
        assert await service.compiled(owners[0], market) is not first
