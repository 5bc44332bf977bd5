"""Webull: sign-in by OAuth 2 for applications, or with one's own App Key; reads, never trades."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import SessionCredentials, Wiring, client_of, pacing_of
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.oauth2 import OAuth2App, TokenAnswer, ends_at
from optix.adapters.brokers.webull import wire
from optix.adapters.brokers.webull.client import (
    API_URL,
    AUTHORISE_URL,
    CONNECT_API_URL,
    CONNECT_URL,
    LABEL,
    PATHS,
    SCOPE,
    SIGN_IN_REQUESTS,
    SIGN_IN_SECONDS,
    SIGN_IN_VERSION,
    TOKEN_PATH,
    Generation,
    WebullClient,
    explain,
    is_throttled,
)
from optix.adapters.brokers.webull.session import WebullSession
from optix.adapters.brokers.webull.signing import Algorithm, AppKeySignature, SigningKeys
from optix.adapters.brokers.webull.words import TOKEN_STATES, TokenState
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import RestClient
from optix.kernel.errors import InvalidInput
from optix.ports.broker import (
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

ACCESS_SECONDS: Final = 1_800
LOGIN_SECONDS: Final = 1_296_000  # without a renewal
APPROVAL_CHECKS: Final = 24
APPROVAL_PAUSE_SECONDS: Final = 5.0
HISTORY_DAYS: Final = 180
_WHERE: Final = "webull.com: Developer Tool, OpenAPI Management."
_FIELDS: Final = (
    SignInField("app_key", "App Key", secret=False, help=_WHERE),
    SignInField(
        "app_secret",
        "App Secret",
        secret=True,
        help="Then open the Webull app and let OPTIX in: you have two minutes.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebullApp:
    """The application of a partner (Connect API); without one only users' own keys are taken.

    `generation` and `algorithm` are what Webull serves the keys with. `history_days` is how far
    back it gives orders. The addresses are for its sandbox, for other regions and for tests.
    """

    client_id: str = ""
    client_secret: SecretStr = field(default=SecretStr(""), repr=False)
    app_key: str = ""
    app_secret: SecretStr = field(default=SecretStr(""), repr=False)
    sandbox: bool = False
    generation: Generation = Generation.V3
    algorithm: Algorithm = Algorithm.SHA1
    history_days: int = HISTORY_DAYS
    api_url: str = API_URL
    connect_url: str = CONNECT_URL
    connect_api_url: str = CONNECT_API_URL
    authorise_url: str = AUTHORISE_URL


class WebullBroker:
    """The brokerage for all users of this installation."""

    def __init__(self, app: WebullApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._paths = PATHS[app.generation]
        self._oauth = OAuth2App(
            label=LABEL,
            client_id=app.client_id,
            client_secret=app.client_secret,
            authorise_url=app.authorise_url,
            token_path=TOKEN_PATH,
            scope=SCOPE,
            in_body=True,
            refused=frozenset(),  # its codes say what is refused
        )
        # What the installation's key may ask is shared by all who signed in by it.
        self._pace = self._reading_pace()
        self._sign_in_pace = self._signing_in_pace()
        partner = (SignInKind.OAUTH2,) if app.client_id else ()
        reads = {BrokerRead.BALANCES, BrokerRead.POSITIONS}
        if self._paths.history:
            reads |= {BrokerRead.ORDERS, BrokerRead.ACTIVITIES}
        self.capabilities = BrokerCapabilities(
            name="webull",
            label=LABEL,
            sign_in=(*partner, SignInKind.SIGNED_KEYS),
            reads=frozenset(reads),
            history_days=app.history_days,
            history_of_fills=True,
            activity_ids=True,
            revocable=False,
            login_seconds=LOGIN_SECONDS,
            sync_seconds_min=60,
            simulated=app.sandbox,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        if request.kind is SignInKind.SIGNED_KEYS:
            return SignInStart(fields=_FIELDS)
        return SignInStart(url=self._oauth.address(request))

    async def complete(self, answer: SignInAnswer) -> Grant:
        if answer.kind is SignInKind.SIGNED_KEYS:
            grant = await self._approved(answer)
        else:
            rest = self._signing_in({})
            try:
                # The form of the tokens has no address to come back to.
                oauth = replace(self._oauth, sends_redirect=False)
                grant = self._granted(await oauth.exchange(rest, answer))
            finally:
                await rest.close()
        return replace(grant, login_key=grant.login_key or await self._login_key(grant))

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        """Return the next pair of tokens; of an App Key's token, how it stands."""
        rest = self._signing_in(credentials)
        try:
            if credentials.get("app_key") and not credentials.get("token"):
                raise SignInNeeded(f"{LABEL} does not take the App Key any more.")
            if credentials.get("app_key"):
                told = await WebullClient(rest, self._paths).check_token(credentials["token"])
                return self._standing(read(wire.Token, told, LABEL), credentials)
            return self._granted(
                await self._oauth.refresh(rest, credentials.get("refresh_token", ""))
            )
        finally:
            await rest.close()

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """Do nothing: no call ends a leave, and its tokens end by themselves within 15 days."""

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        return self._session(kept.values, lambda: kept.values, renew=kept.renew, log=log)

    def _session(
        self,
        credentials: Mapping[str, str],
        current: Callable[[], Mapping[str, str]],
        *,
        renew: Callable[[], Awaitable[bool]] | None = None,
        log: ExchangeLog | None = None,
    ) -> WebullSession:
        own = bool(credentials.get("app_key"))
        rest = self._asking(
            credentials,
            url=self._app.api_url if own else self._app.connect_api_url,
            pace=self._reading_pace() if own else self._pace,
            headers=lambda: {"x-version": self._paths.version, **_access(current())},
            explain=partial(explain, own_keys=own),
            log=log,
        )
        return WebullSession(
            WebullClient(rest, self._paths, renew),
            self._wiring.clock,
            history_days=self._app.history_days,
            simulated=self._app.sandbox,
        )

    def _signing_in(self, credentials: Mapping[str, str]) -> RestClient:
        own = bool(credentials.get("app_key"))
        version = self._paths.version if own else SIGN_IN_VERSION
        return self._asking(
            credentials,
            url=self._app.api_url if own else self._app.connect_url,
            pace=self._signing_in_pace() if own else self._sign_in_pace,
            headers=lambda: {"x-version": version},
            explain=partial(explain, own_keys=own, signing_in=True),
        )

    def _asking(
        self, credentials: Mapping[str, str], *, url: str, pace: Pacing, **more: Any
    ) -> RestClient:
        keys = SigningKeys(
            app_key=credentials.get("app_key") or self._app.app_key,
            app_secret=SecretStr(credentials["app_secret"])
            if credentials.get("app_key")
            else self._app.app_secret,
            algorithm=self._app.algorithm,
        )
        return client_of(
            LABEL,
            self._wiring,
            base_url=url,
            pacing=pace,
            sign=AppKeySignature(keys, self._wiring.clock),
            is_throttled=is_throttled,
            **more,
        )

    def _reading_pace(self) -> Pacing:
        paths = self._paths
        return pacing_of(
            LABEL, self._wiring, requests=paths.requests, per_seconds=paths.per_seconds
        )

    def _signing_in_pace(self) -> Pacing:
        return pacing_of(
            LABEL, self._wiring, requests=SIGN_IN_REQUESTS, per_seconds=SIGN_IN_SECONDS
        )

    async def _approved(self, answer: SignInAnswer) -> Grant:
        """Return the grant once its user lets the token in with the Webull app."""
        keys = {name: answer.values.get(name, "").strip() for name in ("app_key", "app_secret")}
        if not all(keys.values()):
            raise SignInRefused("The App Key or its secret is missing.")
        if not self._paths.token_create:
            return Grant(credentials=keys, access_ends=None, login_ends=None)  # it signs, no more
        rest = self._signing_in(keys)
        client = WebullClient(rest, self._paths)
        try:
            told = read(wire.Token, await client.create_token(), LABEL)
            for _ in range(APPROVAL_CHECKS):
                if TOKEN_STATES.get(told.status) is not TokenState.PENDING:
                    break
                await self._wiring.sleep(APPROVAL_PAUSE_SECONDS)
                told = read(wire.Token, await client.check_token(told.token), LABEL)
            return self._standing(told, keys)
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not take this App Key or its secret.") from None
        except _NotApproved:
            raise SignInRefused(f"{LABEL}'s app was not told in time to let OPTIX in.") from None
        finally:
            await rest.close()

    def _standing(self, told: wire.Token, credentials: Mapping[str, str]) -> Grant:
        """Return the grant of a token that is let in. Nothing but its user renews it."""
        state = TOKEN_STATES.get(told.status)
        if state is TokenState.PENDING:
            raise _NotApproved(f"{LABEL}'s app waits for its user to let OPTIX in.")
        if state is not TokenState.NORMAL:
            raise SignInNeeded(f"{LABEL} has ended the token ({state.lower()}).")
        return Grant(
            credentials={**credentials, "token": told.token},
            access_ends=None,
            login_ends=_epoch(told.expires_at),
        )

    def _granted(self, told: TokenAnswer) -> Grant:
        if not told.refresh_token:
            raise BrokerUnreadable(f"{LABEL} gave no refresh token.")
        clock = self._wiring.clock
        return Grant(
            credentials={"access_token": told.access_token, "refresh_token": told.refresh_token},
            access_ends=ends_at(clock, told.expires_in, default_seconds=ACCESS_SECONDS),
            login_ends=ends_at(clock, told.rt_expires_in, default_seconds=LOGIN_SECONDS),
            login_key=told.identity_id,
            scope=SCOPE,
        )

    async def _login_key(self, grant: Grant) -> str:
        session = self._session(grant.credentials, lambda: grant.credentials)
        try:
            return await session.fetch_login_key()
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not take the sign-in.") from None
        finally:
            await session.close()


class _NotApproved(BrokerUnavailable):
    """A token that its user has not let in yet."""

    next_step = "Open the Webull app and let OPTIX in."


def _access(credentials: Mapping[str, str]) -> dict[str, str]:
    if token := credentials.get("token"):
        return {"x-access-token": token}
    if token := credentials.get("access_token"):
        return {"Authorization": f"Bearer {token}"}
    return {}


def _epoch(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1_000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise BrokerUnreadable(f"{LABEL} has a time that cannot be read.") from None
