"""HTTP of signing in and out: /api/v1/auth and the public keys."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import cookies, schemas
from optix.features.identity.access import CurrentUser, OwnReadSessionDep, identity_of
from optix.features.identity.cookies import AUTH_PATH, ClientHeader, CrossSiteRefused
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.service import Identity
from optix.features.identity.sessions import (
    AccountDisabled,
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionNotFound,
    SignedIn,
)
from optix.features.identity.sign_in import TryAccountMissing, WrongCredentials
from optix.features.identity.throttle import ThrottleUnavailable, TooManyFailures
from optix.kernel.ids import SessionId
from optix.platform.http import errors
from optix.platform.origin import origin_of

JWKS_PATH = "/.well-known/jwks.json"
JWKS_SECONDS = 300

router = APIRouter(tags=["identity"])
development_router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]


@router.post(
    f"{AUTH_PATH}/login",
    responses=errors(
        WrongCredentials,
        AccountDisabled,
        TooManyFailures,
        ThrottleUnavailable,
        PasswordHashingBusy,
    ),
)
async def login(
    body: schemas.Credentials, request: Request, response: Response, identity: IdentityDep
) -> schemas.SignInAnswer:
    """Sign in with e-mail and password; some accounts ask for a second factor then."""
    outcome = await identity.sign_in.log_in(
        body.email,
        body.password.get_secret_value(),
        client=body.client,
        device_name=body.device_name,
        origin=origin_of(request),
    )
    if isinstance(outcome, SignedIn):
        return cookies.answer(request, response, outcome)
    return outcome


@router.post(
    f"{AUTH_PATH}/refresh",
    responses=errors(RefreshTokenInvalid, RefreshTokenReused, CrossSiteRefused),
)
async def refresh(
    body: schemas.RefreshRequest,
    request: Request,
    response: Response,
    identity: IdentityDep,
    client_header: ClientHeader = None,
) -> schemas.Tokens:
    """Exchange the refresh token for new tokens. Each works once; late reuse ends the session."""
    token = cookies.refresh_token_of(body, request, client_header)
    if token is None:
        raise RefreshTokenInvalid("No refresh token came with the request.")
    signed_in = await identity.sessions.refresh(token, body.client, origin_of(request))
    return cookies.answer(request, response, signed_in)


@router.post(f"{AUTH_PATH}/logout", status_code=204, responses=errors(CrossSiteRefused))
async def logout(
    body: schemas.RefreshRequest,
    request: Request,
    response: Response,
    identity: IdentityDep,
    client_header: ClientHeader = None,
) -> None:
    """End the session of the refresh token. Without a token there is nothing to end."""
    token = cookies.refresh_token_of(body, request, client_header)
    if token is not None:
        await identity.sessions.log_out(token, origin_of(request))
    if body.client == "web":
        cookies.clear_cookie(request, response)


@development_router.post(f"{AUTH_PATH}/try", responses=errors(TryAccountMissing, AccountDisabled))
async def try_it(
    body: schemas.TryRequest, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Sign in to the development account without a password. In development only."""
    signed_in = await identity.sign_in.try_out(body.client, origin_of(request))
    return cookies.answer(request, response, signed_in)


@router.get(f"{AUTH_PATH}/sessions")
async def list_sessions(
    user: CurrentUser, session: OwnReadSessionDep, identity: IdentityDep
) -> schemas.SessionList:
    """The devices on which you are signed in, newest first."""
    return await identity.sessions.list_own(session, user)


@router.post(f"{AUTH_PATH}/sessions/end-others")
async def end_other_sessions(
    user: CurrentUser, request: Request, identity: IdentityDep
) -> schemas.SessionsEnded:
    """Sign all other devices out, at once."""
    return schemas.SessionsEnded(ended=await identity.sessions.end_others(user, origin_of(request)))


@router.delete(
    f"{AUTH_PATH}/sessions/{{session_id}}", status_code=204, responses=errors(SessionNotFound)
)
async def end_session(
    session_id: UUID, user: CurrentUser, request: Request, identity: IdentityDep
) -> None:
    """Sign one device out, at once. The current one too, if you say so."""
    await identity.sessions.end(user, SessionId(session_id), origin_of(request))


@router.get(JWKS_PATH)
async def get_public_keys(response: Response, identity: IdentityDep) -> schemas.PublicKeys:
    """The public keys of access tokens (RFC 7517). A new key is here before it signs."""
    response.headers["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    return schemas.PublicKeys.model_validate(identity.keys.jwks())
