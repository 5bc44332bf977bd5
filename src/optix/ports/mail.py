"""Sending mail: what the product asks of whoever carries it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
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


def written(to: str, subject: str, paragraphs: Sequence[str]) -> Message:
    """Return a mail of paragraphs, signed. One that is an address becomes a link."""
    html = "".join(f"<p>{_linked(paragraph)}</p>" for paragraph in paragraphs)
    return Message(
        to=to,
        subject=subject,
        text="\n\n".join([*paragraphs, "OPTIX"]) + "\n",
        html=f'<!doctype html><html lang="en"><body>{html}<p>OPTIX</p></body></html>',
    )


def _linked(paragraph: str) -> str:
    text = escape(paragraph)
    return f'<a href="{text}">{text}</a>' if text.startswith(("http://", "https://")) else text


class MailSender(Protocol):
    """Hands mails over, one at a time."""

    async def send(self, message: Message) -> None:
        """Return when the mail is in somebody else's hands.

        Effects: network or a file.
        Retries: none; the caller's job does. Sending twice delivers twice.
        Errors:  MailUnavailable, MailRefused.
        """
