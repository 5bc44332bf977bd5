"""Summaries of expirations are proven on a scripted market: right, shared, bounded, never fatal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import EXPIRATION, NOW_NS

from optix.features.market.summaries import Summaries, Summary
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, SystemClock
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)
UNLISTED = ChainKey("SPY", EXPIRATION + timedelta(days=7))


@pytest.fixture
def summaries() -> Summaries:
    clock = ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=0)
    provider = ScriptedProvider(clock=clock)
    provider.list_small_chain()
    return Summaries(provider, ListedTerms(), clock, rate_fallback=0.04)


class TestSummaries:
    async def test_a_date_has_its_iv_and_its_move(self, summaries: Summaries) -> None:
        await summaries.load([KEY])
        summary = summaries.find(KEY)
        assert summary.atm_iv is not None
        assert summary.expected_move is not None
        assert 0.05 < summary.atm_iv < 0.5
        # one sigma over a month of a 600-dollar underlying
        assert summary.expected_move == pytest.approx(
            600 * summary.atm_iv * (30 / 365) ** 0.5, 0.05
        )

    async def test_a_date_that_is_not_listed_is_empty_and_harms_no_other(
        self, summaries: Summaries
    ) -> None:
        await summaries.load([UNLISTED, KEY])
        assert summaries.find(UNLISTED) == Summary()
        assert summaries.find(KEY) != Summary()

    async def test_what_was_never_asked_for_is_empty(self, summaries: Summaries) -> None:
        assert summaries.find(KEY) == Summary()

    async def test_only_so_many_are_kept_and_the_oldest_goes(
        self, summaries: Summaries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SUMMARIES_KEPT_MAX", 2)
        await summaries.load([KEY])
        for days in (7, 14):
            await summaries.load([ChainKey("SPY", EXPIRATION + timedelta(days=days))])
        assert summaries.find(KEY) == Summary()
        assert len(summaries._kept) == limits.SUMMARIES_KEPT_MAX
