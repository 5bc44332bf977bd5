"""The endpoints of what is connected: health, accounts, log, reading again, ending."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from optix.features.brokerage import schemas
from optix.features.brokerage.answers import as_connection
from optix.features.brokerage.connections import ConnectionNotFound
from optix.features.brokerage.models import BrokerExchange
from optix.features.brokerage.overview import CursorInvalid
from optix.features.brokerage.router import PATH, Connecting, Known
from optix.features.identity.access import CurrentUser
from optix.kernel import limits
from optix.platform.http import errors
from optix.platform.origin import origin_of

CONNECTIONS_PATH: Final = f"{PATH}/connections"

router = APIRouter(tags=["brokerage"])


@router.get(CONNECTIONS_PATH)
async def list_connections(user: CurrentUser, known: Known) -> schemas.ConnectionList:
    """Your connections with their accounts and their health."""
    return schemas.ConnectionList(
        connections=[as_connection(each, known.brokers) for each in await known.list_own(user.id)]
    )


@router.get(f"{CONNECTIONS_PATH}/{{connection_id}}", responses=errors(ConnectionNotFound))
async def get_connection(
    connection_id: UUID, user: CurrentUser, known: Known
) -> schemas.Connection:
    """One connection."""
    return as_connection(await known.get(user.id, connection_id), known.brokers)


@router.patch(f"{CONNECTIONS_PATH}/{{connection_id}}", responses=errors(ConnectionNotFound))
async def update_connection(
    connection_id: UUID, asked: schemas.ConnectionUpdate, user: CurrentUser, known: Known
) -> schemas.Connection:
    """Give a connection another name."""
    found = await known.rename(user.id, connection_id, asked.label)
    return as_connection(found, known.brokers)


@router.post(
    f"{CONNECTIONS_PATH}/{{connection_id}}/sync",
    status_code=202,
    responses=errors(ConnectionNotFound),
)
async def sync_connection(
    connection_id: UUID, user: CurrentUser, connecting: Connecting
) -> schemas.SyncAsked:
    """Let this connection be read now."""
    return schemas.SyncAsked(asked=await connecting.ask_for_sync(user.id, connection_id))


@router.post("/api/v1/portfolio/sync", status_code=202)
async def sync_portfolio(user: CurrentUser, connecting: Connecting) -> schemas.SyncAsked:
    """Let all connections be read now."""
    return schemas.SyncAsked(asked=await connecting.ask_for_sync(user.id))


@router.delete(
    f"{PATH}/{{connection_id}}/disconnect",
    status_code=204,
    response_class=Response,
    responses=errors(ConnectionNotFound),
)
async def disconnect_brokerage(
    connection_id: UUID,
    user: CurrentUser,
    request: Request,
    connecting: Connecting,
    history: Annotated[
        Literal["keep", "delete"], Query(description="What becomes of what was read.")
    ] = "keep",
) -> None:
    """End a connection, at the broker too where that is possible."""
    await connecting.disconnect(
        user.id, connection_id, delete_history=history == "delete", origin=origin_of(request)
    )


@router.get(
    f"{CONNECTIONS_PATH}/{{connection_id}}/log",
    responses=errors(ConnectionNotFound, CursorInvalid),
)
async def list_exchanges(
    connection_id: UUID,
    user: CurrentUser,
    known: Known,
    cursor: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
) -> schemas.ExchangeList:
    """What OPTIX and the broker said to each other, the newest first."""
    page = await known.list_log(user.id, connection_id, cursor=cursor)
    return schemas.ExchangeList(
        exchanges=[
            schemas.Exchange(
                at=line.at,
                method=line.method,
                path=line.path,
                status=line.status,
                milliseconds=line.milliseconds,
                note=line.note,
            )
            for line in page.lines
        ],
        next=page.next,
    )


@router.get(
    f"{CONNECTIONS_PATH}/{{connection_id}}/log/export",
    response_class=PlainTextResponse,
    responses=errors(ConnectionNotFound),
)
async def export_exchanges(
    connection_id: UUID, user: CurrentUser, known: Known
) -> PlainTextResponse:
    """The log as a file for support."""
    page = await known.list_log(user.id, connection_id, most=limits.BROKER_EXCHANGES_KEPT_MAX)
    name = f"optix-connection-{connection_id}.txt"
    return PlainTextResponse(
        "".join(map(_line, page.lines)),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _line(line: BrokerExchange) -> str:
    status = "-" if line.status is None else line.status
    said = f"{line.method} {line.path} {status} {line.milliseconds} ms {line.note}"
    return f"{line.at.isoformat()} {' '.join(said.split())}\n"
