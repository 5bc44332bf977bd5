"""Webull groups what is held by strategies, and says neither which way nor how many."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import structlog
from tests.fakes.brokers.webull import (
    group,
    option,
    shares,
    stock_leg,
)

from optix.adapters.brokers.webull import PARSERS
from optix.kernel.holding import AssetKind, Position
from optix.kernel.money import Money, Price


def positions_of(*told: Any) -> list[Position]:
    found: Any = PARSERS["positions"](list(told))
    return list(found)


class TestShares:
    def test_a_price_is_of_one_share_and_a_cost_of_all(self) -> None:
        (found,) = positions_of(shares(quantity="1.5"))
        assert found.quantity == found.size == Decimal("1.5")
        assert found.cost == Money(Decimal(15))
        assert found.value == Money(Decimal(18))
        assert found.price == Price(Decimal(12))
        assert (found.asset.kind, found.asset.multiplier) == (AssetKind.STOCK, 1)

    @pytest.mark.parametrize(
        ("quantity", "cost", "last", "profit", "held"),
        [
            ("-3", "10", "12", "-6", "-3"),  # told with its sign
            ("3", "10", "12", "-6", "-3"),  # told by its money alone
            ("3", "10", "12", "6.01", "3"),
            ("1", "11.12", "10.0", "0.08", "1"),  # the vendor's example fits neither way
            ("3", "10", "10.001", "-0.01", "3"),  # a cent says nothing
            ("3", "10", "10", "0", "3"),
            ("3", None, "12", "-6", "3"),
            ("3", "10", None, "-6", "3"),
            ("3", "10", "12", None, "3"),
        ],
    )
    def test_the_sign_of_shares(
        self, quantity: str, cost: str | None, last: str | None, profit: str | None, held: str
    ) -> None:
        row = shares(quantity=quantity, cost_price=cost, last_price=last)
        (found,) = positions_of({**row, "unrealized_profit_loss": profit})
        assert found.quantity == Decimal(held)

    def test_one_position_may_come_without_its_list(self) -> None:
        found: Any = PARSERS["positions"](shares())
        assert len(found) == 1

    def test_nothing_held_is_no_position(self) -> None:
        assert positions_of(shares(quantity="0")) == []

    def test_what_has_no_spelling_keeps_its_text(self) -> None:
        (found,) = positions_of(shares("some thing"))
        assert found.asset.symbol == "some thing"
        (fund,) = positions_of(shares("SPY"))
        assert fund.asset.kind is AssetKind.ETF

    def test_a_kind_nobody_knows_is_told_once(self) -> None:
        with structlog.testing.capture_logs() as logs:
            found = positions_of(
                shares(instrument_type="TULIP"), shares("MSFT", instrument_type="TULIP")
            )
        assert [each.asset.kind for each in found] == [AssetKind.OTHER] * 2
        assert len([each for each in logs if each["word"] == "TULIP"]) == 1

    def test_holdings_have_numbers_and_a_cost_that_is_no_product(self) -> None:
        row = {
            "instrument_id": 913256135,
            "symbol": "AAPL",
            "instrument_type": "STOCK",
            "currency": "USD",
            "unit_cost": "11.12",
            "qty": 3,
            "total_cost": "33.35",
            "last_price": "10",
            "market_value": "30",
        }
        short = {**row, "qty": -3, "market_value": "30", "last_price": None}
        none = {**row, "qty": 0}
        bare = {**row, "total_cost": None, "market_value": None}
        told = {"has_next": False, "holdings": [row, short, none, bare]}
        found: Any = PARSERS["positions"](told)
        assert [each.quantity for each in found] == [3, -3, 3]
        assert [each.cost for each in found] == [
            Money(Decimal("33.35")),
            Money(Decimal("-33.35")),
            None,
        ]
        assert [each.value for each in found] == [Money(Decimal(30)), Money(Decimal(-30)), None]


class TestStrategies:
    def test_the_worked_example(self) -> None:
        """Two units: a call that cost 4 and is at 3 with a profit of 200 is short, twice."""
        covered = group(
            "COVERED_STOCK",
            "2",
            stock_leg("100", "110", "2000"),
            option("CALL", "120", "4.00", "3.00", "200"),
        )
        stock, call = positions_of(covered)
        assert (stock.asset.symbol, stock.quantity) == ("AAPL", Decimal(200))
        assert (call.asset.symbol, call.quantity) == ("AAPL260320C00120000", Decimal(-2))
        assert stock.cost == Money(Decimal(20_000))
        assert call.cost == Money(Decimal(-800)), "what was received"
        assert call.value == Money(Decimal(-600))

    @pytest.mark.parametrize(
        ("strategy", "legs", "signs"),
        [
            # A leg whose price did not move goes by another one, and by the definition.
            ("STRADDLE", [("CALL", "100", "1"), ("PUT", "100", None)], [1, 1]),
            ("STRANGLE", [("PUT", "90", "-1"), ("CALL", "110", None)], [-1, -1]),
            ("VERTICAL", [("CALL", "110", None), ("CALL", "100", "1")], [-1, 1]),
            ("CALENDAR", [("CALL", "100", "-1"), ("CALL", "100", None)], [-1, 1]),
            ("DIAGONAL", [("PUT", "95", None), ("PUT", "100", "-1")], [1, -1]),
            (
                "BUTTERFLY",
                [("CALL", "100", None), ("CALL", "120", None), ("CALL", "110", "-1")],
                [1, 1, -2],
            ),
            (
                "CONDOR",
                [
                    ("CALL", "90", "1"),
                    ("CALL", "100", None),
                    ("CALL", "110", None),
                    ("CALL", "120", None),
                ],
                [1, -1, -1, 1],
            ),
            (
                "IRON_BUTTERFLY",
                [
                    ("PUT", "90", None),
                    ("PUT", "100", "-1"),
                    ("CALL", "100", None),
                    ("CALL", "110", None),
                ],
                [1, -1, -1, 1],
            ),
            (
                "IRON_CONDOR",
                [
                    ("CALL", "120", "1"),
                    ("PUT", "90", None),
                    ("PUT", "95", None),
                    ("CALL", "115", None),
                ],
                [1, 1, -1, -1],
            ),
        ],
    )
    def test_a_silent_leg_goes_by_the_definition(
        self, strategy: str, legs: list[tuple[str, str, str | None]], signs: list[int]
    ) -> None:
        ratios = {"BUTTERFLY": {"110": 2}}.get(strategy, {})
        rows = [
            option(
                right,
                strike,
                "3",
                "3" if sign is None else "4",
                "0" if sign is None else str(300 * int(sign) * ratios.get(strike, 1)),
                # A calendar has two days of one strike.
                option_expire_date=f"2026-0{3 + number % 2}-20",
            )
            for number, (right, strike, sign) in enumerate(legs)
        ]
        found = positions_of(group(strategy, "3", *rows))
        assert [each.quantity for each in found] == [3 * sign for sign in signs]

    def test_shares_that_are_covered_are_owned_and_what_covers_them_is_written(self) -> None:
        call, put = (option(right, "100", "3", "3", "0") for right in ("CALL", "PUT"))
        stock = stock_leg("100", "100", "0")
        assert [
            each.quantity for each in positions_of(group("COVERED_STOCK", "1", stock, call))
        ] == [
            100,
            -1,
        ]
        assert [
            each.quantity for each in positions_of(group("COVERED_STOCK", "1", put, stock))
        ] == [
            -1,
            -100,
        ]
        collar = group("COLLAR_WITH_STOCK", "1", stock, call, put)
        assert [each.quantity for each in positions_of(collar)] == [100, -1, 1]

    def test_a_collar_the_other_way_round_is_as_its_money_says(self) -> None:
        legs = [
            stock_leg("100", "101", "-100"),
            option("CALL", "110", "3", "3", "0"),
            option("PUT", "90", "3", "3", "0"),
        ]
        found = positions_of(group("COLLAR_WITH_STOCK", "1", *legs))
        assert [each.quantity for each in found] == [-100, 1, -1]

    def test_legs_that_contradict_the_definition_are_what_their_money_says(self) -> None:
        legs = [
            option("CALL", "100", "3", "4", "100"),
            option("CALL", "110", "3", "4", "100"),
        ]
        found = positions_of(group("VERTICAL", "1", *legs))
        assert [each.quantity for each in found] == [1, 1]

    def test_a_strategy_nobody_knows_has_the_money_alone(self) -> None:
        legs = [
            option("CALL", "100", "3", "4", "-200"),
            option("CALL", "110", "3", "3", "0"),
        ]
        for strategy in ("JADE_LIZARD", "", None):
            found = positions_of(group("x", "1", *legs, option_strategy=strategy))
            assert [each.quantity for each in found] == [-2, None]
            assert [each.size for each in found] == [2, 1]

    def test_a_definition_does_not_fit_other_legs(self) -> None:
        legs = [option("CALL", "100", "3", "3", "0"), stock_leg("3", "4", "100")]
        found = positions_of(group("VERTICAL", "1", *legs))
        assert [each.quantity for each in found] == [None, 100]

    @pytest.mark.parametrize("quantity", ["2", "-2"])
    def test_a_single_option_with_silent_money_is_short_only_if_it_is_told(
        self, quantity: str
    ) -> None:
        (found,) = positions_of(group("SINGLE", quantity, option("PUT", "100", "3", "3", "0")))
        assert found.size == 2
        assert found.quantity == (None if quantity == "2" else -2)

    def test_a_single_leg_takes_what_only_its_group_says(self) -> None:
        leg = option("PUT", "100", "0", "0", "0")
        for name in ("cost", "last_price", "unrealized_profit_loss"):
            del leg[name]
        told = group("SINGLE", "2", leg, cost_price="3", last_price="4")
        (found,) = positions_of({**told, "unrealized_profit_loss": "-200"})
        assert found.quantity == -2
        assert found.cost == Money(Decimal(-600))

    def test_an_option_may_come_by_its_symbol_and_without_legs(self) -> None:
        row = shares("QQQ260120C00609000", "1", instrument_type="OPTION")
        (found,) = positions_of({**row, "unrealized_profit_loss": "-200"})
        assert found.asset.contract is not None
        assert found.asset.key == "option|QQQ260120C00609000|USD"
        assert found.quantity == -1

    def test_a_price_cut_to_cents_does_not_change_how_many_there_are(self) -> None:
        leg = option("CALL", "100", "1.23", "1.25", "6.66")  # three that cost 1.2278 each
        (found,) = positions_of(group("SINGLE", "3", leg))
        assert found.quantity == 3

    def test_a_multiplier_is_taken_where_it_is_told(self) -> None:
        leg = option("CALL", "100", "1", "2", "-10", option_contract_multiplier="10")
        (found,) = positions_of(group("SINGLE", "1", leg))
        assert found.asset.multiplier == 10
        assert found.quantity == -1
        assert found.cost == Money(Decimal(-10))

    def test_what_is_in_several_strategies_is_one_position(self) -> None:
        one = group("SINGLE", "1", option("CALL", "100", "3", "4", "100"))
        two = group("SINGLE", "2", option("CALL", "100", "2", "4", "400"))
        (found,) = positions_of(one, two)
        assert found.quantity == found.size == 3
        assert found.cost == Money(Decimal(700))
        stock, _ = positions_of(
            shares(quantity="50", unrealized_profit_loss="100"),
            group(
                "COVERED_STOCK",
                "1",
                stock_leg("10", "12", "200"),
                option("CALL", "120", "3", "4", "-100"),
            ),
        )
        assert stock.quantity == 150

    def test_what_is_held_both_ways_is_what_is_left(self) -> None:
        long = group("SINGLE", "1", option("CALL", "100", "3", "4", "100"))
        short = group("SINGLE", "3", option("CALL", "100", "2", "4", "-600"))
        (found,) = positions_of(long, short)
        assert (found.quantity, found.cost) == (Decimal(-2), None)
        assert found.value == Money(Decimal(-800))
        even = group("SINGLE", "1", option("CALL", "100", "2", "4", "-200"))
        assert positions_of(long, even) == []
        silent = group("SINGLE", "1", option("CALL", "100", "4", "4", "0"))
        (found,) = positions_of(long, silent)
        assert (found.quantity, found.size) == (None, Decimal(2))

    def test_a_contract_nobody_can_spell_keeps_its_parts(self) -> None:
        leg = option("CALL", "100", "3", "4", "100", option_expire_date="2026-02-30")
        (found,) = positions_of(group("SINGLE", "1", leg))
        assert found.asset.contract is None
        assert found.asset.symbol == "AAPL 2026-02-30 CALL 100"
        assert found.quantity == 1
        shared = leg | {"symbol": "BRK.B", "option_expire_date": "2026-03-20"}
        (found,) = positions_of(group("SINGLE", "1", shared))
        assert found.asset.symbol == "BRKB260320C00100000"
