"""The portfolios that sockets of one market follow: each is live once, whatever follows it.

Whose portfolio it is is what the socket's verified token says (`Reader.owner`): no word of a client
names a user. What is held is loaded anew when the user's events say that it changed, when some of
them may have been missed, and every `PORTFOLIO_RELOAD_SECONDS`, because days begin.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from optix.features.market.lanes import MarketLane
from optix.features.portfolio.live import LivePortfolio
from optix.features.portfolio.service import PortfolioService
from optix.features.streaming import protocol
from optix.features.streaming.followed import Openings
from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.kernel.ids import UserId
from optix.platform.fanout.core import FanOut
from optix.platform.fanout.rows import LAYOUT_PORTFOLIO
from optix.platform.user_notices import Follower, Notice

log = structlog.get_logger(__name__)


class Notices(Protocol):
    """Who tells of the events of users (`platform.user_notices`)."""

    def follow(self, user_id: UserId, follower: Follower) -> None: ...
    def unfollow(self, user_id: UserId, follower: Follower) -> None: ...


class FollowedPortfolio:
    """One owner's portfolio, and the subscriptions to it."""

    def __init__(self, live: LivePortfolio, openings: Openings) -> None:
        self.live = live
        self.subscriptions: set[PortfolioSubscription] = set()
        self.is_open = False
        self.loaded_at = 0.0
        self._openings = openings
        self._loading = self._again = False

    def heard(self, notice: Notice | None) -> None:
        """Load anew where the positions may have changed."""
        event = None if notice is None else notice.event
        if event is None or event.channel == "portfolio":
            self.load()

    def load(self) -> None:
        """Load when there is room for it; once more where this is asked meanwhile."""
        if self._loading:
            self._again = True
            return
        self._loading = True
        self._openings.start(self._load)

    async def _load(self) -> None:
        error: OptixError | None = None
        anew = False
        try:
            anew = bool(self.subscriptions) and await self.live.load()
        except OptixError as failure:
            error = failure
        except Exception:
            log.exception("stream.portfolio_failed")
            error = OptixError("Something went wrong on our side.")
        self._loading = False
        self.loaded_at = asyncio.get_running_loop().time()
        if not self.subscriptions:
            self.live.close()
            return
        begun = self.is_open
        self.is_open = self.is_open or error is None
        for subscription in tuple(self.subscriptions):
            if error is not None and not begun:
                subscription.fail(error)
            elif self.is_open and (anew or not begun):
                subscription.begin()
        if self._again:
            self._again = False
            self.load()


class FollowedPortfolios:
    """All of one market. Without a service there are none to follow."""

    def __init__(
        self,
        lane: MarketLane,
        openings: Openings,
        service: PortfolioService | None,
        notices: Notices | None,
    ) -> None:
        self._lane = lane
        self._openings = openings
        self._service = service
        self._notices = notices
        self._followed: dict[UserId, FollowedPortfolio] = {}

    @property
    def served(self) -> bool:
        """Whether there are portfolios here."""
        return self._service is not None

    def follow(self, owner: UserId, subscription: PortfolioSubscription) -> FollowedPortfolio:
        """Let a subscription follow its owner's portfolio; it begins once that is loaded."""
        assert self._service is not None, "`served` was asked"
        followed = self._followed.get(owner)
        if followed is None:
            live = LivePortfolio(self._service, owner, self._lane.market, self._lane.book)
            followed = self._followed[owner] = FollowedPortfolio(live, self._openings)
            if self._notices is not None:
                self._notices.follow(owner, followed)
        followed.subscriptions.add(subscription)
        return followed

    def unfollow(self, owner: UserId, subscription: PortfolioSubscription) -> None:
        followed = self._followed[owner]
        followed.subscriptions.discard(subscription)
        if not followed.subscriptions:
            del self._followed[owner]
            if self._notices is not None:
                self._notices.unfollow(owner, followed)
            followed.live.close()

    async def run(self) -> None:
        """Value what is followed once in `PORTFOLIO_TICK_SECONDS`, one owner after the other."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            for followed in tuple(self._followed.values()):
                if followed.is_open and followed.subscriptions:
                    self._tick(followed, began)
                await asyncio.sleep(0)
            spent = loop.time() - began
            await asyncio.sleep(max(limits.PORTFOLIO_TICK_SECONDS - spent, 0.0))

    def _tick(self, followed: FollowedPortfolio, now: float) -> None:
        try:
            followed.live.tick()
        except Exception:  # one that breaks must not end the others
            log.exception("stream.portfolio_failed")
        if now - followed.loaded_at >= limits.PORTFOLIO_RELOAD_SECONDS:
            followed.load()


class Market(Protocol):
    """What a subscription needs of the market it is in."""

    stream: str
    fan: FanOut

    @property
    def portfolios(self) -> FollowedPortfolios: ...


class Reader(Protocol):
    """The socket of a subscription."""

    handle: int

    @property
    def market(self) -> Market: ...
    @property
    def owner(self) -> UserId: ...
    def send(self, payload: bytes) -> None: ...
    def fail(self, number: int, error: OptixError) -> None:
        """Tell the client that a subscription ended, and forget it."""


class PortfolioSubscription:
    """The owner's portfolio on one socket."""

    __slots__ = ("_followed", "_owner", "_reader", "_resume", "id")

    def __init__(self, reader: Reader, number: int, resume: protocol.Resume | None) -> None:
        self.id = number
        self._reader = reader
        self._owner = reader.owner
        self._resume = resume
        self._followed = reader.market.portfolios.follow(self._owner, self)

    def open(self) -> None:
        """Begin at once where somebody follows it already, else once it is loaded."""
        if self._followed.is_open:
            self.begin()
        else:
            self._followed.load()

    def begin(self) -> None:
        """Send everything, or go on where an earlier connection stood."""
        reader, live, resume = self._reader, self._followed.live, self._resume
        self._resume = None
        if reader.handle < 0:
            return  # its socket is about to be gone
        market, seen = reader.market, -1
        if (
            resume is not None
            and resume.stream == market.stream
            and live.listed <= resume.seen <= market.fan.sequence
        ):
            reader.send(protocol.frame("resumed", self.id, {"missing": []}))
            seen = resume.seen
        market.fan.subscribe(
            reader.handle,
            self.id,
            live.slots,
            live.header_slot,
            live.head() if seen < 0 else b"{}",
            layout=LAYOUT_PORTFOLIO,
            seen=seen,
        )

    def fail(self, error: OptixError) -> None:
        """End it: what is held cannot be read now."""
        self._reader.fail(self.id, error)

    def close(self) -> None:
        if self._reader.handle >= 0:  # else its whole client was taken out
            self._reader.market.fan.unsubscribe(self._reader.handle, self.id)
        self._reader.market.portfolios.unfollow(self._owner, self)
