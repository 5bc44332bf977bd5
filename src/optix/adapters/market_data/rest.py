"""Questions to a provider over HTTP: bounded, paced, retried where that is safe.

Every failure becomes an error of the port. A key travels in headers, which no error, log line or
representation shows; a redirect is an error, because it would take the key to another host.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

import httpx
import orjson

from optix.adapters.market_data.pacing import Pacing, Sleep
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.ports.market_data import ProviderUnavailable

OUTCOMES_KEPT = 200

Params = Mapping[str, str | int | float]

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_ABSENT = frozenset((HTTPStatus.NOT_FOUND,))
_UNAVAILABLE_FOR_NOW = frozenset((500, 502, 503, 504, 520, 522, 524))


class ProviderRefused(ProviderUnavailable):
    """The provider does not accept the key, or not for this: asking again does not help."""

    code = "provider_refused"
    next_step = "Check the key and the plan of this provider, then start OPTIX again."


class Unreadable(ProviderUnavailable):
    """An answer that is not what the provider documents."""

    code = "provider_format_changed"
    next_step = "Wait for the next answer. If it stays, this version of OPTIX needs an update."


class Outcomes:
    """How the last requests or frames went: for health, metrics and a choice between providers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: deque[bool] = deque(maxlen=OUTCOMES_KEPT)
        self._errors_ns: deque[int] = deque(maxlen=OUTCOMES_KEPT)

    def add(self, *, failed: bool) -> None:
        self._failed.append(failed)
        if failed:
            self._errors_ns.append(self._clock.now_ns())

    @property
    def errors_per_minute(self) -> float:
        since_ns = self._clock.now_ns() - 60 * NANOSECONDS
        return float(sum(instant > since_ns for instant in self._errors_ns))

    @property
    def error_rate(self) -> float:
        return sum(self._failed) / len(self._failed) if self._failed else 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A body of the expected size with its headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, label: str) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Unreadable(f"{label}'s answer is not JSON: {error.msg}.") from error


class RestClient:
    """Asks one provider. `headers` is called for each request, so that a token can be renewed.

    `renew` is asked once for each request that was answered with 401; it returns whether another
    attempt makes sense. `transport`, `sleep` and `jitter` are for tests.
    """

    def __init__(
        self,
        label: str,
        *,
        base_url: str,
        pacing: Pacing,
        clock: Clock,
        headers: Callable[[], Mapping[str, str]] = dict,
        renew: Callable[[], Awaitable[bool]] | None = None,
        is_throttled: Callable[[Answer], bool] = lambda answer: answer.status == 429,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
        body_bytes_max: int = limits.PROVIDER_BODY_BYTES_MAX,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.label = label
        self.pacing = pacing
        self.outcomes = Outcomes(clock)
        self._base_url = base_url.rstrip("/")
        self._headers = headers
        self._renew = renew
        self._is_throttled = is_throttled
        self._transport = transport
        self._timeout = timeout
        self._body_bytes_max = body_bytes_max
        self._sleep = sleep
        self._jitter = jitter
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def get(
        self, path: str, params: Params | None = None, *, absent: frozenset[int] = _ABSENT
    ) -> Answer | None:
        """Return the answer, or None for a status that means "no such thing".

        Retries: timeouts, lost connections and 5xx, at most PROVIDER_RETRIES_MAX times after a
        growing pause with jitter. Raises ProviderUnavailable, ProviderRefused.
        """
        for attempt in range(limits.PROVIDER_RETRIES_MAX + 1):
            last = attempt == limits.PROVIDER_RETRIES_MAX
            try:
                # Empty parameters would take away those that the path has.
                answer = await self._ask("GET", path, params=params or None)
            except ProviderUnavailable as error:
                if last or error.code != ProviderUnavailable.code:
                    raise
            else:
                if answer.status in absent:
                    return None
                if last or answer.status not in _UNAVAILABLE_FOR_NOW:
                    return self._checked(answer)
            pause = limits.PROVIDER_RETRY_SECONDS_FIRST * 2.0**attempt
            await self._sleep(pause * (0.5 + self._jitter()))
        raise AssertionError("the last attempt returns or raises")

    async def get_json(
        self, path: str, params: Params | None = None, *, absent: frozenset[int] = _ABSENT
    ) -> Any:
        """Return the decoded body, or None where there is no such thing. Raises as `get`."""
        answer = await self.get(path, params, absent=absent)
        return None if answer is None else answer.json(self.label)

    async def post_json(
        self,
        path: str,
        *,
        data: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        refused: frozenset[int] = frozenset(),
    ) -> Any:
        """Send once, without retries: nobody knows whether a lost POST was taken.

        A status of `refused` is a refusal too: token endpoints say 400 to a token that has ended.
        """
        answer = await self._ask("POST", path, data=data, json=json, headers=headers)
        if answer.status in refused:
            raise ProviderRefused(f"{self.label} refuses the request (status {answer.status}).")
        return self._checked(answer).json(self.label)

    async def iter_pages(
        self,
        path: str,
        params: Params,
        *,
        token_of: Callable[[Any], str | None],
        token_param: str | None = "page_token",  # noqa: S107  # a page, no secret
        pages_max: int = limits.PROVIDER_PAGES_MAX,
        absent: frozenset[int] = _ABSENT,
    ) -> AsyncIterator[Any]:
        """Yield the decoded pages, each a request. Raises Unreadable beyond `pages_max`.

        The token of the next page is sent as `token_param`; None where it is an address of its
        own. Yields nothing where the first page does not exist.
        """
        asked: dict[str, str | int | float] = dict(params)
        seen: set[str] = set()
        for _ in range(pages_max):
            # Empty parameters would wipe the query of a page that is an address of its own.
            page = await self.get_json(path, asked or None, absent=absent)
            if page is None:
                return
            yield page
            token = token_of(page)
            if not token:
                return
            if token in seen:
                raise Unreadable(f"{self.label} gives the same page again and again.")
            seen.add(token)
            if token_param is None:
                path, asked = token, {}
            else:
                asked[token_param] = token
        raise Unreadable(f"{self.label}'s answer has more than {pages_max} pages.")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        data: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return one answer of any status. A 401 is renewed once, a 429 ends here."""
        for renewed in (False, True):
            await self.pacing.take()
            try:
                answer = await self._send(
                    method, path, params=params, data=data, json=json, headers=headers
                )
            except ProviderUnavailable:
                self.outcomes.add(failed=True)
                raise
            self.pacing.learn(answer.headers)
            if self._is_throttled(answer):
                self._slow_down(answer)
            if answer.status != HTTPStatus.UNAUTHORIZED or renewed or self._renew is None:
                self.outcomes.add(failed=answer.status in _UNAVAILABLE_FOR_NOW)
                return answer
            if not await self._renew():
                return answer
        raise AssertionError("the second attempt returns or raises")

    async def _send(self, method: str, path: str, **request: Any) -> Answer:
        sent = {name: value for name, value in request.items() if value is not None}
        sent["headers"] = {**self._headers(), **(request["headers"] or {})}
        url = self._address(path)
        try:
            async with self._connections().stream(method, url, **sent) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > self._body_bytes_max:
                        raise Unreadable(
                            f"{self.label}'s answer is larger than {self._body_bytes_max} bytes."
                        )
                return Answer(response.status_code, response.headers, bytes(body))
        except httpx.TimeoutException as error:
            raise ProviderUnavailable(f"{self.label} did not answer in time.") from error
        except httpx.DecodingError as error:
            raise Unreadable(f"{self.label}'s answer cannot be unpacked.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not the words of the error: they may hold the address with what is in it.
            name = type(error).__name__
            raise ProviderUnavailable(f"{self.label} cannot be reached ({name}).") from error

    def _address(self, path: str) -> httpx.URL:
        """Return the address of a path, or of an address on the same host: the key stays there."""
        url = httpx.URL(self._base_url)
        if path.startswith("/"):
            return httpx.URL(f"{self._base_url}{path}")
        given = httpx.URL(path)
        if (given.scheme, given.host, given.port) != (url.scheme, url.host, url.port):
            raise Unreadable(f"{self.label} points to a page on another host: not followed.")
        return given

    def _connections(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                transport=self._transport,
                timeout=self._timeout,
                follow_redirects=False,
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            )
        return self._http

    def _slow_down(self, answer: Answer) -> NoReturn:
        self.outcomes.add(failed=True)
        seconds = self.pacing.pause(answer.headers)
        raise ProviderUnavailable(
            f"{self.label} asked OPTIX to slow down; the next request is in {seconds:.0f} s.",
            code="provider_rate_limited",
            retry_after_seconds=int(seconds) + 1,
        )

    def _checked(self, answer: Answer) -> Answer:
        """Return a good answer, raise what any other means."""
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return answer
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise ProviderRefused(
                f"{self.label} refuses the key or the plan (status {answer.status})."
            )
        if 300 <= answer.status < 400:
            raise ProviderUnavailable(f"{self.label} points to another address: not followed.")
        raise ProviderUnavailable(f"{self.label} answered with status {answer.status}.")
