"""`optix stream-load`: readers of the stream by the thousand, bounded, for who runs the product.

Plans what every connection says, lets the compiled engine (platform/fanout/native/load.hpp) connect
and read, stops where too much goes wrong, and says what was found. The command is in
`stream_load_command`. Nothing here takes part in the product: it is its visitor.
"""

from __future__ import annotations

import ipaddress
import json
import resource
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from optix.kernel.errors import Forbidden, InvalidInput, Unavailable

if TYPE_CHECKING:
    from optix.platform.fanout._load import Load

DESCRIPTORS_KEPT: Final = 64  # for everything of this process that is no connection
SECONDS_MAX: Final = 3_600
HANDSHAKE_SECONDS_MAX: Final = 20.0
AT_ONCE_MAX: Final = 256  # handshakes under way together
PING_SECONDS: Final = 15.0  # docs/streaming.md
JUDGED_FROM: Final = 20  # connections; a share of fewer says nothing
PROGRESS_SECONDS: Final = 1.0
STEP_SECONDS: Final = 0.1
SOURCE_CONNECTIONS: Final = 20_000  # of one source address, below its 28,000 ports
SAMPLED_FROM: Final = 1_000  # connections; with more, the ages of every 16th frame are looked at


class NotCompiled(Unavailable):
    """The engine was not compiled on this machine."""

    code = "load_not_compiled"
    next_step = "Install a C++ compiler on Linux (Debian: g++) and run `make setup`."


class BadTarget(InvalidInput):
    """The address is not one of a stream."""

    code = "bad_target"
    next_step = (
        "Give an address like ws://127.0.0.1:8000/ws/quotes; TLS ends in front of the gateway."
    )


class ForeignTarget(Forbidden):
    """The target is not this machine."""

    code = "foreign_target"
    next_step = (
        "A load test of a server that is not yours is an attack. If it is, add --i-own-this-server."
    )


class TooManyConnections(InvalidInput):
    """More than this process may open."""

    code = "too_many_connections"
    next_step = "Ask for fewer connections, or raise the limit of open files (ulimit -n)."


@dataclass(frozen=True, slots=True)
class Target:
    """Where the stream is, resolved."""

    address: str
    port: int
    host: str
    path: str

    @property
    def is_local(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What is done to whom. `scripts[i]` is what connection i says, modulo their number."""

    target: Target
    connections: int
    scripts: Sequence[Sequence[str]]
    seconds: float = 10.0
    per_second: float = 500.0
    stalled_share: float = 0.0
    errors_share_max: float = 0.05
    sources: int = 1
    at_once: int = AT_ONCE_MAX
    speaks: bool = True
    round: str = ""
    round_port: int = 0


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was found. Milliseconds of percentiles; `latency_ms` from `as_of` of changed rows."""

    connections: int
    connected: int
    refused: dict[str, int]
    ended: dict[str, int]
    errors: dict[str, int]
    connect_seconds: float
    seconds: float
    frames_per_s: float
    rows_per_s: float
    bytes_per_s: float
    frames_least: int  # of the readers that had the fewest
    snapshots: int
    changes: int
    gaps: int
    unreadable: int
    slow: int
    skipped: int
    heartbeats: int
    pongs: int
    going_away: int
    latency_ms: dict[str, float] | None
    handshake_ms: dict[str, float] | None
    first_rows_ms: dict[str, float] | None
    generator_cpu_share: float
    stopped: str | None = None
    rounds: int = field(default=0)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def parse_target(url: str, *, is_own: bool = False) -> Target:
    """Return where `url` leads. Errors: BadTarget, ForeignTarget. Effects: may ask the resolver."""
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError as error:
        raise BadTarget(f"{url} has no port that exists.") from error
    if parts.scheme != "ws" or not parts.hostname:
        raise BadTarget(f"{url} is not the address of a WebSocket without TLS.")
    try:
        found = socket.getaddrinfo(parts.hostname, port, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise BadTarget(f"{parts.hostname} has no IPv4 address.") from error
    target = Target(str(found[0][4][0]), port, parts.netloc, parts.path or "/")
    if not target.is_local and not is_own:
        raise ForeignTarget(f"{parts.hostname} is not this machine.")
    return target


def connections_max() -> int:
    """Return how many connections the limit of open files leaves; raises it to its bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (2**31 if hard == resource.RLIM_INFINITY else hard) - DESCRIPTORS_KEPT


def script(
    token: str, subscriptions: Sequence[Mapping[str, object]], *, binary: bool, interval_ms: int
) -> list[str]:
    """Return what one connection says: the token, then what it follows."""
    auth = {
        "op": "auth",
        "token": token,
        "version": 2,
        "format": "binary" if binary else "json",
        "interval_ms": interval_ms,
    }
    wanted = ({"op": "subscribe", "id": i, **what} for i, what in enumerate(subscriptions, start=1))
    return [json.dumps(each, separators=(",", ":")) for each in (auth, *wanted)]


def new_load(plan: LoadPlan) -> Load:
    """Return the engine for a plan. Errors: NotCompiled, TooManyConnections."""
    try:
        from optix.platform.fanout._load import Load  # noqa: PLC0415  # absent: not compiled
    except ImportError as error:
        raise NotCompiled("The load generator is compiled, and here it is not.") from error
    most = connections_max()
    if plan.connections > most:
        raise TooManyConnections(
            f"{plan.connections} connections are more than {most}, this machine's limit."
        )
    sources = max(plan.sources, -(-plan.connections // SOURCE_CONNECTIONS))
    return Load(
        address=plan.target.address,
        port=plan.target.port,
        host=plan.target.host,
        path=plan.target.path,
        connections=plan.connections,
        scripts=[list(each) for each in plan.scripts],
        sources=sources if plan.target.is_local else 0,
        per_second=plan.per_second,
        at_once=plan.at_once,
        stalled=round(plan.connections * plan.stalled_share),
        speaks=plan.speaks,
        round=plan.round,
        round_port=plan.round_port,
        sample=1 if plan.connections < SAMPLED_FROM else 16,
        ping_ms=round(PING_SECONDS * 1_000),
        handshake_ms_max=round(HANDSHAKE_SECONDS_MAX * 1_000),
    )


class LoadRun:
    """One run in its two halves: `connect`, then `measure` (as often as wanted).

    Effects: opens the connections of the plan; they end with `close`.
    """

    def __init__(self, plan: LoadPlan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._load: Load = new_load(plan)
        self._connect_seconds = 0.0
        self.stopped: str | None = None

    def connect(self) -> None:
        """Open everything, or stop where too much is refused."""
        began = told = time.perf_counter()
        paced = self._plan.connections / self._plan.per_second if self._plan.per_second else 0.0
        deadline = (
            began
            + paced
            + HANDSHAKE_SECONDS_MAX * (1 + self._plan.connections / self._plan.at_once / 10)
        )
        while not self.stopped:
            self._load.run(STEP_SECONDS)
            counts = self._counts()
            self._judge(counts)
            now = time.perf_counter()
            settled = counts["started"] - counts["under_way"]
            if settled >= self._plan.connections:
                break
            if now > deadline:
                self.stopped = "not all connections were answered in time"
            if now - told >= PROGRESS_SECONDS:
                told = now
                self._say(f"{counts['connected']:,} of {self._plan.connections:,} connected")
        self._connect_seconds = time.perf_counter() - began

    def measure(self, seconds: float, *, rounds: bool = False) -> LoadResult:
        """Read for so long and return what came meanwhile."""
        self._load.forget()
        before, cpu = self._counts(), self._load.cpu_seconds
        if rounds:
            self._load.begin_rounds()
        began = told = time.perf_counter()
        told_counts = before
        while not self.stopped and (now := time.perf_counter()) < began + seconds:
            self._load.run(min(STEP_SECONDS, began + seconds - now))
            counts = self._counts()
            self._judge(counts)
            if now - told >= PROGRESS_SECONDS:
                frames = (counts["frames"] - told_counts["frames"]) / (now - told)
                self._say(f"{counts['alive']:,} connections, {frames:,.0f} frames/s")
                told, told_counts = now, counts
        spent = max(time.perf_counter() - began, 1e-9)
        return self._result(before, spent, (self._load.cpu_seconds - cpu) / spent)

    def close(self) -> None:
        """End every connection."""
        del self._load

    def _counts(self) -> dict[str, Any]:
        return self._load.counts()

    def _judge(self, counts: Mapping[str, Any]) -> None:
        bad = sum(counts["refused"].values()) + sum(counts["ended"].values())
        settled = counts["started"] - counts["under_way"]
        if (
            bad
            and bad > settled * self._plan.errors_share_max
            and settled >= min(JUDGED_FROM, self._plan.connections)
        ):
            self.stopped = f"{bad} of {settled} connections were refused or ended"

    def _result(self, before: Mapping[str, Any], seconds: float, cpu_share: float) -> LoadResult:
        counts = self._counts()
        since = {
            name: counts[name] - before[name] for name in counts if isinstance(counts[name], int)
        }
        return LoadResult(
            connections=self._plan.connections,
            connected=counts["connected"],
            refused=counts["refused"],
            ended=counts["ended"],
            errors=counts["errors"],
            connect_seconds=self._connect_seconds,
            seconds=seconds,
            frames_per_s=since["frames"] / seconds,
            rows_per_s=since["rows"] / seconds,
            bytes_per_s=since["bytes"] / seconds,
            frames_least=self._load.least_frames(),
            snapshots=counts["snapshots"],
            changes=since["changes"],
            gaps=counts["gaps"],
            unreadable=counts["unreadable"],
            slow=counts["slow"],
            skipped=counts["skipped"],
            heartbeats=since["heartbeats"],
            pongs=since["pongs"],
            going_away=counts["going_away"],
            latency_ms=percentiles_of_ages(self._load.ages()),
            handshake_ms=percentiles(self._load.handshakes_ms()),
            first_rows_ms=percentiles(self._load.first_rows_ms()),
            generator_cpu_share=cpu_share,
            stopped=self.stopped,
            rounds=since["rounds"],
        )


def run_load(plan: LoadPlan, say: Callable[[str], None]) -> LoadResult:
    """Connect, read for the seconds of the plan, and return what was found."""
    run = LoadRun(plan, say)
    try:
        run.connect()
        return run.measure(plan.seconds)
    finally:
        run.close()


_CUTS: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


def percentiles(values: Sequence[float]) -> dict[str, float] | None:
    """Return the usual percentiles and the largest, None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    found = {name: ordered[int(part * (len(ordered) - 1))] for name, part in _CUTS.items()}
    return {name: round(value, 3) for name, value in (found | {"max": ordered[-1]}).items()}


def percentiles_of_ages(ages: Sequence[int]) -> dict[str, float] | None:
    """The same of counts by whole milliseconds."""
    total = sum(ages)
    if total == 0:
        return None
    found: dict[str, float] = {}
    below, highest = 0, 0
    for age, many in enumerate(ages):
        if not many:
            continue
        below, highest = below + many, age
        for name, part in _CUTS.items():
            if name not in found and below > part * (total - 1):
                found[name] = float(age)
    return found | {"max": float(highest)}
