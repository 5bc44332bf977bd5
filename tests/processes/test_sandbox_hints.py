"""The sandbox's word travels by real HTTP, is believed for its signature and taken once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from tests.contracts.broker import quick_wiring
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fixtures.waiting import until

from optix.adapters.brokers.sandbox import SandboxApp, SandboxBroker
from optix.adapters.brokers.sandbox.hints import HEADER, hint_body, signature
from optix.adapters.brokers.webhooks import WEBHOOK_SECONDS_MAX, WebhookRefused
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.processes import sandbox_hints
from optix.processes.sandbox_hints import SandboxHints

SECRET = SecretStr("what both know")
HOOK = "/api/v1/brokerages/sandbox/webhook"


@pytest.fixture
def broker(clock: ScaledClock) -> SandboxBroker:
    app = SandboxApp(
        client_id="optix",
        client_secret=SECRET,
        api_url="http://127.0.0.1:9",
        authorise_url="http://127.0.0.1:9/sandbox/authorize",
    )
    return SandboxBroker(app, quick_wiring(clock))


class Heard(ProviderServer):
    def __init__(self) -> None:
        super().__init__()
        self.hooks: list[Request] = []
        self.status = 204
        self.route("POST", HOOK, self._take)

    def _take(self, request: Request) -> Reply:
        self.hooks.append(request)
        return Reply(status=self.status)


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    server = Heard()
    async with server.serve_http():
        yield server


@pytest.fixture
async def hints(heard: Heard, clock: ScaledClock) -> AsyncIterator[SandboxHints]:
    sender = SandboxHints(f"{heard.base_url}{HOOK}", SECRET, clock)
    task = asyncio.create_task(sender.run())
    yield sender
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class TestSending:
    async def test_what_is_sent_is_believed_by_the_adapter_once(
        self, hints: SandboxHints, heard: Heard, broker: SandboxBroker
    ) -> None:
        holder = uuid4()
        hints.tell(holder)
        await until(lambda: heard.hooks)
        (came,) = heard.hooks
        (hint,) = await broker.read_hint(came.headers, came.body)
        assert hint.login_key == str(holder)
        assert list(await broker.read_hint(came.headers, came.body)) == []

    async def test_a_refused_or_lost_one_does_not_stop_the_next(
        self, hints: SandboxHints, heard: Heard
    ) -> None:
        heard.status = 500
        hints.tell(uuid4())
        await until(lambda: len(heard.hooks) == 1)
        heard.scripted.append(Reply(drop=True))
        hints.tell(uuid4())
        await until(lambda: not heard.scripted)
        last = uuid4()
        hints.tell(last)
        await until(lambda: heard.hooks and str(last).encode() in heard.hooks[-1].body)

    def test_each_holder_waits_once_and_not_too_many_do(
        self, clock: ScaledClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sandbox_hints, "WAITING_MAX", 2)
        sender = SandboxHints("http://127.0.0.1:9", SECRET, clock)
        one, other = uuid4(), uuid4()
        for holder in (one, one, other, uuid4()):
            sender.tell(holder)
        assert list(sender._waiting) == [one, other]


class TestBelieving:
    @pytest.mark.parametrize("signed", ["", "ÿ", signature("another secret", b"x")])
    async def test_another_signature_is_refused(
        self, broker: SandboxBroker, clock: ScaledClock, signed: str
    ) -> None:
        body = hint_body(str(UUID(int=1)), clock.now_ns())
        with pytest.raises(WebhookRefused, match="signed"):
            await broker.read_hint({HEADER: signed}, body)

    async def test_an_old_one_and_a_huge_one_are_refused(
        self, broker: SandboxBroker, clock: ScaledClock
    ) -> None:
        secret = SECRET.get_secret_value()
        old = clock.now_ns() - (WEBHOOK_SECONDS_MAX + 1) * NANOSECONDS
        for body in (hint_body("x", old), hint_body("x" * 2_000, clock.now_ns())):
            with pytest.raises(WebhookRefused):
                await broker.read_hint({HEADER: signature(secret, body)}, body)
