"""Questions to the store. Nothing here looks past the instant it is asked about.

Every answer reads the manifest first, then only files whose times fit, and within them only row
groups whose statistics fit. A file that the writer has joined with others in between is gone: then
the answer starts again with the new manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from optix.adapters.history import adjust, files
from optix.adapters.history.convert import (
    chains_of,
    floats_of,
    integers_of,
    quote_of,
    underlying_of_symbol,
)
from optix.adapters.history.layout import DAY_NS, PLACES, folder_of, name_of
from optix.adapters.history.manifest import MANIFEST, DataFile, Manifest
from optix.adapters.history.storage import Storage
from optix.kernel import limits
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.clock import to_ns
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import kind_of
from optix.ports.history import (
    ContractSeries,
    Dataset,
    DatasetName,
    DayRows,
    HistoryUnavailable,
    IvPoint,
)
from optix.ports.market_data import Bar, BarInterval, Bars

T = TypeVar("T")

NEW_YORK: Final = ZoneInfo("America/New_York")
# Open interest is published every session: older than the longest closure it is not told any more.
OPEN_INTEREST_AGE_NS: Final = 7 * DAY_NS
_CONTRACT: Final = ["expiration", "root", "right", "strike_milli"]
_MANIFESTS_MAX: Final = 4_096


class Reader:
    """Implements ports.history.HistoryReader. Made by `HistoryStore.reader`."""

    def __init__(
        self,
        storage: Storage,
        datasets: Mapping[DatasetName, Dataset],
        upgrades: files.Upgrades,
    ) -> None:
        self._storage = storage
        self._datasets = datasets
        self._upgrades = upgrades
        self._manifests: dict[tuple[DatasetName, str], tuple[object, Manifest]] = {}

    def chain_as_of(
        self,
        underlying: str,
        expiration: date | None,
        at_ns: int,
        *,
        since_ns: int,
        source: str | None = None,
    ) -> Sequence[ChainTable]:
        """See the port."""
        wanted = pl.col("ts_event").is_between(since_ns, at_ns)
        if expiration is not None:
            wanted &= pl.col("expiration") == expiration
        if source is not None:
            wanted &= pl.col("source") == source
        rows = self._read(
            DatasetName.OPTION_QUOTES, underlying, since_ns, at_ns, lambda rows: rows.filter(wanted)
        )
        if not rows.height:
            return []
        rows = _of_newest_source(rows)
        if not (rows["ts_event"] == rows["ts_event"][0]).all():
            rows = _last_of_each(rows)
        rows = self._with_open_interest(rows, underlying, at_ns)
        spot = self._spot(rows, underlying, since_ns, at_ns)
        return chains_of(rows, spot)

    def last_instant(self, underlying: str, at_ns: int) -> int | None:
        """See the port."""

        def newest() -> int | None:
            entries = self._manifest(DatasetName.OPTION_QUOTES, underlying).files
            best: int | None = None
            # Files in falling order of their end: the first that lies wholly before settles it.
            for entry in sorted(entries, key=lambda entry: entry.last, reverse=True):
                if entry.first > at_ns or (best is not None and entry.last <= best):
                    continue
                if entry.last <= at_ns:
                    found: int | None = entry.last
                else:
                    rows = self._scan(DatasetName.OPTION_QUOTES, underlying, [entry])
                    times = rows.select("ts_event").filter(pl.col("ts_event") <= at_ns)
                    found = times.max().collect().item()
                if found is not None and (best is None or found > best):
                    best = found
            return best

        return self._again(DatasetName.OPTION_QUOTES, underlying, newest)

    def contract_series(
        self, contract: OptionContract, *, start_ns: int, end_ns: int, source: str | None = None
    ) -> ContractSeries | None:
        """See the port."""
        wanted = (
            pl.col("ts_event").is_between(start_ns, end_ns)
            & (pl.col("expiration") == contract.expiration)
            & (pl.col("strike_milli") == contract.strike_milli)
            & (pl.col("right") == str(contract.right))
            & (pl.col("root") == contract.root)
        )
        if source is not None:
            wanted &= pl.col("source") == source
        rows = self._read(
            DatasetName.OPTION_QUOTES,
            underlying_of(contract.root),
            start_ns,
            end_ns,
            lambda rows: rows.filter(wanted),
        )
        if not rows.height:
            return None
        rows = rows.filter(pl.col("source") == _fullest_source(rows)).sort("ts_event")
        return ContractSeries(
            contract=contract,
            source=rows["source"][0],
            quality=Quality(rows["quality"][-1]),
            ts_event=integers_of(rows["ts_event"]),
            columns={name: floats_of(rows[name]) for name in (*CHAIN_COLUMNS, "spot")},
        )

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
        """See the port."""
        # An adjustment needs the last close before the first bar's own day at most: the bars
        # themselves have it, because what lies before the first bar is not adjusted.
        first, last = _midnight(start), _midnight(end + timedelta(days=1)) - 1
        wanted = (
            pl.col("ts_event").is_between(first, last)
            & (pl.col("interval") == str(interval))
            & (pl.col("symbol") == symbol)
            & pl.all_horizontal(pl.col(adjust.PRICES).is_not_null())
        )
        if source is not None:
            wanted &= pl.col("source") == source
        partition = underlying_of_symbol(symbol)
        rows = self._read(
            DatasetName.BARS, partition, first, last, lambda rows: rows.filter(wanted)
        )
        if not rows.height:
            return None
        rows = rows.filter(pl.col("source") == _fullest_source(rows)).sort("ts_event")
        prices = {name: rows[name].to_numpy() for name in adjust.PRICES}
        volumes = rows["volume"].fill_null(float("nan")).to_numpy()
        if adjusted_to is not None and partition == symbol:
            local = pl.from_epoch(rows["ts_event"], "ns").dt.replace_time_zone("UTC")
            days = local.dt.convert_time_zone(str(NEW_YORK)).dt.date().to_list()
            actions = self.corporate_actions(symbol, start=days[0], end=adjusted_to)
            price, volume = adjust.factors(days, prices["close"], actions, to=adjusted_to)
            prices = {name: values * price for name, values in prices.items()}
            volumes = volumes * volume
        columns = [rows["ts_event"].to_numpy(), *prices.values(), volumes]
        return Bars(
            symbol=symbol,
            interval=interval,
            source=rows["source"][0],
            quality=Quality(rows["quality"][-1]),
            adjusted=adjusted_to is not None,
            rows=_bars(columns),
        )

    def corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        """See the port."""
        rows = self._read(
            DatasetName.CORPORATE_ACTIONS,
            symbol,
            _days_ns(start),
            _days_ns(end),
            lambda rows: rows.filter(pl.col("ex_date").is_between(start, end)),
        )
        # Announced before estimated, then by name of the source: one action of a kind and day.
        rows = rows.with_columns(pl.col("estimated").fill_null(value=False)).sort(
            "ex_date", "kind", "estimated", "source"
        )
        rows = rows.unique(subset=["ex_date", "kind", "new_symbol"], keep="first").sort(
            "ex_date", "kind", "new_symbol"
        )
        return [
            CorporateAction(
                **{**row, "kind": ActionKind(row["kind"]), "new_symbol": row["new_symbol"] or ""}
            )
            for row in rows.to_dicts()
        ]

    def iv_history(self, underlying: str, *, start: date, end: date) -> Sequence[IvPoint]:
        """See the port."""
        rows = self._read(
            DatasetName.IV_HISTORY,
            underlying,
            _days_ns(start),
            _days_ns(end),
            lambda rows: rows.filter(pl.col("date").is_between(start, end)),
        ).sort("date", "measure", "tenor_days", "source")
        return [IvPoint(**{**row, "quality": Quality(row["quality"])}) for row in rows.to_dicts()]

    def days(self, dataset: DatasetName, name: str) -> Sequence[DayRows]:
        """See the port."""
        place = PLACES[dataset]
        if place.time is None:
            return []
        day = (
            pl.from_epoch(pl.col("ts_event"), "ns")
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(str(NEW_YORK))
            .dt.date()
            if place.time == "ts_event"
            else pl.col(place.time)
        )
        rows = self._read(
            dataset,
            name,
            None,
            None,
            lambda rows: rows.group_by(day.alias("date"), "source").agg(rows=pl.len()),
        ).sort("date", "source")
        return [DayRows(**row) for row in rows.to_dicts()]

    def names(self, dataset: DatasetName) -> Sequence[str]:
        """See the port."""
        return sorted(name_of(folder) for folder in self._storage.listed(str(dataset)))

    def _with_open_interest(self, rows: pl.DataFrame, underlying: str, at_ns: int) -> pl.DataFrame:
        """Put in what was published since a row, and by `at_ns`, where the store has it."""
        # The manifest speaks of sessions here, which are published on a later day.
        since = at_ns - OPEN_INTEREST_AGE_NS
        dates = rows["expiration"].unique()
        known = self._read(
            DatasetName.OPEN_INTEREST,
            underlying,
            since - OPEN_INTEREST_AGE_NS,
            at_ns,
            lambda found: found.filter(
                pl.col("ts_event").is_between(since, at_ns)
                & pl.col("expiration").is_in(dates.implode())
            ),
        )
        if not known.height:
            return rows
        last = known.sort("ts_event", "date", "source").unique(
            subset=_CONTRACT, keep="last", maintain_order=True
        )
        told = last.select(*_CONTRACT, told="open_interest", told_at="ts_event")
        newer = pl.col("open_interest").is_null() | (pl.col("told_at") > pl.col("ts_event"))
        return (
            rows.join(told, on=_CONTRACT, how="left", maintain_order="left")
            .with_columns(
                open_interest=pl.when(newer & pl.col("told").is_not_null())
                .then("told")
                .otherwise("open_interest")
            )
            .drop("told", "told_at")
        )

    def _spot(self, rows: pl.DataFrame, underlying: str, since_ns: int, at_ns: int) -> Quote | None:
        """Return the underlying as of then: its own quote, else the price beside the rows."""
        quotes = self._read(
            DatasetName.SECURITY_QUOTES,
            underlying,
            since_ns,
            at_ns,
            lambda found: found.filter(pl.col("ts_event").is_between(since_ns, at_ns)),
        )
        source = rows["source"][0]
        priced = rows.filter(pl.col("spot").is_not_null())
        beside = priced["ts_event"].max() if priced.height else None
        if quotes.height:
            own = (pl.col("source") == source).cast(pl.Int8)
            best = quotes.sort("ts_event", own).row(-1, named=True)
            if beside is None or best["ts_event"] >= beside:
                return quote_of(best)
        if beside is None:
            return None
        row = priced.filter(pl.col("ts_event") == beside).row(0, named=True)
        return Quote(
            symbol=underlying,
            kind=kind_of(underlying),
            last=row["spot"],
            source=source,
            quality=Quality(row["quality"]),
            ts_event=row["ts_event"],
            ts_received=row["ts_event"],
        )

    def _read(
        self,
        dataset: DatasetName,
        name: str,
        first: int | None,
        last: int | None,
        ask: Callable[[pl.LazyFrame], pl.LazyFrame],
    ) -> pl.DataFrame:
        """Return what `ask` makes of the files that reach into a span of time."""

        def read() -> pl.DataFrame:
            entries = [
                entry
                for entry in self._manifest(dataset, name).files
                if first is None or last is None or entry.overlaps(first, last)
            ]
            return ask(self._scan(dataset, name, entries)).collect()

        return self._again(dataset, name, read)

    def _again(self, dataset: DatasetName, name: str, read: Callable[[], T]) -> T:
        """Return what `read` gives, beginning anew where a file has gone meanwhile."""
        for _ in range(limits.HISTORY_READ_ATTEMPTS_MAX):
            try:
                return read()
            except FileNotFoundError:
                self._manifests.pop((dataset, name), None)
            except (OSError, pl.exceptions.PolarsError) as error:
                raise HistoryUnavailable(
                    f"The {dataset} of {name} in {self._storage.label} cannot be read: "
                    f"{str(error).splitlines()[0][:200]}"
                ) from error
        raise HistoryUnavailable(
            f"Files of the {dataset} of {name} in {self._storage.label} are missing.",
            next_step="Restore the folder from a backup, or remove this partition and import it.",
        )

    def _scan(self, dataset: DatasetName, name: str, entries: Sequence[DataFile]) -> pl.LazyFrame:
        return files.scan(self._storage, self._datasets[dataset], name, entries, self._upgrades)

    def _manifest(self, dataset: DatasetName, name: str) -> Manifest:
        key = (dataset, name)
        stamp = self._storage.stamp(f"{dataset}/{folder_of(name)}/{MANIFEST}")
        kept = self._manifests.get(key)
        if kept is not None and stamp is not None and kept[0] == stamp:
            return kept[1]
        manifest = files.load_manifest(self._storage, self._datasets[dataset], name)
        if len(self._manifests) >= _MANIFESTS_MAX:
            self._manifests.clear()
        self._manifests[key] = (stamp, manifest)
        return manifest


def _of_newest_source(rows: pl.DataFrame) -> pl.DataFrame:
    if rows["source"].n_unique() == 1:
        return rows
    by_source = rows.group_by("source").agg(last=pl.col("ts_event").max(), rows=pl.len())
    best = by_source.sort("last", "rows", "source", descending=[True, True, False])["source"][0]
    return rows.filter(pl.col("source") == best)


def _fullest_source(rows: pl.DataFrame) -> str:
    if rows["source"].n_unique() == 1:
        return str(rows["source"][0])
    counts = rows.group_by("source").agg(rows=pl.len())
    return str(counts.sort("rows", "source", descending=[True, False])["source"][0])


def _last_of_each(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("ts_event", maintain_order=True).unique(
        subset=_CONTRACT, keep="last", maintain_order=True
    )


def _bars(columns: Sequence[Any]) -> list[Bar]:
    kept = [np.asarray(column)[-limits.HISTORY_BARS_MAX :].tolist() for column in columns]
    return [
        Bar(ts_event=at, open=open_, high=high, low=low, close=close, volume=volume)
        for at, open_, high, low, close, volume in zip(*kept, strict=True)
    ]


def _midnight(day: date) -> int:
    return to_ns(datetime.combine(day, time(), tzinfo=NEW_YORK))


def _days_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_NS
