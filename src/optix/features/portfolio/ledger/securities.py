"""What is the same security for the wash sale rule, in two readings.

26 U.S.C. §1091(a) asks for "substantially identical stock or securities", or "a contract or option"
to acquire them, and defines neither; IRS Publication 550 ("Wash Sales", "Substantially identical")
leaves it to all facts of a case. So the owner chooses a reading:

- narrow: the same security, by its key or CUSIP or through a change of its symbol; for a share also
  calls on it, because an option to acquire it is named in the law;
- conservative: everything on the same underlying that stands on the same side of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.section_1256 import is_section_1256
from optix.features.portfolio.ledger.values import Book, Entry, EntryKind, FamilyBook
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import Right
from optix.kernel.roots import is_adjusted, underlying_of

SHARES: Final = frozenset({AssetKind.STOCK, AssetKind.ETF, AssetKind.FUND})
# Not stock or securities (Publication 550, "Wash Sales": commodity futures and foreign currencies;
# Notice 2014-21: digital assets are property), or excused (Rev. Proc. 2014-45: money market funds).
_NO_SECURITIES: Final = frozenset(
    {
        AssetKind.FUTURE,
        AssetKind.FUTURE_OPTION,
        AssetKind.CRYPTO,
        AssetKind.CURRENCY,
        AssetKind.CASH_EQUIVALENT,
    }
)
# Rev. Rul. 85-87: a put that is so deep in the money when it is sold that it is as good as
# exercised counts as a contract to acquire. The ruling names no number; this is ours.
DEEP_SHARE: Final = Decimal("0.1")


class WashReading(StrEnum):
    CONSERVATIVE = "conservative"
    NARROW = "narrow"


class Side(StrEnum):
    """What a position is to the rule: what is lost on one side is replaced on the same."""

    ACQUIRES = "acquires"  # shares owned and options to buy them
    PUTS = "puts"  # owned
    SHORT = "short"  # shares sold short
    CALLS_WRITTEN = "calls_written"
    PUTS_WRITTEN = "puts_written"
    SOLD = "sold"  # shares or options that were owned, as what a short sale's loss is washed by


@dataclass(frozen=True, slots=True, kw_only=True)
class WashRules:
    """How an owner wants wash sales to be found.

    `sheltered` are accounts whose gains are not taxed (individual retirement arrangements, 401(k)
    plans). `short_puts` counts every put sold as a contract to acquire; without it the conservative
    reading counts those that were deep in the money, by `prices` of underlyings: (symbol, day).
    `orders` names the order of a line where it is known: fills of one order are one sale, or one
    purchase.
    """

    reading: WashReading = WashReading.CONSERVATIVE
    sheltered: frozenset[UUID] = frozenset()
    short_puts: bool = False
    prices: Mapping[tuple[str, date], Decimal] = field(default_factory=dict)
    orders: Mapping[UUID, str] = field(default_factory=dict)


def has_wash_rule(asset: Asset) -> bool:
    """True for stock, securities and options on them; section 1256 contracts have no such rule."""
    return asset.kind not in _NO_SECURITIES and not is_section_1256(asset)


def shares_of(asset: Asset) -> Decimal:
    """Return for how many shares one unit stands: those an option delivers, else one."""
    if asset.contract is None:
        return Decimal(1)
    delivered = sum((each.quantity for each in asset.deliverables if each.symbol), Decimal(0))
    return delivered or Decimal(asset.multiplier)


def side_of(asset: Asset, *, owned: bool) -> Side:
    contract = asset.contract
    if contract is None:
        return Side.ACQUIRES if owned else Side.SHORT
    if contract.right is Right.CALL:
        return Side.ACQUIRES if owned else Side.CALLS_WRITTEN
    return Side.PUTS if owned else Side.PUTS_WRITTEN


Place = tuple[Side, str]  # where replacements of one kind lie


class Identities:
    """Names of what is the same: by key, by CUSIP, and through changes of symbols."""

    def __init__(self, assets: Iterable[Asset], entries: Iterable[Entry]) -> None:
        self._same: dict[str, str] = {}
        by_key: dict[str, Asset] = {}
        by_cusip: dict[str, str] = {}
        for asset in assets:
            by_key.setdefault(asset.key, asset)
            # Not every broker names the CUSIP, so each asset is looked at.
            if asset.cusip and asset.contract is None:
                self._join(by_cusip.setdefault(asset.cusip, _symbol(asset)), _symbol(asset))
        for entry in entries:
            if entry.kind is EntryKind.SYMBOL_CHANGE:
                moved = {
                    _symbol(by_key[each.asset])
                    for each in entry.postings
                    if each.book is Book.SECURITIES and each.asset in by_key
                }
                for symbol in sorted(moved):
                    self._join(min(moved), symbol)

    def exact(self, asset: Asset) -> str:
        """Return the name of one security: of a contract, all its terms."""
        contract = asset.contract
        if contract is None:
            return f"{self._first(_symbol(asset))}|{asset.currency}"
        series = contract.root if is_adjusted(contract.root) else ""
        terms = f"{contract.expiration}|{contract.right}|{contract.strike_milli}|{series}"
        return f"{self.underlying(asset)}|{terms}"

    def underlying(self, asset: Asset) -> str:
        """Return the name of the share that an option is on; a share's is its own."""
        contract = asset.contract
        symbol = _symbol(asset) if contract is None else underlying_of(contract.root)
        return f"{self._first(symbol)}|{asset.currency}"

    def _first(self, symbol: str) -> str:
        while (before := self._same.get(symbol, symbol)) != symbol:
            symbol = before
        return symbol

    def _join(self, one: str, other: str) -> None:
        first, second = self._first(one), self._first(other)
        if first != second:
            self._same[max(first, second)] = min(first, second)


def identities_of(book: FamilyBook) -> Identities:
    """Return the names of everything that a book has seen."""
    assets = [each.asset for each in book.lots]
    assets.extend(each.asset for each in book.disposals)
    return Identities(assets, book.entries)


def _symbol(asset: Asset) -> str:
    """Brokers do not agree on what is a stock and what a fund, so shares of a symbol are one."""
    return asset.symbol if asset.kind in SHARES else f"{asset.kind}:{asset.symbol}"
