"""All contracts of one name that trade on one day, as columns across its expirations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optix.adapters.market_data.sim.chain import Board
from optix.adapters.market_data.sim.hashing import Bools, Floats, Ints
from optix.kernel.instrument import OptionContract


class Universe:
    """Contracts in the order of their boards: call and put of a strike are neighbours."""

    def __init__(self, boards: Sequence[Board]) -> None:
        assert boards, "a tape needs contracts"
        self.boards = tuple(boards)
        self.name = boards[0].name
        self.contracts: list[OptionContract] = [c for b in boards for c in b.contracts]
        counts = [len(board.contracts) for board in boards]
        self.starts: Ints = np.concatenate(([0], np.cumsum(counts)))
        self.board_of: Ints = np.repeat(np.arange(len(boards)), counts)
        roots = {root: at for at, root in enumerate(dict.fromkeys(c.root for c in self.contracts))}
        root_of = np.array([roots[contract.root] for contract in self.contracts])
        self.ladder_of: Ints = self.board_of * len(roots) + root_of
        self.tradable: Bools = np.concatenate([board.tradable for board in boards])
        self.volume: Floats = np.concatenate([board.day_volume for board in boards])
        self.open_interest: Ints = _whole([board.open_interest for board in boards])
        self.change: Ints = _whole([board.change for board in boards])
        self.exercised: Ints = _whole([board.interest.exercised for board in boards])
        self._places: dict[tuple[int, int, int], int] = {}

    def __len__(self) -> int:
        return len(self.contracts)

    def same_ladder(self, left: Ints, right: Ints) -> Bools:
        """Say which pairs are two contracts of one root and date; a place outside is none."""
        inside = (right >= 0) & (right < len(self))
        other = np.where(inside, right, 0)
        result: Bools = inside & (self.ladder_of[left] == self.ladder_of[other])
        return result

    def later(self, place: int) -> int | None:
        """Return the contract of the same strike and right on the next date, if there is one."""
        if not self._places:
            for at, contract in enumerate(self.contracts):
                key = (int(self.board_of[at]), contract.strike_milli, at % 2)
                self._places.setdefault(key, at)
        strike = self.contracts[place].strike_milli
        return self._places.get((int(self.board_of[place]) + 1, strike, place % 2))

    def quotes(self, places: Ints, instants_ns: Ints) -> tuple[Floats, Floats]:
        """Return bid and ask of contracts, each at its own instant."""
        bid, ask = np.zeros(len(places)), np.zeros(len(places))
        of = self.board_of[places]
        for number in np.unique(of).tolist():
            held = np.flatnonzero(of == number)
            rows = places[held] - self.starts[number]
            bid[held], ask[held] = self.boards[number].quotes(rows, instants_ns[held])
        return bid, ask


def _whole(columns: Sequence[Floats]) -> Ints:
    result: Ints = np.concatenate(columns).astype(np.int64)
    return result
