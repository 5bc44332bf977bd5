"""The authorisation code flow of OAuth 2 (RFC 6749, PKCE of RFC 7636), as brokers vary it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from optix.adapters.brokers.exact import Text, Wire, read
from optix.adapters.web.rest import RestClient
from optix.kernel.clock import Clock, to_datetime
from optix.ports.broker import SignInAnswer, SignInNeeded, SignInRefused, SignInRequest

EXPIRES_SECONDS_MAX = 366 * 86_400
_REFUSED = frozenset((400, 401, 403))


class TokenAnswer(Wire):
    """What a token endpoint says. Some send the seconds as text; few say the last two."""

    access_token: str
    refresh_token: str = ""
    expires_in: Text | None = None
    scope: Text | None = None
    rt_expires_in: Text | None = None  # seconds of the refresh token
    identity_id: Text = ""  # who signed in


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2App:
    """One registered application. `in_body` sends its secret in the form, else as HTTP Basic.

    `as_json` sends the form as a JSON object. An application without `client_id` is one that a user
    registered, of whom only the secret is known.
    """

    label: str
    client_id: str
    client_secret: SecretStr = field(repr=False)
    authorise_url: str
    token_path: str
    refresh_path: str = ""  # the token's own where empty
    scope: str = ""
    in_body: bool = False
    as_json: bool = False
    refused: frozenset[int] = _REFUSED  # the statuses that say no, whatever the body is
    pkce: bool = False
    sends_redirect: bool = True
    more: Mapping[str, str] = field(default_factory=dict)

    def address(self, request: SignInRequest) -> str:
        """Return where the user goes."""
        query = {"response_type": "code", "client_id": self.client_id, "state": request.state}
        if self.sends_redirect:
            query["redirect_uri"] = request.callback_url
        if self.scope:
            query["scope"] = self.scope
        if self.pkce:
            query |= {"code_challenge": request.code_challenge, "code_challenge_method": "S256"}
        return f"{self.authorise_url}?{urlencode({**query, **self.more})}"

    async def exchange(self, rest: RestClient, answer: SignInAnswer) -> TokenAnswer:
        """Turn the code that came back into tokens. Raises SignInRefused, BrokerUnavailable."""
        if answer.values.get("error"):
            raise SignInRefused(f"{self.label} was not allowed to be read.")
        code = answer.values.get("code", "")
        if not code:
            raise SignInRefused(f"{self.label} sent nobody back with a code.")
        form = {"grant_type": "authorization_code", "code": code}
        if self.sends_redirect:
            form["redirect_uri"] = answer.callback_url
        if self.pkce:
            form["code_verifier"] = answer.verifier
        try:
            return await self._token(rest, self.token_path, form)
        except SignInNeeded:
            raise SignInRefused(
                f"{self.label} does not take the code: it is too old or was used."
            ) from None

    async def refresh(self, rest: RestClient, refresh_token: str) -> TokenAnswer:
        """Return the next tokens. Raises SignInNeeded once the old ones are refused."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            return await self._token(rest, self.refresh_path or self.token_path, form)
        except SignInNeeded:
            # Not the chain of errors: its frames hold the form.
            raise SignInNeeded(f"{self.label} has ended the sign-in.") from None

    async def revoke(self, rest: RestClient, path: str, token: str) -> None:
        """End a token where there is such an address (RFC 7009). Raises BrokerUnavailable."""
        await self._send(rest, path, {"token": token})

    async def _token(self, rest: RestClient, path: str, form: Mapping[str, str]) -> TokenAnswer:
        return read(TokenAnswer, await self._send(rest, path, form), self.label)

    async def _send(self, rest: RestClient, path: str, form: Mapping[str, str]) -> object:
        secret = self.client_secret.get_secret_value()
        headers = {}
        if self.in_body:
            named = {"client_id": self.client_id} if self.client_id else {}
            form = {**form, **named, "client_secret": secret}
        else:
            basic = base64.b64encode(f"{self.client_id}:{secret}".encode()).decode()
            headers["Authorization"] = f"Basic {basic}"
        body: dict[str, Any] = {"json" if self.as_json else "data": form}
        told: object = await rest.post_json(path, **body, headers=headers, refused=self.refused)
        return told


def ends_at(clock: Clock, expires_in: str | None, *, default_seconds: int) -> datetime:
    """Return when a token ends: `expires_in` seconds from now, within what is sane."""
    try:
        seconds = int(float(expires_in)) if expires_in else default_seconds
    except (ValueError, OverflowError):
        seconds = default_seconds
    seconds = min(max(seconds, 0), EXPIRES_SECONDS_MAX)
    return to_datetime(clock.now_ns()) + timedelta(seconds=seconds)
