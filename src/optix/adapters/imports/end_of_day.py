"""End-of-day chains of two sellers: historicaloptiondata (as lambdaclass kept it) and iVolatility.

A row has a date only; its numbers are of the close of that root on that day. In the first theta is
of a year and vega of 1.00, here they become those of a day and of a point. In the second, rows that
repeat another symbol's rows number by number are mislabelled and are rejected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import Fault, at, not_numbers, number
from optix.adapters.imports.securities import bar_batch, frame_actions
from optix.kernel.corporate import ActionKind
from optix.kernel.quote import Quality
from optix.ports.history import ImportBatch

HISTORICAL: Final = "historicaloptiondata"
IVOLATILITY: Final = "ivolatility"
TIINGO: Final = "tiingo"
_HISTORICAL: Final = frozenset(
    (
        *("underlying", "underlying_last", "optionroot", "expiration", "quotedate", "strike"),
        *("last", "bid", "ask", "volume", "openinterest", "impliedvol"),
        *("delta", "gamma", "theta", "vega"),
    )
)
_IVOLATILITY: Final = frozenset(
    (
        *("symbol", "date", "stock_price_close", "option_symbol", "option_expiration", "strike"),
        *("call/put", "ask", "bid", "mean_price", "iv", "volume", "open_interest"),
        *("delta", "vega", "gamma", "theta", "rho"),
    )
)
_STOCKS: Final = frozenset(
    (
        *("symbol", "date", "open", "high", "low", "close", "volume"),
        *("adjClose", "divCash", "splitFactor"),
    )
)
_DAYS_A_YEAR: Final = 365
_SATURDAY: Final = 6
_SAME: Final = (
    *("option_expiration", "strike", "call/put", "ask", "bid"),
    *("volume", "open_interest", "iv", "stock_price_close"),
)


class HistoricalOptions:
    name = "historical_options"
    label = "Historicaloptiondata chains (CSV)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return frozenset(header_of(head)) >= _HISTORICAL

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _HISTORICAL)
        day = times.day_of(at("quotedate"))
        numbers = {
            "bid": "bid",
            "ask": "ask",
            "last": "last",
            "volume": "volume",
            "open_interest": "openinterest",
        }
        yield option_batch(
            raw,
            {
                **_closing(self._calendar, at("optionroot"), day),
                **{ours: number(theirs) for ours, theirs in numbers.items()},
                "vendor_iv": number("impliedvol"),
                "vendor_delta": number("delta"),
                "vendor_gamma": number("gamma"),
                "vendor_theta": number("theta") / _DAYS_A_YEAR,
                "vendor_vega": number("vega") / 100,
                "spot": number("underlying_last"),
            },
            source=HISTORICAL,
            quality=Quality.DELAYED,
            faults=[
                contracts.other_underlying(contracts.canonical(at("underlying"))),
                _stated(number("strike"), times.day_of(at("expiration"))),
                not_numbers(raw, [*numbers.values(), "underlying_last"]),
            ],
        )


class IVolatility:
    name = "ivolatility_csv"
    label = "iVolatility chains (CSV)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return frozenset(header_of(head)) >= _IVOLATILITY

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _IVOLATILITY)
        numbers = {
            "bid": "bid",
            "ask": "ask",
            "volume": "volume",
            "open_interest": "open_interest",
        }
        same = pl.struct(at(name) for name in _SAME)
        first = at("symbol").first().over(same)
        reason = "It repeats the row of another symbol number by number: its label is wrong."
        yield option_batch(
            raw,
            {
                **_closing(self._calendar, at("option_symbol"), _american_date("date")),
                **{ours: number(theirs) for ours, theirs in numbers.items()},
                "vendor_iv": number("iv"),
                "vendor_price": number("mean_price"),
                **{
                    f"vendor_{greek}": number(greek)
                    for greek in ("delta", "gamma", "theta", "vega", "rho")
                },
                "spot": number("stock_price_close"),
            },
            source=IVOLATILITY,
            quality=Quality.DELAYED,
            first=[Fault("mislabelled", reason, first != at("symbol"))],
            faults=[
                contracts.other_underlying(contracts.canonical(at("symbol"))),
                _stated(number("strike"), _american_date("option_expiration")),
                not_numbers(raw, [*numbers.values(), "stock_price_close"]),
            ],
        )


class StockDays:
    """Daily bars as traded, with the dividends and splits of each day beside them."""

    name = "stock_days"
    label = "Stock days with dividends and splits (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return frozenset(header_of(head)) >= _STOCKS

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _STOCKS)
        symbol, day = contracts.canonical(at("symbol")), times.day_of(at("date"))
        yield bar_batch(
            raw,
            {
                "ts_event": times.midnight(day),
                "underlying": symbol,
                "symbol": symbol,
                **{name: number(name) for name in ("open", "high", "low", "close", "volume")},
            },
            interval="1d",
            source=TIINGO,
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, ["open", "high", "low", "close", "volume"])],
        )
        paid = raw.only((number("divCash") != 0).fill_null(value=False))
        yield frame_actions(
            paid,
            symbol,
            day,
            kind=ActionKind.CASH_DIVIDEND,
            source=TIINGO,
            amount=number("divCash"),
        )
        split = raw.only((number("splitFactor") != 1).fill_null(value=False))
        yield frame_actions(
            split, symbol, day, kind=ActionKind.SPLIT, source=TIINGO, ratio=number("splitFactor")
        )


def _closing(
    calendar: times.SessionCalendar, option_symbol: pl.Expr, day: pl.Expr
) -> Mapping[str, pl.Expr]:
    """Return the contract, and the instant at which its root stopped trading on a day."""
    contract = contracts.of_symbol(option_symbol)
    keys = pl.struct(root=contract["root"], day=day)
    return {
        "ts_event": keys.map_batches(
            lambda pairs: times.closes_of(calendar, pairs), return_dtype=pl.Int64
        ),
        **contract,
    }


def _american_date(name: str) -> pl.Expr:
    return at(name).str.to_date("%m/%d/%Y", strict=False)


def _stated(strike: pl.Expr, expiration: pl.Expr) -> Fault:
    milli = (strike * 1000).round(0).cast(pl.Int64, strict=False)
    # A monthly symbol was dated on Saturday until 2015, and rows beside it say the Friday.
    saturday = (pl.col("expiration").dt.weekday() == _SATURDAY) & (
        expiration == pl.col("expiration").dt.offset_by("-1d")
    )
    agrees = (milli == pl.col("strike_milli")) & ((expiration == pl.col("expiration")) | saturday)
    return Fault(
        "inconsistent_row",
        "The contract has not the expiration and the strike that its row says.",
        ~agrees.fill_null(value=False),
    )
