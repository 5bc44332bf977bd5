"""SnapTrade: many brokerages through one portal; OPTIX sees no credentials of theirs, and reads.

Each connection has a user of its own at SnapTrade, with a random name: nothing there says who it
is, and ending the connection ends the user.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from optix.adapters.brokers.asking import Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read, read_rows
from optix.adapters.brokers.snaptrade import translate, wire
from optix.adapters.brokers.snaptrade.client import (
    API_URL,
    OPEN_ORDER_DAYS,
    ORDER_DAYS,
    PORTAL_SECONDS,
    REQUESTS_PER_MINUTE,
    SnapTradeClient,
    explain,
    path_note,
)
from optix.adapters.brokers.snaptrade.signing import SigningTransport, SnapTradeUser, is_signed
from optix.adapters.brokers.snaptrade.words import LABEL
from optix.adapters.brokers.webhooks import Deliveries, WebhookRefused
from optix.adapters.web.pacing import X_RATELIMIT
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, to_ns
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import AccountSnapshot
from optix.kernel.ids import new_uuid
from optix.kernel.order import Order
from optix.ports.broker import (
    ActivityPage,
    BrokerAccount,
    BrokerCapabilities,
    BrokerRead,
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    ExchangeLog,
    Grant,
    Hint,
    ReachedBrokerage,
    Renew,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

BROKERAGES_SECONDS: Final = 900  # the list of brokerages is asked for again after that
PORTAL_VERSION: Final = "v4"
_BROKEN: Final = frozenset({"connectionbroken", "connectiondeleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapTradeApp:
    """The keys of the installation. The address is for tests."""

    client_id: str
    consumer_key: SecretStr = field(repr=False)
    api_url: str = API_URL


class SnapTradeBroker:
    """The aggregator for all users of this installation, who share one allowance."""

    def __init__(self, app: SnapTradeApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._clock = wiring.clock
        self._pacing = pacing_of(LABEL, wiring, requests=REQUESTS_PER_MINUTE, headers=X_RATELIMIT)
        self._deliveries = Deliveries(LABEL, wiring.clock)
        self._asking = asyncio.Lock()
        self._reached: tuple[int, Sequence[ReachedBrokerage]] | None = None
        self.capabilities = BrokerCapabilities(
            name="snaptrade",
            label=LABEL,
            sign_in=(SignInKind.PORTAL,),
            reads=frozenset(BrokerRead),
            history_days=None,
            activity_ids=False,  # a day that is processed again has other ids
            revocable=True,
            login_seconds=None,
            sync_seconds_min=300,
            webhooks=True,
            asks_brokerages=True,
        )

    async def list_brokerages(self) -> Sequence[ReachedBrokerage]:
        """Return what SnapTrade reaches, as it said at most BROKERAGES_SECONDS ago."""
        async with self._asking:
            now_ns = self._clock.now_ns()
            if self._reached is None or now_ns >= self._reached[0]:
                client = self._client()
                try:
                    told = await client.fetch_brokerages()
                finally:
                    await client.close()
                rows = read_rows(wire.Brokerage, told, LABEL)
                ends_ns = now_ns + BROKERAGES_SECONDS * NANOSECONDS
                self._reached = (ends_ns, translate.brokerages(rows))
            return self._reached[1]

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        if request.brokerage:
            await self._check_reached(request.brokerage)
        known = request.reconnect or {}
        user = _user_of(known) if known else await self._register()
        asked: dict[str, Any] = {
            "connectionType": "read",
            "connectionPortalVersion": PORTAL_VERSION,
            "immediateRedirect": True,
            "customRedirect": f"{request.callback_url}?{urlencode({'state': request.state})}",
        }
        if request.brokerage:
            asked["broker"] = request.brokerage
        if known:
            asked["reconnect"] = known.get("connection", "")
        client = self._client(user)
        try:
            login = read(wire.Login, await client.login(asked), LABEL)
        finally:
            await client.close()
        return SignInStart(
            url=login.redirect_uri,
            secrets={
                "user_id": user.id,
                "user_secret": user.secret,
                "connection": known.get("connection", ""),
            },
            seconds=PORTAL_SECONDS,
        )

    async def complete(self, answer: SignInAnswer) -> Grant:
        if answer.values.get("status", "").upper() != "SUCCESS":
            raise SignInRefused(f"{LABEL} made no connection to the brokerage.")
        wanted = answer.values.get("connection_id", "")
        before = answer.secrets.get("connection", "")
        if not wanted or (before and before != wanted):
            raise SignInRefused(f"{LABEL} connected something else than was begun.")
        client = self._client(_user_of(answer.secrets))
        try:
            connection = await _find_connection(client, wanted)
        except SignInNeeded as error:
            raise SignInRefused(f"{LABEL} does not know this sign-in.") from error
        finally:
            await client.close()
        if connection is None or connection.disabled:
            raise SignInRefused(f"{LABEL} has no such connection of this sign-in.")
        return Grant(
            credentials={
                "user_id": answer.secrets.get("user_id", ""),
                "user_secret": answer.secrets.get("user_secret", ""),
                "connection": connection.id,
            },
            access_ends=None,
            login_ends=None,
            login_key=connection.id,
            scope=connection.type or "",
        )

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        del credentials  # nothing is renewed: SnapTrade keeps the brokerage's tokens
        raise SignInNeeded(f"{LABEL} does not take this sign-in any more.")

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """End the connection, and the user that stands for it: SnapTrade keeps nothing."""
        user = _user_of(credentials)
        client = self._client(user)
        try:
            await client.delete_connection(credentials.get("connection", ""))
        except SignInNeeded:
            pass  # no such user: nothing of the connection is left
        finally:
            await client.close()
        client = self._client()
        try:
            await client.delete_user(user.id)
        finally:
            await client.close()

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        del renew  # see above
        client = self._client(_user_of(credentials), log)
        return SnapTradeSession(client, credentials.get("connection", ""))

    async def read_hint(self, headers: Mapping[str, str], body: bytes) -> Sequence[Hint]:
        """Return what a webhook says; one that came before says nothing again."""
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            raise WebhookRefused(f"{LABEL}'s webhook is not JSON.") from None
        if not is_signed(headers, payload, self._app.consumer_key):
            raise WebhookRefused(f"The signature of {LABEL}'s webhook does not hold.")
        try:
            told = read(wire.Webhook, payload, LABEL)
            sent = datetime.fromisoformat(told.event_timestamp)
        except (BrokerUnreadable, ValueError):
            raise WebhookRefused(f"{LABEL}'s webhook cannot be read.") from None
        if sent.tzinfo is None:
            raise WebhookRefused(f"{LABEL}'s webhook cannot be read: its time has no zone.")
        if told.client_id and told.client_id != self._app.client_id:
            raise WebhookRefused(f"{LABEL}'s webhook is for another application.")
        fresh = self._deliveries.take(told.webhook_id, to_ns(sent))
        if not fresh or not told.brokerage_authorization_id:
            return []
        word = told.event_type.replace("_", "").lower()
        return [
            Hint(
                login_key=told.brokerage_authorization_id,
                account_key=told.account_id or "",
                sign_in_needed=word in _BROKEN,
            )
        ]

    async def _check_reached(self, name: str) -> None:
        found = {each.name: each for each in await self.list_brokerages()}.get(name)
        if found is None:
            raise InvalidInput(f"{LABEL} does not reach this brokerage.")
        if not found.available:
            raise BrokerUnavailable(f"{found.label}: {found.note}")

    async def _register(self) -> SnapTradeUser:
        client = self._client()
        try:
            told = await client.register_user(str(new_uuid()))
        finally:
            await client.close()
        registered = read(wire.Registered, told, LABEL)
        return SnapTradeUser(registered.user_id, registered.user_secret)

    def _client(
        self, user: SnapTradeUser | None = None, log: ExchangeLog | None = None
    ) -> SnapTradeClient:
        transport = SigningTransport(
            self._wiring.transport or httpx.AsyncHTTPTransport(),
            client_id=self._app.client_id,
            consumer_key=self._app.consumer_key,
            clock=self._clock,
            user=user,
        )
        rest = client_of(
            LABEL,
            replace(self._wiring, transport=transport),
            base_url=self._app.api_url,
            pacing=self._pacing,
            log=log,
            path_note=path_note,
            explain=explain,
        )
        return SnapTradeClient(rest)


class SnapTradeSession:
    """One connection: the accounts of one login at one brokerage."""

    def __init__(self, client: SnapTradeClient, connection: str) -> None:
        self._client = client
        self._connection = connection
        self._accounts: dict[str, wire.Account] = {}

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        """Return the accounts, once it is sure that what is said of them is not from long ago."""
        found = await _find_connection(self._client, self._connection)
        if found is None:
            raise SignInNeeded(f"{LABEL} has no connection to this brokerage any more.")
        if found.disabled:
            # Reads would still answer, with what was true before.
            raise SignInNeeded(f"{LABEL} has lost its connection to the brokerage.")
        return translate.accounts(await self._read_accounts())

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        told = await self._account(account.key)
        rows = read_rows(wire.Balance, await self._client.fetch_balances(account.key), LABEL)
        answer = read(wire.Positions, await self._client.fetch_positions(account.key), LABEL)
        positions, warnings = translate.positions(answer.results)
        as_of = translate.moment_of(answer.data_freshness.as_of)
        if as_of is None:
            raise BrokerUnreadable(f"{LABEL} does not say of when its positions are.")
        complete = translate.is_synced(told)
        if not complete:
            warnings.append(f"{LABEL} has not read all of this account yet.")
        return AccountSnapshot(
            as_of=as_of,
            complete=complete,
            positions=tuple(positions),
            balances=tuple(translate.balances(rows, told)),
            warnings=tuple(warnings),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return the orders of the day, and those that are still open from days before."""
        told = await self._client.fetch_orders(account.key, "all", ORDER_DAYS)
        rows = [] if told is None else read_rows(wire.Order, told, LABEL)
        told = await self._client.fetch_orders(account.key, "open", OPEN_ORDER_DAYS)
        older = [] if told is None else read_rows(wire.Order, told, LABEL)
        known = {row.brokerage_order_id for row in rows}
        return translate.orders(
            [*rows, *(row for row in older if row.brokerage_order_id not in known)]
        )

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: offsets move when lines come in, so only a steady reading counts."""
        told = await self._account(account.key)
        if not translate.has_history(told):
            raise BrokerUnavailable(f"{LABEL} is still reading the history of this account.")
        for _ in range(limits.BROKER_READINGS_MAX):
            rows = await self._history(account, first, last)
            if rows is not None:
                lines = [line for line in translate.activities(rows) if first <= line.day <= last]
                yield ActivityPage(rows=lines, last=True)
                return
        raise BrokerUnavailable(f"{LABEL}'s history changed while it was read.")

    async def close(self) -> None:
        await self._client.close()

    async def _history(
        self, account: BrokerAccount, first: date, last: date
    ) -> list[wire.Activity] | None:
        """Return the lines of all pages, None if they moved meanwhile."""
        rows: list[wire.Activity] = []
        total: int | None = None
        for _ in range(limits.BROKER_PAGES_MAX):
            told = await self._client.fetch_activities(
                account.key, first.isoformat(), last.isoformat(), len(rows)
            )
            page = read(wire.Activities, told, LABEL)
            if total is not None and page.pagination.total != total:
                return None
            total = page.pagination.total
            rows += page.data
            if len(rows) == len(page.data) >= total:
                return rows
            if len(rows) >= total:
                # A line that moved is there twice, and another one not at all.
                return rows if len({row.id for row in rows}) == len(rows) == total else None
            if not page.data:
                return None
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def _account(self, key: str) -> wire.Account:
        if key not in self._accounts:
            await self._read_accounts()
        try:
            return self._accounts[key]
        except KeyError:
            raise BrokerUnavailable(f"{LABEL} does not list this account any more.") from None

    async def _read_accounts(self) -> list[wire.Account]:
        rows = read_rows(wire.Account, await self._client.fetch_accounts(), LABEL)
        own = [row for row in rows if row.brokerage_authorization == self._connection]
        self._accounts = {row.id: row for row in own}
        return own


async def _find_connection(client: SnapTradeClient, name: str) -> wire.Connection | None:
    rows = read_rows(wire.Connection, await client.fetch_connections(), LABEL)
    return next((row for row in rows if row.id == name), None)


def _user_of(credentials: Mapping[str, str]) -> SnapTradeUser:
    return SnapTradeUser(credentials.get("user_id", ""), credentials.get("user_secret", ""))
