"""Tradier as a brokerage: sign-in by OAuth 2 or by a personal token; reads, never trades."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App, TokenAnswer, ends_at
from optix.adapters.brokers.tradier import translate, wire
from optix.adapters.brokers.tradier.client import (
    AUTHORISE_URL,
    HEADERS,
    LABEL,
    PRODUCTION_URL,
    REQUESTS_PER_MINUTE,
    SANDBOX_URL,
    TradierClient,
    explain,
    is_throttled,
    path_note,
)
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
    BrokerUnavailable,
    BrokerUnreadable,
    ExchangeLog,
    Grant,
    Renew,
    SignInAnswer,
    SignInField,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

TOKEN_SECONDS: Final = 86_399
READS: Final = frozenset(BrokerRead)
_FIELDS: Final = (
    SignInField("token", "API access token", secret=True, help="Tradier: Settings, API access."),
    SignInField("sandbox", "Is it the sandbox's? (yes or no)", secret=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradierApp:
    """The registered application; without one only personal tokens are taken.

    A `partner` gets refresh tokens. The addresses are for tests.
    """

    client_id: str = ""
    client_secret: SecretStr = field(default=SecretStr(""), repr=False)
    partner: bool = False
    production_url: str = PRODUCTION_URL
    sandbox_url: str = SANDBOX_URL
    authorise_url: str = AUTHORISE_URL


class TradierBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: TradierApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._clock = wiring.clock
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.client_id,
            client_secret=app.client_secret,
            authorise_url=app.authorise_url,
            token_path="/oauth/accesstoken",  # noqa: S106  # a path
            refresh_path="/oauth/refreshtoken",
            scope="read",
            sends_redirect=False,
        )
        signed_up = (SignInKind.OAUTH2,) if app.client_id else ()
        self.capabilities = BrokerCapabilities(
            name="tradier",
            label=LABEL,
            sign_in=(*signed_up, SignInKind.PERSONAL_TOKEN),
            reads=READS,
            history_days=None,
            activity_ids=False,
            revocable=False,
            login_seconds=None if app.partner else TOKEN_SECONDS,
            sync_seconds_min=30,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        if request.kind is SignInKind.PERSONAL_TOKEN:
            return SignInStart(fields=_FIELDS)
        return SignInStart(url=self._oauth.address(request))

    async def complete(self, answer: SignInAnswer) -> Grant:
        if answer.kind is SignInKind.PERSONAL_TOKEN:
            token = answer.values.get("token", "").strip()
            if not token:
                raise SignInRefused("The access token is missing.")
            sandbox = answer.values.get("sandbox", "").strip().lower() in {"yes", "y", "true", "1"}
            credentials = {"access_token": token, "sandbox": "1" if sandbox else ""}
            return await self._grant(credentials, None, None)
        rest = self._asking(self._app.production_url)
        try:
            told = await self._oauth.exchange(rest, answer)
        finally:
            await rest.close()
        return await self._granted(told)

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        refresh_token = credentials.get("refresh_token", "")
        if not refresh_token:
            raise SignInNeeded(f"{LABEL} ends a sign-in after a day.")
        rest = self._asking(self._app.production_url)
        try:
            told = await self._oauth.refresh(rest, refresh_token)
        finally:
            await rest.close()
        return await self._granted(told, refresh_token)

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Tradier has no such call: its users take the leave back in their own settings."""

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        url = self._app.sandbox_url if kept["sandbox"] else self._app.production_url
        rest = self._asking(url, kept=kept, log=log)
        return TradierSession(TradierClient(rest), self._clock)

    def _asking(
        self, url: str, *, kept: SessionCredentials | None = None, log: ExchangeLog | None = None
    ) -> RestClient:
        requests = REQUESTS_PER_MINUTE.get(url, REQUESTS_PER_MINUTE[SANDBOX_URL])
        more: dict[str, Any] = {}
        if kept is not None:
            more["headers"] = lambda: {"Authorization": f"Bearer {kept['access_token']}"}
            if kept["refresh_token"]:
                more["renew"] = kept.renew
        return client_of(
            LABEL,
            self._wiring,
            base_url=url,
            pacing=pacing_of(LABEL, self._wiring, requests=requests, headers=HEADERS),
            log=log,
            path_note=path_note,
            explain=explain,
            is_throttled=is_throttled,
            **more,
        )

    async def _granted(self, told: TokenAnswer, refresh_token: str = "") -> Grant:
        credentials = {
            "access_token": told.access_token,
            "refresh_token": told.refresh_token or refresh_token,
        }
        ends = ends_at(self._clock, told.expires_in, default_seconds=TOKEN_SECONDS)
        login_ends = None if credentials["refresh_token"] else ends
        return await self._grant(credentials, ends, login_ends, scope=told.scope or "")

    async def _grant(
        self, credentials: dict[str, str], ends: Any, login_ends: Any, *, scope: str = ""
    ) -> Grant:
        """Return a grant that works: whose it is has been asked with it."""
        session = self.open(credentials, renew=_never, log=_Silence())
        assert isinstance(session, TradierSession)
        try:
            login_key = await session.fetch_login_key()
        except SignInNeeded as error:
            raise SignInRefused(f"{LABEL} does not take this token.") from error
        finally:
            await session.close()
        return Grant(
            credentials=credentials,
            access_ends=ends,
            login_ends=login_ends,
            login_key=login_key,
            scope=scope,
        )


class TradierSession:
    """One signed-in user."""

    def __init__(self, client: TradierClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        return (await self._profile()).id

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        return translate.accounts(await self._profile())

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        told = await self._client.fetch_balances(account.key)
        balances = read(wire.BalancesAnswer, told, LABEL).balances
        told = await self._client.fetch_positions(account.key)
        positions = read(wire.PositionsAnswer, told, LABEL).positions
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(translate.positions(positions)),
            balances=(translate.balance(balances),),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        found: dict[str, Order] = {}
        for page in range(1, limits.BROKER_PAGES_MAX + 1):
            told = await self._client.fetch_orders(account.key, page)
            rows = translate.orders(read(wire.OrdersAnswer, told, LABEL).orders)
            fresh = [order for order in rows if order.id not in found]
            if not fresh:  # the last page, or a server that does not page
                return list(found.values())
            found |= {order.id: order for order in fresh}
        raise BrokerUnreadable(f"{LABEL} has more orders than can be.")

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: without ids only a reading during which nothing moved counts."""
        for _ in range(limits.BROKER_READINGS_MAX):
            pages = await self._pages(account, first, last)
            again = await self._page(account, first, last, 1) if len(pages) > 1 else pages[:1]
            if len(pages) < 2 or again == pages[0]:
                events = [event for page in pages for event in page]
                rows = [line for line in translate.activities(events) if first <= line.day <= last]
                yield ActivityPage(rows=rows, last=True)
                return
        raise BrokerUnavailable(f"{LABEL}'s history changed while it was read.")

    async def close(self) -> None:
        await self._client.close()

    async def _profile(self) -> wire.Profile:
        return read(wire.ProfileAnswer, await self._client.fetch_profile(), LABEL).profile

    async def _pages(
        self, account: BrokerAccount, first: date, last: date
    ) -> list[list[wire.Event]]:
        pages: list[list[wire.Event]] = []
        for number in range(1, limits.BROKER_PAGES_MAX + 1):
            # Not until a page is short: nobody documents how long one is at most.
            page = await self._page(account, first, last, number)
            if not page or page in pages[-1:]:  # the same again: a server that does not page
                return pages
            pages.append(page)
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def _page(
        self, account: BrokerAccount, first: date, last: date, number: int
    ) -> list[wire.Event]:
        told = await self._client.fetch_history(
            account.key, first.isoformat(), last.isoformat(), number
        )
        return read(wire.HistoryAnswer, told, LABEL).history


class _Silence:
    """Takes no note: there is no connection yet whose log it would be."""

    def add(self, **exchange: object) -> None:
        pass


async def _never(grant: Grant) -> None:  # noqa: ARG001  # a port's signature
    raise AssertionError("a fresh token is not renewed")
