"""A chain is columns of one length; missing values are NaN."""

from __future__ import annotations

from array import array
from math import isnan

import pytest

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.instrument import OptionContract, parse_option
from optix.kernel.quote import Quality

CONTRACT = parse_option("SPXW230914C01200000")


def chain(contracts: list[OptionContract], columns: dict[str, array[float]]) -> ChainTable:
    return ChainTable(
        underlying="SPX",
        contracts=contracts,
        columns=columns,
        source="replay",
        quality=Quality.REPLAY,
        ts_event=1,
        ts_received=2,
    )


def test_a_column_of_missing_values_has_its_length() -> None:
    column = nan_column(3)
    assert len(column) == 3
    assert all(isnan(value) for value in column)
    assert len(nan_column(0)) == 0


def test_columns_are_not_shared() -> None:
    first, second = nan_column(1), nan_column(1)
    first[0] = 5.0
    assert isnan(second[0])


def test_a_chain_is_as_long_as_its_contracts() -> None:
    table = chain([CONTRACT], {name: nan_column(1) for name in CHAIN_COLUMNS})
    assert len(table) == 1
    assert table.complete
    assert list(table.rejected) == []


@pytest.mark.parametrize("name", CHAIN_COLUMNS)
def test_a_column_of_another_length_is_our_own_mistake(name: str) -> None:
    columns = {each: nan_column(1) for each in CHAIN_COLUMNS}
    columns[name] = nan_column(2)
    with pytest.raises(AssertionError, match=name):
        chain([CONTRACT], columns)
