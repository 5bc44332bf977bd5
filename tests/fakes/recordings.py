"""Small recordings in every format that replay plays, written here and not recorded anywhere."""

from __future__ import annotations

import gzip
import zipfile
from array import array
from collections.abc import Mapping, Sequence
from datetime import date
from math import nan
from pathlib import Path
from typing import Any

import orjson
from tests.fakes.cboe import options_document, usual_rows

from optix.adapters.market_data.recording import RecordingWriter
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.ports.market_data import MarketUpdate

JULY = date(2026, 7, 17)
JUNE = date(2026, 6, 18)
START_NS = 1_781_704_800 * NANOSECONDS  # 2026-06-17 14:00 UTC

STAMPS = ("2026-06-17 14:45:00", "2026-06-17 15:45:00", "2026-06-17 16:45:00")


def write_gzip(path: Path, body: bytes) -> Path:
    path.write_bytes(gzip.compress(body))
    return path


def write_document(path: Path, document: Any) -> Path:
    """Write a chain document, packed where the name says so."""
    body = orjson.dumps(document)
    if path.suffix == ".gz":
        return write_gzip(path, body)
    path.write_bytes(body)
    return path


def write_documents(folder: Path) -> Path:
    """Write three successive documents of IWM, whose names do not sort by time."""
    folder.mkdir(exist_ok=True)
    for place, stamp in enumerate(STAMPS):
        rows = [row | {"bid": 2.0 + place / 10} for row in usual_rows()]
        price = 295.0 + place
        document = options_document(rows, timestamp=stamp, current_price=price)
        write_document(folder / f"IWM_{9 - place}.json.gz", document)
    return folder


def write_lean(
    folder: Path,
    *,
    day: str = "20151224",
    root: str = "goog",
    members: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    suffix: str = ".zip",
    option_class: str = "option",
    style: str = "american",
) -> Path:
    """Write the zips of one day: tick type, then contract (`call_7500000_20151231`), then lines."""
    place = folder / option_class / "usa" / "minute" / root
    place.mkdir(parents=True, exist_ok=True)
    for tick_type, contracts in (USUAL_LEAN if members is None else members).items():
        with zipfile.ZipFile(place / f"{day}_{tick_type}_{style}{suffix}", "w") as archive:
            for contract, lines in contracts.items():
                name = f"{day}_{root}_minute_{tick_type}_{style}_{contract}.csv"
                archive.writestr(name, "\n".join(lines))
    return place


def lean_quote(minute: int, bid: float | None, ask: float | None) -> str:
    """Return the line of one minute after 09:30 in deci-cents."""
    sides = []
    for price, size in ((bid, 10), (ask, 20)):
        text = "" if price is None else str(round(price * 10_000))
        sides += [text, text, text, text, str(0 if price is None else size)]
    return ",".join([str(34_200_000 + 60_000 * minute), *sides])


def lean_trade(minute: int, price: float, volume: int) -> str:
    text = str(round(price * 10_000))
    return ",".join([str(34_200_000 + 60_000 * minute), text, text, text, text, str(volume)])


CALL_750 = "call_7500000_20151231"
PUT_750 = "put_7500000_20151231"
CALL_JAN = "call_7525000_20160115"
USUAL_LEAN: dict[str, dict[str, list[str]]] = {
    "quote": {
        CALL_750: [lean_quote(0, 5.1, 5.4), lean_quote(1, 5.2, 5.5), lean_quote(209, 4.0, 4.2)],
        PUT_750: [lean_quote(0, None, 6.5), lean_quote(2, 6.1, 6.0)],
        CALL_JAN: [lean_quote(1, 12.0, 12.6)],
    },
    "trade": {CALL_750: [lean_trade(0, 5.25, 3), lean_trade(1, 5.3, 4)]},
    "openinterest": {CALL_750: ["23400000,1732"], PUT_750: ["23400000,0"], CALL_JAN: []},
}


def write_daily(folder: Path, symbol: str, lines: Sequence[str]) -> None:
    place = folder / "equity" / "usa" / "daily"
    place.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place / f"{symbol}.zip", "w") as archive:
        archive.writestr(f"{symbol}.csv", "\n".join(lines))


GOOG_DAYS = (
    "20151223 00:00,7534700,7542100,7440000,7503100,1526523",
    "20151224 00:00,7495500,7513000,7465600,7484000,517084",
    "20151228 00:00,7529200,7630000,7495000,7625100,1470931",
)


def contracts_of(expiration: date, strikes: Sequence[int] = (290, 295)) -> list[OptionContract]:
    return [
        OptionContract("IWM", expiration, right, strike * 1000)
        for strike in strikes
        for right in Right
    ]


def table_of(
    contracts: Sequence[OptionContract],
    *,
    at_ns: int = START_NS,
    bid: float = 2.0,
    complete: bool = True,
    row_times: bool = False,
    spot: Quote | None = None,
    rejected: Sequence[RejectedRow] = (),
) -> ChainTable:
    """Return a chain update as a live feed delivers it."""
    count = len(contracts)
    columns = {name: array("d", [nan] * count) for name in CHAIN_COLUMNS}
    columns["bid"] = array("d", [bid + place for place in range(count)])
    columns["ask"] = array("d", [bid + place + 0.1 for place in range(count)])
    return ChainTable(
        underlying="IWM",
        contracts=list(contracts),
        columns=columns,
        source="cboe",
        quality=Quality.DELAYED,
        ts_event=at_ns - 1,
        ts_received=at_ns,
        row_ts_event=array("q", range(at_ns - count - 1, at_ns - 1)) if row_times else None,
        spot=spot,
        complete=complete,
        rejected=rejected,
    )


def quote_of(symbol: str = "IWM", *, at_ns: int = START_NS, last: float = 295.4) -> Quote:
    return Quote(
        symbol=symbol,
        kind=SecurityKind.ETF,
        bid=last - 0.01,
        ask=last + 0.01,
        last=last,
        volume=1000.0,
        source="cboe",
        quality=Quality.DELAYED,
        ts_event=at_ns - 1,
        ts_received=at_ns,
    )


def usual_updates() -> list[tuple[int, MarketUpdate]]:
    """Return a minute of a feed: quotes, whole chains, then what changes."""
    second = NANOSECONDS
    july, june = contracts_of(JULY), contracts_of(JUNE)
    return [
        (START_NS, quote_of()),
        (START_NS, table_of(july, spot=quote_of())),
        (START_NS, table_of(june)),
        (START_NS + second, quote_of(at_ns=START_NS + second, last=295.6)),
        (
            START_NS + 2 * second,
            table_of(
                july[:1], at_ns=START_NS + 2 * second, bid=2.2, complete=False, row_times=True
            ),
        ),
        (START_NS + 2 * second, quote_of("SPY", at_ns=START_NS + 2 * second, last=580.0)),
        (START_NS + 60 * second, table_of(june, at_ns=START_NS + 60 * second, bid=3.0)),
    ]


def write_recording(path: Path, updates: Sequence[tuple[int, MarketUpdate]] | None = None) -> Path:
    with RecordingWriter(path) as writer:
        for at_ns, update in usual_updates() if updates is None else updates:
            writer.append(update, at_ns)
    return path
