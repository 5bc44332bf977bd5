"""What a signed-in client says, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from optix.features.streaming import protocol
from optix.features.streaming.connection import slices_of
from optix.features.streaming.portfolios import PortfolioSubscription
from optix.features.streaming.subscriptions import ChainSubscription, QuotesSubscription
from optix.kernel import limits
from optix.kernel.errors import Conflict, OptixError, Unavailable

if TYPE_CHECKING:
    from optix.features.streaming.connection import Connection
    from optix.features.streaming.events_source import EventsSource

log = structlog.get_logger(__name__)


class TooManySubscriptions(Conflict):
    """The socket follows as much as one socket may."""

    code = "too_many_subscriptions"
    next_step = "Unsubscribe from something first."


class DuplicateSubscription(Conflict):
    """The client used a subscription id twice."""

    code = "duplicate_subscription"
    next_step = "Use a new id for each subscription."


class EventsUnavailable(Unavailable):
    """This gateway has no events to give."""

    code = "events_unavailable"


class PortfolioUnavailable(Unavailable):
    """This gateway knows no portfolios."""

    code = "portfolio_unavailable"


class Conversation:
    """Understands requests. One for all sockets of a gateway: the state is theirs."""

    def __init__(self, events: EventsSource | None) -> None:
        self._events = events

    def answer(self, connection: Connection, request: protocol.Request) -> None:
        """Do what a signed-in client asks; `auth` is the gateway's. Errors become error frames."""
        match request:
            case protocol.Ping():
                connection.send(protocol.frame("pong", request.t))
            case protocol.Tune():
                connection.market.fan.set_interval(
                    connection.handle, slices_of(request.interval_ms)
                )
            case protocol.Unsubscribe():
                connection.drop(request.id)
                connection.send(protocol.frame("ended", request.id))
            case protocol.Subscribe():
                try:
                    self._subscribe(connection, request)
                except OptixError as error:
                    connection.send(protocol.error_frame(error, request.id))

    def _subscribe(self, connection: Connection, request: protocol.Subscribe) -> None:
        if request.id in connection.subscriptions:
            raise DuplicateSubscription(f"The id {request.id} is in use.")
        if request.chain is not None:
            self._follow_chain(connection, request, request.chain)
        elif request.quotes is not None:
            self._follow_quotes(connection, request)
        elif request.portfolio is not None:
            self._follow_portfolio(connection, request)
        else:
            self._follow_events(connection, request)

    def _follow_quotes(self, connection: Connection, request: protocol.Subscribe) -> None:
        symbols, refused = request.symbols(connection.market.followed.symbols)
        # Each costs a place, also one without a readable symbol or with a symbol of another:
        # they all take memory and work.
        followed = sum(
            other.cost
            for other in connection.subscriptions.values()
            if isinstance(other, QuotesSubscription)
        )
        if followed + max(1, len(symbols)) > limits.SOCKET_QUOTES_MAX:
            raise TooManySubscriptions(
                f"A socket follows {limits.SOCKET_QUOTES_MAX} quotes at the most."
            )
        subscription = QuotesSubscription(connection, request.id, symbols, refused, request.resume)
        connection.subscriptions[request.id] = subscription
        subscription.open()

    def _follow_chain(
        self, connection: Connection, request: protocol.Subscribe, chain: protocol.ChainRequest
    ) -> None:
        followed = [
            other
            for other in connection.subscriptions.values()
            if isinstance(other, ChainSubscription)
        ]
        if len(followed) >= limits.SOCKET_CHAINS_MAX:
            raise TooManySubscriptions(
                f"A socket follows {limits.SOCKET_CHAINS_MAX} chains at the most."
            )
        subscription = ChainSubscription(connection, request.id, chain, request.resume)
        connection.subscriptions[request.id] = subscription
        subscription.open()

    def _follow_portfolio(self, connection: Connection, request: protocol.Subscribe) -> None:
        if not connection.market.portfolios.served:
            raise PortfolioUnavailable("This server has no portfolios to send.")
        if any(isinstance(it, PortfolioSubscription) for it in connection.subscriptions.values()):
            raise TooManySubscriptions("A socket follows its portfolio once.")
        subscription = PortfolioSubscription(connection, request.id, request.resume)
        connection.subscriptions[request.id] = subscription
        subscription.open()

    def _follow_events(self, connection: Connection, request: protocol.Subscribe) -> None:
        if self._events is None:
            raise EventsUnavailable("This server has no events to send.")
        if any(
            not isinstance(other, QuotesSubscription | ChainSubscription | PortfolioSubscription)
            for other in connection.subscriptions.values()
        ):
            raise TooManySubscriptions("A socket has one subscription to events at a time.")
        assert request.events is not None, "it is about one thing"
        connection.subscriptions[request.id] = self._events.subscribe(
            connection, request.id, request.events, request.after
        )
