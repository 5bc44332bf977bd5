"""Chains are answers with ticks over them."""

from __future__ import annotations

from array import array
from dataclasses import replace
from math import isnan

from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, table_of

from optix.adapters.market_data.streaming.assembler import ChainAssembler
from optix.adapters.market_data.streaming.book import Change
from optix.kernel.chain import ChainTable
from optix.kernel.quote import QuoteFlag
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)
CONTRACTS = contracts_of([600, 605])
FIRST = CONTRACTS[0].key


def snapshot(bid: float = 1.0, *, ts_event: int = NOW_NS) -> ChainTable:
    values = {"bid": [bid] * 4, "open_interest": [10.0] * 4}
    return replace(table_of(CONTRACTS, values, ts_event=ts_event), flags=QuoteFlag.INDICATIVE)


def assembled() -> ChainAssembler:
    assembler = ChainAssembler()
    assembler.take_snapshot(KEY, snapshot())
    return assembler


def test_a_change_becomes_a_table_of_that_contract_with_all_its_columns() -> None:
    assembler = assembled()
    assert assembler.take_change(Change(FIRST, NOW_NS + 5, {"bid": 1.5, "strange": 1.0}))
    (table,) = assembler.pop_partials([KEY], NOW_NS + 9)
    assert not table.complete
    assert [contract.key for contract in table.contracts] == [FIRST]
    assert (table.columns["bid"][0], table.columns["open_interest"][0]) == (1.5, 10.0)
    assert isnan(table.columns["ask"][0])
    assert list(table.row_ts_event or ()) == [NOW_NS + 5]
    assert table.flags is QuoteFlag.INDICATIVE
    assert assembler.pop_partials([KEY], NOW_NS + 9) == []


def test_a_contract_of_no_chain_is_not_taken() -> None:
    assert not ChainAssembler().take_change(Change(FIRST, NOW_NS, {"bid": 1.0}))


def test_an_answer_that_is_older_than_a_tick_does_not_take_it_back() -> None:
    assembler = assembled()
    assembler.take_change(Change(FIRST, NOW_NS + 50, {"bid": 1.5}))
    assembler.take_change(Change(CONTRACTS[1].key, NOW_NS + 10, {"bid": 1.6}))
    table = assembler.take_snapshot(KEY, snapshot(2.0, ts_event=NOW_NS + 20))
    assert list(table.columns["bid"]) == [1.5, 2.0, 2.0, 2.0]
    assert list(table.row_ts_event or ())[:2] == [NOW_NS + 50, NOW_NS + 20]
    assert table.ts_event == NOW_NS + 50
    table = assembler.take_snapshot(KEY, snapshot(3.0, ts_event=NOW_NS + 60))
    assert list(table.columns["bid"]) == [3.0] * 4


def test_each_column_has_its_own_time() -> None:
    assembler = assembled()
    assembler.take_change(Change(FIRST, NOW_NS + 10, {"bid": 1.5}))
    assembler.take_change(Change(FIRST, NOW_NS + 90, {"last": 1.4}))
    table = assembler.take_snapshot(KEY, snapshot(2.0, ts_event=NOW_NS + 50))
    assert (table.columns["bid"][0], table.columns["last"][0]) == (2.0, 1.4)


def test_after_a_gap_the_answer_is_right_whatever_ticks_said_before() -> None:
    assembler = assembled()
    assembler.take_change(Change(FIRST, NOW_NS + 50, {"bid": 1.5}))
    assembler.forget_ticks()
    table = assembler.take_snapshot(KEY, snapshot(2.0, ts_event=NOW_NS + 20))
    assert table.columns["bid"][0] == 2.0
    assert table.ts_event >= NOW_NS, "times of a chain never go back"


def test_times_of_one_chain_never_go_back() -> None:
    assembler = assembled()
    assembler.take_change(Change(FIRST, NOW_NS + 50, {"bid": 1.5}))
    (first,) = assembler.pop_partials([KEY], NOW_NS + 60)
    assembler.take_change(Change(CONTRACTS[1].key, NOW_NS + 20, {"bid": 1.5}))
    (second,) = assembler.pop_partials([KEY], NOW_NS + 60)
    assert (first.ts_event, second.ts_event) == (NOW_NS + 50, NOW_NS + 50)


def test_what_was_handed_out_does_not_change_afterwards() -> None:
    assembler = ChainAssembler()
    given = snapshot()
    handed = assembler.take_snapshot(KEY, given)
    assembler.take_change(Change(FIRST, NOW_NS + 5, {"bid": 9.0}))
    assert handed.columns["bid"] == array("d", [1.0] * 4)
    assert given.columns["bid"] == array("d", [1.0] * 4)


def test_contracts_that_are_gone_are_not_followed_any_more() -> None:
    assembler = assembled()
    assembler.take_change(Change(FIRST, NOW_NS + 5, {"bid": 9.0}))
    smaller = table_of(CONTRACTS[2:], {"bid": [1.0, 1.0]})
    assert len(assembler.take_snapshot(KEY, smaller)) == 2
    assert not assembler.take_change(Change(FIRST, NOW_NS + 9, {"bid": 9.0}))
    assembler.keep_only([])
    assert assembler.contracts(KEY) is None
    assert not assembler.take_change(Change(CONTRACTS[2].key, NOW_NS + 9, {"bid": 9.0}))
