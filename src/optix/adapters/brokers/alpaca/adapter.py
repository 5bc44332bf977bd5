"""Alpaca: sign-in by OAuth 2 or with one's own keys, live and paper; reads, never trades."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.alpaca import translate, wire
from optix.adapters.brokers.alpaca.client import (
    ACTIVITY_ROWS,
    AUTHORISE_URL,
    LABEL,
    LIVE_URL,
    ORDER_ROWS,
    PAPER_URL,
    REQUESTS_PER_MINUTE,
    TOKEN_PATH,
    AlpacaClient,
    explain,
)
from optix.adapters.brokers.alpaca.translate import LATE_DAYS, NEW_YORK
from optix.adapters.brokers.asking import Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App
from optix.adapters.web.pacing import X_RATELIMIT
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
    SignInField,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

LIVE, PAPER = "live", "paper"
_FIELDS: Final = (
    SignInField("key_id", "API key ID", secret=False, help="Alpaca: Home, API Keys."),
    SignInField("secret", "API secret key", secret=True, help="Shown once, when keys are made."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaApp:
    """The registered application; without one only users' own keys are taken.

    The addresses are for tests.
    """

    client_id: str = ""
    client_secret: SecretStr = field(default=SecretStr(""), repr=False)
    live_url: str = LIVE_URL
    paper_url: str = PAPER_URL
    authorise_url: str = AUTHORISE_URL


class AlpacaBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: AlpacaApp, wiring: Wiring) -> None:
        self._urls = {LIVE: app.live_url, PAPER: app.paper_url}
        self._wiring = wiring
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.client_id,
            client_secret=app.client_secret,
            authorise_url=app.authorise_url,
            token_path=TOKEN_PATH,
            scope="",  # reading is what is given without any
            in_body=True,
        )
        signed_up = (SignInKind.OAUTH2,) if app.client_id else ()
        self.capabilities = BrokerCapabilities(
            name="alpaca",
            label=LABEL,
            sign_in=(*signed_up, SignInKind.SIGNED_KEYS),
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
        if request.kind is SignInKind.SIGNED_KEYS:
            return SignInStart(fields=_FIELDS)
        return SignInStart(url=self._oauth.address(request))

    async def complete(self, answer: SignInAnswer) -> Grant:
        if answer.kind is SignInKind.SIGNED_KEYS:
            keys = {name: answer.values.get(name, "").strip() for name in ("key_id", "secret")}
            if not all(keys.values()):
                raise SignInRefused("The key or its secret is missing.")
            return await self._grant(keys)
        rest = self._asking(LIVE, {})
        try:
            told = await self._oauth.exchange(rest, answer)
        finally:
            await rest.close()
        return await self._grant({"access_token": told.access_token}, told.scope or "")

    async def renew(self, credentials: Mapping[str, str]) -> Grant:  # noqa: ARG002  # a port's
        """Nothing is renewed: a token holds until its user takes it back."""
        raise SignInNeeded(f"{LABEL} does not take the token or the keys any more.")

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Alpaca has no such call: its users take the leave back in its dashboard."""

    def open(
        self,
        credentials: Mapping[str, str],
        *,
        renew: Renew,  # noqa: ARG002  # a port's signature
        log: ExchangeLog,
    ) -> BrokerSession:
        return AlpacaSession(
            {
                environment: AlpacaClient(self._asking(environment, credentials, log))
                for environment in credentials["environments"].split()
            },
            self._wiring.clock,
        )

    async def _grant(self, credentials: Mapping[str, str], scope: str = "") -> Grant:
        """Return a grant for the environments that let it in: nothing else says which do."""
        found: dict[str, str] = {}
        for environment in self._urls:
            client = AlpacaClient(self._asking(environment, credentials))
            try:
                found[environment] = read(wire.Account, await client.fetch_account(), LABEL).id
            except SignInNeeded:
                pass  # of the other one, perhaps
            finally:
                await client.close()
        if not found:
            raise SignInRefused(f"{LABEL} does not take this token or these keys.")
        return Grant(
            credentials={**credentials, "environments": " ".join(found)},
            access_ends=None,
            login_ends=None,
            login_key=" ".join(found.values()),
            scope=scope,
        )

    def _asking(
        self, environment: str, credentials: Mapping[str, str], log: ExchangeLog | None = None
    ) -> RestClient:
        """Return a client with a pace of its own: each account has its own allowance."""
        more: dict[str, Any] = {} if log is None else {"log": log}
        return client_of(
            LABEL,
            self._wiring,
            base_url=self._urls[environment],
            pacing=pacing_of(
                LABEL, self._wiring, requests=REQUESTS_PER_MINUTE, headers=X_RATELIMIT
            ),
            headers=lambda: _headers(credentials),
            explain=explain,
            **more,
        )


class AlpacaSession:
    """One user's accounts: one in each environment that the user let OPTIX into."""

    def __init__(self, clients: Mapping[str, AlpacaClient], clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._contracts: dict[str, wire.Contract] = {}
        self._unknown: set[str] = set()

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        return [
            translate.account(await self._account(client), paper=environment == PAPER)
            for environment, client in self._clients.items()
        ]

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        client = self._client_of(account)
        told = await self._account(client)
        if told.id != account.key:
            raise BrokerUnreadable(f"{LABEL} answered with another account.")
        rows = read(wire.Positions, {"rows": await client.fetch_positions()}, LABEL).rows
        contracts = await self._terms(client, (each.symbol for each in rows))
        positions, warnings = translate.positions(rows, contracts, told.currency)
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(positions),
            balances=(translate.balance(told),),
            warnings=tuple(warnings),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        client = self._client_of(account)
        today = to_datetime(self._clock.now_ns()).astimezone(NEW_YORK).date()
        rows = await self._orders(client, "open", None)
        rows += await self._orders(client, "all", _midnight(today))
        legs = (leg for each in rows for leg in (each, *(each.legs or ())))
        contracts = await self._terms(client, (leg.symbol for leg in legs))
        orders = translate.orders(rows, contracts)
        return list({order.id: order for order in orders}.values())  # the later answer counts

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield the lines by their days. Alpaca selects by their entry, which is later."""
        client = self._client_of(account)
        after = _midnight(first - timedelta(days=LATE_DAYS + 1))
        until = _midnight(last + timedelta(days=LATE_DAYS + 2))
        token = ""
        for _ in range(limits.BROKER_PAGES_MAX):
            told = await client.fetch_activities(after, until, token)
            rows = read(wire.Activities, {"rows": told}, LABEL).rows
            contracts = await self._terms(client, (each.symbol for each in rows))
            lines = translate.activities(rows, contracts)
            is_last = len(rows) < ACTIVITY_ROWS
            yield ActivityPage(
                rows=[line for line in lines if first <= line.day <= last], last=is_last
            )
            if is_last:
                return
            if rows[-1].id == token:
                raise BrokerUnreadable(f"{LABEL} gives the same page again and again.")
            token = rows[-1].id
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _account(self, client: AlpacaClient) -> wire.Account:
        return read(wire.Account, await client.fetch_account(), LABEL)

    async def _orders(
        self, client: AlpacaClient, status: str, since: datetime | None
    ) -> list[wire.Order]:
        """Return the orders of a status, those that were placed before `since` left out."""
        found: list[wire.Order] = []
        before = ""
        for _ in range(limits.BROKER_PAGES_MAX):
            told = await client.fetch_orders(status, before)
            rows = read(wire.Orders, {"rows": told}, LABEL).rows
            fresh = [each for each in rows if since is None or _is_since(each, since)]
            found += fresh
            if len(rows) < ORDER_ROWS or len(fresh) < len(rows):
                return found
            if rows[-1].id == before:
                raise BrokerUnreadable(f"{LABEL} gives the same page again and again.")
            before = rows[-1].id
        raise BrokerUnreadable(f"{LABEL} has more orders than can be.")

    async def _terms(
        self, client: AlpacaClient, symbols: Iterable[str]
    ) -> Mapping[str, wire.Contract]:
        """Return what is known of adjusted contracts, asked for once; others are as usual."""
        for symbol in translate.adjusted_symbols(symbols):
            if symbol in self._contracts or symbol in self._unknown:
                continue
            told = await client.fetch_contract(symbol)
            if told is None:
                self._unknown.add(symbol)
            else:
                self._contracts[symbol] = read(wire.Contract, told, LABEL)
        return self._contracts

    def _client_of(self, account: BrokerAccount) -> AlpacaClient:
        client = self._clients.get(PAPER if account.simulated else LIVE)
        if client is None:
            raise SignInNeeded(f"{LABEL} was not allowed to show this account.")
        return client


def _is_since(order: wire.Order, since: datetime) -> bool:
    placed = translate.moment_of(order.submitted_at or order.created_at)
    return placed is None or placed >= since


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC)


def _headers(credentials: Mapping[str, str]) -> dict[str, str]:
    if token := credentials.get("access_token"):
        return {"Authorization": f"Bearer {token}"}
    if key_id := credentials.get("key_id"):
        return {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": credentials["secret"]}
    return {}
