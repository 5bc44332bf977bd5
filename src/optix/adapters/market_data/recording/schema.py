"""The columns of a recording, by version, and the errors of reading one."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from optix.kernel.chain import CHAIN_COLUMNS
from optix.kernel.errors import Conflict
from optix.ports.market_data import MarketUpdate, ProviderUnavailable

VERSION = b"2"
VERSION_KEY = b"optix.recording"
WORD = pa.dictionary(pa.int32(), pa.string())

QUOTE_NUMBERS = (
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
)
_NUMBERS = (*CHAIN_COLUMNS, *(name for name in QUOTE_NUMBERS if name not in CHAIN_COLUMNS))

_FIELDS_1 = (
    pa.field("seq", pa.int64(), nullable=False),
    pa.field("at_ns", pa.int64(), nullable=False),
    pa.field("kind", WORD, nullable=False),
    pa.field("symbol", WORD),
    pa.field("source", WORD),
    pa.field("quality", WORD),
    pa.field("security_kind", WORD),
    pa.field("ts_event", pa.int64()),
    pa.field("ts_received", pa.int64()),
    pa.field("complete", pa.bool_()),
    pa.field("flags", pa.int32()),
    pa.field("root", WORD),
    pa.field("expiration", pa.date32()),
    pa.field("right", WORD),
    pa.field("strike_milli", pa.int64()),
    pa.field("row_ts_event", pa.int64()),
    *(pa.field(name, pa.float64()) for name in _NUMBERS),
    pa.field("raw", pa.string()),
    # Of a rejected row; the state of a notice or of trading; the action of a print.
    pa.field("code", pa.string()),
    pa.field("reason", pa.string()),
)
_FIELDS_2 = (
    *_FIELDS_1,
    pa.field("price", pa.float64()),
    pa.field("size", pa.float64()),
    pa.field("exchange", WORD),
    pa.field("conditions", WORD),
    pa.field("sequence", pa.int64()),
    pa.field("refers_to", pa.int64()),
    pa.field("ts_from", pa.int64()),
    pa.field("symbols", pa.list_(pa.string())),
)
SCHEMAS = {
    b"1": pa.schema(_FIELDS_1, metadata={VERSION_KEY: b"1"}),
    VERSION: pa.schema(_FIELDS_2, metadata={VERSION_KEY: VERSION}),
}
SCHEMA = SCHEMAS[VERSION]


class UnreadableRecording(ProviderUnavailable):
    """A recording that cannot be played, with what is wrong with it."""

    code = "unreadable_recording"
    next_step = "Set OPTIX_REPLAY to another recording, or choose OPTIX_FEED=sim."


class RecordingExists(Conflict):
    """A file of that name is already there."""

    code = "recording_exists"
    next_step = "Choose another name, or move the old recording away."


class Recorded(NamedTuple):
    """An update and the market time at which it was delivered. `rows` are its rows in the file."""

    at_ns: int
    update: MarketUpdate
    rows: int
    mixed: bool = False  # a chain of several expirations
