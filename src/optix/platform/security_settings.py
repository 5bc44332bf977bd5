"""What the operator can set about walls: proxies, other origins, the audit trail."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import NoDecode

from optix.platform.setting_types import Group, problem, words

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
            if parts.scheme not in ("http", "https") or not parts.hostname or origin != exact:
                raise problem(
                    "OPTIX_CORS_ORIGINS must list origins, each a scheme and a host without a "
                    "path or a star. For example: OPTIX_CORS_ORIGINS=https://app.example.org"
                )
        return origins


class AuditSettings(Group):
    audit_retention_days: int = Field(
        400,
        ge=30,
        le=3_660,
        description="How long security events are kept.",
        examples=["400"],
    )
