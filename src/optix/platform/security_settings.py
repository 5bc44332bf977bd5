"""What the operator can set about walls: proxies, other origins, the audit trail, the vault, and
how often a client may ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from optix.kernel import limits
from optix.platform.setting_types import (
    Group,
    OptionalPath,
    OptionalSecret,
    OptionalText,
    problem,
    words,
)

Network = IPv4Network | IPv6Network


class NetworkSettings(Group):
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(words)] = Field(
        (),
        description="The proxies whose X-Forwarded-For is believed, as addresses or networks.",
        examples=["10.0.0.0/8,192.168.1.7"],
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(words)] = Field(
        (),
        description="Other web origins whose pages may call the API. The own one needs no entry.",
        examples=["https://app.example.org"],
    )

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            exact = f"{parts.scheme}://{parts.netloc}"
            plain = bool(parts.hostname) and "*" not in origin and origin == exact
            if parts.scheme not in ("http", "https") or not plain:
                raise problem(
                    "OPTIX_CORS_ORIGINS must list origins, each a scheme and a host without a "
                    "path or a star. For example: OPTIX_CORS_ORIGINS=https://app.example.org"
                )
        return origins


class LimitSettings(Group):
    """Requests a minute, by rule (`rate_limits.ROUTES`)."""

    rate_limit_default: int = Field(
        100,
        ge=1,
        le=10_000_000,
        description="Requests a minute of one user, or of one address that is not signed in.",
        examples=["300"],
    )
    rate_limit_login: int = Field(
        5, ge=1, le=10_000_000, description="Sign-ins a minute from one address.", examples=["5"]
    )
    rate_limit_register: int = Field(
        3,
        ge=1,
        le=10_000_000,
        description="Registrations a minute from one address.",
        examples=["3"],
    )
    rate_limit_refresh: int = Field(
        10, ge=1, le=10_000_000, description="Refreshes a minute from one address.", examples=["10"]
    )
    rate_limit_factor: int = Field(
        5,
        ge=1,
        le=10_000_000,
        description="Second factors a minute from one address.",
        examples=["5"],
    )
    rate_limit_mail: int = Field(
        5,
        ge=1,
        le=10_000_000,
        description="Requests a minute that send a mail or try its code, from one address.",
        examples=["5"],
    )
    rate_limit_account: int = Field(
        20,
        ge=1,
        le=10_000_000,
        description="Other changes of sign-in a minute from one address.",
        examples=["20"],
    )

    @property
    def per_minute(self) -> Mapping[str, int]:
        """The limits by the name of their rule."""
        return {
            name.removeprefix("rate_limit_"): getattr(self, name)
            for name in type(self).model_fields
        }


class ListSettings(Group):
    """How long the lists of users may grow."""

    watchlist_symbols: int = Field(
        50,
        ge=1,
        le=limits.WATCHLIST_SYMBOLS_MAX,
        description="Symbols that one watchlist may have.",
        examples=["100"],
    )


class AuditSettings(Group):
    audit_retention_days: int = Field(
        400,
        ge=30,
        le=3_660,
        description="How long security events are kept.",
        examples=["400"],
    )


VaultProvider = Literal["file", "given", "aws_kms", "aws_secrets_manager"]


class VaultSettings(Group):
    vault_provider: Literal["auto"] | VaultProvider = Field(
        "auto",
        description="Where the key of the vault is: file (in the data folder, development only), "
        "given (OPTIX_VAULT_KEY), aws_kms or aws_secrets_manager. auto is given where a key is, "
        "else file.",
        examples=["aws_kms"],
    )
    vault_kms_key: OptionalText = Field(
        None,
        description="The key of AWS KMS: id, ARN or alias.",
        examples=["alias/optix-vault"],
    )
    vault_secret_id: OptionalText = Field(
        None,
        description="The secret of AWS Secrets Manager that holds the keys, one a line.",
        examples=["optix/vault"],
    )
    aws_region: OptionalText = Field(
        None,
        description="The region of both, where the machine does not say.",
        examples=["eu-west-1"],
    )
    aws_endpoint_url: OptionalText = Field(
        None,
        description="Another address for AWS: a private endpoint, or a server for tests.",
        examples=["https://vpce-0123.kms.eu-west-1.vpce.amazonaws.com"],
    )

    @model_validator(mode="after")
    def _provider_has_what_it_needs(self) -> Self:
        if self.vault_provider == "aws_kms" and self.vault_kms_key is None:
            raise problem(
                "OPTIX_VAULT_PROVIDER=aws_kms needs a key: set "
                "OPTIX_VAULT_KMS_KEY=alias/optix-vault"
            )
        if self.vault_provider == "aws_secrets_manager" and self.vault_secret_id is None:
            raise problem(
                "OPTIX_VAULT_PROVIDER=aws_secrets_manager needs a secret: set "
                "OPTIX_VAULT_SECRET_ID=optix/vault"
            )
        return self


class SecretSettings(Group):
    """Secrets given from outside. What is left out in development is made in the data folder."""

    signing_key: OptionalSecret = Field(
        None, description="The Ed25519 private key (PEM) that signs access tokens.", examples=["…"]
    )
    signing_key_file: OptionalPath = Field(
        None, description="A file with that key.", examples=["/run/secrets/signing_key"]
    )
    vault_key: OptionalSecret = Field(
        None, description="32 random bytes in base64 that encrypt stored secrets.", examples=["…"]
    )
    vault_key_file: OptionalPath = Field(
        None, description="A file with that key.", examples=["/run/secrets/vault_key"]
    )
    metrics_token: OptionalSecret = Field(
        None, description="The bearer token of /metrics.", examples=["…"]
    )
    metrics_token_file: OptionalPath = Field(
        None, description="A file with that token.", examples=["/run/secrets/metrics_token"]
    )
