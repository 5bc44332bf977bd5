"""What an owner holds, compiled into columns: made anew only when a snapshot or a trade is new.

A row is one position of one account. Rows of the day stand behind them: what was held at the
previous close and is not any more, with a quantity of nothing. Quantities stay exact beside their
float, which only Greeks are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import nan
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from optix.features.brokerage.service import HeldAccount
from optix.features.portfolio.day import Day
from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.instrument import OptionContract
from optix.kernel.money import Money, Rounding
from optix.kernel.roots import underlying_of
from optix.quant.arrays import BoolArray, FloatArray

DOLLARS: Final = "USD"  # what all market prices are in
SHARES: Final = frozenset({AssetKind.STOCK, AssetKind.ETF})
_UNMODELLED: Final = frozenset({AssetKind.FUTURE, AssetKind.FUTURE_OPTION, AssetKind.OTHER})
_UNITS_MAX: Final = 9_000_000  # that a price in millionths times them stays within 64 bits
_CENT: Final = Decimal("0.01")
_NOTHING: Final = Decimal(0)

Cents = NDArray[np.int64]
UNKNOWN: Final = -(2**63)  # in a column of cents: nobody says


@dataclass(frozen=True, slots=True)
class Row:
    """One position of one account; `closed` is one that was held at the previous close only."""

    account: int
    position: Position
    traded: Decimal  # quantity bought less sold today
    paid: Decimal  # cash of that, positive is received
    closed: bool


@dataclass(frozen=True, slots=True)
class Units:
    """Quantities times multipliers: `exact` where they are whole and not too many, else in `odd`.

    Shapes:  (rows,). `floats` is NaN where no direction is known.
    """

    floats: FloatArray
    exact: NDArray[np.int64]
    known: BoolArray
    odd: dict[int, Decimal]


@dataclass(frozen=True, slots=True)
class Holding:
    """Columns of rows. Cents are `UNKNOWN` where the broker says nothing."""

    accounts: Sequence[HeldAccount]
    rows: Sequence[Row]
    symbols: frozenset[str]
    contracts: tuple[OptionContract, ...]
    now: Units
    before: Units  # at the previous close
    paid: Cents
    broker_price: FloatArray
    broker_value: Cents
    broker_change: Cents
    is_contract: BoolArray
    is_share: BoolArray
    needs_greeks: BoolArray
    in_dollars: BoolArray
    at_par: BoolArray

    def __len__(self) -> int:
        return len(self.rows)


def underlying_symbol(asset: Asset) -> str | None:
    """Return whose price moves an asset; None for what has no quoted one."""
    if asset.contract is not None:
        return underlying_of(asset.contract.root)
    return asset.symbol if asset.kind in SHARES else None


def needs_greeks(asset: Asset) -> bool:
    """Cash, bonds and funds have none and are not missing any."""
    return asset.contract is not None or asset.kind in SHARES or asset.kind in _UNMODELLED


def cents_of(amount: Decimal) -> int:
    """Return an amount in whole cents, as it is booked."""
    return int(amount.quantize(_CENT, rounding=Rounding.BOOK).scaleb(2))


def compile_holding(accounts: Sequence[HeldAccount], day: Day) -> Holding:
    """Return the columns of all positions of all accounts, and of what the day closed."""
    rows = _rows(accounts, day)
    assets = [row.position.asset for row in rows]
    quantities = [row.position.quantity for row in rows]
    before = [
        None if quantity is None else quantity - row.traded
        for quantity, row in zip(quantities, rows, strict=True)
    ]
    multipliers = [asset.multiplier for asset in assets]
    return Holding(
        accounts=accounts,
        rows=rows,
        symbols=frozenset(
            name
            for asset in assets
            if asset.currency == DOLLARS and (name := underlying_symbol(asset)) is not None
        ),
        contracts=tuple({a.symbol: a.contract for a in assets if a.contract is not None}.values()),
        now=_units(quantities, multipliers),
        before=_units(before, multipliers),
        paid=np.array([cents_of(row.paid) for row in rows], np.int64),
        broker_price=np.array([_price(row.position) for row in rows], np.float64),
        broker_value=_cents([_value(row.position) for row in rows]),
        broker_change=_cents([_amount(row.position.day_change) for row in rows]),
        is_contract=_flags([asset.contract is not None for asset in assets]),
        is_share=_flags([asset.kind in SHARES for asset in assets]),
        needs_greeks=_flags(
            [
                needs_greeks(asset) and not row.closed
                for asset, row in zip(assets, rows, strict=True)
            ]
        ),
        in_dollars=_flags([asset.currency == DOLLARS for asset in assets]),
        at_par=_flags([asset.kind is AssetKind.CASH_EQUIVALENT for asset in assets]),
    )


def _rows(accounts: Sequence[HeldAccount], day: Day) -> list[Row]:
    rows, left = [], dict(day.traded)
    for number, account in enumerate(accounts):
        for position in () if account.snapshot is None else account.snapshot.positions:
            traded = left.pop((account.id, position.asset.key), None)
            moved = (_NOTHING, _NOTHING) if traded is None else (traded.quantity, traded.cash)
            rows.append(Row(number, position, *moved, closed=False))
    numbers = {account.id: number for number, account in enumerate(accounts)}
    for (account_id, _), traded in left.items():
        gone = Position(asset=traded.asset, quantity=_NOTHING, size=_NOTHING)
        rows.append(Row(numbers[account_id], gone, traded.quantity, traded.cash, closed=True))
    return rows


def _units(quantities: Sequence[Decimal | None], multipliers: Sequence[int]) -> Units:
    count = len(quantities)
    floats, exact = np.full(count, nan), np.zeros(count, np.int64)
    odd: dict[int, Decimal] = {}
    for row, (quantity, multiplier) in enumerate(zip(quantities, multipliers, strict=True)):
        if quantity is None:
            continue
        units = quantity * multiplier
        floats[row] = units
        if units == int(units) and abs(units) <= _UNITS_MAX:
            exact[row] = int(units)
        else:
            odd[row] = units
    return Units(floats, exact, np.isfinite(floats), odd)


def _price(position: Position) -> float:
    return nan if position.price is None else position.price.to_float()


def _value(position: Position) -> Decimal | None:
    """Return what the broker says that it is worth: by its own price, else in one sum."""
    if position.quantity is None:
        return None
    if position.price is not None:
        return position.price.value * position.quantity * position.asset.multiplier
    return _amount(position.value)


def _amount(money: Money | None) -> Decimal | None:
    return None if money is None else money.amount


def _cents(amounts: Sequence[Decimal | None]) -> Cents:
    return np.array([UNKNOWN if a is None else cents_of(a) for a in amounts], np.int64)


def _flags(values: Sequence[Any]) -> BoolArray:
    return np.array(values, np.bool_)
