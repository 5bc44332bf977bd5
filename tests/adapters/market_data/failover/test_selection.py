"""Who serves: the rules one by one, then for any history of providers that come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optix.adapters.market_data.failover.selection import Candidate, Selector
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import DataKind

NAMES = ("one", "two", "three")


def seconds(count: float) -> int:
    return int(count * NANOSECONDS)


def one(name: str, since: float | None, *, realtime: bool = True, proved: bool = True) -> Candidate:
    return Candidate(
        name=name,
        realtime=realtime,
        well_since_ns=None if since is None else seconds(since),
        proved=proved,
        why_not="" if since is not None else f"{name} is shut.",
    )


def selector(kind: DataKind = DataKind.QUOTES) -> Selector:
    return Selector(kind, now_ns=0)


class TestRules:
    def test_the_preferred_one_is_waited_for_and_no_longer_than_a_moment(self) -> None:
        chosen = selector()
        ready = [one("one", None), one("two", 0.0)]
        assert chosen.choose(ready, seconds(limits.FAILOVER_START_SECONDS - 0.1)) is None
        switch = chosen.choose(ready, seconds(limits.FAILOVER_START_SECONDS))
        assert switch is not None
        assert (switch.source, switch.target) == ("", "two")

    def test_the_reason_of_a_switch_is_what_is_wrong_with_the_one_before(self) -> None:
        chosen = selector()
        chosen.choose([one("one", 0.0), one("two", 0.0)], 1)
        switch = chosen.choose([one("one", None), one("two", 0.0)], 2)
        assert switch is not None
        assert (switch.source, switch.target, switch.reason) == ("one", "two", "one is shut.")

    def test_nobody_is_chosen_where_nobody_is_well(self) -> None:
        chosen = selector()
        chosen.choose([one("one", 0.0), one("two", 0.0)], 1)
        assert chosen.choose([one("one", None), one("two", None)], seconds(50)) is None
        assert chosen.active == "one"

    def test_the_while_doubles_up_to_its_bound_and_is_forgiven(self) -> None:
        chosen = selector()
        chosen.choose([one("one", 0.0), one("two", 0.0)], 1)
        now, waits = 1.0, []
        for _ in range(7):
            now += 100
            chosen.choose([one("one", None), one("two", 0.0)], seconds(now))
            back = now
            while chosen.active == "two":
                now += 1
                chosen.choose([one("one", back), one("two", 0.0)], seconds(now))
            waits.append(now - back)
        first, most = limits.FAILOVER_RETURN_SECONDS_FIRST, limits.FAILOVER_RETURN_SECONDS_MAX
        assert waits == [first, first * 2, first * 4, first * 8, most, most, most]
        now += limits.FAILOVER_FORGIVE_SECONDS + 1
        chosen.choose([one("one", None), one("two", 0.0)], seconds(now))
        assert chosen.choose([one("one", now), one("two", 0.0)], seconds(now + first)) is not None

    def test_only_live_kinds_care_for_delay(self) -> None:
        ready = [one("one", 0.0, realtime=False), one("two", 0.0)]
        for kind, first in ((DataKind.CHAINS, "two"), (DataKind.BARS, "one")):
            assert selector(kind).order(ready)[0].name == first
        kept = Selector(DataKind.CHAINS, keep_order=True, now_ns=0)
        assert kept.order(ready)[0].name == "one"


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 40.0),
            st.fixed_dictionaries({name: st.booleans() for name in NAMES}),
            st.fixed_dictionaries({name: st.booleans() for name in NAMES}),
        ),
        max_size=120,
    )
)
def test_whatever_happens_changes_are_bounded_and_have_a_cause(
    history: list[tuple[float, dict[str, bool], dict[str, bool]]],
) -> None:
    """Never more switches a minute than the bound, never to one that is not well, and never away
    from one that is well but to one that has been well for the while.
    """
    chosen = selector()
    now, well_since, switched = 0.0, dict.fromkeys(NAMES, 0.0), list[float]()
    for pause, well, realtime in history:
        now += pause
        well_since = {n: well_since.get(n, now) for n in NAMES if well[n]}
        candidates = [one(n, well_since.get(n), realtime=realtime[n]) for n in NAMES]
        before = chosen.active
        switch = chosen.choose(candidates, seconds(now))
        if switch is None:
            assert chosen.active == before
            continue
        assert chosen.active == switch.target
        assert well[switch.target]
        if before is None:
            continue
        switched.append(now)
        assert sum(now - at < 59.9 for at in switched) <= limits.FAILOVER_SWITCHES_PER_MINUTE_MAX
        if well[before]:
            waited = now - well_since[switch.target]
            assert waited >= limits.FAILOVER_RETURN_SECONDS_FIRST - 0.001
