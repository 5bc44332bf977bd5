"""Interactive API documentation at /docs, without any outside host.

Swagger UI's own files come from the `fastapi-offline` package (Swagger UI is Apache-2.0, the
package MIT); only its static folder is used. The start script is a file and not inline, so that
the content policy can forbid inline scripts.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from optix.platform.http import RouteNotFound

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OPTIX API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
# validatorUrl would send the document to an outside host.
_START: Final = """window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"""
_VENDORED: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}


@cache
def _vendored(name: str) -> bytes:
    # Found without importing: the package's own code is of no use here.
    spec = importlib.util.find_spec("fastapi_offline")
    assert spec is not None, "a dependency"
    assert spec.origin is not None, "a package with files"
    return (Path(spec.origin).parent / "static" / name).read_bytes()


router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs() -> HTMLResponse:
    return HTMLResponse(
        _PAGE, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    )


@router.get("/docs/assets/{name}")
async def docs_asset(name: str) -> Response:
    if name == "start.js":
        return Response(_START, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
    if name not in _VENDORED:
        raise RouteNotFound("There is nothing at this address.")
    return Response(
        _vendored(name),
        media_type=_VENDORED[name],
        headers={"Cache-Control": "public, max-age=86400"},
    )
