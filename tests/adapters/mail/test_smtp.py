"""Mail over a real SMTP conversation: with TLS, with refusals, with a server that is not there."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tools.ports import free_port

from optix.adapters.mail.smtp import Security, SMTPMail
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.ports.mail import MailRefused, MailUnavailable, Message

MESSAGE = Message(
    to="ada@example.com", subject="Grüße", text="Your code: 1234 5678", html="<p>1234 5678</p>"
)


class Mailbox:
    """What the server does with a mail."""

    def __init__(self, answer: str = "250 OK", recipient: str = "250 OK") -> None:
        self.answer = answer
        self.recipient = recipient
        self.received: list[bytes] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd calls it so
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # the same
        self.received.append(envelope.content)
        return self.answer


class Server(Controller):
    """A mail server that may want TLS and a login."""

    def __init__(self, mailbox: Mailbox, *, port: int, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        super().__init__(mailbox, hostname="127.0.0.1", port=port)

    def factory(self) -> SMTP:
        def authenticate(*_: Any) -> AuthResult:
            data = _[-1]
            right = data.login == b"optix" and data.password == b"right"
            return AuthResult(success=right, handled=False)

        return SMTP(
            self.handler,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            authenticator=authenticate,
            auth_required=self._tls is not None,
        )


@contextmanager
def serving(mailbox: Mailbox, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    port = free_port()
    server = Server(mailbox, port=port, tls=tls)
    server.start()
    try:
        yield port
    finally:
        server.stop()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1 and of its key."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of the tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return cert_file, key_file


def sender(
    port: int, *, security: Security = "none", password: str | None = None, ca: Path | None = None
) -> SMTPMail:
    return SMTPMail(
        host="127.0.0.1",
        port=port,
        security=security,
        username="optix" if password else None,
        password=password,
        sender="OPTIX <optix@example.org>",
        clock=SystemClock(),
        ca_file=str(ca) if ca else None,
    )


async def test_a_mail_arrives_whole_as_text_and_html() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        await sender(port).send(MESSAGE)
    mail = message_from_bytes(mailbox.received[0], policy=policy.default)
    assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Grüße")
    assert mail["From"] == "OPTIX <optix@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.org>")
    plain, html = (part.get_content().strip() for part in mail.iter_parts())
    assert (plain, html) == (MESSAGE.text, MESSAGE.html)


async def test_starttls_with_a_verified_certificate_and_a_login(
    certificate: tuple[Path, Path],
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    mailbox = Mailbox()
    with serving(mailbox, context) as port:
        good = sender(port, security="starttls", password="right", ca=certificate[0])
        await good.send(MESSAGE)
        assert len(mailbox.received) == 1
        stranger = sender(port, security="starttls", password="right")
        with pytest.raises(MailUnavailable):  # a certificate that nobody vouches for
            await stranger.send(MESSAGE)
        wrong = sender(port, security="starttls", password="wrong", ca=certificate[0])
        with pytest.raises(MailUnavailable, match="login"):
            await wrong.send(MESSAGE)
    assert len(mailbox.received) == 1


async def test_a_server_without_tls_gets_nothing_where_tls_is_wanted() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        with pytest.raises(MailUnavailable):
            await sender(port, security="starttls").send(MESSAGE)
        with pytest.raises(MailUnavailable):
            await sender(port, security="tls").send(MESSAGE)
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("mailbox", "error"),
    [
        (Mailbox("550 no"), MailRefused),
        (Mailbox("451 later"), MailUnavailable),
        (Mailbox(recipient="550 no such user"), MailRefused),
        (Mailbox(recipient="450 busy"), MailUnavailable),
    ],
)
async def test_what_the_server_says_decides_whether_it_is_tried_again(
    mailbox: Mailbox, error: type[Exception]
) -> None:
    with serving(mailbox) as port, pytest.raises(error):
        await sender(port).send(MESSAGE)


async def test_a_server_that_is_not_there_or_silent_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = int(silent.getsockname()[1])
        monkeypatch.setattr(limits, "MAIL_SECONDS_MAX", 0.2)
        async with asyncio.timeout(limits.MAIL_SECONDS_MAX * 100):
            with pytest.raises(MailUnavailable):
                await sender(port).send(MESSAGE)
    with pytest.raises(MailUnavailable):
        await sender(free_port()).send(MESSAGE)


@pytest.mark.parametrize("to", ["ada@example.com\r\nBcc: all@example.com", "a\nb@example.com"])
async def test_nobody_adds_headers_by_an_address(to: str) -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port, pytest.raises(MailRefused):
        await sender(port).send(Message(to=to, subject="s", text="t", html="h"))
    assert mailbox.received == []
