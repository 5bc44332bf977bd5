"""How a program in the terminal signs in to a server for its stream: `TokenSource` over HTTP.

With a token of its own, with an e-mail address and a password, or on a development machine as the
well-known account. Nothing of it is written down; a session that was begun is ended at the end.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import httpx

from optix.kernel.errors import InvalidInput, OptixError, Unauthenticated, Unavailable

AUTH_PATH: Final = "/api/v1/auth"
STREAM_PATH: Final = "/ws/quotes"
SECONDS_MAX: Final = 15.0
TOKEN_VARIABLE: Final = "OPTIX_ACCESS_TOKEN"  # noqa: S105  # the name of a variable
_OTHER_WAY: Final = f"Sign in with --email, or put an access token into {TOKEN_VARIABLE}."


class UnreadableUrl(InvalidInput):
    """An address that is none of a server."""

    code = "unreadable_url"
    next_step = "Write an address like http://127.0.0.1:8000."


class ServerUnreachable(Unavailable):
    """Nobody answers at the address."""

    code = "server_unreachable"
    next_step = "Start OPTIX with `optix up`, or name the server with --url."


class SignInRefused(Unauthenticated):
    """The server did not let us in."""

    code = "sign_in_refused"
    next_step = _OTHER_WAY


def stream_url(url: str) -> str:
    """Return the address of the stream of a server. Errors: UnreadableUrl."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise UnreadableUrl(f"{url!r} is not the address of a server.")
    scheme = {"http": "ws", "https": "wss"}[parts.scheme]
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + STREAM_PATH, "", ""))


class GivenToken:
    """A token that somebody else made. It cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def __call__(self, *, fresh: bool) -> str:
        """Raises SignInRefused when the server wants another one."""
        if fresh:
            raise SignInRefused(
                f"The token of {TOKEN_VARIABLE} has ended, or is none.",
                next_step="Put a new one there.",
            )
        return self._token


class SignedInSession:
    """Signs in at the first use, keeps the session alive, and ends it.

    Without credentials it asks for the development account, which only development machines give.
    """

    def __init__(
        self,
        url: str,
        *,
        email: str | None = None,
        password: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=SECONDS_MAX, transport=transport, trust_env=False
        )
        self._email = email
        self._password = password
        self._access = ""
        self._refresh = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        try:
            if self._refresh:
                await self._post("logout", {"refresh_token": self._refresh, "client": "native"})
        except OptixError:
            pass  # it ends by itself
        finally:
            await self._http.aclose()

    async def __call__(self, *, fresh: bool) -> str:
        """Effects: begins a session at the server, or renews it.

        Errors: ServerUnreachable, SignInRefused.
        """
        if self._access and not fresh:
            return self._access
        if self._refresh:
            answer = await self._post(
                "refresh", {"refresh_token": self._refresh, "client": "native"}
            )
        elif self._email is not None:
            answer = await self._post(
                "login",
                {"email": self._email, "password": self._password or "", "client": "native"},
            )
        else:
            answer = await self._post("try", {"client": "native"})
        if answer.get("status") != "signed_in":
            raise SignInRefused(
                "This account has a second factor.",
                next_step=f"Sign in elsewhere and put an access token into {TOKEN_VARIABLE}.",
            )
        self._access, self._refresh = answer["access_token"], answer["refresh_token"]
        return self._access

    async def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = await self._http.post(f"{AUTH_PATH}/{what}", json=body)
        except httpx.HTTPError as error:
            raise ServerUnreachable(f"Nobody answers at {self._http.base_url}.") from error
        if answer.status_code in (401, 403, 404, 422):
            raise SignInRefused(_detail(answer, "The server did not let us in."))
        if not answer.is_success:
            raise ServerUnreachable(
                _detail(answer, f"The server answered {answer.status_code}."),
                next_step="Try again in a moment.",
            )
        return dict(answer.json()) if answer.content else {}


def _detail(answer: httpx.Response, otherwise: str) -> str:
    """Return what the problem document says."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return otherwise
