"""Mail on a development machine: written as .eml files into a folder, and told in the log.

Nothing leaves the machine. The log line holds the first code or link of the mail, so that somebody
who tries the product does not need a mail program. Production never wires this.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import structlog

from optix.adapters.mail.mime import to_mime
from optix.kernel.clock import Clock, to_datetime
from optix.ports.mail import MailUnavailable, Message

log = structlog.get_logger(__name__)

FOLDER_MODE = 0o700
FILE_MODE = 0o600

_USEFUL = re.compile(r"https?://\S+|\b\d{4} \d{4}\b")


class FolderMail:
    """Implements `ports.mail.MailSender`."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock

    async def send(self, message: Message) -> None:
        """Effects: writes one file. Errors: MailUnavailable, MailRefused."""
        now_ns = self._clock.now_ns()
        mail = to_mime(message, sender=self._sender, now=to_datetime(now_ns))
        name = f"{now_ns}-{re.sub('[^A-Za-z0-9@.-]', '_', message.to)[:80]}.eml"
        try:
            path = await asyncio.to_thread(self._write, name, bytes(mail))
        except OSError as error:
            raise MailUnavailable(f"The mail cannot be written to {self._folder}.") from error
        useful = _USEFUL.search(message.text)
        log.info(
            "mail_written",
            to=message.to,
            subject=message.subject,
            useful=useful.group() if useful else None,
            file=str(path),
        )

    def _write(self, name: str, content: bytes) -> Path:
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        path = self._folder / name
        part = path.with_suffix(".part")
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb"
        ) as out:
            out.write(content)
        part.rename(path)  # whoever watches the folder sees whole mails only
        return path
