"""All sockets of this process, and which of them a change concerns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from optix.features.market.book import MarketBook
from optix.features.streaming import protocol
from optix.features.streaming.session import Closing, StreamSession
from optix.kernel import limits
from optix.kernel.ids import SessionId, UserId


class StreamHub:
    """Wakes the sessions that follow what changed. One per process."""

    def __init__(self, book: MarketBook) -> None:
        self._book = book
        self._followers: dict[str, set[StreamSession]] = {}
        self._sessions: set[StreamSession] = set()
        self._per_user: Counter[UserId] = Counter()
        book.listen(self._changed)

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

    def leave(self, session: StreamSession) -> None:
        if session not in self._sessions:
            return
        assert session.user is not None, "only signed-in sessions enter"
        self._sessions.discard(session)
        self._per_user[session.user.id] -= 1
        if not self._per_user[session.user.id]:
            del self._per_user[session.user.id]

    def session_ended(self, session_id: SessionId) -> None:
        """Wake the sockets of a sign-in that has ended, wherever: they close themselves."""
        for session in self._sessions:
            if session.user is not None and session.user.session_id == session_id:
                session.wake()

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
