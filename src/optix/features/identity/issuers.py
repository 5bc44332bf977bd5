"""Signing in with an outside issuer, and linking one to an account.

    app      POST issuers/<id>/start              -> the issuer's address; a handle that stays
    browser  the issuer, then issuers/<id>/callback with `state`  -> back to the app with a code
    app      POST issuers/finish with handle and code             -> signed in

Nobody can be signed in to an account of somebody else: the code alone is worth nothing without the
handle, and the handle never leaves the app that began. The callback only passes on what came; the
issuer is asked when the app finishes. An account is found by issuer and subject, never by e-mail.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from optix.features.identity import repository as accounts
from optix.features.identity import repository_factors as repository
from optix.features.identity import schemas_factors as wire
from optix.features.identity.accounts import new_account
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.factors import FactorService
from optix.features.identity.factors_passkeys import LastWayIn, locked_account
from optix.features.identity.mails import notify
from optix.features.identity.models import UserAccount
from optix.features.identity.models_factors import IssuerLink
from optix.features.identity.rules import DisplayNameUnusable, clean_display_name
from optix.features.identity.schemas import Client, Email, SecondFactorNeeded
from optix.features.identity.sessions import SessionStarter, SignedIn
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated
from optix.kernel.ids import UserId, new_uuid
from optix.platform.audit import SecurityEvent, record, record_alone
from optix.platform.db import Database, ReadSession, WriteSession
from optix.platform.one_time import OneTimeRecords, new_handle
from optix.platform.origin import Origin
from optix.ports.issuers import Issuer, IssuerAnswerRefused, IssuerFlow, IssuerIdentity

Purpose = Literal["sign_in", "link"]

RETURN_PATH: Final = "/sign-in/issuer"
NATIVE_ADDRESS: Final = "optix://sign-in/issuer"
PARAMETER_LENGTH_MAX: Final = 2_048

_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(Email)


class IssuerNotFound(NotFound):
    code = "issuer_not_found"
    next_step = "Choose one of `GET /api/v1/auth/issuers`."


class IssuerFlowInvalid(Unauthenticated):
    """Ended, used, begun elsewhere or for something else: the answer does not say which."""

    code = "issuer_flow_invalid"
    next_step = "Begin again from OPTIX, in one browser or app."


class IssuerEmailUnverified(Forbidden):
    code = "issuer_email_unverified"
    next_step = "Verify your e-mail address at the issuer, or register here with a password."


class IssuerAccountExists(Conflict):
    """The address has an account that is not linked. It is never linked by its e-mail alone."""

    code = "issuer_account_exists"
    next_step = "Sign in as before, then link the issuer in the security settings."


class IssuerLinkedElsewhere(Conflict):
    code = "issuer_linked_elsewhere"
    next_step = "Sign in with it, or unlink it from the other account first."


class TooManyIssuers(Conflict):
    code = "too_many_issuers"
    next_step = "Unlink one that you no longer use."


class LinkNotFound(NotFound):
    code = "issuer_link_not_found"
    next_step = "Load the list of linked issuers again."


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a flow was begun for."""

    purpose: Purpose
    client: Client
    session: str = ""  # of who links


class IssuerService:
    """Effects: keeps flows; writes issuer_link, user_account, user_session, refresh_token."""

    def __init__(
        self,
        database: Database,
        *,
        issuers: Sequence[Issuer],
        records: OneTimeRecords,
        factors: FactorService,
        starter: SessionStarter,
        base_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._issuers = {issuer.id: issuer for issuer in issuers}
        self._records = records
        self._factors = factors
        self._starter = starter
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def list_configured(self) -> wire.IssuerList:
        """Return the issuers of this installation."""
        found = [wire.Issuer(id=each.id, name=each.name) for each in self._issuers.values()]
        return wire.IssuerList(issuers=found)

    async def start(self, issuer_id: str, client: Client) -> wire.IssuerRedirect:
        """Begin to sign in. Errors: IssuerNotFound, IssuerUnavailable."""
        return await self._begin(issuer_id, _Begun("sign_in", client))

    async def start_linking(
        self, issuer_id: str, client: Client, user: AuthenticatedUser
    ) -> wire.IssuerRedirect:
        """Begin to link an issuer to the account of `user`.

        Errors: IssuerNotFound, IssuerUnavailable.
        """
        return await self._begin(issuer_id, _Begun("link", client, str(user.session_id)))

    async def return_address(self, issuer_id: str, came: Mapping[str, str]) -> str:
        """Return where the browser goes on, for what came back with it. Nobody is signed in yet.

        Effects: takes the flow; keeps what came under a new code.
        """
        flow = await self._records.take("issuer_flow", came.get("state", ""))
        if flow is None or flow["issuer"] != issuer_id:
            return self._back("web", "error", "issuer_flow_invalid")
        client: Client = flow["client"]
        if "code" not in came or "error" in came:
            cancelled = came.get("error") == "access_denied"
            return self._back(client, "error", "cancelled" if cancelled else "issuer_refused")
        kept = {**flow, "state": came["state"], "code": came["code"], "iss": came.get("iss")}
        seconds = limits.ISSUER_CODE_SECONDS
        code = await self._records.keep("issuer_code", kept, seconds=seconds)
        return self._back(client, "code", code)

    async def finish(
        self, body: wire.IssuerFinish, origin: Origin
    ) -> SignedIn | SecondFactorNeeded:
        """Sign in as whom the issuer names; an unknown person gets an account.

        Errors: IssuerFlowInvalid, IssuerAnswerRefused, IssuerUnavailable, IssuerEmailUnverified,
                IssuerAccountExists, AccountDisabled.
        """
        identity = await self._identity(
            body, _Begun("sign_in", body.client), "sign_in.issuer", origin
        )
        async with self._database.writing() as session:
            account = await self._account_of(session, identity, origin)
            if not account.second_factor:
                return await self._starter.begin(
                    session,
                    account,
                    client=body.client,
                    device_name=body.device_name,
                    methods=["oidc"],
                    origin=origin,
                )
        return await self._factors.challenge(
            account, client=body.client, device_name=body.device_name, proved=["oidc"]
        )

    async def finish_linking(
        self, user: AuthenticatedUser, body: wire.IssuerFinish, origin: Origin
    ) -> wire.LinkedIssuer:
        """Link whom the issuer names to the account of `user`.

        Errors: IssuerFlowInvalid, IssuerAnswerRefused, IssuerUnavailable, IssuerLinkedElsewhere,
                TooManyIssuers.
        """
        begun = _Begun("link", body.client, str(user.session_id))
        identity = await self._identity(body, begun, "issuer.linked", origin)
        row = self._row(user.id, identity)
        async with self._database.writing() as session:
            await locked_account(session, user.id)
            ways = await repository.get_ways(session, user.id)
            if ways.issuers >= limits.ISSUERS_PER_USER_MAX:
                raise TooManyIssuers("No more issuers can be linked to this account.")
            if not await repository.add_issuer_link(session, row):
                raise IssuerLinkedElsewhere("This person is linked to an account already.")
            await self._record(session, "issuer.linked", user, row, origin)
        return self._to_linked(row)

    async def list_linked(self, session: ReadSession, owner: UserId) -> wire.LinkedIssuerList:
        """Return what is linked to the account of `owner`, oldest first."""
        rows = await repository.list_issuer_links(session, owner)
        return wire.LinkedIssuerList(linked=[self._to_linked(row) for row in rows])

    async def unlink(self, user: AuthenticatedUser, link_id: UUID, origin: Origin) -> None:
        """Errors: LinkNotFound; LastWayIn when nobody could sign in afterwards."""
        async with self._database.writing() as session:
            await locked_account(session, user.id)
            row = await repository.delete_issuer_link(session, user.id, link_id)
            if row is None:
                raise LinkNotFound("You have no such link.")
            if not (await repository.get_ways(session, user.id)).any_left:
                raise LastWayIn("This issuer is the only way to sign in to the account.")
            await self._record(session, "issuer.unlinked", user, row, origin)

    async def close(self) -> None:
        """Close the connections to the issuers."""
        for issuer in self._issuers.values():
            await issuer.close()

    # --- inside ------------------------------------------------------------------------------

    async def _begin(self, issuer_id: str, begun: _Begun) -> wire.IssuerRedirect:
        issuer = self._issuers.get(issuer_id)
        if issuer is None:
            raise IssuerNotFound("There is no such issuer.")
        handle, nonce, verifier = new_handle(), new_handle(), new_handle()
        kept = {
            "issuer": issuer_id,
            "nonce": nonce,
            "verifier": verifier,
            "holder": _digest(handle),
            "purpose": begun.purpose,
            "client": begun.client,
            "session": begun.session,
        }
        seconds = limits.ISSUER_FLOW_SECONDS
        state = await self._records.keep("issuer_flow", kept, seconds=seconds)
        flow = IssuerFlow(state=state, nonce=nonce, verifier=verifier)
        url = await issuer.fetch_authorization_url(flow)
        return wire.IssuerRedirect(url=url, handle=handle, expires_in=seconds)

    def _back(self, client: Client, name: str, value: str) -> str:
        # A fragment reaches no server and no log; an app is opened with a query.
        if client == "native":
            return f"{NATIVE_ADDRESS}?{name}={quote(value)}"
        return f"{self._base_url}{RETURN_PATH}#{name}={quote(value)}"

    async def _identity(
        self, body: wire.IssuerFinish, begun: _Begun, kind: str, origin: Origin
    ) -> IssuerIdentity:
        """Ask the issuer whom the flow of `body` stands for."""
        kept = await self._records.take("issuer_code", body.code.get_secret_value())
        issuer = self._issuers.get(kept["issuer"]) if kept else None
        if kept is None or issuer is None or not _is_holder(kept, body, begun):
            raise IssuerFlowInvalid("This sign-in has ended or was begun elsewhere.")
        flow = IssuerFlow(state=kept["state"], nonce=kept["nonce"], verifier=kept["verifier"])
        try:
            return await issuer.fetch_identity(flow, kept["code"], response_issuer=kept["iss"])
        except IssuerAnswerRefused as error:
            detail = {"issuer": issuer.url, "reason": error.detail}
            event = SecurityEvent(kind=kind, outcome="failure", detail=detail)
            await record_alone(self._database, event, origin, self._now())
            raise

    async def _account_of(
        self, session: WriteSession, identity: IssuerIdentity, origin: Origin
    ) -> UserAccount:
        link = await repository.find_issuer_link(session, identity.issuer, identity.subject)
        if link is None:
            return await self._new_account(session, identity, origin)
        link.last_used_at, link.email = self._now(), identity.email
        return await locked_account(session, UserId(link.user_id))

    async def _new_account(
        self, session: WriteSession, identity: IssuerIdentity, origin: Origin
    ) -> UserAccount:
        email = _usable_email(identity)
        wanted = new_account(email, None, _display_name(identity.name), "user", self._now())
        account = await accounts.add_account(session, wanted)
        if account is None:
            raise IssuerAccountExists("There is an account with this e-mail address.")
        owner = UserId(account.id)
        await repository.add_issuer_link(session, self._row(owner, identity))
        detail = {"issuer": identity.issuer}
        event = SecurityEvent(kind="account.created", user_id=owner, detail=detail)
        await record(session, event, origin, self._now())
        return account

    async def _record(
        self,
        session: WriteSession,
        kind: str,
        user: AuthenticatedUser,
        row: IssuerLink,
        origin: Origin,
    ) -> None:
        await notify(session, user.id, "factors_changed")
        event = SecurityEvent(
            kind=kind,
            user_id=user.id,
            session_id=user.session_id,
            detail={"issuer": row.issuer},
        )
        await record(session, event, origin, self._now())

    def _row(self, owner: UserId, identity: IssuerIdentity) -> IssuerLink:
        return IssuerLink(
            id=new_uuid(),
            user_id=owner,
            issuer=identity.issuer,
            subject=identity.subject,
            email=identity.email,
            created_at=self._now(),
            last_used_at=None,
        )

    def _to_linked(self, row: IssuerLink) -> wire.LinkedIssuer:
        known = next((each for each in self._issuers.values() if each.url == row.issuer), None)
        return wire.LinkedIssuer(
            id=row.id,
            issuer=known.id if known else row.issuer,
            name=known.name if known else row.issuer,
            email=row.email,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
        )

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _is_holder(kept: Mapping[str, Any], body: wire.IssuerFinish, begun: _Begun) -> bool:
    given = _digest(body.handle.get_secret_value())
    same = (kept["purpose"], kept["client"], kept["session"]) == (
        begun.purpose,
        begun.client,
        begun.session,
    )
    return hmac.compare_digest(str(kept["holder"]), given) and same


def _digest(handle: str) -> str:
    return hashlib.sha256(handle.encode()).hexdigest()


def _usable_email(identity: IssuerIdentity) -> str:
    if identity.email is None or not identity.email_verified:
        raise IssuerEmailUnverified("The issuer has not verified an e-mail address of yours.")
    try:
        return _EMAIL.validate_python(identity.email)
    except ValidationError as error:
        raise IssuerEmailUnverified("The issuer names an e-mail address nobody has.") from error


def _display_name(name: str | None) -> str:
    try:
        return clean_display_name(name or "")
    except DisplayNameUnusable:
        return ""  # nobody is kept out for what the issuer calls them
