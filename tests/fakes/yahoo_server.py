"""Yahoo as far as it is documented: a cookie, a crumb that belongs to it, and its documents.

Unknown symbols have an empty result; a question without the right crumb is answered with 401.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tests.fakes.provider_server import ProviderServer, Reply, Request

INVALID_CRUMB = {
    "finance": {
        "result": None,
        "error": {"code": "Unauthorized", "description": "Invalid Crumb"},
    }
}
NOT_FOUND = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}


class FakeYahoo(ProviderServer):
    """`crumb` may be changed by a test: then the old one is expired."""

    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/*", self._page)
        self.cookie = "A3=d=AQABBK; A1=d=AQ"
        self.crumb = "abc.Def/1"
        self.quotes: dict[str, dict[str, Any]] = {}
        self.chains: dict[str, dict[date, list[dict[str, Any]]]] = {}
        self.charts: dict[str, dict[str, Any]] = {}
        self.sign_ins = 0

    def _page(self, request: Request) -> Reply:
        if request.path == "/":
            name, _, value = self.cookie.partition("; ")[0].partition("=")
            return Reply(status=404, headers={"Set-Cookie": f"{name}={value}; Path=/; HttpOnly"})
        if request.path == "/v1/test/getcrumb":
            self.sign_ins += 1
            known = request.headers.get("cookie", "").startswith("A3=")
            return Reply(self.crumb.encode()) if known else Reply(status=401)
        kind, _, rest = request.path.removeprefix("/").partition("/finance/")
        what, _, name = rest.partition("/")
        if (kind, what) == ("v8", "chart"):
            return self._chart(name)
        if request.query.get("crumb") != self.crumb:
            return Reply(INVALID_CRUMB, status=401)
        if what == "quote":
            names = request.query["symbols"].split(",")
            result = [self.quotes[name] for name in names if name in self.quotes]
            return Reply({"quoteResponse": {"result": result, "error": None}})
        return Reply(self._options(name, request.query.get("date")))

    def _chart(self, name: str) -> Reply:
        chart = self.charts.get(name)
        if chart is None:
            return Reply(NOT_FOUND, status=404)
        return Reply({"chart": {"result": [chart], "error": None}})

    def _options(self, name: str, epoch: str | None) -> dict[str, Any]:
        dates = self.chains.get(name)
        if dates is None:
            return {"optionChain": {"result": [], "error": None}}
        day = min(dates) if epoch is None else datetime.fromtimestamp(int(epoch), tz=UTC).date()
        rows = dates.get(day, [])
        page = {
            "expirationDate": epoch_of(day),
            "hasMiniOptions": False,
            "calls": [row for row in rows if row["contractSymbol"][-9] == "C"],
            "puts": [row for row in rows if row["contractSymbol"][-9] == "P"],
        }
        result = {
            "underlyingSymbol": name,
            "expirationDates": [epoch_of(each) for each in dates],
            "strikes": sorted({row["strike"] for row in rows}),
            "hasMiniOptions": False,
            "quote": self.quotes.get(name, {}),
            "options": [page],
        }
        return {"optionChain": {"result": [result], "error": None}}


def epoch_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def quote_fields(symbol: str = "IWM", **changes: Any) -> dict[str, Any]:
    """Return a quote of a Wednesday in June 2026, 13:30 in New York."""
    fields = {
        "symbol": symbol,
        "quoteType": "ETF",
        "quoteSourceName": "Nasdaq Real Time Price",
        "marketState": "REGULAR",
        "currency": "USD",
        "regularMarketPrice": 295.4,
        "regularMarketTime": 1_781_717_400,
        "regularMarketOpen": 293.1,
        "regularMarketDayHigh": 296.2,
        "regularMarketDayLow": 292.8,
        "regularMarketPreviousClose": 292.08,
        "regularMarketVolume": 31_204_551,
        "bid": 295.39,
        "ask": 295.41,
        "bidSize": 4,
        "askSize": 6,
        "exchangeDataDelayedBy": 0,
    }
    return fields | changes


def option_row(symbol: str, **changes: Any) -> dict[str, Any]:
    """Return one option as Yahoo sends it. A change to None takes the key away."""
    row = {
        "contractSymbol": symbol,
        "strike": int(symbol[-8:]) / 1000.0,
        "currency": "USD",
        "lastPrice": 2.34,
        "change": 0.1,
        "percentChange": 4.4,
        "volume": 17,
        "openInterest": 1203,
        "bid": 2.31,
        "ask": 2.36,
        "contractSize": "REGULAR",
        "expiration": epoch_of(
            date(2000 + int(symbol[-15:-13]), int(symbol[-13:-11]), int(symbol[-11:-9]))
        ),
        "lastTradeDate": 1_781_717_000,
        "impliedVolatility": 0.2375,
        "inTheMoney": False,
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def usual_chain(root: str, day: date) -> list[dict[str, Any]]:
    return [
        option_row(f"{root}{day:%y%m%d}{right}{strike:08d}")
        for strike in (290_000, 295_000, 300_000)
        for right in "CP"
    ]


def chart(
    rows: list[tuple[int, Any, Any, Any, Any, Any]],
    *,
    dividends: dict[int, float] | None = None,
    splits: dict[int, tuple[float, float]] | None = None,
) -> dict[str, Any]:
    """Return a chart of (epoch, open, high, low, close, volume)."""
    names = ("open", "high", "low", "close", "volume")
    result: dict[str, Any] = {"meta": {"exchangeTimezoneName": "America/New_York"}}
    if rows:
        columns = {name: [row[i + 1] for row in rows] for i, name in enumerate(names)}
        result["timestamp"] = [row[0] for row in rows]
        result["indicators"] = {
            "quote": [columns],
            "adjclose": [{"adjclose": columns["close"]}],
        }
    else:
        result["indicators"] = {"quote": [{}], "adjclose": [{}]}
    events: dict[str, Any] = {}
    if dividends:
        events["dividends"] = {
            str(instant): {"amount": amount, "date": instant}
            for instant, amount in dividends.items()
        }
    if splits:
        events["splits"] = {
            str(instant): {
                "date": instant,
                "numerator": after,
                "denominator": before,
                "splitRatio": f"{after:g}:{before:g}",
            }
            for instant, (after, before) in splits.items()
        }
    if events:
        result["events"] = events
    return result
