"""E*TRADE as a brokerage: sign-in by OAuth 1.0a, anew every day; reads, never trades."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.etrade.assets import NEW_YORK
from optix.adapters.brokers.etrade.client import (
    AUTHORISE_URL,
    LABEL,
    LIVE_URL,
    OAUTH_URL,
    REQUESTS_PER_HOUR,
    SANDBOX_URL,
    SPACING_SECONDS,
    EtradeClient,
    explain,
    is_throttled,
    path_note,
    read_tokens,
)
from optix.adapters.brokers.etrade.session import EtradeSession
from optix.adapters.brokers.etrade.signing import OAuth1, SigningKeys
from optix.adapters.web.rest import RestClient
from optix.kernel.clock import to_datetime
from optix.kernel.errors import InvalidInput
from optix.ports.broker import (
    BrokerCapabilities,
    BrokerRead,
    BrokerSession,
    BrokerUnavailable,
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

REQUEST_TOKEN_SECONDS: Final = 300
IDLE_SECONDS: Final = 7_200  # without a request, after which a token sleeps until it is renewed
DAY_SECONDS: Final = 86_400
HISTORY_DAYS: Final = 720  # of about two years: a day before them is an error
_CODE: Final = SignInField(
    "code", "Code", secret=False, help="The five characters that E*TRADE shows after you agree."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EtradeApp:
    """The consumer key; those of the sandbox are its own.

    With `callback_registered` E*TRADE sends the user back to the address that its support entered
    for the key, else it shows a code to copy. The addresses are for tests.
    """

    consumer_key: str
    consumer_secret: SecretStr = field(repr=False)
    sandbox: bool = False
    callback_registered: bool = False
    api_url: str = ""
    oauth_url: str = OAUTH_URL
    authorise_url: str = AUTHORISE_URL


class EtradeBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: EtradeApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self.capabilities = BrokerCapabilities(
            name="etrade",
            label=LABEL,
            sign_in=(SignInKind.OAUTH1,),
            reads=frozenset(BrokerRead),
            history_days=HISTORY_DAYS,
            activity_ids=True,
            revocable=True,
            login_seconds=DAY_SECONDS,
            login_ends_at_midnight_et=True,
            sync_seconds_min=60,
            simulated=app.sandbox,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind is not SignInKind.OAUTH1:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        try:
            # "oob" also where an address is registered.
            token, secret = await self._fetch_tokens(
                "/oauth/request_token", self._keys(), {"oauth_callback": "oob"}
            )
        except SignInNeeded:
            raise BrokerUnavailable(f"{LABEL} does not let this installation ask.") from None
        query = urlencode({"key": self._app.consumer_key, "token": token})
        copies = not self._app.callback_registered
        return SignInStart(
            url=f"{self._app.authorise_url}?{query}",
            fields=(_CODE,) if copies else (),
            copies_code=copies,
            secrets={"token": token, "token_secret": secret},
            seconds=REQUEST_TOKEN_SECONDS,
            state="" if copies else token,
        )

    async def complete(self, answer: SignInAnswer) -> Grant:
        token = answer.secrets.get("token", "")
        if answer.values.get("oauth_token", token) != token:
            raise SignInRefused(f"{LABEL} sent back the answer to another question.")
        code = answer.values.get("oauth_verifier") or answer.values.get("code", "")
        if not code.strip():
            raise SignInRefused("The code that E*TRADE shows is missing.")
        keys = self._keys(token, answer.secrets.get("token_secret", ""))
        try:
            access = await self._fetch_tokens(
                "/oauth/access_token", keys, {"oauth_verifier": code.strip()}
            )
        except SignInNeeded:
            raise SignInRefused(
                f"{LABEL} does not take the code: it is wrong or too old."
            ) from None
        ends = self._next_midnight()
        credentials = {"token": access[0], "token_secret": access[1], "ends": ends.isoformat()}
        return self._granted(credentials, await self._login_key(credentials))

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        """Wake a token that slept. Nothing carries one over midnight in New York."""
        if self._now() >= _ends(credentials):
            raise SignInNeeded(f"{LABEL} ends every sign-in at midnight in New York.")
        await self._get("/oauth/renew_access_token", credentials)
        return self._granted(credentials, "")

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        try:
            await self._get("/oauth/revoke_access_token", credentials)
        except SignInNeeded:
            return  # it had ended by itself

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        return self._session(credentials, renew=kept.renew, log=log)

    def _session(
        self,
        credentials: Mapping[str, str],
        *,
        renew: Callable[[], Awaitable[bool]] | None = None,
        log: ExchangeLog | None = None,
    ) -> EtradeSession:
        usual = SANDBOX_URL if self._app.sandbox else LIVE_URL
        rest = self._asking(
            self._app.api_url or usual, self._keys_of(credentials), renew=renew, log=log
        )
        return EtradeSession(EtradeClient(rest), self._wiring.clock, simulated=self._app.sandbox)

    def _asking(
        self,
        url: str,
        keys: SigningKeys,
        more: Mapping[str, str] | None = None,
        *,
        renew: Callable[[], Awaitable[bool]] | None = None,
        log: ExchangeLog | None = None,
    ) -> RestClient:
        return client_of(
            LABEL,
            self._wiring,
            base_url=url,
            pacing=pacing_of(
                LABEL,
                self._wiring,
                requests=REQUESTS_PER_HOUR,
                per_seconds=3_600.0,
                spacing_seconds=SPACING_SECONDS,
            ),
            sign=OAuth1(keys, self._wiring.clock, more=more),
            renew=renew,
            log=log,
            path_note=path_note,
            explain=explain,
            is_throttled=is_throttled,
        )

    async def _fetch_tokens(
        self, path: str, keys: SigningKeys, more: Mapping[str, str]
    ) -> tuple[str, str]:
        rest = self._asking(self._app.oauth_url, keys, more)
        try:
            return read_tokens(await rest.get(path))
        finally:
            await rest.close()

    async def _get(self, path: str, credentials: Mapping[str, str]) -> None:
        """Ask for something whose answer is a sentence."""
        rest = self._asking(self._app.oauth_url, self._keys_of(credentials))
        try:
            await rest.get(path, absent=frozenset())
        finally:
            await rest.close()

    async def _login_key(self, credentials: Mapping[str, str]) -> str:
        session = self._session(credentials)
        try:
            return await session.fetch_login_key()
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not take the sign-in.") from None
        finally:
            await session.close()

    def _granted(self, credentials: Mapping[str, str], login_key: str) -> Grant:
        ends = _ends(credentials)
        return Grant(
            credentials=dict(credentials),
            access_ends=min(self._now() + timedelta(seconds=IDLE_SECONDS), ends),
            login_ends=ends,
            login_key=login_key,
        )

    def _keys(self, token: str = "", secret: str = "") -> SigningKeys:
        return SigningKeys(
            consumer_key=self._app.consumer_key,
            consumer_secret=self._app.consumer_secret,
            token=token,
            token_secret=SecretStr(secret),
        )

    def _keys_of(self, credentials: Mapping[str, str]) -> SigningKeys:
        return self._keys(credentials.get("token", ""), credentials.get("token_secret", ""))

    def _now(self) -> datetime:
        return to_datetime(self._wiring.clock.now_ns())

    def _next_midnight(self) -> datetime:
        today = self._now().astimezone(NEW_YORK).date()
        midnight = datetime.combine(today + timedelta(days=1), time(), tzinfo=NEW_YORK)
        return midnight.astimezone(self._now().tzinfo)


def _ends(credentials: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(credentials["ends"])
