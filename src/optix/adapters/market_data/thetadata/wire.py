"""The terminal's answers: CSV with a header, lines ended by CR LF."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from optix.adapters.market_data.failures import Unreadable

Row = dict[str, str]


def read_rows(body: bytes, *, required: frozenset[str]) -> Sequence[Row]:
    """Return the rows. Raises Unreadable where a required column is missing or a row is cut."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable("The Theta Terminal's answer is no text.") from error
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        header = next(lines, [])
        missing = required - set(header)
        if missing:
            raise Unreadable(f"The Theta Terminal's answer has no {', '.join(sorted(missing))}.")
        rows = []
        for cells in lines:
            if len(cells) != len(header):
                raise Unreadable("A line of the Theta Terminal's answer has other columns.")
            rows.append(dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise Unreadable(f"The Theta Terminal's answer is no CSV: {error}.") from error
    return rows


CONTRACT = frozenset(("symbol", "expiration", "strike", "right"))
QUOTE = CONTRACT | {"timestamp", "bid", "ask", "bid_size", "ask_size"}
OHLC = CONTRACT | {"timestamp", "close", "volume"}
INTEREST = CONTRACT | {"open_interest"}
GREEKS = CONTRACT | {"implied_vol", "iv_error", "delta", "theta", "vega", "rho"}
CHAIN_EOD = CONTRACT | {"bid", "ask", "bid_size", "ask_size", "close", "volume"}
TRADE_QUOTE = frozenset(
    ("trade_timestamp", "sequence", "condition", "size", "exchange", "price", "bid", "ask")
)
SECURITY_QUOTE = frozenset(("timestamp", "symbol", "bid", "ask", "bid_size", "ask_size"))
SECURITY_OHLC = frozenset(("timestamp", "symbol", "open", "high", "low", "close", "volume"))
DAY = frozenset(("created", "open", "high", "low", "close", "volume"))
BAR = frozenset(("timestamp", "open", "high", "low", "close", "volume"))
