"""IDOR on all routes: another tenant's ids are put into every address and body there is.

The walk takes every operation of the OpenAPI document. An id that a route names in its path, or
takes in its body, must be known here by whose it is; a new one fails until it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from tests.contracts.openapi import Operation, all_operations
from tests.fixtures.api import Caller, client_of, signed_in_user
from tests.security.test_isolation_of_tables import fill_every_table, owned_tables

from optix.features.identity.service import Identity
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database

pytestmark = pytest.mark.stores

# Parameters that name no row of a user.
OF_NOBODY = {"symbol", "contract", "issuer", "provider"}
# Which table an id comes from, by the name of the parameter or of the field of a body.
TABLE_OF_ID = {
    "session_id": "user_session",
    "user_id": "user_account",
    "change_id": "email_change",
    "passkey_id": "passkey",
    "link_id": "issuer_link",
    "connection_id": "broker_connection",
    "import_id": "broker_import",
    "watchlist_id": "watchlist",
    "own_line_id": "own_line",
    "account_id": "broker_account",
    "override_id": "structure_override",
    "structure_id": "structure_override",  # what its owner put together has that id
}
# Ids of a body that prove nothing alone and belong to nobody who is signed in.
OF_A_STRANGER = {"registration_id"}


Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Victim:
    """Ada, with a row in every table."""

    id: UserId
    ids: dict[str, str]
    rows: Rows


async def rows_of(database: Database, owner: UserId) -> Rows:
    """Return every row that `owner` owns, by table. The trail only grows, so it is left out."""
    rows: Rows = {}
    async with database.reading(owner=owner) as session:
        for table in owned_tables():
            if table.name != "security_event":
                query = sa.select(table).order_by(*table.primary_key)
                rows[table.name] = [dict(row) for row in (await session.execute(query)).mappings()]
    return rows


@pytest.fixture
async def victim(database: Database, api_app: FastAPI) -> Victim:
    ada = UserId(new_uuid())
    async with database.writing() as session:
        await fill_every_table(session, ada)
    rows = await rows_of(database, ada)
    ids = {name: str(rows[table][0]["id"]) for name, table in TABLE_OF_ID.items() if table in rows}
    return Victim(ada, ids, rows)


@pytest.fixture
async def mallory(identity: Identity, api_app: FastAPI) -> Caller:
    """A user like any other, who has just proved who they are."""
    return await signed_in_user(
        identity, "mallory@example.com", display_name="Mallory", methods=("password", "totp")
    )


@pytest.fixture
async def client(api_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api_app) as client:
        yield client


async def call(
    client: httpx.AsyncClient, operation: Operation, caller: Caller, ids: Mapping[str, str]
) -> httpx.Response:
    body = operation.body()
    if isinstance(body, dict):
        body |= {name: ids[name] for name in body if name in ids}
        body |= {"code": "12345678"} if "code" in body else {}
    return await client.request(
        operation.method, operation.url(dict(ids)), json=body, headers=caller.headers
    )


def names_an_id(operation: Operation) -> list[str]:
    path = [parameter["name"] for parameter in operation.parameters("path")]
    schema = operation.body_schema or {}
    body = [name for name in schema.get("properties", {}) if name.endswith("_id")]
    return [name for name in (*path, *body) if name not in OF_NOBODY | OF_A_STRANGER]


def test_every_id_of_the_document_is_known_by_whose_it_is(api_app: FastAPI) -> None:
    unknown = {
        f"{operation}: {name}"
        for operation in all_operations(api_app.openapi())
        for name in names_an_id(operation)
        if name not in TABLE_OF_ID
    }
    assert not unknown


async def test_another_tenants_ids_are_not_found_on_any_route(
    api_app: FastAPI,
    client: httpx.AsyncClient,
    victim: Victim,
    mallory: Caller,
    database: Database,
) -> None:
    wrong: list[str] = []
    tried = 0
    for operation in all_operations(api_app.openapi()):
        if not operation.has_user_login or not names_an_id(operation):
            continue
        tried += 1
        response = await call(client, operation, mallory, victim.ids)
        # An id of a body is refused as one that nobody has: in the same words.
        missing = await call(client, operation, mallory, {n: str(new_uuid()) for n in victim.ids})
        expected = 403 if "/admin/" in operation.path else 404
        if operation.parameters("path") and response.status_code != expected:
            wrong.append(f"{operation} answered {response.status_code}: {response.text[:120]}")
        if said(response) != said(missing) or response.status_code < 400:
            wrong.append(f"{operation} knows another tenant's id: {response.text[:120]}")
        wrong += leaks(operation, response, victim, sent=victim.ids.values())
    assert tried, "no route takes an id"
    assert not wrong
    assert await rows_of(database, victim.id) == victim.rows


async def test_no_route_shows_or_changes_anything_of_another_tenant(
    api_app: FastAPI,
    client: httpx.AsyncClient,
    victim: Victim,
    mallory: Caller,
    database: Database,
) -> None:
    """Also the routes that take no id: what they answer to Mallory has nothing of Ada's."""
    wrong: list[str] = []
    for operation in all_operations(api_app.openapi()):
        if operation.path.endswith(("/users/me", "/end-others")) and operation.method == "delete":
            continue  # would end Mallory, and with her the walk
        response = await call(client, operation, mallory, {})
        wrong += leaks(operation, response, victim, sent=())
        if "/admin/" in operation.path and response.status_code != 403:
            wrong.append(f"{operation} answered {response.status_code} to a user")
    assert not wrong
    assert await rows_of(database, victim.id) == victim.rows


def said(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json().get("detail"))


def leaks(operation: Operation, response: httpx.Response, victim: Victim, sent: Any) -> list[str]:
    """Return what of the victim stands in an answer, except what was sent."""
    email = str(victim.rows["user_account"][0]["email"])
    secrets = {str(victim.id), email, *victim.ids.values()} - set(sent)
    return [f"{operation} shows {secret}" for secret in secrets if secret in response.text]
