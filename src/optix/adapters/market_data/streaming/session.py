"""One vendor's stream, kept alive: connect, sign in, subscribe, listen, and begin again.

The session is told what is wanted and writes what comes into a `StreamBook`. It notices by itself
when a connection is dead (answers no ping), mute (lives, says nothing) or broken (says nonsense),
makes a new one, at a bounded pace, and says that there was a gap.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from enum import StrEnum
from typing import NamedTuple

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from optix.adapters.market_data.failures import ProviderRefused
from optix.adapters.market_data.streaming.attempts import Attempts
from optix.adapters.market_data.streaming.book import StreamBook
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.protocol import (
    Ack,
    Complaint,
    Event,
    Frame,
    Heartbeat,
    MalformedFrame,
    StreamLost,
    StreamRefused,
    StreamTimings,
    StreamVendor,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.streaming.subscriptions import Subscriptions
from optix.adapters.web.rest import Outcomes
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.quote import TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ProviderUnavailable

_log = structlog.get_logger(__name__)


class StreamState(StrEnum):
    IDLE = "idle"  # nothing is wanted
    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"  # lost or mute: what is known is from before
    DOWN = "down"  # refused


class Gap(NamedTuple):
    """Between these instants the stream was away."""

    ts_from: int
    ts_event: int
    symbols: frozenset[str]  # that were subscribed
    reason: str


class _TokenExpired(Exception):
    """The vendor wants another token."""


class _Idle(Exception):
    """Nobody wants anything any more."""


class _Connect(connect):
    """Never follows a redirect: the key would go to another host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class StreamSession:
    """Runs one vendor's stream. `on_gap` is called before anything that came after the gap."""

    def __init__(
        self,
        vendor: StreamVendor,
        book: StreamBook,
        *,
        label: str,
        clock: Clock,
        on_gap: Callable[[Gap], None],
        timings: StreamTimings | None = None,
        ticking: Callable[[int], bool] = is_ticking,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._vendor = vendor
        self._book = book
        self._label = label
        self._clock = clock
        self._on_gap = on_gap
        self._timings = timings or StreamTimings()
        self._ticking = ticking
        self._attempts = Attempts(self._timings, jitter=jitter)
        self._subscriptions = Subscriptions(vendor)
        self._changed = asyncio.Event()
        self._frame_at = self._data_at = 0.0
        self._data_ns = 0
        self._bad_frames = 0
        self._mutes = 0  # connections that were mute, since the last data
        self._gap: tuple[int, frozenset[str], str] | None = None
        self._told: set[str] = set()
        self.state = StreamState.IDLE
        self.reason = ""
        self.since_ns = clock.now_ns()
        self.connects = 0
        self.last_update_ns = 0
        self.rejects: Counter[str] = Counter()
        self.outcomes = Outcomes(clock)

    @property
    def places(self) -> dict[str, int]:
        """How many topics of a channel fit, where that is limited: documented or learned."""
        return {str(channel): count for channel, count in self._subscriptions.places.items()}

    @property
    def sent(self) -> frozenset[Topic]:
        """What is subscribed now."""
        return self._subscriptions.sent if self.state is StreamState.LIVE else frozenset()

    @property
    def subscribed(self) -> int:
        return len(self._subscriptions.sent)

    @property
    def refusal(self) -> str:
        """Why the vendor does not want us; empty while it does."""
        return self._attempts.refusal

    def want(self, topics: Sequence[Topic]) -> None:
        """Replace what should be subscribed, the most important first. Never blocks."""
        self._subscriptions.want(topics)
        self._changed.set()

    async def run(self) -> None:
        """Keep the stream until cancelled. What is learned outlives a run."""
        try:
            while True:
                if not self._subscriptions.wanted:
                    self._set_state(StreamState.IDLE, "")
                    await self._wait_for_change()
                    continue
                wait = self._attempts.wait_seconds(_now())
                if wait > 0:
                    if self._attempts.refusal:
                        self._set_state(StreamState.DOWN, self._attempts.refusal)
                    await asyncio.sleep(wait)
                    continue
                await self._connect_once()
        finally:
            self._set_state(StreamState.IDLE, "")

    async def _connect_once(self) -> None:
        """Make one connection and follow it to its end, whatever that is."""
        first = self._attempts.failures == 0 and self._gap is None
        self._set_state(StreamState.CONNECTING if first else StreamState.STALE, self.reason)
        self._attempts.started(_now())
        self.connects += 1
        self._live_from: float | None = None
        try:
            await self._follow()
        except _Idle:
            self._subscriptions.connected()
            return
        except _TokenExpired:
            self._lost("The access token expired; another one is fetched.")
            self._attempts.renewed(_now(), live_seconds=self._live_seconds())
            await self._vendor.token_expired()
        except ProviderRefused as error:
            self._lost(error.detail)
            self._attempts.refused(_now(), error.detail)
            self._set_state(StreamState.DOWN, error.detail)
            _log.warning("stream_refused", provider=self._label, why=error.detail)
        except (ProviderUnavailable, WebSocketException, OSError, TimeoutError) as error:
            sentence = _sentence(self._label, error)
            self._lost(sentence)
            self._attempts.ended(_now(), live_seconds=self._live_seconds())
            if self._attempts.failures == 1:
                _log.warning("stream_lost", provider=self._label, why=sentence)
        finally:
            self._note_gap()

    async def _follow(self) -> None:
        async with asyncio.timeout(self._timings.connect):
            endpoint = await self._vendor.endpoint()
        socket = await _Connect(
            endpoint.url,
            additional_headers=dict(endpoint.headers),
            user_agent_header="OPTIX",
            compression=None,
            open_timeout=self._timings.connect,
            ping_interval=None,  # ours know the difference between mute and gone
            close_timeout=min(1.0, self._timings.handshake),
            max_size=limits.STREAM_FRAME_BYTES_MAX,
            max_queue=limits.STREAM_FRAMES_QUEUED_MAX,
        )
        graceful = False
        try:
            async with asyncio.timeout(self._timings.handshake):
                await self._vendor.handshake(_SocketWire(socket))
            self._signed_in()
            await self._until_first_fails(
                self._read(socket),
                self._reconcile(socket),
                self._ping(socket),
                self._beat(socket),
                self._watch(),
            )
        except (_Idle, asyncio.CancelledError):
            graceful = True
            raise
        finally:
            if graceful:
                await socket.close()
            else:
                socket.transport.abort()  # a dead peer would be waited for

    def _signed_in(self) -> None:
        now = self._live_from = self._frame_at = self._data_at = _now()
        self._data_ns = self._clock.now_ns()
        self._bad_frames = 0
        self._subscriptions.connected()
        gap, self._gap = self._gap, None
        if gap is not None:
            ts_from, symbols, reason = gap
            self._on_gap(Gap(ts_from, self._clock.now_ns(), symbols, reason))
        if self._mutes == 0:
            self._set_state(StreamState.LIVE, "")
        if self.connects > 1:
            _log.info("stream_back", provider=self._label, after=self._attempts.failures, at=now)

    @staticmethod
    async def _until_first_fails(*works: Coroutine[object, object, None]) -> None:
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            if task in done:
                task.result()

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            frame = await socket.recv()
            self._frame_at = _now()
            received_ns = self._clock.now_ns()
            try:
                events = self._vendor.decode(frame, received_ns)
            except (MalformedFrame, ValueError, TypeError, LookupError, ArithmeticError) as error:
                self._count_bad_frame(error)
                continue
            self._bad_frames = 0
            self.outcomes.add(failed=False)
            for event in events:
                self._apply(event, received_ns)

    def _count_bad_frame(self, error: Exception) -> None:
        self.rejects["malformed"] += 1
        self.outcomes.add(failed=True)
        self._bad_frames += 1
        self._tell_once("malformed", f"{type(error).__name__}: {error}")
        if self._bad_frames > limits.STREAM_BAD_FRAMES_MAX:
            raise StreamLost(f"{self._label} sent {self._bad_frames} unreadable frames in a row.")

    def _apply(self, event: Event, received_ns: int) -> None:
        match event:
            case Tick():
                if event.symbol not in self._subscriptions.symbols:
                    self.rejects["unasked"] += 1
                    return
                self._book.take_tick(event, received_ns)
                self._data_came(received_ns)
            case Trade():
                if event.symbol not in self._subscriptions.symbols:
                    self.rejects["unasked"] += 1
                    return
                self._book.take_trade(event)
                self._data_came(received_ns)
            case TradingStatus():
                self._book.take_status(event)
            case Ack():
                self._subscriptions.acked(event.topics)
            case Complaint():
                self._hear(event)
            case Heartbeat():
                pass

    def _data_came(self, received_ns: int) -> None:
        self._data_at = _now()
        self._data_ns = self.last_update_ns = received_ns
        if self._mutes:
            self._mutes = 0
            self._set_state(StreamState.LIVE, "")

    def _hear(self, complaint: Complaint) -> None:
        self.rejects[f"complaint_{complaint.trouble}"] += 1
        self._tell_once(complaint.trouble, complaint.words)
        match complaint.trouble:
            case Trouble.TOKEN_EXPIRED:
                raise _TokenExpired
            case Trouble.REFUSED:
                raise StreamRefused(f"{self._label} refuses the stream: {complaint.words}.")
            case Trouble.RECONNECT:
                raise StreamLost(f"{self._label} ends the stream: {complaint.words}.")
            case Trouble.SYMBOLS_MAX:
                self._subscriptions.too_many()
            case Trouble.BAD_SYMBOL:
                until = _now() + self._timings.symbol_refused
                self._subscriptions.refuse(complaint.symbols, until)
            case Trouble.OTHER:
                self.outcomes.add(failed=True)

    async def _reconcile(self, socket: ClientConnection) -> None:
        """Bring what is subscribed towards what is wanted, one message at a time."""
        wanted_at = _now()
        while True:
            now = _now()
            if self._subscriptions.wanted:
                wanted_at = now
            elif now - wanted_at > self._timings.idle:
                raise _Idle
            change = self._subscriptions.change(now)
            if change is None:
                await self._wait_for_change(self._timings.reconcile)
                continue
            if not self._subscriptions.sent:
                self._data_at = now  # silence is counted from the first subscription on
            # Before the message goes out: its first tick may come while it is being sent.
            self._subscriptions.apply(change)
            self._book.keep_only(self._subscriptions.symbols)
            for frame in change.frames:
                await self._send(socket, frame)
                await asyncio.sleep(self._vendor.traits.spacing_seconds)

    async def _ping(self, socket: ClientConnection) -> None:
        while self._vendor.traits.answers_pings:
            await asyncio.sleep(self._timings.ping)
            asked_at = _now()
            try:
                async with asyncio.timeout(self._timings.pong):
                    await (await socket.ping())
            except TimeoutError:
                if self._frame_at < asked_at:
                    raise StreamLost(f"{self._label} answers no ping: the line is dead.") from None
        await asyncio.Event().wait()

    async def _beat(self, socket: ClientConnection) -> None:
        seconds = self._vendor.traits.heartbeat_seconds
        while seconds is not None:
            await asyncio.sleep(seconds)
            frame = self._vendor.heartbeat()
            if frame is not None:
                await self._send(socket, frame)
        await asyncio.Event().wait()

    async def _watch(self) -> None:
        """Find out that a connection which lives says nothing."""
        frames_due = self._timings.frame_silence or self._vendor.traits.frame_silence_seconds
        while True:
            bound = self._data_silence_bound()
            await asyncio.sleep(min(bound, frames_due or bound) / 8)
            now = _now()
            if frames_due is not None and now - self._frame_at > frames_due:
                raise StreamLost(f"{self._label} sent nothing at all for {frames_due:.0f} s.")
            if not self._subscriptions.sent or not self._ticking(self._clock.now_ns()):
                self._data_at = max(self._data_at, now - bound / 2)
            elif now - self._data_at > bound:
                self._mutes += 1
                raise StreamLost(f"{self._label} is connected and sends no data: it is mute.")

    def _data_silence_bound(self) -> float:
        """Return how long no data is normal: less for many symbols, more if nothing helped."""
        few = limits.STREAM_MUTE_SYMBOLS_MIN / max(len(self._subscriptions.symbols), 1)
        bound = self._timings.data_silence * min(max(few, 1.0), 12.0)
        return min(bound * 2.0 ** min(self._mutes, 16), self._timings.silence_max)

    async def _send(self, socket: ClientConnection, frame: Frame) -> None:
        async with asyncio.timeout(self._timings.handshake):
            await socket.send(frame)

    async def _wait_for_change(self, seconds: float | None = None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _live_seconds(self) -> float:
        return 0.0 if self._live_from is None else _now() - self._live_from

    def _lost(self, sentence: str) -> None:
        self.outcomes.add(failed=True)
        self._set_state(StreamState.STALE, sentence)

    def _note_gap(self) -> None:
        """Remember since when what was subscribed is not heard any more."""
        symbols = self._subscriptions.symbols
        if symbols:
            ts_from, before, _ = self._gap or (self._data_ns, frozenset(), "")
            self._gap = (ts_from, before | symbols, self.reason)
        self._subscriptions.connected()

    def _set_state(self, state: StreamState, reason: str) -> None:
        if state is not self.state:
            self.since_ns = self._clock.now_ns()
        self.state, self.reason = state, reason

    def _tell_once(self, key: str, words: str) -> None:
        if key not in self._told:
            self._told.add(key)
            _log.warning("stream_complaint", provider=self._label, kind=key, words=words[:200])


class _SocketWire:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: Frame) -> None:
        await self._socket.send(frame)

    async def receive(self) -> Frame:
        return await self._socket.recv()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _sentence(label: str, error: Exception) -> str:
    """Say what happened without the words of a library, which may hold an address."""
    match error:
        case ProviderUnavailable():
            return error.detail
        case ConnectionClosed():
            code = error.rcvd.code if error.rcvd is not None else "none"
            return f"{label} closed the stream (code {code})."
        case TimeoutError():
            return f"{label} did not answer in time."
        case _:
            return f"The stream of {label} cannot be reached ({type(error).__name__})."
