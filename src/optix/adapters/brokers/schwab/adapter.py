"""Charles Schwab: sign-in by OAuth 2, once a week; reads, never trades."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App, TokenAnswer, ends_at
from optix.adapters.brokers.schwab import translate, wire
from optix.adapters.brokers.schwab.client import (
    AUTHORISE_URL,
    BASE_URL,
    LABEL,
    REQUESTS_PER_MINUTE,
    ROWS_MAX,
    TOKEN_PATH,
    SchwabClient,
    explain,
    path_note,
)
from optix.adapters.brokers.schwab.translate import NEW_YORK
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
    Renew,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

ACCESS_SECONDS: Final = 1_800
LOGIN_SECONDS: Final = 7 * 86_400  # from the login itself: renewing adds nothing
CODE_SECONDS: Final = 600  # of the user at the broker's page; the code itself holds half a minute
ORDER_DAYS: Final = 60  # as far back as Schwab lists orders
EDGE_DAYS: Final = 3  # an entry's time and its day may differ: asked for, then left out by day
SPAN_MIN: Final = timedelta(seconds=1)

Fetch = Callable[[datetime, datetime], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchwabApp:
    """The registered application. The addresses are for tests."""

    app_key: str
    app_secret: SecretStr = field(repr=False)
    base_url: str = BASE_URL
    authorise_url: str = AUTHORISE_URL


class SchwabBroker:
    """The brokerage for all users of this installation."""

    capabilities = BrokerCapabilities(
        name="schwab",
        label=LABEL,
        sign_in=(SignInKind.OAUTH2,),
        reads=frozenset(BrokerRead),
        history_days=None,
        activity_ids=True,
        revocable=False,
        login_seconds=LOGIN_SECONDS,
        sync_seconds_min=30,
    )

    def __init__(self, app: SchwabApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._clock = wiring.clock
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.app_key,
            client_secret=app.app_secret,
            authorise_url=app.authorise_url,
            token_path=TOKEN_PATH,
            scope="readonly",
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} has no such way of signing in.")
        return SignInStart(url=self._oauth.address(request), seconds=CODE_SECONDS)

    async def complete(self, answer: SignInAnswer) -> Grant:
        """Return a grant that works: whose it is has been asked with it."""
        rest = self._asking()
        try:
            told = await self._oauth.exchange(rest, answer)
        finally:
            await rest.close()
        login_ends = to_datetime(self._clock.now_ns()) + timedelta(seconds=LOGIN_SECONDS)
        rest = self._asking(headers=lambda: _bearer(told.access_token))
        try:
            login_key = await SchwabSession(SchwabClient(rest), self._clock).fetch_login_key()
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not let its own token in.") from None
        finally:
            await rest.close()
        return self._granted(told, told.refresh_token, login_ends, login_key)

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        refresh_token = credentials.get("refresh_token", "")
        if not refresh_token:
            raise SignInNeeded(f"{LABEL} gave nothing to renew the sign-in with.")
        rest = self._asking()
        try:
            told = await self._oauth.refresh(rest, refresh_token)
        finally:
            await rest.close()
        return self._granted(
            told,
            told.refresh_token or refresh_token,
            datetime.fromisoformat(credentials["login_ends"]),
            credentials["login_key"],
        )

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Schwab has no such call: its users take the leave back in its security centre."""

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        rest = self._asking(
            headers=lambda: _bearer(kept["access_token"]), renew=kept.renew, log=log
        )
        return SchwabSession(SchwabClient(rest), self._clock)

    def _asking(self, **more: Any) -> RestClient:
        return client_of(
            LABEL,
            self._wiring,
            base_url=self._app.base_url,
            pacing=pacing_of(LABEL, self._wiring, requests=REQUESTS_PER_MINUTE),
            path_note=path_note,
            explain=explain,
            **more,
        )

    def _granted(
        self, told: TokenAnswer, refresh_token: str, login_ends: datetime, login_key: str
    ) -> Grant:
        """Return the grant. When the login ends nobody says again: it is kept with the tokens."""
        return Grant(
            credentials={
                "access_token": told.access_token,
                "refresh_token": refresh_token,
                "login_ends": login_ends.isoformat(),
                "login_key": login_key,
            },
            access_ends=ends_at(self._clock, told.expires_in, default_seconds=ACCESS_SECONDS),
            login_ends=login_ends,
            login_key=login_key,
            scope=told.scope or "",
        )


class SchwabSession:
    """One signed-in user."""

    def __init__(self, client: SchwabClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def fetch_login_key(self) -> str:
        """Return who is signed in, as Schwab's streamer names its customer."""
        return translate.login_key(await self._preferences())

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        told = await self._client.fetch_account_numbers()
        numbers = read(wire.AccountNumbers, {"rows": told}, LABEL).rows
        told = await self._client.fetch_accounts()
        accounts = read(wire.Accounts, {"rows": told}, LABEL).rows
        return translate.accounts(numbers, accounts, await self._preferences())

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        told = read(wire.Account, await self._client.fetch_account(account.key), LABEL)
        if told.securities_account.account_number != account.stable_key:
            raise BrokerUnreadable(f"{LABEL} answered with another account.")
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(translate.positions(told)),
            balances=(translate.balance(told),),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        now = to_datetime(self._clock.now_ns())
        today = now.astimezone(NEW_YORK).date()
        # Not the day alone: an order good till cancelled was entered long before it is filled.
        # An hour is left at the far end, where a clock that is ahead or behind would be refused.
        first = now - timedelta(days=ORDER_DAYS) + timedelta(hours=1)
        rows = await read_span(
            lambda begin, end: self._client.fetch_orders(account.key, begin, end),
            first,
            _midnight(today + timedelta(days=1)) - timedelta(milliseconds=1),
        )
        orders = translate.orders(read(wire.Orders, {"rows": rows}, LABEL).rows)
        return [
            order
            for order in {order.id: order for order in orders}.values()
            if not order.status.is_final or translate.is_of_day(order, today)
        ]

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: Schwab does not page, it leaves out."""
        today = to_datetime(self._clock.now_ns()).astimezone(NEW_YORK).date()
        edge = timedelta(days=EDGE_DAYS)
        end = max(min(last + edge, today), last) + timedelta(days=1)
        rows = await read_span(
            lambda begin, end: self._client.fetch_transactions(account.key, begin, end),
            _midnight(first - edge),
            _midnight(end) - timedelta(milliseconds=1),
        )
        told = read(wire.Transactions, {"rows": rows}, LABEL).rows
        once = {each.activity_id: each for each in told}
        lines = translate.activities(list(once.values()))
        yield ActivityPage(rows=[line for line in lines if first <= line.day <= last], last=True)

    async def close(self) -> None:
        await self._client.close()

    async def _preferences(self) -> wire.Preferences:
        return read(wire.Preferences, await self._client.fetch_preferences(), LABEL)


async def read_span(fetch: Fetch, begin: datetime, end: datetime) -> list[Any]:
    """Return the rows between two moments, the newest last; those on a seam come twice.

    An answer that is full has left something out: its span is read again in halves. Raises
    BrokerUnreadable for what is no list, and where halving leads nowhere.
    """
    spans = [(begin, end)]
    rows: list[Any] = []
    for _ in range(limits.BROKER_PAGES_MAX):
        if not spans:
            return rows
        first, last = spans.pop()
        told = await fetch(first, last)
        if not isinstance(told, list):
            raise BrokerUnreadable(f"{LABEL} sent something that is no list.")
        if len(told) < ROWS_MAX:
            rows += told
            continue
        if last - first <= SPAN_MIN:
            raise BrokerUnreadable(f"{LABEL} has more lines in a second than it can show.")
        middle = first + (last - first) / 2
        spans += [(middle, last), (first, middle)]
    raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC)


def _bearer(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}
