"""The endpoints of the ledger. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import HTTPConnection
from starlette.responses import Response

from optix.features.identity.access import CurrentUser
from optix.features.portfolio import schemas_ledger as schemas
from optix.features.portfolio.ledger_told import OwnLineUnusable
from optix.features.portfolio.ledger_view import (
    LedgerAccountNotFound,
    LedgerCursorUnreadable,
    LedgerView,
    OwnLineNotFound,
    TooManyOwnLines,
)
from optix.features.portfolio.reconciliation import (
    DifferenceGone,
    NothingProposed,
    Reconciliation,
    StillBooking,
)
from optix.kernel import limits
from optix.platform.http import SearchWords, errors

PATH: Final = "/api/v1/portfolio"
OWN_LINES_PATH: Final = f"{PATH}/lines"

router = APIRouter(tags=["portfolio"])


def ledger_of(connection: HTTPConnection) -> LedgerView:
    ledger: LedgerView = connection.app.state.ledger
    return ledger


def reconciliation_of(connection: HTTPConnection) -> Reconciliation:
    reconciliation: Reconciliation = connection.app.state.reconciliation
    return reconciliation


Reconciling = Annotated[Reconciliation, Depends(reconciliation_of)]
Ledger = Annotated[LedgerView, Depends(ledger_of)]
Account = Annotated[UUID | None, Query(description="One account only.")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next` of the page before.")]
Year = Annotated[int, Query(ge=1990, le=2200, description="The tax year.")]


@router.get(f"{PATH}/lots", responses=errors(LedgerCursorUnreadable))
async def list_lots(
    user: CurrentUser,
    ledger: Ledger,
    *,
    account: Account = None,
    symbol: Annotated[
        SearchWords,
        Query(
            max_length=limits.CONTRACT_TEXT_LENGTH_MAX,
            description="One symbol, or all of an underlying.",
        ),
    ] = "",
    cursor: Cursor = None,
) -> schemas.LotList:
    """Return what is open by acquisition, the oldest first."""
    return await ledger.list_lots(
        user.id, account=account, symbol=symbol.strip().upper(), cursor=cursor
    )


@router.get(f"{PATH}/journal", responses=errors(LedgerCursorUnreadable))
async def list_journal(
    user: CurrentUser,
    ledger: Ledger,
    *,
    account: Account = None,
    superseded: Annotated[bool, Query(description="Also what stood there before.")] = False,
    cursor: Cursor = None,
) -> schemas.Journal:
    """Return the double-entry journal, the newest first; every entry names its record."""
    return await ledger.list_entries(user.id, account=account, superseded=superseded, cursor=cursor)


@router.get(f"{PATH}/problems")
async def list_ledger_problems(
    user: CurrentUser, ledger: Ledger, account: Account = None
) -> schemas.ProblemList:
    """Return what of the history could not be booked as it stands, and why."""
    return await ledger.list_problems(user.id, account)


@router.get(f"{PATH}/gains", responses=errors(LedgerCursorUnreadable))
async def get_gains(
    user: CurrentUser, ledger: Ledger, *, year: Year, account: Account = None, cursor: Cursor = None
) -> schemas.Gains:
    """Return realised gains of a tax year with wash sales over all your accounts. No tax advice."""
    return await ledger.get_gains(user.id, year, account=account, cursor=cursor)


@router.get(
    f"{PATH}/gains/form-8949",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_form_8949(user: CurrentUser, ledger: Ledger, year: Year) -> Response:
    """Return a year's gains as CSV in the columns of Form 8949. No tax advice."""
    return Response(
        await ledger.export_form_8949(user.id, year),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="form-8949-{year}.csv"'},
    )


@router.get(f"{PATH}/settings")
async def list_ledger_settings(user: CurrentUser, ledger: Ledger) -> schemas.LedgerSettingList:
    """Return how the lots of each account are chosen, and whether its gains are taxed."""
    return await ledger.list_settings(user.id)


@router.patch(f"{PATH}/settings/{{account_id}}", responses=errors(LedgerAccountNotFound))
async def update_ledger_setting(
    account_id: UUID, body: schemas.LedgerSettingUpdate, user: CurrentUser, ledger: Ledger
) -> schemas.LedgerSetting:
    """Change how lots are chosen; the history is booked anew by the new rule."""
    return await ledger.update_setting(user.id, account_id, body)


@router.post(
    OWN_LINES_PATH,
    status_code=201,
    responses=errors(OwnLineUnusable, LedgerAccountNotFound, TooManyOwnLines),
)
async def create_own_line(
    body: schemas.OwnLineCreate, user: CurrentUser, ledger: Ledger, response: Response
) -> schemas.OwnLine:
    """Enter what was there before the history begins: a position with its cost, or cash."""
    created = await ledger.add_own_line(user.id, body)
    response.headers["Location"] = f"{OWN_LINES_PATH}/{created.id}"
    return created


@router.get(OWN_LINES_PATH)
async def list_own_lines(user: CurrentUser, ledger: Ledger) -> schemas.OwnLineList:
    """Return what you entered yourself, the oldest first."""
    return await ledger.list_own_lines(user.id)


@router.get(f"{OWN_LINES_PATH}/{{own_line_id}}", responses=errors(OwnLineNotFound))
async def get_own_line(
    own_line_id: Annotated[UUID, Path()], user: CurrentUser, ledger: Ledger
) -> schemas.OwnLine:
    """Return one line that you entered."""
    return await ledger.get_own_line(user.id, own_line_id)


@router.delete(
    f"{OWN_LINES_PATH}/{{own_line_id}}", status_code=204, responses=errors(OwnLineNotFound)
)
async def delete_own_line(
    own_line_id: Annotated[UUID, Path()], user: CurrentUser, ledger: Ledger
) -> None:
    """Take back a line that you entered; the history is booked without it."""
    await ledger.delete_own_line(user.id, own_line_id)


@router.get(f"{PATH}/reconciliation")
async def list_differences(
    user: CurrentUser, reconciliation: Reconciling
) -> schemas.Reconciliation:
    """Return where ledger and brokers differ, the cause of each, and what would settle it."""
    return await reconciliation.list_differences(user.id)


@router.post(
    f"{PATH}/reconciliation/accept",
    responses=errors(DifferenceGone, NothingProposed, StillBooking, TooManyOwnLines),
)
async def accept_difference(
    body: schemas.DifferenceAccept, user: CurrentUser, reconciliation: Reconciling
) -> schemas.OwnLineList:
    """Settle a difference by what it proposes; the lines are yours and can be taken back."""
    return await reconciliation.accept(user.id, body)
