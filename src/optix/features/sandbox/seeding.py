"""A year of history for a new paper account: made up from a seed, and consistent line by line.

What happens is what makes importers stumble: deposits, trades in shares and options, packages of
several legs, a roll, an assignment, contracts that expire, dividends, interest, fees and a split.
Prices walk at random and end near those of the opening day, so that what is held is worth about
what it cost. The same seed, day and prices give the same year.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from random import Random
from typing import Final
from uuid import UUID

from optix.features.market import calendar
from optix.features.sandbox.rules import ZERO, asset_of, cents, fees_of
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.money import Money, Price

# What a walk ends at where the feed has no quote on the opening day.
USUAL_PRICES: Final[Mapping[str, Decimal]] = {
    "SPY": Decimal(600),
    "AAPL": Decimal(230),
    "MSFT": Decimal(430),
    "NVDA": Decimal(140),
    "XOM": Decimal(112),
}
SESSIONS: Final = 252
VOLATILITY: Final = 0.25
SPARE_CASH: Final = Decimal(60_000)  # of the first deposit, beside what shares cost
ROUND_SUM: Final = Decimal(10_000)
_SPLIT: Final = 4
_CALL, _PUT = Right.CALL, Right.PUT


@dataclass(frozen=True, slots=True)
class _Leg:
    symbol: str
    quantity: int
    price: Decimal
    effect: PositionEffect


class _Year:
    """The lines so far, and the prices of each session."""

    def __init__(self, seed: str, today: date, prices: Mapping[str, Decimal]) -> None:
        self._random = Random(seed)  # noqa: S311  # a made-up history, no secret
        last = calendar.previous_session(today)
        first = last - timedelta(days=365)
        self.days = list(calendar.iter_sessions(first, last))[-SESSIONS:]
        ends = {symbol: prices.get(symbol, usual) for symbol, usual in USUAL_PRICES.items()}
        self._walks = {symbol: self._walk(end) for symbol, end in ends.items()}
        self.lines: list[Activity] = []

    def price(self, symbol: str, place: int) -> Decimal:
        return self._walks[symbol][place]

    def place_of(self, day: date) -> int:
        """Return the session on or before `day`."""
        return max(place for place, each in enumerate(self.days) if each <= day)

    def add(self, kind: ActivityKind, place: int, cash: Decimal, text: str, **more: object) -> None:
        at = datetime.combine(self.days[place], time(9, 45), calendar.NEW_YORK).astimezone(UTC)
        self.lines.append(
            Activity(
                id=self.new_id(),
                kind=kind,
                status=ActivityStatus.POSTED,
                day=self.days[place],
                at=at + timedelta(minutes=self._random.randrange(300)),
                cash=Money(cash),
                description=text,
                **more,  # type: ignore[arg-type]  # fields of an activity, named at each call
            )
        )

    def new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def trade(self, place: int, *legs: _Leg) -> None:
        """Fill one order of one or more legs."""
        order = self.new_id()
        for leg in legs:
            asset = asset_of(leg.symbol)
            fees = fees_of(asset, Decimal(leg.quantity))
            price = Price(leg.price)
            gross = price.cash(leg.quantity, asset.multiplier)
            self.add(
                ActivityKind.TRADE,
                place,
                gross.amount - fees,
                f"{'Bought' if leg.quantity > 0 else 'Sold'} {abs(leg.quantity)} {leg.symbol}",
                asset=asset,
                quantity=Decimal(leg.quantity),
                price=price,
                fees=Money(-fees),
                effect=leg.effect,
                order_id=order,
            )

    def option(self, symbol: str, day: date, right: Right, strike: Decimal) -> str:
        return OptionContract(symbol, day, right, int(strike * 1000)).key

    def premium(self, key: str, place: int) -> Decimal:
        """Return about what a contract was worth, by the normal model; at least a cent."""
        contract = asset_of(key).contract
        assert contract is not None
        spot = Price(self.price(contract.root, place)).to_float()
        years = max((contract.expiration - self.days[place]).days, 0.5) / 365
        deviation = spot * VOLATILITY * math.sqrt(years)
        inside = spot - contract.strike if contract.right is _CALL else contract.strike - spot
        steps = inside / deviation
        density = math.exp(-steps * steps / 2) / math.sqrt(2 * math.pi)
        weight = (1 + math.erf(steps / math.sqrt(2))) / 2
        return max(cents(Decimal(inside * weight + deviation * density)), Decimal("0.01"))

    def _walk(self, end: Decimal) -> list[Decimal]:
        step = VOLATILITY / math.sqrt(SESSIONS)
        prices = [Price(end).to_float()]
        for _ in range(len(self.days) - 1):
            prices.append(prices[-1] * math.exp(self._random.gauss(0, step)))
        return [cents(Decimal(price)) for price in reversed(prices)]


def year_of(seed: str, today: date, prices: Mapping[str, Decimal]) -> Sequence[Activity]:
    """Return the lines of the year before `today`, the oldest first.

    Units: `prices` per share by symbol; what is missing there ends at its usual price.
    """
    year = _Year(seed, today, prices)
    for part in (_money, _shares, _split, _rolled_call, _assigned_put, _packages, _open_packages):
        part(year)
    year.lines.sort(key=lambda line: line.day)  # a stable sort: parts stay in their order
    return year.lines


def strike_near(price: Decimal, away: Decimal) -> Decimal:
    """Return the multiple of five nearest to `price` times `away`: such a strike is listed."""
    return max(Decimal(5), (price * away / 5).to_integral_value() * 5)


def _open(symbol: str, quantity: int, price: Decimal) -> _Leg:
    return _Leg(symbol, quantity, price, PositionEffect.OPENING)


def _close(symbol: str, quantity: int, price: Decimal) -> _Leg:
    return _Leg(symbol, quantity, price, PositionEffect.CLOSING)


def _monthlies(year: _Year) -> Iterator[date]:
    """Yield the monthly expirations within the year."""
    first, last = year.days[0], year.days[-1]
    for months in range(13):
        number = first.month - 1 + months
        day = calendar.monthly_expiration(first.year + number // 12, number % 12 + 1)
        if first < day <= last:
            yield day


# Shares that a year buys, and when; those that are split later are counted as they are now.
_BOUGHT: Final = (("AAPL", 1, 300), ("XOM", 3, 350), ("MSFT", 10, 100), ("NVDA", 30, 100))


def _money(year: _Year) -> None:
    spent = sum((year.price(symbol, place) * shares for symbol, place, shares in _BOUGHT), ZERO)
    deposit = ((spent + SPARE_CASH) / ROUND_SUM).to_integral_value(ROUND_CEILING) * ROUND_SUM
    year.add(ActivityKind.DEPOSIT, 0, deposit, "Electronic deposit")
    for place in (63, 126, 189):
        year.add(ActivityKind.DEPOSIT, place, Decimal(5_000), "Electronic deposit")
    year.add(ActivityKind.WITHDRAWAL, 150, Decimal(-2_500), "Electronic withdrawal")
    year.add(ActivityKind.FEE, 100, Decimal(-35), "Paper statement fee", fees=Money(Decimal(-35)))
    for place in range(20, len(year.days), 21):
        cash = sum((line.cash.amount for line in year.lines if line.day <= year.days[place]), ZERO)
        year.add(ActivityKind.INTEREST, place, cents(cash / 1000), "Interest on cash")


def _shares(year: _Year) -> None:
    for symbol, place, quantity in (("AAPL", 1, 300), ("XOM", 3, 250), ("MSFT", 10, 100)):
        year.trade(place, _open(symbol, quantity, year.price(symbol, place)))
    year.trade(120, _close("MSFT", -40, year.price("MSFT", 120)))
    for place in range(40, len(year.days), 63):
        amount = Decimal("0.51")
        for symbol, quantity in (("AAPL", 300), ("XOM", 250)):
            year.add(
                ActivityKind.DIVIDEND,
                place,
                amount * quantity,
                f"Dividend of {symbol}",
                asset=asset_of(symbol),
            )


def _split(year: _Year) -> None:
    """Buy before a split at the price of then, and get three more for each."""
    price = year.price("NVDA", 30) * _SPLIT
    year.trade(30, _open("NVDA", 25, price))
    year.add(
        ActivityKind.SPLIT,
        90,
        ZERO,
        f"{_SPLIT} for 1 split of NVDA",
        asset=asset_of("NVDA"),
        quantity=Decimal(25 * (_SPLIT - 1)),
    )


def _rolled_call(year: _Year) -> None:
    """Sell a call on the shares, roll it a month on, and let it expire."""
    first, second = list(_monthlies(year))[2:4]
    place, end = year.place_of(first - timedelta(days=30)), year.place_of(second)
    near = year.option("AAPL", first, _CALL, strike_near(year.price("AAPL", place), Decimal("1.1")))
    year.trade(place, _open(near, -1, year.premium(near, place)))
    rolled = year.place_of(first - timedelta(days=3))
    above = max(year.price("AAPL", end), year.price("AAPL", rolled))
    far = year.option("AAPL", second, _CALL, strike_near(above, Decimal("1.1")))
    year.trade(
        rolled,
        _close(near, 1, year.premium(near, rolled)),
        _open(far, -1, year.premium(far, rolled)),
    )
    _expire(year, end, far, 1)


def _assigned_put(year: _Year) -> None:
    """Sell a put that ends in the money: its shares come at the strike."""
    day = list(_monthlies(year))[5]
    place, end = year.place_of(day - timedelta(days=35)), year.place_of(day)
    strike = strike_near(year.price("XOM", end), Decimal("1.15"))
    put = year.option("XOM", day, _PUT, strike)
    year.trade(place, _open(put, -1, year.premium(put, place)))
    group = year.new_id()
    year.add(
        ActivityKind.ASSIGNMENT,
        end,
        ZERO,
        f"Assigned {put}",
        asset=asset_of(put),
        quantity=Decimal(1),
        effect=PositionEffect.CLOSING,
        group=group,
    )
    year.add(
        ActivityKind.ASSIGNMENT,
        end,
        -strike * 100,
        f"Bought 100 XOM by assignment of {put}",
        asset=asset_of("XOM"),
        quantity=Decimal(100),
        price=Price(strike),
        effect=PositionEffect.OPENING,
        group=group,
    )


def _packages(year: _Year) -> None:
    """Trade a vertical there and back, and let an iron condor expire."""
    months = list(_monthlies(year))
    place = year.place_of(months[3] - timedelta(days=40))
    spot = year.price("SPY", place)
    keys = [year.option("SPY", months[3], _CALL, strike_near(spot, x)) for x in _AWAY_CALLS]
    year.trade(place, *_legs(year, place, keys, (2, -2)))
    back = place + 12
    year.trade(
        back, *(_close(k, -n, year.premium(k, back)) for k, n in zip(keys, (2, -2), strict=True))
    )
    end = year.place_of(months[8])
    place = year.place_of(months[8] - timedelta(days=30))
    low, high = _range(year, "SPY", place, end)
    keys = [
        year.option("SPY", months[8], right, strike_near(price, away))
        for right, price, away in (
            (_PUT, low, Decimal("0.92")),
            (_PUT, low, Decimal("0.97")),
            (_CALL, high, Decimal("1.03")),
            (_CALL, high, Decimal("1.08")),
        )
    ]
    counts = (1, -1, -1, 1)
    year.trade(place, *_legs(year, place, keys, counts))
    for key, count in zip(keys, counts, strict=True):
        _expire(year, end, key, -count)


_AWAY_CALLS: Final = (Decimal("1.00"), Decimal("1.04"))


def _open_packages(year: _Year) -> None:
    """Open what is still held: a call on the shares and a put spread, some weeks from their end."""
    last = year.days[-1]
    following = last + timedelta(days=50)
    day = calendar.monthly_expiration(following.year, following.month)
    place = len(year.days) - 8
    call = year.option("AAPL", day, _CALL, strike_near(year.price("AAPL", -1), Decimal("1.08")))
    year.trade(place, _open(call, -2, year.premium(call, place)))
    spot = year.price("SPY", -1)
    keys = [year.option("SPY", day, _PUT, strike_near(spot, Decimal(x))) for x in ("0.95", "0.9")]
    year.trade(place, *_legs(year, place, keys, (-1, 1)))


def _legs(year: _Year, place: int, keys: Sequence[str], counts: Sequence[int]) -> list[_Leg]:
    return [
        _open(key, count, year.premium(key, place)) for key, count in zip(keys, counts, strict=True)
    ]


def _range(year: _Year, symbol: str, first: int, last: int) -> tuple[Decimal, Decimal]:
    prices = [year.price(symbol, place) for place in range(first, last + 1)]
    return min(prices), max(prices)


def _expire(year: _Year, place: int, key: str, quantity: int) -> None:
    year.add(
        ActivityKind.EXPIRATION,
        place,
        ZERO,
        f"Expired {key}",
        asset=asset_of(key),
        quantity=Decimal(quantity),
        effect=PositionEffect.CLOSING,
    )
