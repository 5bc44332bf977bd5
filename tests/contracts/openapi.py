"""What the tests made from the OpenAPI document share: the public list, samples, and the checks.

Samples are made from the document, so that a new route is called without being told about here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from optix.platform.openapi import operations

# All operations that answer without a login. Everything else must say 401.
PUBLIC_OPERATIONS = frozenset(
    {
        ("post", "/api/v1/auth/register"),
        ("post", "/api/v1/auth/register/resend"),
        ("post", "/api/v1/auth/verify-email"),
        ("post", "/api/v1/auth/password-reset"),
        ("post", "/api/v1/auth/password-reset/confirm"),
        ("post", "/api/v1/auth/password-strength"),
        ("post", "/api/v1/auth/login"),
        ("post", "/api/v1/auth/login/factor"),
        ("post", "/api/v1/auth/passkeys/authentication/options"),
        ("post", "/api/v1/auth/passkeys/authentication"),
        ("get", "/api/v1/auth/issuers"),
        ("post", "/api/v1/auth/issuers/{issuer}/start"),
        ("get", "/api/v1/auth/issuers/{issuer}/callback"),
        ("post", "/api/v1/auth/issuers/{issuer}/callback"),
        ("post", "/api/v1/auth/issuers/finish"),
        ("get", "/api/v1/brokerages/{provider}/callback"),
        ("post", "/api/v1/brokerages/{provider}/webhook"),
        ("post", "/api/v1/auth/refresh"),
        ("post", "/api/v1/auth/logout"),
        ("post", "/api/v1/auth/try"),
        ("get", "/.well-known/jwks.json"),
        ("get", "/.well-known/apple-app-site-association"),
        ("get", "/.well-known/assetlinks.json"),
        ("get", "/api/v1/app/config"),
        ("get", "/health"),
        ("get", "/health/live"),
        ("get", "/health/ready"),
    }
)

PROBLEM_MEMBERS = {
    "type",
    "title",
    "status",
    "code",
    "detail",
    "next_step",
    "request_id",
    "fields",
}


@dataclass(frozen=True)
class Operation:
    """One operation of the document, ready to be called."""

    method: str
    path: str
    spec: dict[str, Any]
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def is_public(self) -> bool:
        return (self.method, self.path) in PUBLIC_OPERATIONS

    @property
    def has_user_login(self) -> bool:
        return any("AccessToken" in way for way in self.spec.get("security", []))

    @property
    def body_schema(self) -> dict[str, Any] | None:
        """Of a body of JSON; a file has none."""
        told = self.spec.get("requestBody", {}).get("content", {}).get("application/json")
        return resolve(told["schema"], self.document) if told else None

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [p for p in self.spec.get("parameters", []) if p["in"] == place]

    def url(self, values: dict[str, str] | None = None) -> str:
        """Return the address with sample values, or the given ones."""
        path, given = self.path, values or {}
        for parameter in self.parameters("path"):
            name = parameter["name"]
            value = given.get(name) or str(sample(parameter["schema"], self.document))
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        query = {
            p["name"]: given.get(p["name"]) or str(sample(p["schema"], self.document))
            for p in self.parameters("query")
            if p.get("required") or p["name"] in given
        }
        return str(httpx.URL(path, params=query)) if query else path

    def body(self) -> Any:
        return None if self.body_schema is None else sample(self.body_schema, self.document)


def all_operations(document: dict[str, Any]) -> list[Operation]:
    return [Operation(m, p, spec, document) for m, p, spec in operations(document)]


def resolve(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def sample(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """Return a value that `schema` takes; e-mail addresses and ids are new each time."""
    schema = resolve(schema, document)
    for chosen in ("const", "default"):
        if schema.get(chosen) is not None:
            return schema[chosen]
    for chosen in ("examples", "enum"):
        if schema.get(chosen):
            return schema[chosen][0]
    for several in ("allOf", "anyOf", "oneOf"):
        if several in schema:
            real = [s for s in schema[several] if s.get("type") != "null"]
            return sample(real[0], document)
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            return {n: sample(schema["properties"][n], document) for n in required}
        case "array":
            return [sample(schema["items"], document)] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "string":
            return _sample_text(schema)
        case _:
            return {}


def _sample_text(schema: dict[str, Any]) -> str:
    match schema.get("format"):
        case "email":
            return f"{uuid.uuid4().hex}@example.com"
        case "password":
            return "four unrelated green words"
        case "uuid":
            return str(uuid.uuid4())
        case "date":
            return "2026-12-18"
        case "date-time":
            return "2026-12-18T15:30:00Z"
        case _:
            return "SPY".ljust(schema.get("minLength", 0), "x")


def problems_with(operation: Operation, response: httpx.Response) -> Iterator[str]:
    """Yield what is wrong with an answer: no server error, one shape, documented."""
    where = f"{operation} → {response.status_code}"
    # 503 says that something is down, which is allowed to happen; anything else above is a bug.
    if response.status_code >= 500 and response.status_code != 503:
        yield f"{where}: {response.text[:200]}"
        return
    documented = operation.spec["responses"].get(str(response.status_code))
    if documented is None:
        yield f"{where} is not in the document"
        return
    if response.status_code < 400:
        return
    yield from (f"{where}: {fault}" for fault in problem_faults(response))
    schema = documented.get("content", {}).get("application/problem+json", {}).get("schema")
    if schema is None:
        yield f"{where} is not documented as a problem"
    elif response.json().get("code") not in schema["allOf"][1]["properties"]["code"]["enum"]:
        yield f"{where}: code {response.json().get('code')!r} is not in the document"


def problem_faults(response: httpx.Response) -> Iterator[str]:
    """Yield what is wrong with the shape of an error answer."""
    if response.headers.get("content-type") != "application/problem+json":
        yield f"content type {response.headers.get('content-type')!r}"
        return
    problem = response.json()
    if set(problem) != PROBLEM_MEMBERS:
        yield f"members {sorted(problem)}"
        return
    if problem["status"] != response.status_code:
        yield f"status member {problem['status']}"
    if problem["request_id"] != response.headers["x-request-id"] or not problem["request_id"]:
        yield "request id differs from the header"
    for member in ("title", "detail", "next_step"):
        if not re.match(r"\S.*\S$", problem[member]):
            yield f"{member} is not a sentence: {problem[member]!r}"
    if not isinstance(problem["fields"], dict):
        yield "fields is not an object"
