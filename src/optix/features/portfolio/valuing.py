"""What rows are worth: marks by one stated rule, values to the cent, the change of the day.

The rule: the middle of a sane quote; else what the model makes of the volatility of the strikes
around it, within bid and ask; else the vendor's own theoretical price; else the last trade; else
the broker's price; else, for cash that earns, its par. Marks are per name of the market and made
anew only for names that changed.

Money is exact: a mark is taken to millionths of a dollar, and values are whole numbers of cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from optix.features.market import wire
from optix.features.market.marks import ASK, BID, MarkColumns, Marks
from optix.features.market.marks import LAST as TRADED
from optix.features.portfolio.holding import (
    UNKNOWN,
    Cents,
    Holding,
    Units,
    cents_of,
    underlying_symbol,
)
from optix.features.portfolio.repricing import prices_of
from optix.quant.arrays import BoolArray, FloatArray

# A quote wider than this share of its middle says little of a price, unless it is a few cents wide.
SPREAD_SHARE_MAX: Final = 0.25
SPREAD_SANE: Final = 0.10
SOURCES: Final = ("mid", "model", "last", "broker", "par")
MID, MODEL, LAST, BROKER, PAR = range(5)
NO_SOURCE: Final = -1
_MILLIONTHS: Final = 1_000_000
_MILLIONTHS_PER_CENT: Final = 10_000
_NEAR: Final = 1e-3  # of a millionth: what floats round
_WHOLE_MAX: Final = 1e12

Codes = NDArray[np.int8]


@dataclass(slots=True)
class Valued:
    """Columns of a holding at one instant. `price` is NaN and `source` -1 where nobody says."""

    price: FloatArray
    source: Codes
    value: Cents
    change: Cents
    change_of_broker: BoolArray
    spot: FloatArray  # of the underlying; NaN where there is none


class Valuer:
    """Values one holding by one market, again and again."""

    def __init__(self, holding: Holding, marks: Marks) -> None:
        self.holding = holding
        self.marks = marks
        names = marks.rows
        assets = [row.position.asset for row in holding.rows]
        own = [names.get(asset.symbol, -1) for asset in assets]
        self.name: NDArray[np.intp] = np.array(own, np.intp)
        self.name[~(holding.in_dollars & (holding.is_contract | holding.is_share))] = -1
        under = [names.get(underlying_symbol(asset) or "", -1) for asset in assets]
        self.underlying: NDArray[np.intp] = np.array(under, np.intp)
        self.underlying[~holding.in_dollars] = -1
        self._price = np.full(len(marks.names), nan)
        self._source = np.full(len(marks.names), NO_SOURCE, np.int8)
        self.valued = self._value()
        self.version = 0
        self._unrealised: tuple[int, list[Decimal | None]] | None = None

    @property
    def symbols(self) -> list[str]:
        """Underlyings and shares, the benchmark among them."""
        return self.marks.names[: self.marks.symbols]

    def update(self) -> BoolArray:
        """Take in what the market said since; return which rows it touched."""
        changed = self.marks.read()
        if changed.any():
            _mark(self.marks.columns, np.flatnonzero(changed), self._price, self._source)
            self.valued = self._value()
            self.version += 1
        touched = np.append(changed, False)
        return np.asarray(touched[self.name] | touched[self.underlying])

    def _value(self) -> Valued:
        held, columns = self.holding, self.marks.columns
        price = np.append(self._price, nan)[self.name]
        source = np.append(self._source, np.int8(NO_SOURCE))[self.name]
        lacking = source == NO_SOURCE
        by_broker = lacking & np.isfinite(held.broker_price)
        at_par = lacking & ~by_broker & held.at_par
        price = np.where(by_broker, held.broker_price, np.where(at_par, 1.0, price))
        source[by_broker], source[at_par] = BROKER, PAR
        value = amounts(price, held.now)
        value[lacking & ~at_par] = held.broker_value[lacking & ~at_par]
        closed = np.append(columns.previous_close, nan)[self.name]
        before = amounts(closed, held.before)
        opened = (held.before.exact == 0) & held.before.known
        opened[list(held.before.odd)] = False
        before[opened] = 0  # nothing was held at the close, whatever that was
        gone = (held.now.exact == 0) & held.now.known
        gone[list(held.now.odd)] = False
        value[gone] = 0
        known = (~lacking | gone) & (value != UNKNOWN) & (before != UNKNOWN)
        change = np.where(known, value - before + held.paid, held.broker_change)
        return Valued(
            price=price,
            source=source,
            value=value,
            change=change,
            change_of_broker=~known & (held.broker_change != UNKNOWN),
            spot=np.append(columns.terms[3, : self.marks.symbols], nan)[
                np.where(self.underlying < 0, self.marks.symbols, self.underlying)
            ],
        )

    def unrealised(self) -> list[Decimal | None]:
        """Return value less cost of each row, exact; None where one of them is not known."""
        if self._unrealised is None or self._unrealised[0] != self.version:
            rows, values = self.holding.rows, self.valued.value.tolist()
            found = [
                None
                if (cost := row.position.cost) is None or cents == UNKNOWN
                else Decimal(cents).scaleb(-2) - cost.amount
                for row, cents in zip(rows, values, strict=True)
            ]
            self._unrealised = (self.version, found)
        return self._unrealised[1]

    def reason(self, row: int) -> str:
        """Return why a row has no mark, or not the middle; '' where it has that."""
        source, name = int(self.valued.source[row]), int(self.name[row])
        if source in {MID, PAR}:
            return ""
        if name < 0:
            return "no_quote" if self.holding.in_dollars[row] else "foreign_currency"
        return why(self.marks.columns, name) or "wide_or_one_sided"


def why(columns: MarkColumns, name: int) -> str:
    """Return what keeps a name from having a quote or analytics; '' where nothing does."""
    if not columns.known[name]:
        return columns.reasons[name]
    word = wire.STATUS_WORDS[columns.status[name]]
    return "" if word == "ok" else word


def amounts(price: FloatArray, units: Units) -> Cents:
    """Return price times units in whole cents, half cents to the even one; `UNKNOWN` for NaN."""
    known = np.isfinite(price) & units.known
    scaled = np.where(known, price, 0.0) * _MILLIONTHS
    whole = np.rint(scaled)
    fits = (np.abs(scaled - whole) <= _NEAR) & (np.abs(whole) < _WHOLE_MAX)
    product = np.where(fits, whole, 0.0).astype(np.int64) * units.exact
    cents, rest = np.divmod(product, _MILLIONTHS_PER_CENT)
    half = _MILLIONTHS_PER_CENT // 2
    cents += (rest > half) | ((rest == half) & (cents % 2 == 1))
    for row in {*units.odd, *np.flatnonzero(known & ~fits).tolist()}:
        if known[row]:
            exact = Decimal(repr(round(price[row].item(), 12)))
            cents[row] = cents_of(exact * units.odd.get(row, Decimal(int(units.exact[row]))))
    return np.where(known, cents, UNKNOWN)


def _mark(columns: MarkColumns, names: NDArray[np.intp], price: FloatArray, source: Codes) -> None:
    """Write the mark of each of these names, and where it is from."""
    bid, ask, last = (columns.quotes[each, names] for each in (BID, ASK, TRADED))
    contract = np.isfinite(columns.strike[names])
    middle, width = (bid + ask) / 2, ask - bid
    sane = (ask > 0) & (bid <= ask) & ((bid > 0) | ((bid == 0) & contract))
    sane &= width <= np.maximum(SPREAD_SANE, middle * SPREAD_SHARE_MAX)
    found = np.where(sane, middle, nan)
    by = np.where(sane, MID, NO_SOURCE).astype(np.int8)
    open_ = np.flatnonzero(~sane & contract)
    if open_.size:
        model = prices_of(columns, names[open_], columns.near_iv[names[open_]])
        model = np.where(np.isfinite(model), model, columns.theoretical[names[open_]])
        model = np.maximum(model, np.where(bid[open_] > 0, bid[open_], 0.0))
        model = np.minimum(model, np.where(ask[open_] > 0, ask[open_], np.inf))
        model = np.where(columns.status[names[open_]] == _EXPIRED, nan, model)
        made = np.isfinite(model)
        found[open_[made]], by[open_[made]] = model[made], MODEL
    traded = (by == NO_SOURCE) & (last > 0) & (columns.status[names] != _EXPIRED)
    found[traded], by[traded] = last[traded], LAST
    price[names], source[names] = found, by


_EXPIRED: Final = wire.STATUS_WORDS.index("expired")
