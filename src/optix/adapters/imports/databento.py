"""Databento's DBN files of OPRA, and its lists of corporate actions.

Prices are in billionths, an undefined number has its own value, symbols stand in the file's head.
Quotes and bars of a single exchange are not the market's and are rejected; prints, consolidated
quotes, definitions and open interest are kept. Of a list of actions those that were withdrawn, or
whose kind is unknown, are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import databento_dbn as dbn
import orjson
import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.codes import DATABENTO_EXCHANGES, letters
from optix.adapters.imports.csv_text import first_lines
from optix.adapters.imports.files import read_whole, unpacked
from optix.adapters.imports.json_text import amount, member, names_of, shown
from optix.adapters.imports.prints import trade_batch
from optix.adapters.imports.quotes import impossible, option_batch
from optix.adapters.imports.records import Fault, Raw, at, make_batch, number, shortened
from optix.adapters.imports.securities import (
    action_batch,
    iso_date,
    rejections,
    whole_rejected,
)
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, ImportBatch, UnreadableFile

SOURCE: Final = "databento"
_MAGIC: Final = b"DBN"
_CHUNK: Final = 1024 * 1024
_BILLIONTH: Final = 1e-9
_UNDEFINED_PRICE: Final = dbn.UNDEF_PRICE
_TIME_MAX: Final = 1 << 62
_SPLITS: Final = {"FSPLT", "RSPLT", "SPLT", "CONSD"}
_WITHDRAWN: Final = {"D", "C"}  # deleted, cancelled


class DatabentoRecords:
    name = "databento_dbn"
    label = "Databento records (DBN)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its first bytes
        return head.startswith(_MAGIC)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        symbols: dict[int, str] = {}
        for records in _iter_records(path, symbols):
            kinds: dict[type, list[Any]] = {}
            for record in records:
                kinds.setdefault(type(record), []).append(record)
            for kind, same in kinds.items():
                yield self._batch(kind, same, symbols)

    def _batch(self, kind: type, records: list[Any], symbols: dict[int, str]) -> ImportBatch:
        if kind is dbn.TradeMsg:
            return _prints(records, symbols)
        if kind is dbn.MBP1Msg and records[0].action == dbn.Action.TRADE:
            return _prints(records, symbols)
        if kind in {dbn.CBBOMsg, dbn.CMBP1Msg}:
            return _quotes(records, symbols)
        if kind is dbn.InstrumentDefMsg:
            return _definitions(records)
        if kind is dbn.StatMsg:
            return self._interest(records, symbols)
        return _not_the_market(kind, records)

    def _interest(self, records: list[Any], symbols: dict[int, str]) -> ImportBatch:
        raw = _raw(
            records,
            symbols,
            ts=_stamp,
            interest=lambda record: record.quantity,
            kind=lambda record: int(record.stat_type),
        )
        day = times.exchange_date(pl.col("ts_event"))
        columns = {
            "ts_event": at("ts"),
            **contracts.of_symbol(at("symbol")),
            "open_interest": number("interest"),
        }
        marks = {
            "underlying": contracts.underlying_column(),
            "date": day.map_batches(
                lambda days: times.sessions_before(self._calendar, days), return_dtype=pl.Date
            ),
            "source": pl.lit(SOURCE),
            "quality": pl.lit(str(Quality.DELAYED)),
        }
        other = at("kind") != int(dbn.StatType.OPEN_INTEREST)
        faults = [
            Fault("other_statistic", "It is a statistic other than open interest.", other),
            times.undated(),
            contracts.malformed(),
            *impossible(frozenset(columns)),
        ]
        return make_batch(DatasetName.OPEN_INTEREST, raw, [columns, marks], faults)


class DatabentoActions:
    """Corporate actions and adjustment factors, one JSON object on each line."""

    name = "databento_actions"
    label = "Databento corporate actions (JSON lines)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        first = first_lines(head, 1)
        names = names_of(first[0].encode())[0] if first else frozenset()
        return {"event_id", "security_id", "ex_date"} <= names and bool(
            {"event", "event_type"} & names
        )

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        actions: list[CorporateAction] = []
        unknown: list[str] = []
        unreadable: list[str] = []
        for line in read_whole(path).splitlines():
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                unreadable.append(shortened(line.decode("utf-8", errors="replace")))
                continue
            action = _action(row)
            if action is None:
                unknown.append(shown(row))
            else:
                actions.append(action)
        broken = "The line is no JSON object."
        other = "It was withdrawn, has no symbol or date, or is of a kind that is not kept."
        yield action_batch(
            actions,
            [
                *rejections("not_a_row", broken, unreadable),
                *rejections("unknown_action", other, unknown),
            ],
        )


def _iter_records(path: Path, symbols: dict[int, str]) -> Iterator[list[Any]]:
    """Yield records in blocks; fills `symbols` with the symbol of each instrument on the way."""
    decoder = dbn.DBNDecoder()
    with unpacked(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            if not chunk:
                break
            decoded = _decoded(decoder, chunk, path)
            for entry in decoded:
                if isinstance(entry, dbn.Metadata):
                    symbols.update(_symbols(entry))
            records = [entry for entry in decoded if not isinstance(entry, dbn.Metadata)]
            if records:
                yield records
    if decoder.buffer():
        raise UnreadableFile(f"{path.name} ends within a record.")


def _decoded(decoder: dbn.DBNDecoder, chunk: bytes, path: Path) -> list[Any]:
    try:
        decoder.write(chunk)
        return list(decoder.decode())
    except (dbn.DBNError, ValueError) as error:
        raise UnreadableFile(f"{path.name} is no whole DBN file: {error}.") from error
    except BaseException as error:
        # A record shorter than its head says makes the decoder panic, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile(f"{path.name} is no whole DBN file: a record is malformed.") from error


def _symbols(head: Any) -> dict[int, str]:
    return {
        int(interval["symbol"]): symbol
        for symbol, intervals in head.mappings.items()
        for interval in intervals
        if str(interval["symbol"]).isdigit()
    }


def _raw(records: list[Any], symbols: dict[int, str], **columns: Callable[[Any], object]) -> Raw:
    frame = pl.DataFrame(
        {
            "@symbol": pl.Series([symbols.get(r.instrument_id) for r in records], dtype=pl.String),
            **{
                f"@{name}": pl.Series([read(record) for record in records], strict=False)
                for name, read in columns.items()
            },
        }
    )
    frame = frame.with_columns(pl.col(pl.Null).cast(pl.Float64))
    return Raw(frame, lambda place: str(records[place]))


def _stamp(record: Any) -> int | None:
    for instant in (record.ts_event, record.ts_recv):
        if instant < _TIME_MAX:  # an undefined one is far beyond
            return int(instant)
    return None


def _price(value: int) -> float | None:
    return None if value == _UNDEFINED_PRICE else value * _BILLIONTH


def _prints(records: list[Any], symbols: dict[int, str]) -> ImportBatch:
    raw = _raw(
        records,
        symbols,
        ts=_stamp,
        price=lambda record: _price(record.price),
        size=lambda record: record.size,
        sequence=lambda record: record.sequence,
        publisher=lambda record: record.publisher_id,
    )
    return trade_batch(
        raw,
        {
            "ts_event": at("ts"),
            **contracts.of_symbol(at("symbol")),
            "price": number("price").round(9),
            "size": number("size"),
            "sequence": at("sequence").cast(pl.Int64),
            "exchange": letters(at("publisher").cast(pl.Int64), DATABENTO_EXCHANGES, None),
        },
        source=SOURCE,
        quality=Quality.DELAYED,
    )


def _quotes(records: list[Any], symbols: dict[int, str]) -> ImportBatch:
    raw = _raw(
        records,
        symbols,
        ts=_stamp,
        bid=lambda record: _price(record.levels[0].bid_px),
        ask=lambda record: _price(record.levels[0].ask_px),
        bid_size=lambda record: record.levels[0].bid_sz,
        ask_size=lambda record: record.levels[0].ask_sz,
        last=lambda record: _price(record.price),
    )
    return option_batch(
        raw,
        {
            "ts_event": at("ts").cast(pl.Int64),
            **contracts.of_symbol(at("symbol")),
            **{
                name: number(name).round(9)
                for name in ("bid", "ask", "bid_size", "ask_size", "last")
            },
        },
        source=SOURCE,
        quality=Quality.DELAYED,
    )


def _definitions(records: list[Any]) -> ImportBatch:
    names = {record.instrument_id: record.raw_symbol for record in records}
    raw = _raw(records, names, ts=_stamp)
    columns = {"ts_event": at("ts"), **contracts.of_symbol(at("symbol"))}
    marks = {"underlying": contracts.underlying_column(), "source": pl.lit(SOURCE)}
    faults = [times.undated(), contracts.malformed()]
    return make_batch(DatasetName.CONTRACTS, raw, [columns, marks], faults)


def _not_the_market(kind: type, records: list[Any]) -> ImportBatch:
    bars = kind is dbn.OHLCVMsg
    dataset = DatasetName.BARS if bars else DatasetName.OPTION_QUOTES
    if bars or kind is dbn.MBP1Msg:
        reason = "It is of one exchange, not of the market."
        return whole_rejected(dataset, "one_exchange", reason, [str(r) for r in records])
    reason = f"A record of the kind {kind.__name__} is not kept."
    return whole_rejected(dataset, "other_record", reason, [str(r) for r in records])


def _action(row: object) -> CorporateAction | None:
    """Return the action of a row of either list, or None."""
    symbol = contracts.find_symbol(member(row, "symbol") or member(row, "local_code"))
    ex_date = iso_date(member(row, "ex_date"))
    kind = member(row, "event") or member(row, "event_type")
    status = {member(row, "event_action"), member(row, "global_status"), member(row, "status")}
    if symbol is None or ex_date is None or status & _WITHDRAWN:
        return None
    dates = {
        "announced": iso_date(member(row, "event_created_date")),
        "pay_date": iso_date(member(row, "payment_date")),
    }
    if kind in _SPLITS:
        before, after = amount(row, "ratio_old"), amount(row, "ratio_new")
        factor = amount(row, "factor")
        ratio = after / before if before > 0 and after > 0 else 1 / factor if factor > 0 else 0.0
        return _made(symbol, ActionKind.SPLIT, ex_date, ratio=ratio, **dates) if ratio else None
    if kind == "DIV":
        # The factor is what is left of a close of `close` dollars after the dividend.
        paid = round(amount(row, "close") * (1 - amount(row, "factor")), 6)
        if paid > 0:
            return _made(symbol, ActionKind.CASH_DIVIDEND, ex_date, amount=paid, **dates)
    return None


def _made(symbol: str, kind: ActionKind, ex_date: Any, **values: Any) -> CorporateAction:
    return CorporateAction(symbol=symbol, kind=kind, ex_date=ex_date, source=SOURCE, **values)
