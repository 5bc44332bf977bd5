"""The web app's files: what an address gets, for how long, in which encoding, and nothing else."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from optix.platform import docs, web
from optix.platform.http import install_problems
from optix.platform.web import WebApp, content_policy

INLINE = "window.started = true;"
INDEX = f"<!doctype html><title>app</title><script>{INLINE}</script><script src=/a.js></script>"
SCRIPT = "console.log('hello');\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle as the web export lays it out, with a secret file beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    bundle = tmp_path / "dist"
    files: dict[str, str | bytes] = {
        "index.html": INDEX,
        "privacy.html": "<p>privacy</p>",
        "favicon.ico": b"\x00\x00",
        "_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js": SCRIPT,
        "assets/font.0123456789abcdef0123456789abcdef.ttf": b"\x00" * 4_000,
        "manifest.json": "{}",
        "tiny.js": "1",
    }
    for name, content in files.items():
        path = bundle / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return bundle


@pytest.fixture
def serve() -> Callable[[Path | None], httpx.AsyncClient]:
    def make(bundle: Path | None) -> httpx.AsyncClient:
        app = FastAPI(redirect_slashes=False, docs_url=None)
        install_problems(app)
        app.include_router(docs.router)

        @app.get("/api/v1/things")
        async def list_things() -> list[str]:
            return []

        WebApp(bundle).install(app)
        transport = httpx.ASGITransport(app)
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")

    return make


@pytest.fixture
async def client(
    folder: Path, serve: Callable[[Path | None], httpx.AsyncClient]
) -> AsyncIterator[httpx.AsyncClient]:
    async with serve(folder) as client:
        client.headers["accept-encoding"] = "identity"
        yield client


class TestAddresses:
    @pytest.mark.parametrize("path", ["/", "/index.html", "/sign-in", "/symbol/SPY", "/a/b/c/d/"])
    async def test_a_page_is_index_html_because_the_app_routes_by_itself(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        response = await client.get(path)
        assert response.status_code == 200
        assert response.text == INDEX
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache"

    async def test_a_page_of_its_own_wins(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/privacy")).text == "<p>privacy</p>"

    @pytest.mark.parametrize("path", ["/missing.js", "/assets/missing.png", "/symbol/a.map"])
    async def test_a_missing_file_is_a_real_404(self, client: httpx.AsyncClient, path: str) -> None:
        response = await client.get(path)
        assert response.status_code == 404
        assert response.json()["code"] == "route_not_found"

    @pytest.mark.parametrize(
        "path",
        ["/api", "/api/v1/nothing", "//api/v1/things", "/ws/nothing", "/health/x", "/docs/x/y"],
    )
    async def test_an_unknown_address_of_the_api_is_never_a_page(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        response = await client.get(httpx.URL("http://localhost").copy_with(raw_path=path.encode()))
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "path",
        [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/assets/../../secret.txt",
            "/..%5csecret.txt",
            "/%00",
            "/secret.txt%00.html",
            "/" + "x" * 5_000,
        ],
    )
    async def test_nothing_outside_the_bundle_is_reachable(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        response = await client.get(httpx.URL("http://localhost").copy_with(raw_path=path.encode()))
        assert response.status_code in {200, 404}
        assert response.text == INDEX or response.status_code == 404

    async def test_a_link_that_leads_out_of_the_bundle_is_not_followed(
        self, client: httpx.AsyncClient, folder: Path
    ) -> None:
        (folder / "linked.txt").symlink_to(folder.parent / "secret.txt")
        assert (await client.get("/linked.txt")).status_code == 404

    async def test_only_reading_is_possible(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/sign-in")
        assert response.status_code == 405
        assert response.headers["allow"] == "GET, HEAD"
        assert (await client.post("/api/v1/things")).status_code == 405


class TestCaching:
    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            ("/_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js", web.IMMUTABLE),
            ("/assets/font.0123456789abcdef0123456789abcdef.ttf", web.IMMUTABLE),
            ("/manifest.json", web.REVALIDATE),
            ("/tiny.js", web.REVALIDATE),
        ],
    )
    async def test_only_a_name_with_a_hash_never_changes(
        self, client: httpx.AsyncClient, path: str, rule: str
    ) -> None:
        assert (await client.get(path)).headers["cache-control"] == rule

    @pytest.mark.parametrize(
        "path", ["/", "/_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js"]
    )
    async def test_the_headers_of_not_modified_may_replace_those_that_the_browser_keeps(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        """A second visit would otherwise run the app under the policy of the API: a blank page."""
        first = await client.get(path)
        again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        for name in ("content-security-policy", "cache-control", "etag", "vary"):
            if name in again.headers or path == "/":
                assert again.headers[name] == first.headers[name]

    async def test_an_unchanged_file_is_not_sent_again_and_a_rebuilt_one_is(
        self, client: httpx.AsyncClient, folder: Path
    ) -> None:
        first = await client.get("/")
        headers = {"If-None-Match": first.headers["etag"]}
        assert (await client.get("/", headers=headers)).status_code == 304
        (folder / "index.html").write_text("rebuilt")
        rebuilt = await client.get("/", headers=headers)
        assert (rebuilt.status_code, rebuilt.text) == (200, "rebuilt")

    async def test_the_memory_for_files_is_bounded(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web, "CACHE_BYTES_MAX", 5_000)
        app = WebApp(folder)
        for name in ("index.html", "privacy.html", "tiny.js"):
            app._load(folder / name)
        app._load(folder / "assets/font.0123456789abcdef0123456789abcdef.ttf")
        app._load(folder / "_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js")
        assert len(app._cache) == 1


class TestEncodings:
    SCRIPT_PATH = "/_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js"

    @pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "GZIP"])
    async def test_text_is_compressed_for_who_takes_it(
        self, client: httpx.AsyncClient, accepted: str
    ) -> None:
        response = await client.get(self.SCRIPT_PATH, headers={"Accept-Encoding": accepted})
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.text == SCRIPT
        assert int(response.headers["content-length"]) < len(SCRIPT) / 5

    @pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "br"])
    async def test_it_is_plain_for_who_does_not(
        self, client: httpx.AsyncClient, accepted: str
    ) -> None:
        response = await client.get(self.SCRIPT_PATH, headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in response.headers
        assert response.text == SCRIPT

    @pytest.mark.parametrize("path", ["/tiny.js", "/favicon.ico"])
    async def test_what_gains_nothing_is_left_alone(
        self, client: httpx.AsyncClient, path: str
    ) -> None:
        response = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in response.headers

    async def test_a_file_compressed_beforehand_wins(
        self, client: httpx.AsyncClient, folder: Path
    ) -> None:
        (folder / "tiny.js.gz").write_bytes(gzip.compress(b"1"))
        (folder / "tiny.js.br").write_bytes(b"brotli bytes")
        both = await client.get("/tiny.js", headers={"Accept-Encoding": "gzip"})
        assert (both.headers["content-encoding"], both.text) == ("gzip", "1")
        async with client.stream("GET", "/tiny.js", headers={"Accept-Encoding": "br, gzip"}) as r:
            assert r.headers["content-encoding"] == "br"
            assert [part async for part in r.aiter_raw()] == [b"brotli bytes"]


class TestContentPolicy:
    async def test_a_page_may_run_its_own_scripts_and_talk_to_its_own_host_only(
        self, client: httpx.AsyncClient
    ) -> None:
        policy = (await client.get("/")).headers["content-security-policy"]
        digest = base64.b64encode(hashlib.sha256(INLINE.encode()).digest()).decode()
        assert f"script-src 'self' 'sha256-{digest}';" in policy
        assert "connect-src 'self';" in policy
        assert "http" not in policy
        assert "unsafe-eval" not in policy

    def test_a_script_with_a_source_and_an_empty_one_need_no_hash(self) -> None:
        policy = content_policy(b'<script src="/a.js"></script><script> </script>')
        assert "sha256" not in policy


class TestWithoutBundle:
    @pytest.mark.parametrize("missing", [None, Path("nowhere/at/all")])
    async def test_the_first_page_says_which_command_builds_it(
        self, serve: Callable[[Path | None], httpx.AsyncClient], missing: Path | None
    ) -> None:
        async with serve(missing) as client:
            first = await client.get("/")
            assert first.status_code == 503
            assert "make setup" in first.text
            assert (await client.get("/sign-in")).status_code == 404
            assert (await client.get("/api/v1/things")).status_code == 200

    async def test_a_bundle_built_later_is_served_without_a_restart(
        self, serve: Callable[[Path | None], httpx.AsyncClient], tmp_path: Path
    ) -> None:
        async with serve(tmp_path / "later") as client:
            assert (await client.get("/")).status_code == 503
            (tmp_path / "later").mkdir()
            (tmp_path / "later" / "index.html").write_text("built")
            assert (await client.get("/")).text == "built"


class TestDocumentation:
    async def test_the_page_and_all_it_asks_for_come_from_here(
        self, client: httpx.AsyncClient
    ) -> None:
        page = await client.get("/docs")
        assert page.status_code == 200
        assert "://" not in page.text
        assert "'unsafe-inline'; img-src" in page.headers["content-security-policy"]
        assert "script-src 'self';" in page.headers["content-security-policy"]
        for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
            assert f"/docs/assets/{asset}" in page.text
            answer = await client.get(f"/docs/assets/{asset}")
            assert answer.status_code == 200
            assert len(answer.content) > 100

    async def test_the_document_is_not_sent_to_an_outside_checker(
        self, client: httpx.AsyncClient
    ) -> None:
        assert "validatorUrl: null" in (await client.get("/docs/assets/start.js")).text

    @pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2fcore.py", "nothing"])
    async def test_nothing_else_of_the_package_is_served(
        self, client: httpx.AsyncClient, name: str
    ) -> None:
        assert (await client.get(f"/docs/assets/{name}")).status_code == 404
