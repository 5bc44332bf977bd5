"""Errors leave as one document: the table, the framework's own errors, the document's types."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import ClassVar

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from tests.contracts.openapi import problem_faults

from optix.kernel import errors as kernel
from optix.platform.http import (
    OUTCOMES,
    PROBLEM_FIELDS_MAX,
    RefusingJSONResponse,
    errors,
    etag,
    install_problems,
    json_bytes,
    not_modified,
    outcome_of,
    problem_response,
    status_of,
)

KINDS = {
    kernel.InvalidInput: 422,
    kernel.Unauthenticated: 401,
    kernel.Forbidden: 403,
    kernel.NotFound: 404,
    kernel.Conflict: 409,
    kernel.AuthExpired: 409,
    kernel.RateLimited: 429,
    kernel.Unavailable: 503,
    kernel.OutcomeUnknown: 202,
}


class TestTable:
    def test_every_kind_of_error_has_a_row_and_no_row_is_left_over(self) -> None:
        kinds = {error.kind for error in all_errors()}
        assert kinds == set(OUTCOMES)

    @pytest.mark.parametrize(("error", "status"), KINDS.items())
    def test_a_kind_has_the_status_of_the_architecture(
        self, error: type[kernel.OptixError], status: int
    ) -> None:
        assert status_of(error) == status
        assert outcome_of(error("why")).status == status

    def test_what_is_not_ours_is_a_bug(self) -> None:
        assert outcome_of(KeyError("x")) == OUTCOMES["bug"]
        assert OUTCOMES["bug"].status == 500

    def test_an_order_of_unknown_outcome_is_never_sent_again(self) -> None:
        assert OUTCOMES["outcome_unknown"].job == "reconcile"


def all_errors() -> list[type[kernel.OptixError]]:
    return [kernel.OptixError, *kernel.OptixError.__subclasses__()]


class Thing(BaseModel):
    name: str = Field(max_length=3)
    size: int


class Slow(kernel.RateLimited):
    code = "slow_down"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problems(app)

    @app.middleware("http")
    async def give_an_id(request: Request, call_next):  # type: ignore[no-untyped-def]  # FastAPI's
        request.state.request_id = "a-request"
        response = await call_next(request)
        response.headers["x-request-id"] = "a-request"
        return response

    @app.post("/things")
    async def add_thing(thing: Thing) -> Thing:
        return thing

    @app.get("/errors/{name}")
    async def fail(name: str) -> None:
        raise ERRORS[name]

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


ERRORS: dict[str, Exception] = {
    "slow": Slow("Too fast.", retry_after_seconds=7),
    "login": kernel.Unauthenticated("Who are you?"),
    "fields": kernel.InvalidInput(
        "Bad.", fields={"x" * 500: "a", **{str(n): "b" for n in range(99)}}
    ),
}


class TestAnswers:
    async def test_an_error_says_what_why_and_what_next(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/errors/slow")
        assert not list(problem_faults(response))
        assert response.json() == {
            "type": "urn:optix:problem:slow_down",
            "title": "Slow down",
            "status": 429,
            "code": "slow_down",
            "detail": "Too fast.",
            "next_step": "Wait and try again.",
            "request_id": "a-request",
            "fields": {},
        }
        assert response.headers["retry-after"] == "7"
        assert response.headers["cache-control"] == "no-store"

    async def test_a_missing_login_says_how_to_log_in(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/errors/login")
        assert response.headers["www-authenticate"] == "Bearer"

    async def test_fields_are_bounded_in_number_and_length(self, client: httpx.AsyncClient) -> None:
        fields = (await client.get("/errors/fields")).json()["fields"]
        assert len(fields) == PROBLEM_FIELDS_MAX
        assert max(map(len, fields)) <= 80

    async def test_bad_input_names_its_fields_and_never_repeats_them(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.post("/things", json={"name": "planted-secret", "size": "many"})
        assert response.status_code == 422
        assert not list(problem_faults(response))
        assert set(response.json()["fields"]) == {"name", "size"}
        assert "planted-secret" not in response.text
        assert "1 more" in response.json()["detail"]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"{", "malformed_body"),
            (b"\xff", "malformed_body"),
            (b"[" * 50_000, "malformed_body"),
            (b"", "invalid_input"),
            (b"3", "invalid_input"),
        ],
    )
    async def test_a_body_that_is_no_such_json_is_422(
        self, client: httpx.AsyncClient, content: bytes, code: str
    ) -> None:
        headers = {"Content-Type": "application/json"}
        response = await client.post("/things", content=content, headers=headers)
        assert (response.status_code, response.json()["code"]) == (422, code)
        assert not list(problem_faults(response))

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/nowhere", 404, "route_not_found"),
            ("DELETE", "/things", 405, "method_not_allowed"),
        ],
    )
    async def test_the_framework_speaks_like_us(
        self, client: httpx.AsyncClient, method: str, path: str, status: int, code: str
    ) -> None:
        response = await client.request(method, path)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert not list(problem_faults(response))


class TestDocumentedErrors:
    def test_classes_of_one_status_share_a_response_with_all_codes(self) -> None:
        class Other(kernel.Conflict):
            code = "other"

        responses = errors(kernel.Conflict, Other, kernel.NotFound)
        assert set(responses) == {404, 409}
        schema = responses[409]["content"]["application/problem+json"]["schema"]
        assert schema["allOf"][1]["properties"]["code"]["enum"] == ["conflict", "other"]


class TestMoney:
    def test_a_decimal_is_never_written_as_a_float(self) -> None:
        with pytest.raises(TypeError):
            json_bytes({"price": Decimal("1.10")})
        with pytest.raises(TypeError):
            RefusingJSONResponse({"price": [Decimal("1.10")]})

    def test_a_model_writes_it_as_a_string(self) -> None:
        class Balance(BaseModel):
            amount: Decimal

        assert Balance(amount=Decimal("1.10")).model_dump_json() == '{"amount":"1.10"}'


class TestConditionalReads:
    SOME: ClassVar = etag("a", 1)

    def request(self, **headers: str) -> Request:
        raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        return Request({"type": "http", "headers": raw})

    @pytest.mark.parametrize("offered", ["{}", "W/{}", '"other", {}', "*"])
    def test_a_known_state_is_not_sent_again(self, offered: str) -> None:
        answer = not_modified(self.request(if_none_match=offered.format(self.SOME)), self.SOME)
        assert answer is not None
        assert (answer.status_code, answer.headers["etag"]) == (304, self.SOME)

    @pytest.mark.parametrize("offered", ["", '"other"', "garbage", '"'])
    def test_another_state_is_sent(self, offered: str) -> None:
        assert not_modified(self.request(if_none_match=offered), self.SOME) is None
        assert not_modified(self.request(), self.SOME) is None

    def test_a_tag_changes_with_each_part_and_where_parts_meet(self) -> None:
        tags = {etag("a", 1), etag("a", 2), etag("a1"), etag("a", "1", ""), etag("a,1")}
        assert len(tags) == 5


def test_a_problem_can_be_answered_without_raising() -> None:
    response = problem_response(kernel.Conflict("Twice."), "an-id", {"Connection": "close"})
    assert isinstance(response, Response)
    assert (response.status_code, response.headers["connection"]) == (409, "close")
