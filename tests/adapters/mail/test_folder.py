"""Mail on a development machine: whole files for us alone, and a useful log line."""

from __future__ import annotations

import stat
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from optix.adapters.mail.folder import FolderMail
from optix.kernel.clock import SystemClock
from optix.ports.mail import MailUnavailable, Message

SENDER = "OPTIX <optix@localhost>"


def message(text: str, to: str = "ada@example.com") -> Message:
    return Message(to=to, subject="Hello", text=text, html=f"<p>{text}</p>")


async def test_a_mail_is_a_file_that_a_mail_program_opens(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    await FolderMail(folder, sender=SENDER, clock=SystemClock()).send(message("Hi"))
    (path,) = folder.glob("*.eml")
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (mail["To"], mail["From"], mail["Subject"]) == ("ada@example.com", SENDER, "Hello")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == [path], "no part is left"


@pytest.mark.parametrize(
    ("text", "useful"),
    [
        ("Type this: 1234 5678 now", "1234 5678"),
        ("Open https://optix.example.org/reset-password#token=abc now", "https://"),
        ("Nothing to do", None),
    ],
)
async def test_the_log_says_the_code_or_the_link(
    tmp_path: Path, text: str, useful: str | None
) -> None:
    with capture_logs() as lines:
        await FolderMail(tmp_path, sender=SENDER, clock=SystemClock()).send(message(text))
    (line,) = [line for line in lines if line["event"] == "mail_written"]
    said = line["useful"]
    assert said is None if useful is None else said.startswith(useful)


async def test_an_address_chooses_no_other_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    strange = message("Hi", to='"../../x/y"@example.com')
    await FolderMail(folder, sender=SENDER, clock=SystemClock()).send(strange)
    (path,) = folder.glob("*.eml")
    assert path.parent == folder
    assert [p.name for p in tmp_path.iterdir()] == ["mail"]  # noqa: ASYNC240  # one entry


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    blocked = tmp_path / "mail"
    blocked.write_text("a file in the way")
    with pytest.raises(MailUnavailable):
        await FolderMail(blocked, sender=SENDER, clock=SystemClock()).send(message("Hi"))
