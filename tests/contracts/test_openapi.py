"""Promises of the whole HTTP surface, tested on every operation that the document lists.

Each test walks the document of `api_app` and collects what is wrong, so that one run names all
offenders and a new route is covered by being mounted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from tests.contracts.openapi import (
    PUBLIC_OPERATIONS,
    Operation,
    all_operations,
    problem_faults,
    problems_with,
    resolve,
    sample,
)
from tests.fakes.authenticator import Authenticator
from tests.fixtures.api import PASSWORD, Caller, client_of
from tests.fixtures.broker_books import add_account, position, stock
from tests.fixtures.factors import step_up
from tests.fixtures.mail import Post

from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.db import Database

pytestmark = pytest.mark.stores

MALFORMED_BODIES = {
    "cut off": b'{"a": ',
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "a word": b'"x"',
    "not UTF-8": b"\xff\xfe\x00{}",
    "lone surrogate": b'{"email": "\\ud800", "display_name": "\\ud800", "client": "\\ud800"}',
    "too deep": b"[" * 100_000,
    "not a number": b'{"a": NaN}',
    "unknown key": b'{"is_admin": true, "role": "admin"}',
    "form": b"a=1&b=2",
}
STATEMENT = (
    b"Run Date,Action,Symbol,Quantity,Price ($),Amount ($)\n01/19/2024,YOU BOUGHT,AAPL,1,190,-190\n"
)
NEWCOMER = {"email": "newcomer@example.com", "password": PASSWORD}
# Answers that say something about a secret without being one.
NO_SECRETS = {"has_password"}
SECRET_NAME = re.compile(r"hash|secret|password|salt|private", re.IGNORECASE)


@pytest.fixture
def operations(api_app: FastAPI) -> list[Operation]:
    found = all_operations(api_app.openapi())
    assert found, "the document is empty"
    return found


def headers_for(operation: Operation, caller: Caller, admin: Caller) -> dict[str, str]:
    """Return the login with which `operation` gets as far as its input."""
    return (admin if operation.path.startswith("/api/v1/admin/") else caller).headers


async def call(
    client: httpx.AsyncClient, operation: Operation, headers: dict[str, str] | None = None
) -> httpx.Response:
    body = operation.body()
    return await client.request(
        operation.method, operation.url(), headers=headers, json=body if body is not None else None
    )


async def test_a_route_answers_401_without_a_login_unless_it_is_on_the_public_list(
    client: httpx.AsyncClient, operations: list[Operation]
) -> None:
    wrong: list[str] = []
    for operation in operations:
        if operation.is_public:
            if operation.spec.get("security"):
                wrong.append(f"{operation} is public but the document asks for a login")
            continue
        response = await call(client, operation)
        if response.status_code != 401:
            wrong.append(f"{operation} answered {response.status_code} without a login")
        if not operation.spec.get("security"):
            wrong.append(f"{operation} does not document its login")
        if not response.headers.get("www-authenticate", "").startswith("Bearer"):
            wrong.append(f"{operation} does not say how to log in")
        wrong += problems_with(operation, response)
    assert not wrong


def test_the_public_list_names_only_operations_that_exist(operations: list[Operation]) -> None:
    existing = {(operation.method, operation.path) for operation in operations}
    assert existing >= PUBLIC_OPERATIONS


async def test_what_answers_201_can_be_read_back_also_after_a_restart(
    client: httpx.AsyncClient,
    operations: list[Operation],
    caller: Caller,
    new_api_app: Callable[[], FastAPI],
    post: Post,
    database: Database,
    clock: ScaledClock,
) -> None:
    # What cannot be made from the document: a code that came by mail, a passkey of a device, a
    # position that is held.
    begun = await client.post("/api/v1/auth/register", json=NEWCOMER)
    code = await post.code_for(NEWCOMER["email"])
    prepared: dict[str, Any] = {
        "/api/v1/auth/verify-email": {
            "registration_id": begun.json()["registration_id"],
            "code": code,
        },
        "/api/v1/auth/passkeys/registration": await new_passkey(client, caller),
        "/api/v1/portfolio/structures/overrides": await held_legs(database, clock, caller),
        "/api/v1/portfolio/lines": await cash_from_before(database, clock, caller),
    }
    files = {"/api/v1/brokerages/imports": STATEMENT}
    wrong: list[str] = []
    creating = [operation for operation in operations if "201" in operation.spec["responses"]]
    assert creating, "nothing is ever created"
    for operation in creating:
        headers = caller.headers if operation.has_user_login else {}
        body = prepared.get(operation.path) or operation.body()
        created = await client.request(
            operation.method,
            operation.url(),
            headers=headers,
            json=body,
            content=files.get(operation.path),
        )
        if created.status_code != 201:
            wrong.append(f"{operation} answered {created.status_code}: {created.text[:200]}")
            continue
        location = created.headers.get("location", "")
        if "access_token" in created.json():
            headers = {"Authorization": f"Bearer {created.json()['access_token']}"}
        first = await client.get(location, headers=headers)
        async with client_of(new_api_app()) as restarted:
            again = await restarted.get(location, headers=headers)
        if first.status_code != 200 or again.status_code != 200:
            wrong.append(f"{operation}: {location} {first.status_code}, {again.status_code}")
        elif first.json() != again.json():
            wrong.append(f"{operation}: {location} is not the same after a restart")
    assert not wrong


async def cash_from_before(
    database: Database, clock: ScaledClock, caller: Caller
) -> dict[str, Any]:
    """Return what an owner enters of an account that is read."""
    owner = UserId(UUID(caller.id))
    account = await add_account(database, owner, to_datetime(clock.now_ns()))
    return {"account_id": str(account), "day": "2020-03-02", "cash": "2500.00"}


async def held_legs(database: Database, clock: ScaledClock, caller: Caller) -> dict[str, Any]:
    """Return legs of an account of `caller` that can be put together."""
    at = to_datetime(clock.now_ns())
    held = [position(stock(), "10", "6000.00")]
    account = await add_account(database, UserId(UUID(caller.id)), at, positions=held)
    return {"account_id": str(account), "legs": [{"symbol": "SPY", "quantity": "10"}]}


async def new_passkey(client: httpx.AsyncClient, caller: Caller) -> dict[str, Any]:
    """Return what a device answers to `caller`, who steps up before."""
    proof = {"method": "password", "password": PASSWORD}
    stepped = await step_up(client, caller.headers, proof)
    options = await client.post(
        "/api/v1/auth/passkeys/registration/options",
        headers={"Authorization": f"Bearer {stepped.json()['access_token']}"},
    )
    return {
        "handle": options.json()["handle"],
        "credential": Authenticator().create(options.json()["options"]),
    }


async def test_a_malformed_body_is_refused_everywhere(
    client: httpx.AsyncClient, operations: list[Operation], caller: Caller, admin: Caller
) -> None:
    wrong: list[str] = []
    for operation in operations:
        if operation.body_schema is None:
            continue
        for name, content in MALFORMED_BODIES.items():
            login = headers_for(operation, caller, admin)
            headers = {**login, "Content-Type": "application/json"}
            if name == "form":
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            response = await client.request(
                operation.method, operation.url(), content=content, headers=headers
            )
            if not 400 <= response.status_code < 500:
                wrong.append(f"{operation} took {name}: {response.status_code}")
            wrong += problems_with(operation, response)
    assert not wrong


async def test_a_field_of_the_wrong_type_is_refused_and_named(
    client: httpx.AsyncClient, operations: list[Operation], caller: Caller, admin: Caller
) -> None:
    wrong: list[str] = []
    for operation in operations:
        schema = operation.body_schema
        if schema is None:
            continue
        for name, field in schema.get("properties", {}).items():
            unfitting: Any = ["no"] if takes_object(field, operation.document) else {}
            body = {**sample(schema, operation.document), name: unfitting}
            response = await client.request(
                operation.method,
                operation.url(),
                json=body,
                headers=headers_for(operation, caller, admin),
            )
            wrong += problems_with(operation, response)
            if response.status_code != 422 or name not in response.json()["fields"]:
                wrong.append(f"{operation} with a bad {name}: {response.status_code}")
    assert not wrong


def takes_object(field: dict[str, Any], document: dict[str, Any]) -> bool:
    field = resolve(field, document)
    if field.get("type") == "object":
        return True
    return any(takes_object(one, document) for one in field.get("anyOf", ()))


async def test_absurd_parameters_never_break_an_operation(
    client: httpx.AsyncClient, operations: list[Operation], caller: Caller, admin: Caller
) -> None:
    wrong: list[str] = []
    absurd = ("\x00", "x" * 5_000, "-1", "999999999999999999999", "' OR 1=1 --", "../..", "NaN")
    for operation in operations:
        for parameter in (*operation.parameters("path"), *operation.parameters("query")):
            for value in absurd:
                response = await client.request(
                    operation.method,
                    operation.url({parameter["name"]: value}),
                    json=operation.body(),
                    headers=headers_for(operation, caller, admin),
                )
                if response.status_code != 404:  # an address that no longer fits any route
                    wrong += problems_with(operation, response)
    assert not wrong


def test_no_answer_has_room_for_a_secret(operations: list[Operation]) -> None:
    wrong: set[str] = set()
    for operation in operations:
        for status, response in operation.spec["responses"].items():
            for media in response.get("content", {}).values():
                for name in field_names(media["schema"], operation.document, set()):
                    if SECRET_NAME.search(name) and name not in NO_SECRETS:
                        wrong.add(f"{operation} {status}: {name}")
    assert not wrong


def field_names(schema: dict[str, Any], document: dict[str, Any], seen: set[str]) -> set[str]:
    """Return the names of all fields that an answer of `schema` can have, at any depth."""
    if schema.get("$ref") in seen:
        return set()
    seen = seen | {schema["$ref"]} if "$ref" in schema else seen
    schema = resolve(schema, document)
    names = set(schema.get("properties", {}))
    parts = list(schema.get("properties", {}).values())
    parts += [schema["items"]] if "items" in schema else []
    for several in ("allOf", "anyOf", "oneOf", "prefixItems"):
        parts += schema.get(several, [])
    extra = schema.get("additionalProperties")
    parts += [extra] if isinstance(extra, dict) else []
    for part in parts:
        names |= field_names(part, document, seen)
    return names


def test_the_search_for_secrets_finds_one_that_is_planted() -> None:
    nested: dict[str, Any] = {
        "properties": {"inner": {"items": {"anyOf": [{"properties": {"password_hash": {}}}]}}}
    }
    assert any(SECRET_NAME.search(name) for name in field_names(nested, {}, set()))


def test_every_success_is_typed_and_every_operation_is_described(
    operations: list[Operation],
) -> None:
    wrong: list[str] = []
    for operation in operations:
        if not operation.spec.get("description"):
            wrong.append(f"{operation} has no description")
        for status, response in operation.spec["responses"].items():
            content = response.get("content", {})
            if status in {"204", "303", "304"} or (status == "202" and not content):
                continue
            if not content or not all(media.get("schema") for media in content.values()):
                wrong.append(f"{operation} {status} has no schema")
    assert not wrong


def test_operation_ids_are_unique_and_read_like_tag_and_function(
    operations: list[Operation],
) -> None:
    ids = [operation.spec["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+_[a-z0-9_]+", name) for name in ids)


def test_every_operation_documents_the_errors_that_any_can_answer(
    operations: list[Operation],
) -> None:
    for operation in operations:
        wanted = {"500", "503"}
        wanted |= {"401"} if operation.spec.get("security") else set()
        wanted |= {"413", "422"} if operation.body_schema else set()
        missing = wanted - set(operation.spec["responses"])
        assert not missing, f"{operation} lacks {missing}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api", "/api/v1/nothing", "/api/v1/auth/login/", "/ws/nothing"])
async def test_an_unknown_address_of_the_api_is_a_problem_with_404(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path, headers={"Accept": "text/html"})
    assert response.status_code == 404
    assert response.json()["code"] == "route_not_found"
    assert not list(problem_faults(response))


async def test_a_method_that_a_route_lacks_is_a_problem_with_405(
    client: httpx.AsyncClient, operations: list[Operation]
) -> None:
    for operation in operations:
        others = {o.method for o in operations if o.path == operation.path}
        response = await client.request("TRACE", operation.url())
        assert response.status_code == 405, str(operation)
        assert not list(problem_faults(response))
        allowed = {m.strip().lower() for m in response.headers["allow"].split(",")}
        assert allowed <= others
