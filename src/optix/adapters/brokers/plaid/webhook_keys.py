"""The public keys of Plaid's webhooks, and what a signature of theirs proves."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

import jwt
from jwt.exceptions import PyJWTError

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.plaid import wire
from optix.adapters.brokers.plaid.words import LABEL
from optix.adapters.brokers.webhooks import WebhookRefused
from optix.kernel.clock import NANOSECONDS, Clock

ALGORITHM: Final = "ES256"
KEYS_MAX: Final = 20
KEY_SECONDS: Final = 3_600  # after that it is asked again whether a key still holds
KEY_ID_LENGTH_MAX: Final = 100
TOKEN_LENGTH_MAX: Final = 4_096


class WebhookKeys:
    """Keys by their id, asked for once each. `fetch` asks Plaid, at a pace of its own."""

    def __init__(self, fetch: Callable[[str], Awaitable[Any]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._asking = asyncio.Lock()
        self._known: OrderedDict[str, tuple[int, jwt.PyJWK]] = OrderedDict()

    async def check(self, token: str, body: bytes) -> int:
        """Return when a webhook was signed, in nanoseconds. Raises WebhookRefused.

        The signature is over a digest of the very bytes of the body.
        """
        if len(token) > TOKEN_LENGTH_MAX:
            raise WebhookRefused(f"The signature of {LABEL}'s webhook is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError:
            raise WebhookRefused(f"{LABEL}'s webhook is not signed.") from None
        key_id = header.get("kid")
        if header.get("alg") != ALGORITHM or not isinstance(key_id, str):
            raise WebhookRefused(f"{LABEL}'s webhook is signed in another way.")
        key = await self._key(key_id)
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                # Times are held against our own clock, by the caller.
                options={
                    "require": ["iat", "request_body_sha256"],
                    "verify_iat": False,
                    "verify_exp": False,
                    "verify_nbf": False,
                },
            )
            signed_ns = int(claims["iat"]) * NANOSECONDS
        except (PyJWTError, ValueError, TypeError, OverflowError):
            raise WebhookRefused(f"The signature of {LABEL}'s webhook does not hold.") from None
        digest = hashlib.sha256(body).hexdigest()
        if not hmac.compare_digest(str(claims["request_body_sha256"]).encode(), digest.encode()):
            raise WebhookRefused(f"{LABEL}'s webhook was changed on its way.")
        return signed_ns

    async def _key(self, key_id: str) -> jwt.PyJWK:
        if len(key_id) > KEY_ID_LENGTH_MAX:
            raise WebhookRefused(f"{LABEL}'s webhook names no key.")
        async with self._asking:
            now_ns = self._clock.now_ns()
            known = self._known.get(key_id)
            if known is not None and now_ns < known[0]:
                return known[1]
            key = self._read(await self._fetch(key_id))
            self._known[key_id] = (now_ns + KEY_SECONDS * NANOSECONDS, key)
            self._known.move_to_end(key_id)
            while len(self._known) > KEYS_MAX:
                self._known.popitem(last=False)
            return key

    @staticmethod
    def _read(answer: Any) -> jwt.PyJWK:
        told = read(wire.KeyAnswer, answer, LABEL).key
        described = read(wire.VerificationKey, told, LABEL)
        if described.expired_at is not None or described.alg != ALGORITHM:
            raise WebhookRefused(f"{LABEL}'s webhook is signed with a key that has ended.")
        try:
            return jwt.PyJWK(told, ALGORITHM)
        except PyJWTError:
            raise WebhookRefused(f"{LABEL}'s webhook is signed with no key.") from None
