"""The messages of the market on the bus: rows of numbers, written by the feed, read by the book.

A message is one JSON object, that of quotes with a batch of rows behind it. `k` names it:

- quotes: `{"k":"q","e":epoch,"b":n,"n":{symbol:number…}}`, a line feed, and a batch for
  `FanOut.set_many`, which no reader takes apart: see `quote_batches`. `n` numbers the symbols that
  this run of the feed names for the first time.
- changes of chains: `{"k":"u","e":epoch,"b":n,"c":[{"u","x","s","h","r":columns}…],
  "l":[[u,x,s]…]}`. `e` names the run of the feed, `b` counts its messages from 1, so that a reader
  sees a gap. `s` counts the states of one chain, `h` is its header or null when unchanged, `l`
  names chains whose listing changed with that state: readers of an older one load them anew.
- `{"k":"s",…}` the status of the feed, once a second, with the market clock.

A quote row is `QUOTE_COLUMNS` and what only readers of the bus need. Rows of a chain travel as
columns, which the feed writes from arrays without an object per row:
`{"i":positions,"q":[bid…,ask…,…],"a":[iv…,delta…,…],"t":status codes,"f":flags,"w":as_of,"v":[…]}`,
where `v` is null unless the provider has analytics of its own. They stay columns: `load_columns`.
NaN is written as null.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from datetime import date
from math import nan
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import orjson
from numpy.typing import NDArray

from optix.features.market.schemas import AnalyticsStatus
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.kernel.quote import (
    Quality,
    Quote,
    QuoteFlag,
    SecurityKind,
    TradingState,
)
from optix.platform.fanout.rows import new_rows
from optix.ports.market_data import ChainKey

QUOTE_COLUMNS: Final = (
    "symbol",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "last",
    "open",
    "high",
    "low",
    "previous_close",
    "volume",
    "as_of",
    "quality",
    "flags",
    "trading",
)
QUOTE_TAIL: Final = ("kind", "source", "received", "trading_reason")  # not told to clients
CHAIN_ROW_COLUMNS: Final = (
    "i",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "last",
    "volume",
    "iv",
    "delta",
    "gamma",
    "theta",
    "vega",
    "rho",
    "status",
    "flags",
    "as_of",
)
VENDOR_COLUMNS: Final = ("iv", "delta", "gamma", "theta", "vega", "rho", "price")
CONTRACT_COLUMNS: Final = ("key", "root", "right", "strike", "open_interest", "previous_close")
QUOTED_COLUMNS: Final = CHAIN_ROW_COLUMNS[1:7]
ANALYSED_COLUMNS: Final = CHAIN_ROW_COLUMNS[7:13]

QUOTES_HEAD: Final = b'{"k":"q",'  # how a message with quotes begins
QUALITY_WORDS: Final = tuple(Quality)  # codes of binary rows are places in these
TRADING_WORDS: Final = tuple(TradingState)
STATUS_WORDS: Final[tuple[AnalyticsStatus, ...]] = get_args(AnalyticsStatus)
ROWS: Final = new_rows(quality=QUALITY_WORDS, trading=TRADING_WORDS, status=STATUS_WORDS)

_NS_PER_MS: Final = 1_000_000


def new_epoch(clock: Clock) -> str:
    """Return the name of a run of the feed. That of a later run is greater."""
    return f"{clock.now_ns():016x}{secrets.token_hex(2)}"


def quote_topic(symbol: str) -> str:
    """Return the lease topic of one symbol's quote."""
    return f"q:{symbol}"


def chain_topic(key: ChainKey) -> str:
    """Return the lease topic of one expiration."""
    return f"c:{key.underlying}:{key.expiration.isoformat()}"


def chain_field(key: ChainKey) -> str:
    """Return the end of the cache key of one expiration."""
    return f"{key.underlying}.{key.expiration.isoformat()}"


def parse_topic(topic: str) -> str | ChainKey | None:
    """Return what a lease topic means: a symbol, a chain, or None for something unreadable."""
    kind, _, rest = topic.partition(":")
    if kind == "q" and rest:
        return rest
    if kind == "c":
        underlying, _, day = rest.rpartition(":")
        try:
            return ChainKey(underlying, date.fromisoformat(day)) if underlying else None
        except ValueError:
            return None
    return None


def load_quote(row: list[Any]) -> Quote:
    """Return the quote of a row: `QUOTE_COLUMNS`, then `QUOTE_TAIL`. Times are to the ms."""
    numbers = [nan if value is None else value for value in row[1:11]]
    return Quote(
        symbol=row[0],
        kind=SecurityKind(row[15]),
        bid=numbers[0],
        ask=numbers[1],
        bid_size=numbers[2],
        ask_size=numbers[3],
        last=numbers[4],
        open=numbers[5],
        high=numbers[6],
        low=numbers[7],
        previous_close=numbers[8],
        volume=numbers[9],
        source=row[16],
        quality=Quality(row[12]),
        ts_event=row[11] * _NS_PER_MS,
        ts_received=row[17] * _NS_PER_MS,
        flags=QuoteFlag(row[13]),
    )


def load_trading(row: list[Any]) -> tuple[TradingState | None, str]:
    """Return whether the security of such a row can be traded, and why not."""
    return (None if row[14] is None else TradingState(row[14])), row[18]


class ChainColumns(NamedTuple):
    """Rows of a chain as columns. NaN is what the source did not say.

    Shapes: positions, status, flags, as_of (rows,); quotes (6, rows): bid, ask, bid_size, ask_size,
            last, volume; analytics (6, rows): iv, delta, gamma, theta, vega, rho;
            vendor (columns of `VENDOR_COLUMNS`, rows), None where the provider has none.
    Units:  as_of in unix ms; `status` are places in `STATUS_WORDS`.
    """

    positions: NDArray[np.intp]
    quotes: NDArray[np.float64]
    analytics: NDArray[np.float64]
    status: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    as_of: NDArray[np.int64]
    vendor: NDArray[np.float64] | None

    def take(self, positions: NDArray[np.intp]) -> ChainColumns:
        """Return some rows, by where they stand here."""
        return ChainColumns(
            self.positions[positions],
            np.take(self.quotes, positions, axis=1),
            np.take(self.analytics, positions, axis=1),
            self.status[positions],
            self.flags[positions],
            self.as_of[positions],
            None if self.vendor is None else np.take(self.vendor, positions, axis=1),
        )


def load_columns(columns: dict[str, Any]) -> ChainColumns:
    """Return travelled columns as arrays."""
    rows, vendor = len(columns["i"]), columns["v"]
    return ChainColumns(
        np.array(columns["i"], np.intp),
        _matrix(columns["q"], len(QUOTED_COLUMNS), rows),
        _matrix(columns["a"], len(ANALYSED_COLUMNS), rows),
        np.array(columns["t"], np.uint8),
        np.array(columns["f"], np.uint8),
        np.array(columns["w"], np.int64),
        None if vendor is None else _matrix(vendor, len(VENDOR_COLUMNS), rows),
    )


def _matrix(columns: list[list[float | None]], width: int, rows: int) -> NDArray[np.float64]:
    return np.array(columns, np.float64).reshape(width, rows)  # None becomes NaN


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatusMessage:
    """What the feed says of itself once a second. Instants are unix ns; `sent` is wall time."""

    epoch: str
    state: str  # a FeedState of schemas.py
    source: str
    label: str
    quality: str
    delay_seconds: int
    notice: str
    reason: str
    since: int
    market: int  # the market clock when this was sent
    market_speed: float
    sent: int

    def market_now_ns(self, clock: Clock) -> int:
        """Return the market clock now: its last word carried forward at its speed.

        Carried for at most a few heartbeats: a dead feed's clock stands still.
        """
        elapsed_ns = max(0, min(clock.now_ns() - self.sent, 5 * NANOSECONDS))
        return self.market + int(elapsed_ns * self.market_speed)

    def dump(self) -> bytes:
        return orjson.dumps({"k": "s", **asdict(self)})


def load_status(body: dict[str, Any]) -> FeedStatusMessage:
    """Return the status message of a parsed bus message."""
    return FeedStatusMessage(**{name: value for name, value in body.items() if name != "k"})


def iso_ms(instant_ms: int) -> str:
    """Return RFC 3339 UTC of unix milliseconds."""
    return iso_ns(instant_ms * _NS_PER_MS)


def iso_ns(instant_ns: int) -> str:
    """Return RFC 3339 UTC of unix nanoseconds, to the millisecond."""
    return to_datetime(instant_ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")
