"""The sandbox brokerage in the API: who may ask it, what it fills on, and where it is mounted."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from fastapi import FastAPI
from pydantic import SecretStr

from optix.features.market.lanes import MarketLanes
from optix.features.sandbox import router, router_page
from optix.features.sandbox.engine import RestingOrders
from optix.features.sandbox.grants import SandboxClient
from optix.features.sandbox.quotes import FeedQuotes
from optix.features.sandbox.service import Sandbox
from optix.kernel.clock import Clock
from optix.platform.db import Database

CLIENT_ID: Final = "optix"
CALLBACK_PATH: Final = "/api/v1/brokerages/sandbox/callback"
_PURPOSE: Final = b"the client secret of OPTIX at its sandbox brokerage"


def client_secret(key: bytes) -> SecretStr:
    """Return the secret that all processes with the same key agree on."""
    return SecretStr(hmac.new(key, _PURPOSE, hashlib.sha256).hexdigest())


def mount_sandbox(
    app: FastAPI,
    *,
    database: Database,
    clock: Clock,
    lanes: MarketLanes,
    origin: str,
    secret: SecretStr,
) -> RestingOrders:
    """Serve the sandbox in `app`; return what fills its resting orders, for the caller to run.

    `origin` is the address people type: the sandbox answers to the callback there alone.
    """
    app.state.sandbox = Sandbox(
        database,
        clock,
        quotes=FeedQuotes(lanes),
        client=SandboxClient(CLIENT_ID, secret, (f"{origin.rstrip('/')}{CALLBACK_PATH}",)),
    )
    app.include_router(router.router)
    app.include_router(router_page.router)
    return RestingOrders(app.state.sandbox)
