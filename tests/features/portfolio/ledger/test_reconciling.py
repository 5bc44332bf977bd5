"""The reconciler on whole histories with one planted fault each, and on its own sentences."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid5

import pytest
from tests.features.portfolio.ledger.golden_book import SPACE, account_of, asset_of, cash_of

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.reconciling import (
    CASH_ROUNDING,
    Cause,
    Compared,
    Difference,
    Side,
    reconcile,
)
from optix.features.portfolio.ledger.values import (
    BookingRules,
    FamilyBook,
    LedgerLine,
    ProblemCode,
)
from optix.features.sandbox.seeding import year_of
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import Asset
from optix.kernel.money import Money, Price

TODAY = date(2026, 11, 20)
ACCOUNT, OTHER = account_of("A"), account_of("B")
SEEDS = [f"seed {number}" for number in range(24)]
Lines = list[Activity]


def history(seed: str) -> Lines:
    """Return a year of the paper brokerage, a change of symbol and an exercise among it."""
    lines = list(year_of(seed, TODAY, {}))
    day = TODAY - timedelta(days=100)
    old, new, call = asset_of("OLDN"), asset_of("NEWN"), asset_of("EXER260918C00020000")
    trade = next(line for line in lines if line.kind is ActivityKind.TRADE)
    bought = replace(
        trade,
        id="old",
        day=day - timedelta(days=20),
        asset=old,
        quantity=Decimal(30),
        price=Price(Decimal(25)),
        cash=Money(Decimal(-750)),
        fees=None,
        effect=None,
    )
    changed = replace(
        bought, id="out", kind=ActivityKind.SYMBOL_CHANGE, day=day, cash=Money(Decimal(0))
    )
    lines += [bought, replace(changed, quantity=Decimal(-30), price=None)]
    lines.append(replace(changed, id="in", asset=new, price=None))
    option = replace(
        bought, id="call", asset=call, quantity=Decimal(1), cash=Money(Decimal(-120)), price=None
    )
    ended = replace(
        option,
        id="ended",
        kind=ActivityKind.EXERCISE,
        day=date(2026, 9, 18),
        quantity=Decimal(-1),
        cash=Money(Decimal(0)),
        group="exercise",
    )
    shares = replace(
        ended,
        id="shares",
        asset=asset_of("EXER"),
        quantity=Decimal(100),
        price=Price(Decimal(20)),
        cash=Money(Decimal(-2000)),
    )
    return [*lines, option, ended, shares]


def booked(lines: Sequence[Activity]) -> FamilyBook:
    return book_family(
        [
            LedgerLine(id=uuid5(SPACE, f"{line.id}"), account=ACCOUNT, activity=line, seen=place)
            for place, line in enumerate(lines)
        ],
        BookingRules(),
    )


def compare(told: Sequence[Activity], truth: Sequence[Activity]) -> Compared:
    """Return what a broker who knows the truth and a ledger of what was told say."""
    ledger, broker = _held(told), _held(truth)
    assets = {key: asset for held in (ledger, broker) for key, (asset, _, _) in held.items()}
    sides = []
    for key, asset in assets.items():
        _, ours, basis = ledger.get(key, (asset, Decimal(0), None))
        _, theirs, cost = broker.get(key, (asset, Decimal(0), None))
        sides.append(Side(asset=asset, ledger=ours, broker=theirs, basis=basis, cost=cost))
    mine, real = (cash_of(booked(lines))[ACCOUNT] for lines in (told, truth))
    return Compared(
        account=ACCOUNT,
        as_of=TODAY,
        sides=tuple(sides),
        cash={"USD": (mine, real)},
        known=frozenset(line.asset.symbol for line in told if line.asset is not None),
        unopened=tuple(_unopened(told)),
    )


def _unopened(lines: Sequence[Activity]) -> list[tuple[Asset, Decimal, date]]:
    by_id = {uuid5(SPACE, line.id): line for line in lines}
    found = []
    for problem in booked(lines).problems:
        line = by_id[problem.line]
        if problem.code is ProblemCode.CLOSES_MORE_THAN_OPEN:
            assert line.asset is not None
            assert problem.quantity is not None
            found.append((line.asset, problem.quantity, line.day))
    return found


def _held(lines: Sequence[Activity]) -> dict[str, tuple[Asset, Decimal, Decimal]]:
    held: dict[str, tuple[Asset, Decimal, Decimal]] = {}
    for lot in booked(lines).lots:
        _, quantity, basis = held.get(lot.asset.key, (lot.asset, Decimal(0), Decimal(0)))
        held[lot.asset.key] = (lot.asset, quantity + lot.quantity, basis + lot.basis)
    return held


def of_kind(*kinds: ActivityKind) -> Callable[[Lines, random.Random], set[str]]:
    """Return a fault that loses the lines of one event of a kind."""

    def lose(lines: Lines, dice: random.Random) -> set[str]:
        found = [line for line in lines if line.kind in kinds]
        lost = dice.choice(found)
        return {
            line.id
            for line in lines
            if line.id == lost.id
            or (lost.group and line.group == lost.group)
            or (lost.kind is ActivityKind.SYMBOL_CHANGE and line.kind is lost.kind)
        }

    return lose


def a_trade(lines: Lines, dice: random.Random) -> set[str]:
    """Lose one fill that still shows in what is held, or closed what is not held any more."""
    trades = [line for line in lines if line.kind is ActivityKind.TRADE and line.id != "old"]
    return {dice.choice(trades).id}


FAULTS = {
    Cause.EXPIRY: of_kind(ActivityKind.EXPIRATION),
    Cause.DELIVERY: of_kind(ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE),
    Cause.SPLIT: of_kind(ActivityKind.SPLIT),
    Cause.SYMBOL_CHANGE: of_kind(ActivityKind.SYMBOL_CHANGE),
    Cause.MISSING_FILL: a_trade,
    Cause.CASH_LINE: of_kind(ActivityKind.DEPOSIT, ActivityKind.DIVIDEND, ActivityKind.FEE),
}


def named(found: Sequence[Difference], cause: Cause) -> bool:
    """Return whether the planted cause is the one that is named; rounding beside it is none."""
    causes = {each.cause for each in found} - {Cause.ROUNDING}
    return causes == {cause}


class TestPlantedFaults:
    def test_a_history_without_a_fault_is_equal(self) -> None:
        for seed in SEEDS:
            lines = history(seed)
            assert reconcile(compare(lines, lines)) == ()

    def test_nearly_every_planted_fault_is_named(self) -> None:
        """One fault in each of many histories; what is named is held against what was planted."""
        missed = []
        total = 0
        for cause, plant in FAULTS.items():
            for seed in SEEDS:
                truth = history(seed)
                lost = plant(truth, random.Random(f"{seed} {cause}"))
                told = [line for line in truth if line.id not in lost]
                found = reconcile(compare(told, truth))
                total += 1
                if not named(found, cause):
                    missed.append(
                        (
                            cause,
                            seed,
                            [(each.cause, each.asset and each.asset.symbol) for each in found],
                        )
                    )
        assert total == len(FAULTS) * len(SEEDS)
        assert len(missed) <= total * 0.05, missed

    @pytest.mark.parametrize("cause", [Cause.EXPIRY, Cause.DELIVERY, Cause.SPLIT, Cause.CASH_LINE])
    def test_a_proposal_that_is_accepted_settles_the_difference(self, cause: Cause) -> None:
        """What is proposed is booked with the rest, and compared again."""
        for seed in SEEDS:
            truth = history(seed)
            lost = FAULTS[cause](truth, random.Random(f"{seed} {cause}"))
            told = [line for line in truth if line.id not in lost]
            lines = [
                replace(line, id=f"proposed {place}")
                for place, line in enumerate(
                    line for each in reconcile(compare(told, truth)) for line in each.proposal
                )
            ]
            after = compare([*told, *lines], truth)
            assert all(not side.gap for side in after.sides), (cause, seed)
            ledger, broker = after.cash["USD"]
            assert abs(broker - ledger) <= CASH_ROUNDING


def side(symbol: str, ledger: str, broker: str, **more: str) -> Side:
    amounts = {name: Decimal(value) for name, value in more.items()}
    return Side(asset=asset_of(symbol), ledger=Decimal(ledger), broker=Decimal(broker), **amounts)


def compared(*sides: Side, cash: tuple[str, str] | None = ("0", "0"), **more: object) -> Compared:
    known = {} if cash is None else {"USD": (Decimal(cash[0]), Decimal(cash[1]))}
    return replace(
        Compared(account=ACCOUNT, as_of=TODAY, sides=sides, cash=known),
        **more,  # type: ignore[arg-type]  # fields of the value
    )


class TestSentences:
    def test_an_opening_position_is_proposed_with_the_cost_that_the_broker_states(self) -> None:
        [found] = reconcile(compared(side("MSFT", "0", "10", cost="4200.00")))
        assert found.cause is Cause.OPENING
        [line] = found.proposal
        assert (line.quantity, line.price) == (Decimal(10), Price(Decimal("420.000000")))

    def test_a_transfer_is_known_by_the_account_that_lacks_the_same(self) -> None:
        asset = asset_of("MSFT")
        [found] = reconcile(
            compared(side("MSFT", "10", "0"), elsewhere={asset.key: frozenset({Decimal(10)})})
        )
        assert found.cause is Cause.TRANSFER
        assert found.proposal[0].quantity == Decimal(-10)

    def test_what_is_gone_without_cash_is_not_made_to_fit(self) -> None:
        [found] = reconcile(compared(side("MSFT", "10", "0")))
        assert (found.cause, found.proposal) == (Cause.UNKNOWN, ())

    def test_parts_of_a_cent_are_rounding(self) -> None:
        [found] = reconcile(compared(cash=("100.00", "100.03")))
        assert found.cause is Cause.ROUNDING

    def test_cash_that_a_broker_does_not_state_is_not_compared(self) -> None:
        assert reconcile(compared(cash=None)) == ()

    def test_a_purchase_that_the_cash_does_not_show_is_no_missing_fill(self) -> None:
        [found] = reconcile(compared(side("MSFT", "0", "10", cost="4200.00", price="430")))
        assert found.cause is Cause.OPENING

    def test_of_two_missing_trades_each_has_its_own_cash(self) -> None:
        found = reconcile(
            compared(
                side("MSFT", "0", "10", basis="0", cost="4200.00"),
                side("AAPL", "0", "5", basis="0", cost="1000.00"),
                cash=("10000.00", "4800.00"),
            )
        )
        assert {each.cause for each in found} == {Cause.MISSING_FILL}
        assert sorted(each.proposal[0].cash.amount for each in found) == [-4200, -1000]
