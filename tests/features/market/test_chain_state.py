"""The feed's side of a chain: what an update does to it, and what of that is worth telling."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import date
from math import isnan, nan
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.chain_state import (
    ChainChanges,
    ChainState,
    round_significant,
    split_by_expiration,
)
from optix.features.market.pricing import price_chain
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import ChainTable, RejectedRow
from optix.kernel.instrument import OptionContract, Right
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)
LATER = date(2027, 1, 15)
SECOND = 1_000_000_000
BID, IV, VOLUME, AS_OF = (
    wire.CHAIN_ROW_COLUMNS.index(name) for name in ("bid", "iv", "volume", "as_of")
)
LISTED = ListedTerms()


def whole(**values: list[float]) -> ChainTable:
    numbers = {
        "bid": SMALL_BIDS,
        "ask": [bid + 0.1 for bid in SMALL_BIDS],
        "open_interest": [10.0] * len(SMALL_BIDS),
    }
    return table_of(SMALL_CONTRACTS, numbers | values, spot=spot_of())


def part(position: int, second: int = 1, **values: float) -> ChainTable:
    """Return an update of one contract that keeps its quote but for `values`."""
    bid = SMALL_BIDS[position]
    numbers = {"bid": bid, "ask": bid + 0.1, "open_interest": 10.0} | values
    return table_of(
        SMALL_CONTRACTS[position : position + 1],
        {name: [value] for name, value in numbers.items()},
        complete=False,
        ts_event=NOW_NS + second * SECOND,
    )


def publish(state: ChainState, *, now_ns: int = NOW_NS) -> ChainChanges | None:
    table = state.snapshot()
    pairs = {(contract.root, contract.expiration) for contract in table.contracts}
    terms = {pair: LISTED.terms_of(*pair) for pair in pairs}
    priced = price_chain(table, now_ns=now_ns, terms=terms, rate_fallback=0.04)
    return state.publish(table, priced, terms)


def dump(state: ChainState) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(orjson.dumps(state.dump("e")))
    return body


@pytest.fixture
def state() -> ChainState:
    """A chain that readers have."""
    state = ChainState.of(KEY, whole())
    first = publish(state)
    assert first is not None
    assert first.relisted
    return state


class TestOrder:
    def test_contracts_stand_by_strike_root_and_right(self) -> None:
        mixed = [
            *contracts_of([610, 590], root="SPXW"),
            *contracts_of([610, 590], root="SPX"),
        ]
        state = ChainState.of(ChainKey("SPX", EXPIRATION), table_of(mixed))
        told = [(c.strike, c.root, c.right) for c in state.table.contracts]
        assert told == sorted(told)

    def test_columns_follow_their_contracts(self) -> None:
        backwards = list(reversed(SMALL_CONTRACTS))
        table = table_of(backwards, {"bid": list(reversed(SMALL_BIDS))})
        state = ChainState.of(KEY, table)
        bids = dict(zip(state.table.contracts, state.table.columns["bid"], strict=True))
        assert bids == dict(zip(SMALL_CONTRACTS, SMALL_BIDS, strict=True))

    def test_every_row_gets_the_instant_of_its_table_or_its_own(self) -> None:
        assert list(ChainState.of(KEY, whole()).snapshot().row_ts_event or ()) == [NOW_NS] * 6
        own = replace(whole(), row_ts_event=array("q", range(6)))
        assert sorted(ChainState.of(KEY, own).snapshot().row_ts_event or ()) == list(range(6))


class TestMerging:
    def test_a_part_overwrites_its_rows_and_leaves_the_others(self, state: ChainState) -> None:
        state.merge(part(0, bid=23.0, volume=5.0))
        position = state.index[SMALL_CONTRACTS[0]]
        assert state.table.columns["bid"][position] == 23.0
        assert state.table.columns["volume"][position] == 5.0
        others = [b for n, b in enumerate(state.table.columns["bid"]) if n != position]
        assert sorted(others) == sorted(SMALL_BIDS[1:])
        stamps = state.table.row_ts_event
        assert stamps is not None
        assert stamps[position] == NOW_NS + SECOND
        assert state.table.ts_event == NOW_NS + SECOND

    def test_a_part_without_a_spot_keeps_the_spot(self, state: ChainState) -> None:
        state.merge(part(0))
        assert state.table.spot is not None
        state.merge(replace(part(0), spot=spot_of(price=601.0)))
        assert state.table.spot.last == 601.0

    def test_an_old_part_does_not_turn_the_clock_back(self, state: ChainState) -> None:
        state.merge(part(0, second=5))
        state.merge(part(1, second=2))
        assert state.table.ts_event == NOW_NS + 5 * SECOND
        new = contracts_of([620])
        state.merge(table_of(new, complete=False, ts_event=NOW_NS + 3 * SECOND))
        assert state.table.ts_event == NOW_NS + 5 * SECOND

    def test_a_part_with_a_new_contract_extends_the_chain(self, state: ChainState) -> None:
        new = contracts_of([600, 620])
        update = table_of(new, {"bid": [1.0, 2.0, 3.0, 4.0]}, complete=False)
        state.merge(update)
        assert len(state.table) == 8
        assert [state.table.columns["bid"][state.index[c]] for c in new] == [1.0, 2.0, 3.0, 4.0]
        assert state.table.columns["bid"][state.index[SMALL_CONTRACTS[0]]] == SMALL_BIDS[0]
        assert state.table.complete

    def test_a_whole_table_withdraws_what_it_does_not_name(self, state: ChainState) -> None:
        state.merge(table_of(SMALL_CONTRACTS[:2], {"bid": [1.0, 2.0]}))
        assert list(state.table.contracts) == SMALL_CONTRACTS[:2]
        assert set(state.index) == set(SMALL_CONTRACTS[:2])

    def test_rejected_rows_of_both_are_kept(self) -> None:
        bad = RejectedRow(raw="a", code="x", reason="A.")
        worse = RejectedRow(raw="b", code="x", reason="B.")
        state = ChainState.of(KEY, replace(whole(), rejected=[bad]))
        state.merge(table_of(contracts_of([620]), complete=False, rejected=[worse]))
        assert list(state.table.rejected) == [bad, worse]

    def test_a_snapshot_is_not_touched_by_what_comes_later(self, state: ChainState) -> None:
        snapshot = state.snapshot()
        state.merge(part(0, bid=99.0))
        assert 99.0 not in snapshot.columns["bid"]


class TestTelling:
    def test_the_same_again_is_not_told(self, state: ChainState) -> None:
        state.merge(whole())
        assert publish(state) is None
        assert state.sequence == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [("bid", 22.05), ("bid_size", 3.0), ("last", 22.0), ("volume", 1.0), ("volume", 0.0)],
    )
    def test_a_changed_quote_is_told_with_its_row_whole(
        self, state: ChainState, name: str, value: float
    ) -> None:
        moved: dict[str, Any] = {name: value}
        state.merge(part(0, **moved))
        changes = publish(state)
        assert changes is not None
        assert not changes.relisted
        rows = {row[0]: row for row in changes.rows}
        row = rows[state.index[SMALL_CONTRACTS[0]]]
        assert row[wire.CHAIN_ROW_COLUMNS.index(name)] == value
        assert row[AS_OF] == (NOW_NS + SECOND) // 1_000_000

    def test_a_quote_that_goes_away_is_a_change_and_is_null(self, state: ChainState) -> None:
        state.merge(part(0, bid=nan, ask=nan))
        changes = publish(state)
        assert changes is not None
        row = next(r for r in changes.rows if r[0] == state.index[SMALL_CONTRACTS[0]])
        assert isnan(row[BID])
        assert isnan(row[IV])
        assert row[wire.CHAIN_ROW_COLUMNS.index("status")] == "no_quote"
        assert orjson.loads(orjson.dumps(row))[BID] is None
        state.merge(part(0, second=2, bid=nan, ask=nan))
        again = publish(state)
        assert again is not None  # the header's instant moved
        assert again.rows == []  # what is missing still is missing, and no news

    def test_open_interest_is_told_by_a_new_listing(self, state: ChainState) -> None:
        state.merge(part(0, open_interest=11.0))
        changes = publish(state)
        assert changes is not None
        assert changes.relisted
        assert 11.0 in [contract[4] for contract in dump(state)["contracts"]]

    def test_a_contract_that_comes_or_goes_is_a_new_listing(self, state: ChainState) -> None:
        state.merge(table_of(contracts_of([620]), complete=False))
        more = publish(state)
        assert more is not None
        assert more.relisted
        state.merge(whole())
        less = publish(state)
        assert less is not None
        assert less.relisted
        assert less.sequence == 3

    def test_many_moves_too_small_to_tell_add_up_to_one_that_is_told(
        self, state: ChainState
    ) -> None:
        """Each second takes a little time value; no quote moves."""
        start = {row[0]: row[IV] for row in dump(state)["rows"]}
        told: list[int] = []
        for minute in range(1, 121):
            now_ns = NOW_NS + minute * 60 * SECOND
            changes = publish(state, now_ns=now_ns)
            told.append(len(changes.rows) if changes else 0)
        assert 0 in told  # a minute alone is not worth a row
        assert sum(told) > 0
        end = {row[0]: row[IV] for row in dump(state)["rows"]}
        fresh = ChainState.of(KEY, whole())
        publish(fresh, now_ns=NOW_NS + 120 * 60 * SECOND)
        truth = {row[0]: row[IV] for row in dump(fresh)["rows"]}
        for position, iv in truth.items():
            # Readers are never further off than what counts as a move.
            assert end[position] == pytest.approx(iv, rel=5e-4)
        assert end != start

    def test_what_readers_add_up_is_what_the_feed_keeps(self, state: ChainState) -> None:
        replica = ChainReplica.load(KEY, dump(state), 1)
        for step in range(1, 30):
            state.merge(part(step % 6, second=step, bid=SMALL_BIDS[step % 6] + step / 100))
            changes = publish(state, now_ns=NOW_NS + step * SECOND)
            assert changes is not None
            assert changes.sequence == replica.sequence + 1
            body = {"s": changes.sequence, "h": changes.header, "r": changes.rows}
            replica.apply(orjson.loads(orjson.dumps(body)), step + 1)
        kept = dump(state)
        assert replica.rows == kept["rows"]
        assert replica.header == kept["h"]

    def test_vendor_numbers_travel_beside_ours_only_where_there_are_any(
        self, state: ChainState
    ) -> None:
        width = len(wire.CHAIN_ROW_COLUMNS)
        assert {len(row) for row in dump(state)["rows"]} == {width}
        state.merge(whole(vendor_iv=[0.2, nan, nan, nan, nan, nan]))
        changed = ChainState.of(KEY, state.table)
        publish(changed)
        rows = dump(changed)["rows"]
        assert {len(row) for row in rows} == {width + len(wire.VENDOR_COLUMNS)}
        assert [row[width] for row in rows].count(0.2) == 1

    def test_the_kept_state_names_every_rejected_row(self) -> None:
        bad = RejectedRow(raw="SPY…", code="bad_strike", reason="The strike is no number.")
        state = ChainState.of(KEY, replace(whole(), rejected=[bad]))
        publish(state)
        assert dump(state)["rejected"] == [{"raw": bad.raw, "code": bad.code, "reason": bad.reason}]


class TestSplitting:
    def test_one_expiration_is_the_table_itself(self) -> None:
        table = whole()
        assert split_by_expiration(table) == {EXPIRATION: table}

    def test_each_expiration_gets_its_rows_and_none_is_lost(self) -> None:
        later = [OptionContract("SPY", LATER, Right.CALL, k * 1000) for k in (590, 600)]
        contracts = [later[0], *SMALL_CONTRACTS, later[1]]
        bids = [1.0, *SMALL_BIDS, 2.0]
        bad = RejectedRow(raw="?", code="x", reason="Unreadable.")
        table = table_of(contracts, {"bid": bids}, rejected=[bad], spot=spot_of())
        table = replace(table, row_ts_event=array("q", range(len(contracts))))
        parts = split_by_expiration(table)
        assert list(parts) == [EXPIRATION, LATER]
        assert list(parts[LATER].contracts) == later
        assert list(parts[LATER].columns["bid"]) == [1.0, 2.0]
        assert list(parts[LATER].row_ts_event or ()) == [0, 7]
        assert sum(len(p) for p in parts.values()) == len(contracts)
        assert [row for p in parts.values() for row in p.rejected] == [bad]
        assert all(p.spot is table.spot for p in parts.values())

    def test_a_table_without_contracts_is_no_chain(self) -> None:
        assert split_by_expiration(table_of([])) == {}


class TestRounding:
    @given(st.floats(min_value=-1e12, max_value=1e12, allow_nan=False, allow_subnormal=False))
    def test_seven_digits_are_kept(self, value: float) -> None:
        [rounded] = round_significant(np.array([value]))
        assert rounded == pytest.approx(value, rel=1e-6, abs=1e-290)

    def test_what_is_no_number_stays_none(self) -> None:
        rounded = round_significant(np.array([nan, 0.0, -0.0, 123456789.0]))
        assert isnan(rounded[0])
        assert list(rounded[1:]) == [0.0, 0.0, 123456800.0]
