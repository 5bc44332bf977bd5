"""ORATS' rows into kernel values. Pure: no network, no clock.

A row is a strike: a call and a put side by side. At this door: `delta` is the call's, the put's is
one less; gamma, vega (per point) and theta (per day) are of both, rho (per point) of the call;
volatilities are fractions, where 0 means "none", so `smvVol` is taken and a mid only where both its
sides were solved; tiny negative Greeks are zero; `dte` counts the trade date and is not read. Times
are UTC; the close of a day is snapped about 14 minutes before the bell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite, nan
from typing import Any, NamedTuple

from optix.adapters.market_data.bars import NEW_YORK, new_york_date
from optix.adapters.market_data.rows import RawRows, amount_of, check_rows, price_of
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, to_ns
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.instrument import MalformedContract, OptionContract, Right, contract_of
from optix.kernel.quote import Quality, Quote
from optix.kernel.roots import roots_of
from optix.kernel.symbols import kind_of
from optix.ports.market_data import Bar
from optix.ports.reference_data import EarningsDate

SOURCE = "orats"
LABEL = "ORATS"
DELAY_SECONDS = 900
SHARES_MAX = 1e12
CLOSE = time(16, 0)
_FRIDAY = 4
_THIRD_WEEK = range(15, 22)
_TINY = 1e-6  # how far below zero a Greek may be and still mean zero

_SIDES = {  # ours to theirs, after the prefix of the side
    "bid": "BidPrice",
    "ask": "AskPrice",
    "bid_size": "BidSize",
    "ask_size": "AskSize",
    "volume": "Volume",
    "open_interest": "OpenInterest",
    "vendor_price": "Value",
}

Row = Mapping[str, Any]


class PastEarnings(NamedTuple):
    """When a company told its earnings. `at` is the time in New York, None where unknown."""

    symbol: str
    day: date
    at: time | None
    source: str


def root_of_strike(underlying: str, expiration: date) -> str:
    """Return the root of an expiration, which ORATS blends: the monthly one on third Fridays."""
    roots = roots_of(underlying)
    third_friday = expiration.weekday() == _FRIDAY and expiration.day in _THIRD_WEEK
    return roots[0] if len(roots) == 1 or third_friday else roots[1]


def translate_strikes(rows: Sequence[Row], *, underlying: str, received_ns: int) -> Snapshot:
    """Return a whole underlying: two contracts for each row, calls first."""
    contracts: list[object] = []
    early: dict[int, tuple[str, str]] = {}
    columns: dict[str, list[object]] = {
        name: [] for name in (*_SIDES, "vendor_iv", *(f"vendor_{greek}" for greek in _GREEKS))
    }
    for right in (Right.CALL, Right.PUT):
        for row in rows:
            contract = _contract(row, underlying, right)
            if isinstance(contract, str):
                early[len(contracts)] = ("malformed_strike", contract)
                contracts.append(None)
            else:
                contracts.append(contract)
            for name, value in _columns(row, right).items():
                columns[name].append(value)
    raw = RawRows(
        contracts=contracts,
        columns=columns,
        describe=lambda position: repr(rows[position % len(rows)]),
        early=early,
    )
    checked = check_rows(underlying, raw)
    ts_event = max((_quoted_ns(row, received_ns) for row in rows), default=0)
    ts_event = ts_event or received_ns - DELAY_SECONDS * NANOSECONDS
    return Snapshot(
        underlying=underlying,
        quote=_spot(rows, underlying, ts_event, received_ns),
        contracts=checked.contracts,
        columns=checked.columns,
        rejections=checked.rejections,
        rows=len(contracts),
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=ts_event,
        ts_received=received_ns,
        published_ns=ts_event,
        blanked=checked.blanked,
    )


def translate_past(
    rows: Sequence[Row], *, underlying: str, day: date, received_ns: int
) -> ChainTable:
    """Return the near-close chain of one day, all its expirations together.

    A row that was written again later counts from the bell of its own day.
    """
    bell = to_ns(datetime.combine(day, CLOSE, tzinfo=NEW_YORK).astimezone(UTC))
    snapshot = translate_strikes(rows, underlying=underlying, received_ns=received_ns)
    same_day = new_york_date(snapshot.ts_event) == day
    return snapshot.whole(ts_event=snapshot.ts_event if same_day else bell)


def translate_summary(row: Row, *, symbol: str, received_ns: int) -> Quote:
    """Return the price of an underlying; ORATS has no sides of it."""
    told = _quoted_ns(row, received_ns)
    return _quote(
        symbol,
        price_of(row.get("stockPrice")),
        told or received_ns - DELAY_SECONDS * NANOSECONDS,
        received_ns,
    )


def translate_days(rows: Sequence[Row]) -> tuple[list[Bar], int]:
    """Return bars as traded, ascending, and how many rows were none."""
    bars: dict[int, Bar] = {}
    for row in rows:
        day = _date(row.get("tradeDate"))
        names = ("unadjOpen", "unadjHiPx", "unadjLoPx", "unadjClsPx")
        values = [price_of(row.get(name)) for name in names]
        if day is None or not all(isfinite(value) for value in values):
            continue
        start = to_ns(datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC))
        bars[start] = Bar(
            ts_event=start,
            open=values[0],
            high=max(values),
            low=min(values),
            close=values[3],
            volume=amount_of(row.get("unadjStockVolume"), SHARES_MAX),
        )
    return [bars[start] for start in sorted(bars)], len(rows) - len(bars)


def translate_actions(
    dividends: Sequence[Row], splits: Sequence[Row], *, symbol: str
) -> list[CorporateAction]:
    """Return dividends and splits, ascending."""
    actions = []
    for row in dividends:
        day, amount = _date(row.get("exDate")), price_of(row.get("divAmt"))
        if day is not None and amount > 0:
            actions.append(
                CorporateAction(
                    symbol=symbol,
                    kind=ActionKind.CASH_DIVIDEND,
                    ex_date=day,
                    amount=amount,
                    announced=_date(row.get("declaredDate")),
                    source=SOURCE,
                )
            )
    for row in splits:
        day, divisor = _date(row.get("splitDate")), price_of(row.get("divisor"))
        if day is not None and divisor > 0:
            actions.append(
                CorporateAction(
                    symbol=symbol,
                    kind=ActionKind.SPLIT,
                    ex_date=day,
                    ratio=divisor,
                    source=SOURCE,
                )
            )
    return sorted(actions, key=lambda action: (action.ex_date, action.kind))


def translate_past_earnings(rows: Sequence[Row], *, symbol: str) -> list[PastEarnings]:
    """Return earnings dates, ascending. `anncTod` is HHMM of New York, as number or text."""
    dates = {
        day: PastEarnings(symbol, day, _time_of_day(row.get("anncTod")), SOURCE)
        for row in rows
        if (day := _date(row.get("earnDate"))) is not None
    }
    return [dates[day] for day in sorted(dates)]


def translate_next_earnings(rows: Sequence[Row], *, symbol: str, today: date) -> list[EarningsDate]:
    """Return the next earnings where ORATS tells a day: 0000-00-00 is its word for none.

    A report at or after the close is traded on in the next session. ORATS does not say whether the
    company confirmed the day.
    """
    found = []
    for row in rows:
        day, at = _date(row.get("nextErn")), _time_of_day(row.get("nextErnTod"))
        if day is None or day < today:
            continue
        session = _next_weekday(day) if at is not None and at >= CLOSE else day
        found.append(EarningsDate(symbol=symbol, session=session, confirmed=False, source=LABEL))
    return found


def _next_weekday(day: date) -> date:
    return day + timedelta(days={4: 3, 5: 2}.get(day.weekday(), 1))


_GREEKS = ("delta", "gamma", "theta", "vega", "rho")


def _contract(row: Row, underlying: str, right: Right) -> OptionContract | str:
    """Return the contract of a side, or what is wrong with it."""
    expiration, strike = _date(row.get("expirDate")), row.get("strike")
    if expiration is None:
        return "Its expirDate is no date."
    if type(strike) not in {int, float}:
        return "Its strike is no number."
    try:
        root = root_of_strike(underlying, expiration)
        return contract_of(root, expiration, right, f"{strike:.3f}")
    except MalformedContract as error:
        return error.detail


def _columns(row: Row, right: Right) -> dict[str, object]:
    side = "call" if right is Right.CALL else "put"
    values: dict[str, object] = {
        ours: row.get(f"{side}{theirs}") for ours, theirs in _SIDES.items()
    }
    iv = _volatility(row, side)
    values["vendor_iv"] = iv if isfinite(iv) else None
    for name in _GREEKS:
        values[f"vendor_{name}"] = _greek(row, name, right)
    return values


def _volatility(row: Row, side: str) -> float:
    """Return the smoothed volatility, else a mid of two solved sides: half of one is none."""
    smoothed = _number(row.get("smvVol"))
    if smoothed > 0:
        return smoothed
    solved = _number(row.get(f"{side}BidIv")) > 0
    return _number(row.get(f"{side}MidIv")) if solved else nan


def _greek(row: Row, name: str, right: Right) -> float | None:
    value = _number(row.get(name))
    if not isfinite(value) or (right is Right.PUT and name == "rho"):
        return None  # the row says the call's rho
    if right is Right.PUT and name == "delta":
        return value - 1.0
    return 0.0 if name in {"gamma", "vega"} and -_TINY < value < 0 else value


def _number(value: Any) -> float:
    return value if type(value) in {int, float} else nan


def _spot(rows: Sequence[Row], underlying: str, ts_event: int, received_ns: int) -> Quote:
    """Return the cash price. `stockPrice` of an index is a forward of its row's expiration."""
    prices = (price_of(row.get("spotPrice", row.get("stockPrice"))) for row in rows)
    price = next((price for price in prices if price > 0), nan)
    return _quote(underlying, price, ts_event, received_ns)


def _quote(symbol: str, price: float, ts_event: int, received_ns: int) -> Quote:
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        last=price,
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=ts_event,
        ts_received=received_ns,
    )


def _quoted_ns(row: Row, received_ns: int) -> int:
    """Return when a row was true, 0 where it does not say. A time without a zone is UTC here."""
    told = row.get("quoteDate") or row.get("updatedAt")
    try:
        moment = datetime.fromisoformat(told)  # type: ignore[arg-type]  # refuses what is no text
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        instant = to_ns(moment.astimezone(UTC))
    except (TypeError, ValueError, OverflowError):
        return 0
    return min(instant, received_ns) if instant > 0 else 0


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value[:10])  # type: ignore[index]  # refuses what is no text
    except (TypeError, ValueError):
        return None


def _time_of_day(value: object) -> time | None:
    digits = str(value)
    if not digits.isdigit() or len(digits) not in {3, 4}:
        return None
    hour, minute = divmod(int(digits), 100)
    return time(hour, minute) if hour < 24 and minute < 60 else None
