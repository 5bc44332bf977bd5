"""Slots of streamed chains: what the fan-out holds is what the copy of the chain says."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from tests.fixtures.chains import EXPIRATION
from tests.fixtures.travelling import rows_of, travelling

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.chain_slots import ChainSlots, ListedChains, Surroundings
from optix.kernel import limits
from optix.platform.fanout.core import FanOut
from optix.platform.fanout.fan import new_fan
from optix.platform.fanout.rows import decode_chain
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)
HEADER = {"source": "test", "quality": "realtime", "as_of": 5, "received": 6, "roots": []}


def row(position: int, bid: float) -> list[Any]:
    numbers = [bid + 0.25, 1.0, 2.0, bid, 7.0, 0.25, 0.5, 0.125, -0.5, None, 0.5]
    return [position, bid, *numbers, "ok", 0, 1_795_000_000_000]


def replica_of(bids: list[float], *, first_strike: float = 590.0, **header: Any) -> ChainReplica:
    strikes = [first_strike + 10 * n for n in range(len(bids))]
    body = {
        "e": "e",
        "s": 7,
        "h": HEADER | header,
        "contracts": [[f"K{strike}", "SPY", "C", strike, 10.0, None] for strike in strikes],
        "rows": travelling([row(n, bid) for n, bid in enumerate(bids)]),
        "rejected": [],
    }
    return ChainReplica.load(KEY, body)


class World:
    """A fan with a chain of three contracts whose underlying has a quote."""

    def __init__(self) -> None:
        self.fan: FanOut = new_fan(
            wheel_slices=8, stalled_ms_max=1000, control_bytes_max=limits.SOCKET_CONTROL_BYTES_MAX
        )
        self.spot = self.fan.add_slot()
        self.fan.set(self.spot, b'["SPY",600.0]', b"")
        self.listed = ListedChains(self.fan)
        self.replica = replica_of([1.5, 2.5, 3.5])
        self.money: float | None = 600.0

    def open(self, *columns: str) -> ChainSlots:
        around = Surroundings(self.spot, lambda: self.money, lambda: 15)
        return self.listed.open(self.replica, columns, around)

    def change(self, *rows: list[Any], header: Any = None) -> None:
        body = {"s": self.replica.sequence + 1, "h": header, "r": travelling(rows)}
        positions = self.replica.apply(body)
        self.listed.change(KEY, positions, header=header is not None)

    def rows(self, slots: ChainSlots) -> list[Any]:
        return [orjson.loads(self.fan.json(slot)) for slot in slots.slots]

    def binary(self, slots: ChainSlots) -> list[list[Any]]:
        rows = b"".join(self.fan.binary(slot) for slot in slots.slots)
        return decode_chain(rows, status=wire.STATUS_WORDS)


@pytest.fixture
def world() -> World:
    return World()


class TestRows:
    def test_every_contract_has_its_row_in_both_layouts(self, world: World) -> None:
        slots = world.open()
        assert slots.columns == wire.CHAIN_ROW_COLUMNS
        assert world.rows(slots) == rows_of(world.replica.columns)
        assert world.binary(slots) == rows_of(world.replica.columns)
        assert slots.strikes.tolist() == [590.0, 600.0, 610.0]
        assert slots.contracts is world.replica.contracts

    def test_a_change_goes_to_its_slots_alone(self, world: World) -> None:
        slots = world.open()
        before = world.fan.sequence
        world.change(row(2, 9.5), row(0, 8.5))
        changed = [world.fan.sequence_of(slot) > before for slot in slots.slots]
        assert changed == [True, False, True]
        assert world.rows(slots) == world.binary(slots) == rows_of(world.replica.columns)

    def test_json_has_the_columns_that_were_asked_for_in_their_order(self, world: World) -> None:
        slots = world.open("delta", "bid", "no column", "as_of", "bid")
        assert slots.columns == ("i", "bid", "delta", "as_of")
        whole = rows_of(world.replica.columns)
        assert world.rows(slots) == [[r[0], r[1], r[8], r[15]] for r in whole]
        assert world.binary(slots) == whole

    @pytest.mark.parametrize("columns", [("i",), ("no column",), ()])
    def test_no_column_at_all_is_every_column(self, world: World, columns: tuple[str]) -> None:
        assert world.open(*columns).columns == wire.CHAIN_ROW_COLUMNS

    def test_the_same_columns_are_the_same_slots(self, world: World) -> None:
        assert world.open("bid", "ask") is world.open("ask", "bid")
        assert world.open("bid").slots != world.open("ask").slots

    def test_a_change_goes_to_every_set_of_columns(self, world: World) -> None:
        narrow, whole = world.open("bid"), world.open()
        world.change(row(1, 9.5))
        assert world.rows(narrow)[1] == [1, 9.5]
        assert world.rows(whole)[1] == row(1, 9.5)

    def test_beyond_so_many_sets_of_columns_all_are_sent(self, world: World) -> None:
        names = wire.CHAIN_ROW_COLUMNS[1 : limits.CHAIN_COLUMN_SETS_MAX + 1]
        narrow = [world.open(name) for name in names]
        assert all(len(slots.columns) == 2 for slots in narrow)
        more = world.open("as_of")
        assert more.columns == wire.CHAIN_ROW_COLUMNS
        assert world.open() is more
        assert world.open(names[0]) is narrow[0]


class TestHeader:
    def head(self, slots: ChainSlots, positions: list[int]) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(slots.head(positions))
        return found

    def test_a_snapshot_says_what_the_document_promises(self, world: World) -> None:
        assert self.head(world.open("bid"), [0, 2]) == {
            "kind": "chain",
            "underlying": "SPY",
            "expiration": EXPIRATION.isoformat(),
            "source": "test",
            "quality": "realtime",
            "delay_seconds": 15,
            "as_of": 5,
            "spot": ["SPY", 600.0],
            "roots": [],
            "contracts": [
                [0, "K590.0", "SPY", "C", 590.0, 10.0, None],
                [2, "K610.0", "SPY", "C", 610.0, 10.0, None],
            ],
            "columns": ["i", "bid"],
        }

    def test_it_is_as_the_chain_and_the_spot_are_now(self, world: World) -> None:
        slots = world.open()
        world.change(header=HEADER | {"as_of": 9, "roots": [{"root": "SPY"}]})
        world.fan.set(world.spot, b'["SPY",601.0]', b"")
        head = self.head(slots, [])
        assert (head["as_of"], head["roots"]) == (9, [{"root": "SPY"}])
        assert (head["spot"], head["contracts"]) == (["SPY", 601.0], [])

    def test_a_spot_that_is_not_known_is_null(self, world: World) -> None:
        world.fan.clear(world.spot)
        world.money = None
        slots = world.open()
        assert self.head(slots, [])["spot"] is None
        assert slots.money() is None

    def test_the_money_is_asked_for_now(self, world: World) -> None:
        slots = world.open()
        world.money = 612.5
        assert slots.money() == 612.5

    def test_only_fields_that_changed_are_set_again(self, world: World) -> None:
        world.open()
        before = world.fan.sequence
        world.change(header=HEADER | {"as_of": 9})
        assert world.fan.sequence == before + 1


class TestListings:
    def test_the_same_contracts_loaded_anew_keep_their_slots(self, world: World) -> None:
        slots = world.open()
        before = world.fan.sequence
        again = replica_of([1.5, 9.5, 3.5], quality="delayed")
        assert not world.listed.replace(again)
        assert world.open() is slots
        changed = [world.fan.sequence_of(slot) > before for slot in slots.slots]
        assert changed == [False, True, False]
        assert orjson.loads(slots.head([]))["quality"] == "delayed"

    def test_other_contracts_have_other_slots_and_a_later_beginning(self, world: World) -> None:
        slots = world.open()
        seen = world.fan.sequence
        world.replica = replica_of([1.5, 2.5], first_strike=600.0)
        assert world.listed.replace(world.replica)
        again = world.open()
        assert again.listed > seen >= slots.listed
        assert world.rows(again) == rows_of(world.replica.columns)

    def test_a_chain_that_nobody_streams_has_no_slots(self, world: World) -> None:
        before = world.fan.sequence
        assert not world.listed.replace(world.replica)
        world.change(row(0, 5.0))
        assert world.fan.sequence == before
        assert world.listed.underlyings == set()

    def test_slots_go_when_nobody_follows_them(self, world: World) -> None:
        slots = world.open()
        follower = world.fan.add_slot()
        world.fan.set_parts(follower, [("x", slots.slots[1])])  # as a subscription does
        world.listed.drop(KEY)
        with pytest.raises(ValueError, match="no such slot"):
            world.fan.json(slots.slots[0])
        assert world.fan.json(slots.slots[1])
        world.fan.set_parts(follower, [])
        world.listed.sweep()
        with pytest.raises(ValueError, match="no such slot"):
            world.fan.json(slots.slots[1])
        world.fan.remove_slot(world.spot)  # no header has it any more

    def test_dropping_twice_or_what_is_not_there_is_nothing(self, world: World) -> None:
        world.open()
        world.listed.drop(KEY)
        world.listed.drop(KEY)
        assert KEY not in world.listed

    def test_positions_travel_as_numbers_whatever_their_type(self, world: World) -> None:
        slots = world.open("bid")
        world.listed.change(KEY, np.array([2], np.intp), header=False)
        assert world.rows(slots)[2] == [2, 3.5]
