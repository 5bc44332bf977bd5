"""Passkeys as arithmetic: what a device is asked, and whether its answer is right. No I/O.

One relying party per installation: its id is the host of OPTIX_PUBLIC_URL, which ties passkeys to
that name for good. Every ceremony wants the user verified (finger, face, PIN), so a passkey is two
factors in one. Attestation is not asked for: which vendor made a device decides nothing here.

The WebAuthn library compares challenge, origin, relying party, flags and signature. Counters and
backup flags are compared with what we stored, by the caller, in the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from optix.features.identity.schemas_factors import Assertion, NewCredential
from optix.kernel import limits
from optix.kernel.errors import Conflict, InvalidInput

RELYING_PARTY_NAME: Final = "OPTIX"
CREDENTIAL_ID_BYTES_MAX: Final = 1_023  # WebAuthn level 3, section 5.8.3

# "packed" with its own key comes from platforms that keep self attestation; the other forms carry
# vendor certificates that nobody asked for.
_ATTESTATION_FORMATS: Final = frozenset({"none", "packed"})
_TRANSPORTS: Final = frozenset(transport.value for transport in AuthenticatorTransport)
_TIMEOUT_MILLISECONDS: Final = limits.PASSKEY_CEREMONY_SECONDS * 1000
# What the library and the decoders below it raise on bytes that are not what they should be.
_MALFORMED: Final = (
    WebAuthnException,
    InvalidSignature,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
)


class PasskeyRefused(InvalidInput):
    """The device's answer does not fit. Which part, only our log says."""

    code = "passkey_refused"
    next_step = "Try again, or use another way to prove who you are."


class PasskeysImpossible(Conflict):
    code = "passkeys_impossible"
    next_step = "Open OPTIX under a host name, not under a number. Set OPTIX_PUBLIC_URL to it."


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A verified registration."""

    credential_id: bytes
    public_key: bytes  # COSE, as the device gave it
    sign_count: int
    transports: tuple[str, ...]
    synced: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """What we stored of a passkey, as far as verifying needs it."""

    credential_id: bytes
    public_key: bytes
    synced: bool
    transports: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A verified signature: what to store of it."""

    sign_count: int
    backed_up: bool


class RelyingParty:
    """Asks devices, and verifies what they answer."""

    def __init__(self, base_url: str, other_origins: Sequence[str] = ()) -> None:
        parts = urlsplit(base_url)
        self.id = parts.hostname or ""
        self.origins = [f"{parts.scheme}://{parts.netloc}", *other_origins]

    def registration_options(
        self, *, user_handle: bytes, email: str, display_name: str, known: Sequence[KnownPasskey]
    ) -> tuple[bytes, dict[str, Any]]:
        """Return the challenge and what `navigator.credentials.create` takes."""
        options = generate_registration_options(
            rp_id=self._named(),
            rp_name=RELYING_PARTY_NAME,
            user_id=user_handle,
            user_name=email,
            user_display_name=display_name or email,
            timeout=_TIMEOUT_MILLISECONDS,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(passkey) for passkey in known],
        )
        return options.challenge, options_to_json_dict(options)

    def authentication_options(
        self, known: Sequence[KnownPasskey] = ()
    ) -> tuple[bytes, dict[str, Any]]:
        """Return the challenge and what `navigator.credentials.get` takes.

        Without `known` the device offers whatever it has for us (signing in without a name).
        """
        options = generate_authentication_options(
            rp_id=self._named(),
            timeout=_TIMEOUT_MILLISECONDS,
            allow_credentials=[_descriptor(passkey) for passkey in known],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options.challenge, options_to_json_dict(options)

    def verify_registration(self, given: NewCredential, challenge: bytes) -> NewPasskey:
        """Errors: PasskeyRefused."""
        try:
            self._refuse_foreign_frame(given.response.clientDataJSON)
            attestation = base64url_to_bytes(given.response.attestationObject)
            if parse_attestation_object(attestation).fmt not in _ATTESTATION_FORMATS:
                raise PasskeyRefused("The device sent an attestation that was not asked for.")
            verified = verify_registration_response(
                credential=given.model_dump(exclude={"response": {"transports"}}),
                expected_challenge=challenge,
                expected_rp_id=self._named(),
                expected_origin=self.origins,
                require_user_verification=True,
            )
        except _MALFORMED as error:
            raise PasskeyRefused("The device's answer cannot be used.") from error
        if len(verified.credential_id) > CREDENTIAL_ID_BYTES_MAX:
            raise PasskeyRefused("The device's id for the passkey is too long.")
        return NewPasskey(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=tuple(t for t in given.response.transports if t in _TRANSPORTS),
            synced=verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
            backed_up=verified.credential_backed_up,
        )

    def verify_assertion(
        self, given: Assertion, challenge: bytes, known: KnownPasskey, *, user_handle: bytes
    ) -> Signed:
        """Errors: PasskeyRefused. The counter is the caller's to compare, where it is stored."""
        try:
            self._refuse_foreign_frame(given.response.clientDataJSON)
            told = given.response.userHandle
            if told is not None and base64url_to_bytes(told) != user_handle:
                raise PasskeyRefused("The passkey belongs to somebody else.")
            verified = verify_authentication_response(
                credential=given.model_dump(),
                expected_challenge=challenge,
                expected_rp_id=self._named(),
                expected_origin=self.origins,
                credential_public_key=known.public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except _MALFORMED as error:
            raise PasskeyRefused("The device's answer cannot be used.") from error
        synced = verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE
        if verified.credential_id != known.credential_id or synced != known.synced:
            # Whether a key can be copied at all is fixed when it is made.
            raise PasskeyRefused("The passkey is not the one that was registered.")
        return Signed(verified.new_sign_count, verified.credential_backed_up)

    def _refuse_foreign_frame(self, client_data: str) -> None:
        # A page of somebody else that shows ours in a frame gets its users' fingers, not their aim.
        if parse_client_data_json(base64url_to_bytes(client_data)).cross_origin:
            raise PasskeyRefused("The answer comes from inside another site.")

    def _named(self) -> str:
        try:
            ip_address(self.id)
        except ValueError:
            return self.id
        raise PasskeysImpossible("Passkeys belong to a host name, and this address has none.")


def credential_id_of(given: Assertion) -> bytes:
    """Return the id under which the passkey is stored. Errors: PasskeyRefused."""
    try:
        return base64url_to_bytes(given.rawId)
    except ValueError as error:
        raise PasskeyRefused("The device's answer cannot be used.") from error


def encoded(raw: bytes) -> str:
    """Return `raw` as it is written in JSON."""
    return bytes_to_base64url(raw)


def decoded(text: str) -> bytes:
    """Return the bytes of `encoded`."""
    return base64url_to_bytes(text)


def _descriptor(passkey: KnownPasskey) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(t) for t in passkey.transports if t in _TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports)
