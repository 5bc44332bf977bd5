"""The market of the feed's benchmark: an index with 20,000 contracts, stocks, and an hour of both.

Made here from a smile and a seed, so that it is the same for everybody.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from optix.adapters.market_data.recording import RecordingWriter
from optix.features.market import calendar
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.quant import black_scholes

NOW_NS: Final = 1_795_013_400 * NANOSECONDS  # 2026-11-18 14:50 UTC
TODAY: Final = date(2026, 11, 18)
INDEX_SPOT: Final = 6_000.0
EXPIRATIONS: Final = 50
STRIKES: Final = 200
RATE: Final = 0.04
_TERMS: Final = ListedTerms()


def expirations(count: int = EXPIRATIONS) -> list[date]:
    """Return dates as an index has them: each session for a month, Fridays, then monthlies."""
    days = calendar.next_sessions(TODAY, min(count, 22))
    while len(days) < count:
        step = 7 if len(days) < 32 else 28
        days.append(calendar.session_on_or_before(days[-1] + timedelta(days=step)))
    return days


def contracts_of(
    root: str, days: Sequence[date], strikes: int, spot: float, step: float
) -> list[OptionContract]:
    """Return calls and puts around the spot."""
    first = spot - step * (strikes // 2)
    return [
        OptionContract(root, day, right, int((first + step * number) * 1000))
        for day in days
        for number in range(strikes)
        for right in (Right.CALL, Right.PUT)
    ]


def chain_table(
    contracts: Sequence[OptionContract],
    underlying: str,
    *,
    spot: float,
    at_ns: int,
    seed: int,
    complete: bool = True,
) -> ChainTable:
    """Return the quotes of contracts at a spot: ticks of five cents, a spread of two percent."""
    years = np.array(
        [
            (_TERMS.terms_of(c.root, c.expiration).settles_at_ns - at_ns) / NANOSECONDS / 31_536_000
            for c in contracts
        ]
    )
    strike = np.array([c.strike for c in contracts])
    is_call = np.array([c.right is Right.CALL for c in contracts])
    forward = spot * np.exp((RATE - 0.013) * years)
    k = np.log(strike / forward) / np.sqrt(np.maximum(years, 0.02))
    vol = np.clip(0.15 - 0.08 * k + 0.06 * k * k, 0.06, 1.2)
    price = black_scholes.price(
        forward=forward, strike=strike, expiry_years=years, vol=vol, rate=RATE, is_call=is_call
    )
    half = np.maximum(0.01 * price, 0.05)
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {name: nan_column(len(contracts)) for name in CHAIN_COLUMNS}
    given = {
        "bid": np.maximum(np.floor((price - half) / 0.05) * 0.05, 0.0),
        "ask": np.ceil((price + half) / 0.05) * 0.05,
        "bid_size": random.integers(1, 500, len(contracts)),
        "ask_size": random.integers(1, 500, len(contracts)),
        "last": np.round(price, 2),
        "volume": random.integers(0, 5_000, len(contracts)),
        "open_interest": np.full(len(contracts), 100.0),
    }
    for name, values in given.items():
        columns[name] = array("d", np.round(values, 2).tolist())
    return ChainTable(
        underlying=underlying,
        contracts=list(contracts),
        columns=columns,
        source="benchmark",
        quality=Quality.REALTIME,
        ts_event=at_ns,
        ts_received=at_ns,
        spot=quote_of(underlying, spot, at_ns),
        complete=complete,
    )


def quote_of(symbol: str, price: float, at_ns: int) -> Quote:
    return Quote(
        symbol=symbol,
        kind=SecurityKind.STOCK,
        bid=round(price - 0.01, 2),
        ask=round(price + 0.01, 2),
        bid_size=5,
        ask_size=7,
        last=round(price, 2),
        previous_close=100.0,
        volume=1_000_000.0,
        source="benchmark",
        quality=Quality.REALTIME,
        ts_event=at_ns,
        ts_received=at_ns,
    )


def quote_stream(symbols: int, count: int, seconds: float) -> Iterator[Quote]:
    """Yield quotes of many symbols in the order of time."""
    names = [f"S{number:04d}" for number in range(symbols)]
    random = np.random.default_rng(1)
    which = random.integers(0, symbols, count).tolist()
    steps = random.integers(-5, 6, count).tolist()
    prices = [100.0] * symbols
    for number, (symbol, step) in enumerate(zip(which, steps, strict=True)):
        prices[symbol] += step / 100.0
        at_ns = NOW_NS + int(number * seconds / count * NANOSECONDS)
        yield quote_of(names[symbol], prices[symbol], at_ns)


def write_hour(path: Path, *, seconds: int = 3_600) -> int:
    """Record an hour: each second 20 quotes of 40 stocks, and 60 rows of three chains of an ETF.

    Returns how many updates it has.
    """
    random = np.random.default_rng(2)
    days = expirations(3)
    contracts = contracts_of("SPY", days, 60, 600.0, 1.0)
    spot, updates = 600.0, 0
    with RecordingWriter(path) as writer:
        writer.append(chain_table(contracts, "SPY", spot=spot, at_ns=NOW_NS, seed=0), NOW_NS)
        for second in range(1, seconds):
            at_ns = NOW_NS + second * NANOSECONDS
            spot += float(random.normal(0.0, 0.02))
            for number in random.choice(40, 20, replace=False).tolist():
                writer.append(quote_of(f"S{number:04d}", 100 + second / 1e3, at_ns), at_ns)
            rows = random.choice(len(contracts), 60, replace=False)
            some = [contracts[row] for row in sorted(rows.tolist())]
            for day in days:
                part = [contract for contract in some if contract.expiration == day]
                table = chain_table(
                    part, "SPY", spot=spot, at_ns=at_ns, seed=second, complete=False
                )
                writer.append(table, at_ns)
            updates += 20 + len(days)
    return updates
