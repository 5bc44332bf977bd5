"""The memory of the market: what is stored, who stores it, and how it is asked.

A *dataset* is a table with a fixed schema. Importers turn files into batches of rows, providers and
the daily capture give chains and quotes, and a store keeps them all: validated, each row once,
with the source beside it, readable as of any past instant without looking ahead.

A *record* is what becomes one stored row. A line with a call and a put side holds two records, a
document with a header quote and 400 contracts 401. For each file:

    records read = rows stored + rows that were there already + records rejected with a reason

Times are nanoseconds since the epoch, dates exchange dates, prices dollars per share, volatilities
fractions, Greeks in the conventions of `kernel.chain`. A missing number is null, never 0 or a
vendor's sentinel.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.corporate import CorporateAction
from optix.kernel.errors import InvalidInput, Unavailable
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality
from optix.ports.market_data import BarInterval, Bars

ColumnType = Literal["int", "float", "text", "date", "instant", "flag"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `instant` is int64 nanoseconds, `flag` a boolean."""

    name: str
    type: ColumnType
    required: bool = False


class DatasetName(StrEnum):
    OPTION_QUOTES = "option_quotes"
    SECURITY_QUOTES = "security_quotes"
    TRADES = "trades"
    BARS = "bars"
    OPEN_INTEREST = "open_interest"
    CORPORATE_ACTIONS = "corporate_actions"
    CONTRACTS = "contracts"
    EARNINGS = "earnings"
    RATES = "rates"
    SERIES = "series"
    CODES = "codes"
    IV_HISTORY = "iv_history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """`key` names the columns that make two rows the same row."""

    name: DatasetName
    columns: Sequence[Column]
    key: Sequence[str]
    version: int = 1


def _columns(text: str, *, required: bool = False) -> list[Column]:
    """Read `name:type` pairs."""
    parts = (pair.split(":") for pair in text.split())
    return [Column(name, kind, required) for name, kind in parts]  # type: ignore[arg-type]  # words above


_CONTRACT = _columns(
    "underlying:text root:text expiration:date right:text strike_milli:int", required=True
)
_ORIGIN = _columns("source:text quality:text", required=True)
_AT = _columns("ts_event:instant", required=True)
_NUMBERS = [Column(name, "float") for name in CHAIN_COLUMNS]

DATASETS: Final[Mapping[DatasetName, Dataset]] = {
    dataset.name: dataset
    for dataset in (
        # One row for each contract and instant. `spot` is the underlying's price beside the row.
        Dataset(
            name=DatasetName.OPTION_QUOTES,
            columns=[*_AT, *_CONTRACT, *_NUMBERS, *_columns("spot:float flags:int"), *_ORIGIN],
            key=["source", "ts_event", "root", "expiration", "right", "strike_milli"],
        ),
        Dataset(
            name=DatasetName.SECURITY_QUOTES,
            columns=[
                *_AT,
                *_columns("symbol:text kind:text", required=True),
                *_columns(
                    "bid:float ask:float bid_size:float ask_size:float last:float open:float "
                    "high:float low:float previous_close:float volume:float flags:int"
                ),
                *_ORIGIN,
            ],
            key=["source", "ts_event", "symbol"],
        ),
        # `symbol` is a security, or the OCC symbol of a contract without padding.
        Dataset(
            name=DatasetName.TRADES,
            columns=[
                *_AT,
                *_columns("underlying:text symbol:text price:float size:float", required=True),
                *_columns("exchange:text conditions:text sequence:int action:text refers_to:int"),
                *_columns("bid:float ask:float"),
                *_ORIGIN,
            ],
            key=["source", "ts_event", "symbol", "sequence", "price", "size", "exchange"],
        ),
        # Prices as traded on the day; adjustment happens when they are read.
        Dataset(
            name=DatasetName.BARS,
            columns=[
                *_AT,  # start of the bar
                *_columns("underlying:text symbol:text interval:text", required=True),
                *_columns("open:float high:float low:float close:float volume:float vwap:float"),
                *_columns("trades:int bid:float ask:float"),
                *_ORIGIN,
            ],
            key=["source", "ts_event", "symbol", "interval"],
        ),
        # `date` is the session at whose end it stood; `ts_event` when it was published.
        Dataset(
            name=DatasetName.OPEN_INTEREST,
            columns=[
                *_AT,
                *_columns("date:date", required=True),
                *_CONTRACT,
                *_columns("open_interest:float", required=True),
                *_ORIGIN,
            ],
            key=["source", "date", "root", "expiration", "right", "strike_milli"],
        ),
        Dataset(
            name=DatasetName.CORPORATE_ACTIONS,
            columns=[
                *_columns("symbol:text kind:text ex_date:date", required=True),
                *_columns("amount:float ratio:float new_symbol:text announced:date pay_date:date"),
                *_columns("estimated:flag"),
                *_columns("source:text", required=True),
            ],
            key=["source", "symbol", "kind", "ex_date", "new_symbol"],
        ),
        # What was listed, seen on `ts_event`.
        Dataset(
            name=DatasetName.CONTRACTS,
            columns=[
                *_AT,
                *_CONTRACT,
                *_columns("style:text settlement:text multiplier:float deliverable:text"),
                *_columns("source:text", required=True),
            ],
            key=["source", "ts_event", "root", "expiration", "right", "strike_milli"],
        ),
        Dataset(
            name=DatasetName.EARNINGS,
            columns=[
                *_columns("symbol:text date:date", required=True),
                *_columns("when:text"),  # before_open, after_close; null where not said
                *_columns("source:text", required=True),
            ],
            key=["source", "symbol", "date"],
        ),
        # A curve point as published: `convention` says par_bond, simple_360, continuous …
        Dataset(
            name=DatasetName.RATES,
            columns=_columns(
                "curve:text date:date tenor_days:int rate:float convention:text source:text",
                required=True,
            ),
            key=["source", "curve", "date", "tenor_days"],
        ),
        # Anything that is one number a day under a name: put/call ratios, futures curves.
        Dataset(
            name=DatasetName.SERIES,
            columns=_columns("name:text date:date value:float source:text", required=True),
            key=["source", "name", "date"],
        ),
        # Code tables and calendars of vendors and venues.
        Dataset(
            name=DatasetName.CODES,
            columns=[
                *_columns("table:text code:text", required=True),
                *_columns("name:text description:text"),
                *_columns("source:text", required=True),
            ],
            key=["source", "table", "code"],
        ),
        # What the daily capture makes of a chain; `tenor_days` 0 is not interpolated.
        Dataset(
            name=DatasetName.IV_HISTORY,
            columns=[
                *_AT,
                *_columns("underlying:text date:date measure:text tenor_days:int", required=True),
                *_columns("value:float", required=True),
                *_columns("quality:text source:text", required=True),
            ],
            key=["source", "date", "underlying", "measure", "tenor_days"],
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Records that were not stored, together: one reason, how many, and one of them to look at."""

    code: str  # stable, lower case with underscores
    reason: str  # one sentence
    count: int = 1
    example: str = ""  # the first of them as it stood, shortened


class Frame(Protocol):
    """What an importer hands over: a data frame of the library the adapters share."""

    @property
    def height(self) -> int: ...

    @property
    def columns(self) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBatch:
    """Some records of a file: what can be stored, and what cannot with why.

    `records` counts all of them: `rows.height` plus the counts of `rejected`. The columns of `rows`
    are those of the dataset that the file has; what is missing becomes null.
    """

    dataset: DatasetName
    rows: Frame
    records: int
    rejected: Sequence[Rejected] = field(default=())


class UnreadableFile(InvalidInput):
    """A file that is not of the format it looked like, is cut off, or is beyond a bound."""

    code = "unreadable_file"
    next_step = "Get the file again from where it came, or leave it out."


class Importer(Protocol):
    """Reads the files of one format. Implementations live in `adapters/imports`."""

    name: str  # stable: "cboe_csv"
    label: str  # for people: "Cboe quote table (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Tell from the name and the first bytes (unpacked) whether a file is of this format."""

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        """Read a file in batches of bounded size.

        Errors: UnreadableFile for what is no such file after all, or is cut off.
        """


class HistoryUnavailable(Unavailable):
    """The store cannot be read or written: the sentence says why."""

    code = "history_unavailable"
    next_step = "Correct what the sentence names and try again."


class HistoryBusy(Unavailable):
    """Another program writes the store. There is one writer at a time; readers never wait."""

    code = "history_busy"
    next_step = "Wait until that program has ended, then try again."


class HistoryTooNew(HistoryUnavailable):
    """Written by a newer OPTIX, whose meaning this one does not know."""

    code = "history_too_new"
    next_step = "Use the OPTIX that wrote it, or a later one."


class BadBatch(InvalidInput):
    """A batch that does not fit its dataset as a whole: a mistake of its importer."""

    code = "bad_batch"
    next_step = "Report the importer together with the file."


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReport:
    """What became of a batch: `records` = `stored` + `duplicates` + the counts of `rejected`."""

    dataset: DatasetName
    records: int
    stored: int
    duplicates: int
    rejected: Sequence[Rejected] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSeries:
    """The stored rows of one contract, oldest first. Columns are CHAIN_COLUMNS and `spot`."""

    contract: OptionContract
    source: str
    quality: Quality
    ts_event: array[int]
    columns: Mapping[str, array[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IvPoint:
    """One measure of one session. `tenor_days` 0 is not interpolated to a maturity."""

    underlying: str
    date: date
    measure: str
    tenor_days: int
    value: float
    ts_event: int
    quality: Quality
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """How many rows one exchange date has from one source."""

    date: date
    source: str
    rows: int


class HistoryReader(Protocol):
    """Reads the store. Blocking: an event loop calls it from a thread. Takes no lock.

    Every call: Errors: HistoryUnavailable, HistoryTooNew.
    """

    def chain_as_of(
        self,
        underlying: str,
        expiration: date | None,
        at_ns: int,
        *,
        since_ns: int,
        source: str | None = None,
    ) -> Sequence[ChainTable]:
        """Return what was known at `at_ns`: of each contract the last row in [since_ns, at_ns].

        One table for each expiration date, ascending; none where nothing is known. Of several
        sources the one with the newest row, then with the most rows. Open interest is what had
        been published by `at_ns`, the spot the underlying's last price by then.
        """

    def last_instant(self, underlying: str, at_ns: int) -> int | None:
        """Return when the newest chain row at or before `at_ns` was true; None without any."""

    def contract_series(
        self, contract: OptionContract, *, start_ns: int, end_ns: int, source: str | None = None
    ) -> ContractSeries | None:
        """Return the rows of one contract with start_ns <= ts_event <= end_ns, of one source."""

    def bars(
        self,
        symbol: str,
        interval: BarInterval,
        *,
        start: date,
        end: date,
        adjusted_to: date | None = None,
        source: str | None = None,
    ) -> Bars | None:
        """Return the stored bars of one source, at most `limits.HISTORY_BARS_MAX`, the latest.

        `adjusted_to` a date: prices and volumes are put on the footing of that date, by the splits
        and dividends that went ex after a bar and not after the date. Estimates never count.
        """

    def corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        """Return actions with start <= ex_date <= end, ascending, each once."""

    def iv_history(self, underlying: str, *, start: date, end: date) -> Sequence[IvPoint]:
        """Return the measures of the sessions with start <= date <= end, ascending."""

    def days(self, dataset: DatasetName, name: str) -> Sequence[DayRows]:
        """Return which exchange dates have rows of an underlying, symbol or other partition."""

    def names(self, dataset: DatasetName) -> Sequence[str]:
        """Return the underlyings or symbols that have rows in a dataset, in order."""


class HistoryWriter(Protocol):
    """Writes the store, as its only writer. Blocking.

    What `write` accepts is safe once `flush` (or the end of the writer) has returned. A writer that
    is cut off loses what came after its last flush and nothing else; writing it again is harmless.
    """

    def write(self, batch: ImportBatch) -> WriteReport:
        """Check, and take the rows that are not there yet. Errors: BadBatch."""

    def write_columns(
        self, dataset: DatasetName, columns: Mapping[str, Sequence[Any]]
    ) -> WriteReport:
        """Do the same with plain columns of equal length."""

    def write_chain(self, table: ChainTable) -> WriteReport:
        """Do the same with a chain; its spot is stored as a quote of the underlying."""

    def flush(self) -> None:
        """Make everything taken so far safe and visible."""


class HistoryKeeper(Protocol):
    """The store as its users get it."""

    @property
    def label(self) -> str:
        """Where it is, for sentences."""

    def reader(self) -> HistoryReader: ...

    def writing(self, who: str) -> AbstractContextManager[HistoryWriter]:
        """Be the one writer until the end. Errors: HistoryBusy, HistoryUnavailable."""
