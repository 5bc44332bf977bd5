"""What holds of returns whatever the numbers are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from math import isclose
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from optix.features.portfolio.returns.calendar_table import by_month, by_year
from optix.features.portfolio.returns.daily import (
    Broken,
    chain,
    chained,
    period_returns,
    time_weighted,
    yearly,
)
from optix.features.portfolio.returns.money_weighted import (
    find_root,
    modified_dietz,
    money_weighted,
    xirr,
)
from optix.features.portfolio.returns.risk import (
    RETURNS_MIN,
    best_day,
    drawdowns,
    growth,
    sharpe,
    sortino,
    volatility,
    worst_day,
)
from optix.features.portfolio.returns.values import (
    Figure,
    Flow,
    PeriodReturn,
    Reason,
    Timing,
    ValuedDay,
)

START = date(2025, 1, 1)
amounts = st.decimals(min_value=1, max_value=1_000_000, places=2)
rates = st.floats(min_value=-0.5, max_value=0.5)


@st.composite
def histories(draw: st.DrawFn) -> list[ValuedDay]:
    """Days with values and now and then a flow that the account can bear."""
    count = draw(st.integers(min_value=2, max_value=12))
    found = [ValuedDay(day=START, value=draw(amounts))]
    for place in range(1, count):
        flows: tuple[Flow, ...] = ()
        if draw(st.booleans()):
            flows = (Flow(amount=draw(amounts)),)
        day = START + timedelta(days=place * 30)
        found.append(ValuedDay(day=day, value=draw(amounts), flows=flows))
    return found


def steady(rates: list[float]) -> list[PeriodReturn]:
    return [
        PeriodReturn(
            after=START + timedelta(days=place),
            opens=START + timedelta(days=place + 1),
            day=START + timedelta(days=place + 1),
            rate=rate,
        )
        for place, rate in enumerate(rates)
    ]


def near(one: Figure, other: Figure) -> bool:
    if one.value is None or other.value is None:
        return one.value == other.value and one.reason == other.reason
    return isclose(one.value, other.value, rel_tol=1e-9, abs_tol=1e-9)


class TestScale:
    @given(histories(), st.decimals(min_value="0.01", max_value=1000, places=2))
    def test_the_unit_of_money_changes_no_return(
        self, days: list[ValuedDay], factor: Decimal
    ) -> None:
        """The same history in another unit, through every figure."""
        scaled = [
            replace(
                each,
                value=None if each.value is None else each.value * factor,
                flows=tuple(Flow(amount=flow.amount * factor) for flow in each.flows or ()),
            )
            for each in days
        ]
        for figure in (time_weighted, money_weighted, modified_dietz):
            assert near(figure(days), figure(scaled))


class TestFlows:
    @given(amounts, st.lists(rates, min_size=1, max_size=8), st.data())
    def test_flows_at_known_values_leave_the_time_weighted_return_alone(
        self, start: Decimal, given_rates: list[float], data: st.DataObject
    ) -> None:
        """Given factors with any deposits between them chain to the product of the factors."""
        value = start
        days = [ValuedDay(day=START, value=value)]
        for place, rate in enumerate(given_rates, 1):
            before = value * Decimal(repr(1 + rate))
            flow = data.draw(amounts)
            value = before + flow
            days.append(
                ValuedDay(
                    day=START + timedelta(days=place),
                    value=value,
                    flows=(Flow(amount=flow, before=before),),
                )
            )
        found = time_weighted(days).value
        assert found == pytest.approx(chain(given_rates), rel=1e-9, abs=1e-9)

    def test_the_rule_says_when_on_its_day_a_flow_counts(self) -> None:
        """One day from 100 to 210 with 100 coming in, by each rule, and cut at its value."""
        days = [
            ValuedDay(day=START, value=Decimal(100)),
            ValuedDay(
                day=START + timedelta(days=1),
                value=Decimal(210),
                flows=(Flow(amount=Decimal(100)),),
            ),
        ]
        assert time_weighted(days, Timing.START).value == pytest.approx(0.05)
        assert time_weighted(days, Timing.END).value == pytest.approx(0.10)
        assert time_weighted(days, Timing.SPLIT).value == pytest.approx(0.05)
        cut = replace(days[1], flows=(Flow(amount=Decimal(100), before=Decimal(110)),))
        assert time_weighted([days[0], cut]).value == pytest.approx(1.1 - 1)  # 110/100 × 210/210

    def test_an_account_that_is_filled_and_emptied_has_a_return(self) -> None:
        """From nothing by a deposit of 100 to 110, and all of it out at 121."""
        days = [
            ValuedDay(day=START, value=Decimal(0)),
            ValuedDay(
                day=START + timedelta(days=1),
                value=Decimal(110),
                flows=(Flow(amount=Decimal(100)),),
            ),
            ValuedDay(
                day=START + timedelta(days=2),
                value=Decimal(0),
                flows=(Flow(amount=Decimal(-121)),),
            ),
            ValuedDay(day=START + timedelta(days=3), value=Decimal(0)),
        ]
        figure = time_weighted(days)
        assert figure.value == pytest.approx(0.21)
        assert figure.n == 2


class TestUnavailable:
    def test_a_flow_on_a_day_without_a_value_breaks_the_chain_and_says_where(self) -> None:
        """The value at the flow is what a cut needs, and it is not there."""
        middle = START + timedelta(days=1)
        days = [
            ValuedDay(day=START, value=Decimal(100)),
            ValuedDay(day=middle, value=None, flows=(Flow(amount=Decimal(5)),)),
            ValuedDay(day=START + timedelta(days=2), value=Decimal(106)),
        ]
        figure = time_weighted(days)
        assert (figure.value, figure.reason, figure.at) == (
            None,
            Reason.FLOW_WITHOUT_VALUE,
            middle,
        )
        assert money_weighted(days).value is not None  # needs no value in between

    def test_a_day_without_a_value_is_bridged_where_nothing_came_or_went(self) -> None:
        """The chain over the gap is the quotient of its ends, and no daily return."""
        days = [
            ValuedDay(day=START, value=Decimal(100)),
            ValuedDay(day=START + timedelta(days=1), value=None),
            ValuedDay(day=START + timedelta(days=2), value=Decimal(110)),
        ]
        assert time_weighted(days).value == pytest.approx(0.1)
        (bridge,) = period_returns(days)
        assert isinstance(bridge, PeriodReturn)
        assert best_day([bridge]).reason is Reason.NO_DAYS

    def test_a_flow_that_nobody_values_leaves_no_return_of_any_kind(self) -> None:
        """None as flows says that something unknown crossed the border."""
        days = [
            ValuedDay(day=START, value=Decimal(100)),
            ValuedDay(day=START + timedelta(days=1), value=Decimal(110), flows=None),
        ]
        for figure in (time_weighted, money_weighted, modified_dietz):
            assert (figure(days).value, figure(days).reason) == (None, Reason.FLOW_UNKNOWN)

    def test_debt_has_no_return(self) -> None:
        """A value below nothing is no base of a part."""
        days = [
            ValuedDay(day=START, value=Decimal(-5)),
            ValuedDay(day=START + timedelta(days=1), value=Decimal(10)),
        ]
        assert time_weighted(days).reason is Reason.VALUE_NOT_POSITIVE
        assert modified_dietz(days).reason is Reason.VALUE_NOT_POSITIVE

    def test_one_day_is_no_window(self) -> None:
        """Each kind of return is between two values."""
        days = [ValuedDay(day=START, value=Decimal(100))]
        for figure in (time_weighted, money_weighted, modified_dietz):
            assert figure(days).reason is Reason.TOO_FEW_DAYS

    def test_less_than_a_year_is_not_made_a_yearly_rate(self) -> None:
        """364 days are refused, 730 days of 21 % are 10 % a year."""
        short = Figure(value=0.1, first=START, last=START + timedelta(days=364), n=1)
        assert yearly(short).reason is Reason.PERIOD_TOO_SHORT
        long = Figure(value=0.21, first=START, last=START + timedelta(days=730), n=1)
        assert yearly(long).value == pytest.approx(0.1)


class TestChaining:
    @given(st.lists(rates, min_size=2, max_size=20), st.data())
    def test_a_chain_may_be_cut_anywhere(
        self, given_rates: list[float], data: st.DataObject
    ) -> None:
        """The chain of two chains is the chain of all."""
        cut = data.draw(st.integers(min_value=1, max_value=len(given_rates) - 1))
        halves = chain([chain(given_rates[:cut]), chain(given_rates[cut:])])
        assert halves == pytest.approx(chain(given_rates), rel=1e-9, abs=1e-9)

    @given(st.lists(rates, min_size=1, max_size=400))
    def test_months_and_years_chain_to_the_whole(self, given_rates: list[float]) -> None:
        """The cells of either table, in a row, are the return of the window."""
        returns = steady(given_rates)
        whole = chained(returns).value
        for table in (by_month(returns), by_year(returns)):
            cells = [cell.figure.value for cell in table]
            assert chain([value for value in cells if value is not None]) == pytest.approx(
                whole, rel=1e-9, abs=1e-9
            )

    def test_a_return_over_the_end_of_a_month_belongs_to_neither(self) -> None:
        """One return from 30 January to 3 February: known in the year, unknown in both months."""
        bridge = PeriodReturn(
            after=date(2025, 1, 30), opens=date(2025, 1, 31), day=date(2025, 2, 3), rate=0.1
        )
        months = by_month([bridge])
        assert [(cell.month, cell.figure.reason) for cell in months] == [
            (1, Reason.NOT_KNOWN),
            (2, Reason.NOT_KNOWN),
        ]
        assert by_year([bridge])[0].figure.value == pytest.approx(0.1)


class TestXirr:
    @given(
        st.floats(min_value=-0.9, max_value=5),
        st.lists(
            st.tuples(st.integers(min_value=0, max_value=2000), amounts), min_size=1, max_size=8
        ),
    )
    def test_deposits_that_grew_at_a_rate_give_that_rate(
        self, rate: float, paid: list[tuple[int, Decimal]]
    ) -> None:
        """The end value is made from the rate, each deposit for its own time."""
        end = 2100
        value = sum(float(amount) * (1 + rate) ** ((end - day) / 365) for day, amount in paid)
        flows = [(START + timedelta(days=day), -amount) for day, amount in paid]
        flows.append((START + timedelta(days=end), Decimal(repr(value))))
        figure = xirr(flows)
        assert figure.value == pytest.approx(rate, rel=1e-7, abs=1e-7)

    def test_two_rates_are_none(self) -> None:
        """-100, 230, -132 a year apart is zero at 10 % and at 20 %: 1.1 × 1.2 = 1.32."""
        flows = [
            (date(2022, 1, 1), Decimal(-100)),
            (date(2023, 1, 1), Decimal(230)),
            (date(2024, 1, 1), Decimal(-132)),
        ]
        assert xirr(flows).reason is Reason.SEVERAL_ROOTS

    def test_flows_that_no_rate_explains_have_none(self) -> None:
        """Paid only; and -100, 200, -150, whose quadratic has no real root."""
        paid = [(date(2022, 1, 1), Decimal(-100)), (date(2023, 1, 1), Decimal(-1))]
        assert xirr(paid).reason is Reason.NO_ROOT
        flows = [
            (date(2022, 1, 1), Decimal(-100)),
            (date(2023, 1, 1), Decimal(200)),
            (date(2024, 1, 1), Decimal(-150)),
        ]
        assert xirr(flows).reason is Reason.NO_ROOT

    def test_a_total_loss_has_no_rate(self) -> None:
        """Nothing came back, so nothing discounts to what was paid."""
        days = [
            ValuedDay(day=START, value=Decimal(100)),
            ValuedDay(day=START + timedelta(days=365), value=Decimal(0)),
        ]
        assert money_weighted(days).reason is Reason.NO_FLOWS

    @given(st.floats(min_value=-3, max_value=3))
    def test_the_root_is_where_scipy_finds_it(self, root: float) -> None:
        """A cubic with one crossing, by both."""

        def cubic(x: float) -> float:
            return (x - root) ** 3 + (x - root)

        assert find_root(cubic, -10, 10) == pytest.approx(
            brentq(cubic, -10, 10, xtol=1e-14), abs=1e-9
        )


class TestRisk:
    @given(st.lists(rates, min_size=RETURNS_MIN, max_size=60))
    def test_the_ratios_are_their_definitions(self, given_rates: list[float]) -> None:
        """Written once more with the standard library, from the daily returns."""
        returns = steady(given_rates)
        spread = stdev(given_rates)
        assert volatility(returns).value == pytest.approx(spread * 252**0.5, rel=1e-9, abs=1e-12)
        excess = [rate - (1.04 ** (1 / 252) - 1) for rate in given_rates]
        short = mean(min(each, 0) ** 2 for each in excess) ** 0.5
        found = sharpe(returns, 0.04)
        if found.value is not None:
            wanted = mean(excess) / stdev(excess) * 252**0.5
            assert found.value == pytest.approx(wanted, rel=1e-6, abs=1e-9)
        below = sortino(returns, 0.04)
        if below.value is not None:
            assert below.value == pytest.approx(mean(excess) / short * 252**0.5, rel=1e-9)

    def test_a_figure_without_enough_returns_says_how_many_there_are(self) -> None:
        """One return fewer than `RETURNS_MIN`."""
        returns = steady([0.01] * (RETURNS_MIN - 1))
        for figure in (volatility(returns), sharpe(returns, 0.0), sortino(returns, 0.0)):
            assert (figure.value, figure.n) == (None, RETURNS_MIN - 1)
            assert figure.reason is Reason.TOO_FEW_DAYS

    def test_what_never_varies_and_never_loses_has_no_ratio(self) -> None:
        """Nothing to divide by is said, and is not made infinite or 0."""
        returns = steady([0.01] * RETURNS_MIN)
        assert sharpe(returns, 0.0).reason is Reason.NO_SPREAD
        assert sortino(returns, 0.0).reason is Reason.NO_LOSS

    def test_the_best_and_the_worst_day_are_named(self) -> None:
        """Three days with the extremes first and last."""
        returns = steady([0.03, 0.0, -0.02])
        assert (best_day(returns).value, best_day(returns).at) == (0.03, returns[0].day)
        assert (worst_day(returns).value, worst_day(returns).at) == (-0.02, returns[2].day)

    @given(st.lists(rates, min_size=1, max_size=30))
    def test_the_deepest_fall_is_the_lowest_quotient_of_a_later_by_an_earlier_level(
        self, given_rates: list[float]
    ) -> None:
        """Every pair of days by brute force."""
        curve = growth(steady(given_rates))
        lowest = min(
            later / earlier - 1
            for place, (_, earlier) in enumerate(curve)
            for _, later in curve[place:]
        )
        deepest = drawdowns(curve).deepest
        assert (0.0 if deepest is None else deepest.depth) == pytest.approx(lowest, abs=1e-12)

    def test_a_fall_that_lasts_has_no_end_and_counts_to_the_last_day(self) -> None:
        """Up, then down for two days."""
        found = drawdowns(growth(steady([0.1, -0.1, -0.1])))
        assert found.current is not None
        assert (found.current.recovered, found.current.days) == (None, 2)
        assert found.current.depth == pytest.approx(-0.19)

    def test_without_returns_there_is_no_curve(self) -> None:
        """Nothing in, nothing out."""
        assert (growth([]), drawdowns([]).all) == ([], ())


def test_a_broken_day_breaks_only_the_month_that_it_is_in() -> None:
    """A month with a broken day beside one without."""
    returns: list[PeriodReturn | Broken] = [
        Broken(Reason.FLOW_UNKNOWN, date(2025, 1, 15)),
        PeriodReturn(
            after=date(2025, 1, 31), opens=date(2025, 2, 3), day=date(2025, 2, 3), rate=0.1
        ),
    ]
    january, february = by_month(returns)
    assert january.figure.reason is Reason.FLOW_UNKNOWN
    assert february.figure.value == pytest.approx(0.1)
