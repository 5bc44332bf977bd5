"""Updates fall apart into expirations: every row once, in order, and the same way each time."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, table_of

from optix.features.market.chain_parts import COLUMN, PartsMaker, joined, take_rows
from optix.kernel import limits
from optix.kernel.instrument import OptionContract, Right

LATER = date(2027, 1, 15)


class TestSplitting:
    def test_each_expiration_gets_its_rows_and_none_is_lost(self) -> None:
        later = [OptionContract("SPY", LATER, Right.CALL, k * 1000) for k in (590, 600)]
        contracts = [later[0], *SMALL_CONTRACTS, later[1]]
        table = table_of(contracts, {"bid": [1.0, *SMALL_BIDS, 2.0]})
        table = replace(table, row_ts_event=array("q", range(len(contracts))))
        parts = PartsMaker().parts_of(table)
        assert [part.expiration for part in parts] == [EXPIRATION, LATER]
        assert list(parts[1].listing.contracts) == later
        assert parts[1].values[COLUMN["bid"]].tolist() == [1.0, 2.0]
        assert parts[1].ts_event.tolist() == [0, 7]
        assert sum(len(part.listing) for part in parts) == len(contracts)

    def test_a_table_without_contracts_is_no_chain(self) -> None:
        assert PartsMaker().parts_of(table_of([])) == []

    @given(st.permutations(range(len(SMALL_CONTRACTS))))
    def test_the_order_of_the_source_does_not_matter(self, order: list[int]) -> None:
        contracts = [SMALL_CONTRACTS[row] for row in order]
        table = table_of(contracts, {"bid": [SMALL_BIDS[row] for row in order]})
        [part] = PartsMaker().parts_of(table)
        [sorted_part] = PartsMaker().parts_of(table_of(SMALL_CONTRACTS, {"bid": SMALL_BIDS}))
        assert part.listing.contracts == sorted_part.listing.contracts
        assert part.values[0].tolist() == sorted_part.values[0].tolist()


class TestRemembering:
    def test_the_same_contracts_have_one_listing_and_numbers_of_their_own(self) -> None:
        maker = PartsMaker()
        [first] = maker.parts_of(table_of(SMALL_CONTRACTS, {"bid": SMALL_BIDS}))
        [again] = maker.parts_of(table_of(list(SMALL_CONTRACTS), {"bid": SMALL_BIDS}))
        assert again.listing is first.listing
        again.values[:] = 0.0
        assert first.values[0].tolist() == SMALL_BIDS

    def test_others_between_the_same_ends_are_others(self) -> None:
        maker = PartsMaker()
        one = [SMALL_CONTRACTS[0], SMALL_CONTRACTS[2], SMALL_CONTRACTS[5]]
        other = [SMALL_CONTRACTS[0], SMALL_CONTRACTS[3], SMALL_CONTRACTS[5]]
        [first] = maker.parts_of(table_of(one))
        [second] = maker.parts_of(table_of(other))
        assert list(first.listing.contracts) == one
        assert list(second.listing.contracts) == other

    def test_what_was_not_seen_of_late_is_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "CHAINS_KEPT_MAX", limits.CHAINS_KEPT_MAX // 500)
        maker = PartsMaker()
        for strike in range(600, 610):
            maker.parts_of(table_of(contracts_of([strike])))
        assert len(maker._plans) == 2


def test_joined_parts_have_every_contract_once_and_the_newer_numbers() -> None:
    maker = PartsMaker()
    [old] = maker.parts_of(table_of(SMALL_CONTRACTS, {"bid": SMALL_BIDS}))
    new_contracts = contracts_of([600, 620])
    [new] = maker.parts_of(
        table_of(new_contracts, {"bid": [1.0, 2.0, 3.0, 4.0]}, ts_event=NOW_NS + 1)
    )
    both = joined(old, new)
    strikes = [contract.strike for contract in both.listing.contracts]
    assert strikes == sorted(strikes)
    assert len(both.listing) == 8
    row = both.listing.index[new_contracts[0]]
    assert (both.values[0][row], both.ts_event[row]) == (1.0, NOW_NS + 1)


def test_rows_are_taken_in_the_order_given() -> None:
    table = replace(
        table_of(SMALL_CONTRACTS, {"bid": SMALL_BIDS}), row_ts_event=array("q", range(6))
    )
    taken = take_rows(table, [4, 1])
    assert list(taken.contracts) == [SMALL_CONTRACTS[4], SMALL_CONTRACTS[1]]
    assert list(taken.columns["bid"]) == [SMALL_BIDS[4], SMALL_BIDS[1]]
    assert list(taken.row_ts_event or ()) == [4, 1]
