"""What the ledger is made of: lines, entries with their postings, lots, disposals, problems.

A *line* is one record of history, wherever it came from. *Booking* turns the lines of a *family*
(all accounts of one owner, all assets that events can lead from one to the other: a share, its
options, what it was renamed to or split off) into:

- *entries*: the double-entry journal. The postings of one entry sum to zero in each currency.
  Cash received is positive in `CASH`, so income is negative in its book, as in any ledger.
- *lots*: what is open now, by acquisition.
- *disposals*: what was closed, each from one lot.
- *problems*: what a line asks for that the history before it cannot give.

Amounts are exact decimals of `currency`, with cents that were divided so that nothing is lost.
Every id is made from the ids it comes from, so booking the same lines gives the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from optix.kernel.activity import Activity
from optix.kernel.holding import Asset


class LineSource(StrEnum):
    BROKER = "broker"
    IMPORT = "import"
    OWN = "own"  # made or confirmed by the owner: an opening position, an accepted proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One line of one account. `seen` orders lines of one moment: the older record first."""

    id: UUID
    account: UUID
    activity: Activity
    seen: int = 0
    source: LineSource = LineSource.BROKER


class Book(StrEnum):
    """The accounts of the double entry."""

    CASH = "cash"
    SECURITIES = "securities"  # at cost; negative for what is owed
    DIVIDENDS = "dividends"
    INTEREST = "interest"
    FEES = "fees"
    TAXES = "taxes"
    GAINS = "gains"
    EXTERNAL = "external"  # deposits, withdrawals, securities from or to elsewhere
    TRANSIT = "transit"  # between accounts of one owner: zero once both sides are there
    OPENING = "opening"  # what was there before the history begins
    SUSPENSE = "suspense"  # what could not be explained: each has a problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of an entry. `asset` is `Asset.key`, with the signed `quantity` that moved."""

    book: Book
    amount: Decimal
    currency: str
    asset: str | None = None
    quantity: Decimal | None = None


class EntryKind(StrEnum):
    TRADE = "trade"
    EXPIRY = "expiry"
    EXERCISE = "exercise"
    ASSIGNMENT = "assignment"
    DIVIDEND = "dividend"
    REINVESTMENT = "reinvestment"
    INTEREST = "interest"
    FEE = "fee"
    TAX = "tax"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    SPLIT = "split"
    SPIN_OFF = "spin_off"
    REORGANISATION = "reorganisation"
    SYMBOL_CHANGE = "symbol_change"
    SWEEP = "sweep"
    ADJUSTMENT = "adjustment"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of the journal. `line` is its source; `also` are other lines it was made of."""

    id: UUID
    account: UUID
    line: UUID
    day: date
    at: datetime | None
    kind: EntryKind
    postings: tuple[Posting, ...]
    also: tuple[UUID, ...] = ()


class LotMethod(StrEnum):
    """Which lots a closing takes, where its owner did not name them."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIGHEST_COST = "highest_cost"
    AVERAGE_COST = "average_cost"  # funds, and where the law of the account has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """What is left of one acquisition.

    `quantity` is signed and never zero; `basis` is the money of what is left, fees included:
    positive for what was paid, negative for what was received by selling short. `opened` is the
    trade day; `held_since` begins the holding period (earlier where it is tacked on). `rolled` is
    the part of the basis that came from an option; `washed` the part that wash sales added.
    `bought` is the line that acquired it, where `line` only moved or renamed it.
    """

    id: UUID
    account: UUID
    asset: Asset
    line: UUID
    opened: date
    opened_at: datetime | None
    held_since: date
    quantity: Decimal
    basis: Decimal
    rolled: Decimal = Decimal(0)
    washed: Decimal = Decimal(0)
    opening: bool = False  # from before the history: its days and basis are what the owner says
    bought: UUID | None = None


class DisposalKind(StrEnum):
    SALE = "sale"
    COVER = "cover"  # a short position bought back
    EXPIRY = "expiry"
    EXERCISE = "exercise"  # no gain: the premium goes into the shares
    ASSIGNMENT = "assignment"  # no gain: the premium goes into the shares
    CASH_SETTLEMENT = "cash_settlement"  # an index option exercised for cash
    CASH_IN_LIEU = "cash_in_lieu"
    REORGANISATION = "reorganisation"
    TRANSFER = "transfer"  # left the owner's accounts: no gain
    YEAR_END_MARK = "year_end_mark"  # section 1256: as if sold on the last day of the year


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposal:
    """A part of one lot that was closed.

    `quantity` has the sign of the lot. `proceeds` is what its selling brought and `basis` what its
    buying cost, fees included, whichever came first: `proceeds - basis` is the gain. Where
    `taxable` is false both are equal, and what they carry went on into other lots.
    """

    id: UUID
    account: UUID
    asset: Asset
    lot: UUID
    opening_line: UUID
    line: UUID
    kind: DisposalKind
    opened: date
    held_since: date
    closed: date
    closed_at: datetime | None
    quantity: Decimal
    proceeds: Decimal
    basis: Decimal
    taxable: bool = True
    opening: bool = False  # of a lot from before the history
    bought: UUID | None = None  # as the lot has it

    @property
    def gain(self) -> Decimal:
        return self.proceeds - self.basis


class ProblemCode(StrEnum):
    CLOSES_MORE_THAN_OPEN = "closes_more_than_open"
    ASSET_UNKNOWN = "asset_unknown"  # something ended, and its line does not say what
    BASIS_UNKNOWN = "basis_unknown"
    PRICE_UNKNOWN = "price_unknown"
    DELIVERY_MISSING = "delivery_missing"  # an exercise without the shares it moved
    DELIVERY_UNCLEAR = "delivery_unclear"
    SPLIT_UNCLEAR = "split_unclear"
    BOOT_UNRESOLVED = "boot_unresolved"
    TRANSFER_UNMATCHED = "transfer_unmatched"
    CORRECTS_NOTHING = "corrects_nothing"
    CASH_WITHOUT_REASON = "cash_without_reason"
    CURRENCY_UNCLEAR = "currency_unclear"  # cash of another currency than what it is for
    LOT_NOT_THERE = "lot_not_there"  # a chosen lot that is not open then


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be booked as its line says, and what was done instead: `detail` tells."""

    code: ProblemCode
    account: UUID
    line: UUID
    asset: str | None
    detail: str
    quantity: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotChoice:
    """Lots that the owner named for a closing line: (lot, quantity without sign)."""

    line: UUID
    lots: tuple[tuple[UUID, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingRules:
    """How an owner wants lots to be chosen. `methods` is by account; FIFO where it has none."""

    methods: dict[UUID, LotMethod] = field(default_factory=dict)
    choices: dict[UUID, LotChoice] = field(default_factory=dict)  # by closing line


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyBook:
    """Everything that booking the lines of one family gives, in the order of events."""

    entries: tuple[Entry, ...] = ()
    lots: tuple[Lot, ...] = ()
    disposals: tuple[Disposal, ...] = ()
    problems: tuple[Problem, ...] = ()
