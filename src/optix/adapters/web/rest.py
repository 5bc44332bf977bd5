"""Questions to a service over HTTP: bounded, paced, retried where that is safe.

Every failure becomes an error of the port that asks (`ServiceErrors`). A key travels in headers,
which no error, log line or representation shows; a redirect is an error, because it would take the
key to another host.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, NoReturn

import httpx
import orjson

from optix.adapters.web.pacing import Pacing, Sleep
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError

OUTCOMES_KEPT = 200

Params = Mapping[str, str | int | float]

_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_GOOD = frozenset((HTTPStatus.OK, HTTPStatus.CREATED))
_ABSENT = frozenset((HTTPStatus.NOT_FOUND,))
_UNAVAILABLE_FOR_NOW = frozenset((500, 502, 503, 504, 520, 522, 524))


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


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went: `path` without its query, `status` None where nothing came back."""

    method: str
    path: str
    status: int | None
    milliseconds: int


class RestClient:
    """Asks one service. `headers` is called for each request, so that a token can be renewed.

    `sign` signs each request as it is sent. `renew` is asked once for each request that was
    answered with 401; it returns whether another attempt makes sense. `explain` turns an answer
    that is not good into an error in the service's own words, or None for the usual one; `decode`
    reads a body. `observe` is told of each exchange. `transport`, `sleep` and `jitter` are for
    tests.
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
        sign: httpx.Auth | None = None,
        explain: Callable[[Answer], OptixError | None] = lambda _: None,
        decode: Callable[[bytes], Any] = orjson.loads,
        observe: Callable[[Exchange], None] = lambda _: None,
        good: frozenset[int] = _GOOD,
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
        self._errors = pacing.errors
        self._clock = clock
        self._headers = headers
        self._renew = renew
        self._sign = sign
        self._explain = explain
        self._decode = decode
        self._observe = observe
        self._good = good
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
        growing pause with jitter. Raises unavailable, refused, busy, unreadable of the errors.
        """
        return await self._insist("GET", path, absent=absent, params=params or None)

    async def _insist(
        self, method: str, path: str, *, absent: frozenset[int] = _ABSENT, **request: Any
    ) -> Answer | None:
        unavailable = self._errors.unavailable
        for attempt in range(limits.PROVIDER_RETRIES_MAX + 1):
            last = attempt == limits.PROVIDER_RETRIES_MAX
            try:
                # Empty parameters would take away those that the path has.
                answer = await self._ask(method, path, **request)
            except unavailable as error:
                if last or error.code != unavailable.code:
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
        return None if answer is None else self.read(answer)

    async def query_json(self, path: str, *, json: Any) -> Any:
        """POST a question that changes nothing; retried as `get` is. Raises as `get`."""
        answer = await self._insist("POST", path, json=json)
        return None if answer is None else self.read(answer)

    def read(self, answer: Answer) -> Any:
        """Return the decoded body. Raises unreadable."""
        try:
            return self._decode(answer.body)
        except ValueError as error:
            words = getattr(error, "msg", type(error).__name__)  # never the body
            raise self._errors.unreadable(f"{self.label}'s answer is not JSON: {words}.") from None

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
            raise self._errors.refused(
                f"{self.label} refuses the request (status {answer.status})."
            )
        return self.read(self._checked(answer))

    async def delete(self, path: str, *, absent: frozenset[int] = _ABSENT) -> None:
        """Take something away; gone already is good too. Retried and raises as `get`."""
        await self._insist("DELETE", path, absent=absent)

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
        """Yield the decoded pages, each a request. Raises unreadable beyond `pages_max`.

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
                raise self._errors.unreadable(f"{self.label} gives the same page again and again.")
            seen.add(token)
            if token_param is None:
                path, asked = token, {}
            else:
                asked[token_param] = token
        raise self._errors.unreadable(f"{self.label}'s answer has more than {pages_max} pages.")

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
            except self._errors.unavailable:
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
        begun_ns = self._clock.now_ns()
        url = self._address(path)
        status: int | None = None
        try:
            answer = await self._exchange(method, url, request)
        except httpx.TimeoutException as error:
            raise self._errors.unavailable(f"{self.label} did not answer in time.") from error
        except httpx.DecodingError as error:
            raise self._errors.unreadable(f"{self.label}'s answer cannot be unpacked.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # Not the words of the error: they may hold the address with what is in it.
            name = type(error).__name__
            raise self._errors.unavailable(f"{self.label} cannot be reached ({name}).") from error
        else:
            status = answer.status
            return answer
        finally:
            took = (self._clock.now_ns() - begun_ns) // 1_000_000
            self._observe(Exchange(method, url.path, status, took))

    async def _exchange(self, method: str, url: httpx.URL, request: Mapping[str, Any]) -> Answer:
        sent = {name: value for name, value in request.items() if value is not None}
        sent["headers"] = {**self._headers(), **(request.get("headers") or {})}
        if self._sign is not None:
            sent["auth"] = self._sign
        async with self._connections().stream(method, url, **sent) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._body_bytes_max:
                    raise self._errors.unreadable(
                        f"{self.label}'s answer is larger than {self._body_bytes_max} bytes."
                    )
            return Answer(response.status_code, response.headers, bytes(body))

    def _address(self, path: str) -> httpx.URL:
        """Return the address of a path, or of an address on the same host: the key stays there."""
        url = httpx.URL(self._base_url)
        if path.startswith("/"):
            return httpx.URL(f"{self._base_url}{path}")
        given = httpx.URL(path)
        if (given.scheme, given.host, given.port) != (url.scheme, url.host, url.port):
            raise self._errors.unreadable(
                f"{self.label} points to a page on another host: not followed."
            )
        return given

    def _connections(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                transport=self._transport,
                verify=_authorities(),
                timeout=self._timeout,
                follow_redirects=False,
                headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
            )
        return self._http

    def _slow_down(self, answer: Answer) -> NoReturn:
        self.outcomes.add(failed=True)
        seconds = self.pacing.pause(answer.headers)
        self._errors.raise_busy(
            f"{self.label} asked OPTIX to slow down; the next request is in {seconds:.0f} s.",
            seconds,
        )

    def _checked(self, answer: Answer) -> Answer:
        """Return a good answer, raise what any other means."""
        if answer.status in self._good:
            return answer
        explained = self._explain(answer)
        if explained is not None:
            raise explained
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise self._errors.refused(
                f"{self.label} refuses the key or the plan (status {answer.status})."
            )
        if 300 <= answer.status < 400:
            raise self._errors.unavailable(f"{self.label} points to another address: not followed.")
        raise self._errors.unavailable(f"{self.label} answered with status {answer.status}.")


@cache
def _authorities() -> ssl.SSLContext:
    """Return whom TLS trusts. Read once: it costs more than a question, and clients come and go."""
    return httpx.create_ssl_context()
