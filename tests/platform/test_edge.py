"""The edge: ids, bounds, headers, lines and metrics of every request, and answers to bugs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs
from tests.contracts.openapi import problem_faults

from optix.kernel import limits
from optix.platform.edge import EdgeMiddleware, is_too_deep
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics

BODY_BYTES_MAX = 100


def make_app(
    registry: CollectorRegistry,
    *,
    production: bool = False,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> FastAPI:
    app = FastAPI(openapi_url=None)
    install_problems(app)
    app.add_middleware(
        EdgeMiddleware,
        metrics=HttpMetrics(registry),
        production=production,
        body_bytes_max=body_bytes_max,
    )

    @app.get("/things/{name}")
    async def get_thing(name: str, request: Request) -> str:
        return str(request.state.request_id)

    @app.post("/things")
    async def add_thing(thing: dict[str, str]) -> dict[str, str]:
        return thing

    @app.get("/bug")
    async def bug() -> None:
        raise KeyError("the inside of the program")

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begun"
            raise KeyError("late")

        return StreamingResponse(parts())

    return app


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def client(registry: CollectorRegistry) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


class TestRequestId:
    async def test_every_answer_names_its_request_and_two_differ(
        self, client: httpx.AsyncClient
    ) -> None:
        ids = [(await client.get("/things/x")).headers["x-request-id"] for _ in range(2)]
        assert len(set(ids)) == 2
        assert all(len(found) >= 8 for found in ids)

    async def test_an_id_from_outside_is_kept(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/things/x", headers={"X-Request-Id": "gateway-1234"})
        assert response.headers["x-request-id"] == "gateway-1234"
        assert response.json() == "gateway-1234"

    @pytest.mark.parametrize(
        "offered", ["short", "x" * 65, "with space", "line\tbreak", "<b>12345"]
    )
    async def test_an_id_that_could_harm_a_log_is_replaced(
        self, client: httpx.AsyncClient, offered: str
    ) -> None:
        response = await client.get("/things/x", headers={"X-Request-Id": offered})
        assert response.headers["x-request-id"] != offered


class TestBug:
    async def test_an_unexpected_exception_is_a_500_that_tells_nothing_of_our_insides(
        self, client: httpx.AsyncClient
    ) -> None:
        with capture_logs() as lines:
            response = await client.get("/bug")
        assert response.status_code == 500
        assert not list(problem_faults(response))
        assert "inside" not in response.text
        assert "KeyError" not in response.text
        logged = [line for line in lines if line["event"] == "unhandled exception"]
        assert logged[0]["log_level"] == "error"
        assert logged[0]["exc_info"]

    async def test_a_bug_in_the_middle_of_an_answer_cuts_it(
        self, client: httpx.AsyncClient
    ) -> None:
        with pytest.raises(KeyError):
            await client.get("/half")


class TestBody:
    async def test_the_largest_body_is_taken(self, client: httpx.AsyncClient) -> None:
        value = "x" * (BODY_BYTES_MAX - len('{"a":""}'))
        assert (await client.post("/things", json={"a": value})).status_code == 200

    async def test_a_declared_body_beyond_it_is_refused_unread(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.post("/things", content=b"x" * (BODY_BYTES_MAX + 1))
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert response.headers["connection"] == "close"
        assert not list(problem_faults(response))

    async def test_a_body_of_unknown_length_is_refused_when_it_gets_there(
        self, client: httpx.AsyncClient
    ) -> None:
        async def drops() -> AsyncIterator[bytes]:
            for _ in range(BODY_BYTES_MAX):
                yield b"xx"

        response = await client.post(
            "/things", content=drops(), headers={"Content-Type": "application/json"}
        )
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert not list(problem_faults(response))

    async def test_a_path_for_files_has_a_bound_of_its_own(self) -> None:
        app = FastAPI(openapi_url=None)
        install_problems(app)
        registry = CollectorRegistry()
        app.add_middleware(
            EdgeMiddleware,
            metrics=HttpMetrics(registry),
            production=False,
            body_bytes_max=BODY_BYTES_MAX,
            file_paths={"/file": 2 * BODY_BYTES_MAX},
        )

        @app.post("/{name}")
        async def take(name: str, request: Request) -> int:
            del name
            return len(await request.body())

        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://optix") as client:
            file = b"[" * 2 * BODY_BYTES_MAX  # no JSON, so not too deep
            assert (await client.post("/file", content=file)).json() == len(file)
            for path, body in (("/file", file + b"["), ("/other", file)):
                assert (await client.post(path, content=body)).status_code == 413

    async def test_a_route_that_takes_no_body_refuses_a_huge_one_too(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.request("GET", "/things/x", content=b"x" * 1_000)
        assert response.status_code == 413

    async def test_a_body_that_does_not_end_in_time_is_refused(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Real time, because a deadline is about it: the body never ends, the answer comes."""
        monkeypatch.setattr(limits, "REQUEST_BODY_SECONDS_MAX", 0.05)

        async def drops() -> AsyncIterator[bytes]:
            yield b'{"a": '
            await asyncio.Event().wait()

        response = await client.post(
            "/things", content=drops(), headers={"Content-Type": "application/json"}
        )
        assert (response.status_code, response.json()["code"]) == (408, "body_too_slow")
        assert response.headers["connection"] == "close"
        assert not list(problem_faults(response))


DEEPEST = limits.REQUEST_BODY_DEPTH_MAX


class TestDepth:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[" * DEEPEST + b"]" * DEEPEST,
            b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST,
            b"[" + b"[]," * 10_000 + b"{}]",
            b'["' + b"[{" * 100 + b'"]',  # brackets of a text are no brackets
            b'["\\"' + b"[" * 100 + b'"]',
            b"[[[]],[{}],[]]" * 20,
        ],
    )
    def test_what_lies_within_the_bound_passes(self, body: bytes) -> None:
        assert not is_too_deep(body)

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
            b'[{"a":' * DEEPEST + b"1" + b"}]" * DEEPEST,
            b"[" * 1_000_000,  # never closes
            b'["\\\\"' + b"[" * 100 + b"]" * 101,  # the text ends before its look would
        ],
    )
    def test_what_lies_deeper_or_never_closes_does_not(self, body: bytes) -> None:
        assert is_too_deep(body)

    async def test_a_deep_body_is_a_malformed_one(self, registry: CollectorRegistry) -> None:
        transport = httpx.ASGITransport(make_app(registry, body_bytes_max=10_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            response = await client.post(
                "/things",
                content=b'{"a":' * 1_000 + b"1" + b"}" * 1_000,
                headers={"Content-Type": "application/json"},
            )
        assert (response.status_code, response.json()["code"]) == (422, "malformed_body")


class TestHead:
    async def test_as_many_headers_as_the_bound_are_taken_and_one_more_is_not(
        self, client: httpx.AsyncClient
    ) -> None:
        own = len(client.build_request("GET", "/things/x").headers)
        headers = {f"x-{n}": "1" for n in range(limits.REQUEST_HEADERS_MAX - own)}
        assert (await client.get("/things/x", headers=headers)).status_code == 200
        response = await client.get("/things/x", headers={**headers, "x-more": "1"})
        assert (response.status_code, response.json()["code"]) == (431, "head_too_large")
        assert not list(problem_faults(response))

    @pytest.mark.parametrize("place", ["header", "address", "query"])
    async def test_a_head_of_too_many_bytes_is_refused(
        self, client: httpx.AsyncClient, place: str
    ) -> None:
        much = "x" * limits.REQUEST_HEAD_BYTES_MAX
        path = {"header": "/things/x", "address": f"/things/{much}", "query": f"/things/x?q={much}"}
        headers = {"x-much": much} if place == "header" else {}
        assert (await client.get(path[place], headers=headers)).status_code == 431


class TestHeaders:
    WANTED: ClassVar = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
    }

    @pytest.mark.parametrize("path", ["/things/x", "/bug", "/nowhere"])
    async def test_every_answer_carries_them(self, client: httpx.AsyncClient, path: str) -> None:
        response = await client.get(path)
        assert {name: response.headers[name] for name in self.WANTED} == self.WANTED
        assert "strict-transport-security" not in response.headers

    async def test_production_insists_on_tls(self, registry: CollectorRegistry) -> None:
        transport = httpx.ASGITransport(make_app(registry, production=True))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            response = await client.get("/things/x")
        assert "max-age=63072000" in response.headers["strict-transport-security"]

    async def test_another_origin_gets_no_leave_to_read(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/things/x", headers={"Origin": "https://evil.example"})
        assert not [name for name in response.headers if name.startswith("access-control-")]


class TestRecords:
    async def test_one_line_per_request_without_its_query(self, client: httpx.AsyncClient) -> None:
        with capture_logs() as lines:
            await client.get("/things/x?token=planted")
        (line,) = (line for line in lines if line["event"] == "request")
        assert (line["route"], line["status"], line["method"]) == ("/things/{name}", 200, "GET")
        assert line["duration_ms"] >= 0
        assert "planted" not in repr(lines)

    @pytest.mark.parametrize(
        ("method", "path", "slow", "level"),
        [
            ("GET", "/things/x", False, "debug"),
            ("GET", "/things/x", True, "info"),
            ("GET", "/nowhere", False, "info"),
            ("POST", "/things", False, "info"),
        ],
    )
    async def test_only_quick_reads_are_left_to_the_metrics(
        self,
        client: httpx.AsyncClient,
        monkeypatch: pytest.MonkeyPatch,
        method: str,
        path: str,
        slow: bool,  # by the parametrisation
        level: str,
    ) -> None:
        if slow:
            monkeypatch.setattr(limits, "SLOW_REQUEST_SECONDS", 0)
            assert limits.SLOW_REQUEST_SECONDS == 0
        with capture_logs() as lines:
            await client.request(method, path)
        (line,) = (line for line in lines if line["event"] == "request")
        assert line["log_level"] == level

    async def test_metrics_count_by_route_and_not_by_address(
        self, client: httpx.AsyncClient, registry: CollectorRegistry
    ) -> None:
        for path in ("/things/a", "/things/b", "/nowhere/1", "/nowhere/2", "/bug"):
            await client.get(path)

        def counted(route: str, status: str) -> float | None:
            labels = {"method": "GET", "route": route, "status": status}
            return registry.get_sample_value("optix_http_requests_total", labels)

        assert counted("/things/{name}", "200") == 2
        assert counted("unmatched", "404") == 2
        assert counted("/bug", "500") == 1
        assert b"/nowhere" not in generate_latest(registry)


async def test_an_invented_method_is_no_new_metric(
    client: httpx.AsyncClient, registry: CollectorRegistry
) -> None:
    for method in ("BREW", "STEAM"):
        assert (await client.request(method, "/things/x")).status_code == 405
    text = generate_latest(registry).decode()
    assert "BREW" not in text
    assert 'method="other"' in text
