"""Rates, dividends and earnings come from sources that tests script; what they miss is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest
from tests.fixtures.chains import NOW_NS
from tests.fixtures.waiting import until

from optix.features.market.carry import RATE_SETTING
from optix.features.market.inputs import MarketInputs
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.ports.market_data import ProviderUnavailable
from optix.ports.reference_data import EarningsDate, ParYields
from optix.quant.dividends import DividendKind

TODAY = date(2026, 11, 18)
YIELDS = ParYields(
    day=date(2026, 11, 17), years=(0.25, 1.0, 2.0), par_yields=(0.04, 0.041, 0.042), source="UST"
)


def action(kind: ActionKind, ex_date: date, **values: float) -> CorporateAction:
    return CorporateAction(symbol="SPY", kind=kind, ex_date=ex_date, source="src", **values)  # type: ignore[arg-type]  # floats


class Source:
    """All sources in one; counts what it was asked."""

    def __init__(self, actions: Sequence[CorporateAction] = ()) -> None:
        self.actions = actions
        self.asked: list[str] = []
        self.fails = False
        self.yields = YIELDS

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fails:
            raise ProviderUnavailable("Away.")

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        self._ask(symbol)
        return [a for a in self.actions if start <= a.ex_date <= end]

    async def fetch_par_yields(self) -> ParYields:
        self._ask("yields")
        return self.yields

    async def fetch_earnings(self, symbol: str) -> Sequence[EarningsDate]:
        self._ask(f"{symbol} earnings")
        day = date(2027, 1, 28)
        return [EarningsDate(symbol=symbol, session=day, confirmed=True, source="src")]


class Hand:
    def __init__(self) -> None:
        self.at_ns = NOW_NS

    def now_ns(self) -> int:
        return self.at_ns


def inputs_of(source: Source, clock: Hand | None = None) -> MarketInputs:
    return MarketInputs(
        clock or Hand(), rate_fallback=0.04, actions=source, rates=source, earnings=source
    )


class TestDividends:
    async def test_announced_ones_stand_and_the_rhythm_fills_what_is_not_announced(self) -> None:
        dividends = [
            action(ActionKind.CASH_DIVIDEND, date(2026, 3, 20), amount=1.7),
            action(ActionKind.SPECIAL_DIVIDEND, date(2026, 5, 1), amount=9.0),
            action(ActionKind.CASH_DIVIDEND, date(2026, 6, 19), amount=1.7),
            action(ActionKind.CASH_DIVIDEND, date(2026, 9, 18), amount=1.7),
            action(ActionKind.CASH_DIVIDEND, date(2026, 12, 18), amount=2.0),
        ]
        inputs = inputs_of(Source(dividends))
        await inputs.refresh(["SPY"])
        carry = inputs.carry_of("SPY", NOW_NS, in_cash=True)
        found = [(d.amount, d.kind) for d in carry.schedule.dividends]
        assert found[:2] == [(2.0, DividendKind.ANNOUNCED), (1.7, DividendKind.FORECAST)]
        assert {kind for _, kind in found[1:]} == {DividendKind.FORECAST}
        assert carry.in_cash
        assert carry.dividend_source == "src, src, quarterly dividend continued"
        first = carry.schedule.dividends[0].ex_years
        assert carry.pays_before(np.array([first - 0.01, first + 0.01])).tolist() == [False, True]

    async def test_amounts_of_before_a_split_are_those_of_the_new_shares(self) -> None:
        actions = [
            action(ActionKind.CASH_DIVIDEND, date(2025, 3, 20), amount=7.0),
            action(ActionKind.CASH_DIVIDEND, date(2026, 3, 20), amount=8.0),
            action(ActionKind.SPLIT, date(2026, 6, 15), ratio=4.0),
        ]
        inputs = inputs_of(Source(actions))
        await inputs.refresh(["SPY"])
        coming = inputs.carry_of("SPY", NOW_NS, in_cash=True).schedule.dividends
        assert {dividend.amount for dividend in coming} == {2.0}
        begin_ns = inputs.since_ns("SPY", NOW_NS)
        assert 150 < (NOW_NS - begin_ns) / NANOSECONDS / 86_400 < 160
        assert inputs.since_ns("SPY", begin_ns - 1) == 0
        assert inputs.since_ns("QQQ", NOW_NS) == 0

    async def test_no_more_ex_dates_are_kept_than_one_expiry_may_see(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "INPUTS_ACTIONS_MAX", limits.INPUTS_ACTIONS_MAX // 21)
        days = [date(2027, month, 15) for month in range(1, 9)]
        source = Source([action(ActionKind.CASH_DIVIDEND, day, amount=0.1) for day in days])
        inputs = inputs_of(source)
        await inputs.refresh(["SPY"])
        assert len(inputs.carry_of("SPY", NOW_NS, in_cash=True).schedule.dividends) == 3


class TestRates:
    async def test_the_curve_is_used_and_named_and_held_flat_beyond_its_end(self) -> None:
        inputs = inputs_of(Source())
        await inputs.refresh([])
        carry = inputs.carry_of("SPY", NOW_NS, in_cash=False)
        assert carry.rate_source == "UST par yields of 2026-11-17"
        near, far, farther = carry.rate_at(np.array([0.1, 2.0, 9.0]))
        assert near == pytest.approx(0.0398, abs=3e-4)
        assert far == pytest.approx(0.0416, abs=3e-4)
        assert farther == far

    async def test_without_a_curve_the_setting_stands_in(self) -> None:
        source = Source()
        source.fails = True
        inputs = inputs_of(source)
        await inputs.refresh(["SPY"])
        carry = inputs.carry_of("SPY", NOW_NS, in_cash=True)
        assert carry.rate_source == RATE_SETTING
        assert carry.rate_at(np.array([0.5])).tolist() == [0.04]
        assert not carry.in_cash
        assert carry.earnings_reason == "Away."

    async def test_yields_that_are_no_curve_are_not_used(self) -> None:
        source = Source()
        source.yields = ParYields(
            day=TODAY, years=(0.5, 0.25), par_yields=(0.04, 0.04), source="UST"
        )
        inputs = inputs_of(source)
        await inputs.refresh([])
        assert inputs.carry_of("SPY", NOW_NS, in_cash=True).rate_source == RATE_SETTING


class TestAsking:
    async def test_each_is_asked_once_until_it_is_old(self) -> None:
        source, clock = Source(), Hand()
        inputs = inputs_of(source, clock)
        await inputs.refresh(["SPY"])
        await inputs.refresh(["SPY"])
        assert sorted(source.asked) == ["SPY", "SPY earnings", "yields"]
        clock.at_ns += int(limits.INPUTS_AGE_SECONDS_MAX * NANOSECONDS) + 1
        await inputs.refresh(["SPY"])
        assert len(source.asked) == 6
        assert inputs.carry_of("SPY", NOW_NS, in_cash=False).earnings == (date(2027, 1, 28),)

    async def test_no_more_underlyings_are_kept_than_the_bound(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "INPUTS_KEPT_MAX", limits.INPUTS_KEPT_MAX // 500)
        inputs = inputs_of(Source())
        await inputs.refresh(["A", "B", "C"])
        assert len(inputs._known) == 2

    async def test_a_source_that_breaks_does_not_end_the_asking(self) -> None:
        inputs, asked = inputs_of(Source()), 0

        def followed() -> list[str]:
            nonlocal asked
            asked += 1
            raise ZeroDivisionError

        running = asyncio.create_task(inputs.run(followed))
        await until(lambda: asked == 1)
        assert not running.done()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def test_what_was_not_asked_for_yet_says_so(self) -> None:
        carry = inputs_of(Source()).carry_of("SPY", NOW_NS, in_cash=True)
        assert carry.earnings_reason == "Not asked for yet."
        bare = MarketInputs(Hand(), rate_fallback=0.03)
        await bare.refresh(["SPY"])
        carry = bare.carry_of("SPY", NOW_NS, in_cash=True)
        assert "No source of earnings" in carry.earnings_reason
        assert carry.schedule.dividends == ()


class TestEvents:
    async def test_what_comes_is_told_with_who_says_so(self) -> None:
        paid = action(ActionKind.CASH_DIVIDEND, date(2026, 9, 18), amount=1.7)
        coming = action(ActionKind.CASH_DIVIDEND, date(2026, 12, 18), amount=1.8)
        told = await inputs_of(Source([paid, coming])).events_of("SPY")
        assert [(each.ex_date, each.amount) for each in told.dividends][:1] == [
            (date(2026, 12, 18), 1.8)
        ]
        assert told.earnings == (date(2027, 1, 28),)
        assert (told.dividends_reason, told.earnings_reason) == ("", "")

    async def test_without_sources_it_says_that(self) -> None:
        told = await MarketInputs(Hand(), rate_fallback=0.03).events_of("SPY")
        assert (told.dividends, told.earnings) == ((), ())
        assert told.dividends_reason
        assert told.earnings_reason


async def test_a_market_whose_prices_know_no_cash_dividends_is_not_priced_with_them() -> None:
    paid = [
        action(ActionKind.CASH_DIVIDEND, day, amount=1.7)
        for day in (date(2026, 3, 20), date(2026, 6, 19), date(2026, 9, 18))
    ]
    source = Source(paid)
    inputs = MarketInputs(Hand(), rate_fallback=0.04, actions=source, cash_dividends=False)
    await inputs.refresh(["SPY"])
    carry = inputs.carry_of("SPY", NOW_NS, in_cash=True)
    assert carry.schedule.dividends
    assert not carry.in_cash
