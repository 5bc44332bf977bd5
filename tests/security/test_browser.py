"""What browsers are told: by every route, by the web app, in development and in production."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.contracts.openapi import all_operations
from tests.fixtures.api import PASSWORD, Caller, add_user, client_of

from optix.features.identity.service import Identity
from optix.platform.metrics import new_registry
from optix.platform.settings import SettingsError, load_settings
from optix.processes.api import ApiDependencies, create_app

pytestmark = pytest.mark.stores

ORIGIN = "https://app.example.org"
PAGE = """<!doctype html><html><head><style>body{margin:0}</style>
<script>window.ready = true</script><script src="/_expo/a.js" defer></script></head></html>"""

NewClient = Callable[..., httpx.AsyncClient]


@pytest.fixture
def new_client(api_dependencies: ApiDependencies, tmp_path: Path) -> NewClient:
    """Make a client of an app with other settings, and with a small web app."""
    (tmp_path / "index.html").write_text(PAGE)

    def make(**changes: object) -> httpx.AsyncClient:
        deps = replace(
            api_dependencies,
            web_folder=tmp_path,
            registry=new_registry(),
            **changes,  # type: ignore[arg-type]  # named by each test
        )
        return client_of(create_app(deps))

    return make


def directives(policy: str) -> Mapping[str, list[str]]:
    parts = [part.split() for part in policy.split(";") if part.strip()]
    return {name: values for name, *values in parts}


class TestContentPolicy:
    @pytest.mark.parametrize("path", ["/", "/docs"])
    async def test_pages_run_own_scripts_only(self, new_client: NewClient, path: str) -> None:
        async with new_client() as client:
            policy = directives((await client.get(path)).headers["content-security-policy"])
        scripts = policy["script-src"]
        assert "'self'" in scripts
        assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "data:"} & set(scripts)
        assert all(re.fullmatch(r"'self'|'sha256-[A-Za-z0-9+/]{43}='", rule) for rule in scripts)
        assert policy["frame-ancestors"] == ["'none'"]
        assert policy["base-uri"] in (["'self'"], ["'none'"])
        assert policy.get("object-src", policy["default-src"]) == ["'none'"]

    async def test_no_answer_of_the_api_may_be_shown_as_a_page(
        self, client: httpx.AsyncClient, api_app: FastAPI, caller: Caller
    ) -> None:
        wrong = []
        for operation in all_operations(api_app.openapi()):
            response = await client.request(
                operation.method, operation.url(), json=operation.body(), headers=caller.headers
            )
            policy = directives(response.headers.get("content-security-policy", ""))
            if policy.get("default-src") != ["'none'"] and response.status_code != 304:
                wrong.append(f"{operation}: {policy}")
            if response.headers.get("x-content-type-options") != "nosniff":
                wrong.append(f"{operation} may be sniffed")
        assert not wrong


class TestPowers:
    async def test_pages_have_no_power_but_passkeys(self, new_client: NewClient) -> None:
        async with new_client() as client:
            policy = (await client.get("/")).headers["permissions-policy"]
        powers = dict(part.split("=", 1) for part in policy.split(", "))
        assert powers.pop("publickey-credentials-create") == "(self)"
        assert powers.pop("publickey-credentials-get") == "(self)"
        assert set(powers.values()) == {"()"}
        assert {"camera", "microphone", "geolocation", "payment", "usb"} <= powers.keys()

    async def test_nobody_frames_opens_or_follows_us(self, new_client: NewClient) -> None:
        async with new_client() as client:
            headers = (await client.get("/")).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-permitted-cross-domain-policies"] == "none"


class TestTransport:
    async def test_production_insists_on_tls_for_two_years(self, new_client: NewClient) -> None:
        async with new_client(environment="production") as client:
            for path in ("/", "/health", "/nowhere.js", "/api/v1/users/me"):
                said = (await client.get(path)).headers["strict-transport-security"]
                assert said == "max-age=63072000; includeSubDomains"

    async def test_the_cookie_needs_tls_in_production(
        self, new_client: NewClient, identity: Identity
    ) -> None:
        await add_user(identity)
        body = {"email": "ada@example.com", "password": PASSWORD, "client": "web"}
        async with new_client(environment="production") as client:
            response = await client.post("/api/v1/auth/login", json=body)
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("__Secure-")
        for rule in ("Secure", "HttpOnly", "SameSite=strict", "Path=/api/v1/auth"):
            assert rule in cookie


class TestOtherOrigins:
    async def test_a_listed_origin_may_read_and_others_may_not(self, new_client: NewClient) -> None:
        async with new_client(cors_origins=[ORIGIN]) as client:
            listed = await client.get("/api/v1/app/config", headers={"Origin": ORIGIN})
            assert listed.headers["access-control-allow-origin"] == ORIGIN
            for other in ("https://evil.example", f"{ORIGIN}.evil.example", "null"):
                refused = await client.get("/api/v1/app/config", headers={"Origin": other})
                assert "access-control-allow-origin" not in refused.headers

    async def test_no_origin_may_send_cookies(self, new_client: NewClient) -> None:
        async with new_client(cors_origins=[ORIGIN]) as client:
            asked = await client.options(
                "/api/v1/auth/refresh",
                headers={
                    "Origin": ORIGIN,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "content-type",
                },
            )
        assert asked.status_code == 200
        assert "access-control-allow-credentials" not in asked.headers

    async def test_a_refusal_for_coming_too_often_can_be_read_there(
        self, new_client: NewClient
    ) -> None:
        limits = dict.fromkeys(
            ("default", "login", "register", "refresh", "factor", "mail", "account"), 1
        )
        async with new_client(cors_origins=[ORIGIN], rate_limits=limits) as client:
            for _ in range(2):
                answer = await client.get("/api/v1/app/config", headers={"Origin": ORIGIN})
        assert answer.status_code == 429
        assert answer.headers["access-control-allow-origin"] == ORIGIN

    @pytest.mark.parametrize(
        "origin", ["*", "https://a.example/", "a.example", "https://*.a.example"]
    )
    def test_the_list_takes_exact_origins_only(
        self, origin: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPTIX_CORS_ORIGINS", f"{ORIGIN},{origin}")
        with pytest.raises(SettingsError, match="OPTIX_CORS_ORIGINS"):
            load_settings()

    def test_production_takes_origins_with_tls_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPTIX_ENV", "production")
        monkeypatch.setenv("OPTIX_CORS_ORIGINS", "http://app.example.org")
        with pytest.raises(SettingsError, match="must begin with https"):
            load_settings()
