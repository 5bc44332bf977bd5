"""What an issuer sends: its metadata (OpenID Connect Discovery 1.0), its keys, and its tokens.

Only the members we use. Addresses are checked here, because whoever writes an issuer's metadata
chooses where our server connects to.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from optix.kernel import limits


def _endpoint(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not an address")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("has a user or a fragment")
    return address


Endpoint = Annotated[str, Field(max_length=2_048), AfterValidator(_endpoint)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Metadata(_Wire):
    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool = False


class KeySet(_Wire):
    keys: tuple[dict[str, Any], ...] = Field(max_length=limits.ISSUER_KEYS_MAX)


class TokenAnswer(_Wire):
    id_token: str = Field(max_length=16_384)
