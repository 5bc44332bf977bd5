"""Sessions: beginning one, keeping it alive, seeing and ending one's own.

`SessionStarter` is the one place that makes sessions, whatever way somebody signs in. What ends
sessions commits first and announces then (`ended_sessions`), so that their access tokens are
refused at once as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from optix.features.identity import mails, repository, schemas
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.features.identity.schemas import Client, Method, Role
from optix.features.identity.tokens import (
    ACCESS_TOKEN_SECONDS,
    REFRESH_TOKEN_SECONDS,
    AccessTokenSigner,
    new_salt,
    new_token,
    successor_of,
    token_hash,
)
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.kernel.errors import Forbidden, NotFound, Unauthenticated
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform import audit
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database, ReadSession, WriteSession
from optix.platform.origin import Origin

REFRESH_GRACE: Final = timedelta(seconds=limits.REFRESH_GRACE_SECONDS)
# What proves more than a password; a sign-in with one of them counts as a step-up.
STRONG_METHODS: Final = frozenset[Method]({"passkey", "totp", "recovery_code"})


class RefreshTokenInvalid(Unauthenticated):
    code = "refresh_token_invalid"
    next_step = "Sign in again."


class RefreshTokenReused(Unauthenticated):
    """A token came twice: one of the two holders is not the owner, so both are out."""

    code = "refresh_token_reused"
    next_step = "Sign in again. If you did not use another copy of the app, change your password."


class AccountDisabled(Forbidden):
    code = "account_disabled"
    next_step = "Ask the people who run this server."


class SessionNotFound(NotFound):
    code = "session_not_found"
    next_step = "Load the list of sessions again."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its fresh tokens."""

    session_id: SessionId
    access_token: str
    refresh_token: str
    user: schemas.User
    client: Client


class SessionStarter:
    """Makes sessions and their tokens, in the caller's transaction."""

    def __init__(self, signer: AccessTokenSigner, clock: Clock) -> None:
        self._signer = signer
        self._clock = clock

    async def begin(
        self,
        session: WriteSession,
        account: UserAccount,
        *,
        client: Client,
        device_name: str,
        methods: Sequence[Method],
        origin: Origin,
    ) -> SignedIn:
        """Sign `account` in. `methods` are what was proved, in the order of proving.

        Effects: writes user_session, refresh_token, the audit trail; ends the oldest of too many
                 sessions; leaves a job that mails about a device never seen. So the transaction is
                 the system's, not the user's own.
        Errors:  AccountDisabled.
        """
        if account.disabled_at is not None:
            raise AccountDisabled("This account is disabled.")
        now, owner = self._now(), UserId(account.id)
        await repository.delete_dead_sessions(session, owner, now)
        live = await repository.list_live_session_ids(session, owner, now)
        # Their access tokens run out by themselves: this bounds rows, it shuts nobody out.
        too_many = live[limits.REFRESH_TOKENS_PER_USER_MAX - 1 :]
        await repository.end_sessions(session, owner, too_many, now, "too many")
        used_before = await repository.has_used_device(session, owner, client, origin.user_agent)
        row = UserSession(
            id=new_uuid(),
            user_id=account.id,
            client=client,
            device_name=device_name,
            user_agent=origin.user_agent,
            address=origin.address,
            methods=list(methods),
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
        )
        token = new_token()
        await repository.add_session(session, row, refresh_token_row(row, token, now))
        if used_before is False:
            await mails.notify(session, owner, "new_sign_in", session_id=SessionId(row.id))
        event = SecurityEvent(
            kind="session.started",
            user_id=owner,
            session_id=SessionId(row.id),
            detail={"client": client, "methods": " ".join(methods)},
        )
        await audit.record(session, event, origin, now)
        strong = not STRONG_METHODS.isdisjoint(methods)
        # Who has neither a password nor a factor can prove nothing more than by signing in.
        all_there_is = account.password_hash is None and not account.second_factor
        return self.signed_in(account, row, token, stepped_up=strong or all_there_is)

    def signed_in(
        self, account: UserAccount, row: UserSession, token: str, *, stepped_up: bool = False
    ) -> SignedIn:
        """Return the session `row` with a fresh access token."""
        access = self._signer.sign(
            UserId(account.id),
            SessionId(row.id),
            account.role,
            methods=row.methods,
            signed_in_at_ns=int(row.created_at.timestamp()) * NANOSECONDS,
            stepped_up=stepped_up,
        )
        client = cast("Client", row.client)
        return SignedIn(SessionId(row.id), access, token, to_user(account), client)

    def step_up(self, user: AuthenticatedUser, method: Method) -> str:
        """Return a new access token for the session of `user`, who has just proved `method`."""
        return self._signer.sign(
            user.id,
            user.session_id,
            user.role,
            methods=list(dict.fromkeys([*user.methods, method])),
            signed_in_at_ns=user.signed_in_at_ns,
            stepped_up=True,
        )

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


class Sessions:
    """Keeps sessions alive and ends them. Effects: writes user_session, refresh_token."""

    def __init__(
        self, database: Database, *, starter: SessionStarter, ended: EndedSessions, clock: Clock
    ) -> None:
        self._database = database
        self._starter = starter
        self._ended = ended
        self._clock = clock

    async def refresh(self, token: str, client: Client, origin: Origin) -> SignedIn:
        """Exchange a refresh token for new tokens.

        Each works once. Whoever did not get the answer may ask again within the grace, and is given
        the same next token: nothing forks.
        Errors:  RefreshTokenInvalid; RefreshTokenReused, which has ended the whole session.
        """
        async with self._database.writing() as session:
            outcome = await self._rotate(session, token, client, origin)
        # Raised after the commit: ending the session of a reused token must survive the error.
        if isinstance(outcome, _Reused):
            await self._ended.announce([outcome.session_id])
            raise RefreshTokenReused("The refresh token was used before. The session has ended.")
        if isinstance(outcome, RefreshTokenInvalid):
            raise outcome
        return outcome

    async def log_out(self, token: str, origin: Origin) -> None:
        """End the session of a refresh token. An unknown token is no error: it is out already."""
        async with self._database.writing() as session:
            found = await repository.find_refresh_token_for_update(session, token_hash(token))
            if found is None:
                return
            owner, session_id = UserId(found.account.id), SessionId(found.session.id)
            ended = await self._end(session, owner, [session_id], "logout")
            event = SecurityEvent(kind="session.ended", user_id=owner, session_id=session_id)
            await audit.record(session, event, origin, self._now())
        await self._ended.announce(ended)

    async def end(self, user: AuthenticatedUser, session_id: SessionId, origin: Origin) -> None:
        """End one of the user's sessions, also the current one. Errors: SessionNotFound."""
        async with self._database.writing() as session:
            ended = await self._end(session, user.id, [session_id], "revoked")
            if not ended:
                raise SessionNotFound("You have no such session.")
            event = SecurityEvent(kind="session.revoked", user_id=user.id, session_id=session_id)
            await audit.record(session, event, origin, self._now())
        await self._ended.announce(ended)

    async def end_others(self, user: AuthenticatedUser, origin: Origin) -> int:
        """End all of the user's sessions but the current one; return how many."""
        async with self._database.writing() as session:
            ended = await self.end_all(session, user.id, "revoked", keep=user.session_id)
            event = SecurityEvent(
                kind="session.others_revoked", user_id=user.id, detail={"sessions": len(ended)}
            )
            await audit.record(session, event, origin, self._now())
        await self._ended.announce(ended)
        return len(ended)

    async def end_all(
        self,
        session: WriteSession,
        owner: UserId,
        because: str,
        *,
        keep: SessionId | None = None,
    ) -> Sequence[SessionId]:
        """End the sessions of `owner` in the caller's transaction, who announces them after it."""
        live = await repository.list_live_session_ids(session, owner, self._now())
        ending = [session_id for session_id in live if session_id != keep]
        return await self._end(session, owner, ending, because)

    async def announce(self, ended: Sequence[SessionId]) -> None:
        """Let every process refuse what `end_all` ended, once that is committed."""
        await self._ended.announce(ended)

    async def list_own(self, session: ReadSession, user: AuthenticatedUser) -> schemas.SessionList:
        """Return the user's live sessions, newest first."""
        rows = await repository.list_live_sessions(session, user.id, self._now())
        return schemas.SessionList(sessions=[to_session(row, user.session_id) for row in rows])

    async def _end(
        self, session: WriteSession, owner: UserId, ids: Sequence[SessionId], because: str
    ) -> Sequence[SessionId]:
        return await repository.end_sessions(session, owner, ids, self._now(), because)

    async def _rotate(
        self, session: WriteSession, token: str, client: Client, origin: Origin
    ) -> SignedIn | RefreshTokenInvalid | _Reused:
        now = self._now()
        found = await repository.find_refresh_token_for_update(session, token_hash(token))
        if found is None:
            return RefreshTokenInvalid("The refresh token is not known.")
        old, row, account = found.token, found.session, found.account
        if row.ended_at is not None or min(old.expires_at, row.expires_at) <= now:
            return RefreshTokenInvalid("The session has ended.")
        if account.disabled_at is not None:
            return RefreshTokenInvalid("The account is disabled.")
        if row.client != client:
            # A web client's token lives in its cookie; the same token in a body was taken.
            return RefreshTokenInvalid("The refresh token belongs to another kind of client.")
        if old.used_at is None:
            token = await self._use_up(session, token, old, row, now)
        else:
            newest = await self._newest_within_grace(session, token, old, now)
            if newest is None:
                owner, session_id = UserId(account.id), SessionId(row.id)
                await self._end(session, owner, [session_id], "refresh token reused")
                event = SecurityEvent(
                    kind="session.token_reused",
                    outcome="failure",
                    user_id=owner,
                    session_id=session_id,
                )
                await audit.record(session, event, origin, now)
                return _Reused(session_id)
            token = newest
        row.last_seen_at = now
        row.user_agent, row.address = origin.user_agent, origin.address
        return self._starter.signed_in(account, row, token)

    async def _use_up(
        self, session: WriteSession, token: str, old: RefreshToken, row: UserSession, now: datetime
    ) -> str:
        """Make the successor of an unused token and return it."""
        old.used_at, old.successor_salt = now, new_salt()
        successor = successor_of(token, old.successor_salt)
        last = row.created_at + timedelta(days=limits.SESSION_DAYS_MAX)
        row.expires_at = min(now + timedelta(seconds=REFRESH_TOKEN_SECONDS), last)
        await repository.add_refresh_token(session, refresh_token_row(row, successor, now))
        return successor

    async def _newest_within_grace(
        self, session: WriteSession, token: str, used: RefreshToken, now: datetime
    ) -> str | None:
        """Follow the family from a used token to its unused end; None if that is no retry.

        Another tab may have gone on meanwhile: going back to a token that it has used up would end
        the session at the next refresh.
        """
        for _ in range(limits.REFRESH_RETRIES_FOLLOWED_MAX):
            assert used.used_at is not None, "only used tokens are followed"
            if used.successor_salt is None or now - used.used_at > REFRESH_GRACE:
                return None
            token = successor_of(token, used.successor_salt)
            following = await repository.find_refresh_token(session, token_hash(token))
            if following is None:
                return None
            if following.used_at is None:
                return token
            used = following
        return None

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


@dataclass(frozen=True, slots=True)
class _Reused:
    """A used token came back too late; its session has been ended."""

    session_id: SessionId


def refresh_token_row(row: UserSession, token: str, now: datetime) -> RefreshToken:
    return RefreshToken(
        id=new_uuid(),
        session_id=row.id,
        token_hash=token_hash(token),
        issued_at=now,
        expires_at=now + timedelta(seconds=REFRESH_TOKEN_SECONDS),
    )


def to_user(account: UserAccount) -> schemas.User:
    return schemas.User(
        id=account.id,
        email=account.email,
        display_name=account.display_name,
        role=cast("Role", account.role),
        created_at=account.created_at,
        preferences=schemas.Preferences.model_validate(account.preferences),
        has_password=account.password_hash is not None,
        second_factor=account.second_factor,
    )


def to_session(row: UserSession, current: SessionId | None) -> schemas.Session:
    return schemas.Session(
        id=row.id,
        current=row.id == current,
        client=cast("Client", row.client),
        device_name=row.device_name,
        user_agent=row.user_agent,
        address=row.address,
        methods=cast("list[Method]", row.methods),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at or row.created_at,
        expires_at=row.expires_at,
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
