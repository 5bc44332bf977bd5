"""How a signed-in session goes over the wire, and the web client's cookie.

The web client's refresh token is a cookie that scripts cannot read and that only same-site requests
carry. Where it is used, the request must also name its client in a header that no foreign page can
set, and come from our own pages.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import schemas
from optix.features.identity.sessions import SignedIn, to_tokens
from optix.features.identity.tokens import REFRESH_TOKEN_SECONDS
from optix.kernel.errors import Forbidden

AUTH_PATH = "/api/v1/auth"
CLIENT_HEADER = "X-Optix-Client"


class CrossSiteRefused(Forbidden):
    code = "cross_site_refused"
    next_step = f"Send the request from the OPTIX web app, with `{CLIENT_HEADER}: web`."


ClientHeader = Annotated[
    str | None,
    Header(alias=CLIENT_HEADER, max_length=16, description="`web` where the cookie is used."),
]


def answer(request: Request, response: Response, signed_in: SignedIn) -> schemas.Tokens:
    """Return the tokens of a session; a web client's refresh token goes into its cookie."""
    if signed_in.client == "web":
        set_cookie(request, response, signed_in.refresh_token, REFRESH_TOKEN_SECONDS)
    return to_tokens(signed_in)


def set_cookie(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        _cookie_name(request),
        value,
        max_age=seconds,
        path="/",  # as the prefix of its name demands
        httponly=True,
        samesite="strict",
        secure=_production(request),
    )


def clear_cookie(request: Request, response: Response) -> None:
    set_cookie(request, response, "", 0)


def refresh_token_of(
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
    # Compared as text: an origin may be anything that somebody sends, also what no parser takes.
    return origin.partition("://")[2] == request.headers.get("host", "none")


def _production(request: Request) -> bool:
    return bool(request.app.state.production)


def _cookie_name(request: Request) -> str:
    # With the prefix browsers take the cookie only over TLS and from this very host, so that no
    # other host of the domain can plant one. A laptop has no TLS.
    return "__Host-optix_refresh" if _production(request) else "optix_refresh"
