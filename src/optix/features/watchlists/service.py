"""What watchlists does, in the transaction of the caller. The public face of the feature.

Everything that changes goes through `apply`, whether it comes as an edit of a device or as a
request about one list: so there is one rule for what wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from optix.features.watchlists import registers, repository, schemas
from optix.features.watchlists.exchange import as_comma_text, as_csv, read_text
from optix.features.watchlists.registers import (
    SECTION,
    Column,
    Edit,
    Outcome,
    Refusal,
    Verdict,
    Watchlist,
)
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, NotFound
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import ReadSession, WriteSession
from optix.platform.user_events import leave


class UnknownWatchlist(NotFound):
    code = "unknown_watchlist"
    next_step = "Load the list again."


class UnknownEntry(NotFound):
    code = "unknown_watchlist_entry"
    next_step = "Load the list again."


class TooManyWatchlists(Conflict):
    code = "too_many_watchlists"
    next_step = "Delete one that you no longer need."


class WatchlistFull(Conflict):
    code = "watchlist_full"
    next_step = "Remove a symbol, or put this one on another list."


_REFUSALS = {
    Refusal.LIST_FULL: WatchlistFull("This list has as many symbols as one may have."),
    Refusal.TOO_MANY_LISTS: TooManyWatchlists("There are as many lists as one may have."),
    Refusal.UNKNOWN_LIST: UnknownWatchlist("There is no such list."),
}
assert Refusal.TOO_OLD not in _REFUSALS, "what is asked for now is of now"


class WatchlistService:
    """`symbols_max` is how many symbols a list may have here."""

    def __init__(self, clock: Clock, *, symbols_max: int) -> None:
        self._clock = clock
        self.symbols_max = min(symbols_max, limits.WATCHLIST_SYMBOLS_MAX)

    async def list_watchlists(self, session: ReadSession, owner: UserId) -> schemas.WatchlistList:
        """Return the lists in their order."""
        lists = await repository.load_watchlists(session, owner)
        return schemas.WatchlistList(items=_shown(lists), symbols_max=self.symbols_max)

    async def get_watchlist(
        self, session: ReadSession, owner: UserId, id_: UUID
    ) -> schemas.Watchlist:
        """Errors: UnknownWatchlist."""
        return _shape(await _get(session, owner, id_))

    async def apply(
        self, session: WriteSession, owner: UserId, batch: Sequence[schemas.WatchlistEdit]
    ) -> schemas.WatchlistEditAnswer:
        """Apply the edits of a device, each by itself, and return what became of them.

        Effects: writes watchlist; leaves `watchlists/changed` for the owner's devices.
        Errors:  WatchlistEditInvalid for an edit that cannot be meant, before any is applied.
        """
        edits = [_edit(each) for each in batch]
        lists, outcomes = await self._apply(session, owner, edits)
        return schemas.WatchlistEditAnswer(
            outcomes=[
                schemas.WatchlistEditOutcome(
                    id=each.edit, verdict=each.verdict, refusal=each.refusal
                )
                for each in outcomes
            ],
            items=_shown(lists),
            symbols_max=self.symbols_max,
        )

    async def create_watchlist(
        self, session: WriteSession, owner: UserId, body: schemas.WatchlistCreate
    ) -> schemas.Watchlist:
        """Errors: WatchlistEditInvalid, TooManyWatchlists, WatchlistFull."""
        lists = await repository.load_watchlists(session, owner)
        rank = registers.ranks_after(_last([each.fields for each in _living(lists)]), 1)[0]
        id_ = new_uuid()
        changes = {"alive": True, "name": body.name, "rank": rank, "columns": list(body.columns)}
        edits = [_made(id_, None, changes)]
        symbols = list(dict.fromkeys(_symbol(each) for each in body.symbols))
        ranks = registers.ranks_after("", len(symbols))
        edits += [
            _made(id_, symbol, {"alive": True, "rank": place})
            for symbol, place in zip(symbols, ranks, strict=True)
        ]
        return _shape((await self._change(session, owner, edits))[id_])

    async def update_watchlist(
        self, session: WriteSession, owner: UserId, id_: UUID, body: schemas.WatchlistUpdate
    ) -> schemas.Watchlist:
        """Errors: UnknownWatchlist, WatchlistEditInvalid."""
        lists = await repository.load_watchlists(session, owner)
        found = _living_one(lists, id_)
        changes: dict[str, Any] = {}
        if body.name is not None:
            changes["name"] = body.name
        if body.columns is not None:
            changes["columns"] = list(body.columns)
        if body.after is not None:
            changes["rank"] = _rank_behind(_living(lists), found, body.after)
        if not changes:
            return _shape(found)
        return _shape((await self._change(session, owner, [_made(id_, None, changes)]))[id_])

    async def delete_watchlist(self, session: WriteSession, owner: UserId, id_: UUID) -> None:
        """Errors: UnknownWatchlist."""
        await _get(session, owner, id_)
        await self._change(session, owner, [_made(id_, None, {"alive": False})])

    async def add_symbols(
        self, session: WriteSession, owner: UserId, id_: UUID, body: schemas.WatchlistSymbolsAdd
    ) -> schemas.Watchlist:
        """Put symbols at the end of the list, or of a section; those that are there stay.

        Errors: UnknownWatchlist, UnknownEntry, WatchlistEditInvalid, WatchlistFull.
        """
        found = await _get(session, owner, id_)
        there = dict(found.shown())
        wanted = list(dict.fromkeys(_symbol(each) for each in body.symbols))
        new = [symbol for symbol in wanted if symbol not in there]
        ranks = _ranks_for(found, body.section, len(new))
        edits = [
            _made(id_, symbol, {"alive": True, "rank": rank})
            for symbol, rank in zip(new, ranks, strict=True)
        ]
        return _shape((await self._change(session, owner, edits))[id_]) if edits else _shape(found)

    async def update_entry(
        self, session: WriteSession, owner: UserId, id_: UUID, entry: str, note: str
    ) -> schemas.Watchlist:
        """Errors: UnknownWatchlist, UnknownEntry, WatchlistEditInvalid."""
        key = _there(await _get(session, owner, id_), entry)
        return _shape((await self._change(session, owner, [_made(id_, key, {"note": note})]))[id_])

    async def remove_entry(
        self, session: WriteSession, owner: UserId, id_: UUID, entry: str
    ) -> None:
        """Errors: UnknownWatchlist, UnknownEntry, WatchlistEditInvalid."""
        key = _there(await _get(session, owner, id_), entry)
        await self._change(session, owner, [_made(id_, key, {"alive": False})])

    async def order_entries(
        self, session: WriteSession, owner: UserId, id_: UUID, keys: Sequence[str]
    ) -> schemas.Watchlist:
        """Give the list a new order.

        Errors: UnknownWatchlist, UnknownEntry, WatchlistEditInvalid.
        """
        found = await _get(session, owner, id_)
        wanted = list(dict.fromkeys(_there(found, each) for each in keys))
        rest = [key for key, _ in found.shown() if key not in set(wanted)]
        ranks = registers.ranks_after("", len(wanted) + len(rest))
        edits = [
            _made(id_, key, {"rank": rank})
            for key, rank in zip([*wanted, *rest], ranks, strict=True)
        ]
        return _shape((await self._change(session, owner, edits))[id_])

    async def export(
        self, session: ReadSession, owner: UserId, id_: UUID, form: str
    ) -> tuple[str, str]:
        """Return the name and the text of a list. Errors: UnknownWatchlist."""
        found = await _get(session, owner, id_)
        text = as_csv(found) if form == "csv" else as_comma_text(found)
        return found.fields.text("name"), text

    async def _change(
        self, session: WriteSession, owner: UserId, edits: Sequence[Edit]
    ) -> dict[UUID, Watchlist]:
        """Apply edits that hold together: one that is refused is the error of all."""
        lists, outcomes = await self._apply(session, owner, edits)
        for outcome in outcomes:
            if outcome.refusal is not None:
                raise _REFUSALS[outcome.refusal]
        return lists

    async def _apply(
        self, session: WriteSession, owner: UserId, edits: Sequence[Edit]
    ) -> tuple[dict[UUID, Watchlist], list[Outcome]]:
        await repository.lock_owner(session, owner)
        lists = await repository.load_watchlists(session, owner)
        now_ns = self._clock.now_ns()
        outcomes, changed = registers.apply_edits(
            lists, edits, now_ms=now_ns // 1_000_000, symbols_max=self.symbols_max
        )
        stamped = {
            edit.list_id
            for edit, outcome in zip(edits, outcomes, strict=True)
            if outcome.verdict is not Verdict.REFUSED
        }
        gone = registers.forget(lists, now_ms=now_ns // 1_000_000)
        if stamped - gone:
            now = to_datetime(now_ns)
            kept = [lists[id_] for id_ in sorted(stamped - gone)]
            await repository.save_watchlists(session, owner, kept, now)
        if gone:
            await repository.forget_watchlists(session, owner, gone)
        if changed:
            body = {"lists": len(changed)}
            await leave(session, owner, "watchlists", "changed", body, at_ns=now_ns)
        return lists, outcomes


def preview_import(text: str) -> schemas.WatchlistImportPreview:
    """Return what a pasted text or a CSV file names, row by row. Writes nothing."""
    rows = read_text(text)
    return schemas.WatchlistImportPreview(
        rows=[
            schemas.WatchlistImportRow(
                line=row.line,
                text=row.text,
                symbol=row.symbol,
                section=row.section,
                note=row.note,
                verdict="unreadable"
                if row.symbol is None
                else "repeated"
                if row.repeated
                else "ok",
                problem=row.problem or None,
            )
            for row in rows
        ],
        symbols=list(dict.fromkeys(row.symbol for row in rows if row.symbol is not None)),
    )


async def exported_watchlists(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    """Return the lists for the export of somebody's own data."""
    lists = await repository.load_watchlists(session, owner)
    return [each.model_dump(mode="json") for each in _shown(lists)]


def _made(list_id: UUID, entry: str | None, changes: Mapping[str, Any]) -> Edit:
    key, checked = registers.check_edit(entry, changes)
    return Edit(id=new_uuid(), at_ms=None, list_id=list_id, entry=key, changes=checked)


def _edit(given: schemas.WatchlistEdit) -> Edit:
    key, changes = registers.check_edit(given.entry, given.changes)
    made = given.made_at if given.made_at.tzinfo else given.made_at.replace(tzinfo=UTC)
    return Edit(
        id=given.id,
        at_ms=int(made.timestamp() * 1_000),
        list_id=given.list_id,
        entry=key,
        changes=changes,
    )


async def _get(session: ReadSession, owner: UserId, id_: UUID) -> Watchlist:
    return _living_one(await repository.load_watchlists(session, owner), id_)


def _living_one(lists: Mapping[UUID, Watchlist], id_: UUID) -> Watchlist:
    found = lists.get(id_)
    if found is None or not found.fields.alive:
        raise UnknownWatchlist("There is no such list.")
    return found


def _living(lists: Mapping[UUID, Watchlist]) -> list[Watchlist]:
    alive = [each for each in lists.values() if each.fields.alive]
    return sorted(alive, key=lambda each: (each.fields.text("rank"), each.id))


def _there(found: Watchlist, entry: str) -> str:
    key = registers.entry_key(entry)
    fields = found.entries.get(key)
    if fields is None or not fields.alive:
        raise UnknownEntry("This is not on the list.")
    return key


def _symbol(text: str) -> str:
    key = registers.entry_key(text)
    if key.startswith(SECTION):
        raise registers.WatchlistEditInvalid("A symbol is wanted here, not a section.")
    return key


def _last(fields: Sequence[registers.Fields]) -> str:
    return max((each.text("rank") for each in fields), default="")


def _rank_behind(living: Sequence[Watchlist], moved: Watchlist, after: UUID) -> str:
    others = [each for each in living if each.id != moved.id]
    place = next((at + 1 for at, each in enumerate(others) if each.id == after), 0)
    if place == 0 and after != moved.id:
        raise UnknownWatchlist("There is no list to place this one behind.")
    return _between([each.fields for each in others], place)


def _ranks_for(found: Watchlist, section: str | None, count: int) -> list[str]:
    """Return ranks at the end of the list, or of a section."""
    shown = found.shown()
    if section is None:
        return registers.ranks_after(_last([fields for _, fields in shown]), count)
    place = next(at for at, (key, _) in enumerate(shown) if key == _there(found, section)) + 1
    while place < len(shown) and not shown[place][0].startswith(SECTION):
        place += 1
    fields = [each for _, each in shown]
    ranks: list[str] = []
    before = fields[place - 1].text("rank")
    after = fields[place].text("rank") if place < len(fields) else ""
    for _ in range(count):
        before = registers.rank_between(before, after)
        ranks.append(before)
    return ranks


def _between(fields: Sequence[registers.Fields], place: int) -> str:
    before = fields[place - 1].text("rank") if place else ""
    after = fields[place].text("rank") if place < len(fields) else ""
    return registers.rank_between(before, after if after > before else "")


def _shown(lists: Mapping[UUID, Watchlist]) -> list[schemas.Watchlist]:
    return [_shape(each) for each in _living(lists)]


def _shape(found: Watchlist) -> schemas.Watchlist:
    columns = found.fields.values.get("columns", ())
    assert isinstance(columns, tuple), "columns are checked when they are set"
    return schemas.Watchlist(
        id=found.id,
        name=found.fields.text("name"),
        rank=found.fields.text("rank"),
        columns=[Column(each) for each in columns],
        entries=[
            schemas.WatchlistEntry(
                key=key,
                kind="section" if key.startswith(SECTION) else "symbol",
                rank=fields.text("rank"),
                note=fields.text("note"),
            )
            for key, fields in found.shown()
        ],
    )
