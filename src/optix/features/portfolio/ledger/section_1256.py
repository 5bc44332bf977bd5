"""Section 1256 contracts: which they are, the mark at the end of a year, 60/40, Form 6781 part I.

Law: 26 U.S.C. §1256. A contract that is held on the last business day of a year counts as sold at
its market value, and the next year's gain is counted from there (a)(1); 60 % of a gain or loss is
long-term and 40 % short-term however long it was held (a)(3); the wash sale rule does not reach
what is so marked (f)(5). Nonequity options are options that are listed and not on a share or a
narrow index (g)(3), (g)(6). Options on exchange-traded funds are not counted among them here: the
fund is a share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from optix.features.portfolio.ledger.values import (
    Disposal,
    DisposalKind,
    FamilyBook,
    Lot,
    Problem,
    ProblemCode,
)
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.roots import class_of

# Roots of cash-settled options on broad indices: the classes of Cboe's and Nasdaq's product pages
# that say "section 1256" or "60/40 tax treatment" (S&P 500 and 100, Nasdaq-100, Russell, Dow Jones
# Industrials, VIX, MSCI EAFE and Emerging Markets). An index of nine or fewer parts is narrow:
# 15 U.S.C. §78c(a)(55)(B).
BROAD_INDEX_ROOTS: Final = frozenset(
    {
        *("SPX", "SPXW", "SPXQ", "SPXPM", "XSP", "NANOS", "OEX", "XEO"),
        *("NDX", "NDXP", "XND", "NQX", "MNX"),
        *("RUT", "RUTW", "MRUT", "RUI", "RLV", "RLG"),
        *("VIX", "VIXW", "DJX", "MXEA", "MXEF"),
    }
)
_FUTURES: Final = frozenset({AssetKind.FUTURE, AssetKind.FUTURE_OPTION})
LONG_SHARE: Final = Decimal("0.6")
_Problems = dict[tuple[UUID, str, int], Problem]


def is_section_1256(asset: Asset) -> bool:
    """True for futures, options on them, and options on broad indices."""
    if asset.kind in _FUTURES:
        return True
    contract = asset.contract
    return contract is not None and class_of(contract.root) in BROAD_INDEX_ROOTS


@dataclass(frozen=True, slots=True)
class SixtyForty:
    """A gain (or, negative, a loss) in its two terms, which sum to it exactly."""

    long_term: Decimal
    short_term: Decimal


def sixty_forty(gain: Decimal) -> SixtyForty:
    """Return 60 % of a gain as long-term, the rest as short-term."""
    long_term = gain * LONG_SHARE
    return SixtyForty(long_term, gain - long_term)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Prices of contracts at the ends of years: by (`Asset.key`, year), per unit, exact.

    `through` is the last year that has ended: later ones are not marked.
    """

    through: int
    prices: Mapping[tuple[str, int], Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedBook:
    """A book whose section 1256 contracts are marked. `origins` tells which disposal or lot a mark
    was made of, by the id of the mark.
    """

    book: FamilyBook
    origins: Mapping[UUID, UUID]


def mark_to_market(book: FamilyBook, marks: Marks) -> MarkedBook:
    """Return the book with its section 1256 contracts sold and bought anew at each year's end.

    A disposal of kind `YEAR_END_MARK` is added for each contract and year; what is closed later,
    and the lot that is still open, has the mark for its basis. The sum of gains is what it was
    before. A year without a price is not marked: its gain stays in the next event, and a problem
    of code `PRICE_UNKNOWN` says so.
    """
    disposals: list[Disposal] = []
    lots: list[Lot] = []
    problems: _Problems = {}
    origins: dict[UUID, UUID] = {}
    for disposal in book.disposals:
        if not is_section_1256(disposal.asset):
            disposals.append(disposal)
            continue
        *made, last = _marked(disposal, disposal.closed.year, marks, problems)
        disposals.extend([*made, last])
        origins.update((each.id, disposal.id) for each in made)
    for lot in book.lots:
        if not is_section_1256(lot.asset):
            lots.append(lot)
            continue
        *made, last = _marked(_as_closed(lot), marks.through + 1, marks, problems)
        disposals.extend(made)
        origins.update((each.id, lot.id) for each in made)
        lots.append(replace(lot, basis=last.basis if lot.quantity > 0 else -last.proceeds))
    marked = replace(
        book,
        lots=tuple(lots),
        disposals=tuple(sorted(disposals, key=lambda each: each.closed)),
        problems=(*book.problems, *problems.values()),
    )
    return MarkedBook(book=marked, origins=origins)


def _marked(
    whole: Disposal,
    end: int,
    marks: Marks,
    problems: _Problems,
) -> Iterator[Disposal]:
    """Yield a disposal's marks of all years before `end`, and then what is left of it."""
    left = whole
    for year in range(whole.opened.year, min(end, marks.through + 1)):
        price = marks.prices.get((whole.asset.key, year))
        if price is None:
            place = (whole.account, whole.asset.key, year)
            problems.setdefault(place, _unmarked(whole, year))
            continue
        value = price * abs(whole.quantity) * whole.asset.multiplier
        owned = whole.quantity > 0
        last_day = date(year, 12, 31)
        yield replace(
            left,
            id=uuid5(whole.id, f"mark {year}"),
            kind=DisposalKind.YEAR_END_MARK,
            closed=last_day,
            closed_at=None,
            taxable=True,
            proceeds=value if owned else left.proceeds,
            basis=left.basis if owned else value,
        )
        left = replace(left, basis=value) if owned else replace(left, proceeds=value)
    yield left


def _unmarked(whole: Disposal, year: int) -> Problem:
    return Problem(
        code=ProblemCode.PRICE_UNKNOWN,
        account=whole.account,
        line=whole.opening_line,
        asset=whole.asset.key,
        detail=f"{whole.asset.symbol} has no price at the end of {year}, so it is not marked.",
        quantity=whole.quantity,
    )


def _as_closed(lot: Lot) -> Disposal:
    """Return what is left of a lot as if all of it were closed for nothing."""
    owned = lot.quantity > 0
    return Disposal(
        id=lot.id,
        account=lot.account,
        asset=lot.asset,
        lot=lot.id,
        opening_line=lot.line,
        line=lot.line,
        kind=DisposalKind.YEAR_END_MARK,
        opened=lot.opened,
        held_since=lot.held_since,
        closed=lot.opened,
        closed_at=None,
        quantity=lot.quantity,
        proceeds=Decimal(0) if owned else -lot.basis,
        basis=lot.basis if owned else Decimal(0),
        opening=lot.opening,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Form6781:
    """What part I of Form 6781 and Form 1099-B ask of one account and year.

    `realised` counts from the opening of each contract (box 8 of Form 1099-B); `unrealised_before`
    and `unrealised_after` are what was open at the ends of the year before and of this one (boxes 9
    and 10); `gain` = realised - before + after is box 11 and line 1. Its `terms` are lines 8 and 9.
    """

    account: UUID
    year: int
    currency: str
    realised: Decimal = Decimal(0)
    unrealised_before: Decimal = Decimal(0)
    unrealised_after: Decimal = Decimal(0)

    @property
    def gain(self) -> Decimal:
        return self.realised - self.unrealised_before + self.unrealised_after

    @property
    def terms(self) -> SixtyForty:
        return sixty_forty(self.gain)


def form_6781(marked: MarkedBook, sheltered: frozenset[UUID] = frozenset()) -> tuple[Form6781, ...]:
    """Return the figures of a marked book, by year, account and currency.

    Accounts in `sheltered` (individual retirement arrangements and the like) owe no such tax and
    are left out.
    """
    sums: dict[tuple[int, str, str], Form6781] = {}
    held: dict[UUID, Decimal] = {}  # what was marked so far, by what it was made of
    for each in marked.book.disposals:
        if each.account in sheltered or not each.taxable or not is_section_1256(each.asset):
            continue
        year, currency = each.closed.year, each.asset.currency
        place = (year, str(each.account), currency)
        row = sums.get(place) or Form6781(account=each.account, year=year, currency=currency)
        origin = marked.origins.get(each.id, each.id)
        before = held.get(origin, Decimal(0))
        after = before + each.gain
        row = replace(row, unrealised_before=row.unrealised_before + before)
        if each.kind is DisposalKind.YEAR_END_MARK:
            held[origin] = after
            row = replace(row, unrealised_after=row.unrealised_after + after)
        else:
            row = replace(row, realised=row.realised + after)
        sums[place] = row
    return tuple(sums[place] for place in sorted(sums))
