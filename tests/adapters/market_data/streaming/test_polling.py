"""What is asked for, when, and what a failure changes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from structlog.testing import capture_logs
from tests.fixtures.waiting import WAIT_SECONDS, until

from optix.adapters.market_data.failures import ProviderRefused
from optix.adapters.market_data.streaming.polling import (
    RETRY_SECONDS_MAX,
    UNKNOWN_SECONDS,
    Poller,
    Schedule,
    Tape,
    Thing,
)
from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.ports.market_data import ChainKey, ProviderUnavailable, UnknownSymbol

CHAIN = ChainKey("SPY", date(2026, 12, 18))
LOST = ProviderUnavailable("Away.")


def schedule(*things: Thing) -> Schedule:
    made = Schedule(lambda thing: 10.0 if isinstance(thing, str) else 60.0)
    made.want(things)
    return made


def test_new_things_are_due_and_answered_ones_after_their_interval() -> None:
    plan = schedule("A", CHAIN)
    assert set(plan.due(0.0)) == {"A", CHAIN}
    plan.succeeded("A", 100.0)
    plan.succeeded(CHAIN, 100.0)
    assert plan.due(109.0) == []
    assert plan.next_due(105.0, set()) == 5.0
    assert plan.next_due(105.0, {"A"}) == 55.0
    assert plan.due(110.0) == ["A"]
    assert set(plan.due(160.0)) == {"A", CHAIN}
    assert schedule().next_due(0.0, set()) is None


def test_after_a_gap_everything_is_due_and_comes_before_what_is_merely_old() -> None:
    plan = schedule("A", "B")
    plan.succeeded("A", 0.0)
    plan.succeeded("B", 5.0)
    plan.hurry()
    plan.succeeded("A", 6.0)
    assert plan.due(20.0) == ["B", "A"]


def test_failures_wait_longer_and_longer_and_the_unknown_longest() -> None:
    plan = schedule("A", "B", "C", "D")
    waits = []
    for _ in range(9):
        plan.failed("A", LOST, 0.0)
        waits.append(plan.next_due(0.0, {"B", "C", "D"}))
    assert waits[:3] == [1.0, 2.0, 4.0]
    assert waits[-1] == RETRY_SECONDS_MAX
    plan.failed("B", UnknownSymbol("No."), 0.0)
    plan.failed("C", ProviderUnavailable("Slow.", retry_after_seconds=7), 0.0)
    plan.failed("D", ProviderRefused("No key."), 0.0)
    assert plan.next_due(0.0, {"A", "C", "D"}) == UNKNOWN_SECONDS
    assert plan.next_due(0.0, {"A", "B", "D"}) == 7.0
    assert plan.next_due(0.0, {"A", "B", "C"}) == RETRY_SECONDS_MAX


def test_lost_is_when_nothing_can_be_had_and_nothing_is_to_be_tried() -> None:
    plan = schedule("A", "B")
    plan.failed("A", LOST, 0.0)
    assert plan.lost(0.0) is None, "the other one was not tried"
    plan.failed("B", UnknownSymbol("No."), 0.0)
    assert plan.lost(0.5) is LOST
    assert plan.trouble == "Away."
    assert plan.lost(2.0) is None, "it is to be tried again"
    plan.succeeded("A", 2.0)
    assert plan.lost(2.0) is None
    assert plan.trouble == ""
    assert plan.loaded


def test_no_more_is_followed_than_the_bound() -> None:
    plan = schedule(*(f"S{number:05d}" for number in range(limits.POLLED_THINGS_MAX + 5)))
    assert len(plan.due(0.0)) == limits.POLLED_THINGS_MAX


def test_what_is_not_wanted_any_more_is_forgotten() -> None:
    plan = schedule("A")
    plan.want(["B"])
    plan.succeeded("A", 0.0)
    plan.failed("A", LOST, 0.0)
    assert not plan.wants("A")
    assert plan.due(0.0) == ["B"]


class Asked:
    """Answers, or fails with `errors`, as soon as `gate` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: dict[Thing, OptixError] = {}
        self.questions: list[Sequence[Thing]] = []
        self.under_way = self.under_way_max = 0

    async def ask(self, things: Sequence[Thing]) -> Mapping[Thing, OptixError]:
        self.questions.append(things)
        self.under_way += 1
        self.under_way_max = max(self.under_way, self.under_way_max)
        await self.gate.wait()
        self.under_way -= 1
        return {thing: self.errors[thing] for thing in things if thing in self.errors}

    def poller(self, interval: float = 60.0) -> Poller:
        return Poller(self.ask, lambda _: interval, lambda: None, label="V")


async def test_quotes_are_one_question_and_only_so_many_are_asked_at_once() -> None:
    asked = Asked()
    asked.gate.clear()
    poller = asked.poller()
    chains = [ChainKey("SPY", date(2026, 12, day)) for day in range(1, 9)]
    poller.want(["A", "B", Tape("SPY"), *chains])
    task = asyncio.create_task(poller.run())
    await until(lambda: asked.under_way == limits.POLLS_AT_ONCE_MAX)
    assert ["A", "B"] in asked.questions
    asked.gate.set()
    await until(lambda: len(asked.questions) == 10)
    assert asked.under_way_max == limits.POLLS_AT_ONCE_MAX
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked.under_way == 0


async def test_long_lists_of_quotes_are_cut() -> None:
    asked = Asked()
    poller = asked.poller()
    count = limits.QUOTE_SYMBOLS_PER_REQUEST_MAX + 1
    poller.want([f"S{number:05d}" for number in range(count)])
    task = asyncio.create_task(poller.run())
    await until(lambda: len(asked.questions) == 2)
    assert sorted(map(len, asked.questions)) == [1, limits.QUOTE_SYMBOLS_PER_REQUEST_MAX]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_failure_is_told_once_and_its_end_once() -> None:
    asked = Asked()
    asked.errors["A"] = ProviderUnavailable("Away.", retry_after_seconds=0)
    poller = asked.poller(interval=0.01)
    poller.want(["A"])
    with capture_logs() as logs:
        task = asyncio.create_task(poller.run())
        await until(lambda: len(asked.questions) > 3)
        asked.errors.clear()
        await until(lambda: len(logs) == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [line["event"] for line in logs] == ["provider_failed", "provider_answers_again"]


async def test_a_fault_of_our_own_ends_the_poller() -> None:
    async def broken(_: Sequence[Thing]) -> Mapping[Thing, OptixError]:
        raise ZeroDivisionError

    poller = Poller(broken, lambda _: 1.0, lambda: None, label="V")
    poller.want(["A"])
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(poller.run(), WAIT_SECONDS)
