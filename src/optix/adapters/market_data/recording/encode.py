"""Updates as rows. Updates of one kind that follow each other become one batch of columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from optix.adapters.market_data.recording.schema import QUOTE_NUMBERS, SCHEMA, WORD
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.quote import Quote, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import FeedNotice, MarketUpdate


class Entry(NamedTuple):
    """An update with its place in the recording."""

    seq: int
    at_ns: int
    update: MarketUpdate


class _Place(NamedTuple):
    seq: Any  # one for all rows, or one for each
    at_ns: Any
    rows: int


def row_count(update: MarketUpdate) -> int:
    """Return how many rows an update takes."""
    if not isinstance(update, ChainTable):
        return 1
    return 1 + (update.spot is not None) + len(update.contracts) + len(update.rejected)


def encode(entries: Sequence[Entry]) -> list[pa.RecordBatch]:
    """Return the rows of `entries` in their order."""
    batches: list[pa.RecordBatch] = []
    for kind, group in groupby(entries, key=lambda entry: type(entry.update)):
        run = list(group)
        place = _Place([entry.seq for entry in run], [entry.at_ns for entry in run], len(run))
        updates: list[Any] = [entry.update for entry in run]
        if kind is Quote:
            batches.append(_batch(place, "quote", **_quote_columns(updates)))
        elif kind is Trade:
            batches.append(_batch(place, "trade", **_trade_columns(updates)))
        elif kind is TradingStatus:
            batches.append(_batch(place, "status", **_status_columns(updates)))
        elif kind is FeedNotice:
            batches.append(_batch(place, "notice", **_notice_columns(updates)))
        else:
            for entry in run:
                assert isinstance(entry.update, ChainTable), "an update of an unknown kind"
                batches += _chain_batches(entry.seq, entry.at_ns, entry.update)
    return batches


def _chain_batches(seq: int, at_ns: int, table: ChainTable) -> list[pa.RecordBatch]:
    one = _Place(seq, at_ns, 1)
    head = {
        "symbol": [table.underlying],
        "source": [table.source],
        "quality": [str(table.quality)],
        "ts_event": [table.ts_event],
        "ts_received": [table.ts_received],
        "complete": [table.complete],
        # Set where the contracts have times of their own, so that an empty table says it too.
        "row_ts_event": [None if table.row_ts_event is None else 0],
    }
    batches = [_batch(one, "chain", **head)]
    if table.spot is not None:
        batches.append(_batch(one, "spot", **_quote_columns([table.spot])))
    if table.contracts:
        batches.append(_contract_batch(seq, at_ns, table))
    if table.rejected:
        batches.append(
            _batch(
                _Place(seq, at_ns, len(table.rejected)),
                "rejected",
                raw=[row.raw for row in table.rejected],
                code=[row.code for row in table.rejected],
                reason=[row.reason for row in table.rejected],
            )
        )
    return batches


def _contract_batch(seq: int, at_ns: int, table: ChainTable) -> pa.RecordBatch:
    contracts = table.contracts
    times = table.row_ts_event
    return _batch(
        _Place(seq, at_ns, len(contracts)),
        "contract",
        root=[contract.root for contract in contracts],
        expiration=[contract.expiration for contract in contracts],
        right=[contract.right.value for contract in contracts],
        strike_milli=[contract.strike_milli for contract in contracts],
        row_ts_event=None if times is None else np.frombuffer(times, dtype=np.int64),
        **{name: np.frombuffer(table.columns[name]) for name in CHAIN_COLUMNS},
    )


def _quote_columns(quotes: Sequence[Quote]) -> dict[str, Any]:
    return {
        **_origin(quotes),
        "security_kind": [quote.kind.value for quote in quotes],
        "flags": [int(quote.flags) for quote in quotes],
        **{name: [getattr(quote, name) for quote in quotes] for name in QUOTE_NUMBERS},
    }


def _trade_columns(trades: Sequence[Trade]) -> dict[str, Any]:
    names = ("price", "size", "exchange", "conditions", "sequence", "refers_to", "bid", "ask")
    return {
        **_origin(trades),
        "code": [trade.action.value for trade in trades],
        **{name: [getattr(trade, name) for trade in trades] for name in names},
    }


def _origin(updates: Sequence[Quote] | Sequence[Trade]) -> dict[str, Any]:
    return {
        "symbol": [update.symbol for update in updates],
        "source": [update.source for update in updates],
        "quality": [update.quality.value for update in updates],
        "ts_event": [update.ts_event for update in updates],
        "ts_received": [update.ts_received for update in updates],
    }


def _status_columns(statuses: Sequence[TradingStatus]) -> dict[str, Any]:
    return {
        "symbol": [status.symbol for status in statuses],
        "source": [status.source for status in statuses],
        "code": [status.state.value for status in statuses],
        "reason": [status.reason for status in statuses],
        "ts_event": [status.ts_event for status in statuses],
        "ts_received": [status.ts_received for status in statuses],
    }


def _notice_columns(notices: Sequence[FeedNotice]) -> dict[str, Any]:
    return {
        "code": [notice.state.value for notice in notices],
        "reason": [notice.reason for notice in notices],
        "ts_event": [notice.ts_event for notice in notices],
        "ts_from": [notice.ts_from for notice in notices],
        # In order, so that the same notice is the same bytes.
        "symbols": [sorted(notice.symbols) for notice in notices],
    }


def _batch(place: _Place, kind: str, **columns: Any) -> pa.RecordBatch:
    count = place.rows
    arrays = []
    for entry in SCHEMA:
        if entry.name == "kind":
            arrays.append(_repeated_word(kind, count))
            continue
        values = getattr(place, entry.name) if entry.name in _Place._fields[:2] else None
        if isinstance(values, int):
            arrays.append(pa.array(np.full(count, values), entry.type))
            continue
        values = columns.get(entry.name) if values is None else values
        if values is None:
            arrays.append(pa.nulls(count, entry.type))
        elif entry.type == WORD:
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(WORD))
        else:
            arrays.append(pa.array(values, entry.type, from_pandas=False))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _repeated_word(word: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), pa.array([word]))
