"""Any issuer that speaks OpenID Connect: Google, Apple, or the operator's own. Configuration only.

Code flow with PKCE. Metadata and keys are kept for an hour; a key that is not known is asked for
again, at most every 30 seconds, so that rotation is seen and nobody makes us hammer the issuer.
"""

from __future__ import annotations

import asyncio
import hashlib
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import jwt

from optix.adapters.issuers.client import IssuerClient
from optix.adapters.issuers.id_token import KEY_TYPES, KeyUnknown, verify_id_token
from optix.adapters.issuers.wire import KeySet, Metadata, TokenAnswer
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.platform.issuer_settings import IssuerConfig
from optix.ports.issuers import (
    IssuerAnswerRefused,
    IssuerFlow,
    IssuerIdentity,
    IssuerUnavailable,
)

CALLBACK_PATH: Final = "/api/v1/auth/issuers/{id}/callback"
APPLE_SECRET_SECONDS: Final = 300


class OidcIssuer:
    """One configured issuer."""

    def __init__(
        self, config: IssuerConfig, client: IssuerClient, *, base_url: str, clock: Clock
    ) -> None:
        self._config = config
        self._client = client
        self._clock = clock
        self._callback = base_url.rstrip("/") + CALLBACK_PATH.format(id=config.id)
        self._asking = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._metadata_ends_ns = 0
        self._keys: KeySet | None = None
        self._keys_ends_ns = 0
        self._keys_asked_ns = 0

    @property
    def id(self) -> str:
        return self._config.id

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def url(self) -> str:
        return self._config.issuer

    async def close(self) -> None:
        await self._client.close()

    async def fetch_authorization_url(self, flow: IssuerFlow) -> str:
        """Return where the browser goes. Errors: IssuerUnavailable."""
        metadata = await self._current_metadata()
        digest = hashlib.sha256(flow.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(self._config.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self._config.response_mode == "form_post":
            query["response_mode"] = "form_post"
        endpoint = metadata.authorization_endpoint
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    async def fetch_identity(
        self, flow: IssuerFlow, code: str, *, response_issuer: str | None
    ) -> IssuerIdentity:
        """Redeem `code` and return whom it stands for.

        Effects: uses the code up at the issuer.
        Errors:  IssuerUnavailable, IssuerAnswerRefused.
        """
        metadata = await self._current_metadata()
        expected = (
            metadata.issuer if metadata.authorization_response_iss_parameter_supported else None
        )
        if response_issuer not in {expected, metadata.issuer}:
            raise IssuerAnswerRefused("The answer comes from another issuer.")
        answer = await self._redeem(metadata, flow, code)
        try:
            return self._verified(answer, metadata, await self._current_keys(metadata), flow)
        except KeyUnknown:
            keys = await self._newer_keys(metadata)
            return self._verified(answer, metadata, keys, flow)

    def _verified(
        self, answer: TokenAnswer, metadata: Metadata, keys: KeySet, flow: IssuerFlow
    ) -> IssuerIdentity:
        offered = metadata.id_token_signing_alg_values_supported
        return verify_id_token(
            answer.id_token,
            keys,
            algorithms=[each for each in KEY_TYPES if each in offered],
            issuer=self._config.issuer,
            client_id=self._config.client_id,
            nonce=flow.nonce,
            now_ns=self._clock.now_ns(),
        )

    async def _redeem(self, metadata: Metadata, flow: IssuerFlow, code: str) -> TokenAnswer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._config.client_id,
            "code_verifier": flow.verifier,
        }
        secret = self._secret()
        basic: tuple[str, str] | None = None
        if secret and "client_secret_post" in metadata.token_endpoint_auth_methods_supported:
            form["client_secret"] = secret
        elif secret:
            # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
            basic = (quote(self._config.client_id, safe=""), quote(secret, safe=""))
        return await self._client.post(metadata.token_endpoint, form, TokenAnswer, basic=basic)

    def _secret(self) -> str | None:
        apple, given = self._config.apple, self._config.client_secret
        if apple is None:
            return given.get_secret_value() if given else None
        now_s = self._clock.now_ns() // NANOSECONDS
        return jwt.encode(
            {
                "iss": apple.team_id,
                "iat": now_s,
                "exp": now_s + APPLE_SECRET_SECONDS,
                "aud": self._config.issuer,
                "sub": self._config.client_id,
            },
            apple.private_key.get_secret_value(),
            algorithm="ES256",
            headers={"kid": apple.key_id},
        )

    async def _current_metadata(self) -> Metadata:
        async with self._asking:
            now_ns = self._clock.now_ns()
            if self._metadata is None or now_ns >= self._metadata_ends_ns:
                self._metadata = await self._fetch_metadata()
                self._metadata_ends_ns = now_ns + limits.ISSUER_METADATA_SECONDS * NANOSECONDS
            return self._metadata

    async def _fetch_metadata(self) -> Metadata:
        address = self._config.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = await self._client.fetch(address, Metadata)
        if metadata.issuer != self._config.issuer:
            raise IssuerUnavailable("The issuer calls itself by another name than configured.")
        methods = metadata.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise IssuerUnavailable("The issuer knows no PKCE with S256.")
        return metadata

    async def _current_keys(self, metadata: Metadata) -> KeySet:
        async with self._asking:
            if self._keys is None or self._clock.now_ns() >= self._keys_ends_ns:
                return await self._fetch_keys(metadata)
            return self._keys

    async def _newer_keys(self, metadata: Metadata) -> KeySet:
        async with self._asking:
            wait_ns = limits.ISSUER_KEYS_REFETCH_SECONDS * NANOSECONDS
            if self._keys is None or self._clock.now_ns() - self._keys_asked_ns >= wait_ns:
                return await self._fetch_keys(metadata)
            return self._keys

    async def _fetch_keys(self, metadata: Metadata) -> KeySet:
        self._keys_asked_ns = self._clock.now_ns()
        self._keys = await self._client.fetch(metadata.jwks_uri, KeySet)
        self._keys_ends_ns = self._keys_asked_ns + limits.ISSUER_METADATA_SECONDS * NANOSECONDS
        return self._keys
