"""How often a client may ask: a sliding window per user or address and route, kept in Redis.

Which rule a request falls under is one table (`ROUTES`); how many a rule allows comes from the
settings. A request usually falls under two: the default one, and that of its route. All are looked
at in one round trip, and a refused request counts nowhere, so that who waits is let in again.

Without Redis nothing that proves who somebody is goes on (guessing must not become free because a
server is down); everything else is held by the same windows in the memory of this process. The
metrics say which of the two counted.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import RateLimited, Unavailable
from optix.platform.http import problem_response
from optix.platform.origin import ADDRESSES_REMEMBERED_MAX, client_address
from optix.platform.security_settings import Network

log = structlog.get_logger(__name__)

WINDOW_MS: Final = 60_000
AHEAD_MS: Final = 1_000  # how long a request that was counted ahead may take to come
REDIS_SECONDS_MAX: Final = 0.25
REDIS_PAUSE_SECONDS: Final = 1.0  # how long a Redis that failed is left alone
KEYS: Final = "edge:requests:"  # + digest of rule and subject; writer: api, stream

_AUTH = "/api/v1/auth"
# The first that fits counts. Whatever else below /auth changes something is "account".
ROUTES: Final[Sequence[tuple[re.Pattern[str], str]]] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (rf"POST {_AUTH}/(logout|password-strength|try)", "default"),
        (rf"POST {_AUTH}/login", "login"),
        (rf"POST {_AUTH}/passkeys/authentication(/options)?", "login"),
        (rf"POST {_AUTH}/register", "register"),
        (rf"POST {_AUTH}/refresh", "refresh"),
        (rf"POST {_AUTH}/(login/factor|step-up|mfa/verify)", "factor"),
        (rf"POST {_AUTH}/(register/resend|verify-email|password-reset(/confirm)?)", "mail"),
        (r"POST /api/v1/users/me/email(/confirm)?", "mail"),
        (rf"(POST|PUT|PATCH|DELETE) {_AUTH}/.*", "account"),
    )
)
_LIMITED = "/api/"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

# Looks at all windows, and counts in all of them only if none is full. Scores are milliseconds.
# Counts several at once where there is ample room for them. Gives for each window how many it held
# and when the next place in it becomes free, and at last how many were counted.
_SCRIPT: Final = """
local now, member, count = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local full, answer = false, {}
for i, key in ipairs(KEYS) do
  local most, window = tonumber(ARGV[2 + 2 * i]), tonumber(ARGV[3 + 2 * i])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  local held, free_in = redis.call('ZCARD', key), 0
  if held > 0 then
    local at = math.max(0, held - most)
    local first = redis.call('ZRANGE', key, at, at, 'WITHSCORES')
    free_in = tonumber(first[2]) + window - now
  end
  if held >= most then full = true end
  if held + 4 * count > most then count = 1 end
  answer[2 * i - 1], answer[2 * i] = held, free_in
end
if not full then
  for i, key in ipairs(KEYS) do
    redis.call('ZADD', key, now, member)
    for n = 2, count do redis.call('ZADD', key, now, member .. n) end
    redis.call('PEXPIRE', key, tonumber(ARGV[3 + 2 * i]))
  end
end
answer[#answer + 1] = count
return answer
"""


class RateLimiterUnavailable(Unavailable):
    """Requests cannot be counted, and this one must not go on uncounted."""

    code = "rate_limiter_unavailable"


@dataclass(frozen=True, slots=True)
class Window:
    """One rule for one subject: at most `most` requests in `WINDOW_MS`."""

    rule: str
    subject: str
    most: int

    @property
    def key(self) -> str:
        # Hashed, so that a look into Redis does not show who comes from where.
        return KEYS + hashlib.sha256(f"{self.rule}\n{self.subject}".encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tightest window says, and whether it lets the request through."""

    allowed: bool
    window: Window
    remaining: int
    free_in_ms: int

    @property
    def seconds(self) -> int:
        return max(1, -(-self.free_in_ms // 1_000))

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": f"{self.window.most};w={WINDOW_MS // 1_000}",
            "RateLimit-Limit": str(self.window.most),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.seconds),
        }


class RateLimitMetrics:
    """What was counted, by whom, and whether Redis takes part."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.checks = Counter(
            "optix_rate_limit_checks",
            "Requests looked at. kept_by local: Redis was away. outcome closed: refused for that.",
            ("rule", "outcome", "kept_by"),
            registry=registry,
        )
        self.redis_up = Gauge(
            "optix_rate_limit_redis_up", "Whether requests are counted in Redis.", registry=registry
        )
        self.redis_up.set(1)


@dataclass(slots=True)
class _Ahead:
    """Requests of one window that are counted already and may come within a second."""

    verdict: Verdict
    size: int
    left: int
    until_ms: int


class RateLimiter:
    """Counts requests in Redis, and in memory while Redis is away.

    Who asks again within a second has requests counted ahead, each time twice as many: at most as
    many are counted that never come as came in that second. Near the end of a window each is
    counted by itself, so that it is never exceeded.
    """

    def __init__(self, redis: Redis, clock: Clock, metrics: RateLimitMetrics) -> None:
        self._script = redis.register_script(_SCRIPT)
        self._clock = clock
        self._metrics = metrics
        self._local = LocalWindows()
        self._ahead: OrderedDict[tuple[str, str, int], _Ahead] = OrderedDict()
        self._redis_from = 0.0
        self._redis_up = True

    async def check(self, windows: Sequence[Window], *, closed: bool) -> Verdict:
        """Count one request in all `windows`, or in none if one is full.

        Errors: RateLimiterUnavailable if `closed` and Redis does not answer.
        """
        now_ms = self._clock.now_ns() // 1_000_000
        counted = self._counted(windows, now_ms)
        if counted is not None:
            self._count(counted.window, "allowed", "redis")
            return counted
        found = await self._in_redis(windows, now_ms)
        kept_by: Literal["redis", "local"] = "redis" if found is not None else "local"
        if found is None and closed:
            self._count(windows[-1], "closed", kept_by)
            raise RateLimiterUnavailable("Requests cannot be counted right now.")
        if found is None:
            found = self._local.take(windows, now_ms)
        verdict = _verdict(windows, found)
        self._count(verdict.window, "allowed" if verdict.allowed else "refused", kept_by)
        return verdict

    async def _in_redis(
        self, windows: Sequence[Window], now_ms: int
    ) -> Sequence[tuple[int, int]] | None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._redis_from:
            return None
        wanted = self._wanted(windows, now_ms)
        arguments: list[str | int] = [now_ms, secrets.token_hex(8), wanted]
        for window in windows:
            arguments += [window.most, WINDOW_MS]
        try:
            async with asyncio.timeout(REDIS_SECONDS_MAX):
                flat = await self._script(keys=[w.key for w in windows], args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            # Left alone for a moment, so that not every request waits for the same silence.
            self._redis_from = loop.time() + REDIS_PAUSE_SECONDS
            self._say(redis_up=False, reason=type(error).__name__)
            return None
        self._say(redis_up=True)
        *flat, count = map(int, flat)
        found = list(zip(flat[0::2], flat[1::2], strict=True))
        self._note(windows, found, count, now_ms)
        return found

    def _counted(self, windows: Sequence[Window], now_ms: int) -> Verdict | None:
        """Take a request that was counted ahead."""
        ahead = self._ahead.get(_name(windows[0])) if len(windows) == 1 else None
        if ahead is None or not ahead.left or now_ms >= ahead.until_ms:
            return None
        ahead.left -= 1
        remaining = ahead.verdict.remaining + ahead.left
        return replace(ahead.verdict, remaining=remaining)

    def _wanted(self, windows: Sequence[Window], now_ms: int) -> int:
        ahead = self._ahead.get(_name(windows[0])) if len(windows) == 1 else None
        if ahead is None or ahead.left or now_ms >= ahead.until_ms:
            return 1
        return min(2 * ahead.size, limits.RATE_LIMIT_AHEAD_MAX)

    def _note(
        self,
        windows: Sequence[Window],
        found: Sequence[tuple[int, int]],
        count: int,
        now_ms: int,
    ) -> None:
        verdict = _verdict(windows, found)
        if len(windows) > 1 or not verdict.allowed:
            return
        verdict = replace(verdict, remaining=verdict.remaining - count + 1)
        name = _name(windows[0])
        before = self._ahead.get(name)  # that of another request, which asked at the same time
        left = before.left if before is not None and now_ms < before.until_ms else 0
        self._ahead[name] = _Ahead(verdict, count, left + count - 1, now_ms + AHEAD_MS)
        self._ahead.move_to_end(name)
        while len(self._ahead) > limits.RATE_LIMIT_LOCAL_SUBJECTS_MAX:
            self._ahead.popitem(last=False)

    def _say(self, *, redis_up: bool, reason: str = "") -> None:
        """Tell of a change once."""
        if redis_up != self._redis_up:
            self._redis_up = redis_up
            self._metrics.redis_up.set(int(redis_up))
            if redis_up:
                log.info("rate_limit.redis_back")
            else:
                log.warning("rate_limit.redis_lost", error=reason)

    def _count(self, window: Window, outcome: str, kept_by: str) -> None:
        self._metrics.checks.labels(window.rule, outcome, kept_by).inc()


def _name(window: Window) -> tuple[str, str, int]:
    return window.rule, window.subject, window.most


class LocalWindows:
    """The same windows in memory, for a bounded number of subjects."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, deque[int]] = OrderedDict()

    def take(self, windows: Sequence[Window], now_ms: int) -> Sequence[tuple[int, int]]:
        """Do what the script does."""
        found, full = [], False
        for window in windows:
            held = self._held.setdefault(window.key, deque())
            self._held.move_to_end(window.key)
            while held and held[0] <= now_ms - WINDOW_MS:
                held.popleft()
            free_in = held[max(0, len(held) - window.most)] + WINDOW_MS - now_ms if held else 0
            found.append((len(held), free_in))
            full = full or len(held) >= window.most
        if not full:
            for window in windows:
                self._held[window.key].append(now_ms)
        while len(self._held) > limits.RATE_LIMIT_LOCAL_SUBJECTS_MAX:
            self._held.popitem(last=False)
        return found


def _verdict(windows: Sequence[Window], found: Sequence[tuple[int, int]]) -> Verdict:
    full = [
        Verdict(allowed=False, window=window, remaining=0, free_in_ms=free_in)
        for window, (held, free_in) in zip(windows, found, strict=True)
        if held >= window.most
    ]
    if full:
        return max(full, key=lambda verdict: verdict.free_in_ms)
    return min(
        (
            Verdict(
                allowed=True,
                window=window,
                remaining=window.most - held - 1,
                free_in_ms=free_in if held else WINDOW_MS,
            )
            for window, (held, free_in) in zip(windows, found, strict=True)
        ),
        key=lambda verdict: verdict.remaining,
    )


# Returns the user of a valid access token, None for anything else.
Identify = Callable[[str], str | None]


class RateLimitMiddleware:
    """Refuses what comes too often, before anything else of the app is done for it.

    The user comes from a verified token only: a name that anyone can write would give a window of
    its own for each name.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limiter: RateLimiter,
        per_minute: Mapping[str, int],
        identify: Identify,
        trusted_proxies: Sequence[Network] = (),
    ) -> None:
        self.app = app
        self._limiter = limiter
        self._per_minute = per_minute
        self._identify = identify
        self._trusted = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_LIMITED):
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        windows = self._windows(method, scope)
        closed = scope["path"].startswith(_AUTH + "/") and method not in _READS
        try:
            verdict = await self._limiter.check(windows, closed=closed)
        except RateLimiterUnavailable as error:
            answer = problem_response(error, _request_id(scope), {"Retry-After": "5"})
            await answer(scope, receive, send)
            return
        if verdict.allowed:
            await self.app(scope, receive, _with_headers(send, verdict.headers()))
            return
        refusal = RateLimited(
            f"There were {verdict.window.most} requests of this kind within a minute. "
            f"Waiting {verdict.seconds} s is needed.",
            retry_after_seconds=verdict.seconds,
        )
        answer = problem_response(refusal, _request_id(scope), verdict.headers())
        await answer(scope, receive, send)

    def _windows(self, method: str, scope: Scope) -> list[Window]:
        """Return the windows a request falls in: the default first, then that of its route."""
        address = f"address {network_of(client_address(scope, self._trusted))}"
        user = self._user(scope)
        rule = rule_of(method, scope["path"])
        windows = [Window("default", user or address, self._per_minute["default"])]
        if rule != "default":
            most = self._per_minute[rule]
            windows += [Window(rule, subject, most) for subject in (address, user) if subject]
        return windows

    def _user(self, scope: Scope) -> str | None:
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        found = self._identify(token.strip()) if scheme.lower() == "bearer" and token else None
        return f"user {found}" if found else None


def rule_of(method: str, path: str) -> str:
    """Return the name of the rule for a request."""
    called = f"{method} {path}"
    return next((rule for pattern, rule in ROUTES if pattern.fullmatch(called)), "default")


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            message["headers"] = [*message.get("headers", ()), *added]
        await send(message)

    return send_with_headers


def _request_id(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


@lru_cache(maxsize=ADDRESSES_REMEMBERED_MAX)
def network_of(address: str) -> str:
    """Return what counts as one address: of IPv6 the /64 that one subscriber has to himself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address
