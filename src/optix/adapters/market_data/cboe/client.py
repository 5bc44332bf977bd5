"""The documents of Cboe's delayed-quote CDN. One method per kind, vendor names, bytes out.

The CDN has no documented limit, so politeness is ours: the caller asks for a document at most once
a minute, requests of one symbol never overlap (`adapter`), and this client stops asking for as long
as it was told to slow down. An unknown symbol and a missing chain answer 403, as the storage behind
the CDN does, never 404.
"""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Callable, Sequence
from datetime import UTC
from http import HTTPStatus
from math import isnan
from urllib.parse import quote as url_quote

import httpx

from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, SystemClock, to_datetime
from optix.ports.market_data import ProviderUnavailable, UnknownSymbol

BASE_URL = "https://cdn.cboe.com/api/global/delayed_quotes"
PAUSE_SECONDS_DEFAULT = 60.0  # after a 429 that does not say how long
PAUSE_SECONDS_MAX = 900.0
CONCURRENT_REQUESTS_MAX = 2
SPACING_SECONDS = 0.2  # between the starts of any two requests

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_ABSENT = frozenset((HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))


class CboeClient:
    """Fetches documents. `transport` and `base_url` are for tests and for caches of one's own."""

    def __init__(
        self,
        *,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        body_bytes_max: int = limits.PROVIDER_BODY_BYTES_MAX,
        spacing_seconds: float = SPACING_SECONDS,
        wall: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._http: httpx.AsyncClient | None = None
        self._base_url = base_url.rstrip("/")
        self._body_bytes_max = body_bytes_max
        self._wall = wall or SystemClock()
        self._resume_ns = 0
        self._spacing_seconds = spacing_seconds
        self._next_start = 0.0  # loop time
        self._slots = asyncio.Semaphore(CONCURRENT_REQUESTS_MAX)
        # Which of its two names a symbol answered to, for each kind of document.
        self._names: dict[tuple[str, str], str] = {}

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def fetch_options(self, symbol: str, names: Sequence[str]) -> bytes:
        """Return the chain document. `names` are the vendor's possible names of `symbol`."""
        return await self._fetch("options", symbol, names)

    async def fetch_quote(self, symbol: str, names: Sequence[str]) -> bytes:
        return await self._fetch("quotes", symbol, names)

    async def fetch_daily_bars(self, symbol: str, names: Sequence[str]) -> bytes:
        return await self._fetch("charts/historical", symbol, names)

    async def fetch_minute_bars(self, symbol: str, names: Sequence[str]) -> bytes:
        return await self._fetch("charts/intraday", symbol, names)

    async def _fetch(self, kind: str, symbol: str, names: Sequence[str]) -> bytes:
        """Return a document, trying one name after the other.

        Raises UnknownSymbol when no name is known, ProviderUnavailable for everything else: also
        for a 403 of a symbol that was served before, because then it is we who are refused.
        """
        known = self._names.get((kind, symbol))
        for name in names if known is None else (known,):
            body = await self._request(f"{self._base_url}/{kind}/{url_quote(name, safe='')}.json")
            if body is not None:
                self._names[kind, symbol] = name
                return body
        if known is not None:
            raise ProviderUnavailable(
                f"Cboe refuses {symbol}, which it served before.",
                next_step="Wait some minutes: Cboe may be limiting requests from this address.",
            )
        raise UnknownSymbol(f"Cboe has no {symbol}.")

    async def _request(self, url: str) -> bytes | None:
        """Return the body, or None where the vendor has no such document."""
        self._refuse_while_paused()
        async with self._slots:
            await self._take_turn()
            try:
                async with self._connections().stream("GET", url) as response:
                    if response.status_code in _ABSENT:
                        return None
                    self._classify(response)
                    return await self._read_bounded(response)
            except httpx.TimeoutException as error:
                raise ProviderUnavailable("Cboe did not answer in time.") from error
            except httpx.DecodingError as error:
                raise ProviderUnavailable(
                    "Cboe's answer is damaged: it cannot be unpacked."
                ) from error
            except httpx.HTTPError as error:
                raise ProviderUnavailable(f"Cboe cannot be reached: {_words(error)}.") from error

    async def _take_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self._spacing_seconds
        if start > now:
            await asyncio.sleep(start - now)
        self._refuse_while_paused()  # another request may have been told to slow down meanwhile

    def _connections(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                transport=self._transport,
                timeout=self._timeout,
                follow_redirects=False,
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            )
        return self._http

    def _refuse_while_paused(self) -> None:
        wait_seconds = (self._resume_ns - self._wall.now_ns()) / NANOSECONDS
        if wait_seconds > 0:
            raise ProviderUnavailable(
                f"Cboe asked OPTIX to slow down; the next request is in {wait_seconds:.0f} s.",
                code="provider_rate_limited",
                retry_after_seconds=int(wait_seconds) + 1,
            )

    def _classify(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            pause = _retry_after_seconds(response.headers.get("Retry-After"), self._wall.now_ns)
            self._resume_ns = self._wall.now_ns() + int(pause * NANOSECONDS)
            self._refuse_while_paused()
        if status != HTTPStatus.OK:
            raise ProviderUnavailable(f"Cboe answered with status {status}.")

    async def _read_bounded(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._body_bytes_max:
                raise ProviderUnavailable(
                    f"Cboe's answer is larger than {self._body_bytes_max} bytes."
                )
        return bytes(body)


def _retry_after_seconds(header: str | None, now_ns: Callable[[], int]) -> float:
    """Return how long to pause: the header's seconds or date, within bounds."""
    seconds = PAUSE_SECONDS_DEFAULT
    if header is not None:
        try:
            seconds = float(header)
        except ValueError:
            try:
                until = email.utils.parsedate_to_datetime(header)
            except ValueError:
                until = None
            if until is not None and until.tzinfo is not None:
                seconds = (until.astimezone(UTC) - to_datetime(now_ns())).total_seconds()
    return PAUSE_SECONDS_DEFAULT if isnan(seconds) else min(max(seconds, 1.0), PAUSE_SECONDS_MAX)


def _words(error: httpx.HTTPError) -> str:
    text = str(error).strip().rstrip(".")
    return text or type(error).__name__
