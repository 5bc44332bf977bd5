"""The keys that a user made at Interactive Brokers and pasted: checked before any is used."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from optix.ports.broker import SignInField, SignInRefused

TEST_CONSUMER: Final = "TESTCONS"
KEY_BITS_MIN, KEY_BITS_MAX = 2_048, 8_192
TEXT_LENGTH_MAX: Final = 16_000

_SEQUENCE, _INTEGER, _LONG_LENGTH = 0x30, 0x02, 0x80

FIELDS: Final = (
    SignInField(
        "consumer_key",
        "Consumer key",
        secret=False,
        help="Nine characters. Interactive Brokers: OAuth self-service, with your API username.",
    ),
    SignInField("access_token", "Access token", secret=True, help="Shown by the self-service."),
    SignInField(
        "access_token_secret", "Access token secret", secret=True, help="As shown: encrypted."
    ),
    SignInField(
        "signature_key", "Private signature key", secret=True, help="The text of the PEM file."
    ),
    SignInField(
        "encryption_key", "Private encryption key", secret=True, help="The text of the PEM file."
    ),
    SignInField(
        "dh_parameters",
        "Diffie-Hellman parameters",
        secret=True,
        help="The text of dhparam.pem, or its prime in hexadecimal digits.",
    ),
)

_consumer = re.compile(r"[A-Za-z0-9]{9}", re.ASCII).fullmatch
_token = re.compile(r"[\x21-\x7e]{1,500}", re.ASCII).fullmatch
_hex = re.compile(r"[0-9a-fA-F]{200,4000}", re.ASCII).fullmatch
_pem = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]+)-----END \1-----", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What signs, and for whom. `secret` is the access token's, decrypted."""

    consumer_key: str
    access_token: str = field(repr=False)
    secret: bytes = field(repr=False)
    signature_key: rsa.RSAPrivateKey = field(repr=False)
    prime: int = field(repr=False)
    generator: int


def keys_of(values: Mapping[str, str]) -> Keys:
    """Return the keys. Raises SignInRefused with the name of the field that does not fit."""
    given = {each.name: values.get(each.name, "").strip() for each in FIELDS}
    for each in FIELDS:
        if not given[each.name] or len(given[each.name]) > TEXT_LENGTH_MAX:
            raise SignInRefused(f"{each.label} is missing, or too long.")
    consumer = given["consumer_key"]
    if not _consumer(consumer) and consumer != TEST_CONSUMER:
        raise SignInRefused("The consumer key has nine letters and digits.")
    if not _token(given["access_token"]) or '"' in given["access_token"]:
        raise SignInRefused("The access token cannot be one.")
    encryption = _private_key(given["encryption_key"], "The private encryption key")
    prime, generator = _dh_parameters(given["dh_parameters"])
    return Keys(
        consumer_key=consumer,
        access_token=given["access_token"],
        secret=_decrypted(given["access_token_secret"], encryption),
        signature_key=_private_key(given["signature_key"], "The private signature key"),
        prime=prime,
        generator=generator,
    )


def unfolded(text: str) -> str:
    """Return a PEM text with its lines: fields of one line take them away. '' without one."""
    found = _pem.search(text)
    if found is None:
        return ""
    body = "".join(found[2].split())
    lines = [body[place : place + 64] for place in range(0, len(body), 64)]
    return "\n".join((f"-----BEGIN {found[1]}-----", *lines, f"-----END {found[1]}-----", ""))


def _private_key(text: str, what: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(unfolded(text).encode(), password=None)
    except (ValueError, TypeError):
        # Not the chain of errors: its frames hold the key.
        raise SignInRefused(f"{what} is no PEM text without a passphrase.") from None
    if not isinstance(key, rsa.RSAPrivateKey) or not _is_sized(key.key_size):
        raise SignInRefused(f"{what} is no RSA key of at least {KEY_BITS_MIN} bits.")
    return key


def _dh_parameters(text: str) -> tuple[int, int]:
    """Return prime and generator; the generator of a mere prime is 2."""
    refused = SignInRefused("The Diffie-Hellman parameters are neither a PEM text nor a prime.")
    if _hex(text):
        prime, generator = int(text, 16), 2
    else:
        found = _pem.search(text)
        if found is None or found[1] != "DH PARAMETERS":
            raise refused
        try:
            prime, generator, *_ = _integers(base64.b64decode("".join(found[2].split())))
        except (ValueError, IndexError):
            raise refused from None
    if not _is_sized(prime.bit_length()) or prime % 2 == 0 or not 1 < generator < prime - 1:
        raise refused
    return prime, generator


def _integers(der: bytes) -> list[int]:
    """Return the integers of a sequence of them. Raises ValueError, IndexError.

    Source: ITU-T X.690, sections 8.1.3 and 8.3.
    """
    kind, body, _ = _element(der)
    if kind != _SEQUENCE:
        raise ValueError("no sequence")
    found = []
    while body:
        kind, number, body = _element(body)
        if kind != _INTEGER:
            raise ValueError("no integer")
        found.append(int.from_bytes(number, "big", signed=True))
    return found


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and the content of the first element, and what comes after it."""
    length, start = der[1], 2
    if length >= _LONG_LENGTH:
        start += length - _LONG_LENGTH
        length = int.from_bytes(der[2:start], "big")
    if start + length > len(der):
        raise ValueError("cut off")
    return der[0], der[start : start + length], der[start + length :]


def _decrypted(text: str, key: rsa.RSAPrivateKey) -> bytes:
    try:
        encrypted = base64.b64decode(text, validate=True)
        return key.decrypt(encrypted, padding.PKCS1v15())
    except (ValueError, binascii.Error):
        raise SignInRefused("The access token secret does not fit the encryption key.") from None


def _is_sized(bits: int) -> bool:
    return KEY_BITS_MIN <= bits <= KEY_BITS_MAX
