"""The endpoints that connect brokerages. Handlers only translate: HTTP in, service call, model out.

Include `router_imports` before this one: its fixed paths are no providers.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from optix.features.brokerage import schemas
from optix.features.brokerage.answers import as_connection
from optix.features.brokerage.connections import (
    BrokerNotFound,
    ConnectionNotFound,
    ConnectionService,
    FlowInvalid,
    OtherLogin,
    SignInKindUnknown,
    TooManyConnections,
)
from optix.features.brokerage.overview import Connections
from optix.features.identity.access import CurrentUser, FreshUser, StepUpNeeded
from optix.kernel.errors import InvalidInput
from optix.platform.http import errors
from optix.platform.origin import origin_of
from optix.ports.broker import BrokerUnavailable, SignInRefused

PATH: Final = "/api/v1/brokerages"

router = APIRouter(tags=["brokerage"])

Provider = Annotated[str, Path(max_length=40, description="Its `name`.")]


def connecting_of(connection: HTTPConnection) -> ConnectionService:
    service: ConnectionService = connection.app.state.connecting
    return service


def connections_of(connection: HTTPConnection) -> Connections:
    connections: Connections = connection.app.state.connections
    return connections


Connecting = Annotated[ConnectionService, Depends(connecting_of)]
Known = Annotated[Connections, Depends(connections_of)]


@router.get(PATH)
async def list_brokerages(user: CurrentUser, known: Known) -> schemas.BrokerageList:
    """The brokerages that can be connected here."""
    counts = await known.count(user.id)
    return schemas.BrokerageList(
        brokerages=[
            schemas.Brokerage(
                name=name,
                label=offered.label,
                sign_in=list(offered.sign_in),
                reads=sorted(offered.reads),
                history_days=offered.history_days,
                tier=known.tiers.get(name, "bronze"),
                simulated=offered.simulated,
                several_logins=offered.several_logins,
                asks_brokerages=offered.asks_brokerages,
                webhooks=offered.webhooks,
                login_seconds=offered.login_seconds,
                sync_seconds_min=offered.sync_seconds_min,
                connections=counts.get(name, 0),
            )
            for name, offered in ((name, each.capabilities) for name, each in known.brokers.items())
        ]
    )


@router.get(f"{PATH}/{{provider}}/reached", responses=errors(BrokerNotFound, BrokerUnavailable))
async def list_reached(provider: Provider, user: CurrentUser, known: Known) -> schemas.ReachedList:
    """The brokerages behind an aggregator, as it says now."""
    del user
    return schemas.ReachedList(
        brokerages=[
            schemas.Reached(
                name=each.name, label=each.label, available=each.available, note=each.note
            )
            for each in await known.list_reached(provider)
        ]
    )


@router.post(
    f"{PATH}/{{provider}}/connect",
    responses=errors(
        BrokerNotFound,
        ConnectionNotFound,
        TooManyConnections,
        SignInKindUnknown,
        StepUpNeeded,
        BrokerUnavailable,
    ),
)
async def connect_brokerage(
    provider: Provider, asked: schemas.ConnectAsked, user: FreshUser, connecting: Connecting
) -> schemas.ConnectBegun:
    """Begin to connect a brokerage, or to sign in to it again."""
    begun = await connecting.begin(
        user.id,
        provider,
        kind=asked.kind,
        client=asked.client,
        brokerage=asked.brokerage,
        connection_id=asked.connection_id,
    )
    return schemas.ConnectBegun(
        url=begun.start.url or None,
        fields=[
            schemas.ConnectField(
                name=each.name, label=each.label, concealed=each.secret, help=each.help
            )
            for each in begun.start.fields
        ],
        copies_code=begun.start.copies_code,
        handle=begun.handle,
        code=begun.code or None,
        expires_in_seconds=begun.seconds,
    )


@router.get(
    f"{PATH}/{{provider}}/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses={303: {"description": "To the app, with a code or an error."}},
)
async def return_from_brokerage(
    provider: Provider, request: Request, connecting: Connecting
) -> RedirectResponse:
    """Where a broker's own page sends the browser. Nothing is connected yet."""
    address = await connecting.return_address(provider, dict(request.query_params))
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


@router.post(
    f"{PATH}/{{provider}}/finish",
    responses=errors(
        BrokerNotFound,
        FlowInvalid,
        OtherLogin,
        TooManyConnections,
        SignInRefused,
        BrokerUnavailable,
    ),
)
async def finish_connecting(
    provider: Provider,
    asked: schemas.FinishAsked,
    user: CurrentUser,
    request: Request,
    *,
    connecting: Connecting,
    known: Known,
) -> schemas.Connection:
    """Connect with what came back from the broker's page, or with what was typed."""
    connection = await connecting.finish(
        user.id,
        provider,
        handle=asked.handle,
        code=asked.code,
        typed=asked.values,
        origin=origin_of(request),
    )
    return as_connection(await known.get(user.id, connection.id), known.brokers)


@router.post(
    f"{PATH}/{{provider}}/webhook",
    status_code=204,
    response_class=Response,
    responses=errors(BrokerNotFound, InvalidInput, BrokerUnavailable),
)
async def take_webhook(provider: Provider, request: Request, known: Known) -> None:
    """A broker's hint that something changed. It is read again there; nothing here is believed."""
    await known.take_hint(provider, dict(request.headers), await request.body())
