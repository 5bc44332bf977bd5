"""Ways to sign in besides the password. OPTIX_ISSUERS is a JSON list of outside issuers.

[{"id": "google", "name": "Google", "issuer": "https://accounts.google.com",
  "client_id": "…", "client_secret": "…"},
 {"id": "apple", "name": "Apple", "issuer": "https://appleid.apple.com",
  "client_id": "org.example.optix", "response_mode": "form_post", "scopes": ["openid", "email"],
  "apple": {"team_id": "…", "key_id": "…", "private_key": "…"}}]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from optix.kernel import limits
from optix.platform.setting_types import Group, OptionalSecret, problem, words

_Text = Annotated[str, Field(min_length=1, max_length=256)]


IosApp = Annotated[str, Field(pattern=r"^[A-Z0-9]{10}\.[A-Za-z0-9.-]{1,155}$")]
AndroidApp = Annotated[
    str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]{1,150}/[0-9A-F]{2}(:[0-9A-F]{2}){31}$")
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AppleKey(_Part):
    """Apple takes a short-lived JWT signed by this key in place of a client secret."""

    team_id: _Text
    key_id: _Text
    private_key: SecretStr

    @field_validator("private_key")
    @classmethod
    def _is_p256(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().replace("\\n", "\n")
        try:
            key = load_pem_private_key(text.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("is not a private key in PEM form") from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise ValueError("is not a P-256 key")  # noqa: TRY004  # pydantic wants a ValueError
        return SecretStr(text)


class IssuerConfig(_Part):
    """One issuer as the operator describes it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    name: str = Field(min_length=1, max_length=64)
    issuer: _Text  # exactly as the issuer itself writes it
    client_id: _Text
    client_secret: SecretStr | None = None
    apple: AppleKey | None = None
    scopes: tuple[_Text, ...] = ("openid", "email", "profile")
    response_mode: Literal["query", "form_post"] = "query"
    private_network: bool = False  # its addresses may be inside the operator's own network

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        parts = urlsplit(self.issuer)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("issuer must be an https address")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("issuer must have no query, fragment or user")
        if "openid" not in self.scopes:
            raise ValueError("scopes must hold openid")
        if self.client_secret is not None and self.apple is not None:
            raise ValueError("client_secret and apple exclude each other")
        return self


_LIST: TypeAdapter[list[IssuerConfig]] = TypeAdapter(list[IssuerConfig])


def parse_issuers(text: SecretStr | None) -> tuple[IssuerConfig, ...]:
    """Return the issuers of OPTIX_ISSUERS. Errors: ValueError in a sentence, without any value."""
    if text is None:
        return ()
    try:
        found = _LIST.validate_json(text.get_secret_value())
    except ValidationError as error:
        detail = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        raise ValueError(f"{place}: {message}" if place else message) from None
    if len(found) > limits.ISSUERS_MAX:
        raise ValueError(f"names more than {limits.ISSUERS_MAX} issuers")
    if len({each.id for each in found}) < len(found):
        raise ValueError("names one id twice")
    return tuple(found)


class SignInSettings(Group):
    """Ways to sign in besides the password."""

    issuers: OptionalSecret = Field(
        None,
        description="The outside issuers (Google, Apple, any OpenID Connect) as a JSON list; "
        "docs/features/identity-factors.md shows one.",
        examples=["[]"],
    )
    passkey_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (),
        description="Other origins whose passkeys are ours: a web app served elsewhere under the "
        "same host.",
        examples=["https://app.optix.example.org"],
    )

    ios_apps: Annotated[tuple[IosApp, ...], NoDecode, BeforeValidator(words)] = Field(
        (),
        description="The iOS apps that may use our passkeys, as team and bundle id.",
        examples=["ABCDE12345.org.example.optix"],
    )
    android_apps: Annotated[tuple[AndroidApp, ...], NoDecode, BeforeValidator(words)] = Field(
        (),
        description="The Android apps that may use our passkeys: package, slash, SHA-256 of the "
        "signing certificate in hex with colons.",
        examples=["org.example.optix/14:6D:E9:…"],
    )

    @model_validator(mode="after")
    def _issuers_are_readable(self) -> Self:
        try:
            parse_issuers(self.issuers)
        except ValueError as error:
            raise problem(f"OPTIX_ISSUERS cannot be used: {error}.") from None
        return self

    @field_validator("passkey_origins")
    @classmethod
    def _origins_are_exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            web = parts.scheme in ("http", "https") and origin == f"{parts.scheme}://{parts.netloc}"
            if not (web and parts.hostname):
                raise problem(
                    "OPTIX_PASSKEY_ORIGINS must list origins: a scheme and a host without a path."
                )
        return origins

    @property
    def configured_issuers(self) -> tuple[IssuerConfig, ...]:
        return parse_issuers(self.issuers)

    def production_problems(self, public_url: str | None) -> Iterator[str]:
        """Yield a sentence for each thing that production refuses."""
        if self.configured_issuers and public_url is None:
            yield (
                "OPTIX_ISSUERS needs OPTIX_PUBLIC_URL when OPTIX_ENV=production, because issuers "
                "send browsers back to that address."
            )
        for each in self.configured_issuers:
            if urlsplit(each.issuer).scheme != "https":
                yield (
                    f"The issuer {each.id} in OPTIX_ISSUERS has no https:// address, which "
                    "OPTIX_ENV=production needs."
                )
