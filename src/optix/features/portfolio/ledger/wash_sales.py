"""Wash sales over all accounts of one owner: what loss is not allowed, and where it goes.

Sources: 26 U.S.C. §1091; 26 CFR §1.1091-1 and §1.1091-2; 26 U.S.C. §1223(3); IRS Publication 550,
"Wash Sales" and "Short Sales"; Rev. Rul. 56-602, 85-87 and 2008-5.

- A loss is not allowed where the same security was acquired within 30 days before or after the day
  of the sale: 61 days with it. The end of a year is no border.
- Losses come in the order of sales, replacements in the order of their acquisition, share for share
  (an option stands for what it delivers), and no share replaces twice: §1.1091-1(b) to (e).
- What was not allowed is added to the basis of the replacement, and the days that the sold shares
  were held to its holding period: §1091(d), §1223(3). A replacement that is itself sold at a loss
  can be a wash sale in turn, with what was added.
- A replacement is held after the sale. What was sold before it or with it, and what came by the
  same purchase as the sold shares, replaces nothing: Rev. Rul. 56-602.
- A purchase in an individual retirement arrangement takes the loss away for good:
  Rev. Rul. 2008-5.
- A loss on a short sale, or on a written option, is washed by another one of the same within 30
  days of its closing; one on a short sale also by a sale of such shares after it: §1091(e),
  Publication 550.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.pieces import (
    NEVER,
    NOTHING,
    Closed,
    Part,
    cut,
    split_disposal,
    split_lot,
)
from optix.features.portfolio.ledger.securities import WashRules, identities_of
from optix.features.portfolio.ledger.splits import Splits
from optix.features.portfolio.ledger.values import Disposal, FamilyBook, Lot
from optix.features.portfolio.ledger.wash_events import Events
from optix.features.portfolio.ledger.wash_offers import Offers, lot_of
from optix.features.portfolio.ledger.wash_pool import Pool

WINDOW_DAYS: Final = 30  # before, and after
_WINDOW: Final = timedelta(days=WINDOW_DAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class WashSale:
    """A loss, or a part of one, that a replacement takes away or puts off.

    `disposal` is the sale and `lot` the replacement, both as the book has them; `closed_by` is the
    disposal that has closed the replacement since. `shares` are of the underlying, as they were
    counted on the day of the sale. `lost` says that the replacement lies where no tax is owed:
    nothing was added to its basis.
    """

    disposal: UUID
    account: UUID
    sold: date
    lot: UUID
    closed_by: UUID | None
    replacement_account: UUID
    acquired: date
    shares: Decimal
    disallowed: Decimal
    days_tacked: int
    lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedDisposal:
    """A disposal with its deferred losses in it: `disposal.basis` has `washed`.

    `source` is the book's disposal that it is, or is a part of. Of its loss `disallowed` is not
    allowed now; `lost` of that never will be.
    """

    disposal: Disposal
    source: UUID
    washed: Decimal = NOTHING
    disallowed: Decimal = NOTHING
    lost: Decimal = NOTHING

    @property
    def recognised(self) -> Decimal:
        """The gain that counts for tax."""
        return self.disposal.gain + self.disallowed


@dataclass(frozen=True, slots=True, kw_only=True)
class WashSales:
    """Wash sales of one book and what they make of its disposals and lots.

    Gains of taxed accounts as they were = gains recognised - `deferred` - `lost` - `left`: what
    lies in open lots, what is gone, and what left the accounts with the shares. `unjudged` are ids
    of lots of puts sold within 30 days of a loss that the conservative reading would count if they
    were deep in the money, but nobody gave the underlying's price.
    """

    sales: tuple[WashSale, ...]
    disposals: tuple[AdjustedDisposal, ...]
    lots: tuple[Lot, ...]
    deferred: Decimal
    lost: Decimal
    left: Decimal
    unjudged: tuple[UUID, ...]


def find_wash_sales(book: FamilyBook, rules: WashRules | None = None) -> WashSales:
    """Return the wash sales of a family: of everything that its owner has of one underlying.

    The disposals of the book stand in the order of events; §1256 contracts pass through unchanged.
    """
    return _Search(book, rules or WashRules()).run()


class _Search:
    """One pass over the sales in their order; losses only ever flow to what is sold later."""

    def __init__(self, book: FamilyBook, rules: WashRules) -> None:
        self._rules = rules
        names = identities_of(book)
        self._splits = Splits(book, names)
        self._events = Events(book, rules.orders, self._splits)
        ordered = sorted(book.disposals, key=attrgetter("closed"))
        self._closed = [self._events.closed_piece(each, at) for at, each in enumerate(ordered)]
        self._open = [self._events.open_piece(each) for each in book.lots]
        self._offers = Offers(names, rules)
        self._pool = Pool(self._offers.of([*self._closed, *self._open]))
        self._sales: list[WashSale] = []
        self._left = NOTHING
        self._losses: list[date] = []  # days of what a contract to acquire could have replaced

    def run(self) -> WashSales:
        adjusted: list[AdjustedDisposal] = []
        for _, sale in groupby(self._in_sales(), key=attrgetter("sale")):
            together = list(sale)
            # What is sold together is no replacement for itself.
            for piece in together:
                piece.free = NOTHING
            for piece in together:
                adjusted.extend(self._settled(piece))
        return WashSales(
            sales=tuple(self._sales),
            disposals=tuple(adjusted),
            lots=tuple(part for piece in self._open for part in split_lot(piece)),
            deferred=sum((piece.washed for piece in self._open), NOTHING),
            lost=sum((each.lost for each in adjusted), NOTHING),
            left=self._left,
            unjudged=self._offers.unjudged_near(sorted(self._losses), _WINDOW),
        )

    def _in_sales(self) -> list[Closed]:
        """Return what was closed in the order of events, what one sale closed side by side.

        An exercised option comes before the shares of its event: they get what it carries.
        """
        untaxed_first = sorted(self._closed, key=lambda each: each.source.taxable)
        return sorted(untaxed_first, key=attrgetter("sale"))

    def _settled(self, piece: Closed) -> Iterator[AdjustedDisposal]:
        """Yield the parts of a disposal, with their losses matched to replacements."""
        disposal = piece.source
        if not disposal.taxable:
            self._hand_on(piece)
        may_wash = disposal.taxable and disposal.account not in self._rules.sheltered
        for each, part in split_disposal(piece):
            disallowed = lost = NOTHING
            if may_wash and each.gain < 0:
                disallowed, lost = self._match(each, piece, part)
                if disallowed != -each.gain and self._offers.replaces_shares(piece):
                    self._losses.append(each.closed)
            yield AdjustedDisposal(
                disposal=each,
                source=disposal.id,
                washed=part.washed,
                disallowed=disallowed,
                lost=lost,
            )

    def _match(self, sold: Disposal, piece: Closed, part: Part) -> tuple[Decimal, Decimal]:
        """Give the loss of a part to its replacements; return what is disallowed, and lost."""
        loss, whole = -sold.gain, part.shares
        days = max((sold.closed - sold.held_since).days, 0) if piece.owned else 0
        ratio = self._splits.ratio(sold.asset, sold.closed)
        done = disallowed = lost = NOTHING
        for day, replacement in self._pool.within(
            self._offers.wanted(piece),
            sold.closed - _WINDOW,
            sold.closed + _WINDOW,
            own=piece.purchase,
        ):
            shares = min(whole - done, replacement.free)
            done += shares
            amount = cut(loss, done, whole) - disallowed
            disallowed += amount
            replacement.free -= shares
            is_lost = replacement.source.account in self._rules.sheltered
            tacked = 0 if is_lost or not replacement.owned else days
            if is_lost:
                lost += amount
            else:
                replacement.parts += (Part(shares, amount, tacked),)
            self._sales.append(
                WashSale(
                    disposal=piece.source.id,
                    account=sold.account,
                    sold=sold.closed,
                    lot=lot_of(replacement),
                    closed_by=None if replacement.order == NEVER else replacement.source.id,
                    replacement_account=replacement.source.account,
                    acquired=day,
                    shares=shares / ratio,
                    disallowed=amount,
                    days_tacked=tacked,
                    lost=is_lost,
                )
            )
            if done == whole:
                break
        return disallowed, lost

    def _hand_on(self, piece: Closed) -> None:
        """Give what an exercised option carries to the shares that it brought or took away."""
        amount = piece.washed
        if not amount:
            return
        heirs = self._events.heirs_of(piece.source)
        whole = sum((heir.shares for heir in heirs), NOTHING)
        if not whole:
            self._left += amount
            return
        done = given = NOTHING
        for heir in heirs:
            done += heir.shares
            share = cut(amount, done, whole) - given
            heir.carried += share
            given += share
