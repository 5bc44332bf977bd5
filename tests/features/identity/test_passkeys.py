"""Passkeys without a database: a device with real keys answers, and lies in every way it can."""

from __future__ import annotations

import secrets
from copy import deepcopy
from typing import Any

import pytest
from tests.fakes.authenticator import Authenticator, encode, tampered

from optix.features.identity.passkeys import (
    CREDENTIAL_ID_BYTES_MAX,
    KnownPasskey,
    NewPasskey,
    PasskeyRefused,
    PasskeysImpossible,
    RelyingParty,
    Signed,
    credential_id_of,
)
from optix.features.identity.schemas_factors import Assertion, NewCredential

USER = b"0123456789abcdef"
HERE = RelyingParty("http://localhost:8000", ["android:apk-key-hash:aGFzaA"])


def create(device: Authenticator, party: RelyingParty = HERE) -> tuple[bytes, dict[str, Any]]:
    challenge, options = party.registration_options(
        user_handle=USER, email="ada@example.com", display_name="Ada", known=()
    )
    return challenge, device.create(options)


def registered(device: Authenticator) -> KnownPasskey:
    challenge, answer = create(device)
    new = HERE.verify_registration(NewCredential.model_validate(answer), challenge)
    return KnownPasskey(new.credential_id, new.public_key, new.synced, new.transports)


def verify_new(answer: dict[str, Any], challenge: bytes) -> NewPasskey:
    return HERE.verify_registration(NewCredential.model_validate(answer), challenge)


def verify(answer: dict[str, Any], challenge: bytes, known: KnownPasskey) -> Signed:
    given = Assertion.model_validate(answer)
    return HERE.verify_assertion(given, challenge, known, user_handle=USER)


class TestOptions:
    def test_creation_wants_a_discoverable_key_and_a_verified_user(self) -> None:
        _, options = HERE.registration_options(
            user_handle=USER, email="ada@example.com", display_name="", known=()
        )
        assert options["rp"] == {"name": "OPTIX", "id": "localhost"}
        assert options["user"]["displayName"] == "ada@example.com"
        assert options["authenticatorSelection"]["residentKey"] == "required"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert options["attestation"] == "none"

    def test_every_challenge_is_new_and_long(self) -> None:
        challenges = {HERE.authentication_options()[0] for _ in range(50)}
        assert len(challenges) == 50
        assert min(map(len, challenges)) >= 32

    def test_a_known_passkey_is_excluded_from_making_and_named_for_signing(self) -> None:
        known = registered(Authenticator())
        _, creation = HERE.registration_options(
            user_handle=USER, email="a@b.example", display_name="", known=[known]
        )
        _, request = HERE.authentication_options([known])
        wanted = {
            "id": encode(known.credential_id),
            "type": "public-key",
            "transports": ["internal", "hybrid"],
        }
        assert creation["excludeCredentials"] == [wanted]
        assert request["allowCredentials"] == [wanted]

    @pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://[::1]:8000"])
    def test_under_a_number_there_are_no_passkeys(self, address: str) -> None:
        with pytest.raises(PasskeysImpossible):
            RelyingParty(address).authentication_options()


class TestRegistration:
    def test_a_synced_passkey_is_taken_with_its_flags(self) -> None:
        challenge, answer = create(Authenticator())
        new = verify_new(answer, challenge)
        assert (new.synced, new.backed_up, new.sign_count) == (True, True, 0)
        assert new.transports == ("internal", "hybrid")

    def test_self_attestation_is_taken(self) -> None:
        challenge, answer = create(Authenticator(attestation="packed", synced=False))
        assert not verify_new(answer, challenge).synced

    def test_a_native_app_of_ours_is_an_origin_too(self) -> None:
        challenge, answer = create(Authenticator(origin="android:apk-key-hash:aGFzaA"))
        assert verify_new(answer, challenge).credential_id

    @pytest.mark.parametrize(
        "device",
        [
            Authenticator(origin="https://evil.example"),
            Authenticator(origin="http://localhost:8001"),
            Authenticator(origin="http://localhost.evil.example:8000"),
            Authenticator(verifies_user=False),
            Authenticator(cross_origin=True),
            Authenticator(attestation="fido-u2f"),
            Authenticator(attestation="android-safetynet"),
        ],
        ids=["site", "port", "suffix", "no user", "frame", "u2f", "safetynet"],
    )
    def test_an_answer_from_elsewhere_or_of_another_kind_is_refused(
        self, device: Authenticator
    ) -> None:
        challenge, answer = create(device)
        with pytest.raises(PasskeyRefused):
            verify_new(answer, challenge)

    def test_another_challenge_is_refused(self) -> None:
        _, answer = create(Authenticator())
        with pytest.raises(PasskeyRefused):
            verify_new(answer, secrets.token_bytes(64))

    def test_a_key_for_another_relying_party_is_refused(self) -> None:
        device = Authenticator()
        challenge, options = HERE.registration_options(
            user_handle=USER, email="a@b.example", display_name="", known=()
        )
        with pytest.raises(PasskeyRefused):
            verify_new(device.create(options, rp_id="evil.example"), challenge)

    def test_an_answer_to_signing_is_no_answer_to_making(self) -> None:
        device = Authenticator()
        registered(device)
        challenge, options = HERE.registration_options(
            user_handle=USER, email="a@b.example", display_name="", known=()
        )
        answer = device.create(options)
        signed = device.sign(device.keys[-1], options["challenge"])
        answer["response"]["clientDataJSON"] = signed["response"]["clientDataJSON"]
        with pytest.raises(PasskeyRefused):
            verify_new(answer, challenge)

    @pytest.mark.parametrize("member", ["clientDataJSON", "attestationObject"])
    @pytest.mark.parametrize(
        "junk", ["", "A", "!!!!", "bnVsbA", "W10", "AAAA" * 500, encode(b"\x9f" * 5_000), "ü"]
    )
    def test_junk_is_refused_and_never_a_bug(self, member: str, junk: str) -> None:
        challenge, answer = create(Authenticator())
        answer["response"][member] = junk
        with pytest.raises(PasskeyRefused):
            verify_new(answer, challenge)

    def test_a_credential_id_may_be_as_long_as_the_standard_says_and_not_longer(self) -> None:
        for length, right in (
            (CREDENTIAL_ID_BYTES_MAX, True),
            (CREDENTIAL_ID_BYTES_MAX + 1, False),
        ):
            challenge, options = HERE.registration_options(
                user_handle=USER, email="a@b.example", display_name="", known=()
            )
            answer = Authenticator().create(options, credential_id=b"x" * length)
            if right:
                assert len(verify_new(answer, challenge).credential_id) == length
            else:
                with pytest.raises(PasskeyRefused):
                    verify_new(answer, challenge)


class TestSigning:
    def test_a_right_signature_says_counter_and_backup(self) -> None:
        device = Authenticator(counts=True)
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        device.backed_up = False
        assert verify(device.get(options), challenge, known) == Signed(1, backed_up=False)

    @pytest.mark.parametrize(
        "lie",
        [
            {"origin": "https://evil.example"},
            {"verifies_user": False},
            {"cross_origin": True},
            {"synced": False},
        ],
        ids=lambda lie: next(iter(lie)),
    )
    def test_a_device_that_says_something_else_than_before_is_refused(
        self, lie: dict[str, Any]
    ) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        for name, value in lie.items():
            setattr(device, name, value)
        with pytest.raises(PasskeyRefused):
            verify(device.get(options), challenge, known)

    def test_a_signature_for_an_older_challenge_is_refused(self) -> None:
        device = Authenticator()
        known = registered(device)
        _, options = HERE.authentication_options([known])
        with pytest.raises(PasskeyRefused):
            verify(device.get(options), HERE.authentication_options()[0], known)

    @pytest.mark.parametrize("member", ["signature", "authenticatorData", "clientDataJSON"])
    def test_one_turned_bit_is_refused(self, member: str) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        with pytest.raises(PasskeyRefused):
            verify(tampered(device.get(options), member), challenge, known)

    def test_another_key_under_the_same_id_is_refused(self) -> None:
        device, thief = Authenticator(), Authenticator()
        known = registered(device)
        registered(thief)
        thief.keys[0].id = device.keys[0].id
        challenge, options = HERE.authentication_options([known])
        with pytest.raises(PasskeyRefused):
            verify(thief.get(options), challenge, known)

    def test_a_passkey_of_somebody_else_is_refused(self) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        device.keys[0].user_handle = b"somebody else's."
        with pytest.raises(PasskeyRefused):
            verify(device.get(options), challenge, known)

    def test_a_device_that_says_no_user_is_taken_where_the_key_is_known(self) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        answer = device.get(options)
        answer["response"]["userHandle"] = None
        assert verify(answer, challenge, known).sign_count == 0

    @pytest.mark.parametrize("member", ["id", "rawId"])
    def test_two_ids_that_differ_are_refused(self, member: str) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        answer = deepcopy(device.get(options))
        answer[member] = encode(b"another")
        with pytest.raises(PasskeyRefused):
            verify(answer, challenge, known)

    @pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature"])
    @pytest.mark.parametrize("junk", ["", "A", "!!!!", "bnVsbA", "AAAA" * 500, "ü"])
    def test_junk_is_refused_and_never_a_bug(self, member: str, junk: str) -> None:
        device = Authenticator()
        known = registered(device)
        challenge, options = HERE.authentication_options([known])
        answer = device.get(options)
        answer["response"][member] = junk
        with pytest.raises(PasskeyRefused):
            verify(answer, challenge, known)

    def test_an_id_that_is_no_base64_is_refused(self) -> None:
        device = Authenticator()
        known = registered(device)
        _, options = HERE.authentication_options([known])
        answer = {**device.get(options), "rawId": "A"}
        with pytest.raises(PasskeyRefused):
            credential_id_of(Assertion.model_validate(answer))
