"""Who serves one kind of data: the rules by which it changes. Pure but for what it remembers.

- Providers serve in the order of the settings. A delayed one comes after every real-time one for
  what is followed live, whatever the order says, unless the settings insist on the order.
- Who is not well is left at once for the first that is.
- Who was left is returned to when it has been well for a while, and has proved it by an update.
  The while doubles each time it has to be left again, until it was not for a quarter of an hour.
- There are so many changes a minute and no more: beyond that the numbers wait and turn stale.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.ports.market_data import DataKind, ProviderSwitch

LIVE_KINDS: Final = frozenset({DataKind.QUOTES, DataKind.CHAINS, DataKind.TRADES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One provider as it is now, for one kind of data."""

    name: str
    realtime: bool
    well_since_ns: int | None  # None: it is not well
    proved: bool = True  # something came from it since then
    why_not: str = ""  # one sentence, where it is not well


class Selector:
    """Chooses for one kind of data. `active` is None until somebody was well."""

    def __init__(self, kind: DataKind, *, keep_order: bool = False, now_ns: int) -> None:
        self.kind = kind
        self.active: str | None = None
        self._keep_order = keep_order or kind not in LIVE_KINDS
        self._since_ns = now_ns
        self._holds: dict[str, float] = {}  # seconds to be well before it is returned to
        self._left_ns: dict[str, int] = {}
        self._switched_ns: deque[int] = deque(maxlen=limits.FAILOVER_SWITCHES_PER_MINUTE_MAX)

    def order(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates by preference."""
        if self._keep_order:
            return list(candidates)
        return sorted(candidates, key=lambda candidate: not candidate.realtime)

    def choose(self, candidates: Sequence[Candidate], now_ns: int) -> ProviderSwitch | None:
        """Look at the candidates anew; return the change that this made, if any."""
        ordered = self.order(candidates)
        active = next((one for one in ordered if one.name == self.active), None)
        if active is None:
            return self._begin(ordered, now_ns)
        if active.well_since_ns is None:
            target = next((one for one in ordered if one.well_since_ns is not None), None)
            reason = active.why_not
        else:
            better = ordered[: ordered.index(active)]
            target = next((one for one in better if self._is_back(one, now_ns)), None)
            reason = "It is back and has been well for a while."
        if target is None or not self._may_switch(now_ns):
            return None
        if active.well_since_ns is None:
            self._remember_left(active.name, now_ns)
        self._switched_ns.append(now_ns)
        return self._switch(target, now_ns, reason)

    def _begin(self, ordered: Sequence[Candidate], now_ns: int) -> ProviderSwitch | None:
        """Take the preferred one, or after a moment whoever is there."""
        waited = now_ns - self._since_ns >= limits.FAILOVER_START_SECONDS * NANOSECONDS
        for candidate in ordered:
            if candidate.well_since_ns is not None:
                return self._switch(candidate, now_ns, "It is the first that answers.")
            if not waited:
                break
        return None

    def _switch(self, target: Candidate, now_ns: int, reason: str) -> ProviderSwitch:
        source, self.active = self.active or "", target.name
        return ProviderSwitch(
            kind=self.kind, ts=now_ns, source=source, target=target.name, reason=reason
        )

    def _may_switch(self, now_ns: int) -> bool:
        full = len(self._switched_ns) == self._switched_ns.maxlen
        return not full or now_ns - self._switched_ns[0] >= 60 * NANOSECONDS

    def _remember_left(self, name: str, now_ns: int) -> None:
        forgiven = now_ns - int(limits.FAILOVER_FORGIVE_SECONDS * NANOSECONDS)
        hold = self._holds.get(name)
        if hold is None or self._left_ns[name] < forgiven:
            self._holds[name] = limits.FAILOVER_RETURN_SECONDS_FIRST
        else:
            self._holds[name] = min(2 * hold, limits.FAILOVER_RETURN_SECONDS_MAX)
        self._left_ns[name] = now_ns

    def _is_back(self, candidate: Candidate, now_ns: int) -> bool:
        if candidate.well_since_ns is None or not candidate.proved:
            return False
        hold = self._holds.get(candidate.name, limits.FAILOVER_RETURN_SECONDS_FIRST)
        return now_ns - candidate.well_since_ns >= hold * NANOSECONDS
