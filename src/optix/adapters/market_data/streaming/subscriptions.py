"""What should be subscribed, what is, and the messages between the two. Pure but for its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optix.adapters.market_data.streaming.protocol import (
    Channel,
    Frame,
    StreamTraits,
    StreamVendor,
    Topic,
)


class Change(NamedTuple):
    """Messages to send, and what is subscribed once they are sent."""

    frames: list[Frame]
    topics: frozenset[Topic]


class Subscriptions:
    """One connection after another; limits and refusals that were learned outlive them."""

    def __init__(self, vendor: StreamVendor) -> None:
        self._vendor = vendor
        self._wanted: tuple[Topic, ...] = ()
        self._sent: frozenset[Topic] = frozenset()
        self._acked: frozenset[Topic] | None = None
        self._learned: dict[Channel, int] = {}
        self._refused: dict[str, float] = {}  # symbol to when it may be asked again
        self.symbols: frozenset[str] = frozenset()  # whose ticks are wanted on this connection

    @property
    def wanted(self) -> bool:
        return bool(self._wanted)

    @property
    def sent(self) -> frozenset[Topic]:
        return self._sent

    @property
    def places(self) -> dict[Channel, int]:
        """How many topics of each channel may be subscribed, where that is limited."""
        return {**self._traits.topics_max, **self._learned}

    @property
    def _traits(self) -> StreamTraits:
        return self._vendor.traits

    def want(self, topics: Sequence[Topic]) -> None:
        """Replace what should be subscribed, the most important first."""
        self._wanted = tuple(topics)

    def connected(self) -> None:
        """Begin a connection: nothing is subscribed on it."""
        self._sent = frozenset()
        self._acked = None
        self.symbols = frozenset()

    def acked(self, topics: frozenset[Topic] | None) -> None:
        self._acked = topics

    def refuse(self, symbols: frozenset[str], until: float) -> None:
        """Leave out symbols that the vendor does not stream."""
        self._refused.update(dict.fromkeys(symbols, until))
        self._sent = frozenset(topic for topic in self._sent if topic.symbol not in symbols)

    def too_many(self) -> None:
        """Learn a limit that the vendor did not document, and forget what was not taken."""
        for channel in Channel:
            sent = sum(topic.channel is channel for topic in self._sent)
            taken = sum(topic.channel is channel for topic in self._acked or ())
            if sent:
                self._learned[channel] = max(taken, sent * 3 // 4, 1)
        self._sent = self._acked or frozenset()

    def target(self, now: float) -> list[Topic]:
        """Return what of the wanted may be subscribed now, in its order."""
        left = self.places
        chosen = []
        for topic in self._wanted:
            if self._refused.get(topic.symbol, 0.0) > now:
                continue
            if left.get(topic.channel, 1) <= 0:
                continue
            if topic.channel in left:
                left[topic.channel] -= 1
            chosen.append(topic)
        return chosen

    def change(self, now: float) -> Change | None:
        """Return the next message and what it brings about; None where nothing is to be done."""
        target = self.target(now)
        wanted = frozenset(target)
        if wanted == self._sent or not (wanted or self._sent):
            return None
        if self._traits.replaces:
            return self._replace(target)
        dropped = sorted(self._sent - wanted)[: self._traits.batch_topics_max]
        if dropped:
            frames = list(self._vendor.unsubscribe(dropped))
            return Change(frames, self._sent - frozenset(dropped))
        added = [topic for topic in target if topic not in self._sent]
        batch = added[: self._traits.batch_topics_max]
        frames = list(self._vendor.subscribe(batch))
        while self._too_long(frames) and len(batch) > 1:
            batch = batch[: len(batch) // 2]
            frames = list(self._vendor.subscribe(batch))
        return Change(frames, self._sent | frozenset(batch))

    def apply(self, change: Change) -> None:
        self._sent = change.topics
        self.symbols = frozenset(topic.symbol for topic in change.topics)

    def _replace(self, target: list[Topic]) -> Change | None:
        if not target:
            return None  # a message without symbols is an error; the connection is given up soon
        frames = list(self._vendor.subscribe(target))
        while self._too_long(frames) and len(target) > 1:
            target = target[: len(target) * 9 // 10]
            frames = list(self._vendor.subscribe(target))
        topics = frozenset(target)
        return None if topics == self._sent else Change(frames, topics)

    def _too_long(self, frames: Sequence[Frame]) -> bool:
        return any(
            len(frame if isinstance(frame, bytes) else frame.encode())
            > self._traits.message_bytes_max
            for frame in frames
        )
