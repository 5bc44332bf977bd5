"""Quotes of the underlyings at an instant."""

from __future__ import annotations

import numpy as np

from optix.adapters.market_data.sim.bars import History
from optix.adapters.market_data.sim.hashing import hash_bits, stream_key
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags

SOURCE = "sim"

_BOOK_NS = NANOSECONDS  # how long the sizes of a book stand
_PAUSE_SPREAD = 2.0  # spreads double outside the session


class Quotes:
    """Quotes as a function of name and instant."""

    def __init__(self, path: MarketPath, history: History, seed: int) -> None:
        self._path = path
        self._history = history
        self._seed = seed

    def at(self, name: SimulatedName, now_ns: int) -> Quote:
        """Return the quote of a name. The last price is the path itself, on the bid or the ask."""
        number = self._path.day_number(now_ns)
        day = self._history.live_day(name, now_ns)
        bits = int(hash_bits(stream_key(self._seed, "book", name.symbol), _book(now_ns))[0])
        half_cents = self._half_spread_cents(name, day.close, now_ns)
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
            previous_close=self._history.close(name, number - 1),
            volume=day.volume if traded else float("nan"),
            source=SOURCE,
            quality=Quality.SIMULATED,
            ts_event=now_ns,
            ts_received=now_ns,
            flags=quote_flags(bid, ask),
        )

    def _half_spread_cents(self, name: SimulatedName, price: float, now_ns: int) -> int:
        basis_points = 0.6 * name.spread
        if self._path.position(now_ns) % 2:
            basis_points *= _PAUSE_SPREAD
        return max(1, round(price * 100 * basis_points * 1e-4 / 2))


def _book(now_ns: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([now_ns // _BOOK_NS])
