"""The sandbox brokerage over HTTP: leave by OAuth 2, and its own API for reading."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, cast
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from optix.features.sandbox.grants import OAuthRefused, PaperTokenRefused
from optix.features.sandbox.models import SandboxOrder
from optix.features.sandbox.schemas import (
    PaperAccount,
    PaperAccounts,
    PaperBalances,
    PaperFill,
    PaperLegAsked,
    PaperOrder,
    PaperOrders,
    PaperPositions,
    PaperTokens,
    PaperTransaction,
    PaperTransactions,
)
from optix.features.sandbox.service import PaperAccountUnknown, Sandbox, text_of
from optix.kernel.activity import Activity
from optix.kernel.errors import InvalidInput
from optix.platform.http import errors

FORM_BYTES_MAX = 8_192
NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter(tags=["sandbox"], prefix="/sandbox")


def sandbox_of(request: Request) -> Sandbox:
    return cast("Sandbox", request.app.state.sandbox)


SandboxDep = Annotated[Sandbox, Depends(sandbox_of)]


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a small form. Raises InvalidInput for a large one."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise InvalidInput("The form is too large.")
    return dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))


async def holder_of(request: Request, sandbox: SandboxDep) -> UUID:
    """Errors: PaperTokenRefused."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise PaperTokenRefused("An access token is needed.")
    return await sandbox.grants.holder_of(token)


Holder = Annotated[UUID, Depends(holder_of)]
READS = errors(PaperTokenRefused, PaperAccountUnknown)


@router.post("/token", responses={400: {}, 401: {}})
async def give_sandbox_tokens(request: Request, sandbox: SandboxDep) -> PaperTokens:
    """Turn a code or a refresh token into tokens (RFC 6749; a form, HTTP Basic)."""
    try:
        tokens = await sandbox.grants.exchange(await form_of(request), *_client_of(request))
    except OAuthRefused as error:
        return cast("PaperTokens", _refused(error))
    return cast("PaperTokens", JSONResponse(tokens.model_dump(), headers=NO_STORE))


@router.post("/revoke", status_code=200, responses={400: {}, 401: {}})
async def revoke_sandbox_token(request: Request, sandbox: SandboxDep) -> Response:
    """End the consent that a token came from (RFC 7009)."""
    form = await form_of(request)
    try:
        await sandbox.grants.revoke(form.get("token", ""), *_client_of(request))
    except OAuthRefused as error:
        return _refused(error)
    return JSONResponse({"revoked": True}, headers=NO_STORE)


def _client_of(request: Request) -> tuple[str, str]:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        text = base64.b64decode(given, validate=True).decode() if scheme == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, _, secret = text.partition(":")
    return name, secret


def _refused(error: OAuthRefused) -> JSONResponse:
    status = 401 if error.error == "invalid_client" else 400
    body: dict[str, Any] = {"error": error.error, "error_description": error.detail}
    return JSONResponse(body, status_code=status, headers=NO_STORE)


@router.get("/api/accounts", responses=READS)
async def list_sandbox_accounts(holder: Holder, sandbox: SandboxDep) -> PaperAccounts:
    """The holder's paper accounts."""
    return PaperAccounts(
        holder=str(holder),
        accounts=[
            PaperAccount(
                id=str(row.id),
                number=row.number,
                name=row.name,
                type="margin",
                status="active",
                opened_on=row.opened_on,
            )
            for row in await sandbox.list_accounts(holder)
        ],
    )


@router.get("/api/accounts/{account}/balances", responses=READS)
async def get_sandbox_balances(account: UUID, holder: Holder, sandbox: SandboxDep) -> PaperBalances:
    """Cash, and what everything is worth."""
    return await sandbox.get_balances(holder, account)


@router.get("/api/accounts/{account}/positions", responses=READS)
async def list_sandbox_positions(
    account: UUID, holder: Holder, sandbox: SandboxDep
) -> PaperPositions:
    """What the account holds."""
    return PaperPositions(positions=await sandbox.list_positions(holder, account))


@router.get("/api/accounts/{account}/orders", responses=READS)
async def list_sandbox_orders(account: UUID, holder: Holder, sandbox: SandboxDep) -> PaperOrders:
    """Today's orders and those that rest."""
    found = await sandbox.list_orders(holder, account)
    return PaperOrders(orders=[order_of(order, fills) for order, fills in found])


@router.get("/api/accounts/{account}/transactions", responses=READS)
async def list_sandbox_transactions(  # noqa: PLR0917  # FastAPI names them
    account: UUID,
    holder: Holder,
    sandbox: SandboxDep,
    first: date,
    last: date,
    cursor: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
) -> PaperTransactions:
    """A page of the history of whole days, the oldest first."""
    rows, following = await sandbox.list_transactions(
        holder, account, first=first, last=last, after=cursor
    )
    return PaperTransactions(
        transactions=[_transaction(line) for line in rows],
        next=None if following is None else str(following),
    )


def order_of(order: SandboxOrder, fills: Sequence[Activity]) -> PaperOrder:
    return PaperOrder(
        id=str(order.id),
        status=order.status,
        kind=order.kind,
        legs=[PaperLegAsked(**leg) for leg in order.legs],
        net_limit=None if order.net_limit is None else text_of(order.net_limit),
        reason=order.reason,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        fills=[
            PaperFill(
                id=line.id,
                symbol=line.asset.symbol,
                quantity=text_of(line.quantity),
                price=line.price.text,
                at=line.at,
                effect=line.effect,
            )
            for line in fills
            if line.asset and line.quantity is not None and line.price and line.at
        ],
    )


def _transaction(line: Activity) -> PaperTransaction:
    assert line.at is not None, "the sandbox knows when"
    return PaperTransaction(
        id=line.id,
        kind=line.kind,
        day=line.day,
        at=line.at,
        symbol=None if line.asset is None else line.asset.symbol,
        quantity=None if line.quantity is None else text_of(line.quantity),
        price=None if line.price is None else line.price.text,
        cash=line.cash.text,
        fees="0" if line.fees is None else line.fees.text,
        effect=line.effect,
        order_id=line.order_id,
        group=line.group,
        description=line.description,
    )
