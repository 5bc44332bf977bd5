"""ORATS as far as it is documented: rows under `data`, a token in the query, 404 where none is."""

from __future__ import annotations

from typing import Any

from tests.fakes.provider_server import ProviderServer, Reply, Request

TOKEN = "a-token-that-nobody-has"
Row = dict[str, Any]


class FakeOrats(ProviderServer):
    """`rows` has the rows of each path; a row is served to whom asks for its ticker and date."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[Row]] = {}
        self.route("GET", "/datav2/*", self._data)

    @property
    def url(self) -> str:
        return f"{self.base_url}/datav2"

    def _data(self, request: Request) -> Reply:
        if request.query.get("token") != TOKEN:
            return Reply({"message": "User is not authorized"}, status=403)
        rows = self.rows.get(request.path.removeprefix("/datav2"), [])
        tickers = request.query["ticker"].split(",")
        first, _, last = request.query.get("tradeDate", "").partition(",")
        found = [
            row
            for row in rows
            if row["ticker"] in tickers
            and (not first or first <= row["tradeDate"] <= (last or first))
        ]
        if not found:
            return Reply({"message": "Not Found"}, status=404)
        return Reply({"data": found})


def strike_row(ticker: str, expiration: str, strike: float, **changes: Any) -> Row:
    """Return one strike of 17 June 2026, as ORATS documents it."""
    row = {
        "ticker": ticker,
        "tradeDate": "2026-06-17",
        "expirDate": expiration,
        "dte": 31,
        "strike": strike,
        "stockPrice": 295.41,
        "callVolume": 12,
        "callOpenInterest": 340,
        "callBidSize": 166,
        "callAskSize": 25,
        "putVolume": 1,
        "putOpenInterest": 7,
        "putBidSize": 0,
        "putAskSize": 37,
        "callBidPrice": 8.0,
        "callValue": 8.05,
        "callAskPrice": 8.1,
        "putBidPrice": 7.0,
        "putValue": 7.05,
        "putAskPrice": 7.1,
        "callBidIv": 0.23,
        "callMidIv": 0.235,
        "callAskIv": 0.24,
        "smvVol": 0.2345,
        "putBidIv": 0.23,
        "putMidIv": 0.236,
        "putAskIv": 0.242,
        "residualRate": -0.01,
        "delta": 0.52,
        "gamma": 0.021,
        "theta": -0.118,
        "vega": 0.336,
        "rho": 0.13,
        "phi": -0.14,
        "extSmvVol": 0.24,
        "spotPrice": 295.4,
        "updatedAt": "2026-06-17T18:49:36Z",
    }
    return row | changes


def summary_row(ticker: str, **changes: Any) -> Row:
    row = {
        "ticker": ticker,
        "tradeDate": "2026-06-17",
        "stockPrice": 295.4,
        "updatedAt": "2026-06-17T18:49:36Z",
    }
    return row | changes


def day_row(ticker: str, day: str, **changes: Any) -> Row:
    row = {
        "ticker": ticker,
        "tradeDate": day,
        "open": 146.0,
        "hiPx": 147.0,
        "loPx": 145.5,
        "clsPx": 146.5,
        "stockVolume": 1800,
        "unadjOpen": 292.0,
        "unadjHiPx": 294.0,
        "unadjLoPx": 291.0,
        "unadjClsPx": 293.0,
        "unadjStockVolume": 900,
        "updatedAt": f"{day}T21:00:00Z",
    }
    return row | changes
