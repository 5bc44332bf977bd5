"""The web app at `/`: the exported bundle, served from one folder.

Every address that no route has and that looks like a page gets index.html, because the app routes
by itself; a missing file is a real 404. Files with a hash in the name never change. What is worth
compressing is compressed once and kept in memory (a bundle is a few megabytes); a `.br` or `.gz`
beside the file wins.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from optix.platform.http import etag, not_modified

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"
COMPRESS_BYTES_MIN: Final = 1_024
CACHE_BYTES_MAX: Final = 64 * 1024 * 1024

BUILD_HINT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OPTIX</title></head>
<body><h1>The web app is not built yet</h1>
<p>Build it with <code>make setup</code> in the folder of OPTIX, then load this page again.</p>
<p>The API works without it: <a href="/docs">/docs</a>.</p></body></html>
"""

_RESERVED = ("api", "ws", "docs", "health", "metrics", "openapi.json", "sandbox")
_HASHED = re.compile(r"[.-][0-9a-f]{8,}\.")
_COMPRESSIBLE = ("text/", "application/json", "application/javascript", "image/svg", "font/ttf")
_INLINE_SCRIPT = re.compile(
    rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE
)

# Types are named here where the machine's own table may lack them or be wrong.
_TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".ico": "image/x-icon",
}


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it goes out: content by encoding, and what is said about it."""

    content: dict[str, bytes]
    media_type: str
    tag: str
    policy: str | None


class WebApp:
    """Serves the bundle in `folder`. ASGI; stands in for the router's "not found"."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder else None
        self._cache: dict[tuple[Path, int, int], _File] = {}
        self._cache_bytes = 0

    def install(self, app: FastAPI) -> None:
        """Answer with the web app what no route of `app` matches."""
        app.router.default = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _first_part(scope) in _RESERVED:
            await _nothing_here(scope, send)
            return
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        folder = self._folder
        if folder is None or not (folder / "index.html").is_file():
            if request.url.path == "/":
                return HTMLResponse(BUILD_HINT, status_code=503, headers={"Retry-After": "60"})
            raise HTTPException(404)
        path = _find(folder, request.url.path)
        if path is None:
            raise HTTPException(404)
        file = await asyncio.to_thread(self._load, path)
        headers = {
            "ETag": file.tag,
            "Vary": "Accept-Encoding",
            "Cache-Control": IMMUTABLE if _HASHED.search(path.name) else REVALIDATE,
        }
        if file.policy:
            headers["Content-Security-Policy"] = file.policy
        unchanged = not_modified(request, file.tag)
        if unchanged is not None:
            # Browsers replace the headers of the copy they have by these, the policy included.
            unchanged.headers.update(headers)
            return unchanged
        encoding = _best_encoding(request.headers, file)
        if encoding:
            headers["Content-Encoding"] = encoding
        return Response(file.content[encoding], headers=headers, media_type=file.media_type)

    def _load(self, path: Path) -> _File:
        stat = path.stat()
        key = (path, stat.st_mtime_ns, stat.st_size)
        found = self._cache.get(key)
        if found is None:
            found = _read(path)
            size = sum(map(len, found.content.values()))
            if self._cache_bytes + size > CACHE_BYTES_MAX:
                # Only a bundle rebuilt many times under a running server gets here.
                self._cache.clear()
                self._cache_bytes = 0
            self._cache[key] = found
            self._cache_bytes += size
        return found


def _first_part(scope: Scope) -> str:
    return str(scope["path"]).lstrip("/").partition("/")[0]


def _find(folder: Path, address: str) -> Path | None:
    """Return the file for `address`, None if there is none."""
    index = folder / "index.html"
    if address == "/":
        return index
    if "\x00" in address or "\\" in address:
        return None
    try:
        path = (folder / address.lstrip("/")).resolve()
        if not path.is_relative_to(folder):
            return None
        if path.is_file():
            return path
        page = path.with_name(path.name + ".html")
        if path != folder and page.is_file():
            return page
    except OSError:  # a name that no file system takes
        return None
    return None if path.suffix else index


def _read(path: Path) -> _File:
    plain = path.read_bytes()
    media_type = (
        _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    )
    content = {"": plain}
    for encoding, suffix in (("br", ".br"), ("gzip", ".gz")):
        sibling = path.with_name(path.name + suffix)
        if sibling.is_file():
            content[encoding] = sibling.read_bytes()
    worth = len(plain) >= COMPRESS_BYTES_MIN and media_type.startswith(_COMPRESSIBLE)
    if worth and "gzip" not in content:
        content["gzip"] = gzip.compress(plain, 6, mtime=0)
    policy = content_policy(plain) if path.suffix == ".html" else None
    return _File(content, media_type, etag(hashlib.sha256(plain).hexdigest()), policy)


def _best_encoding(headers: Headers, file: _File) -> str:
    accepted = {
        part.split(";")[0].strip().lower()
        for part in headers.get("accept-encoding", "").split(",")
        if not re.search(r";\s*q=0(\.0*)?\s*$", part)
    }
    return next((e for e in ("br", "gzip") if e in accepted and e in file.content), "")


def content_policy(page: bytes) -> str:
    """Return the content policy of an app page: own host only, inline scripts by their hash.

    Styles may be inline: react-native-web writes its rules into a style element at run time.
    """
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE_SCRIPT.findall(page)
        if script.strip()
    )
    return (
        f"default-src 'self'; script-src 'self'{hashes}; script-src-attr 'none'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; frame-src 'none'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    )


async def _nothing_here(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4404, "reason": "no such socket"})
        return
    raise HTTPException(404)
