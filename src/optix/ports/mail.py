"""Sending mail: what the product asks of whoever carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from optix.kernel.errors import InvalidInput, Unavailable


class MailUnavailable(Unavailable):
    """The mail could not be handed over now. It may be tried again."""

    code = "mail_unavailable"


class MailRefused(InvalidInput):
    """The mail server does not take this mail, and will not take it later."""

    code = "mail_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One mail to one person. `text` says all; `html` says the same."""

    to: str
    subject: str
    text: str
    html: str


class MailSender(Protocol):
    """Hands mails over, one at a time."""

    async def send(self, message: Message) -> None:
        """Return when the mail is in somebody else's hands.

        Effects: network or a file.
        Retries: none; the caller's job does. Sending twice delivers twice.
        Errors:  MailUnavailable, MailRefused.
        """
