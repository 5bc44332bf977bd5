"""The whole way of a user, over the API, against the sandbox that the same app serves: connect,
agree, come back, finish, be read, see accounts and positions, end it. Nothing is stood in for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.contracts.broker import quick_wiring
from tests.fixtures.api import BASE_URL, Caller, client_of, signed_in_user

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.sandbox import SandboxApp, SandboxBroker
from optix.features.brokerage import repository
from optix.features.brokerage.listener import EventListener
from optix.features.brokerage.sync import BrokerSync
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.user_events import UserEvents
from optix.platform.vault import Vault
from optix.ports.broker import Broker
from optix.processes.api import ApiDependencies
from optix.processes.brokers import is_market_open
from optix.processes.sandbox import CLIENT_ID, client_secret, mount_sandbox

pytestmark = pytest.mark.stores

SECRET = client_secret(b"a key of the tests")
ROOT = "/api/v1/brokerages"


class Onward(httpx.AsyncBaseTransport):
    """To the app that is made after the brokers it is made with."""

    def __init__(self) -> None:
        self.app = FastAPI()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await httpx.ASGITransport(self.app).handle_async_request(request)


@pytest.fixture
def onward() -> Onward:
    return Onward()


@pytest.fixture
def brokers(clock: ScaledClock, onward: Onward) -> Mapping[str, Broker]:
    quick = quick_wiring(clock)
    app = SandboxApp(
        client_id=CLIENT_ID,
        client_secret=SECRET,
        api_url=BASE_URL,
        authorise_url=f"{BASE_URL}/sandbox/authorize",
    )
    wiring = Wiring(clock=clock, transport=onward, sleep=quick.sleep, jitter=quick.jitter)
    return {"sandbox": SandboxBroker(app, wiring)}


@dataclass
class Traveller:
    """A user with a browser and the app, and the worker that reads for them."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    owner: UserId
    sync: BrokerSync
    events: UserEvents
    deps: ApiDependencies

    async def get(self, path: str) -> Any:
        answer = await self.client.get(path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def begin(self, **asked: Any) -> dict[str, Any]:
        answer = await self.client.post(f"{ROOT}/sandbox/connect", headers=self.headers, json=asked)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def come_back(self, begun: Mapping[str, Any]) -> str:
        """Agree on the broker's page, and follow the browser back; return the code."""
        form = dict(parse_qsl(urlsplit(begun["url"]).query))
        page = await self.client.post("/sandbox/authorize", data={**form, "answer": "allow"})
        assert page.status_code == 200, page.text
        onward = page.text.split('<a href="')[1].split('"')[0].replace("&amp;", "&")
        back = await self.client.get(onward)
        assert back.status_code == 303
        assert back.headers["cache-control"] == "no-store"
        address = urlsplit(back.headers["location"])
        return dict(parse_qsl(address.fragment or address.query))["code"]

    async def connect(self) -> dict[str, Any]:
        begun = await self.begin()
        answer = await self.finish(begun, await self.come_back(begun))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def finish(self, begun: Mapping[str, Any], code: str) -> httpx.Response:
        asked = {"handle": begun["handle"], "code": code, "values": {}}
        return await self.client.post(f"{ROOT}/sandbox/finish", headers=self.headers, json=asked)

    async def work(self) -> None:
        """Read what is due, as the worker does."""
        now = to_datetime(self.deps.clock.now_ns())
        async with self.deps.database.writing() as session:
            due = await repository.claim_due(session, now, brokers=["sandbox"], most=5)
        for connection in due:
            assert await self.sync.read(connection) is None


@pytest.fixture
async def traveller(
    api_app: FastAPI,
    api_dependencies: ApiDependencies,
    onward: Onward,
    caller: Caller,
    client: httpx.AsyncClient,
    vault: Vault,
    redis: Redis,
) -> Traveller:
    deps = api_dependencies
    onward.app = api_app
    mount_sandbox(
        api_app,
        database=deps.database,
        clock=deps.clock,
        lanes=deps.lanes,
        origin=BASE_URL,
        secret=SECRET,
    )
    events = UserEvents(redis)
    sync = BrokerSync(
        deps.database,
        brokers=deps.brokerage.connections.brokers,
        vault=vault,
        clock=deps.clock,
        listener=EventListener(events, deps.clock),
        market_open=is_market_open,
    )
    owner = UserId(UUID(caller.id))
    return Traveller(client, caller.headers, owner, sync, events, deps)


async def test_from_the_gallery_to_positions_and_out_again(traveller: Traveller) -> None:
    (offered,) = (await traveller.get(ROOT))["brokerages"]
    assert (offered["name"], offered["simulated"], offered["connections"]) == ("sandbox", True, 0)
    before = await traveller.events.position(traveller.owner)

    made = await traveller.connect()
    assert (made["state"], made["syncing"], made["accounts"]) == ("connected", True, [])
    await traveller.work()

    (found,) = (await traveller.get(f"{ROOT}/connections"))["connections"]
    assert found["id"] == made["id"]
    assert found["last_sync_at"] is not None
    assert (found["syncing"], found["problem"]) == (False, None)
    assert found["accounts"]
    for account in found["accounts"]:
        assert account["complete"]
        assert not account["stale"]
        assert account["simulated"]
    assert sum(account["positions"] for account in found["accounts"]) > 0
    assert sum(account["activities"] for account in found["accounts"]) > 0

    told = (await traveller.events.read(traveller.owner, before)).events
    assert {(each.channel, each.kind) for each in told} == {
        ("sync", "progress"),
        ("portfolio", "changed"),
    }
    assert b'"step":"done"' in [each for each in told if each.channel == "sync"][-1].body

    page = await traveller.get(f"{ROOT}/connections/{made['id']}/log")
    assert page["exchanges"]
    export = await traveller.client.get(
        f"{ROOT}/connections/{made['id']}/log/export", headers=traveller.headers
    )
    assert export.headers["content-type"].startswith("text/plain")
    assert len(export.text.splitlines()) >= len(page["exchanges"])

    ended = await traveller.client.delete(
        f"{ROOT}/{made['id']}/disconnect?history=delete", headers=traveller.headers
    )
    assert ended.status_code == 204, ended.text
    assert (await traveller.get(f"{ROOT}/connections"))["connections"] == []
    gone = await traveller.get(f"{ROOT}/connections/{made['id']}")
    assert (gone["state"], gone["accounts"]) == ("disconnected", [])


class TestConnecting:
    async def test_it_needs_a_fresh_proof(self, traveller: Traveller, identity: Identity) -> None:
        other = await signed_in_user(identity, "eve@example.com")
        answer = await traveller.client.post(
            f"{ROOT}/sandbox/connect", headers=other.headers, json={}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_needed")

    async def test_the_code_is_worth_nothing_to_another(
        self, traveller: Traveller, identity: Identity
    ) -> None:
        begun = await traveller.begin()
        code = await traveller.come_back(begun)
        other = await signed_in_user(identity, "eve@example.com", methods=("password", "totp"))
        answer = await traveller.client.post(
            f"{ROOT}/sandbox/finish",
            headers=other.headers,
            json={"handle": begun["handle"], "code": code, "values": {}},
        )
        assert answer.json()["code"] == "broker_flow_invalid"

    async def test_an_app_is_come_back_to_by_its_own_address(self, traveller: Traveller) -> None:
        begun = await traveller.begin(client="native")
        assert await traveller.come_back(begun)

    async def test_a_kind_that_it_does_not_know_is_refused(self, traveller: Traveller) -> None:
        answer = await traveller.client.post(
            f"{ROOT}/sandbox/connect", headers=traveller.headers, json={"kind": "oauth1"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "broker_sign_in_kind_unknown")

    async def test_what_is_typed_is_bounded(self, traveller: Traveller) -> None:
        values = {str(place): "x" for place in range(limits.BROKER_VALUES_MAX + 1)}
        answer = await traveller.client.post(
            f"{ROOT}/sandbox/finish",
            headers=traveller.headers,
            json={"handle": "h", "code": "c", "values": values},
        )
        assert answer.status_code == 422

    async def test_no_such_brokerage(self, traveller: Traveller) -> None:
        for path in ("connect", "finish"):
            answer = await traveller.client.post(
                f"{ROOT}/nowhere/{path}",
                headers=traveller.headers,
                json={} if path == "connect" else {"handle": "h", "code": "c"},
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "brokerage_not_found")

    async def test_a_callback_of_nobody_goes_back_with_an_error(self, traveller: Traveller) -> None:
        back = await traveller.client.get(f"{ROOT}/sandbox/callback?state=never&code=x")
        assert back.status_code == 303
        assert back.headers["location"].endswith("#error=broker_flow_invalid")


class TestConnections:
    async def test_it_can_be_renamed_within_bounds(self, traveller: Traveller) -> None:
        made = await traveller.connect()
        path = f"{ROOT}/connections/{made['id']}"
        named = await traveller.client.patch(
            path, headers=traveller.headers, json={"label": "  Mine  "}
        )
        assert named.json()["label"] == "Mine"
        long = "x" * (limits.BROKER_LABEL_LENGTH_MAX + 1)
        for label in (long, "   "):
            refused = await traveller.client.patch(
                path, headers=traveller.headers, json={"label": label}
            )
            assert refused.status_code == 422

    async def test_it_is_read_again_when_it_is_asked_for(
        self, traveller: Traveller, clock: ScaledClock
    ) -> None:
        made = await traveller.connect()
        await traveller.work()
        clock.advance_to(clock.now_ns() + (limits.BROKER_EAGER_SECONDS_MIN + 1) * NANOSECONDS)
        for path in (f"{ROOT}/connections/{made['id']}/sync", "/api/v1/portfolio/sync"):
            asked = await traveller.client.post(path, headers=traveller.headers)
            assert (asked.status_code, asked.json()) == (202, {"asked": 1})
        (found,) = (await traveller.get(f"{ROOT}/connections"))["connections"]
        assert found["syncing"]

    async def test_the_log_comes_in_pages(
        self, traveller: Traveller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = await traveller.connect()
        await traveller.work()
        monkeypatch.setattr(limits, "BROKER_EXCHANGES_PER_PAGE_MAX", 2)
        path = f"{ROOT}/connections/{made['id']}/log"
        lines: list[Any] = []
        page = await traveller.get(path)
        while True:
            assert len(page["exchanges"]) <= limits.BROKER_EXCHANGES_PER_PAGE_MAX
            lines += page["exchanges"]
            if page["next"] is None:
                break
            answer = await traveller.client.get(
                path, headers=traveller.headers, params={"cursor": page["next"]}
            )
            page = answer.json()
        export = await traveller.client.get(f"{path}/export", headers=traveller.headers)
        assert len(lines) == len(export.text.splitlines()) > 2

    @pytest.mark.parametrize("cursor", ["x", "2026-01-01T00:00:00~x", "~"])
    async def test_a_cursor_of_nobody_is_refused(self, traveller: Traveller, cursor: str) -> None:
        made = await traveller.connect()
        answer = await traveller.client.get(
            f"{ROOT}/connections/{made['id']}/log",
            headers=traveller.headers,
            params={"cursor": cursor},
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_invalid")

    async def test_nobody_sees_or_ends_anothers(
        self, traveller: Traveller, identity: Identity, api_app: FastAPI
    ) -> None:
        made = await traveller.connect()
        other = await signed_in_user(identity, "eve@example.com", methods=("password", "totp"))
        async with client_of(api_app) as client:
            one = f"{ROOT}/connections/{made['id']}"
            for method, path in (
                ("GET", one),
                ("GET", f"{one}/log"),
                ("GET", f"{one}/log/export"),
                ("POST", f"{one}/sync"),
                ("DELETE", f"{ROOT}/{made['id']}/disconnect"),
            ):
                answer = await client.request(method, path, headers=other.headers)
                assert answer.status_code == 404, (method, path)
        assert (await traveller.get(one))["state"] == "connected"


async def test_what_calls_nobody_takes_no_webhook(traveller: Traveller) -> None:
    answer = await traveller.client.post(f"{ROOT}/nobody/webhook", content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "brokerage_not_found")
