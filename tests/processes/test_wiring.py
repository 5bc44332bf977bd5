"""What runs where: components and routes by name, on real stores and the simulated market."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from tests.contracts.openapi import problem_faults
from tests.fixtures.waiting import WAIT_SECONDS
from tools.ports import free_port
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from optix.features.identity.development import DEVELOPMENT_ACCOUNTS
from optix.features.market import book
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import OptixError
from optix.platform.embedded.stores import StoreUrls
from optix.platform.secrets import load_secrets
from optix.platform.security_settings import LimitSettings
from optix.platform.settings import Settings, load_settings
from optix.processes import wiring
from optix.processes.api import UnknownModule
from optix.processes.supervisor import run_components
from optix.processes.wiring import UnknownComponent, build_components

pytestmark = pytest.mark.stores


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # All tests of one process come from one address, whose minute may be full before this begins.
    unlimited = {f"rate_limit_{rule}": 1_000_000 for rule in LimitSettings().per_minute}
    return load_settings(
        feed="sim", host="127.0.0.1", port=free_port(), data_dir=tmp_path / "data", **unlimited
    )


@pytest.fixture(autouse=True)
def _a_busy_machine_is_no_lost_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything computes in one process here, and its book is the last to listen."""
    monkeypatch.setattr(book, "_SILENCE_NS", 120 * NANOSECONDS)


@asynccontextmanager
async def running(
    settings: Settings,
    stores: StoreUrls,
    names: Sequence[str],
    modules: Sequence[str] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    """Run components until the block ends; give a client of their web server."""
    components = build_components(settings, names, stores, load_secrets(settings), modules=modules)
    stop = asyncio.Event()
    work = asyncio.create_task(run_components(components, stop=stop, policies=wiring.policies()))
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            for component in components:
                while True:
                    try:
                        await component.ping()
                        break
                    except OptixError:
                        await asyncio.sleep(0.02)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.http.port}") as client:
            yield client
    finally:
        stop.set()
        await work


async def sign_in(client: httpx.AsyncClient) -> dict[str, str]:
    email, password, *_ = DEVELOPMENT_ACCOUNTS[1]
    response = await client.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['access_token']}"}


class TestEverything:
    async def test_a_quote_a_chain_and_a_tick_from_one_program(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        await wiring.migrate(stores)
        accounts = await wiring.seed_development_accounts(settings, stores)
        assert len(accounts) == len(DEVELOPMENT_ACCOUNTS)
        async with running(settings, stores, wiring.COMPONENTS) as client:
            headers = await sign_in(client)
            quote = (await client.get("/api/v1/quotes/SPY", headers=headers)).json()
            assert (quote["quality"], quote["source"]) == ("simulated", "sim")
            chain = (await client.get("/api/v1/options/chain/SPY", headers=headers)).json()
            assert len(chain["contracts"]) == chain["contracts_total"] > 20
            token = headers["Authorization"].removeprefix("Bearer ")
            async with connect(f"ws://127.0.0.1:{settings.http.port}/ws/quotes") as stream:
                await stream.send(orjson.dumps({"op": "auth", "token": token}).decode())
                ask = {"op": "subscribe", "id": 1, "quotes": ["SPY"]}
                await stream.send(orjson.dumps(ask).decode())
                seen: list[str] = []
                async with asyncio.timeout(WAIT_SECONDS):
                    while "snapshot" not in seen:
                        seen.append(orjson.loads(await stream.recv())[0])
                assert seen[0] == "hello"
            health = (await client.get("/health")).json()
            parts = {part["name"]: part["state"] for part in health["parts"]}
            names = ["postgresql", "redis", "market feed", "brokerage sync", "ledger", "stream"]
            assert parts == dict.fromkeys(names, "ok")

    async def test_a_body_over_the_bound_is_refused_by_the_whole_api(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        async with running(settings, stores, ["api"]) as client:
            head = b'{"email":"'
            exact = head + b"x" * (limits.REQUEST_BODY_BYTES_MAX - len(head))
            unreadable = await client.post("/api/v1/auth/login", content=exact)
            assert unreadable.status_code == 422
            refused = await client.post("/api/v1/auth/login", content=exact + b"x")
            assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
            assert list(problem_faults(refused)) == []


class TestSubsets:
    async def test_a_feed_alone_listens_on_nothing(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        async with running(settings, stores, ["feed"]) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("/health")

    async def test_a_feed_alone_tells_its_metrics_where_it_is_asked_to(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        port = settings.http.port
        http = settings.http.model_copy(update={"metrics_port": port})
        settings = settings.model_copy(update={"http": http})
        token = load_secrets(settings).metrics_token.get_secret_value()
        async with running(settings, stores, ["feed"]) as client:
            assert (await client.get("/health/ready")).json()["status"] == "ok"
            refused = await client.get("/metrics")
            assert (refused.status_code, refused.json()["code"]) == (401, "metrics_token_wrong")
            told = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
            assert "process_resident_memory_bytes" in told.text
            for path in ("/api/v1/market/status", "/docs", "/openapi.json"):
                assert (await client.get(path)).status_code == 404

    async def test_an_api_alone_has_no_stream(self, settings: Settings, stores: StoreUrls) -> None:
        async with running(settings, stores, ["api"]) as client:
            assert (await client.get("/api/v1/market/status")).status_code == 401
            assert await refused_socket(settings) in {403, 404}

    async def test_a_stream_alone_has_no_other_routes(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        health_port = free_port()
        http = settings.http.model_copy(update={"metrics_port": health_port})
        settings = settings.model_copy(update={"http": http})
        async with running(settings, stores, ["stream"]) as client:
            for path in ("/api/v1/market/status", "/api/v1/users/me", "/health/live"):
                assert (await client.get(path)).status_code == 404
            health = await client.get(f"http://127.0.0.1:{health_port}/health/live")
            assert health.status_code == 200
            async with connect(f"ws://127.0.0.1:{settings.http.port}/ws/quotes") as stream:
                await stream.send("{}")
                assert orjson.loads(await stream.recv())[0] == "error"

    async def test_named_modules_are_mounted_and_no_others(
        self, settings: Settings, stores: StoreUrls
    ) -> None:
        async with running(settings, stores, ["api"], ["market"]) as client:
            assert (await client.get("/api/v1/market/status")).status_code == 401
            assert (await client.post("/api/v1/auth/login", json={})).status_code == 404
            paths = (await client.get("/openapi.json")).json()["paths"]
            assert not any(path.startswith("/api/v1/auth") for path in paths)


async def refused_socket(settings: Settings) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await connect(f"ws://127.0.0.1:{settings.http.port}/ws/quotes")
    return caught.value.response.status_code


class TestRefusals:
    @pytest.mark.parametrize("names", [[], ["web"], ["api", "broker"]])
    def test_a_component_that_is_none(
        self, settings: Settings, stores: StoreUrls, names: list[str]
    ) -> None:
        secrets = load_secrets(settings)
        with pytest.raises(UnknownComponent) as caught:
            build_components(settings, names, stores, secrets)
        assert "feed" in caught.value.next_step

    @pytest.mark.parametrize("names", [["api"], ["feed"]])
    def test_a_module_that_is_none(
        self, settings: Settings, stores: StoreUrls, names: list[str]
    ) -> None:
        secrets = load_secrets(settings)
        with pytest.raises(UnknownModule, match="weather"):
            build_components(settings, names, stores, secrets, modules=["market", "weather"])


class TestDocument:
    def test_the_document_names_every_module_without_a_connection(self) -> None:
        document = wiring.openapi_document()
        for path in ("/api/v1/auth/login", "/api/v1/quotes/{symbol}", "/api/v1/app/config"):
            assert path in document["paths"]

    async def test_accounts_of_development_are_not_made_in_production(
        self, stores: StoreUrls, tmp_path: Path
    ) -> None:
        settings = load_settings(development_accounts=False, data_dir=tmp_path)
        assert await wiring.seed_development_accounts(settings, stores) == []
