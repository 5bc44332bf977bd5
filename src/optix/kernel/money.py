"""Exact money and prices: what belongs to somebody is never a float.

`Money` is an amount in a currency. **Cash received is positive, cash paid is negative**, for
premiums, fees, dividends and profit alike; vendors' words (credit, debit, BTO) become signs in
their adapters. `Price` is an exact price per share. Market data stays float, and only
`Price.to_float` and `Price.from_float` lead from one world to the other.

Arithmetic is exact or fails: a result that would need rounding raises, because rounding is a
decision with a name (`Rounding`). Both values go to JSON as `text`; the json module refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from enum import StrEnum
from functools import total_ordering
from math import isfinite
from typing import NoReturn

from optix.kernel.errors import InvalidInput
from optix.kernel.limits import MONEY_DIGITS_MAX, MONEY_PLACES_MAX, PRICE_MAX

# Wide enough for any amount times any quantity; Inexact is trapped, so nothing rounds in silence.
_EXACT = Context(prec=80, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
_ROUNDED = Context(prec=80, traps=[InvalidOperation, DivisionByZero, Overflow])

_MAGNITUDE_MAX = 40  # powers of ten, either way

_amount = re.compile(
    rf"[+-]?[0-9]{{1,{MONEY_DIGITS_MAX}}}(?:\.[0-9]{{1,{MONEY_PLACES_MAX}}})?", re.ASCII
).fullmatch
_currency = re.compile(r"[A-Z]{3}", re.ASCII).fullmatch


class Rounding(StrEnum):
    """The named ways to lose digits. The name says who uses it."""

    BOOK = ROUND_HALF_EVEN  # amounts we compute and book: no drift over many rows
    STATEMENT = ROUND_HALF_UP  # to compare with a broker's statement
    FEE = ROUND_UP  # away from zero: a fee is never understated
    KEEP = ROUND_DOWN  # towards zero: a gain is never overstated
    BID = ROUND_FLOOR  # a buyer's limit never moves up
    OFFER = ROUND_CEILING  # a seller's limit never moves down


class MalformedAmount(InvalidInput):
    """A text that is no exact amount or currency."""

    code = "malformed_amount"
    next_step = "Write an amount as plain digits with a dot, like -1234.50."


class MixedCurrencies(TypeError):
    """Two currencies met in one calculation. Our own mistake: convert before you add."""


def parse_decimal(text: str) -> Decimal:
    """Return the exact number of plain decimal text: no exponent, no blanks, ASCII digits."""
    if not isinstance(text, str):
        raise MalformedAmount(f"An amount is a text, not {type(text).__name__}.")
    if not _amount(text):
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise MalformedAmount(f"{shown!r} is not a plain decimal amount within the bounds.")
    return Decimal(text)


def _number(value: object, what: str) -> Decimal:
    """Accept what is exact. A float, however round, has passed a place where cents got lost."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise MalformedAmount(f"The {what} must be a finite number, not {value}.")
        if abs(value.adjusted()) > _MAGNITUDE_MAX:
            raise MalformedAmount(f"The {what} {value:.3E} is beyond any amount.")
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise TypeError(f"{what} must be Decimal or int, not {type(value).__name__}")


def _plain(value: Decimal) -> str:
    return format(value, "f")


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An exact signed amount: positive is cash received, negative is cash paid.

    Equal amounts are equal whatever their trailing zeros. Currencies never mix.
    """

    amount: Decimal
    currency: str = "USD"

    def __post_init__(self) -> None:
        amount = _number(self.amount, "amount")
        if not _currency(self.currency):
            raise MalformedAmount(f"{self.currency!r} is not a currency code like USD.")
        object.__setattr__(self, "amount", _EXACT.plus(amount))  # plus turns -0 into 0

    @classmethod
    def parse(cls, text: str, currency: str = "USD") -> Money:
        """Return the money of an amount as a broker writes it. MalformedAmount if it is none."""
        return cls(parse_decimal(text), currency)

    @classmethod
    def zero(cls, currency: str = "USD") -> Money:
        return cls(Decimal(0), currency)

    @classmethod
    def received(cls, magnitude: Decimal | int, currency: str = "USD") -> Money:
        """Return money coming in: a sale, a credit, a dividend. `magnitude` is not negative."""
        number = _number(magnitude, "magnitude")
        assert number >= 0, "a magnitude has no sign"
        return cls(number, currency)

    @classmethod
    def paid(cls, magnitude: Decimal | int, currency: str = "USD") -> Money:
        """Return money going out: a purchase, a debit, a fee. `magnitude` is not negative."""
        return -cls.received(magnitude, currency)

    @property
    def text(self) -> str:
        """The amount for JSON and for the database: plain digits, never an exponent."""
        return _plain(self.amount)

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __lt__(self, other: object) -> bool:
        return self.amount < self._amount_of(other)

    def __add__(self, other: Money) -> Money:
        return Money(_EXACT.add(self.amount, self._amount_of(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(_EXACT.subtract(self.amount, self._amount_of(other)), self.currency)

    def __neg__(self) -> Money:
        return Money(_EXACT.minus(self.amount), self.currency)

    def __abs__(self) -> Money:
        return Money(_EXACT.abs(self.amount), self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(_EXACT.multiply(self.amount, _number(factor, "factor")), self.currency)

    __rmul__ = __mul__

    def __truediv__(self, _divisor: object) -> NoReturn:
        raise TypeError("money does not divide exactly: use ratio_to, split or rounded")

    def ratio_to(self, other: Money) -> Decimal:
        """Return this amount over `other`, rounded to 80 digits: a share, not money."""
        return _ROUNDED.divide(self.amount, self._amount_of(other))

    def rounded(self, rule: Rounding, *, unit: Decimal = Decimal("0.01")) -> Money:
        """Return the amount as a whole number of `unit`, by a named rule."""
        return Money(_to_unit(self.amount, unit, rule), self.currency)

    def split(self, weights: Iterable[int], *, unit: Decimal = Decimal("0.01")) -> list[Money]:
        """Return shares by integer weights that sum to the whole exactly.

        Each share is cut towards zero to `unit`; what is left over, parts below a unit included,
        goes to the first share with a weight, so that a fill split over lots loses nothing.
        """
        counts = list(weights)
        whole = sum(counts)
        assert all(count >= 0 for count in counts), "weights are not negative"
        assert whole > 0, "there is something to split over"
        shares = [
            Money(_to_unit(self.amount, unit, Rounding.KEEP, count, whole), self.currency)
            for count in counts
        ]
        first = next(place for place, count in enumerate(counts) if count)
        shares[first] += self - total(shares, self.currency)
        return shares

    def _amount_of(self, other: object) -> Decimal:
        if not isinstance(other, Money):
            raise TypeError(f"money and {type(other).__name__} do not mix")
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency} do not mix")
        return other.amount


def total(amounts: Iterable[Money], currency: str = "USD") -> Money:
    """Return the sum, zero of `currency` where there is nothing to add."""
    result = Money.zero(currency)
    for amount in amounts:
        result += amount
    return result


@total_ordering
@dataclass(frozen=True, slots=True)
class Price:
    """An exact price per share. Negative for the net price of a package that pays its buyer."""

    value: Decimal

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _EXACT.plus(_number(self.value, "price")))

    @classmethod
    def parse(cls, text: str) -> Price:
        """Return the price a broker writes. MalformedAmount if it is none."""
        return cls(parse_decimal(text))

    @classmethod
    def from_float(cls, value: float, tick: Decimal) -> Price:
        """Return the multiple of `tick` nearest to a float of market data. The door in.

        `tick` is the precision that the source really has, 0.01 or 0.0001 for a print, whatever
        the class's own increment is: prints are never snapped to an increment.
        """
        if not isfinite(value) or abs(value) > PRICE_MAX:
            raise MalformedAmount(f"{value} is not a price.")
        return cls(_to_unit(Decimal(value), tick, Rounding.BOOK))

    def to_float(self) -> float:
        """Return the nearest float, for market data and analytics. The door out."""
        return float(self.value)

    @property
    def text(self) -> str:
        """The price for JSON: plain digits, never an exponent."""
        return _plain(self.value)

    def __str__(self) -> str:
        return self.text

    def __lt__(self, other: object) -> bool:
        return self.value < self._value_of(other)

    def __add__(self, other: Price) -> Price:
        return Price(_EXACT.add(self.value, self._value_of(other)))

    def __sub__(self, other: Price) -> Price:
        return Price(_EXACT.subtract(self.value, self._value_of(other)))

    def __neg__(self) -> Price:
        return Price(_EXACT.minus(self.value))

    def snapped(self, tick: Decimal, rule: Rounding) -> Price:
        """Return an order price on its increment. BID for a buyer, OFFER for a seller."""
        return Price(_to_unit(self.value, tick, rule))

    def is_on(self, tick: Decimal) -> bool:
        """True where the price is a whole number of ticks."""
        return not _EXACT.remainder(self.value, tick)

    def cash(self, quantity: Decimal | int, multiplier: int, currency: str = "USD") -> Money:
        """Return the cash of trading a signed quantity: buying (positive) pays, selling receives.

        `multiplier` is the contract's: 100 for standard options, 1 for shares.
        """
        size = _EXACT.multiply(_number(quantity, "quantity"), _number(multiplier, "multiplier"))
        return Money(_EXACT.minus(_EXACT.multiply(self.value, size)), currency)

    def _value_of(self, other: object) -> Decimal:
        if not isinstance(other, Price):
            raise TypeError(f"a price and {type(other).__name__} do not mix")
        return other.value


def _to_unit(
    value: Decimal, unit: Decimal, rule: Rounding, factor: int = 1, divisor: int = 1
) -> Decimal:
    """Return value × factor ÷ divisor as a whole number of units, rounded once.

    Integers keep the quotient exact until then: two roundings could cross a half.
    """
    step = _number(unit, "unit")
    assert step > 0, "a unit is positive"
    numerator, denominator = value.as_integer_ratio()
    step_numerator, step_denominator = step.as_integer_ratio()
    count = _rounded_quotient(
        numerator * factor * step_denominator, denominator * divisor * step_numerator, rule
    )
    return _EXACT.multiply(Decimal(count), step)


def _rounded_quotient(numerator: int, denominator: int, rule: Rounding) -> int:
    floor, rest = divmod(numerator, denominator)
    if not rest:
        return floor
    if rule is Rounding.BID:
        return floor
    if rule is Rounding.OFFER:
        return floor + 1
    negative = numerator < 0
    if rule is Rounding.FEE:
        return floor if negative else floor + 1
    if rule is Rounding.KEEP:
        return floor + 1 if negative else floor
    if 2 * rest != denominator:
        return floor + (2 * rest > denominator)
    if rule is Rounding.STATEMENT:
        return floor if negative else floor + 1
    return floor + floor % 2
