"""The feed's side of a chain: what an update does to it, and what of that is worth telling."""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import date
from math import nan
from typing import Any

import orjson
import pytest
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures import travelling
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.chain_state import Beside, ChainChanges, ChainState
from optix.features.market.feed_state import FeedState, price_works
from optix.features.market.inputs import NoInputs
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import ChainTable, RejectedRow
from optix.kernel.instrument import OptionContract
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


class Chain:
    """One chain of a feed's state, with its clock in the hand of the test."""

    def __init__(self, table: ChainTable) -> None:
        self.now_ns = NOW_NS
        self.feed = FeedState(
            terms=ListedTerms(),
            inputs=NoInputs(0.04),
            market_now_ns=lambda: self.now_ns,
            wall_now_ns=lambda: self.now_ns,
            epoch="e",
        )
        self.merge(table)

    @property
    def state(self) -> ChainState:
        return self.feed.chains[KEY]

    @property
    def sequence(self) -> int:
        return self.state.sequence

    @property
    def contracts(self) -> list[OptionContract]:
        return list(self.state.listing.contracts)

    def at(self, contract: OptionContract) -> int:
        return self.state.listing.index[contract]

    def column(self, name: str) -> list[float]:
        values: list[float] = self.state.column(name).tolist()
        return values

    def merge(self, table: ChainTable) -> None:
        self.now_ns = max(self.now_ns, table.ts_event)
        self.feed.take_chain(table)

    def publish(self, *, now_ns: int = NOW_NS) -> ChainChanges | None:
        work = self.feed._work(KEY, self.state)
        work = work._replace(quotes=work.quotes._replace(now_ns=now_ns))
        [priced] = price_works([work])
        return self.state.publish(work.snapshot, priced, work.terms, Beside())

    def dump(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.feed.chain_body(KEY))
        return body | {"rows": travelling.travelled(body["rows"])}


def rows_of(changes: ChainChanges) -> list[list[Any]]:
    body = orjson.dumps(changes.columns, option=orjson.OPT_SERIALIZE_NUMPY)
    return travelling.travelled(orjson.loads(body))


@pytest.fixture
def state() -> Chain:
    """A chain that readers have."""
    state = Chain(whole())
    first = state.publish()
    assert first is not None
    assert first.relisted
    return state


class TestOrder:
    def test_contracts_stand_by_strike_root_and_right(self) -> None:
        mixed = [
            *contracts_of([610, 590], root="SPXW"),
            *contracts_of([610, 590], root="SPX"),
        ]
        state = Chain(table_of(mixed))
        told = [(c.strike, c.root, c.right) for c in state.contracts]
        assert told == sorted(told)

    def test_columns_follow_their_contracts(self) -> None:
        backwards = list(reversed(SMALL_CONTRACTS))
        table = table_of(backwards, {"bid": list(reversed(SMALL_BIDS))})
        state = Chain(table)
        bids = dict(zip(state.contracts, state.column("bid"), strict=True))
        assert bids == dict(zip(SMALL_CONTRACTS, SMALL_BIDS, strict=True))

    def test_every_row_gets_the_instant_of_its_table_or_its_own(self) -> None:
        assert Chain(whole()).state.snapshot().ts_rows.tolist() == [NOW_NS] * 6
        stamps = [NOW_NS - n for n in range(6)]
        own = replace(whole(), row_ts_event=array("q", stamps))
        assert sorted(Chain(own).state.snapshot().ts_rows.tolist()) == sorted(stamps)


class TestMerging:
    def test_a_part_overwrites_its_rows_and_leaves_the_others(self, state: Chain) -> None:
        state.merge(part(0, bid=23.0, volume=5.0))
        position = state.at(SMALL_CONTRACTS[0])
        assert state.column("bid")[position] == 23.0
        assert state.column("volume")[position] == 5.0
        others = [b for n, b in enumerate(state.column("bid")) if n != position]
        assert sorted(others) == sorted(SMALL_BIDS[1:])
        snapshot = state.state.snapshot()
        assert snapshot.ts_rows[position] == NOW_NS + SECOND
        assert snapshot.ts_event == NOW_NS + SECOND

    def test_a_part_without_a_spot_keeps_the_spot(self, state: Chain) -> None:
        state.merge(part(0))
        assert state.state.snapshot().spot == spot_of()
        state.merge(replace(part(0), spot=spot_of(price=601.0)))
        assert state.state.snapshot().spot == spot_of(price=601.0)

    def test_an_old_part_does_not_turn_the_clock_back(self, state: Chain) -> None:
        state.merge(part(0, second=5))
        state.merge(part(1, second=2))
        assert state.state.snapshot().ts_event == NOW_NS + 5 * SECOND
        new = contracts_of([620])
        state.merge(table_of(new, complete=False, ts_event=NOW_NS + 3 * SECOND))
        assert state.state.snapshot().ts_event == NOW_NS + 5 * SECOND

    def test_a_part_with_a_new_contract_extends_the_chain(self, state: Chain) -> None:
        new = contracts_of([600, 620])
        update = table_of(new, {"bid": [1.0, 2.0, 3.0, 4.0]}, complete=False)
        state.merge(update)
        assert len(state.contracts) == 8
        assert [state.column("bid")[state.at(c)] for c in new] == [1.0, 2.0, 3.0, 4.0]
        assert state.column("bid")[state.at(SMALL_CONTRACTS[0])] == SMALL_BIDS[0]

    def test_a_whole_table_withdraws_what_it_does_not_name(self, state: Chain) -> None:
        state.merge(table_of(SMALL_CONTRACTS[:2], {"bid": [1.0, 2.0]}))
        assert state.contracts == SMALL_CONTRACTS[:2]
        assert set(state.state.listing.index) == set(SMALL_CONTRACTS[:2])

    def test_rejected_rows_of_both_are_kept(self) -> None:
        bad = RejectedRow(raw="a", code="x", reason="A.")
        worse = RejectedRow(raw="b", code="x", reason="B.")
        state = Chain(replace(whole(), rejected=[bad]))
        state.merge(table_of(contracts_of([620]), complete=False, rejected=[worse]))
        assert list(state.state.snapshot().rejected) == [bad, worse]

    def test_a_snapshot_is_not_touched_by_what_comes_later(self, state: Chain) -> None:
        snapshot = state.state.snapshot()
        state.merge(part(0, bid=99.0))
        assert 99.0 not in snapshot.column("bid")
        assert 99.0 in state.column("bid")


class TestTelling:
    def test_the_same_again_is_not_told(self, state: Chain) -> None:
        state.merge(whole())
        assert state.publish() is None
        assert state.sequence == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [("bid", 22.05), ("bid_size", 3.0), ("last", 22.0), ("volume", 1.0), ("volume", 0.0)],
    )
    def test_a_changed_quote_is_told_with_its_row_whole(
        self, state: Chain, name: str, value: float
    ) -> None:
        moved: dict[str, Any] = {name: value}
        state.merge(part(0, **moved))
        changes = state.publish()
        assert changes is not None
        assert not changes.relisted
        rows = {row[0]: row for row in rows_of(changes)}
        row = rows[state.at(SMALL_CONTRACTS[0])]
        assert row[wire.CHAIN_ROW_COLUMNS.index(name)] == value
        assert row[AS_OF] == (NOW_NS + SECOND) // 1_000_000

    def test_a_quote_that_goes_away_is_a_change_and_is_null(self, state: Chain) -> None:
        state.merge(part(0, bid=nan, ask=nan))
        changes = state.publish()
        assert changes is not None
        row = next(r for r in rows_of(changes) if r[0] == state.at(SMALL_CONTRACTS[0]))
        assert row[BID] is None
        assert row[IV] is None
        assert row[wire.CHAIN_ROW_COLUMNS.index("status")] == "no_quote"
        state.merge(part(0, second=2, bid=nan, ask=nan))
        again = state.publish()
        assert again is not None  # the header's instant moved
        assert rows_of(again) == []  # what is missing still is missing, and no news

    def test_open_interest_is_told_by_a_new_listing(self, state: Chain) -> None:
        state.merge(part(0, open_interest=11.0))
        changes = state.publish()
        assert changes is not None
        assert changes.relisted
        assert 11.0 in [contract[4] for contract in state.dump()["contracts"]]

    def test_a_contract_that_comes_or_goes_is_a_new_listing(self, state: Chain) -> None:
        state.merge(table_of(contracts_of([620]), complete=False))
        more = state.publish()
        assert more is not None
        assert more.relisted
        state.merge(whole())
        less = state.publish()
        assert less is not None
        assert less.relisted
        assert less.sequence == 3

    def test_many_moves_too_small_to_tell_add_up_to_one_that_is_told(self, state: Chain) -> None:
        """Each second takes a little time value; no quote moves."""
        start = {row[0]: row[IV] for row in state.dump()["rows"]}
        told: list[int] = []
        for minute in range(1, 121):
            now_ns = NOW_NS + minute * 60 * SECOND
            changes = state.publish(now_ns=now_ns)
            told.append(len(rows_of(changes)) if changes else 0)
        assert 0 in told  # a minute alone is not worth a row
        assert sum(told) > 0
        end = {row[0]: row[IV] for row in state.dump()["rows"]}
        fresh = Chain(whole())
        fresh.publish(now_ns=NOW_NS + 120 * 60 * SECOND)
        truth = {row[0]: row[IV] for row in fresh.dump()["rows"]}
        for position, iv in truth.items():
            # Readers are never further off than what counts as a move.
            assert end[position] == pytest.approx(iv, rel=5e-4)
        assert end != start

    def test_what_readers_add_up_is_what_the_feed_keeps(self, state: Chain) -> None:
        replica = ChainReplica.load(KEY, orjson.loads(state.feed.chain_body(KEY)))
        for step in range(1, 30):
            state.merge(part(step % 6, second=step, bid=SMALL_BIDS[step % 6] + step / 100))
            changes = state.publish(now_ns=NOW_NS + step * SECOND)
            assert changes is not None
            assert changes.sequence == replica.sequence + 1
            told = {"s": changes.sequence, "h": changes.header, "r": changes.columns}
            body = orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
            replica.apply(orjson.loads(body))
        kept = state.dump()
        assert travelling.rows_of(replica.columns) == kept["rows"]
        assert replica.header == kept["h"]

    def test_vendor_numbers_travel_beside_ours_only_where_there_are_any(self, state: Chain) -> None:
        width = len(wire.CHAIN_ROW_COLUMNS)
        assert {len(row) for row in state.dump()["rows"]} == {width}
        changed = Chain(whole(vendor_iv=[0.2, nan, nan, nan, nan, nan]))
        changed.publish()
        rows = changed.dump()["rows"]
        assert {len(row) for row in rows} == {width + len(wire.VENDOR_COLUMNS)}
        assert [row[width] for row in rows].count(0.2) == 1

    def test_the_kept_state_names_every_rejected_row(self) -> None:
        bad = RejectedRow(raw="SPY…", code="bad_strike", reason="The strike is no number.")
        state = Chain(replace(whole(), rejected=[bad]))
        state.publish()
        assert state.dump()["rejected"] == [
            {"raw": bad.raw, "code": bad.code, "reason": bad.reason}
        ]
