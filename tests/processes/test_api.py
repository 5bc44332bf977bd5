"""The API as a whole: modules, production, readiness, metrics, what the app asks first."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.fixtures.api import METRICS_TOKEN, PASSWORD, add_user, client_of, signed_in_user

from optix.platform.db import Database
from optix.platform.metrics import new_registry
from optix.processes.api import MODULES, ApiDependencies, UnknownModule, create_app

pytestmark = pytest.mark.stores


def app_with(dependencies: ApiDependencies, **changes: object) -> FastAPI:
    fresh = replace(dependencies, registry=new_registry())
    return create_app(replace(fresh, **changes))  # type: ignore[arg-type]  # checked at run time


class TestModules:
    def test_an_unknown_module_is_refused_with_the_list_of_known_ones(
        self, api_dependencies: ApiDependencies
    ) -> None:
        with pytest.raises(UnknownModule, match="identity"):
            create_app(api_dependencies, modules=["identity", "nonsense"])

    async def test_only_the_named_modules_are_mounted(
        self, api_dependencies: ApiDependencies
    ) -> None:
        app = create_app(api_dependencies, modules=[])
        assert not [path for path in app.openapi()["paths"] if "/auth/" in path]
        async with client_of(app) as client:
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.get("/api/v1/app/config")).json()["try_it"] is False
            assert (await client.post("/api/v1/auth/login", json={})).status_code == 404

    def test_identity_is_there_by_default(self, api_app: FastAPI) -> None:
        assert "identity" in MODULES
        assert "/api/v1/auth/login" in api_app.openapi()["paths"]


class TestProduction:
    async def test_nobody_gets_in_without_an_account(
        self, api_dependencies: ApiDependencies
    ) -> None:
        app = app_with(api_dependencies, environment="production")
        assert "/api/v1/auth/try" not in app.openapi()["paths"]
        async with client_of(app) as client:
            assert (await client.post("/api/v1/auth/try", json={})).status_code == 404
            config = (await client.get("/api/v1/app/config")).json()
        assert config == {"environment": "production", "try_it": False, "version": "0.0.0+tests"}

    async def test_the_cookie_needs_tls(self, api_dependencies: ApiDependencies) -> None:
        app = app_with(api_dependencies, environment="production")
        await add_user(api_dependencies.identity)
        body = {"email": "ada@example.com", "password": PASSWORD, "client": "web"}
        async with client_of(app) as client:
            response = await client.post("/api/v1/auth/login", json=body)
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("__Host-optix_refresh=")
        assert "Secure" in cookie.split("; ")
        assert "strict-transport-security" in response.headers


class TestHealth:
    async def test_ready_with_both_stores(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/health/ready")
        assert response.status_code == 200
        assert [part["name"] for part in response.json()["parts"]] == ["postgresql", "redis"]

    async def test_not_ready_without_a_store_and_alive_all_the_same(
        self, api_dependencies: ApiDependencies, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("optix.platform.db.CONNECT_RETRY_SECONDS", ())
        gone = Database.from_url("postgresql://nobody@127.0.0.1:1/none")
        async with Redis(host="127.0.0.1", port=1) as no_redis:
            app = app_with(api_dependencies, database=gone, redis=no_redis)
            async with client_of(app) as client:
                ready = await client.get("/health/ready")
                live = await client.get("/health/live")
        await gone.close()
        assert ready.status_code == 503
        assert set(ready.json()["fields"]) == {"postgresql", "redis"}
        assert live.status_code == 200

    async def test_a_route_without_its_database_is_503_and_not_a_bug(
        self, api_dependencies: ApiDependencies, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("optix.platform.db.CONNECT_RETRY_SECONDS", ())
        gone = Database.from_url("postgresql://nobody@127.0.0.1:1/none")
        caller = await signed_in_user(api_dependencies.identity)
        async with client_of(app_with(api_dependencies, database=gone)) as client:
            response = await client.get("/api/v1/users/me", headers=caller.headers)
        await gone.close()
        assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


class TestMetrics:
    async def test_the_operators_token_opens_them(self, client: httpx.AsyncClient) -> None:
        await client.get("/health/live")
        response = await client.get(
            "/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}
        )
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        assert 'optix_http_requests_total{method="GET",route="/health/live"' in response.text

    @pytest.mark.parametrize("token", ["", "wrong", METRICS_TOKEN + "x", METRICS_TOKEN[:-1]])
    async def test_another_token_does_not(self, client: httpx.AsyncClient, token: str) -> None:
        response = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401


class TestOtherOrigins:
    PREFLIGHT: ClassVar = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}

    async def test_none_is_let_in_unless_listed(self, client: httpx.AsyncClient) -> None:
        response = await client.options("/api/v1/auth/login", headers=self.PREFLIGHT)
        assert response.status_code == 405
        assert "access-control-allow-origin" not in response.headers

    async def test_a_listed_one_is_without_its_cookies(
        self, api_dependencies: ApiDependencies
    ) -> None:
        app = app_with(api_dependencies, cors_origins=["https://app.example"])
        async with client_of(app) as client:
            listed = await client.options("/api/v1/auth/login", headers=self.PREFLIGHT)
            other = await client.options(
                "/api/v1/auth/login", headers={**self.PREFLIGHT, "Origin": "https://evil.example"}
            )
        assert listed.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in listed.headers
        assert other.status_code == 400
        assert "access-control-allow-origin" not in other.headers


async def test_the_app_can_ask_what_it_talks_to(client: httpx.AsyncClient) -> None:
    config = (await client.get("/api/v1/app/config")).json()
    assert config == {"environment": "development", "try_it": True, "version": "0.0.0+tests"}


async def test_the_document_and_its_page_are_public(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json()["info"]["title"] == "OPTIX"
    assert (await client.get("/docs")).status_code == 200
