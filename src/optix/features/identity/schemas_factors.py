"""What second factors, passkeys and outside issuers take and say over HTTP.

A proof is one of several forms, told apart by `method`. Credentials of passkeys have the member
names that browsers and phones produce (WebAuthn level 3, `toJSON`); members we do not need are
ignored, because every vendor adds some.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from optix.features.identity.schemas import ClientKind, Password, Schema
from optix.kernel import limits

FactorMethod = Literal["totp", "recovery_code", "passkey"]
StepUpMethod = Literal["password", "totp", "recovery_code", "passkey"]

TotpCode = Annotated[
    SecretStr,
    Field(max_length=16, description="Six digits of the authenticator app; works once."),
]
RecoveryCode = Annotated[
    SecretStr,
    Field(max_length=64, description="One of the recovery codes, with or without its dashes."),
]
Handle = Annotated[
    SecretStr, Field(max_length=128, description="As it came with the options; works once.")
]
DeviceName = Annotated[
    str,
    Field(
        max_length=limits.DEVICE_NAME_LENGTH_MAX,
        description="What the list of sessions calls this device.",
    ),
]
PasskeyName = Annotated[str, Field(min_length=1, max_length=limits.DISPLAY_NAME_LENGTH_MAX)]
# base64url; the bounds are several times what authenticators really send.
Encoded = Annotated[str, Field(max_length=limits.PASSKEY_FIELD_LENGTH_MAX)]


# --- passkeys as they come from the device -----------------------------------------------------


class _FromDevice(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AttestationResponse(_FromDevice):
    clientDataJSON: Encoded  # noqa: N815  # the standard's name
    attestationObject: Encoded  # noqa: N815  # the standard's name
    transports: Sequence[Annotated[str, Field(max_length=32)]] = Field(default=(), max_length=8)


class NewCredential(_FromDevice):
    """What `navigator.credentials.create` made."""

    id: Encoded
    rawId: Encoded  # noqa: N815  # the standard's name
    type: Literal["public-key"]
    response: AttestationResponse


class AssertionResponse(_FromDevice):
    clientDataJSON: Encoded  # noqa: N815  # the standard's name
    authenticatorData: Encoded  # noqa: N815  # the standard's name
    signature: Encoded
    userHandle: Encoded | None = None  # noqa: N815  # the standard's name


class Assertion(_FromDevice):
    """What `navigator.credentials.get` signed."""

    id: Encoded
    rawId: Encoded  # noqa: N815  # the standard's name
    type: Literal["public-key"]
    response: AssertionResponse


# --- proofs ------------------------------------------------------------------------------------


class PasswordProof(Schema):
    method: Literal["password"]
    password: Password


class TotpProof(Schema):
    method: Literal["totp"]
    code: TotpCode


class RecoveryCodeProof(Schema):
    method: Literal["recovery_code"]
    code: RecoveryCode


class PasskeyProof(Schema):
    method: Literal["passkey"]
    handle: Handle
    credential: Assertion


FactorProof = Annotated[TotpProof | RecoveryCodeProof | PasskeyProof, Field(discriminator="method")]
StepUpProof = Annotated[
    PasswordProof | TotpProof | RecoveryCodeProof | PasskeyProof, Field(discriminator="method")
]


class SecondFactor(Schema):
    """The second half of signing in."""

    challenge: SecretStr = Field(max_length=128, description="As login answered it.")
    proof: FactorProof
    client: ClientKind = "native"
    device_name: DeviceName = ""


class StepUp(Schema):
    """Proving again who one is. With a factor set up, a password alone is not enough."""

    proof: StepUpProof


class SteppedUp(Schema):
    """An access token for what needs a fresh proof. The refresh token stays as it is."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the scheme of RFC 6750, not a secret
    expires_in: int = Field(description="Seconds until the access token ends.")
    step_up_expires_in: int = Field(description="Seconds until the proof is no longer fresh.")


# --- factors of an account ---------------------------------------------------------------------


class Factors(Schema):
    """What the signed-in user has set up."""

    totp: bool
    totp_since: datetime | None
    passkeys: int = Field(ge=0)
    recovery_codes_left: int = Field(ge=0)
    step_up_methods: Sequence[StepUpMethod] = Field(
        description="What proves again who this is. Empty: only signing in again does."
    )


class TotpSetup(Schema):
    """A new key for the authenticator app. It counts once a code of it was verified."""

    otpauth_uri: str = Field(description="What the QR code holds.")
    manual_key: str = Field(description="The same key in base32, for typing.")
    expires_in: int = Field(description="Seconds until setting up has to begin again.")


class TotpVerification(Schema):
    code: TotpCode


class RecoveryCodes(Schema):
    """Shown once. A new set ends the former one."""

    codes: Sequence[str]


# --- passkeys of an account --------------------------------------------------------------------


class PasskeyOptions(Schema):
    """What the device is asked: `options` goes to navigator.credentials as it is."""

    handle: str = Field(description="Goes back with what the device answers; works once.")
    options: dict[str, Any] = Field(description="PublicKeyCredential options in their JSON form.")
    expires_in: int = Field(description="Seconds until the device must have answered.")


class PasskeyOptionsRequest(Schema):
    """Without `challenge`: signing in by passkey alone. With it: as a login's second factor."""

    challenge: SecretStr | None = Field(default=None, max_length=128)
    client: ClientKind = "native"


class PasskeySignIn(Schema):
    handle: Handle
    credential: Assertion
    client: ClientKind = "native"
    device_name: DeviceName = ""


class PasskeyRegistration(Schema):
    handle: Handle
    credential: NewCredential
    name: PasskeyName = "Passkey"


class PasskeyUpdate(Schema):
    name: PasskeyName


class Passkey(Schema):
    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None
    synced: bool = Field(description="It may live on several devices of one vendor account.")
    backed_up: bool = Field(description="Its vendor holds a copy at the moment.")
    suspect: bool = Field(description="Its counter went back: somebody may hold a copy.")


class PasskeyAdded(Passkey):
    recovery_codes: Sequence[str] | None = Field(
        description="With the first factor of an account: shown once. Otherwise null."
    )


class PasskeyList(Schema):
    passkeys: Sequence[Passkey]


# --- outside issuers ---------------------------------------------------------------------------


class Issuer(Schema):
    """Somebody else who can say who one is."""

    id: str
    name: str


class IssuerList(Schema):
    issuers: Sequence[Issuer]


class IssuerStart(Schema):
    client: ClientKind = "native"


class IssuerRedirect(Schema):
    """Open `url` in the browser. It comes back to the app with a `code` that `handle` completes."""

    url: str
    handle: str = Field(description="Stays in the app that began; never in an address.")
    expires_in: int = Field(description="Seconds until it has to begin again.")


class IssuerFinish(Schema):
    handle: Handle
    code: SecretStr = Field(max_length=128, description="As the app was opened with; works once.")
    client: ClientKind = "native"
    device_name: DeviceName = ""


class LinkedIssuer(Schema):
    id: UUID
    issuer: str
    name: str
    email: str | None = Field(description="The address at the issuer when it was last used.")
    created_at: datetime
    last_used_at: datetime | None


class LinkedIssuerList(Schema):
    linked: Sequence[LinkedIssuer]


# --- native apps -------------------------------------------------------------------------------


class WebCredentials(Schema):
    apps: Sequence[str]


class AppleAssociation(Schema):
    """What iOS asks a host: which apps may use its passkeys."""

    webcredentials: WebCredentials


class AndroidTarget(Schema):
    namespace: Literal["android_app"]
    package_name: str
    sha256_cert_fingerprints: Sequence[str]


class AssetLink(Schema):
    """What Android asks a host: one app that may use its passkeys."""

    relation: Sequence[str]
    target: AndroidTarget
