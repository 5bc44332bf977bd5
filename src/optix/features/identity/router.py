"""HTTP of identity: /api/v1/auth and /api/v1/users/me.

The web client's refresh token is a cookie that scripts cannot read and that only same-site
requests to /api/v1/auth carry. Where it is used, the request must also name its client in a header
that no foreign page can set, and come from our own pages.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import schemas
from optix.features.identity.access import CurrentUser, identity_of
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import DisplayNameUnusable, PasswordTooWeak
from optix.features.identity.service import (
    EmailTaken,
    Identity,
    RefreshTokenInvalid,
    RefreshTokenReused,
    SignedIn,
    TryAccountMissing,
    WrongCredentials,
    get_user,
    to_tokens,
    update_user,
)
from optix.features.identity.throttle import ThrottleUnavailable, TooManyFailures
from optix.features.identity.tokens import REFRESH_TOKEN_SECONDS
from optix.kernel.errors import Forbidden
from optix.platform.db import ReadSessionDep, WriteSessionDep
from optix.platform.http import errors, etag, not_modified

AUTH_PATH = "/api/v1/auth"
ME_PATH = "/api/v1/users/me"
CLIENT_HEADER = "X-Optix-Client"


class CrossSiteRefused(Forbidden):
    code = "cross_site_refused"
    next_step = f"Send the request from the OPTIX web app, with `{CLIENT_HEADER}: web`."


router = APIRouter(tags=["identity"])
development_router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]
ClientHeader = Annotated[
    str | None,
    Header(alias=CLIENT_HEADER, max_length=16, description="`web` where the cookie is used."),
]


@router.post(
    f"{AUTH_PATH}/register",
    status_code=201,
    responses=errors(EmailTaken, PasswordTooWeak, DisplayNameUnusable, PasswordHashingBusy),
)
async def register(
    body: schemas.Registration, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Create an account and sign in."""
    signed_in = await identity.sign_in.register(
        body.email, body.password.get_secret_value(), body.display_name, body.client
    )
    response.headers["Location"] = ME_PATH
    return _answer(request, response, signed_in)


@router.post(
    f"{AUTH_PATH}/login",
    responses=errors(WrongCredentials, TooManyFailures, ThrottleUnavailable, PasswordHashingBusy),
)
async def login(
    body: schemas.Credentials, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Sign in with e-mail and password."""
    address = request.client.host if request.client else "unknown"
    signed_in = await identity.sign_in.log_in(
        body.email, body.password.get_secret_value(), body.client, address
    )
    return _answer(request, response, signed_in)


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
    """Exchange the refresh token for new tokens. Each works once; a second use ends the session."""
    token = _refresh_token(body, request, client_header)
    if token is None:
        raise RefreshTokenInvalid("No refresh token came with the request.")
    return _answer(request, response, await identity.sign_in.refresh(token, body.client))


@router.post(f"{AUTH_PATH}/logout", status_code=204, responses=errors(CrossSiteRefused))
async def logout(
    body: schemas.RefreshRequest,
    request: Request,
    response: Response,
    identity: IdentityDep,
    client_header: ClientHeader = None,
) -> None:
    """End the session of the refresh token. Without a token there is nothing to end."""
    token = _refresh_token(body, request, client_header)
    if token is not None:
        await identity.sign_in.log_out(token)
    if body.client == "web":
        _set_cookie(request, response, "", 0)


@development_router.post(f"{AUTH_PATH}/try", responses=errors(TryAccountMissing))
async def try_it(
    body: schemas.TryRequest, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Sign in to the development account without a password. In development only."""
    return _answer(request, response, await identity.sign_in.try_out(body.client))


@router.get(
    ME_PATH, response_model=schemas.User, responses={304: {"description": "You have this state."}}
)
async def get_me(
    user: CurrentUser, session: ReadSessionDep, request: Request, response: Response
) -> schemas.User | Response:
    """The signed-in user."""
    found = await get_user(session, user.id)
    tag = etag(found.model_dump_json())
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    return not_modified(request, tag) or found


@router.patch(ME_PATH, responses=errors(DisplayNameUnusable))
async def update_me(
    body: schemas.UserUpdate, user: CurrentUser, session: WriteSessionDep, identity: IdentityDep
) -> schemas.User:
    """Change the signed-in user's profile."""
    return await update_user(session, user.id, body, identity.clock)


# --- the web client's cookie -------------------------------------------------------------------


def _answer(request: Request, response: Response, signed_in: SignedIn) -> schemas.Tokens:
    if signed_in.client == "web":
        _set_cookie(request, response, signed_in.refresh_token, REFRESH_TOKEN_SECONDS)
    return to_tokens(signed_in)


def _set_cookie(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        _cookie_name(request),
        value,
        max_age=seconds,
        path=AUTH_PATH,
        httponly=True,
        samesite="strict",
        secure=_production(request),
    )


def _refresh_token(
    body: schemas.RefreshRequest, request: Request, client_header: str | None
) -> str | None:
    """Return the refresh token: the web client's from its cookie, another's from the body."""
    if body.client == "native":
        given: SecretStr | None = body.refresh_token
        return given.get_secret_value() if given else None
    cookie = request.cookies.get(_cookie_name(request))
    if cookie is not None and (client_header != "web" or not _is_same_origin(request)):
        raise CrossSiteRefused("The request does not come from the OPTIX web app.")
    return cookie


def _is_same_origin(request: Request) -> bool:
    # Browsers send Sec-Fetch-Site everywhere but on plain http to another host than localhost,
    # and Origin on every POST. A request with neither is not from a browser's page.
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def _production(request: Request) -> bool:
    return bool(request.app.state.production)


def _cookie_name(request: Request) -> str:
    # The prefix makes browsers refuse the cookie without TLS; a laptop has none.
    return "__Secure-optix_refresh" if _production(request) else "optix_refresh"
