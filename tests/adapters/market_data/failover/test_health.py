"""What counts against a provider: bounded, forgotten after a minute, clear about how much it is."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest
from tests.adapters.market_data.failover.world import Source, World
from tests.fixtures.chains import NOW_NS, spot_of, table_of
from tests.fixtures.manual_time import ManualTime

from optix.adapters.market_data.failover.door import fault_of
from optix.adapters.market_data.failover.health import Breaker, Errors, Outcomes
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality, TradingState, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ProviderHealth

MINUTE_NS = 60 * NANOSECONDS
FUTURE_NS_MAX = int(limits.FAILOVER_FUTURE_SECONDS_MAX * NANOSECONDS)


class TestOutcomes:
    def test_some_bad_ones_in_a_row_are_a_failure(self) -> None:
        outcomes = Outcomes()
        for n in range(limits.FAILOVER_BAD_IN_A_ROW_MAX):
            assert not outcomes.is_failing(n)
            outcomes.note(n, good=False)
        assert outcomes.is_failing(100)
        outcomes.note(101, good=True)
        assert not outcomes.is_failing(102)

    def test_half_of_many_is_a_failure(self) -> None:
        outcomes = Outcomes()
        for n in range(limits.FAILOVER_OUTCOMES_MAX):
            assert not outcomes.is_failing(n)
            outcomes.note(n, good=n % 2 == 0)
        assert outcomes.error_rate(200) == 0.5
        assert outcomes.is_failing(200)
        for n in range(limits.FAILOVER_OUTCOMES_MAX):
            outcomes.note(200 + n, good=True)
        assert outcomes.error_rate(300) == 0.0

    def test_after_a_minute_all_is_forgotten(self) -> None:
        outcomes = Outcomes()
        for n in range(20):
            outcomes.note(n, good=False)
        assert outcomes.is_failing(MINUTE_NS)
        assert not outcomes.is_failing(MINUTE_NS + 100)
        assert outcomes.error_rate(MINUTE_NS + 100) == 0.0


def test_errors_are_counted_for_ever_and_by_the_minute() -> None:
    errors = Errors()
    for n in range(3):
        errors.note("lost", n * NANOSECONDS)
    errors.note("silent", 100 * NANOSECONDS)
    assert errors.by_reason == {"lost": 3, "silent": 1}
    assert errors.per_minute(100 * NANOSECONDS) == 1.0


def test_a_breaker_stays_open_for_longer_each_time_up_to_its_bound() -> None:
    breaker, now_ns, waits = Breaker(), 0, []
    for _ in range(limits.FAILOVER_BREAKER_FAILURES_MAX - 1):
        breaker.failed(now_ns)
        assert not breaker.is_open(now_ns)
    for _ in range(8):
        breaker.failed(now_ns)
        began_ns = now_ns
        while breaker.is_open(now_ns):
            now_ns += NANOSECONDS
        waits.append((now_ns - began_ns) / NANOSECONDS)
    assert waits[:3] == [5, 10, 20]
    assert waits[-1] == limits.FAILOVER_BREAKER_SECONDS_MAX


class TestDoor:
    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({}, None),
            ({"bid": nan, "ask": nan, "last": nan}, None),
            ({"bid": 601.0, "ask": 599.0}, None),  # crossed is odd and possible
            ({"bid": 0.0}, None),
            ({"bid": -0.01}, "impossible_price"),
            ({"last": inf}, "impossible_price"),
            ({"ask": limits.PRICE_MAX}, "impossible_price"),
            ({"ts_event": 0}, "without_a_time"),
            ({"ts_event": NOW_NS + FUTURE_NS_MAX}, None),
            ({"ts_event": NOW_NS + FUTURE_NS_MAX + 1}, "from_the_future"),
        ],
    )
    def test_quotes(self, change: dict[str, float], fault: str | None) -> None:
        assert fault_of(replace(spot_of(), **change), NOW_NS) == fault  # type: ignore[arg-type]  # by name

    def test_chains(self) -> None:
        good = Source("a", ManualTime(NOW_NS)).chain()
        assert fault_of(good, NOW_NS) is None
        assert fault_of(replace(good, spot=spot_of("QQQ")), NOW_NS) == "mixed_underlyings"
        assert fault_of(replace(good, spot=spot_of(price=-1.0)), NOW_NS) == "impossible_price"
        bad = table_of(good.contracts, {"bid": [-1.0] * len(good)})
        assert fault_of(bad, NOW_NS) == "impossible_price"
        large = table_of([good.contracts[0]] * (limits.CHAIN_CONTRACTS_MAX + 1))
        assert fault_of(large, NOW_NS) == "too_large"

    def test_prints_and_statuses(self) -> None:
        trade = Trade(
            symbol="SPY",
            price=600.0,
            size=1.0,
            source="a",
            quality=Quality.REALTIME,
            ts_event=NOW_NS,
            ts_received=NOW_NS,
        )
        assert fault_of(trade, NOW_NS) is None
        assert fault_of(replace(trade, price=-1.0), NOW_NS) == "impossible_price"
        status = TradingStatus(
            symbol="SPY", state=TradingState.OPEN, source="a", ts_event=NOW_NS, ts_received=NOW_NS
        )
        assert fault_of(status, NOW_NS) is None


class SelfAware(Source):
    """Looks after its own connection and says how it does."""

    state = "live"

    def health(self) -> list[ProviderHealth]:
        return [
            ProviderHealth(
                name="first",
                label="First",
                state=self.state,
                reason="" if self.state == "live" else "The stream is refused.",
                serves=frozenset(),
                quality=Quality.REALTIME,
                since_ns=0,
                last_update_ns=0,
                errors_per_minute=0.0,
                error_rate=0.0,
                reconnects=4,
                subscribed=1,
                symbols_max=None,
                requests_left=17,
                errors={"conflated": 5},
            )
        ]


class TestItsOwnWord:
    async def test_a_provider_that_says_it_is_stale_is_left(self) -> None:
        time = ManualTime(NOW_NS)
        first, second = SelfAware("first", time), Source("second", time)
        world = World(first, second, time=time)
        await world.start()
        await world.live(3, first, second)
        row = world.failover.health()[0]
        assert (row.requests_left, row.reconnects) == (17, 4)
        assert row.errors == {"conflated": 5}
        first.state = "connecting"  # for a moment: it was told something new
        await world.live(limits.FAILOVER_START_SECONDS - 1, first, second)
        assert world.failover.health()[0].serves
        first.state = "stale"
        await world.live(1, first, second)
        row = world.failover.health()[0]
        assert (row.state, row.reason) == ("stale", "The stream is refused.")
        assert "quotes" in world.failover.health()[1].serves
        await world.end()

    async def test_one_that_connects_for_long_is_left_too(self) -> None:
        time = ManualTime(NOW_NS)
        first, second = SelfAware("first", time), Source("second", time)
        world = World(first, second, time=time)
        await world.start()
        await world.live(2, first, second)
        first.state = "connecting"
        await world.live(limits.FAILOVER_START_SECONDS + 1, first, second)
        assert "quotes" in world.failover.health()[1].serves
        await world.end()
