"""One made-up file or more for each importer, with what has to become of its records."""

from __future__ import annotations

import gzip
from typing import Any

from tests.fakes.recorded_files import (
    ALPACA_SNAPSHOT,
    CBOE_OPTION,
    HISTORICAL_HEADER,
    IVOLATILITY_HEADER,
    LACHJORY_HEADER,
    ORATS_ROW,
    POLYGON_SNAPSHOT,
    QUOTE_TABLE_LINE,
    RESEARCH_LAB_SPX,
    SCHWAB_OPTION,
    THETA_CONTRACT,
    THETA_PRINT,
    THETA_PRINT_ROW,
    TRADIER_OPTION,
    UNIVERSE_HEADER,
    YAHOO_HEADER,
    YAHOO_ROWS,
    Milliseconds,
    RecordedFile,
    alpaca,
    as_json,
    cboe_document,
    dbn,
    dbn_bar,
    dbn_file,
    dbn_trade,
    ivolatility_row,
    parquet_frame,
    quote_table,
    research_lab,
    schwab_chain,
    theta_answer,
    zipped,
    zstd,
)

_LEAN = "20240105_xyz_minute_{kind}_american_call_500000_20240119.csv"
_OTHER = "20240105_xyz_minute_{kind}_american_put_505000_20240119.csv"
_ADJUSTED = {"event_id": 1, "security_id": 2, "event_type": "DIV", "local_code": "XYZ",
             "ex_date": "2024-03-15", "factor": 0.99, "close": 50.0, "status": "A"}  # fmt: skip
_SPLIT = {"event_id": "E-1", "security_id": "S-1", "event": "RSPLT", "symbol": "XYZ",
          "ex_date": "2024-06-10", "ratio_old": 10.0, "ratio_new": 1.0}  # fmt: skip
_DESK = {"symbol": "XYZ", "updated": "2026-07-16T11:19:00.106429-04:00", "underlyingPrice": 50.5,
         "expirations": ["2026-07-17"]}  # fmt: skip
_DESK_ROW = {"symbol": "XYZ260717C00050000", "bid": 1.1, "ask": 1.2, "last": 1.15, "volume": 7.0,
             "openInterest": 100.0, "iv": 1.0000000000000003e-05, "delta": 0.5}  # fmt: skip
_WIRE_ROW = {"contractSymbol": "XYZ180511C00001500", "strike": 1.5, "lastPrice": 1.1, "bid": 0.75,
             "ask": 1.05, "impliedVolatility": 10.3}  # fmt: skip
_WIRE = {"underlyingSymbol": "XYZ", "quote": {"regularMarketPrice": 2.45,
         "regularMarketTime": 1526046799}, "options": [{"calls": [_WIRE_ROW]}]}  # fmt: skip
_UNDEFINED: dict[str, Any] = {"ts_event": dbn.UNDEF_TIMESTAMP, "ts_recv": 1781719200000000000}


def _theta(extra: str, row: str, stamp: str = "timestamp") -> bytes:
    return (
        f"{THETA_CONTRACT}{stamp},{extra}\n"
        f"XYZ,2026-07-17,50.0,CALL,2026-06-17T14:00:00.123-04:00,{row}\n"
    ).encode()


def _statistic(kind: Any) -> Any:
    return dbn.StatMsg(
        publisher_id=30,
        instrument_id=77,
        ts_event=1781692200000000000,
        ts_recv=1781692200000000001,
        ts_ref=dbn.UNDEF_TIMESTAMP,
        price=dbn.UNDEF_PRICE,
        quantity=100,
        stat_type=kind,
    )


def _nbbo() -> Any:
    level = dbn.ConsolidatedBidAskPair(
        bid_px=1_100_000_000, ask_px=1_200_000_000, bid_sz=10, ask_sz=20
    )
    return dbn.CBBOMsg(
        rtype=dbn.RType.CBBO_1M,
        publisher_id=30,
        instrument_id=77,
        price=dbn.UNDEF_PRICE,
        size=0,
        side=dbn.Side.NONE,
        levels=level,
        **_UNDEFINED,
    )


def _file(path: str, importer: str, body: bytes, stored: int, **rejected: int) -> RecordedFile:
    return RecordedFile(path=path, importer=importer, body=body, stored=stored, rejected=rejected)


CHAINS = (
    _file("cboe/XYZ.json", "cboe_json", cboe_document([CBOE_OPTION]), 2),
    _file("cboe/XYZ.csv.gz", "cboe_csv", gzip.compress(quote_table(QUOTE_TABLE_LINE)), 3),
    _file("research/SPX.csv.gz", "research_lab_csv", research_lab(RESEARCH_LAB_SPX), 8),
    _file(
        "research/SPY.json",
        "research_lab_json",
        as_json(
            {
                "sym": "SPY",
                "spot": 745.75,
                "asof": "2026-07-22T15:59:59",
                "o": [
                    {
                        "e": 1784750400,
                        "t": "C",
                        "k": 500,
                        "iv": 0,
                        "oi": 3,
                        "v": 74,
                        "b": 1,
                        "a": 2,
                        "l": 1.5,
                    }
                ],
            }
        ),
        1,
    ),
    _file(
        "desk/XYZ.json.gz",
        "options_desk",
        gzip.compress(as_json({**_DESK, "quotes": [_DESK_ROW]})),
        2,
    ),
    _file(
        "syzwang/chain.csv",
        "syzwang_csv",
        b"date,timestamp,ticker,spot,expiration,type,strike,last,volume,open_interest,iv,delta\n"
        b"2026-04-15,2026-04-15T23:44:59.843450,TSLA,391.95,2026-04-17,C,5.0,383.11,4.0,0,0.01,\n",
        1,
    ),
    _file(
        "syzwang/term.csv",
        "syzwang_terms",
        b"date,ticker,spot,rv30_pct,expiry,dte,atm_iv_pct,skew,d25_call_iv,d25_put_iv,call_vol,"
        b"put_vol,call_oi,put_oi,expected_move_dollars,vix,vix3m\n"
        b"2026-04-15,TSLA,391.95,44.9,2026-04-17,1,80.7,-11.3,,,10,5,15,3,11.2,,\n",
        8,
    ),
    _file("yahoo/XYZ.csv", "yahoo_frame", (YAHOO_HEADER + YAHOO_ROWS).encode(), 2),
    _file("yahoo/XYZ.parquet", "yahoo_frame", parquet_frame(), 2),
    _file(
        "yahoo/XYZ.json",
        "yahoo_json",
        as_json({"optionChain": {"result": [_WIRE], "error": None}}),
        2,
    ),
    _file(
        "lachjory/XYZ.csv",
        "lachjory_csv",
        (
            LACHJORY_HEADER + "XYZ260814C00050000,2026-08-14,C,50.0,1.15,1.1,1.2,,3,0.25,True,"
            "2026-08-13 15:58:32+00:00,50.5,2026-08-12\n"
        ).encode(),
        1,
    ),
    _file(
        "lachjory/meta.json",
        "lachjory_run",
        as_json(
            {
                "utc": "2026-08-13T16:13:33.049692+00:00",
                "session": "2026-08-12",
                "tickers": {"XYZ": {"spot": 50.0, "spot_live": 50.5}, "ABC": {"spot": 1.0}},
            }
        ),
        1,
        missing_field=1,
    ),
    _file("schwab/chain.json", "schwab_chain", schwab_chain(SCHWAB_OPTION), 1),
    _file(
        "schwab/quotes.json",
        "schwab_quotes",
        as_json(
            {
                "XYZ   260717C00050000": {
                    "assetMainType": "OPTION",
                    "symbol": "XYZ   260717C00050000",
                    "quote": {
                        "bidPrice": 1.1,
                        "askPrice": 1.2,
                        "quoteTime": 1781719200123,
                        "volatility": -999.0,
                    },
                    "reference": {"contractType": "C"},
                }
            }
        ),
        1,
    ),
    _file(
        "tradier/chain.json",
        "tradier_chain",
        as_json({"options": {"option": TRADIER_OPTION}}),
        1,
    ),
    _file(
        "alpaca/chain.json",
        "alpaca_json",
        alpaca({"snapshots": {"XYZ260717C00050000": ALPACA_SNAPSHOT}}),
        2,
    ),
    _file("alpaca/empty.json", "alpaca_json", alpaca({"quotes": {}}), 0),
    _file(
        "alpaca/bars.json",
        "alpaca_json",
        alpaca(
            {
                "bars": {
                    "XYZ260717C00050000": [
                        {
                            "t": "2026-06-17T18:00:00Z",
                            "o": 1,
                            "h": 2,
                            "l": 1,
                            "c": 1.5,
                            "v": 3,
                            "n": 2,
                            "vw": 1.2,
                        }
                    ]
                }
            },
            "bars?timeframe=1Hour",
        ),
        1,
    ),
    _file(
        "polygon/chain.json",
        "polygon_snapshots",
        as_json(
            {
                "request_id": "x",
                "status": "OK",
                "results": [POLYGON_SNAPSHOT, {"ticker": "NONE", "error": "NOT_FOUND"}],
            }
        ),
        2,
        vendor_error=1,
    ),
    _file("orats/strikes.json", "orats_strikes", as_json({"data": [ORATS_ROW]}), 2),
    _file(
        "orats/strikes.csv",
        "orats_strikes",
        (
            ",".join(ORATS_ROW) + "\n" + ",".join(str(value) for value in ORATS_ROW.values())
        ).encode(),
        2,
    ),
    _file(
        "eod/spx.csv",
        "historical_options",
        (
            HISTORICAL_HEADER
            + "1,SPX,1989.63,SPX160617C00650000,call,2016-06-17,2014-12-15,650.0,0.0,0.0,0.0,0,0,"
            "0.2352,0.9795,0.0,25.1577,0.3713,SPX160617C00650000,550\n"
        ).encode(),
        1,
    ),
    _file(
        "eod/iv.csv",
        "ivolatility_csv",
        (
            IVOLATILITY_HEADER
            + ivolatility_row("AAPL", "8/7/2014", "AAPL  140816C00055000", "8/15/2014")
            + ivolatility_row("SPY", "8/8/2014", "SPY   140816C00055000", "8/15/2014")
        ).encode(),
        1,
        mislabelled=1,
    ),
)
LEAN = (
    _file(
        "option/usa/minute/xyz/20240105_quote_american.zip",
        "lean_options",
        zipped(
            {
                _LEAN.format(kind="quote"): "34200000,10000,12000,9000,11000,10,12000,13000,"
                "11000,12000,20\n34260000,,,,,0,12000,13000,11000,12000,20",
                _OTHER.format(kind="quote"): "34200000,1,2,3,4",
            }
        ),
        2,
        wrong_columns=1,
    ),
    _file(
        "option/usa/minute/xyz/20240105_trade_american.zip",
        "lean_options",
        zipped({_LEAN.format(kind="trade"): "34200000,10000,12000,9000,11000,10\n"}),
        1,
    ),
    _file(
        "option/usa/minute/xyz/20240105_openinterest_american.zip.zip",
        "lean_options",
        zipped({_LEAN.format(kind="openinterest"): "23400000,42"}),
        1,
    ),
    _file(
        "equity/usa/daily/xyz.zip",
        "lean_securities",
        zipped({"xyz.csv": "20240104 00:00,500000,510000,490000,505000,1000\n"}),
        1,
    ),
    _file(
        "option/usa/universes/xyz/20240105.csv",
        "lean_universe",
        (
            UNIVERSE_HEADER + ",,,50,51,49,50.5,1000,,,,,,,\n"
            "20240119,50,C,1,2,1,1.5,7,100,0.25,0.5,0.02,0.3,-0.1,0.1\n"
        ).encode(),
        1,
        underlying_row=1,
    ),
    _file(
        "equity/usa/factor_files/xyz.csv",
        "lean_factors",
        b"20200102,0.9,0.25,1\n20210104,0.9,0.25,50\n20220103,0.99,1,60\n20501231,1,1,0",
        3,
    ),
    _file(
        "equity/usa/map_files/new.csv",
        "lean_names",
        b"20140327,old,Q\n20140402,old,Q\n20501231,new,Q",
        1,
    ),
    _file("rate.csv", "lean_rates", b"DATE,PCREDIT8\n2003-01-09,2.25\n", 1),
)
RAW = (
    _file("theta/prints.csv", "thetadata_csv", _theta(THETA_PRINT, THETA_PRINT_ROW), 1),
    _file(
        "theta/greeks.csv",
        "thetadata_csv",
        _theta(
            "bid,ask,delta,theta,vega,rho,gamma,implied_vol,iv_error,underlying_timestamp,"
            "underlying_price",
            "1.1,1.2,0.5,-0.1,30.0,10.0,0.02,0.25,0.001,2026-06-17T14:00:00.000-04:00,50.5",
        ),
        1,
    ),
    _file(
        "theta/ohlc.csv",
        "thetadata_csv",
        _theta("open,high,low,close,volume,count", "1,2,1,1.5,5,1"),
        0,
        unfinished_bar=1,
    ),
    _file(
        "theta/prints.pb.zst",
        "thetadata_raw",
        theta_answer(
            [
                *("symbol", "expiration", "strike", "right", "timestamp"),
                *("sequence", "condition", "size", "exchange", "price"),
            ],
            [
                [
                    "XYZ",
                    "2026-07-17",
                    50.0,
                    "CALL",
                    Milliseconds(1781719200123),
                    -5,
                    18,
                    3,
                    5,
                    1.15,
                ],
                ["XYZ", "2026-07-17", 50.0],
            ],
        ),
        1,
        wrong_columns=1,
    ),
    _file(
        "theta/exchanges.csv", "thetadata_codes", b"code,name,symbol\n1,Nasdaq Exchange,NQEX\n", 1
    ),
    _file("dbn/trades.dbn.zst", "databento_dbn", zstd(dbn_file("trades", dbn_trade())), 1),
    _file("dbn/cbbo.dbn", "databento_dbn", dbn_file("cbbo-1m", _nbbo()), 1),
    _file(
        "dbn/ohlcv.dbn.zst",
        "databento_dbn",
        zstd(dbn_file("ohlcv-1m", dbn_bar())),
        0,
        one_exchange=1,
    ),
    _file(
        "dbn/statistics.dbn",
        "databento_dbn",
        dbn_file(
            "statistics",
            _statistic(dbn.StatType.OPEN_INTEREST),
            _statistic(dbn.StatType.CLEARED_VOLUME),
        ),
        1,
        other_statistic=1,
    ),
    _file(
        "dbn/actions.jsonl",
        "databento_actions",
        b"\n".join(
            [as_json(_ADJUSTED), as_json(_SPLIT), as_json({**_SPLIT, "event": "ODD"}), b"{"]
        ),
        2,
        unknown_action=1,
        not_a_row=1,
    ),
)
TABLES = (
    _file("vix/VIX3M_History.csv", "index_history",
          b"DATE,OPEN,HIGH,LOW,CLOSE\n09/18/2009,25.9,26.6,25.9,26.5\n", 1),
    _file("vix/VVIX_History.csv", "index_values", b"DATE,VVIX\n03/06/2006,71.73\n", 1),
    _file("vix/pcr.csv", "put_call_ratios",
          b"Fecha,TOTAL_PUT_CALL_RATIO,OEX_PUT_CALL_RATIO\n2019-10-07,1.05,\n", 1),
    _file("vix/fred_DFF.csv", "funds_rate", b"date,value\n1954-07-01,1.13\n1954-07-02,x\n", 1,
          no_rate=1),
    _file("vix/curve.csv", "futures_curve",
          b"expiration_date,symbol,settlement\n2026-07-29,VX30/N6,19.5\n", 0, undated=1),
    _file("earnings.csv", "earnings_dates", b"symbol,report_date\nXYZ,2026-07-29\nXYZ,soon\n", 1,
          unreadable_time=1),
    _file("days/holidays.csv", "exchange_days", b"date\n2026-06-19\n", 1),
    _file("days/early.csv", "exchange_days", b",open_et,close_et\n2026-11-27,09:30,13:00\n", 1),
    _file("days/hours.json", "research_lab_hours",
          as_json({"contractVersion": "1", "regularHours": {},
                   "holidays": [{"date": "2026-06-19", "closureLabel": "Juneteenth"}],
                   "earlyCloses": [{"day": "?"}]}), 1, no_code=1),
    _file("research/bars.json", "research_lab_bars",
          as_json({"sym": "^VIX", "interval": "1d",
                   "rows": [{"t": 1722000600000, "o": 2, "h": 3, "l": 1, "c": 2, "v": 0}]}), 1),
    _file("research/curve.json", "research_lab_rates",
          as_json({"families": {"nominal": {"rows": [{"date": "2026-08-21", "y3m": 3.88,
                                                       "y7": 4.0}]}}}), 1, no_rate=1),
    _file("stocks.csv", "stock_days",
          b"symbol,date,close,high,low,open,volume,adjClose,divCash,splitFactor\n"
          b"VOO,2017-01-03,206.7,207.3,205.5,206.6,4750181,194.9,0.998,2.0\n", 3),
    _file("schwab/movers.json", "schwab_lists", as_json({"screeners": [{"symbol": "XYZ"}]}), 0,
          undated=1),
    _file("schwab/expirations.json", "schwab_lists",
          as_json({"expirationList": [{"expirationDate": "2026-07-17", "optionRoots": "SPX",
                                       "settlementType": "A", "standard": True}]}), 1),
    _file("schwab/hours.json", "schwab_lists",
          as_json({"option": {"option": {"date": "2026-06-17", "marketType": "OPTION",
                                         "product": "option", "isOpen": True}}}), 1),
    _file("tradier/expirations.json", "tradier_expirations",
          as_json({"expirations": {"date": ["2026-07-17"]}}), 0, no_symbol=1),
    _file("polygon/contracts.json", "polygon_contracts",
          as_json({"results": [{"cfi": "OCASPS", "underlying_ticker": "XYZ"}]}), 0, undated=1),
    _file("LICENSE", "documents", b"All of this may be used.\n", 0),
    _file("note.meta.toml", "documents", b'endpoint = "x"\n', 0),
)  # fmt: skip
SAMPLES = (*CHAINS, *LEAN, *RAW, *TABLES)
