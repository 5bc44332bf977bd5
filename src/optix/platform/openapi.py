"""The OpenAPI document: stable operation ids, and every error that an operation can answer.

What holds for many operations alike (401 with a login, 422 with input, 500 always) is written in
here once instead of on each route; what is special stands on the route by `http.errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from optix.kernel.errors import (
    InvalidInput,
    OptixError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from optix.platform.http import (
    PROBLEM_MEDIA_TYPE,
    BodyTooLarge,
    BodyTooSlow,
    HeadTooLarge,
    MalformedBody,
    Problem,
    errors,
)
from optix.platform.rate_limits import RateLimiterUnavailable

USER_SCHEME = "AccessToken"  # the name of a user's login in the document
METHODS = ("get", "put", "post", "delete", "patch")


def operation_id(route: APIRoute) -> str:
    """Return `tag_function`: it changes only when somebody renames what clients call."""
    tag = str(route.tags[0]) if route.tags else "app"
    return f"{tag}_{route.name}"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (method, path, operation) of every operation in `document`."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def install_openapi(
    app: FastAPI, *, authentication_errors: Sequence[type[OptixError]] = (Unauthenticated,)
) -> None:
    """Make `app.openapi()` complete. `authentication_errors` are what a guarded route may say."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            _complete(made, authentication_errors)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the documented way to replace it


def _complete(document: dict[str, Any], authentication: Sequence[type[OptixError]]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema()
    for _, path, operation in operations(document):
        common: list[type[OptixError]] = [OptixError, Unavailable, HeadTooLarge]
        if path.startswith("/api/"):
            common += [RateLimited, RateLimiterUnavailable]
        if any(USER_SCHEME in way for way in operation.get("security", ())):
            common += authentication
        if "requestBody" in operation:
            common += [InvalidInput, MalformedBody, BodyTooLarge, BodyTooSlow]
        elif operation.get("parameters"):
            common.append(InvalidInput)
        _add(operation["responses"], common)


def _add(responses: dict[str, Any], common: Sequence[type[OptixError]]) -> None:
    for status, response in errors(*common).items():
        key = str(status)
        present = responses.get(key)
        if present is None or PROBLEM_MEDIA_TYPE not in present.get("content", {}):
            responses[key] = response  # FastAPI's own 422 gives way here
            continue
        own = _codes(present)
        own["enum"] = sorted({*own["enum"], *_codes(response)["enum"]})


def _codes(response: dict[str, Any]) -> dict[str, Any]:
    schema = response["content"][PROBLEM_MEDIA_TYPE]["schema"]
    code: dict[str, Any] = schema["allOf"][1]["properties"]["code"]
    return code
