"""Health: what counts as ready, what only as degraded, and that a mute part has a deadline."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from tests.contracts.openapi import problem_faults

from optix.kernel.errors import Unavailable
from optix.platform import health
from optix.platform.health import HealthCheck, check_health
from optix.platform.http import install_problems


async def well() -> None:
    return None


async def ill() -> None:
    raise Unavailable("The feed is silent.")


async def broken() -> None:
    raise OSError("connect to db.internal:5432 as optix failed")


async def mute() -> None:
    await asyncio.Event().wait()


def client(*checks: HealthCheck) -> httpx.AsyncClient:
    app = FastAPI(version="1.2.3")
    install_problems(app)
    app.state.health_checks = checks
    app.include_router(health.router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


async def test_everything_well_is_ready() -> None:
    async with client(HealthCheck("store", well)) as http:
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "ok")
        assert (await http.get("/health/live")).json() == {"status": "ok"}
        assert (await http.get("/health")).json()["version"] == "1.2.3"


async def test_a_part_it_can_do_without_makes_it_degraded_but_ready() -> None:
    async with client(HealthCheck("store", well), HealthCheck("feed", ill, required=False)) as http:
        ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["parts"][1] == {
        "name": "feed",
        "state": "failed",
        "required": False,
        "reason": "The feed is silent.",
    }


async def test_a_needed_part_that_fails_is_named_and_makes_it_not_ready() -> None:
    async with client(HealthCheck("store", broken), HealthCheck("other", well)) as http:
        ready = await http.get("/health/ready")
        overall = await http.get("/health")
        live = await http.get("/health/live")
    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert list(ready.json()["fields"]) == ["store"]
    assert (overall.status_code, overall.json()["status"]) == (200, "not_ready")
    assert live.status_code == 200


async def test_an_answer_does_not_name_hosts_and_users() -> None:
    async with client(HealthCheck("store", broken)) as http:
        assert "internal" not in (await http.get("/health")).text


async def test_a_mute_part_is_given_up_after_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS_MAX", 0.05)
    found = await check_health([HealthCheck("mute", mute), HealthCheck("store", well)], "1")
    assert [part.state for part in found.parts] == ["failed", "ok"]
    assert "did not answer" in found.parts[0].reason


async def test_a_not_ready_answer_has_the_one_shape() -> None:
    async with client(HealthCheck("store", broken)) as http:
        ready = await http.get("/health/ready")
    faults = [fault for fault in problem_faults_without_id(ready) if fault]
    assert not faults


def problem_faults_without_id(response: httpx.Response) -> list[str]:
    # Without the edge there is no request id; everything else must be in order.
    response.headers["x-request-id"] = response.json()["request_id"]
    return [fault for fault in problem_faults(response) if "request id" not in fault]
