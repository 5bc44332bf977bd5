"""The boards of the simulated market: what is listed on a date, laid out once for each day."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from optix.adapters.market_data.sim.chain import Board, BoardTerms
from optix.adapters.market_data.sim.listing import Listing, shares_of
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.sessions import ListedExpiration, SessionCalendar
from optix.kernel.instrument import ExerciseStyle, OptionContract, Right
from optix.kernel.roots import style_of
from optix.ports.market_data import ChainKey

_BOARDS_CACHED = 64


class Boards:
    """Makes boards and remembers the ones that were asked for last."""

    def __init__(
        self, path: MarketPath, sessions: SessionCalendar, listing: Listing, seed: int
    ) -> None:
        self._path, self._sessions, self._listing, self._seed = path, sessions, listing, seed
        self._known: OrderedDict[tuple[ChainKey, int], Board] = OrderedDict()

    def at(self, name: SimulatedName, key: ChainKey, now_ns: int) -> Board:
        """Return the board of one date as it is at an instant. Raises UnknownExpiration."""
        today = self._sessions.exchange_date(now_ns)
        listed = self._listing.on(name, key, today)
        number = self._path.day_number(now_ns)
        known = self._known.get((key, number))
        if known is not None:
            self._known.move_to_end((key, number))
            return known
        board = self._known[key, number] = self.make(name, listed, number)
        if len(self._known) > _BOARDS_CACHED:
            self._known.popitem(last=False)
        return board

    def of_day(
        self, name: SimulatedName, number: int, expirations: int | None = None
    ) -> list[Board]:
        """Return the boards of a session, nearest date first, without remembering them."""
        by_date: dict[object, list[ListedExpiration]] = {}
        for item in self._listing.listed(name, self._path.day(number)):
            by_date.setdefault(item.date, []).append(item)
        nearest = list(by_date.values())[:expirations]
        return [self.make(name, listed, number) for listed in nearest]

    def make(self, name: SimulatedName, listed: Sequence[ListedExpiration], number: int) -> Board:
        """Return the board of the AM and PM listings of one date on session `number`."""
        ladders: list[tuple[str, tuple[int, ...]]] = []
        for item in listed:
            ladders += self._listing.ladders(name, item, number).items()
        day = listed[0].date
        contracts = [
            OptionContract(root, day, right, milli)
            for root, strikes in ladders
            for milli in strikes
            for right in (Right.CALL, Right.PUT)
        ]
        counts = [2 * len(strikes) for _, strikes in ladders]
        roots = [root for root, _ in ladders]
        settles = [self._sessions.settles_at(root, day) for root in roots]
        stops = [self._sessions.last_trading_instant(root, day) for root in roots]
        terms = BoardTerms(
            name=name,
            contracts=contracts,
            settles_ns=np.repeat(settles, counts),
            last_trading_ns=np.repeat(stops, counts),
            shares=np.repeat([shares_of(name, root) for root in roots], counts),
            american=style_of(roots[0]) is ExerciseStyle.AMERICAN,
            expiration=day,
            cycle=listed[0].cycle,
        )
        return Board(self._path, self._seed, terms, number)
