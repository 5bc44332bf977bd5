"""Made-up files in the formats of recorded market data, one or more for each importer.

All of it is written here, in the shapes that vendors document. The numbers are ours, each file is
small enough to be read, and `records` and `rejected` say what has to come out of it.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn
import polars as pl
import pyarrow as pa

dbn: Any = databento_dbn  # its own types call the enumerations texts


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """A file by its path below a folder, the importer that reads it, and what becomes of it."""

    path: str
    importer: str
    body: bytes
    stored: int
    rejected: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        path = folder / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.body)
        return path


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def zipped(members: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def zstd(body: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return bytes(sink.getvalue())


CBOE_OPTION: dict[str, Any] = {
    "option": "XYZ260717C00050000",
    "bid": 1.1,
    "bid_size": 10.0,
    "ask": 1.2,
    "ask_size": 20.0,
    "iv": 0.25,
    "open_interest": 100.0,
    "volume": 7.0,
    "delta": 0.5,
    "gamma": 0.02,
    "vega": 0.3,
    "theta": -0.1,
    "rho": 0.1,
    "theo": 1.15,
    "last_trade_price": 1.15,
    "last_trade_time": "2026-06-17T13:30:00",
    "prev_day_close": 1.0,
}
CBOE_HEADER: dict[str, Any] = {"symbol": "XYZ", "current_price": 50.5, "bid": 50.4, "ask": 50.6}


def cboe_document(options: list[Any], **header: Any) -> bytes:
    return as_json(
        {
            "timestamp": "2026-06-17 18:00:00",
            "data": {"options": options, **CBOE_HEADER, **header},
        }
    )


QUOTE_TABLE_HEADER = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)


def quote_table(lines: str, date: str = "September 14, 2023 at 4:31 PM EDT") -> bytes:
    return (
        "\nXyz Holdings,Last: 50.5,Change:  0.5\n"
        f'"Date: {date}",Bid: 50.4,Ask: 50.6,Size: 1*2,"Volume: 1,234"\n'
        f"{QUOTE_TABLE_HEADER}\n{lines}"
    ).encode()


QUOTE_TABLE_LINE = (
    "Fri Oct 20 2023,XYZ231020C00050000,1.15,0.15,1.1,1.2,7,0.25,0.5,0.02,100,50.00,"
    "XYZ231020P00050000,0,0,0,0.05,0,0,0,0,0\n"
)
RESEARCH_LAB_HEADER = (
    "quote_ts_et,symbol,spot,expiration,expiry_epoch,type,strike,bid,ask,last,iv,"
    "open_interest,volume\n"
)


def research_lab(rows: str) -> bytes:
    return gzip.compress((RESEARCH_LAB_HEADER + rows).encode())


# Cboe's order: the AM class first, then the PM class, each with its dates ascending. The third
# Friday, 2026-07-17, is in both.
RESEARCH_LAB_SPX = "".join(
    f"2026-07-16T16:14:59,SPX,7500.5,{day},1784318400,{right},7500,{bid},{bid + 1},0,0.2,5,1\n"
    for day, bid in (("2026-07-17", 20), ("2026-07-16", 5), ("2026-07-17", 30), ("2026-07-20", 40))
    for right in "CP"
)
UNIVERSE_HEADER = (
    "#expiry,strike,right,open,high,low,close,volume,open_interest,implied_volatility,"
    "delta,gamma,vega,theta,rho\n"
)
YAHOO_HEADER = (
    ",contractSymbol,lastTradeDate,strike,lastPrice,bid,ask,change,percentChange,volume,"
    "openInterest,impliedVolatility,inTheMoney,contractSize,currency,Type,Expiration_Date\n"
)
YAHOO_ROWS = (
    "0,XYZ250919C00050000,2025-08-26 20:14:59+00:00,50.0,1.15,1.1,1.2,0,0,7.0,,0.25,True,"
    "REGULAR,USD,c,2025-09-19\n"
    "1,XYZ250919P00050000,2025-08-25 14:00:00+00:00,50.0,0.9,0.0,0.0,0,0,,3.0,0.500005,True,"
    "REGULAR,USD,p,2025-09-19\n"
)
LACHJORY_HEADER = (
    "contractSymbol,expiry,type,strike,lastPrice,bid,ask,volume,openInterest,"
    "impliedVolatility,inTheMoney,lastTradeDate,spot,session\n"
)
SCHWAB_OPTION: dict[str, Any] = {
    "putCall": "CALL",
    "symbol": "XYZ   260717C00050000",
    "bid": 1.1,
    "ask": 1.2,
    "bidSize": 10,
    "askSize": 20,
    "last": 1.15,
    "closePrice": 1.0,
    "totalVolume": 7,
    "openInterest": 100,
    "quoteTimeInLong": 1781719200123,
    "volatility": 25.5,
    "delta": 0.5,
    "gamma": 0.02,
    "theta": -0.1,
    "vega": 0.3,
    "rho": "NaN",
}


def schwab_chain(*options: dict[str, Any]) -> bytes:
    return as_json(
        {
            "symbol": "XYZ",
            "status": "SUCCESS",
            "underlyingPrice": 50.5,
            "putExpDateMap": {},
            "callExpDateMap": {"2026-07-17:30": {"50.0": list(options)}},
        }
    )


TRADIER_OPTION: dict[str, Any] = {
    "symbol": "XYZ260717C00050000",
    "root_symbol": "XYZ",
    "bid": 1.1,
    "ask": 1.2,
    "bidsize": 10,
    "asksize": 20,
    "last": 1.15,
    "volume": 7,
    "open_interest": 100,
    "prevclose": 1.0,
    "bid_date": 1781719200123,
    "ask_date": 1781719200456,
    "greeks": {"delta": 0.5, "smv_vol": 0.25, "updated_at": "2026-06-17 18:00:00"},
}
ALPACA_SNAPSHOT = {
    "latestQuote": {"t": "2026-06-17T18:00:00.1234567Z", "bp": 1.1, "bs": 10, "ap": 1.2, "as": 20},
    "latestTrade": {"t": "2026-06-17T17:59:59.5Z", "x": "C", "p": 1.15, "s": 3, "c": "I"},
    "impliedVolatility": 0.25,
    "greeks": {"delta": 0.5, "gamma": 0.02, "theta": -0.1, "vega": 0.3, "rho": 0.1},
}


def alpaca(answer: object, path: str = "snapshots/XYZ") -> bytes:
    url = f"https://data.alpaca.markets/v1beta1/options/{path}"
    return as_json({"request_url_template": url, "response": answer})


POLYGON_SNAPSHOT: dict[str, Any] = {
    "details": {"ticker": "O:XYZ260717C00050000", "contract_type": "call"},
    "greeks": {"delta": 0.5, "gamma": 0.02, "theta": -0.1, "vega": 0.3},
    "implied_volatility": 0.25,
    "last_quote": {"bid": 1.1, "ask": 1.2, "bid_size": 10, "ask_size": 20,
                   "last_updated": 1781719200123456789},
    "last_trade": {"price": 1.15, "size": 2, "sip_timestamp": 1781719100123456789,
                   "exchange": 302, "conditions": [219]},
    "open_interest": 100,
    "day": {"volume": 7, "previous_close": 1.0},
    "underlying_asset": {"ticker": "XYZ", "price": 50.5},
}  # fmt: skip
ORATS_ROW: dict[str, Any] = {
    "ticker": "XYZ",
    "tradeDate": "2026-06-17",
    "expirDate": "2026-07-17",
    "dte": 31,
    "strike": 50,
    "stockPrice": 50.4,
    "spotPrice": 50.5,
    "smvVol": 0.25,
    "callBidPrice": 1.1,
    "callAskPrice": 1.2,
    "callBidSize": 10,
    "callAskSize": 20,
    "callVolume": 7,
    "callOpenInterest": 100,
    "callValue": 1.15,
    "callMidIv": 0.125,
    "putBidPrice": 0,
    "putAskPrice": 0.6,
    "putBidSize": 0,
    "putAskSize": 5,
    "putVolume": 0,
    "putOpenInterest": 9,
    "putValue": 0.5,
    "putMidIv": 0.3,
    "delta": 0.6,
    "gamma": -1e-14,
    "theta": -0.1,
    "vega": 0.3,
    "rho": 0.1,
    "updatedAt": "2026-06-17T18:00:00Z",
}
THETA_CONTRACT = "symbol,expiration,strike,right,"
THETA_PRINT = (
    "sequence,ext_condition1,ext_condition2,ext_condition3,ext_condition4,condition,size,"
    "exchange,price"
)
THETA_PRINT_ROW = "-1986932228,255,255,255,255,130,10,5,1.15"
HISTORICAL_HEADER = (
    ",underlying,underlying_last,optionroot,type,expiration,quotedate,strike,last,bid,ask,"
    "volume,openinterest,impliedvol,delta,gamma,theta,vega,optionalias,dte\n"
)
IVOLATILITY_HEADER = (
    "symbol,exchange,company_name,date,stock_price_close,option_symbol,option_expiration,strike,"
    "call/put,style,ask,bid,mean_price,settlement,iv,volume,open_interest,stock_price_for_iv,"
    "forward_price,isinterpolated,delta,vega,gamma,theta,rho\n"
)


def ivolatility_row(symbol: str, date: str, option: str, expiration: str) -> str:
    return (
        f"{symbol},EX,Name,{date},94.48,{option},{expiration},55,C,A,40.5,38.4,39.4,0,0.57,0,3,"
        "94.48,,*,1,0,0,-0.0002,0.0015\n"
    )


def theta_answer(names: list[str], rows: list[list[object]]) -> bytes:
    """Encode a table as ThetaData does: see `thetadata_wire` for the messages."""
    table = b"".join(_message(1, name.encode()) for name in names)
    table += b"".join(_message(2, b"".join(_message(1, _cell(c)) for c in row)) for row in rows)
    packed = zstd(table)
    return _message(1, packed) + _message(2, b"\x08\x01\x18" + _varint(len(table)))


class Milliseconds(int):
    """An instant in a cell, in epoch milliseconds."""


def _cell(value: object) -> bytes:
    if isinstance(value, Milliseconds):
        return _message(4, b"\x08" + _varint(value) + b"\x32\x01\x00")
    if isinstance(value, int):
        return b"\x10" + _varint(value % (1 << 64))
    if isinstance(value, float):  # thousandths, so an exponent of -3
        return _message(3, b"\x08" + _varint(round(value * 1000)) + b"\x10\x07")
    return _message(1, str(value).encode())


def _message(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def dbn_file(schema: str, *records: Any) -> bytes:
    head = dbn.Metadata(
        dataset="OPRA.PILLAR",
        start=1781654400000000000,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema),
        symbols=["XYZ   260717C00050000"],
        partial=[],
        not_found=[],
        mappings=[_mapping()],
    )
    encoded: bytes = head.encode()
    return encoded + b"".join(bytes(record) for record in records)


def _mapping() -> Any:
    interval = SimpleNamespace(
        start_date=date(2026, 6, 17), end_date=date(2026, 6, 18), symbol="77"
    )
    return SimpleNamespace(raw_symbol="XYZ   260717C00050000", intervals=[interval])


def dbn_trade(price: int = 1_150_000_000) -> Any:
    return dbn.TradeMsg(
        publisher_id=22,
        instrument_id=77,
        ts_event=1781719200123456789,
        price=price,
        size=3,
        action=dbn.Action.TRADE,
        side=dbn.Side.NONE,
        depth=0,
        ts_recv=1781719200123460000,
        sequence=5,
    )


def dbn_bar() -> Any:
    return dbn.OHLCVMsg(
        rtype=dbn.RType.OHLCV_1M,
        publisher_id=22,
        instrument_id=77,
        ts_event=1781719200000000000,
        open=1,
        high=2,
        low=1,
        close=2,
        volume=3,
    )


def parquet_frame() -> bytes:
    sink = io.BytesIO()
    frame = pl.read_csv(io.BytesIO(YAHOO_HEADER.encode() + YAHOO_ROWS.encode()))
    frame.with_columns(pl.col("lastTradeDate").str.to_datetime(time_zone="UTC")).write_parquet(sink)
    return sink.getvalue()
