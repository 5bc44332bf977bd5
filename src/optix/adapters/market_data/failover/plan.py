"""Who serves what now: selections, the shared-out demand and the gate, kept in step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from optix.adapters.market_data.failover.allocation import Allocation, Room, allocate
from optix.adapters.market_data.failover.gate import Gate, Topic
from optix.adapters.market_data.failover.member import Member
from optix.adapters.market_data.failover.selection import Candidate, Selector
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.ports.market_data import (
    ChainHistorySource,
    ChainKey,
    CorporateActionSource,
    DataKind,
    Demand,
    Expiration,
    MarketUpdate,
    ProviderSwitch,
)

# A provider without a demand cannot prove that it is well. So each follows one name that always
# moves while the market is open, whatever else is asked of it.
PROBE: Final = "SPY"

log = structlog.get_logger(__name__)


class Plan:
    """The decisions of the failover. It opens nothing and waits for nothing."""

    def __init__(
        self,
        members: Sequence[Member],
        orders: Mapping[DataKind, Sequence[str]],
        *,
        keep_order: bool,
        now_ns: int,
    ) -> None:
        self.demand = Demand()
        self.gate = Gate()
        by_name = {member.name: member for member in members}
        self._members = by_name
        self._of_kind = {
            kind: [by_name[name] for name in orders.get(kind, by_name) if name in by_name]
            for kind in DataKind
        }
        self._selectors = {
            kind: Selector(kind, keep_order=keep_order, now_ns=now_ns) for kind in DataKind
        }
        self._sizes: dict[ChainKey, int] = {}
        self._allocation = Allocation()
        self._owners: dict[Topic, str] = {}
        self._candidates: dict[DataKind, dict[str, Candidate]] = {}
        self._look(now_ns)
        self._given: tuple[object, ...] = ()  # what was shared out last

    # Who

    def able(self, kind: DataKind) -> list[Member]:
        """Return who can serve a kind at all, in the order of the settings."""
        return [member for member in self._of_kind[kind] if _can(member, kind)]

    def choose(self, now_ns: int) -> list[ProviderSwitch]:
        """Look at all kinds anew; return what changed."""
        self._look(now_ns)
        switches: list[ProviderSwitch] = []
        for kind, selector in self._selectors.items():
            switch = selector.choose(list(self._candidates[kind].values()), now_ns)
            if switch is not None:
                say = log.warning if switch.source else log.info
                say(
                    "failover.switch",
                    kind=str(kind),
                    source=switch.source,
                    target=switch.target,
                    reason=switch.reason,
                )
                switches.append(switch)
        return switches

    def _look(self, now_ns: int) -> None:
        """Judge every member for every kind, once for all that is decided from it."""
        self._candidates = {
            kind: {member.name: member.candidate(kind, now_ns) for member in self.able(kind)}
            for kind in DataKind
        }

    def ordered(self, kind: DataKind) -> list[Member]:
        """Return who to ask: the one in use, then the others by preference."""
        selector = self._selectors[kind]
        names = [one.name for one in selector.order(list(self._candidates[kind].values()))]
        names.sort(key=lambda name: name != selector.active)
        return [self._members[name] for name in names]

    def shown(self) -> Member:
        """Return whose quotes, else whose chains are in use; before that the preferred one."""
        for kind in (DataKind.QUOTES, DataKind.CHAINS):
            active = self._selectors[kind].active
            if active is not None:
                return self._members[active]
        return self.preferred()

    def preferred(self) -> Member:
        for kind in (DataKind.QUOTES, DataKind.CHAINS):
            candidates = list(self._candidates[kind].values())
            if candidates:
                return self._members[self._selectors[kind].order(candidates)[0].name]
        return next(iter(self._members.values()))

    def serves(self, member: Member) -> frozenset[DataKind]:
        return frozenset(k for k, s in self._selectors.items() if s.active == member.name)

    def subscribed(self, member: Member) -> int:
        return self._allocation.symbols.get(member.name, 0)

    # What

    def share_out(self) -> None:
        """Give each member its part of the demand."""
        orders = {
            kind: self._well(kind) for kind in (DataKind.QUOTES, DataKind.CHAINS, DataKind.TRADES)
        }
        rooms = {name: _room_of(member) for name, member in self._members.items()}
        sizes = {key: n for key, n in self._sizes.items() if key in self.demand.chains}
        if len(self._sizes) > limits.DEMAND_TOPICS_MAX:
            self._sizes = dict(sizes)
        given = (self.demand, rooms, orders, sizes)
        if given == self._given:
            return
        self._given = given
        self._allocation = allocate(self.demand, rooms, orders, sizes)
        self._owners = self._allocation.owners()
        prints = next(iter(orders[DataKind.TRADES]), None)
        self.gate.set_owners(self._owners, self.demand, prints=prints)
        wanted = bool(self.demand.quotes or self.demand.chains or self.demand.trades)
        for name, member in self._members.items():
            own = self._allocation.demands[name]
            if wanted and _can(member, DataKind.QUOTES):
                own = replace(own, quotes=own.quotes | {PROBE})
            member.set_demand(own)

    def learn_size(self, update: MarketUpdate) -> None:
        """Remember how many contracts a whole chain has."""
        if isinstance(update, ChainTable) and update.complete and update.contracts:
            key = ChainKey(update.underlying, update.contracts[0].expiration)
            self._sizes[key] = len(update)

    def learn_sizes(self, underlying: str, listed: Sequence[Expiration]) -> None:
        """Remember how many contracts each date has: who asks for the list wants a chain next."""
        sizes: dict[ChainKey, int] = {}
        for entry in listed:
            key = ChainKey(underlying, entry.date)
            sizes[key] = sizes.get(key, 0) + entry.contracts
        self._sizes |= sizes

    def owner_of(self, topic: Topic) -> Member | None:
        name = self._owners.get(topic)
        return None if name is None else self._members[name]

    def symbols_of(self, kind: DataKind) -> frozenset[str]:
        """Return the underlyings that a change of provider for `kind` concerns."""
        if kind is DataKind.CHAINS:
            return frozenset(key.underlying for key in self.demand.chains)
        return self.demand.trades if kind is DataKind.TRADES else self.demand.quotes

    def uncertain(self) -> list[Topic]:
        """Return the topics whose numbers come from somebody who does not follow them now."""
        topics: list[Topic] = [*sorted(self.demand.quotes), *sorted(self.demand.chains)]
        return [topic for topic in topics if not self._is_certain(topic)]

    def missing(self) -> Iterator[Topic]:
        """Yield the chains that must begin anew with a whole one."""
        yield from sorted(self.gate.wanted_whole & self._owners.keys())

    def polled(self) -> Iterator[Topic]:
        """Yield what is demanded and followed by nobody, for want of room."""
        yield from sorted(self._allocation.polled.quotes)
        yield from sorted(self._allocation.polled.chains)

    def _is_certain(self, topic: Topic) -> bool:
        source = self.gate.source_of(topic)
        if source is None:
            return True  # there is no number to be sure of
        kind = DataKind.QUOTES if isinstance(topic, str) else DataKind.CHAINS
        owner = self._owners.get(topic, source)  # what is polled has no owner
        return owner == source and self._is_well(source, kind)

    def _is_well(self, name: str, kind: DataKind) -> bool:
        candidate = self._candidates[kind].get(name)
        return candidate is not None and candidate.well_since_ns is not None

    def _well(self, kind: DataKind) -> list[str]:
        """Return who may follow a kind: the one in use first, then who is well.

        The one in use stays first also while it is not well and nobody else is: when it comes back
        it should know what is wanted.
        """
        ordered = self.ordered(kind)
        well = [member.name for member in ordered if self._is_well(member.name, kind)]
        active = self._selectors[kind].active
        if active is not None and active not in well:
            well.insert(0, active)
        return well


def _can(member: Member, kind: DataKind) -> bool:
    if kind not in member.capabilities.kinds:
        return False
    if kind is DataKind.CORPORATE_ACTIONS:
        return isinstance(member.provider, CorporateActionSource)
    if kind is DataKind.CHAIN_HISTORY:
        return isinstance(member.provider, ChainHistorySource)
    return True


def _room_of(member: Member) -> Room:
    """Return what a member can follow, less one for the probe.

    Each thing followed by polling costs a request a minute; half of them are kept for questions.
    """
    own = member.capabilities
    symbols = own.symbols_max
    requests = None if own.streaming else own.requests_per_minute
    return Room(
        symbols_max=None if symbols is None else max(0, symbols - 1),
        topics_max=None if requests is None else max(0, requests // 2 - 1),
    )
