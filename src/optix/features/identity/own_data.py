"""Taking one's data out, and deleting one's account with all that belongs to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from optix.features.identity import mails, repository
from optix.features.identity.accounts import get_account
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.sessions import Sessions, to_session, to_user
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId
from optix.platform import audit
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database, ReadSession
from optix.platform.origin import Origin

FORMAT: Final = "optix-export-1"

# What a feature keeps of somebody, in words that JSON has.
Section = Callable[[ReadSession, UserId], Awaitable[Any]]


class OwnData:
    """`sections` name what other modules add to an export."""

    def __init__(
        self,
        database: Database,
        *,
        sessions: Sessions,
        clock: Clock,
        sections: Mapping[str, Section] | None = None,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._clock = clock
        self._sections = dict(sections or {})

    async def export(self, user: AuthenticatedUser, origin: Origin) -> dict[str, Any]:
        """Return everything kept of `user`, without anything that would let somebody in.

        Effects: records the export.
        Errors:  AccountGone.
        """
        async with self._database.reading(owner=user.id) as session:
            account = await get_account(session, user.id)
            rows = await repository.list_sessions(session, user.id)
            found: dict[str, Any] = {
                "format": FORMAT,
                "exported_at": self._now().isoformat(),
                "account": to_user(account).model_dump(mode="json"),
                "sessions": [
                    to_session(row, user.session_id).model_dump(mode="json") for row in rows
                ],
            }
            for name, section in self._sections.items():
                found[name] = await section(session, user.id)
        # The trail is not the tenant's to read; what it says of this user is.
        async with self._database.reading() as session:
            found["security_events"] = await _events(session, user.id)
        event = SecurityEvent(kind="account.exported", user_id=user.id, session_id=user.session_id)
        await audit.record_alone(self._database, event, origin, self._now())
        return found

    async def delete(self, user: AuthenticatedUser, origin: Origin) -> None:
        """Delete the account. What the trail of security events says of it stays, for its time.

        Effects: deletes user_account and, by the database, all that belongs to it; leaves a job.
        Errors:  AccountGone.
        """
        async with self._database.writing() as session:
            account = await get_account(session, user.id)
            to = account.email
            ended = await self._sessions.end_all(session, user.id, "account deleted")
            await repository.delete_account(session, user.id)
            await mails.notify(session, user.id, "account_deleted", to=to)
            event = SecurityEvent(kind="account.deleted", user_id=user.id)
            await audit.record(session, event, origin, self._now())
        await self._sessions.announce(ended)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


async def _events(session: ReadSession, owner: UserId) -> list[dict[str, Any]]:
    found = await audit.list_events(session, user_id=owner, limit=limits.EXPORTED_EVENTS_MAX)
    return [
        {
            "at": recorded.at.isoformat(),
            "kind": recorded.event.kind,
            "outcome": recorded.event.outcome,
            "address": recorded.origin.address,
            "user_agent": recorded.origin.user_agent,
        }
        for recorded in found
    ]
