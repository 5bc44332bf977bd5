"""HTTP of watchlists: /api/v1/watchlists. Handlers only translate."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from optix.features.identity.access import CurrentUser, OwnReadSessionDep
from optix.features.watchlists import schemas
from optix.features.watchlists.registers import WatchlistEditInvalid
from optix.features.watchlists.service import (
    TooManyWatchlists,
    UnknownEntry,
    UnknownWatchlist,
    WatchlistFull,
    WatchlistService,
    preview_import,
)
from optix.platform.db import WriteSessionDep
from optix.platform.http import errors, etag, not_modified

PATH = "/api/v1/watchlists"

# What is written leaves a job behind, which a transaction of the owner's role may not.
router = APIRouter(prefix=PATH, tags=["watchlists"])


def watchlists_of(connection: HTTPConnection) -> WatchlistService:
    watchlists: WatchlistService = connection.app.state.watchlists
    return watchlists


Watchlists = Annotated[WatchlistService, Depends(watchlists_of)]


@router.get(
    "",
    response_model=schemas.WatchlistList,
    responses={304: {"description": "You have this state."}},
)
async def list_watchlists(
    user: CurrentUser,
    session: OwnReadSessionDep,
    watchlists: Watchlists,
    request: Request,
    response: Response,
) -> schemas.WatchlistList | Response:
    """Return all lists of the caller with their entries, in their order."""
    found = await watchlists.list_watchlists(session, user.id)
    tag = etag(found.model_dump_json())
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    return not_modified(request, tag) or found


@router.post(
    "",
    status_code=201,
    responses=errors(WatchlistEditInvalid, TooManyWatchlists, WatchlistFull),
)
async def create_watchlist(
    body: schemas.WatchlistCreate,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
    response: Response,
) -> schemas.Watchlist:
    """Create a list behind the others and return it."""
    created = await watchlists.create_watchlist(session, user.id, body)
    response.headers["Location"] = f"{PATH}/{created.id}"
    return created


@router.post("/edits", responses=errors(WatchlistEditInvalid))
async def apply_edits(
    body: schemas.WatchlistEditBatch,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> schemas.WatchlistEditAnswer:
    """Apply what a device changed, perhaps while it was offline; return the lists as they are.

    Each field of a list or an entry is decided by itself, the later change wins, and an edit that
    is sent again changes nothing. An edit that cannot be applied says why and stops no other.
    """
    return await watchlists.apply(session, user.id, body.edits)


@router.post("/preview")
async def preview_watchlist_import(
    body: schemas.WatchlistImportText, user: CurrentUser
) -> schemas.WatchlistImportPreview:
    """Read a pasted text or CSV and say row by row what it names. Nothing is written."""
    del user
    return preview_import(body.text)


@router.get("/{watchlist_id}", responses=errors(UnknownWatchlist))
async def get_watchlist(
    watchlist_id: UUID, user: CurrentUser, session: OwnReadSessionDep, watchlists: Watchlists
) -> schemas.Watchlist:
    """Return one list."""
    return await watchlists.get_watchlist(session, user.id, watchlist_id)


@router.patch("/{watchlist_id}", responses=errors(UnknownWatchlist, WatchlistEditInvalid))
async def update_watchlist(
    watchlist_id: UUID,
    body: schemas.WatchlistUpdate,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> schemas.Watchlist:
    """Rename a list, choose its columns, or place it elsewhere among the others."""
    return await watchlists.update_watchlist(session, user.id, watchlist_id, body)


@router.delete("/{watchlist_id}", status_code=204, responses=errors(UnknownWatchlist))
async def delete_watchlist(
    watchlist_id: UUID, user: CurrentUser, session: WriteSessionDep, watchlists: Watchlists
) -> None:
    """Remove a list."""
    await watchlists.delete_watchlist(session, user.id, watchlist_id)


@router.post(
    "/{watchlist_id}/symbols",
    responses=errors(UnknownWatchlist, UnknownEntry, WatchlistEditInvalid, WatchlistFull),
)
async def add_symbols(
    watchlist_id: UUID,
    body: schemas.WatchlistSymbolsAdd,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> schemas.Watchlist:
    """Add symbols at the end of the list or of a section; what is there already stays."""
    return await watchlists.add_symbols(session, user.id, watchlist_id, body)


@router.patch(
    "/{watchlist_id}/symbols/{symbol}",
    responses=errors(UnknownWatchlist, UnknownEntry, WatchlistEditInvalid),
)
async def update_symbol(
    watchlist_id: UUID,
    symbol: str,
    body: schemas.WatchlistEntryUpdate,
    user: CurrentUser,
    *,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> schemas.Watchlist:
    """Change the note of a symbol, or the headline of a section."""
    return await watchlists.update_entry(session, user.id, watchlist_id, symbol, body.note)


@router.delete(
    "/{watchlist_id}/symbols/{symbol}",
    status_code=204,
    responses=errors(UnknownWatchlist, UnknownEntry, WatchlistEditInvalid),
)
async def remove_symbol(
    watchlist_id: UUID,
    symbol: str,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> None:
    """Take a symbol or a section off the list."""
    await watchlists.remove_entry(session, user.id, watchlist_id, symbol)


@router.put(
    "/{watchlist_id}/order",
    responses=errors(UnknownWatchlist, UnknownEntry, WatchlistEditInvalid),
)
async def order_watchlist(
    watchlist_id: UUID,
    body: schemas.WatchlistOrder,
    user: CurrentUser,
    session: WriteSessionDep,
    watchlists: Watchlists,
) -> schemas.Watchlist:
    """Give the entries of a list a new order."""
    return await watchlists.order_entries(session, user.id, watchlist_id, body.entries)


@router.get(
    "/{watchlist_id}/export",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/csv": {"schema": {"type": "string"}},
                "text/plain": {"schema": {"type": "string"}},
            }
        },
        **errors(UnknownWatchlist),
    },
)
async def export_watchlist(
    watchlist_id: UUID,
    user: CurrentUser,
    session: OwnReadSessionDep,
    watchlists: Watchlists,
    form: Literal["csv", "text"] = "csv",
) -> Response:
    """Return a list as CSV (symbol, section, note) or as comma text."""
    name, text = await watchlists.export(session, user.id, watchlist_id, form)
    plain = "".join(each if each.isascii() and each.isalnum() else "-" for each in name) or "list"
    ending, media = ("csv", "text/csv") if form == "csv" else ("txt", "text/plain")
    return Response(
        text,
        media_type=f"{media}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{plain}.{ending}"'},
    )
