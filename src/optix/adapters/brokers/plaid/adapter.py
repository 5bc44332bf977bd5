"""Plaid Investments: holdings and history of institutions, through a page of Plaid's; no orders."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import SecretStr

from optix.adapters.brokers.asking import Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.plaid import translate, wire
from optix.adapters.brokers.plaid.client import (
    PRODUCTION_URL,
    REQUESTS_PER_MINUTE,
    SANDBOX_URL,
    VERSION,
    PlaidClient,
    explain,
)
from optix.adapters.brokers.plaid.webhook_keys import WebhookKeys
from optix.adapters.brokers.plaid.words import LABEL
from optix.adapters.brokers.webhooks import Deliveries, WebhookRefused, header_of
from optix.adapters.web.pacing import Pacing
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
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
    Renew,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

HISTORY_DAYS: Final = 730
_ENDED: Final = frozenset({"ERROR", "USER_PERMISSION_REVOKED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaidApp:
    """The keys of the installation. The host says whether it is Plaid's sandbox.

    `webhook_url` is OPTIX's own address for Plaid's webhooks, '' for none.
    """

    client_id: str
    secret: SecretStr = field(repr=False)
    client_name: str = "OPTIX"
    webhook_url: str = ""
    api_url: str = PRODUCTION_URL


class PlaidBroker:
    """The aggregator for all users of this installation."""

    def __init__(self, app: PlaidApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._clock = wiring.clock
        self._deliveries = Deliveries(LABEL, wiring.clock)
        # Strangers can make us ask for keys: that spends an allowance of its own.
        self._key_pacing = pacing_of(LABEL, wiring, requests=REQUESTS_PER_MINUTE)
        self._keys = WebhookKeys(self._fetch_key, wiring.clock)
        self.capabilities = BrokerCapabilities(
            name="plaid",
            label=LABEL,
            sign_in=(SignInKind.PORTAL,),
            reads=frozenset({BrokerRead.BALANCES, BrokerRead.POSITIONS, BrokerRead.ACTIVITIES}),
            history_days=HISTORY_DAYS,
            activity_ids=False,  # a history that is built again has other ids
            revocable=True,
            login_seconds=None,
            sync_seconds_min=3_600,  # Plaid reads the institutions about once a day
            webhooks=True,
            simulated=app.api_url == SANDBOX_URL,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        known = request.reconnect or {}
        asked: dict[str, Any] = {
            "client_name": self._app.client_name,
            "language": "en",
            "country_codes": ["US"],
            "user": {"client_user_id": str(new_uuid())},  # nothing there says who it is
            "hosted_link": {
                "completion_redirect_uri": (
                    f"{request.callback_url}?{urlencode({'state': request.state})}"
                ),
                "url_lifetime_seconds": limits.BROKER_FLOW_SECONDS_MAX,
            },
        }
        if known:
            asked["access_token"] = known.get("access_token", "")  # mends what is there
        else:
            asked["products"] = ["investments"]
        if self._app.webhook_url:
            asked["webhook"] = self._app.webhook_url
        client = self._client()
        try:
            told = read(wire.LinkToken, await client.create_link_token(asked), LABEL)
        finally:
            await client.close()
        if not told.hosted_link_url:
            raise BrokerUnavailable(f"{LABEL} offers no page of its own to this installation.")
        return SignInStart(
            url=told.hosted_link_url,
            secrets={
                "link_token": told.link_token,
                "access_token": known.get("access_token", ""),
            },
            seconds=limits.BROKER_FLOW_SECONDS_MAX,
        )

    async def complete(self, answer: SignInAnswer) -> Grant:
        """Return the grant; what was linked is asked of Plaid, nothing in the browser says it."""
        client = self._client()
        try:
            access_token = answer.secrets.get("access_token", "")
            if not access_token:
                access_token = await self._linked(client, answer.secrets.get("link_token", ""))
            item = read(wire.ItemAnswer, await client.fetch_item(access_token), LABEL).item
        except SignInNeeded as error:
            raise SignInRefused(f"{LABEL} does not know this sign-in.") from error
        finally:
            await client.close()
        if item.error is not None:
            raise SignInRefused(f"{LABEL} still cannot read this login.")
        return Grant(
            credentials={"access_token": access_token},
            access_ends=None,
            login_ends=translate.moment_of(item.consent_expiration_time),
            login_key=item.item_id,
            scope="investments",
        )

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        del credentials  # an access token does not end, and what ended only its user can mend
        raise SignInNeeded(f"{LABEL} does not take this sign-in any more.")

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Remove the login at Plaid; one that is gone already is as good."""
        client = self._client()
        try:
            told = await client.remove_item(credentials.get("access_token", ""))
            read(wire.Removed, told, LABEL)
        except SignInNeeded:
            return
        finally:
            await client.close()

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        del renew  # see above
        access_token = SecretStr(credentials.get("access_token", ""))
        return PlaidSession(self._client(log=log), access_token, self._clock)

    async def read_hint(self, headers: Mapping[str, str], body: bytes) -> Sequence[Hint]:
        """Return what a webhook says; one that came before says nothing again.

        Errors: WebhookRefused; BrokerUnavailable, BrokerBusy where its key cannot be asked for.
        """
        token = header_of(headers, "Plaid-Verification")
        signed_ns = await self._keys.check(token, body)
        fresh = self._deliveries.take(hashlib.sha256(token.encode()).hexdigest(), signed_ns)
        try:
            told = read(wire.Webhook, load_exact(body), LABEL)
        except (ValueError, BrokerUnreadable):
            raise WebhookRefused(f"{LABEL}'s webhook cannot be read.") from None
        if not fresh or not told.item_id:
            return []
        ended = told.webhook_type == "ITEM" and told.webhook_code in _ENDED
        return [Hint(login_key=told.item_id, sign_in_needed=ended)]

    async def _linked(self, client: PlaidClient, link_token: str) -> str:
        told = read(wire.LinkState, await client.fetch_link(link_token), LABEL)
        tokens = [
            added.public_token
            for session in told.link_sessions
            if session.results is not None
            for added in session.results.item_add_results
        ]
        if not tokens:
            raise SignInRefused(f"{LABEL} linked no login.")
        return read(wire.Exchanged, await client.exchange(tokens[0]), LABEL).access_token

    async def _fetch_key(self, key_id: str) -> Any:
        client = self._client(pacing=self._key_pacing)
        try:
            return await client.fetch_webhook_key(key_id)
        finally:
            await client.close()

    def _client(
        self, *, log: ExchangeLog | None = None, pacing: Pacing | None = None
    ) -> PlaidClient:
        rest = client_of(
            LABEL,
            self._wiring,
            base_url=self._app.api_url,
            pacing=pacing or pacing_of(LABEL, self._wiring, requests=REQUESTS_PER_MINUTE),
            headers=self._headers,
            log=log,
            explain=explain,
        )
        return PlaidClient(rest)

    def _headers(self) -> Mapping[str, str]:
        return {
            "PLAID-CLIENT-ID": self._app.client_id,
            "PLAID-SECRET": self._app.secret.get_secret_value(),
            "Plaid-Version": VERSION,
        }


class PlaidSession:
    """One login at one institution."""

    def __init__(self, client: PlaidClient, access_token: SecretStr, clock: Clock) -> None:
        self._client = client
        self._access_token = access_token
        self._clock = clock
        self._state: wire.ItemAnswer | None = None

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        self._state = await self._fetch_state()
        told = read(wire.AccountsAnswer, await self._client.fetch_accounts(self._token), LABEL)
        return translate.accounts(told.accounts, told.item)

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        """Return what is held, as of when Plaid last read it."""
        if self._state is None:
            self._state = await self._fetch_state()
        told = read(
            wire.HoldingsAnswer,
            await self._client.fetch_holdings(self._token, account.key),
            LABEL,
        )
        own = [each for each in told.accounts if each.account_id == account.key]
        if not own:
            raise BrokerUnavailable(f"{LABEL} does not list this account any more.")
        securities = {each.security_id: each for each in told.securities}
        holdings = [each for each in told.holdings if each.account_id == account.key]
        positions, doubts = translate.positions(holdings, securities)
        if told.is_investments_fallback_item:
            doubts.append("This portfolio was typed in by hand.")
        updates = self._state.status.investments if self._state.status is not None else None
        as_of = translate.moment_of(updates.last_successful_update if updates else None)
        return AccountSnapshot(
            as_of=as_of or to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(positions),
            balances=tuple(translate.balances(own, holdings, securities)),
            warnings=tuple(doubts),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return nothing: Plaid has no orders, as its capabilities say."""
        del account
        return []

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: offsets move when lines come in, so only a steady reading counts."""
        for _ in range(limits.BROKER_READINGS_MAX):
            told = await self._history(account, first, last)
            if told is not None:
                rows, securities = told
                lines = [
                    line
                    for line in translate.activities(rows, securities)
                    if first <= line.day <= last
                ]
                yield ActivityPage(rows=lines, last=True)
                return
        raise BrokerUnavailable(f"{LABEL}'s history changed while it was read.")

    async def close(self) -> None:
        await self._client.close()

    @property
    def _token(self) -> str:
        return self._access_token.get_secret_value()

    async def _history(
        self, account: BrokerAccount, first: date, last: date
    ) -> tuple[list[wire.Transaction], dict[str, wire.Security]] | None:
        """Return the lines of all pages with their securities, None if they moved meanwhile."""
        rows: list[wire.Transaction] = []
        securities: dict[str, wire.Security] = {}
        total: int | None = None
        for _ in range(limits.BROKER_PAGES_MAX):
            answer = await self._client.fetch_transactions(
                self._token,
                account.key,
                first.isoformat(),
                last.isoformat(),
                offset=len(rows),
            )
            told = read(wire.TransactionsAnswer, answer, LABEL)
            page = told.investment_transactions
            if total is not None and told.total_investment_transactions != total:
                return None
            total = told.total_investment_transactions
            rows += page
            securities |= {each.security_id: each for each in told.securities}
            if len(rows) == len(page) >= total:
                return rows, securities
            if len(rows) >= total:
                # A line that moved is there twice, and another one not at all.
                names = {row.investment_transaction_id for row in rows}
                return (rows, securities) if len(names) == len(rows) == total else None
            if not page:
                return None
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def _fetch_state(self) -> wire.ItemAnswer:
        told = read(wire.ItemAnswer, await self._client.fetch_item(self._token), LABEL)
        if told.item.error is not None:
            # Holdings would still come, as they were before.
            raise SignInNeeded(f"{LABEL} cannot read this login any more.")
        return told
