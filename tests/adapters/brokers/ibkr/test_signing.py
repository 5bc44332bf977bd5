"""Signatures and keys: against RFC 5849, against the other side's own arithmetic, and bad ones."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.adapters.brokers.ibkr.worlds import IbkrWorld, worlds
from tests.contracts.broker import CALLBACK, STATE
from tests.fakes.brokers.ibkr import (
    ACCESS_TOKEN,
    ANSWER_EXPONENT,
    CONSUMER,
    PRIME,
    PRIME_HEX,
    SECRET,
    FakeIbkr,
    pem_of,
    typed,
)
from tests.fakes.provider_server import Reply

from optix.adapters.brokers.ibkr.adapter import LIVE_SECONDS_MAX
from optix.adapters.brokers.ibkr.keys import (
    FIELDS,
    KEY_BITS_MAX,
    TEST_CONSUMER,
    TEXT_LENGTH_MAX,
    keys_of,
    unfolded,
)
from optix.adapters.brokers.ibkr.signing import (
    Challenge,
    LiveAuth,
    base_string,
    header,
    signed_bytes,
)
from optix.kernel.clock import to_ns
from optix.kernel.errors import InvalidInput
from optix.ports.broker import (
    BrokerUnavailable,
    BrokerUnreadable,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)


def der(tag: int, content: bytes) -> bytes:
    """Write one element of X.690, by a road of its own."""
    size = f"{len(content):04x}"
    length = bytes((len(content),)) if len(content) < 128 else b"\x82" + bytes.fromhex(size)
    return bytes((tag,)) + length + content


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def parameters(content: bytes, name: str = "DH PARAMETERS") -> str:
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {name}-----\n{text}-----END {name}-----\n"


class TestTheChallenge:
    def test_both_sides_find_the_same_token(self) -> None:
        challenge = Challenge(keys_of(typed()))
        shared = pow(int(challenge.text, 16), ANSWER_EXPONENT, PRIME)
        of_java = shared.to_bytes((shared.bit_length() + 8) // 8, "big")
        live = hmac.new(of_java, SECRET, hashlib.sha1).digest()
        proof = hmac.new(live, CONSUMER.encode(), hashlib.sha1).hexdigest()
        told = challenge.answer(f"{pow(2, ANSWER_EXPONENT, PRIME):x}", proof)
        assert base64.b64decode(told) == live

    def test_each_one_is_another(self) -> None:
        keys = keys_of(typed())
        assert Challenge(keys).text != Challenge(keys).text
        assert Challenge(keys, 5).text == "20"

    @pytest.mark.parametrize("response", [0, 1, PRIME - 1, PRIME, PRIME + 1])
    def test_an_answer_that_everybody_could_compute_is_refused(self, response: int) -> None:
        """Also with the proof that fits it: of an even exponent there is but one shared number."""
        shared = pow(response, 6, PRIME)
        live = hmac.new(signed_bytes(shared), SECRET, hashlib.sha1).digest()
        proof = hmac.new(live, CONSUMER.encode(), hashlib.sha1).hexdigest()
        with pytest.raises(ValueError, match="everybody"):
            Challenge(keys_of(typed()), 6).answer(f"{response:x}", proof)

    @pytest.mark.parametrize("response", ["", "x", "-5"])
    def test_an_answer_that_is_no_number_is_refused(self, response: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            Challenge(keys_of(typed())).answer(response, "00")

    def test_an_answer_of_somebody_else_is_refused(self) -> None:
        with pytest.raises(ValueError, match="somebody else"):
            Challenge(keys_of(typed())).answer("4", "é" * 40)

    def test_numbers_are_written_as_java_does(self) -> None:
        assert signed_bytes(0x7F) == b"\x7f"
        assert signed_bytes(0x80) == b"\x00\x80"
        assert signed_bytes(0x1FF) == b"\x01\xff"
        dice = random.Random(5)
        for _ in range(200):
            number = dice.getrandbits(dice.randrange(1, 2049)) | 1
            written = signed_bytes(number)
            assert int.from_bytes(written, "big", signed=True) == number
            assert len(written) == 1 or written[0] or written[1] & 0x80, "no byte too many"


class TestTheHeader:
    def test_the_base_string_is_that_of_the_standard(self) -> None:
        """RFC 5849, section 3.4.1.1, with its duplicates and its escapes."""
        request = httpx.Request(
            "POST", "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
        )
        pairs = [
            ("b5", "=%3D"), ("a3", "a"), ("c@", ""), ("a2", "r b"),
            ("oauth_consumer_key", "9djdj82h48djs9d2"), ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"), ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"), ("c2", ""), ("a3", "2 q"),
        ]  # fmt: skip
        assert base_string(request, pairs) == (
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D"
            "%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce"
            "%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201"
            "%26oauth_token%3Dkkk9d7dh3k39sjv7"
        )

    def test_the_realm_is_that_of_the_consumer(self) -> None:
        assert header(CONSUMER, {}, b"").startswith('OAuth realm="limited_poa"')
        assert header(TEST_CONSUMER, {}, b"").startswith('OAuth realm="test_realm"')
        assert 'oauth_signature="%2B%2B%2B%2B"' in header(CONSUMER, {}, b"\xfb\xef\xbe")

    def test_each_request_has_a_nonce_of_its_own_and_the_clocks_second(self) -> None:
        class Clock:
            def now_ns(self) -> int:
                return to_ns(datetime(2026, 3, 4, tzinfo=UTC))

        values = {"live_session_token": base64.b64encode(b"key").decode()}
        auth = LiveAuth(lambda name: values.get(name, name), Clock())
        said = []
        for _ in range(2):
            request = httpx.Request("GET", "https://api.ibkr.com/v1/api/tickle")
            next(auth.auth_flow(request))
            said.append(request.headers["Authorization"])
        assert said[0] != said[1]
        assert all('oauth_timestamp="1772582400"' in text for text in said)


class TestKeys:
    def test_what_was_pasted_into_one_line_is_read(self) -> None:
        given = typed()
        assert "\n" not in given["signature_key"]
        keys = keys_of(given)
        assert keys.secret == SECRET
        assert (keys.prime, keys.generator) == (PRIME, 2)
        assert unfolded(given["signature_key"]) == pem_of("signature")
        shown = repr(keys)
        assert ACCESS_TOKEN not in shown
        assert "secret" not in shown
        assert str(PRIME) not in shown

    def test_parameters_are_read_from_their_file(self) -> None:
        text = parameters(der(0x30, integer(PRIME) + integer(5)))
        for pasted in (text, text.replace("\n", " ")):
            keys = keys_of({**typed(), "dh_parameters": pasted})
            assert (keys.prime, keys.generator) == (PRIME, 5)
        small = parameters(der(0x30, integer(PRIME) + integer(2) + integer(256)))
        assert keys_of({**typed(), "dh_parameters": small}).generator == 2

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            PRIME_HEX[:300],  # too small
            f"{PRIME - 1:x}",  # even
            f"{(1 << KEY_BITS_MAX) + 1:x}",  # too large
            parameters(b""),
            parameters(b"\x30"),
            parameters(der(0x30, b"")),
            parameters(der(0x30, integer(PRIME))),
            parameters(der(0x31, integer(PRIME) + integer(2))),
            parameters(der(0x30, der(4, b"x") + integer(2))),
            parameters(der(0x30, integer(PRIME) + integer(1))),
            parameters(der(0x30, integer(PRIME) + integer(PRIME))),
            parameters(der(0x30, integer(PRIME) + integer(2))[:-4]),
            parameters(b"\x30\x85\xff\xff\xff\xff\xff"),
            parameters(der(0x30, integer(PRIME) + integer(2)), "PUBLIC KEY"),
        ],
    )
    def test_parameters_that_are_none_are_refused(self, text: str) -> None:
        with pytest.raises(SignInRefused, match="Diffie"):
            keys_of({**typed(), "dh_parameters": text})

    @pytest.mark.parametrize("name", [each.name for each in FIELDS])
    @pytest.mark.parametrize("value", ["", "   ", "x" * (TEXT_LENGTH_MAX + 1), "\x00", 'a"b'])
    def test_a_field_that_does_not_fit_is_named_and_not_shown(self, name: str, value: str) -> None:
        with pytest.raises(SignInRefused) as refusal:
            keys_of({**typed(), name: value})
        assert refusal.value.__cause__ is None
        label = next(each.label for each in FIELDS if each.name == name)
        assert label.lower().removeprefix("private ") in refusal.value.detail.lower()

    def test_keys_of_other_kinds_are_refused(self) -> None:
        small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        for key in (small, ec.generate_private_key(ec.SECP256R1())):
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
            with pytest.raises(SignInRefused, match="signature key"):
                keys_of({**typed(), "signature_key": text})

    def test_a_key_with_a_passphrase_is_refused(self) -> None:
        key = serialization.load_pem_private_key(pem_of("signature").encode(), None)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        ).decode()
        with pytest.raises(SignInRefused, match="passphrase"):
            keys_of({**typed(), "signature_key": text})

    def test_a_secret_for_another_key_is_refused_or_becomes_another(self) -> None:
        """PKCS1 1.5 may decrypt to nonsense: then the other side cannot prove that it knows it."""
        with contextlib.suppress(SignInRefused):
            assert keys_of({**typed(), "encryption_key": pem_of("signature")}).secret != SECRET


class TestLiveSessions:
    @pytest.fixture
    async def world(self) -> Any:
        async with worlds(SignInKind.SIGNED_KEYS) as world:
            yield world

    @pytest.fixture
    def server(self, world: IbkrWorld) -> FakeIbkr:
        assert isinstance(world.server, FakeIbkr)
        return world.server

    async def test_it_begins_with_a_form_of_all_keys(self, world: IbkrWorld) -> None:
        start = await world.broker.begin(
            SignInRequest(kind=SignInKind.SIGNED_KEYS, callback_url=CALLBACK, state=STATE)
        )
        assert start.fields == FIELDS
        assert not start.url
        secret = {each.name for each in start.fields if each.secret}
        assert secret == {each.name for each in FIELDS} - {"consumer_key"}

    @pytest.mark.parametrize("kind", [SignInKind.OAUTH1, SignInKind.LOCAL_GATEWAY])
    async def test_other_ways_are_not_offered(self, world: IbkrWorld, kind: SignInKind) -> None:
        with pytest.raises(InvalidInput):
            await world.broker.begin(SignInRequest(kind=kind, callback_url=CALLBACK, state=STATE))
        world.by = kind
        with pytest.raises(InvalidInput):
            await world.sign_in()

    async def test_it_ends_after_a_day_and_the_sign_in_does_not(self, world: IbkrWorld) -> None:
        grant = await world.sign_in()
        assert grant.access_ends == world.clock.now.replace(microsecond=0) + timedelta(days=1)
        assert grant.login_ends is None
        renewed = await world.broker.renew(grant.credentials)
        assert renewed.login_key == grant.login_key == "U1234567"
        changed = {
            name
            for name in grant.credentials
            if grant.credentials[name] != renewed.credentials[name]
        }
        assert changed == {"live_session_token"}

    async def test_an_end_far_away_is_not_believed(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        server.now_ms += 365 * 86_400_000
        grant = await world.sign_in()
        assert grant.access_ends == world.clock.now + timedelta(seconds=LIVE_SECONDS_MAX)

    async def test_one_that_has_ended_speaks_of_the_clock(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        server.now_ms -= 2 * 86_400_000
        with pytest.raises(BrokerUnavailable, match="clock"):
            await world.sign_in()

    async def test_an_answer_without_proof_is_unreadable(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        wrong = {
            "diffie_hellman_response": "5",
            "live_session_token_signature": "00",
            "live_session_token_expiration": server.now_ms,
        }
        server.scripted.append(Reply(wrong))
        with pytest.raises(BrokerUnreadable, match="prove"):
            await world.sign_in()

    async def test_keys_that_are_taken_back_ask_the_user_back(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        grant = await world.sign_in()
        server.end_login()
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_without_keys_there_is_nothing_to_renew(self, world: IbkrWorld) -> None:
        with pytest.raises(SignInNeeded):
            await world.broker.renew({})

    async def test_keys_that_are_not_taken_are_refused(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        server.takes_keys = False
        with pytest.raises(SignInRefused, match="does not take these keys"):
            await world.sign_in()

    async def test_keys_that_may_not_read_are_refused(
        self, world: IbkrWorld, server: FakeIbkr
    ) -> None:
        shut = Reply(b"", status=401)
        server.routes.insert(0, ("POST", "/v1/api/tickle", lambda _: shut))
        with pytest.raises(SignInRefused):
            await world.sign_in()

    async def test_to_disconnect_ends_the_session(self, world: IbkrWorld, server: FakeIbkr) -> None:
        grant = await world.sign_in()
        await world.broker.revoke(grant.credentials)
        assert server.live == set()
        await world.broker.revoke(grant.credentials)  # that it had ended already is well
        assert not world.broker.capabilities.revocable, "the keys are taken back by their user"
