"""The sandbox brokerage: sign-in by OAuth 2 with PKCE; reads, never trades."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App, TokenAnswer, ends_at
from optix.adapters.brokers.sandbox import hints, translate, wire
from optix.adapters.brokers.sandbox.client import (
    LABEL,
    REQUESTS_PER_MINUTE,
    SandboxClient,
    path_note,
)
from optix.adapters.brokers.webhooks import Deliveries, header_of
from optix.adapters.web.rest import RestClient
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import AccountSnapshot
from optix.kernel.order import Order
from optix.ports.broker import (
    ActivityPage,
    BrokerAccount,
    BrokerCapabilities,
    BrokerRead,
    BrokerSession,
    BrokerUnreadable,
    ExchangeLog,
    Grant,
    Hint,
    Renew,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

ACCESS_SECONDS: Final = 1_800
LOGIN_SECONDS: Final = 90 * 86_400  # without a renewal


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxApp:
    """OPTIX as the sandbox knows it.

    `api_url` is where this process reaches it, `authorise_url` where the user's browser does.
    """

    client_id: str
    client_secret: SecretStr = field(repr=False)
    api_url: str
    authorise_url: str


class SandboxBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: SandboxApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._clock = wiring.clock
        self._deliveries = Deliveries(LABEL, wiring.clock)
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.client_id,
            client_secret=app.client_secret,
            authorise_url=app.authorise_url,
            token_path="/sandbox/token",  # noqa: S106  # a path
            scope="read",
            pkce=True,
        )
        self.capabilities = BrokerCapabilities(
            name="sandbox",
            label=LABEL,
            sign_in=(SignInKind.OAUTH2,),
            reads=frozenset(BrokerRead),
            history_days=None,
            activity_ids=True,
            revocable=True,
            login_seconds=None,
            sync_seconds_min=10,
            several_logins=True,
            simulated=True,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind is not SignInKind.OAUTH2:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        return SignInStart(url=self._oauth.address(request))

    async def complete(self, answer: SignInAnswer) -> Grant:
        rest = self._asking()
        try:
            told = await self._oauth.exchange(rest, answer)
        finally:
            await rest.close()
        grant = self._granted(told)
        session = self.open(grant.credentials, renew=_never, log=_Silence())
        assert isinstance(session, SandboxSession)
        try:
            login_key = await session.fetch_login_key()
        except SignInNeeded as error:
            raise SignInRefused(f"{LABEL} does not take its own token.") from error
        finally:
            await session.close()
        return Grant(
            credentials=grant.credentials,
            access_ends=grant.access_ends,
            login_ends=grant.login_ends,
            login_key=login_key,
            scope=grant.scope,
        )

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        rest = self._asking()
        try:
            told = await self._oauth.refresh(rest, credentials.get("refresh_token", ""))
        finally:
            await rest.close()
        return self._granted(told)

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        rest = self._asking()
        try:
            await self._oauth.revoke(rest, "/sandbox/revoke", credentials.get("refresh_token", ""))
        finally:
            await rest.close()

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        return SandboxSession(SandboxClient(self._asking(kept=kept, log=log)), self._clock)

    async def read_hint(self, headers: Mapping[str, str], body: bytes) -> Sequence[Hint]:
        secret = self._app.client_secret.get_secret_value()
        sent, holder = hints.read_hint(secret, header_of(headers, hints.HEADER), body)
        fresh = self._deliveries.take(header_of(headers, hints.HEADER), sent)
        return [Hint(login_key=holder)] if fresh else []

    def _asking(
        self, *, kept: SessionCredentials | None = None, log: ExchangeLog | None = None
    ) -> RestClient:
        more: dict[str, Any] = {}
        if kept is not None:
            more["headers"] = lambda: {"Authorization": f"Bearer {kept['access_token']}"}
            more["renew"] = kept.renew
        return client_of(
            LABEL,
            self._wiring,
            base_url=self._app.api_url,
            pacing=pacing_of(LABEL, self._wiring, requests=REQUESTS_PER_MINUTE),
            log=log,
            path_note=path_note,
            **more,
        )

    def _granted(self, told: TokenAnswer) -> Grant:
        return Grant(
            credentials={
                "access_token": told.access_token,
                "refresh_token": told.refresh_token,
            },
            access_ends=ends_at(self._clock, told.expires_in, default_seconds=ACCESS_SECONDS),
            login_ends=to_datetime(self._clock.now_ns()) + timedelta(seconds=LOGIN_SECONDS),
            scope=told.scope or "",
        )


class SandboxSession:
    """One signed-in holder."""

    def __init__(self, client: SandboxClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        return read(wire.Accounts, await self._client.fetch_accounts(), LABEL).holder

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        return translate.accounts(await self._client.fetch_accounts())

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        balances = translate.balances(await self._client.fetch(account.key, "balances"))
        positions = translate.positions(await self._client.fetch(account.key, "positions"))
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(positions),
            balances=tuple(balances),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        return translate.orders(await self._client.fetch(account.key, "orders"))

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield the pages of history: lines are only appended, so none moves while it is read."""
        params: dict[str, str | int | float] = {
            "first": first.isoformat(),
            "last": last.isoformat(),
        }
        for _ in range(limits.BROKER_PAGES_MAX):
            told = await self._client.fetch(account.key, "transactions", params)
            following = read(wire.Transactions, told, LABEL).next
            yield ActivityPage(rows=translate.transactions(told), last=following is None)
            if following is None:
                return
            if following == params.get("cursor"):
                raise BrokerUnreadable(f"{LABEL} has the same page twice.")
            params["cursor"] = following
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def close(self) -> None:
        await self._client.close()


class _Silence:
    """Takes no note: there is no connection yet whose log it would be."""

    def add(self, **exchange: object) -> None:
        pass


async def _never(grant: Grant) -> None:  # noqa: ARG001  # a port's signature
    raise AssertionError("a fresh token is not renewed")
