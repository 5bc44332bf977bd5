"""A message of the product as the mail that travels (RFC 5322, plain text with an HTML twin)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr

from optix.ports.mail import MailRefused, Message


def to_mime(message: Message, *, sender: str, now: datetime) -> EmailMessage:
    """Return `message` ready to send. Errors: MailRefused if a header cannot be written.

    The header class refuses line breaks, so nobody's name or address can add headers of its own.
    """
    mail = EmailMessage()
    domain = parseaddr(sender)[1].partition("@")[2] or "localhost"
    try:
        mail["From"] = sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
    except ValueError as error:
        raise MailRefused("The address or the subject cannot stand in a mail.") from error
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = make_msgid(domain=domain)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies, please
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail
