"""ORATS strikes: one row for a strike with both sides, so a row is two records.

Its delta is the call's; gamma, vega and theta serve both, rho only the call. `smvVol`, the smoothed
volatility of the strike, is kept: the mid one halves where a bid has none. Stamps are UTC. Its rows
name a ticker and no root, so a standard date of an index with two classes stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.json_text import as_raw, member, names_of, objects, parse_json
from optix.adapters.imports.lost_roots import indexed, root_lost, roots_by_date
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import ODD, Raw, at, not_numbers, number
from optix.kernel.quote import Quality
from optix.ports.history import ImportBatch

ORATS: Final = "orats"
_SIDE: Final = {
    "bid": "BidPrice",
    "ask": "AskPrice",
    "bid_size": "BidSize",
    "ask_size": "AskSize",
    "volume": "Volume",
    "open_interest": "OpenInterest",
}
_SIDES: Final = ("call", "put")
_GREEKS: Final = ("delta", "gamma", "theta", "vega", "rho")
_TEXTS: Final = ("ticker", "expirDate", "quoteDate", "updatedAt")
_SHARED: Final = ("strike", "stockPrice", "spotPrice")
_NEEDED: Final = frozenset(
    (
        *("ticker", "expirDate", "strike", "smvVol", "updatedAt"),
        *(f"{side}{name}" for side in _SIDES for name in (*_SIDE.values(), "Value")),
    )
)


class OratsStrikes:
    name = "orats_strikes"
    label = "ORATS strikes (JSON or CSV)"

    def __init__(self, calendar: times.SessionCalendar) -> None:
        self._calendar = calendar

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, _ = names_of(head)
        names = second if "data" in top else frozenset(header_of(head))
        return names >= _NEEDED

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            sides = [f"{side}{name}" for side in _SIDES for name in (*_SIDE.values(), "Value")]
            lines = as_raw(
                objects(member(parse_json(body, path.name), "data")),
                texts=_TEXTS,
                numbers=[*_SHARED, *sides],
                analytics=["smvVol", *_GREEKS],
            )
        else:
            lines = read_table(path, body, _NEEDED)
        yield self._batch(lines)

    def _batch(self, lines: Raw) -> ImportBatch:
        raw = self._both_sides(lines)
        call = at("right") == "call"
        return option_batch(
            raw,
            {
                "ts_event": times.instant_with_offset(
                    pl.coalesce(at("quoteDate"), at("updatedAt"))
                ),
                **contracts.of_parts(
                    root=at("root"),
                    expiration=times.day_of(at("expirDate")),
                    right=at("right"),
                    strike=number("strike"),
                ),
                **{ours: number(theirs) for ours, theirs in _SIDE.items()},
                "vendor_price": number("Value"),
                "vendor_iv": number("smvVol"),
                "vendor_delta": number("delta") - pl.when(call).then(0.0).otherwise(1.0),
                "vendor_gamma": number("gamma"),
                "vendor_theta": number("theta"),
                "vendor_vega": number("vega"),
                "vendor_rho": pl.when(call).then(number("rho")),
                "spot": pl.coalesce(number("spotPrice"), number("stockPrice")),
            },
            source=ORATS,
            quality=Quality.DELAYED,
            first=[root_lost()],
            faults=[not_numbers(raw, [*_SIDE.values(), "strike"])],
        )

    def _both_sides(self, lines: Raw) -> Raw:
        """Return calls and puts one below the other, with the roots their dates tell."""
        absent = [
            pl.lit(None, dtype=pl.String).alias(f"@{name}")
            for name in (*_TEXTS, *_SHARED, "smvVol", *_GREEKS)
            if name not in lines.columns
        ]
        whole = lines.frame.with_columns(absent)
        shared = [at(name) for name in (*_TEXTS, *_SHARED, "smvVol", *_GREEKS)]
        odd = [pl.col(ODD)] if ODD in whole.columns else []
        frame = pl.concat(
            whole.select(
                *shared,
                *odd,
                *(at(f"{side}{name}").alias(f"@{name}") for name in (*_SIDE.values(), "Value")),
                pl.lit(side).alias("@right"),
            )
            for side in _SIDES
        )
        keys = frame.select(
            symbol=contracts.canonical(at("ticker")), expiration=times.day_of(at("expirDate"))
        )
        height = max(lines.frame.height, 1)
        return Raw(
            frame.with_columns(roots_by_date(keys, self._calendar), indexed(keys)),
            lambda place: lines.describe(place % height),
            [replace(entry, count=2 * entry.count) for entry in lines.rejected],
        )
