"""Yahoo over HTTP: a cookie, a crumb that belongs to it, and questions with both.

Raw: Yahoo's names in, decoded JSON out. A crumb that is not taken any more is replaced once for
each question. Yahoo says no limits; the pace is ours, and a 429 stops everything for minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from optix.adapters.market_data.failures import PROVIDER_ERRORS, ProviderRefused
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel.clock import Clock
from optix.ports.market_data import ProviderUnavailable

LABEL = "Yahoo"
BASE_URL = "https://query2.finance.yahoo.com"
COOKIE_URL = "https://fc.yahoo.com"
REQUESTS_PER_MINUTE = 60
SPACING_SECONDS = 0.6
PAUSE_SECONDS = 300.0  # after a 429 without Retry-After, which is the usual one
CRUMB_LENGTH_MAX = 64
COOKIES_LENGTH_MAX = 4096

_USER_AGENT = "Mozilla/5.0 (compatible; OPTIX)"
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)


class YahooPacing(Pacing):
    """Pauses for minutes, because a refused client that comes back at once is refused longer."""

    def pause(self, headers: Mapping[str, str]) -> float:
        if headers.get("Retry-After") is None:
            headers = {"Retry-After": str(PAUSE_SECONDS)}
        return super().pause(headers)


class YahooClient:
    """Asks Yahoo. `transport` and `spacing_seconds` are for tests."""

    def __init__(
        self,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        cookie_url: str = COOKIE_URL,
        spacing_seconds: float = SPACING_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._pacing = YahooPacing(
            LABEL,
            clock,
            errors=PROVIDER_ERRORS,
            requests=REQUESTS_PER_MINUTE,
            spacing_seconds=spacing_seconds,
        )
        self.rest = RestClient(
            LABEL,
            base_url=base_url,
            pacing=self._pacing,
            clock=clock,
            headers=self._headers,
            transport=transport,
            timeout=_TIMEOUT,
        )
        self._cookie_url = cookie_url
        self._transport = transport
        self._signing_in = asyncio.Lock()
        self._cookies = ""
        self._crumb = ""

    async def fetch_options(self, name: str, epoch: int | None = None) -> Any:
        """Return the chain of one date, the nearest one without a date; None if unknown."""
        params: Params = {} if epoch is None else {"date": epoch}
        return await self._ask(f"/v7/finance/options/{_path(name)}", params)

    async def fetch_quotes(self, names: Sequence[str]) -> Any:
        return await self._ask("/v7/finance/quote", {"symbols": ",".join(names)})

    async def fetch_chart(self, name: str, *, interval: str, start: int, end: int) -> Any:
        """Return bars and events between two epoch seconds; None where the symbol is unknown."""
        params: Params = {
            "interval": interval,
            "period1": start,
            "period2": end,
            "events": "div,splits",
            "includeAdjustedClose": "true",
        }
        return await self.rest.get_json(f"/v8/finance/chart/{_path(name)}", params)

    async def _ask(self, path: str, params: Params) -> Any:
        crumb = self._crumb or await self._sign_in("")
        try:
            return await self.rest.get_json(path, {**params, "crumb": crumb})
        except ProviderRefused:
            crumb = await self._sign_in(crumb)
        try:
            return await self.rest.get_json(path, {**params, "crumb": crumb})
        except ProviderRefused as error:
            raise ProviderRefused(
                "Yahoo refuses a new cookie and crumb.",
                next_step="Wait some hours, or turn Yahoo off: it serves no client that it does "
                "not want.",
            ) from error

    async def _sign_in(self, refused: str) -> str:
        """Return a crumb other than `refused`, fetched by one caller for all who wait."""
        async with self._signing_in:
            if self._crumb == refused:
                self._crumb = ""
                self._cookies = await self._fetch_cookies()
                self._crumb = await self._fetch_crumb()
            return self._crumb

    async def _fetch_cookies(self) -> str:
        """Return the cookies of the page whose only purpose they are, whatever its status."""
        await self._pacing.take()
        try:
            async with (
                httpx.AsyncClient(
                    transport=self._transport,
                    timeout=_TIMEOUT,
                    follow_redirects=False,
                    headers={"User-Agent": _USER_AGENT},
                ) as http,
                http.stream("GET", self._cookie_url),
            ):
                cookies = "; ".join(f"{each.name}={each.value}" for each in http.cookies.jar)
        except httpx.HTTPError as error:
            name = type(error).__name__
            raise ProviderUnavailable(f"Yahoo gives no cookie ({name}).") from error
        if not 0 < len(cookies) <= COOKIES_LENGTH_MAX:
            raise ProviderUnavailable("Yahoo gives no cookie, without which it answers nothing.")
        return cookies

    async def _fetch_crumb(self) -> str:
        answer = await self.rest.get("/v1/test/getcrumb")
        crumb = "" if answer is None else answer.body.decode("ascii", "replace").strip()
        if not 0 < len(crumb) <= CRUMB_LENGTH_MAX or set(crumb) & set("<> {}\ufffd"):
            raise ProviderUnavailable("Yahoo gives no crumb, without which it answers nothing.")
        return crumb

    def _headers(self) -> Mapping[str, str]:
        headers = {"User-Agent": _USER_AGENT}
        return headers | {"Cookie": self._cookies} if self._cookies else headers


def _path(name: str) -> str:
    """Return a name for a path. A caret is the only mark that a checked symbol can bring."""
    return name.replace("^", "%5E")
