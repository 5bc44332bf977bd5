"""The sandbox's word that an account changed: signed by the secret that it shares with OPTIX."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import orjson

from optix.adapters.brokers.sandbox.client import LABEL
from optix.adapters.brokers.webhooks import WebhookRefused

HEADER: Final = "X-Sandbox-Signature"
BODY_BYTES_MAX: Final = 1_024


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def hint_body(holder: str, sent_ns: int) -> bytes:
    return orjson.dumps({"holder": holder, "sent_ns": sent_ns})


def read_hint(secret: str, signed: str, body: bytes) -> tuple[int, str]:
    """Return when a hint was sent and whose it is. Raises WebhookRefused unless it is signed."""
    if len(body) > BODY_BYTES_MAX or not hmac.compare_digest(
        signature(secret, body).encode(), signed.encode()
    ):
        raise WebhookRefused(f"{LABEL}'s webhook is not signed by its secret.")
    told = orjson.loads(body)
    return int(told["sent_ns"]), str(told["holder"])
