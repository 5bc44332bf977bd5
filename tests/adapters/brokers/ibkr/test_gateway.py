"""The operator's gateway: whose address it may be, who may read through it, what proves it."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from tests.adapters.brokers.ibkr.worlds import NOW_MS, IbkrWorld, MovingClock, worlds
from tests.contracts.broker import CALLBACK, STATE
from tests.fakes.brokers.ibkr import ACCOUNT, PASSPHRASE, FakeIbkr, account_row, key_of
from tests.fakes.provider_server import Reply

from optix.adapters.brokers.ibkr import IbkrApp, IbkrBroker
from optix.adapters.brokers.ibkr.gateway import (
    PASSPHRASE_LENGTH_MIN,
    WrongGateway,
    checked_address,
    page_of,
)
from optix.kernel import limits
from optix.ports.broker import (
    BrokerUnavailable,
    Grant,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

LOCAL = SignInKind.LOCAL_GATEWAY


@pytest.fixture
async def world() -> AsyncIterator[IbkrWorld]:
    async with worlds(LOCAL) as world:
        yield world


@pytest.fixture
def server(world: IbkrWorld) -> FakeIbkr:
    assert isinstance(world.server, FakeIbkr)
    return world.server


class TestTheAddress:
    @pytest.mark.parametrize(
        "text",
        [
            "https://localhost:5000/v1/api",
            "http://localhost:5000/v1/api",
            "http://127.0.0.1:5000/v1/api",
            "https://[::1]:5000/v1/api",
            "https://192.168.1.20:5000/v1/api",
            "https://10.0.0.5/v1/api",
            "https://[fd12:3456::1]:5000/v1/api",
            "https://gateway:5000/v1/api",
            "https://ib.home.arpa:5000/v1/api",
            "https://ib.office.internal/v1/api/",
        ],
    )
    def test_the_own_machine_and_private_networks_are_taken(self, text: str) -> None:
        assert checked_address(text) == text.rstrip("/")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "localhost:5000",
            "ftp://localhost/v1/api",
            "http://192.168.1.20:5000/v1/api",  # in the clear over a network
            "http://gateway:5000/v1/api",
            "https://8.8.8.8/v1/api",
            "https://gateway.example.com/v1/api",
            "https://localhost.example.com/v1/api",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1]/v1/api",
            "https://0.0.0.0:5000/v1/api",
            "https://224.0.0.1/v1/api",
            "https://2130706433/v1/api",  # 127.0.0.1 as one number
            "https://0xa9fea9fe/v1/api",  # 169.254.169.254
            "https://me:secret@localhost:5000/v1/api",
            "https://localhost:5000/v1/api?x=1",
            "https://localhost:5000/v1/api#x",
            "https://local host/",
            "https://",
            "https://localhost:99999999/",
            "https://localhost:x/",
            "https://[::1",
        ],
    )
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(WrongGateway):
            checked_address(text)

    def test_settings_that_are_wrong_are_told_at_once(self) -> None:
        wiring = MovingClock().wiring
        good = IbkrApp(
            gateway_url="https://localhost:5000/v1/api",
            gateway_passphrase=SecretStr("x" * PASSPHRASE_LENGTH_MIN),
        )
        assert LOCAL in IbkrBroker(good, wiring).capabilities.sign_in
        assert LOCAL not in IbkrBroker(IbkrApp(), wiring).capabilities.sign_in
        short = SecretStr("x" * (PASSPHRASE_LENGTH_MIN - 1))
        for wrong in (
            IbkrApp(gateway_url="https://example.com", gateway_passphrase=good.gateway_passphrase),
            IbkrApp(gateway_url=good.gateway_url),
            IbkrApp(gateway_url=good.gateway_url, gateway_passphrase=short),
            IbkrApp(
                gateway_url=good.gateway_url,
                gateway_passphrase=good.gateway_passphrase,
                gateway_certificate="no certificate",
            ),
        ):
            with pytest.raises(WrongGateway):
                IbkrBroker(wrong, wiring)


class TestSigningIn:
    async def test_the_user_goes_to_the_gateways_own_page_and_knows_the_passphrase(
        self, world: IbkrWorld
    ) -> None:
        start = await world.broker.begin(
            SignInRequest(kind=LOCAL, callback_url=CALLBACK, state=STATE)
        )
        assert start.url == page_of(world.app.gateway_url) == f"{world.server.base_url}/"
        assert start.copies_code
        assert [(each.name, each.secret) for each in start.fields] == [("passphrase", True)]
        assert start.seconds == limits.BROKER_FLOW_SECONDS_MAX

    async def test_the_passphrase_is_asked_for_before_the_gateway_is(
        self, world: IbkrWorld
    ) -> None:
        with pytest.raises(SignInRefused):
            await world.sign_in(passphrase="another-passphrase")
        with pytest.raises(SignInRefused):
            await world.sign_in(passphrase="ünd")
        assert not world.server.asked

    async def test_the_sign_in_is_one_of_a_day(self, world: IbkrWorld) -> None:
        grant = await world.sign_in()
        assert grant.login_ends == world.clock.now + dt.timedelta(days=1)
        assert grant.access_ends is None, "nothing is renewed without the user"
        assert PASSPHRASE not in grant.credentials.values()
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_nobody_at_the_gateway_is_no_sign_in(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        server.signed_in = False
        with pytest.raises(SignInRefused):
            await world.sign_in()

    async def test_a_gateway_that_points_to_its_page_has_nobody_signed_in(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        session = await world.open()
        server.scripted.append(Reply(b"", status=302, headers={"Location": "/sso/Login"}))
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_somebody_else_at_the_gateway_is_not_read(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        session = await world.open()
        assert [each.key for each in await session.list_accounts()] == [ACCOUNT]
        server.account_rows = [account_row("U7654321")]
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_to_disconnect_leaves_the_gateway_alone(self, world: IbkrWorld) -> None:
        grant = await world.sign_in()
        before = len(world.server.asked)
        await world.broker.revoke(grant.credentials)
        assert len(world.server.asked) == before

    async def test_a_connection_outlives_no_gateway(self, world: IbkrWorld) -> None:
        grant = await world.sign_in()
        without = IbkrBroker(IbkrApp(), world.clock.wiring)

        async def keep(grant: Grant) -> None:
            raise AssertionError(grant)

        with pytest.raises(SignInNeeded):
            without.open(grant.credentials, renew=keep, log=world.notes)


def certificate(key_name: str, names: list[x509.GeneralName]) -> str:
    """Return a certificate that a gateway made itself."""
    key = key_of(key_name)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Client Portal Gateway")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2090, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def own() -> str:
    """Return the gateway's, for a name that nobody asks for."""
    return certificate("signature", [x509.DNSName("nobody.invalid")])


def another() -> str:
    """Return somebody else's, for the right address."""
    return certificate("encryption", [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


class TestTheCertificate:
    @pytest.fixture
    async def url(self, tmp_path: Path) -> AsyncIterator[str]:
        file = tmp_path / "gateway.pem"
        key = key_of("signature").private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_text(own() + key.decode(), encoding="utf-8")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        fake = FakeIbkr(NOW_MS, as_gateway=True)
        server = await asyncio.start_server(fake._follow_client, "127.0.0.1", 0, ssl=context)
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/api"
        server.close()
        for writer in list(fake._writers):
            writer.close()

    async def sign_in(self, url: str, pinned: str) -> str:
        app = IbkrApp(
            gateway_url=url,
            gateway_passphrase=SecretStr(PASSPHRASE),
            gateway_certificate=pinned,
        )
        broker = IbkrBroker(app, MovingClock().wiring)
        answer = SignInAnswer(kind=LOCAL, callback_url=CALLBACK, values={"passphrase": PASSPHRASE})
        return (await broker.complete(answer)).login_key

    async def test_the_one_that_the_operator_named_is_trusted(self, url: str) -> None:
        assert await self.sign_in(url, own()) == ACCOUNT

    @pytest.mark.parametrize("pinned", ["", "another"])
    async def test_no_other_is(self, url: str, pinned: str) -> None:
        with pytest.raises(BrokerUnavailable):
            await self.sign_in(url, pinned and another())
