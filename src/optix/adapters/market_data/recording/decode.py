"""Rows as updates, a row group at a time: columns become numbers at once, rows never one by one.

A recorded day is millions of contract rows. What is left to do for each update is to cut its part
out of the columns; what is left for each quote and each print is to make the object.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from optix.adapters.market_data.recording.schema import QUOTE_NUMBERS, Recorded
from optix.adapters.market_data.tables import Floats, column_of, instants_of
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, QuoteFlag, SecurityKind, TradingState, TradingStatus
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import FeedNotice, NoticeState

Ints = npt.NDArray[np.int64]

_KINDS = ("quote", "chain", "spot", "contract", "rejected", "notice", "trade", "status")
_QUOTE, _CHAIN, _SPOT, _CONTRACT, _REJECTED, _NOTICE, _TRADE, _STATUS = range(len(_KINDS))
_CONTRACT_COLUMNS = [
    "root",
    "expiration",
    "right",
    "strike_milli",
    "row_ts_event",
    *CHAIN_COLUMNS,
]
_EPOCH = date(1970, 1, 1)
_STRIKE_BITS, _DAY_BITS = 28, 17


class BadRow(ValueError):
    """A row that makes no sense. `row` is its place in the table that was being decoded."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row


class Decoder:
    """Decodes tables of rows. One for each reading: contracts are made once and then shared.

    With `quality` every quote, print and chain is marked with it instead of its own.
    """

    def __init__(self, quality: Quality | None = None) -> None:
        self._quality = quality
        self._contracts: dict[tuple[str, int, str, int], OptionContract] = {}

    def decode(self, table: pa.Table, cuts: list[int]) -> Iterator[Recorded]:
        """Yield the updates whose rows lie between each two of `cuts`. Raises BadRow."""
        return _Group(table, self).updates(cuts)

    def quality_of(self, word: str) -> Quality:
        recorded = Quality(word)
        return recorded if self._quality is None else self._quality

    def contract_of(self, root: str, day: int, right: str, strike_milli: int) -> OptionContract:
        key = (root, day, right, strike_milli)
        known = self._contracts.get(key)
        if known is None:
            expiration = _EPOCH + timedelta(days=day)
            known = OptionContract(root, expiration, Right(right), strike_milli)
            self._contracts[key] = known
        return known


class _Rows:
    """The rows of one kind, column by column. `places` are their places in the whole table."""

    def __init__(self, table: pa.Table, places: Ints) -> None:
        self.places = places
        whole = len(places) == len(table)
        self._table = table if whole else table.take(pa.array(places))

    def numbers(self, name: str, *, required: bool = True) -> Floats:
        column = self.column(name, required=required)
        result: Floats = column.to_numpy(zero_copy_only=False)
        return result

    def integers(self, name: str) -> Ints:
        column = self.column(name)
        if pa.types.is_date32(column.type):
            column = column.cast(pa.int32())
        result: Ints = column.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
        return result

    def texts(self, name: str, *, required: bool = True) -> list[Any]:
        result: list[Any] = self.column(name, required=required).to_pylist()
        return result

    def is_null(self, name: str) -> npt.NDArray[np.bool_]:
        result: npt.NDArray[np.bool_] = (
            self.column(name, required=False).is_null().to_numpy(zero_copy_only=False)
        )
        return result

    def coded(self, name: str) -> tuple[Ints, list[str]]:
        """Return a column of words as numbers and the words they stand for."""
        column = self.column(name)
        codes: Ints = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, column.dictionary.to_pylist()

    def words(self, name: str, meaning: Callable[[str], Any]) -> list[Any]:
        """Return what each word of a column means; each different one is asked for once."""
        codes, dictionary = self.coded(name)
        used = np.unique(codes)
        meanings: list[Any] = [None] * len(dictionary)
        for code in used.tolist():
            try:
                meanings[code] = meaning(dictionary[code])
            except ValueError as error:
                self._refuse(int(np.argmax(codes == code)), str(error))
        if len(codes) == 1:
            return [meanings[codes[0]]]
        return list(itemgetter(*codes.tolist())(meanings)) if len(codes) else []

    def enums(self, name: str, meaning: Callable[[Any], Any]) -> list[Any]:
        """Return what each text or number of a plain column means."""
        values = self.texts(name)
        known: dict[Any, Any] = {}
        for at, value in enumerate(values):
            if value not in known:
                try:
                    known[value] = meaning(value)
                except ValueError as error:
                    self._refuse(at, str(error))
        return [known[value] for value in values]

    def column(self, name: str, *, required: bool = True) -> Any:
        column = self._table.column(name).combine_chunks()
        if required and column.null_count:
            self._refuse(int(np.argmax(column.is_null())), f"{name} is missing")
        return column

    def _refuse(self, at: int, why: str) -> None:
        raise BadRow(int(self.places[at]), why)


class _Group:
    """A table of whole updates."""

    def __init__(self, table: pa.Table, decoder: Decoder) -> None:
        self._table = table
        self._decoder = decoder
        kind = table.column("kind").combine_chunks()
        words = kind.dictionary.to_pylist()
        numbers = np.array([_KINDS.index(w) if w in _KINDS else -1 for w in words] or [-1])
        self._kinds = numbers[kind.indices.to_numpy(zero_copy_only=False)]
        if (self._kinds < 0).any():
            raise BadRow(int(np.argmax(self._kinds < 0)), "a row of an unknown kind")
        self._at_ns: list[int] = table.column("at_ns").to_numpy().tolist()
        self._ranks: list[Ints] = [
            np.concatenate(([0], np.cumsum(self._kinds == number))) for number in range(len(_KINDS))
        ]

    def _rows(self, kind: int) -> _Rows:
        return _Rows(self._table, np.flatnonzero(self._kinds == kind))

    def updates(self, cuts: list[int]) -> Iterator[Recorded]:
        singles: dict[int, Iterator[Any]] = {
            _QUOTE: iter(self._quotes(_QUOTE)),
            _TRADE: iter(self._trades()),
            _STATUS: iter(self._statuses()),
            _NOTICE: iter(self._notices()),
        }
        chains = _Chains(self, self._decoder) if self._ranks[_CHAIN][-1] else None
        kinds = self._kinds.tolist()
        for begin, end in pairwise(cuts):
            kind = kinds[begin]
            if kind in singles and end - begin == 1:
                yield Recorded(self._at_ns[begin], next(singles[kind]), 1)
            elif kind == _CHAIN and chains is not None:
                table, mixed = chains.cut(begin, end)
                yield Recorded(self._at_ns[begin], table, end - begin, mixed)
            else:
                raise BadRow(begin, "rows in an unknown order")

    def count(self, kind: int, begin: int, end: int) -> int:
        return int(self._ranks[kind][end] - self._ranks[kind][begin])

    def first(self, kind: int, begin: int) -> int:
        """Return the number, among its kind, of the first row of `kind` from `begin` on."""
        return int(self._ranks[kind][begin])

    def _quotes(self, kind: int) -> list[Quote]:
        rows = self._rows(kind)
        columns = [
            rows.words("symbol", _text),
            rows.words("security_kind", SecurityKind),
            rows.words("source", _text),
            rows.words("quality", self._decoder.quality_of),
            rows.integers("ts_event").tolist(),
            rows.integers("ts_received").tolist(),
            rows.enums("flags", QuoteFlag),
            *(rows.numbers(name).tolist() for name in QUOTE_NUMBERS),
        ]
        names = ("symbol", "kind", "source", "quality", "ts_event", "ts_received", "flags")
        return [
            Quote(**dict(zip((*names, *QUOTE_NUMBERS), row, strict=True)))
            for row in zip(*columns, strict=True)
        ]

    def spots(self) -> list[Quote]:
        return self._quotes(_SPOT)

    def _trades(self) -> list[Trade]:
        if not self._ranks[_TRADE][-1]:
            return []
        rows = self._rows(_TRADE)
        columns = {
            "symbol": rows.words("symbol", _text),
            "source": rows.words("source", _text),
            "quality": rows.words("quality", self._decoder.quality_of),
            "action": rows.enums("code", TradeAction),
            "exchange": rows.words("exchange", str),
            "conditions": rows.words("conditions", str),
            **{
                name: rows.integers(name).tolist()
                for name in ("sequence", "refers_to", "ts_event", "ts_received")
            },
            **{name: rows.numbers(name).tolist() for name in ("price", "size", "bid", "ask")},
        }
        return [
            Trade(**dict(zip(columns, row, strict=True)))
            for row in zip(*columns.values(), strict=True)
        ]

    def _statuses(self) -> list[TradingStatus]:
        if not self._ranks[_STATUS][-1]:
            return []
        rows = self._rows(_STATUS)
        columns = (
            rows.words("symbol", _text),
            rows.words("source", _text),
            rows.enums("code", TradingState),
            rows.texts("reason"),
            rows.integers("ts_event").tolist(),
            rows.integers("ts_received").tolist(),
        )
        return [
            TradingStatus(
                symbol=symbol,
                source=source,
                state=state,
                reason=reason,
                ts_event=event,
                ts_received=received,
            )
            for symbol, source, state, reason, event, received in zip(*columns, strict=True)
        ]

    def _notices(self) -> list[FeedNotice]:
        rows = self._rows(_NOTICE)
        columns = (
            rows.enums("code", NoticeState),
            rows.texts("reason"),
            rows.integers("ts_event").tolist(),
            rows.texts("ts_from", required=False),  # version 1 had neither of these two
            rows.texts("symbols", required=False),
        )
        return [
            FeedNotice(
                state=state,
                reason=reason,
                ts_event=event,
                ts_from=since or 0,
                symbols=frozenset(symbols or ()),
            )
            for state, reason, event, since, symbols in zip(*columns, strict=True)
        ]

    def heads(self) -> list[dict[str, Any]]:
        """Return the first row of every chain."""
        rows = self._rows(_CHAIN)
        columns = {
            "underlying": rows.words("symbol", _text),
            "source": rows.words("source", _text),
            "quality": rows.words("quality", self._decoder.quality_of),
            "ts_event": rows.integers("ts_event").tolist(),
            "ts_received": rows.integers("ts_received").tolist(),
            "complete": rows.texts("complete"),
            "timed": (~rows.is_null("row_ts_event")).tolist(),
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def contract_rows(self) -> _Rows:
        return _Rows(
            self._table.select(_CONTRACT_COLUMNS), np.flatnonzero(self._kinds == _CONTRACT)
        )

    def rejections(self) -> list[RejectedRow]:
        rows = self._rows(_REJECTED)
        columns = (rows.texts(name) for name in ("raw", "code", "reason"))
        return [
            RejectedRow(raw=raw, code=code, reason=reason)
            for raw, code, reason in zip(*columns, strict=True)
        ]


class _Chains:
    """The chains of a group: its contract rows as columns, cut where an update asks for it."""

    def __init__(self, group: _Group, decoder: Decoder) -> None:
        self._group = group
        self._heads = group.heads()
        self._spots = group.spots()
        self._rejections = group.rejections()
        rows = group.contract_rows()
        self._columns = {name: rows.numbers(name, required=False) for name in CHAIN_COLUMNS}
        self._untimed = rows.is_null("row_ts_event")
        self._places = rows.places
        times = pc.fill_null(rows.column("row_ts_event", required=False), 0)
        self._times: Ints = times.to_numpy(zero_copy_only=False)
        self._days = rows.integers("expiration")
        self._turns = np.concatenate(([0, 0], np.cumsum(np.diff(self._days) != 0)))
        self._contracts = _contracts_of(rows, self._days, decoder)

    def cut(self, begin: int, end: int) -> tuple[ChainTable, bool]:
        """Return the chain of the rows begin to end, and whether it has several expirations."""
        group = self._group
        spots = group.count(_SPOT, begin, end)
        count = group.count(_CONTRACT, begin, end)
        rejected = group.count(_REJECTED, begin, end)
        head_end = begin + 1 + spots
        in_order = (
            group.count(_CHAIN, begin, end) == 1
            and spots <= 1
            and end - head_end == count + rejected
            and group.count(_SPOT, begin + 1, head_end) == spots
            and group.count(_CONTRACT, head_end, head_end + count) == count
        )
        if not in_order:
            raise BadRow(begin, "rows in an unknown order")
        head = dict(self._heads[group.first(_CHAIN, begin)])
        first = group.first(_CONTRACT, begin)
        part = slice(first, first + count)
        times: array[int] | None = None
        if head.pop("timed"):
            if self._untimed[part].any():
                raise BadRow(begin, "a contract has no time")
            times = instants_of(self._times[part])
        refused = group.first(_REJECTED, begin)
        table = ChainTable(
            **head,
            contracts=self._contracts[part].tolist(),
            columns={name: column_of(values[part]) for name, values in self._columns.items()},
            row_ts_event=times,
            spot=self._spots[group.first(_SPOT, begin)] if spots else None,
            rejected=self._rejections[refused : refused + rejected],
        )
        mixed = count > 1 and bool(self._turns[first + count] != self._turns[first + 1])
        return table, mixed


def _contracts_of(rows: _Rows, days: Ints, decoder: Decoder) -> npt.NDArray[np.object_]:
    """Return the contract of each row. Each different one is made once, however often it comes."""
    roots, root_names = rows.coded("root")
    rights, right_names = rows.coded("right")
    strikes = rows.integers("strike_milli")
    odd = (strikes <= 0) | (strikes >> _STRIKE_BITS != 0) | (days < 0) | (days >> _DAY_BITS != 0)
    if odd.any():
        raise BadRow(int(rows.places[np.argmax(odd)]), "a contract that cannot exist")
    codes = (roots * max(len(right_names), 1) + rights) << (_DAY_BITS + _STRIKE_BITS)
    codes |= (days << _STRIKE_BITS) | strikes
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    made = np.empty(len(first), dtype=np.object_)
    for at, row in enumerate(first.tolist()):
        root, right = root_names[roots[row]], right_names[rights[row]]
        try:
            made[at] = decoder.contract_of(_text(root), int(days[row]), right, int(strikes[row]))
        except ValueError as error:
            raise BadRow(int(rows.places[row]), str(error)) from error
    result: npt.NDArray[np.object_] = made[inverse]
    return result


def _text(value: str) -> str:
    if not value:
        raise ValueError("a name is missing")
    return value
