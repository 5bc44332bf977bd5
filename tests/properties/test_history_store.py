"""However rows arrive, the same rows are read; and no answer knows what came after its instant.

The rows are cut into batches and orders at random, some given twice, with bounds so small that
files are split and joined all the time. The second property compares an answer from the whole
store with one from a store that never got the later rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.history_rows import at, batch, option_rows, store_in

from optix.adapters.history.reader import Reader
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import parse_option
from optix.ports.history import DatasetName

INSTANTS = [
    at(2024, month, day, hour)
    for month in (1, 2)
    for day in (30, 31, 5)
    if (month, day) != (2, 30) and (month, day) != (2, 31)
    for hour in (15, 21)
]
ROWS = pl.concat(
    [
        option_rows(instant, bid=float(number), source=source, strikes=(470, 480))
        for number, instant in enumerate(INSTANTS)
        for source in ("a", "b")
    ]
)
CONTRACT = parse_option("SPY240315P00480000")


@st.composite
def arrivals(draw: st.DrawFn, height: int) -> list[list[int]]:
    """Positions of rows in a random order with repeats, cut into batches."""
    order = draw(st.permutations(range(height)))
    repeated = draw(st.lists(st.integers(0, height - 1), max_size=20))
    everything = [*order, *repeated]
    cuts = sorted(draw(st.lists(st.integers(0, len(everything)), max_size=8)))
    edges = [0, *cuts, len(everything)]
    return [everything[low:high] for low, high in pairwise(edges) if low < high]


def fill(folder: Path, rows: pl.DataFrame, batches: Sequence[Sequence[int]], flush: int) -> Reader:
    store = store_in(folder)
    stored = 0
    with store.writing("a test") as writer:
        for number, positions in enumerate(batches):
            report = writer.write(batch(rows[list(positions)]))
            assert report.stored + report.duplicates == len(positions)
            stored += report.stored
            if number % flush == 0:
                writer.flush()
    assert stored == rows.height
    return store.reader()


def seen(reader: Reader) -> list[object]:
    """Everything the reader says about these rows."""
    answers: list[object] = [
        summary(table)
        for instant in INSTANTS
        for source in ("a", "b", None)
        for table in reader.chain_as_of("SPY", None, instant, since_ns=INSTANTS[0], source=source)
    ]
    answers += [reader.last_instant("SPY", instant + 1) for instant in INSTANTS]
    answers.append(reader.days(DatasetName.OPTION_QUOTES, "SPY"))
    answers.append(reader.contract_series(CONTRACT, start_ns=0, end_ns=INSTANTS[-1]))
    return answers


def summary(table: ChainTable) -> tuple[object, ...]:
    times = None if table.row_ts_event is None else list(table.row_ts_event)
    keys = [contract.key for contract in table.contracts]
    return (table.source, keys, list(table.columns["bid"]), times, table.spot)


@settings(max_examples=25, deadline=None)
@given(arrivals(ROWS.height), arrivals(ROWS.height), st.integers(1, 3), st.integers(1, 3))
def test_any_order_and_any_batches_give_the_same_answers(
    one: list[list[int]], other: list[list[int]], flush_one: int, flush_other: int
) -> None:
    with (
        TemporaryDirectory() as first,
        TemporaryDirectory() as second,
        patch.object(limits, "HISTORY_FILE_ROWS_MAX", 16),
        patch.object(limits, "HISTORY_SMALL_FILES_MAX", 2),
    ):
        expected = repr(seen(fill(Path(first), ROWS, one, flush_one)))
        assert repr(seen(fill(Path(second), ROWS, other, flush_other))) == expected


@settings(max_examples=25, deadline=None)
@given(arrivals(ROWS.height), st.sampled_from(INSTANTS), st.integers(-1, 1))
def test_no_answer_knows_what_came_after_its_instant(
    order: list[list[int]], instant: int, shift: int
) -> None:
    at_ns = instant + shift
    past = ROWS.filter(pl.col("ts_event") <= at_ns)
    with TemporaryDirectory() as first, TemporaryDirectory() as second:
        whole = fill(Path(first), ROWS, order, 2)
        only_past = fill(Path(second), past, [range(past.height)], 1)
        for source in ("a", "b", None):
            found = whole.chain_as_of("SPY", None, at_ns, since_ns=0, source=source)
            expected = only_past.chain_as_of("SPY", None, at_ns, since_ns=0, source=source)
            assert [summary(table) for table in found] == [summary(table) for table in expected]
        assert whole.last_instant("SPY", at_ns) == only_past.last_instant("SPY", at_ns)
