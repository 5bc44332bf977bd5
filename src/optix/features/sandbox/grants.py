"""Leave to read, given and taken back: OAuth 2 with PKCE (RFC 6749, 7636, 7009)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import SecretStr

from optix.features.sandbox import repository
from optix.features.sandbox.models import SandboxGrant
from optix.features.sandbox.schemas import PaperTokens
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput, Unauthenticated
from optix.kernel.ids import new_uuid
from optix.platform.db import Database

SCOPE: Final = "read"
CODE_SECONDS: Final = 120
ACCESS_SECONDS: Final = 1_800
REFRESH_SECONDS: Final = 90 * 86_400
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
STATE_LENGTH_MAX: Final = 500


class OAuthRefused(InvalidInput):
    """A refusal in the words of RFC 6749, in `error`."""

    code = "oauth_refused"

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error


class PaperTokenRefused(Unauthenticated):
    code = "invalid_token"
    next_step = "Renew the access token, or ask the holder again."


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """The one application that may ask: OPTIX itself, and where it may be answered."""

    client_id: str
    client_secret: SecretStr = field(repr=False)
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for leave that may be shown to a holder."""

    redirect_uri: str
    state: str
    challenge: str


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class SandboxGrants:
    """Codes and tokens. Each consent is a family, which ends as one."""

    def __init__(self, database: Database, clock: Clock, client: SandboxClient) -> None:
        self._database = database
        self._clock = clock
        self._client = client

    def check(self, asked: dict[str, str]) -> Asked:
        """Return what an address of /authorize asks for. Raises OAuthRefused.

        A refusal is shown and sent nowhere: an address that is not registered gets nothing.
        """
        if asked.get("client_id") != self._client.client_id:
            raise OAuthRefused("invalid_client", "No such application is registered here.")
        if asked.get("redirect_uri") not in self._client.redirect_uris:
            raise OAuthRefused("invalid_request", "This address to return to is not registered.")
        challenge = asked.get("code_challenge", "")
        right = asked.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(challenge)
        if asked.get("response_type") != "code" or not right:
            raise OAuthRefused("invalid_request", "A code with a challenge by S256 is needed.")
        if asked.get("scope", SCOPE) != SCOPE:
            raise OAuthRefused("invalid_scope", "Reading is all that can be asked for.")
        state = asked.get("state", "")
        if not 1 <= len(state) <= STATE_LENGTH_MAX:
            raise OAuthRefused("invalid_request", "A state is needed.")
        return Asked(asked["redirect_uri"], state, challenge)

    async def consent(self, holder: UUID, asked: Asked) -> str:
        """Return the code of a holder who agreed."""
        return await self._issue("code", holder, new_uuid(), CODE_SECONDS, asked=asked)

    async def exchange(self, form: dict[str, str], client_id: str, secret: str) -> PaperTokens:
        """Return tokens for a code or a refresh token. Raises OAuthRefused."""
        self._check_client(client_id, secret)
        kind = {"authorization_code": "code", "refresh_token": "refresh"}.get(
            form.get("grant_type", "")
        )
        if kind is None:
            raise OAuthRefused("unsupported_grant_type", "Only codes and refresh tokens are taken.")
        given = form.get("code" if kind == "code" else "refresh_token", "")
        grant = await self._take(given, kind)
        if kind == "code":
            proof = challenge_of(form.get("code_verifier", ""))
            fits = hmac.compare_digest(proof, grant.challenge)
            if not fits or form.get("redirect_uri") != grant.redirect_uri:
                await self._end(grant.family)
                raise OAuthRefused("invalid_grant", "The code was asked for by somebody else.")
        return PaperTokens(
            access_token=await self._issue("access", grant.holder_id, grant.family, ACCESS_SECONDS),
            refresh_token=await self._issue(
                "refresh", grant.holder_id, grant.family, REFRESH_SECONDS
            ),
            expires_in=ACCESS_SECONDS,
            scope=SCOPE,
        )

    async def revoke(self, token: str, client_id: str, secret: str) -> None:
        """End everything that came from the consent of a token. An unknown one is no error."""
        self._check_client(client_id, secret)
        async with self._database.reading() as session:
            grant = await repository.find_grant(session, digest_of(token))
        if grant is not None:
            await self._end(grant.family)

    async def holder_of(self, token: str) -> UUID:
        """Return whose access token it is. Raises PaperTokenRefused."""
        now = to_datetime(self._clock.now_ns())
        async with self._database.reading() as session:
            grant = await repository.find_grant(session, digest_of(token))
        if grant is None or grant.kind != "access" or grant.expires_at <= now:
            raise PaperTokenRefused("The access token does not hold.")
        return grant.holder_id

    def _check_client(self, client_id: str, secret: str) -> None:
        known = self._client.client_secret.get_secret_value()
        right = hmac.compare_digest(secret.encode(), known.encode())
        if client_id != self._client.client_id or not right:
            raise OAuthRefused("invalid_client", "The application is not who it says.")

    async def _take(self, given: str, kind: str) -> SandboxGrant:
        digest, now = digest_of(given), to_datetime(self._clock.now_ns())
        async with self._database.writing() as session:
            grant = await repository.take_grant(session, digest, kind, now)
            if grant is not None:
                return grant
            stale = await repository.find_grant(session, digest)
            if stale is not None and stale.used_at is not None:
                # Somebody has it who should not: whoever of the two it is, both are out.
                await repository.end_family(session, stale.family)
        raise OAuthRefused("invalid_grant", "It does not hold: too old, used, or never given.")

    async def _end(self, family: UUID) -> None:
        async with self._database.writing() as session:
            await repository.end_family(session, family)

    async def _issue(
        self, kind: str, holder: UUID, family: UUID, seconds: int, *, asked: Asked | None = None
    ) -> str:
        secret = secrets.token_urlsafe(32)
        now = to_datetime(self._clock.now_ns())
        async with self._database.writing() as session:
            await repository.forget_expired(session, now)
            session.add(
                SandboxGrant(
                    digest=digest_of(secret),
                    holder_id=holder,
                    family=family,
                    kind=kind,
                    redirect_uri="" if asked is None else asked.redirect_uri,
                    challenge="" if asked is None else asked.challenge,
                    expires_at=now + timedelta(seconds=seconds),
                    used_at=None,
                )
            )
        return secret
