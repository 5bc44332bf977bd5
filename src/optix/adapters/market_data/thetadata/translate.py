"""The terminal's rows and frames into kernel values. Pure: no network, no clock.

At this door: times are of New York without a zone (some versions add the offset); sequences are of
32 bits with a sign; vega and rho are for 1.00 and become per point, theta is per day already; what
was computed without a solution (`implied_vol` 0, a large `iv_error`) is missing. The close of a
contract is stamped when the report was made, after 17:15: its quotes may be as late as that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite, nan
from typing import Any, NamedTuple

from optix.adapters.market_data.bars import NEW_YORK, new_york_date
from optix.adapters.market_data.rows import (
    CheckedRows,
    RawRows,
    amount_of,
    check_rows,
    price_of,
    table_of,
)
from optix.adapters.market_data.thetadata.codes import condition_letter, exchange_letter
from optix.adapters.market_data.thetadata.wire import Row
from optix.kernel import opra
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_ns
from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    contract_of,
)
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.symbols import kind_of
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import Bar, ChainKey

SOURCE = "thetadata"
SHARES_MAX = 1e12
REPORT_TIME = time(17, 15)  # of New York, when closes are put together
IV_ERROR_MAX = 0.05
_SEQUENCE_MASK = 0xFFFF_FFFF
_PER_POINT = 0.01
_GREEKS = ("delta", "gamma", "theta", "vega", "rho")

Contracts = Mapping[OptionContract, Row]


class Beside(NamedTuple):
    """What other answers say of the contracts of a chain."""

    days: Contracts
    interest: Contracts
    greeks: Contracts


def instant_of(text: str, *, received_ns: int) -> int:
    """Return an instant, 0 where the text is none or lies in the future.

    One a little ahead of our clock counts as just received.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=NEW_YORK)
    instant = to_ns(moment.astimezone(UTC))
    if not 0 < instant <= received_ns + 5_000_000_000:
        return 0
    return min(instant, received_ns)


def number_of(text: str | None) -> object:
    """Return a cell as a number, None where it is empty; a text that is none stays, to be told."""
    if text is None or not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return text


def contract_of_row(row: Row) -> OptionContract:
    """Return a row's contract. Raises MalformedContract."""
    try:
        expiration = date.fromisoformat(row["expiration"])  # with or without dashes
    except ValueError as error:
        raise MalformedContract(f"{row['expiration'][:20]!r} is not a date.") from error
    return contract_of(row["symbol"], expiration, row["right"], row["strike"])


def by_contract(rows: Iterable[Row]) -> Contracts:
    """Return rows by their contract, without those that name none."""
    found: dict[OptionContract, Row] = {}
    for row in rows:
        try:
            found[contract_of_row(row)] = row
        except MalformedContract:
            continue
    return found


def translate_chain(
    quotes: Sequence[Row],
    *,
    key: ChainKey,
    beside: Beside,
    quality: Quality,
    spot: Quote | None,
    received_ns: int,
) -> ChainTable:
    """Return snapshots of one date as a table. The quotes say which contracts there are."""
    instants = [instant_of(row["timestamp"], received_ns=received_ns) for row in quotes]
    return table_of(
        key.underlying,
        _checked(key.underlying, quotes, beside, expiration=key.expiration),
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=max(instants, default=0) or received_ns,
        ts_received=received_ns,
        spot=spot,
    )


def translate_close(
    rows: Sequence[Row],
    *,
    underlying: str,
    day: date,
    interest: Contracts,
    spot: Quote | None,
    received_ns: int,
) -> ChainTable:
    """Return the closing chain of a session: all dates that had not expired."""
    own = by_contract(rows)
    checked = _checked(underlying, rows, Beside(own, interest, own), expiration=None)
    made = (row.get("underlying_timestamp") or row.get("created") or "" for row in rows)
    instants = [instant_of(text, received_ns=received_ns) for text in made]
    report = datetime.combine(day, REPORT_TIME, tzinfo=NEW_YORK).astimezone(UTC)
    return table_of(
        underlying,
        checked,
        instants=[0] * len(rows),
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=max([to_ns(report), *instants]),
        ts_received=received_ns,
        spot=spot,
    )


def _checked(
    underlying: str,
    rows: Sequence[Row],
    beside: Beside,
    *,
    expiration: date | None,
) -> CheckedRows:
    contracts: list[object] = []
    early: dict[int, tuple[str, str]] = {}
    for position, row in enumerate(rows):
        contract = None
        try:
            contract = contract_of_row(row)
        except MalformedContract as error:
            early[position] = ("malformed_symbol", error.detail)
        if contract is not None and expiration not in {None, contract.expiration}:
            reason = f"It expires on {contract.expiration}, {expiration} was asked for."
            early[position] = ("other_expiration", reason)
        contracts.append(contract)
    columns: dict[str, list[object]] = {
        name: [number_of(row.get(name)) for row in rows]
        for name in ("bid", "ask", "bid_size", "ask_size")
    }
    columns["last"] = [number_of(_of(beside.days, each).get("close")) for each in contracts]
    columns["volume"] = [number_of(_of(beside.days, each).get("volume")) for each in contracts]
    columns["open_interest"] = [
        number_of(_of(beside.interest, each).get("open_interest")) for each in contracts
    ]
    if beside.greeks:
        solved = [_analytics(_of(beside.greeks, each)) for each in contracts]
        for name in ("vendor_iv", *(f"vendor_{greek}" for greek in _GREEKS)):
            columns[name] = [values.get(name) for values in solved]
    raw = RawRows(
        contracts=contracts,
        columns=columns,
        describe=lambda position: repr(rows[position]),
        early=early,
    )
    return check_rows(underlying, raw)


def _of(rows: Contracts, contract: object) -> Row:
    return rows.get(contract, {}) if isinstance(contract, OptionContract) else {}


def _analytics(row: Row) -> Mapping[str, object]:
    """Return the volatility and its Greeks in our units; nothing where nothing was solved."""
    iv, error = number_of(row.get("implied_vol")), number_of(row.get("iv_error"))
    if not isinstance(iv, float) or not isinstance(error, float):
        return {}
    if not iv > 0 or not abs(error) <= IV_ERROR_MAX:
        return {}
    values: dict[str, object] = {"vendor_iv": iv}
    for name in _GREEKS:
        value = number_of(row.get(name))
        if isinstance(value, float):
            scale = _PER_POINT if name in {"vega", "rho"} else 1.0
            values[f"vendor_{name}"] = value * scale
    return values


def translate_trade(
    row: Row, *, contract: OptionContract, quality: Quality, received_ns: int
) -> Trade | None:
    """Return one print with the quote before it, None where it cannot be one."""
    price, size = number_of(row["price"]), number_of(row["size"])
    stamp = row.get("trade_timestamp") or row.get("timestamp") or ""
    instant = instant_of(stamp, received_ns=received_ns)
    codes = [_whole(row[name]) for name in ("sequence", "condition", "exchange")]
    if instant == 0 or None in codes:
        return None
    sequence, condition, exchange = (code or 0 for code in codes)
    return trade_of(
        contract.key,
        price=price_of(price),
        size=amount_of(size),
        sequence=sequence,
        condition=condition,
        exchange=exchange,
        bid=amount_of(number_of(row.get("bid"))),
        ask=amount_of(number_of(row.get("ask"))),
        quality=quality,
        ts_event=instant,
        received_ns=received_ns,
    )


def trade_of(
    symbol: str,
    *,
    price: float,
    size: float,
    sequence: int,
    condition: int,
    exchange: int,
    quality: Quality,
    ts_event: int,
    received_ns: int,
    bid: float = nan,
    ask: float = nan,
) -> Trade | None:
    """Return a print in our words. A cancel names the one it undoes by price and size only."""
    if not isfinite(price) or not size > 0:
        return None
    letter = condition_letter(condition)
    return Trade(
        symbol=symbol,
        price=price,
        size=size,
        exchange=exchange_letter(exchange),
        conditions=letter,
        sequence=sequence & _SEQUENCE_MASK,
        action=TradeAction.CANCEL if opra.is_cancel(letter) else TradeAction.NEW,
        bid=bid,
        ask=ask,
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=received_ns,
    )


def translate_security(
    symbol: str, quote: Row | None, day: Row | None, *, quality: Quality, received_ns: int
) -> Quote:
    """Return the quote of a security from its last quote, its day so far, or both."""
    quoted, traded = quote or {}, day or {}
    stamps = (quoted.get("timestamp", ""), traded.get("timestamp", ""))
    instants = [instant_of(stamp, received_ns=received_ns) for stamp in stamps]
    bid, ask = (amount_of(number_of(quoted.get(side))) for side in ("bid", "ask"))
    if not bid > 0 and not ask > 0:
        bid = ask = nan
    kind = kind_of(symbol)
    return Quote(
        symbol=symbol,
        kind=kind,
        bid=bid,
        ask=ask,
        bid_size=amount_of(number_of(quoted.get("bid_size")), SHARES_MAX),
        ask_size=amount_of(number_of(quoted.get("ask_size")), SHARES_MAX),
        last=price_of(number_of(traded.get("close"))),
        open=price_of(number_of(traded.get("open"))),
        high=price_of(number_of(traded.get("high"))),
        low=price_of(number_of(traded.get("low"))),
        # An index does not trade; its zero is no volume.
        volume=nan
        if kind is SecurityKind.INDEX
        else amount_of(number_of(traded.get("volume")), SHARES_MAX),
        source=SOURCE,
        quality=quality,
        ts_event=max(instants) or received_ns,
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def translate_bars(
    rows: Sequence[Row], *, column: str, symbol: str, daily: bool, received_ns: int
) -> tuple[list[Bar], int]:
    """Return bars, ascending, and how many rows were none. `column` holds the time."""
    bars: dict[int, Bar] = {}
    index = kind_of(symbol) is SecurityKind.INDEX
    for row in rows:
        instant = instant_of(row[column], received_ns=received_ns)
        values = [price_of(number_of(row[name])) for name in ("open", "high", "low", "close")]
        if instant == 0 or not all(isfinite(value) for value in values):
            continue
        if daily:
            day = new_york_date(instant)
            instant = to_ns(datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC))
        bars[instant] = Bar(
            ts_event=instant,
            open=values[0],
            high=max(values),
            low=min(values),
            close=values[3],
            volume=nan if index else amount_of(number_of(row["volume"]), SHARES_MAX),
        )
    return [bars[instant] for instant in sorted(bars)], len(rows) - len(bars)


def spot_of(symbol: str, bar: Bar, *, day: date, received_ns: int) -> Quote:
    """Return the close of a session as the spot of its closing chain."""
    close = datetime.combine(day, REPORT_TIME, tzinfo=NEW_YORK).astimezone(UTC)
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        last=bar.close,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        volume=bar.volume,
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=to_ns(close),
        ts_received=received_ns,
    )


def moment_of(day: int, ms_of_day: int) -> int:
    """Return the instant of a stream's date (YYYYMMDD) and milliseconds since midnight there.

    Milliseconds are those of a wall clock: on a day of 23 or 25 hours they are not the elapsed
    ones. Raises ValueError.
    """
    if not 0 <= ms_of_day < 86_400_000:
        raise ValueError("milliseconds beyond a day")
    midnight = datetime.combine(date.fromisoformat(str(day)), time(), tzinfo=NEW_YORK)
    # Adding to an aware time moves the wall clock, which is what is meant here.
    return to_ns((midnight + timedelta(milliseconds=ms_of_day)).astimezone(UTC))


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None
