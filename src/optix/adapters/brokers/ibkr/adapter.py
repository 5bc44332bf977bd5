"""Interactive Brokers as a brokerage: a user's own OAuth keys, or the operator's gateway."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from optix.adapters.brokers.asking import (
    BROKER_ERRORS,
    SessionCredentials,
    Wiring,
    client_of,
)
from optix.adapters.brokers.exact import read
from optix.adapters.brokers.ibkr import wire
from optix.adapters.brokers.ibkr.client import (
    BASE_URL,
    LABEL,
    REQUESTS_PER_SECOND,
    IbkrClient,
    PenaltyPacing,
    explain,
    explain_gateway,
    path_note,
)
from optix.adapters.brokers.ibkr.gateway import (
    PASSPHRASE_LENGTH_MIN,
    WrongGateway,
    checked_address,
    page_of,
    transport_of,
)
from optix.adapters.brokers.ibkr.keys import FIELDS, Keys, keys_of
from optix.adapters.brokers.ibkr.session import HISTORY_DAYS, Contracts, IbkrSession
from optix.adapters.brokers.ibkr.signing import Challenge, ChallengeAuth, LiveAuth
from optix.adapters.brokers.ibkr.translate import epoch
from optix.adapters.web.rest import RestClient
from optix.kernel import limits
from optix.kernel.clock import to_datetime
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

LIVE_SECONDS_MAX: Final = 2 * 86_400  # of a live session token, which lives for about a day
GATEWAY_SECONDS: Final = 86_400  # of a sign-in at the gateway, at most
GATEWAY: Final = "gateway"
_PASSPHRASE: Final = SignInField(
    "passphrase",
    "Gateway passphrase",
    secret=True,
    help="Sign in at the gateway's own page first. Who set OPTIX up knows the passphrase.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IbkrApp:
    """The operator's settings; users' own keys need none.

    `gateway_url` is that of the operator's Client Portal Gateway, with its path
    (https://localhost:5000/v1/api), `gateway_passphrase` what a user must know to read through it,
    `gateway_certificate` its certificate (PEM). `base_url` is for tests.
    """

    gateway_url: str = ""
    gateway_passphrase: SecretStr = field(default=SecretStr(""), repr=False)
    gateway_certificate: str = field(default="", repr=False)
    base_url: str = BASE_URL


class IbkrBroker:
    """The brokerage for all users of this installation, who share its address and its pace."""

    def __init__(self, app: IbkrApp, wiring: Wiring) -> None:
        self._app = app
        self._wiring = wiring
        self._gateway = checked_address(app.gateway_url) if app.gateway_url else ""
        if self._gateway:
            if len(app.gateway_passphrase.get_secret_value()) < PASSPHRASE_LENGTH_MIN:
                raise WrongGateway(
                    f"The gateway's passphrase has at least {PASSPHRASE_LENGTH_MIN} characters."
                )
            transport_of(app.gateway_certificate)  # a wrong one is told at once
        self._pacing = PenaltyPacing(
            LABEL,
            wiring.clock,
            errors=BROKER_ERRORS,
            requests=REQUESTS_PER_SECOND,
            per_seconds=1.0,
            sleep=wiring.sleep,
        )
        self._contracts = Contracts()
        self.capabilities = BrokerCapabilities(
            name="ibkr",
            label=LABEL,
            sign_in=(
                SignInKind.SIGNED_KEYS,
                *((SignInKind.LOCAL_GATEWAY,) if self._gateway else ()),
            ),
            reads=frozenset(BrokerRead),
            history_days=HISTORY_DAYS,
            activity_ids=True,
            revocable=False,
            login_seconds=None,
            sync_seconds_min=60,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        if request.kind not in self.capabilities.sign_in:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        if request.kind is SignInKind.LOCAL_GATEWAY:
            return SignInStart(
                url=page_of(self._gateway),
                fields=(_PASSPHRASE,),
                copies_code=True,
                seconds=limits.BROKER_FLOW_SECONDS_MAX,
            )
        return SignInStart(fields=FIELDS)

    async def complete(self, answer: SignInAnswer) -> Grant:
        """Return a grant that works: whose it is has been asked with it."""
        if answer.kind is SignInKind.LOCAL_GATEWAY and self._gateway:
            credentials = self._gateway_credentials(answer)
        elif answer.kind is SignInKind.SIGNED_KEYS:
            # To check such keys takes a tenth of a second.
            keys = await asyncio.to_thread(keys_of, answer.values)
            given = {each.name: answer.values[each.name].strip() for each in FIELDS}
            try:
                credentials = {**given, **await self._live_session(keys)}
            except SignInNeeded:
                raise SignInRefused(f"{LABEL} does not take these keys.") from None
        else:
            raise InvalidInput(f"{LABEL} is not set up for this way of signing in.")
        session = self._session(credentials, _values_of(credentials))
        try:
            login_key = await session.fetch_login_key()
        except SignInNeeded:
            raise SignInRefused(f"{LABEL} does not let this sign-in read.") from None
        finally:
            await session.close()
        return self._granted({**credentials, "login_key": login_key})

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        """Return a new live session token. A gateway is signed in at by its user alone."""
        if _is_of_gateway(credentials):
            raise SignInNeeded("The sign-in at the gateway has ended.")
        try:
            keys = await asyncio.to_thread(keys_of, credentials)
        except SignInRefused:
            raise SignInNeeded(f"{LABEL} has nothing to renew the sign-in with.") from None
        return self._granted({**credentials, **await self._live_session(keys)})

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        """End the session. The keys are taken back by their user in the self-service, and what a
        gateway is signed in for is not OPTIX's.
        """
        if _is_of_gateway(credentials):
            return
        rest = self._asking(credentials, _values_of(credentials))
        try:
            await IbkrClient(rest, self._wiring).log_out()
        except SignInNeeded:
            return  # it had ended by itself
        finally:
            await rest.close()

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        kept = SessionCredentials(self, credentials, renew)
        return self._session(credentials, kept.__getitem__, renew=kept.renew, log=log)

    def _session(
        self,
        credentials: Mapping[str, str],
        value_of: Callable[[str], str],
        *,
        renew: Callable[[], Awaitable[bool]] | None = None,
        log: ExchangeLog | None = None,
    ) -> IbkrSession:
        rest = self._asking(credentials, value_of, renew=renew, log=log)
        return IbkrSession(
            IbkrClient(rest, self._wiring),
            self._wiring.clock,
            self._contracts,
            credentials.get("login_key", ""),
        )

    def _asking(
        self,
        credentials: Mapping[str, str],
        value_of: Callable[[str], str],
        **more: Any,
    ) -> RestClient:
        if not _is_of_gateway(credentials):
            return self._client(sign=LiveAuth(value_of, self._wiring.clock), **more)
        if not self._gateway:
            raise SignInNeeded("This installation has no gateway any more.")
        wiring = self._wiring
        if wiring.transport is None:
            wiring = replace(wiring, transport=transport_of(self._app.gateway_certificate))
        return self._client(wiring, base_url=self._gateway, explain=explain_gateway, **more)

    def _client(self, wiring: Wiring | None = None, **more: Any) -> RestClient:
        usual: dict[str, Any] = {"base_url": self._app.base_url, "explain": explain}
        return client_of(
            LABEL,
            wiring or self._wiring,
            pacing=self._pacing,
            path_note=path_note,
            **{**usual, **more},
        )

    def _gateway_credentials(self, answer: SignInAnswer) -> dict[str, str]:
        """Return what marks a login of the gateway. It knows no users: the passphrase does."""
        given = answer.values.get(_PASSPHRASE.name, "").strip().encode()
        if not hmac.compare_digest(given, self._app.gateway_passphrase.get_secret_value().encode()):
            raise SignInRefused("This is not the passphrase of the gateway.")
        ends = self._now() + timedelta(seconds=GATEWAY_SECONDS)
        return {"by": GATEWAY, "login_ends": ends.isoformat()}

    async def _live_session(self, keys: Keys) -> dict[str, str]:
        """Return a live session token with its end. Raises SignInNeeded where keys are refused."""
        challenge = Challenge(keys)
        rest = self._client(sign=ChallengeAuth(keys, challenge, self._wiring.clock))
        try:
            raw = await rest.post_json("/oauth/live_session_token")
        finally:
            await rest.close()
        told = read(wire.LiveSessionToken, raw, LABEL)
        try:
            token = challenge.answer(
                told.diffie_hellman_response, told.live_session_token_signature
            )
        except ValueError:
            raise BrokerUnreadable(f"{LABEL} did not prove that it knows the keys.") from None
        now = self._now()
        ends = epoch(told.live_session_token_expiration)
        if ends is None or ends <= now:
            raise BrokerUnavailable(
                f"{LABEL} gave a session that has ended: this machine's clock may be wrong."
            )
        ends = min(ends, now + timedelta(seconds=LIVE_SECONDS_MAX))
        return {"live_session_token": token, "live_ends": ends.isoformat()}

    def _granted(self, credentials: Mapping[str, str]) -> Grant:
        """Return the grant. A session of keys is renewed without the user, one of a gateway not."""
        live, login = credentials.get("live_ends"), credentials.get("login_ends")
        return Grant(
            credentials=dict(credentials),
            access_ends=datetime.fromisoformat(live) if live else None,
            login_ends=datetime.fromisoformat(login) if login else None,
            login_key=credentials.get("login_key", ""),
        )

    def _now(self) -> datetime:
        return to_datetime(self._wiring.clock.now_ns())


def _is_of_gateway(credentials: Mapping[str, str]) -> bool:
    return credentials.get("by") == GATEWAY


def _values_of(credentials: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: credentials.get(name, "")
