"""What a paper account holds, and what its orders may do: exact and without asking anything.

Cash and holdings are sums over the account's activities, so they can never say anything else than
its history does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import STANDARD_MULTIPLIER, Asset, AssetKind
from optix.kernel.instrument import MalformedContract, OptionContract, Right, parse_option
from optix.kernel.limits import PAPER_LEGS_MAX, PAPER_QUANTITY_MAX
from optix.kernel.quote import SecurityKind
from optix.kernel.roots import is_cash_settled, underlying_of
from optix.kernel.symbols import kind_of, parse_symbol

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")
FEE_PER_CONTRACT: Final = Decimal("0.65")

OrderKind = Literal["market", "limit"]


class PaperOrderRefused(InvalidInput):
    """A paper order that cannot be."""

    code = "paper_order_refused"
    next_step = "Change the order."


@dataclass(frozen=True, slots=True)
class Holding:
    """`quantity` is signed; `cost` is what was paid for it with fees, negative for a short one."""

    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class PaperLeg:
    """`quantity` is signed: positive buys."""

    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PaperQuote:
    """What one leg can be traded at now; None where nobody trades that side."""

    bid: Decimal | None
    ask: Decimal | None


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def asset_of(symbol: str) -> Asset:
    """Return the asset of a symbol. Raises InvalidInput for what is neither."""
    try:
        contract = parse_option(symbol)
    except MalformedContract:
        canonical = parse_symbol(symbol)
        kind = AssetKind.ETF if kind_of(canonical) is SecurityKind.ETF else AssetKind.STOCK
        return Asset(kind=kind, symbol=canonical)
    return Asset(
        kind=AssetKind.OPTION,
        symbol=contract.key,
        contract=contract,
        multiplier=STANDARD_MULTIPLIER,
    )


def cash_of(history: Iterable[Activity]) -> Decimal:
    return sum((line.cash.amount for line in history), ZERO)


def holdings_of(history: Iterable[Activity]) -> dict[str, Holding]:
    """Return what is held after `history`, by symbol, at average cost.

    A split moves shares and no money; an option that was assigned takes what was received for it
    out of the books, and its shares come in at the strike.
    """
    held: dict[str, Holding] = {}
    for line in history:
        if line.asset is None or not line.quantity:
            continue
        before = held.get(line.asset.symbol, Holding(ZERO, ZERO))
        held[line.asset.symbol] = _after(before, line)
    return {symbol: holding for symbol, holding in held.items() if holding.quantity}


def _after(before: Holding, line: Activity) -> Holding:
    quantity = line.quantity or ZERO
    after = before.quantity + quantity
    if line.kind is ActivityKind.SPLIT:
        return Holding(after, before.cost)
    if before.quantity * quantity >= 0:
        return Holding(after, before.cost - line.cash.amount)
    if abs(quantity) <= abs(before.quantity):
        return Holding(after, before.cost * after / before.quantity)
    return Holding(after, -line.cash.amount * after / quantity)  # through zero to the other side


def check_order(kind: OrderKind, legs: Sequence[PaperLeg], net_limit: Decimal | None) -> None:
    """Raise PaperOrderRefused for an order that is none, whatever the market does."""
    if not 1 <= len(legs) <= PAPER_LEGS_MAX:
        raise PaperOrderRefused(f"An order has 1 to {PAPER_LEGS_MAX} legs.")
    if len({leg.symbol for leg in legs}) != len(legs):
        raise PaperOrderRefused("Each leg of an order names something else.")
    for leg in legs:
        whole = leg.quantity == leg.quantity.to_integral_value()
        if not whole or not 1 <= abs(leg.quantity) <= PAPER_QUANTITY_MAX:
            raise PaperOrderRefused(f"A quantity is a whole number up to {PAPER_QUANTITY_MAX:,}.")
        contract = asset_of(leg.symbol).contract
        if contract is not None and is_cash_settled(contract.root):
            raise PaperOrderRefused(
                f"{leg.symbol} is an index option: paper trades stocks and ETFs."
            )
    if (kind == "limit") != (net_limit is not None):
        raise PaperOrderRefused("A limit order has a price, a market order has none.")


def prices_of(
    legs: Sequence[PaperLeg], quotes: Mapping[str, PaperQuote]
) -> dict[str, Decimal] | None:
    """Return what each leg trades at now: what is bought at the ask, what is sold at the bid."""
    prices: dict[str, Decimal] = {}
    for leg in legs:
        quote = quotes[leg.symbol]
        price = quote.ask if leg.quantity > 0 else quote.bid
        if price is None:
            return None
        prices[leg.symbol] = price
    return prices


def net_price(legs: Sequence[PaperLeg], prices: Mapping[str, Decimal]) -> Decimal:
    """Return the price of one package, positive for a debit.

    A package of options is counted per share of its smallest leg, with shares as hundredths.
    """
    contracts = [abs(leg.quantity) for leg in legs if asset_of(leg.symbol).contract is not None]
    base = min(contracts) * STANDARD_MULTIPLIER if contracts else min(abs(x.quantity) for x in legs)
    money = sum((x.quantity * asset_of(x.symbol).multiplier * prices[x.symbol] for x in legs), ZERO)
    return money / base


def why_not(history: Sequence[Activity]) -> str:
    """Return why an account may not become what `history` says; '' where it may.

    Shares are never short. A short call is covered by shares or a call as long-lived, a short put
    by cash or such a put; what a spread can lose is kept in cash.
    """
    held = holdings_of(history)
    needed = ZERO
    shorts: list[tuple[OptionContract, Decimal]] = []
    longs: dict[OptionContract, Decimal] = {}
    shares: dict[str, Decimal] = {}
    for symbol, holding in held.items():
        contract = asset_of(symbol).contract
        if contract is None:
            if holding.quantity < 0:
                return f"The account does not own enough {symbol}."
            shares[symbol] = holding.quantity
        elif holding.quantity < 0:
            shorts.append((contract, -holding.quantity))
        else:
            longs[contract] = holding.quantity
    for contract, short in sorted(shorts, key=lambda pair: pair[0].key):
        uncovered, cost = _covered(contract, short, longs, shares)
        if uncovered and contract.right is Right.CALL:
            return f"{contract.key} would be short without shares or a call to cover it."
        needed += cost + uncovered * STANDARD_MULTIPLIER * Decimal(contract.strike_milli) / 1000
    if cash_of(history) < needed:
        return "The account does not have enough cash."
    return ""


def _covered(
    short: OptionContract,
    count: Decimal,
    longs: dict[OptionContract, Decimal],
    shares: dict[str, Decimal],
) -> tuple[Decimal, Decimal]:
    """Use up what covers `count` short contracts; return what stays uncovered, and the cost."""
    cost = ZERO
    if short.right is Right.CALL:
        symbol = underlying_of(short.root)
        covered = min(count, shares.get(symbol, ZERO) // STANDARD_MULTIPLIER)
        shares[symbol] = shares.get(symbol, ZERO) - covered * STANDARD_MULTIPLIER
        count -= covered
    for long in sorted(longs, key=lambda each: abs(each.strike_milli - short.strike_milli)):
        same = (long.root, long.right) == (short.root, short.right)
        if not same or long.expiration < short.expiration or not count:
            continue
        covered = min(count, longs[long])
        longs[long] -= covered
        count -= covered
        width = long.strike_milli - short.strike_milli
        loss = width if short.right is Right.CALL else -width
        cost += covered * STANDARD_MULTIPLIER * Decimal(max(loss, 0)) / 1000
    return count, cost


def fees_of(asset: Asset, quantity: Decimal) -> Decimal:
    return FEE_PER_CONTRACT * abs(quantity) if asset.contract is not None else ZERO
