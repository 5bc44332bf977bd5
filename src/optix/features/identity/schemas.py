"""What the account endpoints take and say. No model here carries a hash or a stored secret.

Second factors, passkeys and outside issuers are in `schemas_factors`; the administrator's view is
in `schemas_admin`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, EmailStr, Field, SecretStr

from optix.kernel import limits

Client = Literal["web", "native"]
Role = Literal["user", "admin"]
# How somebody proved who they are; `amr` of RFC 8176 where it has a word.
Method = Literal["password", "totp", "recovery_code", "passkey", "oidc", "development"]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Email = Annotated[EmailStr, Field(max_length=limits.EMAIL_LENGTH_MAX)]
Password = Annotated[SecretStr, Field(max_length=limits.PASSWORD_LENGTH_MAX)]
DisplayName = Annotated[str, Field(max_length=limits.DISPLAY_NAME_LENGTH_MAX)]
DeviceName = Annotated[
    str,
    Field(
        max_length=limits.DEVICE_NAME_LENGTH_MAX,
        description="What the list of sessions calls this device.",
    ),
]
ClientKind = Annotated[
    Client,
    Field(description="web: the refresh token comes as an HttpOnly cookie. native: in the body."),
]
MailCode = Annotated[
    SecretStr,
    Field(
        max_length=limits.MAIL_CODE_LENGTH_MAX, description="The eight digits that came by mail."
    ),
]


class Preferences(Schema):
    """How somebody wants to see things. Kept with the account, so that every device agrees."""

    theme: Literal["system", "dark", "light"] = "system"
    direction_colours: Literal["teal_orange", "green_red", "blue_orange"] = "teal_orange"
    time_zone: str | None = Field(
        default=None, max_length=64, description="IANA name; null: that of the device."
    )
    security_mails: bool = Field(
        default=True, description="Mail me when somebody signs in from a new device."
    )


class User(Schema):
    id: UUID
    email: str
    display_name: str
    role: Role
    created_at: datetime
    preferences: Preferences
    has_password: bool = Field(description="False for who only signs in by passkey or an issuer.")
    second_factor: bool = Field(description="Whether signing in takes a second factor.")


class Credentials(Schema):
    email: Email
    password: Password
    client: ClientKind = "native"
    device_name: DeviceName = ""


class Registration(Schema):
    email: Email
    password: Password
    display_name: DisplayName = ""


class RegistrationStarted(Schema):
    """The same answer whether or not the address has an account: only the mail differs."""

    registration_id: UUID
    expires_at: datetime


class EmailVerification(Schema):
    registration_id: UUID
    code: MailCode
    client: ClientKind = "native"
    device_name: DeviceName = ""


class RegistrationResend(Schema):
    registration_id: UUID


class RefreshRequest(Schema):
    refresh_token: SecretStr | None = Field(
        default=None, max_length=512, description="Left out by the web client: it has the cookie."
    )
    client: Client = "native"


class TryRequest(Schema):
    """Signing in to the development account without a password."""

    client: Client = "native"


class Tokens(Schema):
    """A signed-in session."""

    status: Literal["signed_in"] = "signed_in"
    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the scheme of RFC 6750, not a secret
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str | None = Field(description="Null for the web client: it is in the cookie.")
    user: User


class SecondFactorNeeded(Schema):
    """The password was right and is not enough. Nobody is signed in yet."""

    status: Literal["second_factor"] = "second_factor"
    challenge: str = Field(description="Goes back with the second factor; works once.")
    methods: Sequence[Literal["totp", "recovery_code", "passkey"]]
    expires_in: int = Field(description="Seconds until the challenge ends.")


SignInAnswer = Annotated[Tokens | SecondFactorNeeded, Field(discriminator="status")]


class PasswordResetRequest(Schema):
    email: Email


class PasswordResetConfirmation(Schema):
    token: SecretStr = Field(max_length=128, description="From the link in the mail; works once.")
    new_password: Password


class PasswordChange(Schema):
    """Needs a fresh step-up instead of the present password."""

    new_password: Password


class EmailChange(Schema):
    """Needs a fresh step-up. A code goes to the new address, a notice to the old one."""

    email: Email


class EmailChangeStarted(Schema):
    change_id: UUID
    expires_at: datetime


class EmailChangeConfirmation(Schema):
    change_id: UUID
    code: MailCode


class PasswordStrengthRequest(Schema):
    password: Password
    email: str = Field(default="", max_length=limits.EMAIL_LENGTH_MAX)
    display_name: DisplayName = ""


class PasswordStrength(Schema):
    """What the estimator thinks. `acceptable` is what registering would say."""

    score: int = Field(ge=0, le=4)
    acceptable: bool
    breached: bool
    warning: str | None
    suggestions: Sequence[str]


class UserUpdate(Schema):
    """What a user can change. A field left out or null stays as it is."""

    display_name: DisplayName | None = None
    preferences: Preferences | None = None


class Session(Schema):
    """One sign-in on one device."""

    id: UUID
    current: bool
    client: Client
    device_name: str
    user_agent: str | None
    address: str | None
    methods: Sequence[Method]
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


class SessionList(Schema):
    sessions: Sequence[Session]


class SessionsEnded(Schema):
    ended: int


class PublicKey(Schema):
    """One Ed25519 key as a JSON Web Key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class PublicKeys(Schema):
    keys: Sequence[PublicKey]
