"""All sockets of this process, and which of them a change concerns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from optix.features.market.lanes import MarketLane, MarketLanes
from optix.features.streaming import protocol
from optix.features.streaming.session import Closing, StreamLane, StreamSession
from optix.kernel import limits
from optix.kernel.ids import SessionId, UserId


class LaneFollowers:
    """Wakes the sessions of one lane that follow what changed."""

    def __init__(self, lane: MarketLane) -> None:
        self._followers: dict[str, set[StreamSession]] = {}
        self._sessions: set[StreamSession] = set()
        lane.book.listen(self._changed)

    @property
    def topics(self) -> set[str]:
        """What anybody follows."""
        return set(self._followers)

    def enter(self, session: StreamSession) -> None:
        self._sessions.add(session)

    def leave(self, session: StreamSession) -> None:
        self._sessions.discard(session)

    def follow(self, session: StreamSession, topics: Iterable[str]) -> None:
        for topic in topics:
            self._followers.setdefault(topic, set()).add(session)

    def unfollow(self, session: StreamSession, topics: Iterable[str]) -> None:
        for topic in topics:
            followers = self._followers.get(topic)
            if followers is None:
                continue
            followers.discard(session)
            if not followers:
                del self._followers[topic]

    def _changed(self, topic: str) -> None:
        if topic == "status":
            for session in self._sessions:
                session.wake_for_status()
            return
        for session in self._followers.get(topic, ()):
            session.wake()


class StreamHub:
    """All sockets and their lanes. One per process."""

    def __init__(self, lanes: MarketLanes) -> None:
        self._lanes = lanes
        both = [lane for lane in (lanes.main, lanes.delayed) if lane is not None]
        self._followers = {lane.name: LaneFollowers(lane) for lane in both}
        self._streams = {
            lane.name: StreamLane(lane.book, lane.market, self._followers[lane.name])
            for lane in both
        }
        self._sessions: set[StreamSession] = set()
        self._per_user: Counter[UserId] = Counter()

    @property
    def topics(self) -> set[str]:
        """What anybody follows, in whatever lane."""
        return {topic for followers in self._followers.values() for topic in followers.topics}

    async def choose_lane(self, owner: UserId) -> StreamLane:
        """Raises MarketAgreementNeeded."""
        return self._streams[(await self._lanes.lane_of(owner)).name]

    @property
    def sockets(self) -> int:
        """How many sockets are open."""
        return len(self._sessions)

    def enter(self, session: StreamSession) -> None:
        """Admit a signed-in session. Raises Closing when its user has too many sockets."""
        assert session.user is not None, "authenticate first"
        if self._per_user[session.user.id] >= limits.SOCKETS_PER_USER_MAX:
            raise Closing(
                protocol.CLOSE_TOO_MANY_SOCKETS,
                f"{limits.SOCKETS_PER_USER_MAX} sockets are open for this account.",
            )
        self._per_user[session.user.id] += 1
        self._sessions.add(session)
        session.lane.followers.enter(session)

    def leave(self, session: StreamSession) -> None:
        if session not in self._sessions:
            return
        assert session.user is not None, "only signed-in sessions enter"
        self._sessions.discard(session)
        session.lane.followers.leave(session)
        self._per_user[session.user.id] -= 1
        if not self._per_user[session.user.id]:
            del self._per_user[session.user.id]

    def session_ended(self, session_id: SessionId) -> None:
        """Wake the sockets of a sign-in that has ended, wherever: they close themselves."""
        for session in self._sessions:
            if session.user is not None and session.user.session_id == session_id:
                session.wake()
