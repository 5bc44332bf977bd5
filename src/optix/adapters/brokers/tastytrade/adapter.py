"""tastytrade as a brokerage: sign-in by OAuth 2 or by a personal grant; reads, never trades."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App, TokenAnswer, ends_at
from optix.adapters.brokers.tastytrade import translate, wire
from optix.adapters.brokers.tastytrade.client import (
    AUTHORISE_URL,
    LABEL,
    LIVE_URL,
    REQUESTS_PER_MINUTE,
    SANDBOX_AUTHORISE_URL,
    SANDBOX_URL,
    USER_AGENT,
    TastytradeClient,
    explain,
    path_note,
)
from optix.adapters.brokers.tastytrade.parsers import balances_of, items_of
from optix.adapters.web.rest import RestClient
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import AccountSnapshot, Deliverable, Position
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

TOKEN_SECONDS: Final = 900
FILLS_SECONDS: Final = 1.0  # that executions come later than the word that all are done
YES: Final = frozenset(("yes", "y", "true", "1"))
_WHERE = "my.tastytrade.com: Manage, My Profile, API."
_FIELDS: Final = (
    SignInField("refresh_token", "Refresh token of your grant", secret=True, help=_WHERE),
    SignInField("client_secret", "Client secret of your application", secret=True, help=_WHERE),
    SignInField("sandbox", "Is it the sandbox's? (yes or no)", secret=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TastytradeApp:
    """The application of a trusted partner; without one only personal grants are taken.

    Applications of the sandbox are its own. The addresses are for tests.
    """

    client_id: str = ""
    client_secret: SecretStr = field(default=SecretStr(""), repr=False)
    sandbox: bool = False
    live_url: str = LIVE_URL
    sandbox_url: str = SANDBOX_URL


class TastytradeBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: TastytradeApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.client_id,
            client_secret=app.client_secret,
            authorise_url=SANDBOX_AUTHORISE_URL if app.sandbox else AUTHORISE_URL,
            token_path="/oauth/token",  # noqa: S106  # a path
            scope="read",
            in_body=True,
            as_json=True,
            refused=frozenset((400,)),  # the gateway's page of 401 or 403 is no word on a grant
        )
        partner = (SignInKind.OAUTH2,) if app.client_id else ()
        self.capabilities = BrokerCapabilities(
            name="tastytrade",
            label=LABEL,
            sign_in=(*partner, SignInKind.PERSONAL_TOKEN),
            reads=frozenset(BrokerRead),
            history_days=None,
            activity_ids=True,
            revocable=False,
            login_seconds=None,
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
            typed = {each.name: answer.values.get(each.name, "").strip() for each in _FIELDS}
            if not typed["refresh_token"] or not typed["client_secret"]:
                raise SignInRefused("The refresh token or the client secret is missing.")
            typed["sandbox"] = "1" if typed["sandbox"].lower() in YES else ""
            try:
                grant = await self.renew(typed)
            except SignInNeeded:
                raise SignInRefused(f"{LABEL} does not take this grant.") from None
        else:
            sandbox = "1" if self._app.sandbox else ""
            rest = self._asking(sandbox)
            try:
                told = await self._oauth.exchange(rest, answer)
            finally:
                await rest.close()
            grant = self._granted(told, {"sandbox": sandbox})
        return replace(grant, login_key=await self._login_key(grant))

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        oauth = self._oauth
        if secret := credentials.get("client_secret"):
            oauth = replace(oauth, client_id="", client_secret=SecretStr(secret))
        rest = self._asking(credentials.get("sandbox", ""))
        try:
            told = await oauth.refresh(rest, credentials.get("refresh_token", ""))
        finally:
            await rest.close()
        return self._granted(told, credentials)

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Do nothing: a grant ends only when its user deletes it at tastytrade."""

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        rest = self._asking(
            kept["sandbox"], token=lambda: kept["access_token"], renew=kept.renew, log=log
        )
        return self._session(rest, kept["sandbox"])

    def _session(self, rest: RestClient, sandbox: str) -> TastytradeSession:
        return TastytradeSession(TastytradeClient(rest), self._wiring, simulated=bool(sandbox))

    def _asking(
        self,
        sandbox: str,
        *,
        token: Callable[[], str] | None = None,
        renew: Callable[[], Awaitable[bool]] | None = None,
        log: ExchangeLog | None = None,
    ) -> RestClient:
        def headers() -> dict[str, str]:
            bearer = {} if token is None else {"Authorization": f"Bearer {token()}"}
            return {"User-Agent": USER_AGENT, "Content-Type": "application/json", **bearer}

        return client_of(
            LABEL,
            self._wiring,
            base_url=self._app.sandbox_url if sandbox else self._app.live_url,
            pacing=pacing_of(LABEL, self._wiring, requests=REQUESTS_PER_MINUTE),
            headers=headers,
            renew=renew,
            log=log,
            path_note=path_note,
            explain=explain,
        )

    def _granted(self, told: TokenAnswer, credentials: Mapping[str, str]) -> Grant:
        """Return the grant; a renewal brings no other refresh token, and the first one stays."""
        refresh_token = told.refresh_token or credentials.get("refresh_token", "")
        if not refresh_token:
            raise BrokerUnreadable(f"{LABEL} gave no refresh token.")
        tokens = {"access_token": told.access_token, "refresh_token": refresh_token}
        return Grant(
            credentials={**credentials, **tokens},
            access_ends=ends_at(self._wiring.clock, told.expires_in, default_seconds=TOKEN_SECONDS),
            login_ends=None,
            scope=told.scope or "",
        )

    async def _login_key(self, grant: Grant) -> str:
        """Return whose grant it is: it has been asked with it, so it works."""
        sandbox = grant.credentials["sandbox"]
        rest = self._asking(sandbox, token=lambda: grant.credentials["access_token"])
        session = self._session(rest, sandbox)
        try:
            return await session.fetch_login_key()
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not take the sign-in.") from None
        finally:
            await session.close()


class TastytradeSession:
    """One signed-in user."""

    def __init__(self, client: TastytradeClient, wiring: Wiring, *, simulated: bool) -> None:
        self._client = client
        self._clock: Clock = wiring.clock
        self._sleep = wiring.sleep
        self._simulated = simulated

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        return translate.login_key(await self._accounts())

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        return translate.accounts(await self._accounts(), simulated=self._simulated)

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        balances = balances_of(await self._client.fetch_balances(account.key))
        told = items_of(wire.Position, await self._client.fetch_positions(account.key))
        positions, warnings = await self._delivering(told, translate.positions(told))
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(positions),
            balances=tuple(balances),
            warnings=tuple(warnings),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return the orders; those of whom executions are still to come are read again."""
        for reading in range(limits.BROKER_READINGS_MAX):
            told = await self._live_orders(account)
            late = any(translate.lacks_fills(order) for order in told)
            if not late or reading == limits.BROKER_READINGS_MAX - 1:
                break
            await self._sleep(FILLS_SECONDS)
        return translate.orders(told)

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: pages are counted from the newest line and move when one is added."""
        for _ in range(limits.BROKER_READINGS_MAX):
            told = await self._transactions(account, first, last)
            if told is not None:
                rows = [row for row in translate.activities(told) if first <= row.day <= last]
                yield ActivityPage(rows=rows, last=True)
                return
        raise BrokerUnavailable(f"{LABEL}'s history changed while it was read.")

    async def close(self) -> None:
        await self._client.close()

    async def _accounts(self) -> list[wire.AccountItem]:
        return items_of(wire.AccountItem, await self._client.fetch_accounts())

    async def _delivering(
        self, told: Sequence[wire.Position], positions: Sequence[Position]
    ) -> tuple[list[Position], list[str]]:
        """Return positions whose adjusted contracts name what they deliver, and what stays open."""
        asked = {
            row.underlying_symbol
            for row in told
            if translate.is_adjusted(translate.asset_of(row.symbol, row.instrument_type))
        }
        known: dict[str, tuple[Deliverable, ...]] = {}
        for underlying in sorted(asked - {""}):
            chain = await self._client.fetch_chain(underlying)
            if chain is not None:
                known |= translate.deliverables(items_of(wire.ChainItem, chain))
        positions = [
            translate.with_deliverables(each, known) if translate.is_adjusted(each.asset) else each
            for each in positions
        ]
        return positions, [
            f"{LABEL} does not say what {each.asset.symbol} delivers."
            for each in positions
            if translate.is_adjusted(each.asset) and not each.asset.deliverables
        ]

    async def _live_orders(self, account: BrokerAccount) -> list[wire.Order]:
        found: dict[str, wire.Order] = {}
        for page in range(limits.BROKER_PAGES_MAX):
            told = await self._client.fetch_live_orders(account.key, page)
            found |= {order.id: order for order in items_of(wire.Order, told)}
            if not _has_more(told, page):
                return list(found.values())
        raise BrokerUnreadable(f"{LABEL} has more orders than can be.")

    async def _transactions(
        self, account: BrokerAccount, first: date, last: date
    ) -> list[wire.Transaction] | None:
        """Return all lines of the days, None where pages moved while they were read."""
        found: dict[str, wire.Transaction] = {}
        counts = set()
        for page in range(limits.BROKER_PAGES_MAX):
            told = await self._client.fetch_transactions(
                account.key, first.isoformat(), last.isoformat(), page
            )
            found |= {row.id: row for row in items_of(wire.Transaction, told)}
            pagination = read(wire.Answer, told, LABEL).pagination
            counts.add(len(found) if pagination is None else pagination.total_items)
            if not _has_more(told, page):
                whole = pagination is None or counts == {len(found)}
                return list(found.values()) if whole else None
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")


def _has_more(told: Any, page: int) -> bool:
    pagination = read(wire.Answer, told, LABEL).pagination
    return pagination is not None and page + 1 < pagination.total_pages
