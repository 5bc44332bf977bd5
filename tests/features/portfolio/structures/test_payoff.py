"""Profit at the end: exact between strikes, by a named model where options outlive each other."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.structures.labelled_books import DATES, leg_of

from optix.features.portfolio.structures.payoff import Basis, NotDone, Payoff, payoff_of
from optix.features.portfolio.structures.shares import split_by
from optix.features.portfolio.structures.values import Leg
from optix.kernel import limits
from optix.kernel.holding import Asset, Deliverable
from optix.quant.black_scholes import price as black_price

D = Decimal


def legs(*texts: str) -> list[Leg]:
    return [Leg(asset=asset, quantity=quantity) for asset, quantity in map(leg_of, texts)]


def exact(cost: str, *texts: str) -> Payoff:
    found = payoff_of(legs(*texts), D(cost))
    assert isinstance(found, Payoff)
    assert found.basis is Basis.EXACT
    return found


class TestOneDate:
    """By figures worked by hand."""

    @pytest.mark.parametrize(
        ("cost", "texts", "most", "least", "even"),
        [
            ("950", ["1 600C Dec"], None, "-950", ["609.50"]),
            ("-950", ["-2 600C Dec"], "950", None, ["604.75"]),
            ("800", ["1 600P Dec"], "59200", "-800", ["592"]),
            ("-800", ["-1 600P Dec"], "800", "-59200", ["592"]),
            ("400", ["1 600C Dec", "-1 610C Dec"], "600", "-400", ["604"]),
            (
                "-300",
                ["1 570P Dec", "-1 580P Dec", "-1 620C Dec", "1 630C Dec"],
                *("300", "-700", ["577", "623"]),
            ),
            ("59000", ["100 shares", "-1 620C Dec"], "3000", "-59000", ["590"]),
            ("59500", ["100 shares", "1 560P Dec", "-1 620C Dec"], "2500", "-3500", ["595"]),
            ("59000", ["100 shares"], None, "-59000", ["590"]),
            ("-59000", ["-100 shares"], "59000", None, ["590"]),
            ("1500", ["1 600C Dec", "1 600P Dec"], None, "-1500", ["585", "615"]),
            ("100", ["1 590C Dec", "-2 600C Dec", "1 610C Dec"], "900", "-100", ["591", "609"]),
            ("-100", ["1 600C Dec", "-2 610C Dec"], "1100", None, ["621"]),
        ],
    )
    def test_the_known_figures(
        self, cost: str, texts: list[str], most: str | None, least: str | None, even: list[str]
    ) -> None:
        found = exact(cost, *texts)
        assert found.profit_max == (None if most is None else D(most))
        assert found.loss_max == (None if least is None else D(least))
        assert found.break_evens == tuple(D(each) for each in even)

    def test_a_break_even_beyond_all_strikes_is_found(self) -> None:
        """By a back ratio whose upper side pays late: 600 + 5 × 10 and the debit."""
        found = exact("20000", "1 600C Dec")
        assert found.break_evens == (D(800),)
        assert found.points[-1][0] > 800

    def test_a_stretch_that_lies_on_zero_tells_its_ends(self) -> None:
        """By a bought spread that cost nothing: zero up to the lower strike."""
        assert exact("0", "1 600C Dec", "-1 610C Dec").break_evens[0] == D(600)

    def test_an_adjusted_contract_begins_where_its_shares_do(self) -> None:
        """By 150 shares for 60,000: the strike is 400 a share, whatever the contract says."""
        (leg,) = legs("1 AAPL1 600C Dec")
        contract = leg.asset.contract
        asset = Asset(
            kind=leg.asset.kind,
            symbol=leg.asset.symbol,
            contract=contract,
            multiplier=100,
            deliverables=(Deliverable("AAPL", D(150)),),
        )
        found = payoff_of([Leg(asset=asset, quantity=D(1))], D(1500))
        assert isinstance(found, Payoff)
        assert found.break_evens == (D(410),)

    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["570", "580", "590", "600", "615"]),
                st.sampled_from("CP"),
                st.integers(-3, 3).filter(bool),
            ),
            min_size=1,
            max_size=5,
            unique_by=lambda each: each[:2],
        ),
        st.integers(-500, 500),
    )
    def test_nothing_lies_beyond_what_is_said(
        self, wanted: list[tuple[str, str, int]], cost: int
    ) -> None:
        """By valuing every dollar of price afresh, with payoffs written out here."""
        found = exact(str(cost), *(f"{many} {strike}{right} Dec" for strike, right, many in wanted))

        def profit(price: int) -> int:
            total = -cost
            for strike, right, many in wanted:
                inside = price - int(strike) if right == "C" else int(strike) - price
                total += many * 100 * max(inside, 0)
            return total

        values = [profit(price) for price in range(1_200)]
        beyond = profit(10_000_000)
        assert found.profit_max is None or max(*values, beyond) <= found.profit_max
        assert found.loss_max is None or min(*values, beyond) >= found.loss_max
        assert (found.profit_max is None) == (beyond > max(values))
        assert (found.loss_max is None) == (beyond < min(values))
        if found.profit_max is not None:
            assert found.profit_max in values
        crossed = sum(
            (values[price] < 0 < values[price + 1]) or (values[price] > 0 > values[price + 1])
            for price in range(len(values) - 1)
        )
        assert len(found.break_evens) >= crossed
        assert all(profit(int(price)) == value for price, value in found.points if price % 1 == 0)


class TestSeveralDates:
    VOLATILITY = 0.22

    def test_a_calendar_is_valued_by_the_named_model_when_its_first_leg_ends(self) -> None:
        """By the price of the far call at the near strike, computed apart."""
        near, far = legs("-1 600C Nov", "1 600C Dec")
        found = payoff_of(
            [near, far], D(500), volatilities={far.asset.symbol: self.VOLATILITY}, rate=0.04
        )
        assert isinstance(found, Payoff)
        assert (found.basis, found.front) == (Basis.MODEL, DATES["Nov"])
        years = (DATES["Dec"] - DATES["Nov"]).days / 365
        worth = black_price(
            forward=600 * np.exp(0.04 * years),
            strike=600.0,
            expiry_years=years,
            vol=self.VOLATILITY,
            rate=0.04,
            is_call=True,
        )
        at_strike = dict(found.points)[D(600)]
        assert at_strike == pytest.approx(D(repr(worth.item() * 100)) - 500, abs=D("0.02"))
        assert found.profit_max == at_strike
        assert found.loss_max == pytest.approx(D(-500), abs=D(5))
        assert len(found.break_evens) == 2

    def test_more_far_calls_than_near_ones_have_no_bound(self) -> None:
        """By the slope of what is left above all strikes."""
        own = legs("-1 600C Nov", "2 620C Dec")
        found = payoff_of(own, D(100), volatilities={own[1].asset.symbol: 0.2})
        assert isinstance(found, Payoff)
        assert found.profit_max is None
        assert found.loss_max is not None

    def test_without_a_volatility_there_are_no_figures(self) -> None:
        """By a far leg that the market says none of."""
        assert payoff_of(legs("-1 600C Nov", "1 600C Dec"), D(1)) is NotDone.NO_VOLATILITY


class TestWhatIsNotDone:
    def test_an_unknown_cost_is_no_profit(self) -> None:
        assert payoff_of(legs("1 600C Dec"), None) is NotDone.COST_UNKNOWN

    def test_an_adjusted_contract_of_unknown_delivery_has_no_figures(self) -> None:
        assert payoff_of(legs("1 AAPL1 600C Dec"), D(1)) is NotDone.DELIVERABLE_UNKNOWN

    def test_legs_of_two_companies_have_no_common_price(self) -> None:
        """By a pair that its owner put together."""
        own = legs("1 AAPL 600C Dec", "-1 MSFT 600C Dec")
        assert payoff_of(own, D(1)) is NotDone.SEVERAL_UNDERLYINGS


class TestPoints:
    @pytest.mark.parametrize("texts", [["1 600C Dec"], ["100 shares"], ["1 1C Dec", "-1 9C Dec"]])
    def test_there_are_so_many_points(self, texts: list[str]) -> None:
        """By STRUCTURE_PAYOFF_POINTS_MAX, and each strike among them, in rising order."""
        found = exact("10", *texts)
        prices = [price for price, _ in found.points]
        assert len(prices) <= limits.STRUCTURE_PAYOFF_POINTS_MAX
        assert prices == sorted(set(prices))
        strikes = {D(text.split()[1][:-1]) for text in texts if "shares" not in text}
        assert {D(0), *strikes} <= set(prices)


class TestShares:
    @settings(max_examples=60, deadline=None)
    @given(
        st.decimals("-1000000", "1000000", places=2),
        st.lists(st.integers(1, 500), min_size=1, max_size=6),
        st.sampled_from([1, -1]),
    )
    def test_they_sum_to_the_whole(self, total: Decimal, parts: list[int], sign: int) -> None:
        """By adding them up, and by how far each is from its exact share."""
        quantities = [D(part) * sign for part in parts]
        found = split_by(total, quantities)
        assert sum(found, D(0)) == total
        for share, quantity in zip(found, quantities, strict=True):
            fair = total * quantity / sum(quantities, D(0))
            assert abs(share - fair) <= D("0.01") * len(parts)
