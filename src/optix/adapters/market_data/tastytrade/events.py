"""dxFeed events into ticks, prints and statuses. Pure: no network, no clock.

Units at this door: volatility is a fraction; theta is per calendar day, vega and rho per point;
times are epoch milliseconds, 0 where the conflated feed has none. `TimeAndSale.index` names a print
for good: a correction and a cancel carry the index of what they change.
"""

from __future__ import annotations

from math import isnan

import structlog

from optix.adapters.market_data.rows import (
    COUNT_MAX,
    amount_of,
    analytic_of,
    instant_of,
    price_of,
)
from optix.adapters.market_data.streaming.protocol import Event, MalformedFrame, Tick
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols, is_contract
from optix.adapters.market_data.tastytrade.translate import SHARES_MAX, SOURCE, undated_ns
from optix.adapters.market_data.tastytrade.wire import Dx, number, text, whole
from optix.kernel.quote import Quality, TradingState, TradingStatus
from optix.kernel.trade import Trade, TradeAction

MILLISECOND_NS = 1_000_000

# What is asked of each type, in this order; the server answers with the order it will use.
FIELDS = {
    "Quote": (
        *("eventType", "eventSymbol", "eventTime", "bidTime", "bidPrice", "bidSize"),
        *("askTime", "askPrice", "askSize"),
    ),
    "Trade": ("eventType", "eventSymbol", "eventTime", "time", "price", "dayVolume"),
    "Greeks": (
        *("eventType", "eventSymbol", "eventTime", "time", "price", "volatility", "delta"),
        *("gamma", "theta", "rho", "vega"),
    ),
    "Summary": (
        *("eventType", "eventSymbol", "eventTime", "dayOpenPrice", "dayHighPrice"),
        *("dayLowPrice", "prevDayClosePrice", "openInterest"),
    ),
    "Profile": (
        *("eventType", "eventSymbol", "eventTime", "tradingStatus", "statusReason"),
        "haltStartTime",
    ),
    "TimeAndSale": (
        *("eventType", "eventSymbol", "eventTime", "index", "time", "timeNanoPart"),
        *("exchangeCode", "price", "size", "bidPrice", "askPrice", "exchangeSaleConditions"),
        *("validTick", "type"),
    ),
}

_ACTIONS = {
    "NEW": TradeAction.NEW,
    "CORRECTION": TradeAction.CORRECTION,
    "CANCEL": TradeAction.CANCEL,
}
_STATES = {
    "ACTIVE": TradingState.OPEN,
    "HALTED": TradingState.HALTED,
    "UNDEFINED": TradingState.UNKNOWN,
}
_log = structlog.get_logger(__name__)
_told: set[str] = set()
_TOLD_MAX = 100


def translate_event(
    kind: str, event: Dx, symbols: StreamerSymbols, *, received_ns: int, quality: Quality
) -> Event | None:
    """Return what an event says, None where that is nothing for us. Raises MalformedFrame."""
    name = event.get("eventSymbol")
    symbol = symbols.ours(name) if isinstance(name, str) else None
    if symbol is None:
        raise MalformedFrame(f"dxLink's {kind} names no symbol.")
    match kind:
        case "Quote":
            return _quote(symbol, event, received_ns, quality)
        case "Trade":
            return _last(symbol, event, received_ns, quality)
        case "Greeks":
            return _greeks(symbol, event, received_ns, quality)
        case "Summary":
            return _summary(symbol, event, received_ns, quality)
        case "Profile":
            return _status(symbol, event, received_ns)
        case "TimeAndSale":
            return _print(symbol, event, received_ns, quality)
        case _:
            return None


def _instant(event: Dx, received_ns: int, quality: Quality, *names: str) -> int:
    """Return the latest time an event names; without one it is as old as the feed is late."""
    known = (
        instant_of(event.get(name), MILLISECOND_NS, received_ns=received_ns)
        for name in (*names, "eventTime")
    )
    return max(known) or undated_ns(received_ns, quality)


def _quote(symbol: str, event: Dx, received_ns: int, quality: Quality) -> Tick:
    fields = {
        "bid": amount_of(number(event.get("bidPrice"))),
        "ask": amount_of(number(event.get("askPrice"))),
        "bid_size": amount_of(number(event.get("bidSize")), COUNT_MAX),
        "ask_size": amount_of(number(event.get("askSize")), COUNT_MAX),
    }
    return Tick(symbol, _instant(event, received_ns, quality, "bidTime", "askTime"), fields)


def _last(symbol: str, event: Dx, received_ns: int, quality: Quality) -> Tick | None:
    ceiling = COUNT_MAX if is_contract(symbol) else SHARES_MAX
    found = {
        "last": price_of(number(event.get("price"))),
        "volume": amount_of(number(event.get("dayVolume")), ceiling),
    }
    return _tick(symbol, _instant(event, received_ns, quality, "time"), found, "trade")


def _greeks(symbol: str, event: Dx, received_ns: int, quality: Quality) -> Tick | None:
    if not is_contract(symbol):
        return None
    named = {
        "vendor_price": "price",
        "vendor_iv": "volatility",
        "vendor_delta": "delta",
        "vendor_gamma": "gamma",
        "vendor_theta": "theta",
        "vendor_vega": "vega",
        "vendor_rho": "rho",
    }
    fields = {ours: analytic_of(ours, number(event.get(theirs))) for ours, theirs in named.items()}
    return Tick(symbol, _instant(event, received_ns, quality, "time"), fields, "greeks")


def _summary(symbol: str, event: Dx, received_ns: int, quality: Quality) -> Tick | None:
    found = {"previous_close": price_of(number(event.get("prevDayClosePrice")))}
    if is_contract(symbol):
        found["open_interest"] = amount_of(number(event.get("openInterest")), COUNT_MAX)
    else:
        found |= {
            "open": price_of(number(event.get("dayOpenPrice"))),
            "high": price_of(number(event.get("dayHighPrice"))),
            "low": price_of(number(event.get("dayLowPrice"))),
        }
    return _tick(symbol, _instant(event, received_ns, quality), found, "summary")


def _tick(symbol: str, ts_event: int, found: dict[str, float], kind: str) -> Tick | None:
    """Return a tick of what is known: a summary without a price does not take one away."""
    known = {name: value for name, value in found.items() if not isnan(value)}
    return Tick(symbol, ts_event, known, kind) if known else None


def _status(symbol: str, event: Dx, received_ns: int) -> TradingStatus | None:
    if is_contract(symbol):
        return None
    word = text(event.get("tradingStatus"))
    state = _STATES.get(word)
    if state is None:
        state = TradingState.UNKNOWN
        if word not in _told and len(_told) < _TOLD_MAX:
            _told.add(word)
            _log.warning("tastytrade_unknown_status", word=word[:40])
    halted_ns = instant_of(event.get("haltStartTime"), MILLISECOND_NS, received_ns=received_ns)
    return TradingStatus(
        symbol=symbol,
        state=state,
        reason=text(event.get("statusReason"))[:80],
        source=SOURCE,
        ts_event=halted_ns if state is TradingState.HALTED and halted_ns else received_ns,
        ts_received=received_ns,
    )


def _print(symbol: str, event: Dx, received_ns: int, quality: Quality) -> Trade | None:
    word = text(event.get("type"))
    action = _ACTIONS.get(word)
    if action is None:
        raise MalformedFrame(f"dxLink's TimeAndSale is neither new nor a change: {word[:20]!r}.")
    if action is TradeAction.NEW and event.get("validTick") is False:
        return None  # not a price of the market, by the word of the vendor
    price, size = amount_of(number(event.get("price"))), amount_of(number(event.get("size")))
    index = whole(event.get("index"))
    instant = instant_of(event.get("time"), MILLISECOND_NS, received_ns=received_ns)
    if isnan(price) or not size > 0 or instant == 0:
        raise MalformedFrame(f"dxLink's print of {symbol} has no price, no size or no time.")
    nanoseconds = whole(event.get("timeNanoPart"))
    if 0 < nanoseconds < MILLISECOND_NS:
        instant = min(instant + nanoseconds, received_ns)
    contract = is_contract(symbol)
    return Trade(
        symbol=symbol,
        price=price,
        size=size,
        exchange=text(event.get("exchangeCode")),
        # A stock's conditions are of another plan than OPRA's.
        conditions=text(event.get("exchangeSaleConditions")).replace(" ", "") if contract else "",
        sequence=index,
        action=action,
        refers_to=0 if action is TradeAction.NEW else index,
        bid=amount_of(number(event.get("bidPrice"))),
        ask=amount_of(number(event.get("askPrice"))),
        source=SOURCE,
        quality=quality,
        ts_event=instant,
        ts_received=received_ns,
    )
