"""What the gateway needs of the ordered channel of docs/streaming.md, whoever brings it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from optix.features.streaming import protocol
from optix.kernel.errors import OptixError
from optix.kernel.ids import UserId


class EventsReader(Protocol):
    """A signed-in socket that may be sent events. All of it is called in the loop's thread."""

    @property
    def owner(self) -> UserId:
        """Whose events it may be sent, and nobody else's."""

    def send(self, payload: bytes) -> None:
        """Send a frame in order with all others of this socket that are not numbers.

        What the client does not read is bounded: in the end the socket is closed. Nothing is sent
        once it is.
        """

    def pending(self) -> int:
        """Return how many bytes of what was sent, and of a begun frame, wait for the client."""

    def close(self, code: int, reason: str) -> None:
        """End the socket."""

    def fail(self, number: int, error: OptixError) -> None:
        """Tell the client that a subscription ended, and forget it. Its `close` is called."""


class EventsSubscription(Protocol):
    """One subscription of one socket."""

    def close(self) -> None:
        """Stop sending. Called once: the client unsubscribed, or the socket is gone."""


class EventsSource(Protocol):
    """Gives the events of users to their sockets."""

    def subscribe(
        self,
        reader: EventsReader,
        number: int,
        channels: Sequence[str],
        after: protocol.EventsAfter | None,
    ) -> EventsSubscription:
        """Answer with an `events` frame, then send each event. Returns at once.

        Errors: OptixError for what may not be subscribed to; later ones go to `reader.fail`.
        """
