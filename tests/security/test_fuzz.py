"""Fuzzing of the whole OpenAPI document: no server error, no status that is not documented.

schemathesis makes the requests (fitting ones and unfitting ones) from the document with a fixed
seed; they are sent to the real app on real stores, by nobody, by a user and by an administrator,
each new for every operation, so that an operation that ends a session ends no other's. `make fuzz`
runs it longer: FUZZ_EXAMPLES is how many requests per operation, kind and caller.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.fixtures.api import client_of, signed_in_user

from optix.features.identity.service import Identity

pytestmark = pytest.mark.stores

Case = schemathesis.Case[Any]
Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# What a client of HTTP cannot send, whatever the document allows.
UNSENDABLE = (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError, ValueError)


@pytest.fixture
async def client(api_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api_app) as client:
        yield client


def operations(app: FastAPI) -> Iterator[Operation]:
    """Yield every operation of the document."""
    schema = schemathesis.openapi.from_dict(app.openapi())
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def cases(operation: Operation, mode: GenerationMode) -> list[Case]:
    """Return requests for `operation`: the same ones for the same seed."""
    made: list[Case] = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Case) -> None:
        made.append(case)

    collect()
    return made


def is_possible(operation: Operation, mode: GenerationMode) -> bool:
    """Only an operation that takes something can be given something that does not fit."""
    takes = any(operation.iter_parameters()) or bool(operation.body)
    return takes or mode is GenerationMode.POSITIVE


async def send(
    client: httpx.AsyncClient, case: Case, headers: dict[str, str]
) -> httpx.Response | None:
    """Send `case`; None where it is no HTTP request."""
    wanted: dict[str, Any] = case.as_transport_kwargs(base_url="http://localhost:8000")
    given_headers = {name: str(value) for name, value in (wanted.get("headers") or {}).items()}
    body: dict[str, Any] = {}
    if wanted.get("json") is not None:
        body["json"] = wanted["json"]
    elif isinstance(wanted.get("data"), (bytes, str)):
        body["content"] = wanted["data"]
    try:
        request = client.build_request(
            wanted["method"],
            wanted["url"],
            params=wanted.get("params") or None,
            headers={**given_headers, **headers},
            cookies=wanted.get("cookies"),
            **body,
        )
    except UNSENDABLE:
        return None
    return await client.send(request)


@pytest.mark.timeout(0 if EXAMPLES > 10 else 300)
@pytest.mark.parametrize("caller", ["nobody", "user", "admin"])
async def test_every_operation_answers_as_documented_whatever_it_is_sent(
    client: httpx.AsyncClient, api_app: FastAPI, identity: Identity, caller: str
) -> None:
    wrong: list[str] = []
    statuses: Counter[int] = Counter()
    for number, operation in enumerate(operations(api_app)):
        headers: dict[str, str] = {}
        if caller != "nobody":
            who = await signed_in_user(
                identity,
                f"{caller}{number}@example.com",
                role="admin" if caller == "admin" else "user",
                methods=("password", "totp"),
            )
            headers = who.headers
        for mode in MODES:
            if not is_possible(operation, mode):
                continue
            for case in cases(operation, mode):
                response = await send(client, case, headers)
                if response is None:
                    continue
                statuses[response.status_code] += 1
                try:
                    case.validate_response(response, checks=CHECKS)
                except FailureGroup as failures:
                    wrong += [
                        f"{operation.label} {mode.value} → {response.status_code}: {failure}"
                        for failure in failures.exceptions
                    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert sum(statuses.values()) > EXAMPLES * 30, "hardly anything was sent"
    if caller != "nobody":
        assert statuses[200], f"nothing was answered: {statuses}"
