"""How an error of the product leaves it: one table for HTTP, the socket, jobs and the log.

Every HTTP error is a problem document (RFC 9457) with the same members, whoever found it: a
feature, the framework, or nobody (a bug). Here are also the two things routes need around it:
listing their errors in the OpenAPI document, and answering "not modified". What happens to every
request on its way in and out is in `edge.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from optix.kernel.errors import InvalidInput, NotFound, OptixError

log = structlog.get_logger(__name__)

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_FIELDS_MAX = 20
FIELD_NAME_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one kind of error becomes at each edge."""

    status: int
    socket: Literal["error", "notice", "slow_down", "stale", "pending", "close"]
    job: Literal["drop", "stop", "retry_at", "retry", "reconcile", "dead_letter"]
    level: Literal["debug", "info", "warning", "error"]


OUTCOMES: Final[Mapping[str, Outcome]] = {
    "invalid": Outcome(422, "error", "drop", "debug"),
    "unauthenticated": Outcome(401, "close", "drop", "info"),
    "forbidden": Outcome(403, "error", "drop", "info"),
    "not_found": Outcome(404, "error", "drop", "info"),
    "conflict": Outcome(409, "error", "drop", "info"),
    "auth_expired": Outcome(409, "notice", "stop", "info"),
    "rate_limited": Outcome(429, "slow_down", "retry_at", "info"),
    "unavailable": Outcome(503, "stale", "retry", "warning"),
    "outcome_unknown": Outcome(202, "pending", "reconcile", "warning"),
    "bug": Outcome(500, "close", "dead_letter", "error"),
}


class MalformedBody(InvalidInput):
    """The body is not JSON."""

    code = "malformed_body"
    next_step = "Send the body as JSON with `Content-Type: application/json`."


class RouteNotFound(NotFound):
    code = "route_not_found"
    next_step = "Look the address up at /docs."


class MethodNotAllowed(InvalidInput):
    code = "method_not_allowed"
    next_step = "Use one of the methods of the `Allow` header."


class BodyTooLarge(InvalidInput):
    code = "body_too_large"
    next_step = "Send less at once."


class BodyTooSlow(InvalidInput):
    code = "body_too_slow"
    next_step = "Send the whole body at once."


class HeadTooLarge(InvalidInput):
    """The address and the headers together are more than a client of ours ever sends."""

    code = "head_too_large"
    next_step = "Send a shorter address, fewer or shorter headers."


# Errors that HTTP itself knows by a status that no kind has.
_STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "body_too_large": 413,
    "head_too_large": 431,
}


class Problem(BaseModel):
    """An error. The same eight members whatever went wrong."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="`urn:optix:problem:` and the code.")
    title: str = Field(description="The code in words.")
    status: int = Field(description="The HTTP status.")
    code: str = Field(description="Stable; programs decide by it.")
    detail: str = Field(description="What happened, in a sentence.")
    next_step: str = Field(description="What to do now.")
    request_id: str = Field(description="Names this request in our logs; also in `X-Request-Id`.")
    fields: dict[str, str] = Field(description="Field of the input → what is wrong with it.")


def outcome_of(error: BaseException) -> Outcome:
    """Return the row of the table for `error`; whatever is not ours is a bug."""
    return OUTCOMES[error.kind] if isinstance(error, OptixError) else OUTCOMES["bug"]


def status_of(error: OptixError | type[OptixError]) -> int:
    return _STATUS_OF_CODE.get(error.code, OUTCOMES[error.kind].status)


def request_id_of(connection: HTTPConnection) -> str:
    """Return the id of this request, as the edge gave it."""
    return str(connection.scope.get("state", {}).get("request_id", ""))


def problem_of(error: OptixError, request_id: str) -> Problem:
    fields = list(error.fields.items())[:PROBLEM_FIELDS_MAX]
    return Problem(
        type=f"urn:optix:problem:{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=status_of(error),
        code=error.code,
        detail=error.detail,
        next_step=error.next_step,
        request_id=request_id,
        fields={name[:FIELD_NAME_LENGTH_MAX]: reason for name, reason in fields},
    )


def problem_response(
    error: OptixError, request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `error` as an HTTP answer."""
    problem = problem_of(error, request_id)
    extra = dict(headers or {})
    if problem.status == 401:
        extra["WWW-Authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        extra["Retry-After"] = str(error.retry_after_seconds)
    extra["Cache-Control"] = "no-store"
    return Response(
        json_bytes(problem.model_dump()), problem.status, extra, media_type=PROBLEM_MEDIA_TYPE
    )


def bug_response(request_id: str) -> Response:
    """Return the answer to an exception nobody expected: true, and silent about our insides."""
    error = OptixError("Something went wrong on our side.")
    return problem_response(error, request_id)


def json_bytes(value: object) -> bytes:
    """Return `value` as JSON. TypeError for a Decimal: money becomes a string by its own schema,
    and never a float on the quiet.
    """
    return orjson.dumps(value)


# --- what the framework raises, in our words ---------------------------------------------------


def install_problems(app: FastAPI) -> None:
    """Make `app` answer every error as a problem document."""
    app.add_exception_handler(OptixError, _on_optix_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_optix_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OptixError)
    level = outcome_of(error).level
    getattr(log, level)("problem", code=error.code, detail=error.detail)
    return problem_response(error, request_id_of(request))


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(_invalid_request(error.errors()), request_id_of(request))


def _invalid_request(details: Sequence[Any]) -> OptixError:
    # A type error, an unknown key, a missing field: all are told by field. What was sent is never
    # repeated, because it may be a password.
    fields: dict[str, str] = {}
    for detail in details:
        if detail["type"] == "json_invalid":
            return MalformedBody(f"The body is not valid JSON: {detail['ctx']['error']}.")
        place = [str(part) for part in detail["loc"]]
        name = ".".join(place[1:]) or (place[0] if place else "body")
        message = str(detail["msg"]).removeprefix("Value error, ")
        fields.setdefault(name, message)
    first_name, first_message = next(iter(fields.items()), ("body", "is not valid"))
    return InvalidInput(
        f"{first_name[:FIELD_NAME_LENGTH_MAX]}: {first_message}"
        + (f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""),
        fields=fields,
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(_framework_error(request, error), request_id_of(request), error.headers)


def _framework_error(request: Request, error: HTTPException) -> OptixError:
    match error.status_code:
        case 404:
            return RouteNotFound("There is nothing at this address.")
        case 405:
            return MethodNotAllowed(f"{request.method} is not possible at this address.")
        case 408:
            return BodyTooSlow("The body did not arrive in time.")
        case 413:
            return BodyTooLarge("The body is larger than this service takes.")
        case 400:
            return MalformedBody("The body cannot be read.")
        case _:
            # Our own code raises OptixError, so this is a framework answer we do not know yet.
            log.error("unknown framework error", status=error.status_code)
            return OptixError("Something went wrong on our side.")


# --- what a route says about its errors ----------------------------------------------------------


def errors(*classes: type[OptixError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route that raises these classes, so that clients get types."""
    codes: dict[int, list[str]] = {}
    for error in classes:
        codes.setdefault(status_of(error), []).append(error.code)
    return {status: problem_schema(names) for status, names in codes.items()}


def problem_schema(codes: Sequence[str]) -> dict[str, Any]:
    """Return an OpenAPI response: a problem whose code is one of `codes`."""
    schema: dict[str, Any] = {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {"code": {"enum": sorted(set(codes))}}},
        ]
    }
    return {
        "description": " or ".join(sorted(set(codes))).replace("_", " ").capitalize(),
        "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}},
    }


# --- conditional reads -------------------------------------------------------------------------


def etag(*parts: object) -> str:
    """Return an entity tag that changes when one of `parts` does."""
    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()
    return f'"{digest[:20]}"'


def is_known(tag: str, offered: str) -> bool:
    """Tell whether the value of If-None-Match names the state of `tag`."""
    known = {part.strip().removeprefix("W/") for part in offered.split(",")}
    return tag in known or "*" in known


def not_modified(request: Request, tag: str) -> Response | None:
    """Return the 304 answer if the caller has the state named by `tag` already, else None."""
    if is_known(tag, request.headers.get("if-none-match", "")):
        return Response(
            status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"}
        )
    return None


def _searchable(words: str) -> str:
    if "\x00" in words:
        raise ValueError("holds a character that no text has")
    return words


# Words of a caller that a query searches for: PostgreSQL takes no NUL.
SearchWords = Annotated[str, AfterValidator(_searchable)]


class RefusingJSONResponse(JSONResponse):
    """For the rare answer that has no model: JSON with the same refusal of Decimal."""

    def render(self, content: object) -> bytes:
        return json_bytes(content)
