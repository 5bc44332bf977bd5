"""OPTIX_ISSUERS and OPTIX_PASSKEY_ORIGINS: what is understood, and what is refused, and how."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from optix.kernel import limits
from optix.platform.issuer_settings import SignInSettings, parse_issuers
from optix.platform.settings import SettingsError, load_settings

GOOD = {
    "id": "acme",
    "name": "Acme",
    "issuer": "https://id.acme.example",
    "client_id": "optix",
    "client_secret": "kT9vQ2mXw7RzL4nB",
}


def issuers(*entries: dict[str, Any]) -> SecretStr:
    return SecretStr(json.dumps(entries))


def pem(curve: Any = SECP256R1) -> str:
    key = generate_private_key(curve()) if curve else Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def apple(private_key: str) -> dict[str, Any]:
    key = {"team_id": "TEAM", "key_id": "KEY", "private_key": private_key}
    return {**GOOD, "client_secret": None, "apple": key}


def test_without_the_variable_there_are_no_issuers() -> None:
    assert load_settings().sign_in.configured_issuers == ()
    assert parse_issuers(None) == ()


def test_one_line_is_enough_for_any_issuer() -> None:
    (found,) = load_settings(issuers=issuers(GOOD)).sign_in.configured_issuers
    assert (found.id, found.name, found.client_id) == ("acme", "Acme", "optix")
    assert found.scopes == ("openid", "email", "profile")
    assert (found.response_mode, found.private_network) == ("query", False)
    assert "kT9vQ2mXw7RzL4nB" not in repr(found)


def test_a_key_of_apple_may_have_its_line_ends_written_out() -> None:
    written = pem()
    (found,) = parse_issuers(issuers(apple(written.replace("\n", "\\n"))))
    assert found.apple is not None
    assert found.apple.private_key.get_secret_value() == written


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "Acme"}, "id"),
        ({"id": "../x"}, "id"),
        ({"id": "a" * 33}, "id"),
        ({"name": ""}, "name"),
        ({"issuer": "id.acme.example"}, "https"),
        ({"issuer": "ftp://id.acme.example"}, "https"),
        ({"issuer": "https://id.acme.example?x=1"}, "query"),
        ({"issuer": "https://user:pw@id.acme.example"}, "user"),
        ({"issuer": "https://id.acme.example#x"}, "fragment"),
        ({"client_id": ""}, "client_id"),
        ({"scopes": ["email"]}, "openid"),
        ({"response_mode": "fragment"}, "response_mode"),
        ({"colour": "blue"}, "colour"),
        ({"apple": {"team_id": "T", "key_id": "K", "private_key": pem()}}, "exclude"),
        ({"client_secret": None, "apple": {"team_id": "T"}}, "key_id"),
    ],
    ids=lambda value: re.sub("-----BEGIN.*", "key", str(value)),  # a new key each time
)
def test_what_is_wrong_is_named_and_no_secret_is_repeated(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(issuers=issuers({**GOOD, **change}))
    (problem,) = caught.value.problems
    assert problem.startswith("OPTIX_ISSUERS cannot be used: ")
    assert said in problem
    assert "kT9vQ2mXw7RzL4nB" not in problem


@pytest.mark.parametrize(
    "private_key", ["", "no key", pem(SECP384R1), pem(None)], ids=["empty", "words", "384", "ed"]
)
def test_apple_takes_p256_only(private_key: str) -> None:
    with pytest.raises(ValueError, match="private_key"):
        parse_issuers(issuers(apple(private_key)))


@pytest.mark.parametrize("text", ["", "{", "{}", "null", '"x"', "[1]", "[[]]"])
def test_what_is_no_list_of_issuers_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_issuers(SecretStr(text))


def test_an_id_is_given_once_and_there_may_be_twenty() -> None:
    many = [{**GOOD, "id": f"acme-{number}"} for number in range(limits.ISSUERS_MAX + 1)]
    assert len(parse_issuers(issuers(*many[:-1]))) == limits.ISSUERS_MAX
    with pytest.raises(ValueError, match="more than 20"):
        parse_issuers(issuers(*many))
    with pytest.raises(ValueError, match="twice"):
        parse_issuers(issuers(GOOD, GOOD))


def test_production_wants_https_and_an_address_to_come_back_to() -> None:
    settings = SignInSettings(issuers=issuers({**GOOD, "issuer": "http://id.acme.example"}))
    assert len(list(settings.production_problems("https://optix.example.org"))) == 1
    assert len(list(settings.production_problems(None))) == 2
    assert not list(SignInSettings(issuers=issuers(GOOD)).production_problems("https://o.example"))
    assert not list(SignInSettings().production_problems(None))


FINGERPRINT = ":".join(["AB"] * 32)


def test_origins_and_apps_are_lists_with_commas() -> None:
    settings = load_settings(
        passkey_origins="https://app.example.org, http://localhost:8081",
        ios_apps="ABCDE12345.org.example.optix",
        android_apps=f"org.example.optix/{FINGERPRINT}",
    )
    assert settings.sign_in.passkey_origins == ("https://app.example.org", "http://localhost:8081")
    assert settings.sign_in.ios_apps == ("ABCDE12345.org.example.optix",)
    assert settings.sign_in.android_apps == (f"org.example.optix/{FINGERPRINT}",)


@pytest.mark.parametrize("origin", ["*", "example.org", "https://a.example/x", "https://", "ios:x"])
def test_an_origin_that_is_not_exact_is_refused(origin: str) -> None:
    with pytest.raises(SettingsError, match="OPTIX_PASSKEY_ORIGINS must list origins"):
        load_settings(passkey_origins=origin)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ios_apps", "org.example.optix"),
        ("ios_apps", "abcde12345.org.example.optix"),
        ("android_apps", "org.example.optix"),
        ("android_apps", "org.example.optix/AB:CD"),
        ("android_apps", f"org.example.optix/{FINGERPRINT.lower()}"),
        ("android_apps", f"*/{FINGERPRINT}"),
    ],
)
def test_an_app_that_is_not_exact_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"OPTIX_{name.upper()}"):
        load_settings(**{name: value})
