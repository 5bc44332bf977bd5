"""Access tokens from a refresh token: renewed in time, by one request at a time, never shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from http import HTTPStatus

import structlog
from pydantic import SecretStr

from optix.adapters.market_data.failures import ProviderRefused, Unreadable
from optix.adapters.web.rest import RestClient
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock

MARGIN_SECONDS = 60.0  # a token that ends sooner is renewed before it is used
LIFE_SECONDS_MAX = 86_400.0
LIFE_SECONDS_DEFAULT = 600.0  # of a token whose answer does not say

# Which token a task sent: its 401 may come when another task has a new token already.
_used: ContextVar[str] = ContextVar("used_access_token", default="")
_BAD_REQUEST = frozenset((HTTPStatus.BAD_REQUEST,))
_log = structlog.get_logger(__name__)


class AccessToken:
    """The access token of one account. `rest` must not renew by itself.

    `form` is what the token endpoint wants beside the refresh token, `again` says to a person how
    to get another refresh token once this one is refused. A refusal is final for a long while: a
    vendor locks out who keeps asking.
    """

    def __init__(
        self,
        rest: RestClient,
        path: str,
        *,
        refresh_token: SecretStr,
        form: Mapping[str, SecretStr],
        headers: Mapping[str, str],
        again: str,
        clock: Clock,
    ) -> None:
        self._rest = rest
        self._path = path
        self._refresh_token = refresh_token
        self._form = form
        self._headers = headers
        self._again = again
        self._clock = clock
        self._token: SecretStr | None = None
        self._good_until_ns = 0
        self._refused_until_ns = 0
        self._renewing = asyncio.Lock()

    def use(self) -> str:
        """Return the token at hand, perhaps expired, empty before the first; for one request."""
        token = "" if self._token is None else self._token.get_secret_value()
        _used.set(token)
        return token

    async def get(self) -> str:
        """Return a token that holds. Raises ProviderRefused, ProviderUnavailable."""
        async with self._renewing:
            if self._token is None or self._clock.now_ns() >= self._good_until_ns:
                await self._renew()
        return self.use()

    async def renew(self) -> bool:
        """Replace the token that this task used last, because it was refused.

        One that another task replaced meanwhile is left. Raises ProviderRefused when the refresh
        token is refused too.
        """
        refused = _used.get()
        async with self._renewing:
            if self.use() == refused:
                await self._renew()
        return True

    async def _renew(self) -> None:
        if self._clock.now_ns() < self._refused_until_ns:
            raise self._refusal()
        form = {"grant_type": "refresh_token"}
        form["refresh_token"] = self._refresh_token.get_secret_value()
        form |= {name: secret.get_secret_value() for name, secret in self._form.items()}
        try:
            told = await self._rest.post_json(
                self._path, data=form, headers=self._headers, refused=_BAD_REQUEST
            )
        except ProviderRefused:
            pause_ns = int(limits.STREAM_REFUSED_SECONDS * NANOSECONDS)
            self._refused_until_ns = self._clock.now_ns() + pause_ns
            # Not the chain of errors: its frames hold the form.
            raise self._refusal() from None
        token = told.get("access_token") if isinstance(told, dict) else None
        if not isinstance(token, str) or not token:
            raise Unreadable(f"{self._rest.label}'s answer has no access token.")
        self._token = SecretStr(token)
        seconds = _seconds(told.get("expires_in"))
        self._good_until_ns = self._clock.now_ns() + int(
            max(seconds - MARGIN_SECONDS, seconds / 2) * NANOSECONDS
        )
        self._rotate(told.get("refresh_token"))

    def _rotate(self, rotated: object) -> None:
        """Take over a new refresh token. It lives as long as this process: nothing stores it."""
        if not isinstance(rotated, str) or not rotated:
            return
        if rotated != self._refresh_token.get_secret_value():
            self._refresh_token = SecretStr(rotated)
            _log.info(
                "refresh_token_rotated",
                provider=self._rest.label,
                kept="in memory: the one in the settings may not work after a restart",
            )

    def _refusal(self) -> ProviderRefused:
        return ProviderRefused(
            f"{self._rest.label} refuses the refresh token: it has expired or was revoked.",
            next_step=self._again,
        )


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and 0 < value <= LIFE_SECONDS_MAX:
        return float(value)
    return LIFE_SECONDS_DEFAULT
