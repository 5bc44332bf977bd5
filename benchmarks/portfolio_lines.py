"""A made-up history of several accounts: the same for the same numbers.

Names are traded with their options over three years, with dividends, expirations and assignments,
so that most lines close what is open and some thousand positions are left.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.money import Money, Price

NAMES: Final = 150
FIRST: Final = date(2023, 1, 3)
DAYS: Final = 3 * 365
_ZERO: Final = Decimal(0)


def histories(accounts: int, lines: int, seed: int = 1) -> list[list[Activity]]:
    """Return the lines of each account, `lines` in all, the oldest first."""
    dice = random.Random(seed)
    each = lines // accounts
    return [list(_account(dice, each, place)) for place in range(accounts)]


def name(number: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRST"
    return "Q" + "".join(letters[number // 20**place % 20] for place in range(3))


def share(symbol: str) -> Asset:
    return Asset(kind=AssetKind.STOCK, symbol=symbol)


def option(symbol: str, month: int, right: Right, strike: int) -> Asset:
    day = date(2023 + month // 12, month % 12 + 1, 20)
    contract = OptionContract(symbol, day, right, strike * 1_000)
    return Asset(kind=AssetKind.OPTION, symbol=contract.key, contract=contract, multiplier=100)


def _account(dice: random.Random, count: int, account: int) -> Iterator[Activity]:
    held: dict[str, tuple[Asset, Decimal]] = {}
    for number in range(count):
        day = FIRST + timedelta(days=number * DAYS // count)
        yield _event(dice, held, day, f"{account}.{number}")


def _event(
    dice: random.Random, held: dict[str, tuple[Asset, Decimal]], day: date, named: str
) -> Activity:
    if held and dice.random() < 0.42:
        key = dice.choice(list(held))
        asset, quantity = held.pop(key)
        if asset.contract is not None and asset.contract.expiration <= day:
            return _line(ActivityKind.EXPIRATION, day, named, (asset, -quantity), _ZERO)
        return _trade(dice, day, named, (asset, -quantity), PositionEffect.CLOSING)
    symbol = name(dice.randrange(NAMES))
    if dice.random() < 0.1:
        cash = Decimal(dice.randrange(100, 20_000)) / 100
        return _line(ActivityKind.DIVIDEND, day, named, (share(symbol), None), cash)
    if dice.random() < 0.4:
        asset, quantity = share(symbol), Decimal(dice.choice((10, 50, 100)))
    else:
        month = (day.year - 2023) * 12 + day.month + dice.randrange(4)
        right = dice.choice((Right.CALL, Right.PUT))
        asset = option(symbol, month, right, 5 * dice.randrange(10, 60))
        quantity = Decimal(dice.choice((-2, -1, 1, 2)))
    before = held.get(asset.key, (asset, _ZERO))[1]
    if before * quantity < 0:
        quantity = -before
    if before + quantity:
        held[asset.key] = (asset, before + quantity)
    else:
        del held[asset.key]
    return _trade(dice, day, named, (asset, quantity), None)


def _trade(
    dice: random.Random,
    day: date,
    named: str,
    held: tuple[Asset, Decimal],
    effect: PositionEffect | None,
) -> Activity:
    asset, quantity = held
    price = Price(Decimal(dice.randrange(50, 30_000)) / 100)
    fees = Decimal("-0.65") * abs(quantity) if asset.contract else _ZERO
    cash = price.cash(quantity, asset.multiplier).amount + fees
    line = _line(ActivityKind.TRADE, day, named, (asset, quantity), cash)
    return replace(line, price=price, fees=Money(fees), effect=effect)


def _line(
    kind: ActivityKind,
    day: date,
    named: str,
    held: tuple[Asset, Decimal | None],
    cash: Decimal,
) -> Activity:
    return Activity(
        id=named,
        kind=kind,
        status=ActivityStatus.POSTED,
        day=day,
        cash=Money(cash),
        asset=held[0],
        quantity=held[1],
    )
