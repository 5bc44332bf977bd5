"""Mail over SMTP (aiosmtplib): one connection for each mail, TLS with a verified certificate.

What the server answers decides: 5xx is for good, everything else may be tried again (RFC 5321,
4.2.1). A connection that breaks after the mail was handed over cannot be told from one that breaks
before, so somebody may get a mail twice.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import aiosmtplib

from optix.adapters.mail.mime import to_mime
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.ports.mail import MailRefused, MailUnavailable, Message

Security = Literal["starttls", "tls", "none"]
PERMANENT = range(500, 600)


class SMTPMail:
    """Implements `ports.mail.MailSender`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        username: str | None,
        password: str | None,
        sender: str,
        clock: Clock,
        ca_file: str | None = None,
    ) -> None:
        self._options: dict[str, Any] = {
            "hostname": host,
            "port": port,
            "use_tls": security == "tls",
            "start_tls": security == "starttls",
            "username": username,
            "password": password,
            "cert_bundle": ca_file,
            "timeout": limits.MAIL_SECONDS_MAX,
        }
        self._sender = sender
        self._clock = clock

    async def send(self, message: Message) -> None:
        """Effects: network. Errors: MailUnavailable, MailRefused."""
        mail = to_mime(message, sender=self._sender, now=to_datetime(self._clock.now_ns()))
        try:
            async with asyncio.timeout(limits.MAIL_SECONDS_MAX):
                await aiosmtplib.send(mail, **self._options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise _refusal(min(codes, default=450)) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            # Ours to mend, and then the mail can go.
            raise MailUnavailable("The mail server does not take our login.") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise MailUnavailable("The mail server does not answer.") from error


def _refusal(code: int) -> MailRefused | MailUnavailable:
    if code in PERMANENT:
        return MailRefused(f"The mail server refuses this mail ({code}).")
    return MailUnavailable(f"The mail server cannot take the mail now ({code}).")
