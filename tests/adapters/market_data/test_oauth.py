"""An access token is renewed in time and once, and a refusal is final for a while."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from tests.fakes.provider_server import ProviderServer, Reply, Request

from optix.adapters.market_data.failures import PROVIDER_ERRORS, ProviderRefused, Unreadable
from optix.adapters.market_data.oauth import (
    LIFE_SECONDS_DEFAULT,
    LIFE_SECONDS_MAX,
    MARGIN_SECONDS,
    AccessToken,
)
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import RestClient
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.ports.market_data import ProviderUnavailable

AGAIN = "Log in again."


class Issuer(ProviderServer):
    """Numbers its tokens. `told` is what it says beside one."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ScaledClock(SystemClock(), origin_ns=10**18, speed=0.0)
        self.issued = 0
        self.told: dict[str, object] = {"expires_in": 900}
        self.status = 200
        self.route("POST", "/token", self._issue)

    def _issue(self, request: Request) -> Reply:
        if self.status != 200:
            return Reply({"error": "no"}, status=self.status)
        self.issued += 1
        assert request.form()["grant_type"] == "refresh_token"
        return Reply({"access_token": f"t{self.issued}"} | self.told)

    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NANOSECONDS))


@asynccontextmanager
async def issuing() -> AsyncIterator[tuple[Issuer, AccessToken]]:
    issuer = Issuer()
    async with issuer.serve_http():
        rest = RestClient(
            "Issuer",
            base_url=issuer.base_url,
            pacing=Pacing("Issuer", issuer.clock, errors=PROVIDER_ERRORS, requests=None),
            clock=issuer.clock,
        )
        yield (
            issuer,
            AccessToken(
                rest,
                "/token",
                refresh_token=SecretStr("refresh"),
                form={"client_secret": SecretStr("client")},
                headers={},
                again=AGAIN,
                clock=issuer.clock,
            ),
        )
        await rest.close()


async def test_a_token_is_used_until_a_minute_before_its_end() -> None:
    async with issuing() as (issuer, token):
        assert await token.get() == "t1"
        issuer.wait(900 - MARGIN_SECONDS - 1)
        assert await token.get() == "t1"
        issuer.wait(1)
        assert await token.get() == "t2"


@pytest.mark.parametrize("told", [None, "900", -1, 0, True, LIFE_SECONDS_MAX * 2])
async def test_a_life_that_is_none_is_a_short_one(told: object) -> None:
    async with issuing() as (issuer, token):
        issuer.told = {"expires_in": told}
        await token.get()
        issuer.wait(LIFE_SECONDS_DEFAULT)
        assert await token.get() == "t2"


async def test_only_the_token_that_was_used_is_replaced() -> None:
    async with issuing() as (issuer, token):
        await token.get()
        assert await token.renew()
        assert await token.renew()
        assert issuer.issued == 2, "nobody used the second one yet"
        assert token.use() == "t2"
        assert await token.renew()
        assert issuer.issued == 3


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_is_final_for_a_while_and_says_what_to_do(status: int) -> None:
    async with issuing() as (issuer, token):
        issuer.status = status
        for _ in range(3):
            with pytest.raises(ProviderRefused) as caught:
                await token.get()
        assert caught.value.next_step == AGAIN
        assert issuer.counts["/token"] == 1
        issuer.wait(limits.STREAM_REFUSED_SECONDS)
        issuer.status = 200
        assert await token.get() == "t1"


async def test_an_outage_is_no_refusal() -> None:
    async with issuing() as (issuer, token):
        issuer.status = 503
        with pytest.raises(ProviderUnavailable) as caught:
            await token.get()
        assert not isinstance(caught.value, ProviderRefused)
        issuer.status = 200
        assert await token.get() == "t1"


@pytest.mark.parametrize("value", [None, "", 7])
async def test_an_answer_without_a_token_cannot_be_read(value: object) -> None:
    async with issuing() as (issuer, token):
        issuer.told = {"access_token": value}
        with pytest.raises(Unreadable):
            await token.get()
