"""Between the kernel's tables and data frames. NaN there is null here."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, QuoteFlag, SecurityKind, quote_flags
from optix.kernel.roots import underlying_of
from optix.kernel.trade import Trade

QUOTE_NUMBERS: Final = (
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
_TAIL: Final = 15  # characters of a contract's symbol after its root
_RIGHTS: Final = {str(right): right for right in Right}


def chain_rows(table: ChainTable) -> pl.DataFrame:
    """Return the rows of OPTION_QUOTES of a chain."""
    contracts = table.contracts
    times = table.row_ts_event
    numbers = {
        name: pl.Series(name, np.frombuffer(table.columns[name]), nan_to_null=True)
        if contracts
        else pl.Series(name, [], dtype=pl.Float64)
        for name in CHAIN_COLUMNS
    }
    return pl.DataFrame(
        {
            "ts_event": [table.ts_event] * len(contracts) if times is None else times.tolist(),
            "root": [contract.root for contract in contracts],
            "expiration": [contract.expiration for contract in contracts],
            "right": [str(contract.right) for contract in contracts],
            "strike_milli": [contract.strike_milli for contract in contracts],
            **numbers,
        },
        schema_overrides={
            "ts_event": pl.Int64,
            "root": pl.String,
            "expiration": pl.Date,
            "right": pl.String,
            "strike_milli": pl.Int64,
        },
    ).with_columns(
        underlying=pl.lit(table.underlying),
        source=pl.lit(table.source),
        quality=pl.lit(str(table.quality)),
        spot=pl.lit(_price_of(table.spot), dtype=pl.Float64),
    )


def _price_of(spot: Quote | None) -> float | None:
    """Return the price beside the rows: the last one, else the middle of the quote."""
    if spot is None:
        return None
    if spot.last > 0:
        return spot.last
    middle = (spot.bid + spot.ask) / 2
    return middle if spot.bid > 0 and spot.ask > 0 else None


def spot_rows(quotes: Sequence[Quote]) -> pl.DataFrame:
    """Return the rows of SECURITY_QUOTES of some quotes."""
    numbers = {
        name: pl.Series(
            name, [getattr(quote, name) for quote in quotes], dtype=pl.Float64
        ).fill_nan(None)
        for name in QUOTE_NUMBERS
    }
    return pl.DataFrame(
        {
            "ts_event": pl.Series([quote.ts_event for quote in quotes], dtype=pl.Int64),
            "symbol": pl.Series([quote.symbol for quote in quotes], dtype=pl.String),
            "kind": pl.Series([str(quote.kind) for quote in quotes], dtype=pl.String),
            **numbers,
            "flags": pl.Series([int(quote.flags) for quote in quotes], dtype=pl.Int64),
            "source": pl.Series([quote.source for quote in quotes], dtype=pl.String),
            "quality": pl.Series([str(quote.quality) for quote in quotes], dtype=pl.String),
        }
    )


def trade_rows(trades: Sequence[Trade]) -> pl.DataFrame:
    """Return the rows of TRADES of some prints. What the source left out is null."""
    return pl.DataFrame(
        {
            "ts_event": pl.Series([trade.ts_event for trade in trades], dtype=pl.Int64),
            "underlying": [underlying_of_symbol(trade.symbol) for trade in trades],
            "symbol": [trade.symbol for trade in trades],
            "price": pl.Series([trade.price for trade in trades], dtype=pl.Float64),
            "size": pl.Series([trade.size for trade in trades], dtype=pl.Float64),
            "exchange": [trade.exchange or None for trade in trades],
            "conditions": [trade.conditions for trade in trades],
            "sequence": pl.Series([trade.sequence or None for trade in trades], dtype=pl.Int64),
            "action": [str(trade.action) for trade in trades],
            "refers_to": pl.Series([trade.refers_to or None for trade in trades], dtype=pl.Int64),
            **{
                name: pl.Series(
                    [getattr(trade, name) for trade in trades], dtype=pl.Float64
                ).fill_nan(None)
                for name in ("bid", "ask")
            },
            "source": [trade.source for trade in trades],
            "quality": [str(trade.quality) for trade in trades],
        }
    )


def underlying_of_symbol(symbol: str) -> str:
    """Return the underlying of a security's symbol or of a contract's."""
    return symbol if len(symbol) <= _TAIL else underlying_of(symbol[:-_TAIL])


def chains_of(rows: pl.DataFrame, spot: Quote | None) -> list[ChainTable]:
    """Return rows of OPTION_QUOTES, of one underlying and source, as one chain per expiration."""
    ordered = rows.sort("expiration", "root", "strike_milli", "right")
    contracts = contracts_of(ordered)
    # Whole columns are turned once: a step for each expiration and column costs ten times as much.
    columns = {name: ordered[name].to_numpy() for name in CHAIN_COLUMNS}  # null becomes NaN
    times = ordered["ts_event"].to_numpy()
    underlying, source = ordered["underlying"][0], ordered["source"][0]
    tables = []
    begin = 0
    for count in ordered["expiration"].rle().struct.field("len"):
        taken = slice(begin, begin + count)
        newest = begin + int(times[taken].argmax())
        tables.append(
            ChainTable(
                underlying=underlying,
                contracts=contracts[taken],
                columns={
                    name: array("d", values[taken].tobytes()) for name, values in columns.items()
                },
                source=source,
                quality=Quality(ordered["quality"][newest]),
                ts_event=int(times[newest]),
                ts_received=int(times[newest]),
                row_ts_event=array("q", times[taken].tobytes()),
                spot=spot,
                complete=True,
            )
        )
        begin += count
    return tables


def contracts_of(rows: pl.DataFrame) -> list[OptionContract]:
    columns = (rows["root"], rows["expiration"], rows["right"], rows["strike_milli"])
    return [
        OptionContract(root, expiration, _RIGHTS[right], strike_milli)
        for root, expiration, right, strike_milli in zip(
            *(column.to_list() for column in columns), strict=True
        )
    ]


def quote_of(row: dict[str, object]) -> Quote:
    """Return a row of SECURITY_QUOTES as a quote."""
    numbers = {
        name: float("nan") if row[name] is None else float(row[name])  # type: ignore[arg-type]  # a float column
        for name in QUOTE_NUMBERS
    }
    flags = row["flags"]
    ts_event = int(row["ts_event"])  # type: ignore[call-overload]  # an int column
    return Quote(
        symbol=str(row["symbol"]),
        kind=SecurityKind(str(row["kind"])),
        source=str(row["source"]),
        quality=Quality(str(row["quality"])),
        ts_event=ts_event,
        ts_received=ts_event,
        flags=quote_flags(numbers["bid"], numbers["ask"])
        if flags is None
        else QuoteFlag(int(flags)),  # type: ignore[call-overload]  # an int column
        **numbers,
    )


def floats_of(column: pl.Series) -> array[float]:
    """Return a float column as the kernel keeps it."""
    return array("d", column.to_numpy().tobytes())  # null becomes NaN


def integers_of(column: pl.Series) -> array[int]:
    return array("q", column.to_numpy().tobytes())
