"""Connecting a brokerage: through the broker's own page, or by what the user types.

    app      POST brokerages/<broker>/connect           -> the broker's address; a handle that stays
    browser  the broker, then brokerages/<broker>/callback with `state`  -> to the app with a code
    app      POST brokerages/<broker>/finish with handle and code        -> connected

The callback only keeps what came: the browser that brings it may be somebody else's, who was sent
to the broker's page by a stranger. The code is worth nothing without the handle, the handle never
leaves the app that began, and both are worth nothing to another user.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import UUID

import orjson
from redis.asyncio import Redis

from optix.features.brokerage import repository
from optix.features.brokerage.models import BrokerConnection
from optix.features.brokerage.sync import SEALED
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, OptixError
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database
from optix.platform.one_time import OneTimeRecords, digest_of, new_handle
from optix.platform.origin import Origin
from optix.platform.vault import Vault
from optix.ports.broker import (
    Broker,
    Grant,
    SignInAnswer,
    SignInKind,
    SignInRequest,
    SignInStart,
)

Client = Literal["web", "native"]

# Whose digest of a handle follows. Writer: api.
KEYS: Final = {"flow": "brokerage:flow:", "answer": "brokerage:answer:"}
RETURN_PATH: Final = "/brokerages/connected"
NATIVE_ADDRESS: Final = "optix://brokerages/connected"
PARAMETERS_MAX: Final = 12
PARAMETER_LENGTH_MAX: Final = 2_048


class BrokerNotFound(NotFound):
    code = "brokerage_not_found"
    next_step = "Choose one of `GET /api/v1/brokerages`."


class ConnectionNotFound(NotFound):
    code = "broker_connection_not_found"
    next_step = "Load the list of connections again."


class SignInKindUnknown(InvalidInput):
    code = "broker_sign_in_kind_unknown"
    next_step = "Choose one of the `sign_in` of this brokerage."


class FlowInvalid(Forbidden):
    """Ended, used, or begun by somebody else: the answer does not say which."""

    code = "broker_flow_invalid"
    next_step = "Connect again from OPTIX, in one browser or app."


class OtherLogin(Conflict):
    """Somebody signed in to another login than the one that was to be reconnected."""

    code = "broker_other_login"
    next_step = "Sign in at the broker with the login that this connection has, or add a new one."


class TooManyConnections(Conflict):
    code = "too_many_broker_connections"
    next_step = "Disconnect one that you no longer use."


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What the app goes on with: the broker's page or fields to fill in, and its own handle."""

    start: SignInStart
    handle: str
    code: str  # where no browser is needed: `finish` takes it with what was typed
    seconds: int


class ConnectionService:
    """Effects: keeps flows; writes broker_connection; records broker.* events."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        *,
        brokers: Mapping[str, Broker],
        vault: Vault,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._database = database
        self._records = OneTimeRecords(redis, KEYS)
        self._brokers = brokers
        self._vault = vault
        self._clock = clock
        self._base_url = base_url.rstrip("/")

    async def begin(
        self,
        owner: UserId,
        broker: str,
        *,
        kind: SignInKind | None = None,
        client: Client = "web",
        brokerage: str = "",
        connection_id: UUID | None = None,
    ) -> Begun:
        """Begin to connect, or with `connection_id` to sign in again.

        Errors: BrokerNotFound, ConnectionNotFound, TooManyConnections, BrokerUnavailable,
                InvalidInput.
        """
        house = self._broker(broker)
        kind = kind or house.capabilities.sign_in[0]
        if kind not in house.capabilities.sign_in:
            raise SignInKindUnknown(f"{house.capabilities.label} is not connected that way.")
        reconnect = None
        async with self._database.reading(owner=owner) as session:
            if connection_id is not None:
                known = await repository.find_connection(session, owner, connection_id)
                if known is None or known.broker != broker or known.state == "disconnected":
                    raise ConnectionNotFound("You have no such connection.")
                reconnect = known.credentials
            elif len(await repository.list_connections(session, owner)) >= (
                limits.BROKER_CONNECTIONS_PER_USER_MAX
            ):
                raise TooManyConnections("No more brokerages can be connected to this account.")
        handle, state, verifier = new_handle(), new_handle(), new_handle()
        credentials = None
        if reconnect is not None and connection_id is not None:
            credentials = orjson.loads(
                await self._vault.open(reconnect, row=connection_id, **SEALED)
            )
        start = await house.begin(
            SignInRequest(
                kind=kind,
                callback_url=self.callback_url(broker),
                state=state,
                code_challenge=_challenge(verifier),
                brokerage=brokerage,
                reconnect=credentials,
            )
        )
        flow = {
            "broker": broker,
            "kind": kind,
            "owner": str(owner),
            "holder": digest_of(handle),
            "client": client,
            "connection": str(connection_id) if connection_id else "",
            "sealed": await self._seal(handle, {"verifier": verifier, **start.secrets}),
        }
        seconds = min(start.seconds, limits.BROKER_FLOW_SECONDS_MAX)
        code = ""
        if start.url and not start.copies_code:
            await self._records.keep_as("flow", start.state or state, flow, seconds=seconds)
        else:
            code = await self._records.keep("answer", {**flow, "came": {}}, seconds=seconds)
        return Begun(start=start, handle=handle, code=code, seconds=seconds)

    def callback_url(self, broker: str) -> str:
        """Return the only address that a broker may send anybody back to."""
        return f"{self._base_url}/api/v1/brokerages/{broker}/callback"

    async def return_address(self, broker: str, came: Mapping[str, str]) -> str:
        """Return where the browser goes on, for what came back with it. Nothing is connected yet.

        Effects: takes the flow; keeps what came under a new code.
        """
        # OAuth 1 brings its request token back in place of a state.
        flow = await self._records.take("flow", came.get("state") or came.get("oauth_token", ""))
        if flow is None or flow["broker"] != broker:
            return self._back("web", "error", "broker_flow_invalid")
        client: Client = flow["client"]
        if "error" in came:
            cancelled = came["error"] == "access_denied"
            return self._back(client, "error", "cancelled" if cancelled else "broker_refused")
        kept = {
            name: value
            for name, value in list(came.items())[:PARAMETERS_MAX]
            if len(value) <= PARAMETER_LENGTH_MAX
        }
        code = await self._records.keep(
            "answer", {**flow, "came": kept}, seconds=limits.BROKER_CODE_SECONDS
        )
        return self._back(client, "code", code)

    async def finish(
        self,
        owner: UserId,
        broker: str,
        *,
        handle: str,
        code: str,
        typed: Mapping[str, str],
        origin: Origin,
    ) -> BrokerConnection:
        """Turn what came back, or was typed, into a connection that is read at once.

        Errors: FlowInvalid, OtherLogin, TooManyConnections, SignInRefused, BrokerUnavailable.
        """
        house = self._broker(broker)
        flow = await self._records.take("answer", code)
        if flow is None or not _may_finish(flow, owner, broker, handle):
            raise FlowInvalid("This connection was begun elsewhere, or too long ago.")
        secrets = await self._open(handle, flow["sealed"])
        verifier = secrets.pop("verifier")
        answer = SignInAnswer(
            kind=SignInKind(flow["kind"]),
            callback_url=self.callback_url(broker),
            values={**flow["came"], **typed},
            secrets=secrets,
            verifier=verifier,
        )
        try:
            grant = await house.complete(answer)
        except OptixError as error:
            await self._record(owner, "broker.connected", broker, origin, failure=error.code)
            raise
        wanted = UUID(flow["connection"]) if flow["connection"] else None
        connection = await self._connect(owner, house, flow["kind"], grant, wanted)
        await self._record(owner, "broker.connected", broker, origin)
        return connection

    async def _connect(
        self, owner: UserId, house: Broker, kind: str, grant: Grant, wanted: UUID | None
    ) -> BrokerConnection:
        """Write the connection: a new one, or the one that this login has."""
        name = house.capabilities.name
        now = self._now()
        fresh_id = new_uuid()
        login_key = login_key_of(name, grant.login_key or str(wanted or fresh_id))
        async with self._database.reading(owner=owner) as session:
            known = await repository.find_login(session, owner, name, login_key)
            many = len(await repository.list_connections(session, owner))
        if wanted is not None and (known is None or known.id != wanted):
            raise OtherLogin(f"This is another login at {house.capabilities.label}.")
        row_id = known.id if known is not None else fresh_id
        plain = orjson.dumps(dict(grant.credentials))
        values: dict[str, Any] = {
            "state": "connected",
            "sign_in": kind,
            "credentials": await self._vault.seal(plain, row=row_id, **SEALED),
            "access_ends": grant.access_ends,
            "login_ends": grant.login_ends,
            "scope": grant.scope,
            "signed_in_at": now,
            "next_sync_at": now,
            "claimed_until": None,
            "failures": 0,
            "failing_since": None,
            "failure_code": None,
            "failure_detail": None,
            "warned": 0,
        }
        if known is not None:
            async with self._database.writing(owner=owner) as session:
                if not await repository.set_connection(session, known.id, values):
                    raise ConnectionNotFound("This connection was ended meanwhile.")
            for column, value in values.items():
                setattr(known, column, value)
            return known
        if many >= limits.BROKER_CONNECTIONS_PER_USER_MAX:
            raise TooManyConnections("No more brokerages can be connected to this account.")
        connection = BrokerConnection(
            id=row_id,
            user_id=owner,
            broker=name,
            login_key=login_key,
            label=house.capabilities.label,
            created_at=now,
            last_sync_at=None,
            disconnected_at=None,
            **values,
        )
        async with self._database.writing(owner=owner) as session:
            await repository.add_connection(session, connection)
        return connection

    async def list_own(self, owner: UserId) -> list[BrokerConnection]:
        async with self._database.reading(owner=owner) as session:
            return list(await repository.list_connections(session, owner))

    async def ask_for_sync(self, owner: UserId, connection_id: UUID | None = None) -> int:
        """Let the worker read at once; return how many connections. Too eager ones wait.

        Errors: ConnectionNotFound.
        """
        now = self._now()
        async with self._database.writing(owner=owner) as session:
            count = await repository.hasten(session, owner, connection_id, now)
        if connection_id is not None and not count:
            raise ConnectionNotFound("You have no such connection that can be read.")
        return count

    async def disconnect(
        self, owner: UserId, connection_id: UUID, *, delete_history: bool, origin: Origin
    ) -> None:
        """End a connection: at the broker where that is possible, and here in any case.

        Effects: broker_connection; with `delete_history` its accounts and all they have.
        Errors:  ConnectionNotFound.
        """
        async with self._database.writing(owner=owner) as session:
            row = await repository.find_connection(session, owner, connection_id)
            if row is None or row.state == "disconnected":
                raise ConnectionNotFound("You have no such connection.")
            sealed, row.credentials = row.credentials, None
            row.state, row.disconnected_at = "disconnected", self._now()
            if delete_history:
                await repository.delete_accounts(session, connection_id)
        failure = ""
        house = self._brokers.get(row.broker)
        if sealed is not None and house is not None and house.capabilities.revocable:
            try:
                plain = await self._vault.open(sealed, row=connection_id, **SEALED)
                await house.revoke(orjson.loads(plain))
            except OptixError as error:
                failure = error.code  # the tokens are forgotten here all the same
        await self._record(owner, "broker.disconnected", row.broker, origin, failure=failure)

    def _broker(self, name: str) -> Broker:
        found = self._brokers.get(name)
        if found is None:
            raise BrokerNotFound("There is no such brokerage here.")
        return found

    def _back(self, client: Client, name: str, value: str) -> str:
        # A fragment reaches no server and no log; an app is opened with a query.
        if client == "native":
            return f"{NATIVE_ADDRESS}?{name}={quote(value)}"
        return f"{self._base_url}{RETURN_PATH}#{name}={quote(value)}"

    async def _seal(self, handle: str, values: Mapping[str, str]) -> str:
        plain = orjson.dumps(dict(values))
        place = {"table": "brokerage:flow", "row": digest_of(handle), "column": "sealed"}
        return base64.b64encode(await self._vault.seal(plain, **place)).decode()

    async def _open(self, handle: str, sealed: str) -> dict[str, str]:
        place = {"table": "brokerage:flow", "row": digest_of(handle), "column": "sealed"}
        return dict(orjson.loads(await self._vault.open(base64.b64decode(sealed), **place)))

    async def _record(
        self, owner: UserId, kind: str, broker: str, origin: Origin, *, failure: str = ""
    ) -> None:
        event = SecurityEvent(
            kind=kind,
            outcome="failure" if failure and kind == "broker.connected" else "success",
            user_id=owner,
            detail={"broker": broker, **({"reason": failure} if failure else {})},
        )
        await audit.record_alone(self._database, event, origin, self._now())

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _may_finish(flow: Mapping[str, Any], owner: UserId, broker: str, handle: str) -> bool:
    return (
        flow["broker"] == broker
        and flow["owner"] == str(owner)
        and hmac.compare_digest(str(flow["holder"]), digest_of(handle))
    )


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def login_key_of(broker: str, told: str) -> str:
    """Return what tells logins apart without keeping the broker's own id of a person."""
    return hashlib.sha256(f"{broker}\x1f{told}".encode()).hexdigest()
