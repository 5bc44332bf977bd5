"""What identity does: accounts, sign-in, sessions. The public face of the feature.

`SignInService` opens its own short units of work, because hashing a password takes longer than any
query and must not hold a connection. The functions on a user work in the request's transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from redis.asyncio import Redis

from optix.features.identity import repository, rules, schemas
from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.features.identity.passwords import COST_DEFAULT, PasswordHasher
from optix.features.identity.throttle import LoginThrottle
from optix.features.identity.tokens import (
    ACCESS_TOKEN_SECONDS,
    REFRESH_TOKEN_SECONDS,
    AccessTokenSigner,
    AccessTokenVerifier,
    SigningKey,
    new_refresh_token,
    refresh_token_hash,
)
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, NotFound, Unauthenticated
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.db import Database, ReadSession, WriteSession

Client = Literal["web", "native"]
Role = Literal["user", "admin"]

TRY_EMAIL = "test@optix.io"
# Two tabs that open together, or a page reloaded before its answer came, send the same token twice.
# That is no theft; a token that comes again later is.
REUSE_GRACE = timedelta(seconds=20)


class EmailTaken(Conflict):
    code = "email_taken"
    next_step = "Sign in, or register with another e-mail address."


class WrongCredentials(Unauthenticated):
    code = "wrong_credentials"
    next_step = "Check the e-mail address and the password."


class RefreshTokenInvalid(Unauthenticated):
    code = "refresh_token_invalid"
    next_step = "Sign in again."


class RefreshTokenReused(Unauthenticated):
    """A token came twice: one of the two holders is not the owner, so both are out."""

    code = "refresh_token_reused"
    next_step = "Sign in again. If you did not use another copy of the app, change your password."


class AccountGone(Unauthenticated):
    code = "account_gone"
    next_step = "Sign in with another account, or register."


class TryAccountMissing(NotFound):
    code = "try_account_missing"
    next_step = "Start OPTIX in development with OPTIX_DEVELOPMENT_ACCOUNTS left out."


@dataclass(frozen=True, slots=True)
class AuthenticatedUser:
    """Who sends a request. A socket wants a new token before `expires_at_ns`."""

    id: UserId
    role: Role
    session_id: SessionId
    expires_at_ns: int


class Authenticator:
    """Turns an access token into a user, for HTTP and for the socket."""

    def __init__(self, verifier: AccessTokenVerifier) -> None:
        self._verifier = verifier

    def verify(self, token: str) -> AuthenticatedUser:
        """Errors: AccessTokenInvalid, AccessTokenExpired (both Unauthenticated)."""
        claims = self._verifier.verify(token)
        role: Role = "admin" if claims.role == "admin" else "user"
        return AuthenticatedUser(claims.user_id, role, claims.session_id, claims.expires_at_ns)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its fresh tokens."""

    access_token: str
    refresh_token: str
    user: schemas.User
    client: Client


class SignInService:
    """Effects: writes user_account, user_session, refresh_token; counts failures in Redis."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHasher,
        signer: AccessTokenSigner,
        throttle: LoginThrottle,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._signer = signer
        self._throttle = throttle
        self._clock = clock

    async def register(
        self, email: str, password: str, display_name: str, client: Client
    ) -> SignedIn:
        """Create an account and sign it in. Errors: PasswordTooWeak, EmailTaken."""
        rules.check_password(password, email=email)
        name = rules.clean_display_name(display_name)
        hashed = await self._hasher.hash(password)
        account = new_account(email, hashed, name, "user", self._now())
        async with self._database.writing() as session:
            if not await repository.add_account(session, account):
                raise EmailTaken(
                    "There is an account with this e-mail address.",
                    fields={"email": "has an account already"},
                )
            return await self._begin_session(session, account, client)

    async def log_in(self, email: str, password: str, client: Client, address: str) -> SignedIn:
        """Errors: WrongCredentials, TooManyFailures, ThrottleUnavailable, PasswordHashingBusy."""
        key = rules.email_key(email)
        await self._throttle.attempt(key, address)
        async with self._database.reading() as reading:
            account = await repository.find_account_by_email_key(reading, key)
        right = await self._hasher.verify(password, account.password_hash if account else None)
        if account is None or not right:
            raise WrongCredentials("The e-mail address or the password is wrong.")
        await self._throttle.succeeded(key, address)
        rehashed = (
            await self._hasher.hash(password)
            if self._hasher.is_outdated(account.password_hash)
            else None
        )
        async with self._database.writing() as session:
            if rehashed:
                await repository.replace_password_hash(
                    session, UserId(account.id), old=account.password_hash, new=rehashed
                )
            return await self._begin_session(session, account, client)

    async def try_out(self, client: Client) -> SignedIn:
        """Sign in to the development account. The route exists in development only."""
        async with self._database.writing() as session:
            account = await repository.find_account_by_email_key(
                session, rules.email_key(TRY_EMAIL)
            )
            if account is None:
                raise TryAccountMissing("There is no development account.")
            return await self._begin_session(session, account, client)

    async def refresh(self, token: str, client: Client) -> SignedIn:
        """Exchange a refresh token for new tokens; each works once, and again for `REUSE_GRACE`.

        Errors: RefreshTokenInvalid; RefreshTokenReused, which has ended the whole session.
        """
        async with self._database.writing() as session:
            outcome = await self._rotate(session, token, client)
        # Raised after the commit: ending the session of a reused token must survive the error.
        if isinstance(outcome, Unauthenticated):
            raise outcome
        return outcome

    async def log_out(self, token: str) -> None:
        """End the session of a refresh token. An unknown token is no error: it is out already."""
        async with self._database.writing() as session:
            found = await repository.find_refresh_token_for_update(
                session, refresh_token_hash(token)
            )
            if found is not None:
                _, row, account = found
                await repository.end_session(
                    session, UserId(account.id), SessionId(row.id), self._now(), "logout"
                )

    async def _rotate(
        self, session: WriteSession, token: str, client: Client
    ) -> SignedIn | Unauthenticated:
        now = self._now()
        found = await repository.find_refresh_token_for_update(session, refresh_token_hash(token))
        if found is None:
            return RefreshTokenInvalid("The refresh token is not known.")
        old, row, account = found
        if row.ended_at is not None or min(old.expires_at, row.expires_at) <= now:
            return RefreshTokenInvalid("The session has ended.")
        if row.client != client:
            # A web client's token lives in its cookie; the same token in a body was taken.
            return RefreshTokenInvalid("The refresh token belongs to another kind of client.")
        if old.used_at is not None and now - old.used_at > REUSE_GRACE:
            await repository.end_session(
                session, UserId(account.id), SessionId(row.id), now, "refresh token reused"
            )
            return RefreshTokenReused("The refresh token was used before. The session has ended.")
        old.used_at = old.used_at or now
        row.expires_at = now + timedelta(seconds=REFRESH_TOKEN_SECONDS)
        refresh_token, token_row = self._new_refresh_token(row, now)
        await repository.add_refresh_token(session, token_row)
        return self._signed_in(account, row, refresh_token)

    async def _begin_session(
        self, session: WriteSession, account: UserAccount, client: Client
    ) -> SignedIn:
        now, owner = self._now(), UserId(account.id)
        await repository.delete_dead_sessions(session, owner, now)
        live = await repository.list_live_session_ids(session, owner, now)
        for oldest in live[limits.REFRESH_TOKENS_PER_USER_MAX - 1 :]:
            await repository.end_session(session, owner, SessionId(oldest), now, "too many")
        row = UserSession(
            id=new_uuid(),
            user_id=account.id,
            client=client,
            created_at=now,
            expires_at=now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
        )
        refresh_token, token_row = self._new_refresh_token(row, now)
        await repository.add_session(session, row, token_row)
        return self._signed_in(account, row, refresh_token)

    def _new_refresh_token(self, row: UserSession, now: datetime) -> tuple[str, RefreshToken]:
        token = new_refresh_token()
        return token, RefreshToken(
            id=new_uuid(),
            session_id=row.id,
            token_hash=refresh_token_hash(token),
            issued_at=now,
            expires_at=now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
        )

    def _signed_in(self, account: UserAccount, row: UserSession, refresh_token: str) -> SignedIn:
        access = self._signer.sign(UserId(account.id), SessionId(row.id), account.role)
        return SignedIn(access, refresh_token, to_user(account), cast("Client", row.client))

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


async def get_user(session: ReadSession, owner: UserId) -> schemas.User:
    """Return the account of `owner`. Errors: AccountGone."""
    return to_user(await _get_account(session, owner))


async def update_user(
    session: WriteSession, owner: UserId, changes: schemas.UserUpdate, clock: Clock
) -> schemas.User:
    """Change the account of `owner`.

    Effects: writes user_account.
    Errors:  AccountGone, DisplayNameUnusable.
    """
    account = await _get_account(session, owner)
    if changes.display_name is not None:
        account.display_name = rules.clean_display_name(changes.display_name)
        account.updated_at = to_datetime(clock.now_ns())
    return to_user(account)


async def _get_account(session: ReadSession, owner: UserId) -> UserAccount:
    account = await repository.find_account(session, owner)
    if account is None:
        raise AccountGone("The account of this access token does not exist any more.")
    return account


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything of identity that one process needs, wired."""

    authenticator: Authenticator
    sign_in: SignInService
    hasher: PasswordHasher
    clock: Clock

    @classmethod
    def wire(
        cls,
        *,
        database: Database,
        redis: Redis,
        signing_key: SigningKey,
        clock: Clock,
        retired_keys: Sequence[Ed25519PublicKey] = (),
        bcrypt_cost: int = COST_DEFAULT,
    ) -> Self:
        """Build the services. `retired_keys` still verify tokens but sign none."""
        hasher = PasswordHasher(cost=bcrypt_cost)
        return cls(
            authenticator=Authenticator(
                AccessTokenVerifier([signing_key.public, *retired_keys], clock)
            ),
            sign_in=SignInService(
                database,
                hasher=hasher,
                signer=AccessTokenSigner(signing_key, clock),
                throttle=LoginThrottle(redis, clock),
                clock=clock,
            ),
            hasher=hasher,
            clock=clock,
        )

    async def close(self) -> None:
        await asyncio.to_thread(self.hasher.close)


def new_account(
    email: str, password_hash: str, display_name: str, role: Role, now: datetime
) -> UserAccount:
    return UserAccount(
        id=new_uuid(),
        email=email,
        email_key=rules.email_key(email),
        display_name=display_name,
        role=role,
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )


def to_user(account: UserAccount) -> schemas.User:
    return schemas.User(
        id=account.id,
        email=account.email,
        display_name=account.display_name,
        role=cast("Role", account.role),
        created_at=account.created_at,
    )


def to_tokens(signed_in: SignedIn) -> schemas.Tokens:
    """Return what goes over the wire: a web client's refresh token is in its cookie instead."""
    native = signed_in.client == "native"
    return schemas.Tokens(
        access_token=signed_in.access_token,
        expires_in=ACCESS_TOKEN_SECONDS,
        refresh_token=signed_in.refresh_token if native else None,
        user=signed_in.user,
    )
