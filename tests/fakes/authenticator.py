"""A passkey device as a browser shows it: makes resident keys and signs, with real cryptography.

It answers creation and request options in their JSON form with what `toJSON` of a browser gives.
A test can make it lie: another origin, another relying party, no user verification, a counter that
stands still, a copy of itself.
"""

from __future__ import annotations

import hashlib
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import cbor2
import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
ES256 = -7


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class ResidentKey:
    """One passkey on the device."""

    id: bytes
    private: EllipticCurvePrivateKey
    rp_id: str
    user_handle: bytes
    counter: int = 0


@dataclass
class Authenticator:
    """The device and the browser in front of it."""

    origin: str = "http://localhost:8000"
    synced: bool = True
    backed_up: bool = True
    verifies_user: bool = True
    counts: bool = False  # synced passkeys of the large vendors always say 0
    cross_origin: bool = False
    attestation: str = "none"
    keys: list[ResidentKey] = field(default_factory=list)

    def create(
        self,
        options: dict[str, Any],
        *,
        rp_id: str | None = None,
        credential_id: bytes | None = None,
    ) -> dict[str, Any]:
        """Answer creation options with a new passkey."""
        assert any(each["alg"] == ES256 for each in options["pubKeyCredParams"])
        excluded = {each["id"] for each in options["excludeCredentials"]}
        assert not excluded & {encode(key.id) for key in self.keys}, "this device has one already"
        key = ResidentKey(
            id=credential_id or os.urandom(32),
            private=generate_private_key(SECP256R1()),
            rp_id=rp_id or options["rp"]["id"],
            user_handle=decode(options["user"]["id"]),
        )
        self.keys.append(key)
        client_data = self._client_data("webauthn.create", options["challenge"])
        attested = bytes(16) + struct.pack(">H", len(key.id)) + key.id + _cose(key.private)
        auth_data = self._auth_data(key, ATTESTED) + attested
        document: dict[str, Any] = {"fmt": self.attestation, "attStmt": {}, "authData": auth_data}
        if self.attestation == "packed":
            signed = key.private.sign(
                auth_data + hashlib.sha256(client_data).digest(), ECDSA(SHA256())
            )
            document["attStmt"] = {"alg": ES256, "sig": signed}
        return {
            "id": encode(key.id),
            "rawId": encode(key.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data),
                "attestationObject": encode(cbor2.dumps(document)),
                "transports": ["internal", "hybrid"],
            },
        }

    def get(self, options: dict[str, Any], *, rp_id: str | None = None) -> dict[str, Any]:
        """Answer request options with a signature of the newest fitting passkey."""
        wanted = rp_id or options["rpId"]
        allowed = {each["id"] for each in options["allowCredentials"]}
        fitting = [
            key
            for key in self.keys
            if key.rp_id == wanted and (not allowed or encode(key.id) in allowed)
        ]
        assert fitting, "this device has no passkey for that"
        return self.sign(fitting[-1], options["challenge"])

    def sign(self, key: ResidentKey, challenge: str) -> dict[str, Any]:
        """Sign `challenge` with `key`, whatever was asked."""
        if self.counts:
            key.counter += 1
        client_data = self._client_data("webauthn.get", challenge)
        auth_data = self._auth_data(key, 0)
        signature = key.private.sign(
            auth_data + hashlib.sha256(client_data).digest(), ECDSA(SHA256())
        )
        return {
            "id": encode(key.id),
            "rawId": encode(key.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(client_data),
                "authenticatorData": encode(auth_data),
                "signature": encode(signature),
                "userHandle": encode(key.user_handle),
            },
        }

    def copy(self) -> Authenticator:
        """Return what a thief has who copied the device at this moment."""
        keys = [
            ResidentKey(key.id, key.private, key.rp_id, key.user_handle, key.counter)
            for key in self.keys
        ]
        other = Authenticator(**{k: v for k, v in vars(self).items() if k != "keys"})
        other.keys = keys
        return other

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return orjson.dumps(
            {
                "type": kind,
                "challenge": challenge,
                "origin": self.origin,
                "crossOrigin": self.cross_origin,
            }
        )

    def _auth_data(self, key: ResidentKey, flags: int) -> bytes:
        flags |= USER_PRESENT
        flags |= USER_VERIFIED if self.verifies_user else 0
        flags |= BACKUP_ELIGIBLE if self.synced else 0
        flags |= BACKED_UP if self.synced and self.backed_up else 0
        head = hashlib.sha256(key.rp_id.encode()).digest()
        return head + struct.pack(">BI", flags, key.counter)


def tampered(credential: dict[str, Any], member: str) -> dict[str, Any]:
    """Return `credential` with one bit of `response.<member>` turned."""
    changed = deepcopy(credential)
    raw = bytearray(decode(changed["response"][member]))
    raw[-1] ^= 0x01
    changed["response"][member] = encode(bytes(raw))
    return changed


def _cose(private: EllipticCurvePrivateKey) -> bytes:
    numbers = private.public_key().public_numbers()
    key = {
        1: 2,
        3: ES256,
        -1: 1,
        -2: numbers.x.to_bytes(32, "big"),
        -3: numbers.y.to_bytes(32, "big"),
    }
    encoded: bytes = cbor2.dumps(key)
    return encoded
