"""Chains of single collectors: options-desk (Yahoo's quotes, Cboe's Greeks) and syzwang (TSLA).

Options-desk stamps a document when it was made, with its offset. Syzwang's stamps have no zone;
half past six goes with the prices of the close, so they are no UTC but New York's. Its rows have no
bid and no ask; its table of expirations has one line for each, whose measures become series,
because they are the collector's own and no chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_rows, read_table, split_header
from optix.adapters.imports.files import iter_blocks, read_whole
from optix.adapters.imports.json_text import as_raw, load_json, member, names_of, objects
from optix.adapters.imports.quotes import option_batch, security_batch
from optix.adapters.imports.records import at, missing, not_numbers, number, rejected_batch
from optix.adapters.imports.securities import series_batch
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, ImportBatch

DESK: Final = "yahoo_options_desk"
SYZWANG: Final = "yahoo_syzwang"
_DESK_NUMBERS: Final = {
    "bid": "bid",
    "ask": "ask",
    "last": "last",
    "volume": "volume",
    "open_interest": "openInterest",
}
_DESK_ANALYTICS: Final = {
    "vendor_iv": "iv",
    **{f"vendor_{greek}": greek for greek in ("delta", "gamma", "theta", "vega", "rho")},
}
_CHAIN_HEADER: Final = (
    *("date", "timestamp", "ticker", "spot", "expiration", "type", "strike"),
    *("last", "volume", "open_interest", "iv", "delta"),
)
_CHAIN_NUMBERS: Final = (*("spot", "strike", "last", "volume", "open_interest", "iv", "delta"),)
_TERM_HEADER: Final = (
    *("date", "ticker", "spot", "rv30_pct", "expiry", "dte", "atm_iv_pct", "skew"),
    *("d25_call_iv", "d25_put_iv", "call_vol", "put_vol", "call_oi", "put_oi"),
    *("expected_move_dollars", "vix", "vix3m"),
)
# The collector's column, our name of the measure, and what turns it into a plain number.
_MEASURES: Final = (
    ("rv30_pct", "realised_vol_30d", 0.01),
    ("atm_iv_pct", "atm_iv", 0.01),
    ("skew", "skew", 1.0),
    ("d25_call_iv", "call_25d_iv", 1.0),
    ("d25_put_iv", "put_25d_iv", 1.0),
    ("call_vol", "call_volume", 1.0),
    ("put_vol", "put_volume", 1.0),
    ("call_oi", "call_open_interest", 1.0),
    ("put_oi", "put_open_interest", 1.0),
    ("expected_move_dollars", "expected_move", 1.0),
)


class OptionsDesk:
    name = "options_desk"
    label = "Options-desk chain (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return {"symbol", "updated", "underlyingPrice", "expirations"} <= names_of(head)[0]

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        taken = times.instant_with_offset(pl.lit(member(document, "updated"), dtype=pl.String))
        symbol = contracts.find_symbol(member(document, "symbol"))
        header = as_raw([document], texts=["symbol"], numbers=["underlyingPrice"])
        yield security_batch(
            header,
            {
                "ts_event": taken,
                "symbol": contracts.canonical(at("symbol")),
                "last": number("underlyingPrice"),
            },
            source=DESK,
            quality=Quality.DELAYED,
            faults=[not_numbers(header, ()), missing("last")],
        )
        raw = as_raw(
            objects(member(document, "quotes")),
            texts=["symbol"],
            numbers=_DESK_NUMBERS.values(),
            analytics=_DESK_ANALYTICS.values(),
        )
        spot = header.frame["@underlyingPrice"].first() if header.frame.height else None
        yield option_batch(
            raw,
            {
                "ts_event": taken,
                **contracts.of_symbol(at("symbol")),
                **{
                    ours: number(theirs)
                    for ours, theirs in (_DESK_NUMBERS | _DESK_ANALYTICS).items()
                },
                "spot": pl.lit(spot, dtype=pl.Float64).fill_nan(None),
            },
            source=DESK,
            quality=Quality.DELAYED,
            faults=[
                contracts.other_underlying(pl.lit(symbol, dtype=pl.String)),
                not_numbers(raw, ()),
            ],
        )


class SyzwangChains:
    name = "syzwang_csv"
    label = "Syzwang's chains (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == _CHAIN_HEADER

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        first = True
        for block in iter_blocks(path):
            rest = split_header(block)[1] if first else block
            first = False
            raw = read_rows(rest, _CHAIN_HEADER, _CHAIN_NUMBERS)
            yield option_batch(
                raw,
                {
                    "ts_event": times.local_text(at("timestamp"), times.NEW_YORK),
                    **contracts.of_parts(
                        root=contracts.standard_root(at("ticker")),
                        expiration=times.day_of(at("expiration")),
                        right=at("type"),
                        strike=number("strike"),
                    ),
                    "last": number("last"),
                    "volume": number("volume"),
                    "open_interest": number("open_interest"),
                    "vendor_iv": number("iv"),
                    "vendor_delta": number("delta"),
                    "spot": number("spot"),
                },
                source=SYZWANG,
                quality=Quality.DELAYED,
                faults=[not_numbers(raw, ["last", "volume", "open_interest", "spot"])],
            )


class SyzwangTerms:
    """One line for each expiration; each of its measures is a record."""

    name = "syzwang_terms"
    label = "Syzwang's expirations (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == _TERM_HEADER

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _TERM_HEADER)
        if raw.rejected:
            yield rejected_batch(DatasetName.SERIES, raw.rejected)
        for theirs, measure, scale in _MEASURES:
            # What is said of the day stands in each of its lines: one record, the rest repeat it.
            name = (
                pl.concat_str(at("ticker"), pl.lit(f"/{measure}"))
                if measure == "realised_vol_30d"
                else pl.concat_str(at("ticker"), pl.lit("/"), at("expiry"), pl.lit(f"/{measure}"))
            )
            yield series_batch(
                raw.only(at(theirs).is_not_null()),
                name=name,
                day=times.day_of(at("date")),
                value=number(theirs) * scale,
                source=SYZWANG,
            )
