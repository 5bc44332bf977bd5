"""The endpoints of file imports. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import unquote
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from optix.features.brokerage import schemas_imports as answers
from optix.features.brokerage.imports import (
    AUTO,
    ImportAccountUnknown,
    ImportNotFound,
    ImportPage,
    StatementImports,
    TooManyImports,
)
from optix.features.brokerage.models_imports import BrokerImportRow
from optix.features.identity.access import CurrentUser
from optix.kernel import limits
from optix.platform.http import errors
from optix.ports.statements import StatementUnreadable

IMPORTS_PATH: Final = "/api/v1/brokerages/imports"
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "The file as it is.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(tags=["brokerage"])


def imports_of(connection: HTTPConnection) -> StatementImports:
    imports: StatementImports = connection.app.state.statement_imports
    return imports


Imports = Annotated[StatementImports, Depends(imports_of)]


@router.post(
    IMPORTS_PATH,
    status_code=201,
    openapi_extra=_BODY,
    responses=errors(StatementUnreadable, ImportAccountUnknown, TooManyImports),
)
async def preview_import(
    request: Request,
    response: Response,
    user: CurrentUser,
    imports: Imports,
    *,
    name: Annotated[
        str, Query(alias="format", max_length=40, description="`auto` finds it out.")
    ] = AUTO,
    account: Annotated[
        list[str] | None,
        Query(
            max_length=limits.STATEMENT_ACCOUNTS_MAX,
            description="For each account of the file in its order: an id, `new` or `auto`.",
        ),
    ] = None,
    x_file_name: Annotated[
        str, Header(max_length=400, description="Percent-encoded, for your list only.")
    ] = "",
) -> answers.Import:
    """Show what a file would change, row by row. Nothing is written to your history."""
    body = await request.body()
    page = await imports.preview(
        user.id, body, file_name=unquote(x_file_name), name=name, accounts=account or ()
    )
    found = _import(page)
    response.headers["Location"] = f"{IMPORTS_PATH}/{found.id}"
    return found


@router.get(IMPORTS_PATH)
async def list_imports(user: CurrentUser, imports: Imports) -> answers.ImportList:
    """The imports, the newest first, without their rows."""
    return answers.ImportList(
        imports=[answers.ImportSummary(**_summary(page)) for page in await imports.list(user.id)]
    )


@router.get(f"{IMPORTS_PATH}/{{import_id}}", responses=errors(ImportNotFound))
async def get_import(
    import_id: UUID,
    user: CurrentUser,
    imports: Imports,
    cursor: Annotated[
        int,
        Query(ge=-1, le=limits.STATEMENT_ROWS_MAX * 2, description="`next` of the page before."),
    ] = -1,
) -> answers.Import:
    """One import with a page of its rows."""
    return _import(await imports.get(user.id, import_id, after=cursor))


@router.post(f"{IMPORTS_PATH}/{{import_id}}/confirm", responses=errors(ImportNotFound))
async def confirm_import(import_id: UUID, user: CurrentUser, imports: Imports) -> answers.Import:
    """Write what is new into the history. Confirming again changes nothing."""
    return _import(await imports.confirm(user.id, import_id))


@router.delete(f"{IMPORTS_PATH}/{{import_id}}", status_code=204, responses=errors(ImportNotFound))
async def delete_import(import_id: UUID, user: CurrentUser, imports: Imports) -> None:
    """Discard a preview, or take back exactly what a confirmed import brought."""
    await imports.remove(user.id, import_id)


def _import(page: ImportPage) -> answers.Import:
    return answers.Import(
        **_summary(page),
        rows=[_row(row) for row in page.rows],
        next=None if page.next is None else str(page.next),
    )


def _summary(page: ImportPage) -> dict[str, Any]:
    found = page.found
    verdicts = ("new", "known", "unreadable", "ignored")
    return {
        "id": found.id,
        "format": found.format,
        "broker": found.broker,
        "broker_label": found.broker_label,
        "file_name": found.file_name,
        "state": found.state,
        "accounts": [
            {name: each[name] for name in ("number", "name", "currency", "account")}
            for each in found.accounts
        ],
        "counts": {verdict: page.counts.get(verdict, 0) for verdict in verdicts},
        "created_at": found.created_at,
        "confirmed_at": found.confirmed_at,
    }


def _row(row: BrokerImportRow) -> answers.ImportRow:
    return answers.ImportRow.model_validate(
        {
            "line": row.line,
            "account": row.account,
            "verdict": row.verdict,
            "why": row.why,
            "activity": None if row.record is None else _activity(row.record),
        }
    )


def _activity(record: dict[str, Any]) -> dict[str, Any]:
    names = ("kind", "day", "at", "quantity", "price", "cash", "fees", "currency", "effect")
    asset = record.get("asset") or {}
    return {
        **{name: record.get(name) for name in names},
        "symbol": asset.get("symbol"),
        "asset_kind": asset.get("kind"),
        "description": record["description"],
    }
