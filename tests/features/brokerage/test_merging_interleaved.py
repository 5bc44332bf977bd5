"""Steps that Hypothesis chooses one by one, so that what fails shrinks to the steps that matter.

`tests/properties/test_broker_histories.py` has whole histories from a seed; here every reading is
a step of its own: some windows of it in any order, a crash behind any of them, other ids, twins.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, target
from hypothesis import strategies as st
from tests.fixtures.broker_histories import Ledger, Telling

from optix.features.brokerage.merging import content_key
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.money import Money, Price

FIRST = date(2026, 3, 2)
LAST = FIRST + timedelta(days=9)
ASSETS = tuple(Asset(kind=AssetKind.STOCK, symbol=name) for name in ("SPY", "QQQ"))


@dataclass(frozen=True)
class Step:
    """One reading: windows in their order, of which only `survived` were stored."""

    windows: tuple[tuple[int, int], ...]
    survived: int
    renames: frozenset[int]
    order: int
    doubled: bool


@st.composite
def events(draw: st.DrawFn) -> Activity:
    asset = draw(st.sampled_from((*ASSETS, None)))
    quantity = Decimal(draw(st.sampled_from((1, -1, 2))))
    price = Price(Decimal(draw(st.sampled_from(("500", "501.25")))))
    day = FIRST + timedelta(days=draw(st.integers(0, 9)))
    if asset is None:
        cash = Money.parse(draw(st.sampled_from(("12.50", "-3"))))
        status = draw(st.sampled_from((ActivityStatus.POSTED, ActivityStatus.CANCELLED)))
        return Activity(id="", kind=ActivityKind.DIVIDEND, status=status, day=day, cash=cash)
    return Activity(
        id="",
        day=day,
        kind=draw(st.sampled_from((ActivityKind.TRADE, ActivityKind.ASSIGNMENT))),
        status=ActivityStatus.POSTED,
        asset=asset,
        quantity=quantity,
        price=price,
        cash=price.cash(quantity, 1),
        order_id=draw(st.sampled_from(("", "o1"))),
    )


@st.composite
def steps(draw: st.DrawFn) -> Step:
    cuts = sorted(draw(st.sets(st.integers(0, 9), max_size=3)) | {0})
    overlap = draw(st.integers(0, 2))
    windows = [
        (first, min(9, last - 1 + overlap))
        for first, last in zip(cuts, [*cuts[1:], 10], strict=True)
    ]
    windows = list(draw(st.permutations(windows)))
    return Step(
        windows=tuple(windows),
        survived=draw(st.integers(0, len(windows))),
        renames=draw(st.frozensets(st.integers(0, 11), max_size=4)),
        order=draw(st.integers(0, 3)),
        doubled=draw(st.booleans()),
    )


@given(st.lists(events(), max_size=12), st.lists(steps(), max_size=5), st.booleans())
def test_any_interleaving_of_readings_ends_at_the_ledger_of_one_import(
    truth: list[Activity], readings: list[Step], with_ids: bool
) -> None:
    ledger, names = Ledger(), [f"id{place}" if with_ids else "" for place in range(len(truth))]
    everything = Step(((0, 9),), 1, frozenset(), 0, doubled=True)
    for number, step in enumerate([*readings, everything]):
        if with_ids:
            names = [
                f"{name}.{number}" if place in step.renames else name
                for place, name in enumerate(names)
            ]
        for window in step.windows[: step.survived]:
            ledger.hear(told(truth, names, step, *window))
        # Twins that were seen in two windows are no more than there are.
        assert not ledger.contents - Counter(map(content_key, truth)), "a line came twice"
    assert ledger.contents == Counter(map(content_key, truth))
    assert not any(row.absent for row in ledger.rows)
    target(float(len(ledger.rows)))


def told(truth: list[Activity], names: list[str], step: Step, first: int, last: int) -> Telling:
    """Return the window as the broker shows it: reordered, and with ids perhaps twice."""
    begin, end = FIRST + timedelta(days=first), FIRST + timedelta(days=last)
    lines = [
        replace(line, id=name)
        for line, name in zip(truth, names, strict=True)
        if begin <= line.day <= end
    ]
    if step.order % 2:
        lines.reverse()
    if step.order > 1:
        lines = lines[1::2] + lines[::2]
    if step.doubled:
        lines += [line for line in lines if line.id][:2]
    return Telling(begin, end, lines, crashes=False)
