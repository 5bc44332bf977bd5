"""The token clock: tells people before a sign-in at a broker ends, and when it has.

What is owed is counted in `broker_connection.warned` and left behind in the same transaction, as a
job (the mail) and an event of the user (everything that is open). So each notice is left once,
whoever runs this and wherever a worker dies; a mail may be handed over twice where a mail server's
answer is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from optix.features.brokerage import repository_clock, rules
from optix.features.brokerage.models import BrokerConnection
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId
from optix.platform import jobs, user_events
from optix.platform.db import Database, WriteSession
from optix.platform.jobs import Arguments, Handler
from optix.ports.mail import MailSender, Message, written

TOKEN_CLOCK: Final = "brokerage.token_clock"  # noqa: S105  # the name of a job
MAIL_SIGN_IN: Final = "brokerage.mail_sign_in"
SCHEDULES: Final[Mapping[str, str]] = {TOKEN_CLOCK: "* * * * *"}
NEW_YORK: Final = ZoneInfo("America/New_York")
NOTICES_AT_ONCE: Final = 200  # of one transaction

AddressOf = Callable[[UserId], Awaitable[str | None]]


class TokenClock:
    """Effects: writes broker_connection; leaves jobs and events; sends mail.

    `address_of` gives the mail address of somebody, None for an account that is gone or disabled.
    """

    def __init__(
        self,
        database: Database,
        *,
        mail: MailSender,
        address_of: AddressOf,
        base_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._mail = mail
        self._address_of = address_of
        self._base_url = base_url
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {TOKEN_CLOCK: self.look, MAIL_SIGN_IN: self.mail_sign_in}

    async def look(self, _: Arguments) -> None:
        """Leave every notice that is owed, and have sign-ins that should be over tried now."""
        now = self._now()
        async with self._database.writing() as session:
            await repository_clock.hasten_ended(session, now)
        while True:
            async with self._database.writing() as session:
                found = await repository_clock.take_owed(session, now, most=NOTICES_AT_ONCE)
                for connection in found:
                    await self._tell(session, connection, now)
            if len(found) < NOTICES_AT_ONCE:
                return

    async def _tell(
        self, session: WriteSession, connection: BrokerConnection, now: datetime
    ) -> None:
        over = connection.state == "sign_in_needed"
        connection.warned = (
            rules.ENDED
            if over
            else rules.warnings_due(
                connection.login_ends,
                connection.warned,
                now,
                signed_in_at=connection.signed_in_at,
            )
        )
        ends = connection.login_ends
        about = f"{connection.id} {connection.signed_in_at.isoformat()} {connection.warned}"
        await user_events.leave(
            session,
            UserId(connection.user_id),
            "sync",
            "sign_in_ended" if over else "sign_in_ends",
            {
                "connection": str(connection.id),
                "label": connection.label,
                "login_ends": None if ends is None else ends.isoformat(),
            },
            at_ns=self._clock.now_ns(),
            key=about,
        )
        arguments = {
            "connection_id": str(connection.id),
            "signed_in_at": connection.signed_in_at.isoformat(),
            "notice": "ended" if over else "ends",
        }
        await jobs.enqueue(session, MAIL_SIGN_IN, arguments)

    async def mail_sign_in(self, arguments: Arguments) -> None:
        """Send one notice, unless the user has signed in anew, or ended it, meanwhile."""
        async with self._database.reading() as session:
            row = await repository_clock.find(session, UUID(arguments["connection_id"]))
        if row is None or row.signed_in_at.isoformat() != arguments["signed_in_at"]:
            return
        over = arguments["notice"] == "ended"
        if row.state != ("sign_in_needed" if over else "connected"):
            return
        to = await self._address_of(UserId(row.user_id))
        if to is None:
            return
        message = (
            ended(to, row.label, self._base_url)
            if over or row.login_ends is None
            else ends_soon(to, row.label, row.login_ends, self._now(), self._base_url)
        )
        await self._mail.send(message)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def ends_soon(to: str, label: str, ends: datetime, now: datetime, base_url: str) -> Message:
    """Return the warning, with what is left now: the mail may come later than it was left."""
    name = " ".join(label.split())
    hours = max(1, round((ends - now).total_seconds() / 3600))
    left = f"{hours} hours" if hours > 1 else "an hour"
    at = ends.astimezone(NEW_YORK)
    return written(
        to,
        f"Your sign-in at {name} ends in {left}",
        [
            (
                f"OPTIX can read {name} until {at:%A, %d %B, %H:%M} New York time. The broker asks "
                "you to sign in again then. Do it now, and nothing is interrupted:"
            ),
            f"{base_url}/brokerages",
            "What OPTIX has read stays. If you do nothing, it is shown with its age.",
        ],
    )


def ended(to: str, label: str, base_url: str) -> Message:
    name = " ".join(label.split())
    return written(
        to,
        f"Your sign-in at {name} has ended",
        [
            (
                f"{name} no longer lets OPTIX read your accounts. What was read stays as it is and "
                "gets old. Reconnect it here:"
            ),
            f"{base_url}/brokerages",
            "If you ended it at the broker yourself, there is nothing to do.",
        ],
    )
