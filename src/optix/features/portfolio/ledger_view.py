"""The ledger as its owner sees it: lots, journal, gains of a year, and what the owner enters."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import UUID

from optix.features.brokerage.service import BrokerageService, line_record
from optix.features.portfolio import repository, repository_books
from optix.features.portfolio import schemas_ledger as schemas
from optix.features.portfolio.ledger.form_8949 import as_csv, form_8949
from optix.features.portfolio.ledger.gains import TAX_NOTICE, total_gains
from optix.features.portfolio.ledger.section_1256 import Marks
from optix.features.portfolio.ledger.values import ProblemCode
from optix.features.portfolio.ledger_told import (
    Taxes,
    activity_of,
    books_of,
    entry_of,
    gain_of,
    lot_of,
    own_line_of,
    plain,
    setting_of,
    tax_books,
    text_of,
)
from optix.features.portfolio.models import OwnLine
from optix.features.portfolio.repository import Change
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput, NotFound
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database


class LedgerCursorUnreadable(InvalidInput):
    code = "cursor_unreadable"
    next_step = "Send `next` of the page before, or begin without one."


class LedgerAccountNotFound(NotFound):
    code = "account_not_found"
    next_step = "Load your accounts again."


class OwnLineNotFound(NotFound):
    code = "own_line_not_found"
    next_step = "Load the list again."


class TooManyOwnLines(Conflict):
    code = "too_many_own_lines"
    next_step = "Delete one that you no longer need, or import a statement."


class LedgerView:
    """Reads for one owner at a time; what it writes is only what the owner enters."""

    def __init__(self, database: Database, brokerage: BrokerageService, clock: Clock) -> None:
        self._database = database
        self._brokerage = brokerage
        self._clock = clock

    async def list_lots(
        self, owner: UserId, *, account: UUID | None, symbol: str, cursor: str | None
    ) -> schemas.LotList:
        """Return open lots, the oldest first. Errors: LedgerCursorUnreadable."""
        after = None if cursor is None else _place(cursor)
        most = limits.LEDGER_PAGE_MAX
        async with self._database.reading(owner=owner) as session:
            rows = await repository_books.list_lots(
                session, owner, account=account, symbol=symbol, after=after, most=most + 1
            )
        shown = rows[:most]
        last = shown[-1] if len(rows) > most else None
        return schemas.LotList(
            lots=[lot_of(row) for row in shown],
            next=None if last is None else f"{last.opened}_{last.id}",
        )

    async def list_entries(
        self, owner: UserId, *, account: UUID | None, superseded: bool, cursor: str | None
    ) -> schemas.Journal:
        """Return the journal, the newest first. Errors: LedgerCursorUnreadable."""
        before = None if cursor is None else _place(cursor)
        most = limits.LEDGER_PAGE_MAX
        async with self._database.reading(owner=owner) as session:
            rows = await repository_books.list_entries(
                session,
                owner,
                account=account,
                superseded=superseded,
                before=before,
                most=most + 1,
            )
        shown = rows[:most]
        last = shown[-1] if len(rows) > most else None
        return schemas.Journal(
            entries=[entry_of(row) for row in shown],
            next=None if last is None else f"{last.day}_{last.id}",
        )

    async def list_problems(self, owner: UserId, account: UUID | None) -> schemas.ProblemList:
        """Return what could not be booked as it stands."""
        async with self._database.reading(owner=owner) as session:
            rows = await repository_books.list_problems(
                session, owner, account, limits.LEDGER_PAGE_MAX
            )
        return schemas.ProblemList(
            problems=[
                schemas.LedgerProblem(
                    id=row.id,
                    account_id=row.account_id,
                    code=ProblemCode(row.code),
                    line_id=row.line_id,
                    asset=row.asset,
                    detail=row.detail,
                    quantity=text_of(row.quantity),
                    amount=text_of(row.amount),
                )
                for row in rows
            ]
        )

    async def get_gains(
        self, owner: UserId, year: int, *, account: UUID | None, cursor: str | None
    ) -> schemas.Gains:
        """Return the gains of a tax year. Errors: LedgerCursorUnreadable."""
        taxes = await self._taxes(owner)
        start = 0 if cursor is None else _number(cursor)
        mine = [each for each in taxes.gains if each.year == year]
        if account is not None:
            mine = [each for each in mine if each.found.disposal.account == account]
        page = mine[start : start + limits.LEDGER_PAGE_MAX]
        end = start + len(page)
        totals = total_gains(mine)
        return schemas.Gains(
            year=year,
            years=sorted({each.year for each in taxes.gains}, reverse=True),
            totals=[
                schemas.GainSum(
                    account_id=each.account,
                    currency=each.currency,
                    term=each.term,
                    count=each.count,
                    proceeds=plain(each.proceeds),
                    basis=plain(each.basis),
                    disallowed=plain(each.disallowed),
                    lost=plain(each.lost),
                    gain=plain(each.gain),
                )
                for each in totals
            ],
            index_contracts=[
                schemas.IndexContracts(
                    account_id=each.account,
                    currency=each.currency,
                    gain=plain(each.gain),
                    short=plain(each.terms.short_term),
                    long=plain(each.terms.long_term),
                )
                for each in taxes.index_contracts
                if each.year == year and account in {None, each.account}
            ],
            gains=[gain_of(each) for each in page],
            next=str(end) if end < len(mine) else None,
            unmarked=taxes.unmarked,
            notice=TAX_NOTICE,
        )

    async def export_form_8949(self, owner: UserId, year: int) -> str:
        """Return the rows of Form 8949 of a year as CSV."""
        taxes = await self._taxes(owner)
        return as_csv(form_8949(taxes.gains, year))

    async def list_settings(self, owner: UserId) -> schemas.LedgerSettingList:
        """Return how the lots of each account are chosen."""
        accounts = await self._brokerage.list_held(owner)
        async with self._database.reading(owner=owner) as session:
            stored = {
                row.account_id: row for row in await repository_books.list_settings(session, owner)
            }
        return schemas.LedgerSettingList(
            accounts=[setting_of(each.id, stored.get(each.id)) for each in accounts]
        )

    async def update_setting(
        self, owner: UserId, account: UUID, body: schemas.LedgerSettingUpdate
    ) -> schemas.LedgerSetting:
        """Change how lots are chosen; all is booked anew. Errors: LedgerAccountNotFound."""
        await self._require_account(owner, account)
        async with self._database.writing() as session:
            stored = {
                row.account_id: row for row in await repository_books.list_settings(session, owner)
            }
            before = setting_of(account, stored.get(account))
            after = before.model_copy(update=body.model_dump(exclude_none=True))
            if after != before:
                values = {"lot_method": after.lot_method, "tax_advantaged": after.tax_advantaged}
                await repository_books.save_setting(session, owner, account, values)
            if after.lot_method is not before.lot_method:
                await repository.note_changes(session, owner, [Change(None, None)])
        return after

    async def add_own_line(self, owner: UserId, body: schemas.OwnLineCreate) -> schemas.OwnLine:
        """Keep what was there before the history, and let it be booked.

        Errors: OwnLineUnusable, LedgerAccountNotFound, TooManyOwnLines.
        """
        await self._require_account(owner, body.account_id)
        line = activity_of(body)
        row = OwnLine(
            user_id=owner,
            account_id=body.account_id,
            id=new_uuid(),
            symbol=None if line.asset is None else line.asset.symbol,
            record=line_record(line),
            note=body.note,
            created_at=to_datetime(self._clock.now_ns()),
        )
        async with self._database.writing() as session:
            await repository.wait_for_owner(session, owner)
            if len(await repository.list_own_lines(session, owner)) >= limits.OWN_LINES_MAX:
                raise TooManyOwnLines("There are as many lines of your own as there may be.")
            await repository_books.add_own_line(session, row)
            await repository.note_changes(session, owner, [Change(row.id, row.symbol)])
        return own_line_of(row)

    async def list_own_lines(self, owner: UserId) -> schemas.OwnLineList:
        async with self._database.reading(owner=owner) as session:
            rows = await repository.list_own_lines(session, owner)
        return schemas.OwnLineList(lines=[own_line_of(row) for row in rows])

    async def get_own_line(self, owner: UserId, id_: UUID) -> schemas.OwnLine:
        """Errors: OwnLineNotFound."""
        async with self._database.reading(owner=owner) as session:
            row = await repository_books.find_own_line(session, owner, id_)
        if row is None:
            raise OwnLineNotFound("You have entered no such line.")
        return own_line_of(row)

    async def delete_own_line(self, owner: UserId, id_: UUID) -> None:
        """Take back what the owner entered, and let it be booked. Errors: OwnLineNotFound."""
        async with self._database.writing() as session:
            row = await repository_books.delete_own_line(session, owner, id_)
            if row is None:
                raise OwnLineNotFound("You have entered no such line.")
            await repository.note_changes(session, owner, [Change(id_, row.symbol)])

    async def _require_account(self, owner: UserId, account: UUID) -> None:
        if all(each.id != account for each in await self._brokerage.list_held(owner)):
            raise LedgerAccountNotFound("You have no such account.")

    async def _taxes(self, owner: UserId) -> Taxes:
        async with self._database.reading(owner=owner) as session:
            entries, lots, disposals = await repository_books.load_books(session, owner)
            settings = await repository_books.list_settings(session, owner)
        sheltered = frozenset(row.account_id for row in settings if row.tax_advantaged)
        last_year = to_datetime(self._clock.now_ns()).year - 1
        return await asyncio.to_thread(
            tax_books, books_of(entries, lots, disposals), sheltered, Marks(through=last_year)
        )


def _place(cursor: str) -> tuple[date, UUID]:
    day, _, name = cursor.partition("_")
    try:
        return date.fromisoformat(day), UUID(name)
    except ValueError as error:
        raise LedgerCursorUnreadable("This place in the list cannot be read.") from error


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 9:
        raise LedgerCursorUnreadable("This place in the list cannot be read.")
    return int(cursor)
