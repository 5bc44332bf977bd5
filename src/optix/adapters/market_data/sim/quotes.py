"""Quotes of the underlyings at an instant."""

from __future__ import annotations

from math import exp

import numpy as np

from optix.adapters.market_data.sim.bars import History
from optix.adapters.market_data.sim.hashing import Bools, Floats, hash_bits, stream_key
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.span import as_instants
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags

SOURCE = "sim"

_BOOK_NS = NANOSECONDS  # how long the sizes of a book stand
_PAUSE_SPREAD = 2.0  # spreads double outside the session


class Quotes:
    """Quotes as a function of name and instant."""

    def __init__(self, path: MarketPath, history: History, seed: int) -> None:
        self._path = path
        self.history = history
        self._seed = seed

    def at(self, name: SimulatedName, now_ns: int) -> Quote:
        """Return the quote of a name. The last price is the path itself, on the bid or the ask."""
        number = self._path.day_number(now_ns)
        day = self.history.live_day(name, now_ns)
        bits = int(hash_bits(stream_key(self._seed, "book", name.symbol), _book(now_ns))[0])
        in_pause = self._path.in_pause(as_instants(now_ns))
        half_cents = int(half_spread_cents(name, np.array([day.close]), in_pause)[0])
        cents = round(day.close * 100)
        if name.kind is SecurityKind.INDEX:
            # An index is not traded: its bid and ask are indications around it, without sizes.
            bid, ask = cents - half_cents, cents + half_cents
        elif bits & 1:
            bid, ask = cents, cents + 2 * half_cents - 1
        else:
            bid, ask = cents - 2 * half_cents + 1, cents
        traded = name.kind is not SecurityKind.INDEX
        return Quote(
            symbol=name.symbol,
            kind=name.kind,
            bid=bid / 100,
            ask=ask / 100,
            bid_size=float(1 + (bits >> 8) % 9) if traded else float("nan"),
            ask_size=float(1 + (bits >> 16) % 9) if traded else float("nan"),
            last=day.close,
            open=day.open,
            high=day.high,
            low=day.low,
            previous_close=self._previous_close(name, number),
            volume=day.volume if traded else float("nan"),
            source=SOURCE,
            quality=Quality.SIMULATED,
            ts_event=now_ns,
            ts_received=now_ns,
            flags=quote_flags(bid, ask),
        )

    def _previous_close(self, name: SimulatedName, number: int) -> float:
        """Return yesterday's close in shares of today, as exchanges print it after a split."""
        close = self.history.close(name, number - 1)
        if not name.splits or number < 1:
            return close
        ratio = exp(self._path.split_shift(name, number) - self._path.split_shift(name, number - 1))
        return round(close * ratio, 2)


def half_spread_cents(name: SimulatedName, prices: Floats, in_pause: Bools) -> Floats:
    """Return half the spread of an underlying in whole cents, at least one."""
    basis_points = 0.6 * name.spread * np.where(in_pause, _PAUSE_SPREAD, 1.0)
    return np.maximum((prices * 100 * basis_points * 1e-4 / 2).round(), 1.0)


def _book(now_ns: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([now_ns // _BOOK_NS])
