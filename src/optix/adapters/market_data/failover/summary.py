"""What several providers are together, in the words of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optix.adapters.market_data.failover.member import Member
from optix.kernel import limits
from optix.ports.market_data import BarInterval, Capabilities, DataKind


def capabilities_of(
    shown: Member, preferred: Member, members: Sequence[Member], *, is_ticking: bool
) -> Capabilities:
    """Return the capabilities of all under the name, quality and delay of the one that is shown.

    Nobody is called silent while no price should move.
    """
    own = shown.capabilities
    kinds: set[DataKind] = set()
    intervals: set[BarInterval] = set()
    for member in members:
        kinds |= member.capabilities.kinds
        intervals |= member.capabilities.intervals
    notice = own.notice
    if shown is not preferred:
        stands_in = f"{preferred.capabilities.label} is away: {own.label} stands in."
        notice = f"{stands_in} {notice}".strip()
    silence = own.silence_seconds_max
    if silence is None and not own.streaming:
        silence = limits.FAILOVER_POLLED_SILENCE_SECONDS
    return replace(
        own,
        kinds=frozenset(kinds),
        intervals=frozenset(intervals),
        silence_seconds_max=silence if is_ticking else None,
        symbols_max=_sum([member.capabilities.symbols_max for member in members]),
        requests_per_minute=_sum([member.capabilities.requests_per_minute for member in members]),
        notice=notice,
    )


def _sum(numbers: Sequence[int | None]) -> int | None:
    """Return the sum, None where one of them is without a limit."""
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
