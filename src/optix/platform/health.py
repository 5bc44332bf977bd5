"""Is this process alive, is it ready, and what is wrong if not.

Live says that the loop turns. Ready says that everything this process cannot work without answers.
A part it can work without (the market feed) makes it degraded, which a person sees and a load
balancer ignores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from optix.kernel.errors import OptixError, Unavailable
from optix.platform.http import errors

log = structlog.get_logger(__name__)

CHECK_SECONDS_MAX = 2.0


class NotReady(Unavailable):
    """Something this process needs does not answer; `fields` names it."""

    code = "not_ready"
    next_step = "Look at the parts named in `fields`."


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One part: `ping` returns when it answers and raises when it does not."""

    name: str
    ping: Callable[[], Awaitable[None]]
    required: bool = True


class PartHealth(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    state: Literal["ok", "failed"]
    required: bool = Field(description="Without it this process is not ready.")
    reason: str = Field(description="Why it failed; empty when it did not.")


class Health(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Literal["ok", "degraded", "not_ready"]
    version: str
    parts: list[PartHealth]


class Alive(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Literal["ok"] = "ok"


async def check_health(checks: Sequence[HealthCheck], version: str) -> Health:
    """Ask all parts at once, each with a deadline."""
    parts = await asyncio.gather(*(_check(check) for check in checks))
    failed = [part for part in parts if part.state == "failed"]
    status: Literal["ok", "degraded", "not_ready"] = "ok"
    if failed:
        status = "not_ready" if any(part.required for part in failed) else "degraded"
    return Health(status=status, version=version, parts=list(parts))


async def _check(check: HealthCheck) -> PartHealth:
    reason = ""
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            await check.ping()
    except TimeoutError:
        reason = f"It did not answer within {CHECK_SECONDS_MAX:g} s."
    except OptixError as error:
        reason = error.detail
    except Exception as error:  # noqa: BLE001  # the edge: whatever it is, this part is not well
        # The text of a foreign exception may name hosts and users; those go to the log only.
        reason = "It does not answer."
        log.warning("health check failed", part=check.name, error=repr(error))
    return PartHealth(
        name=check.name,
        state="failed" if reason else "ok",
        required=check.required,
        reason=reason,
    )


router = APIRouter(tags=["operations"])


async def _health(request: Request) -> Health:
    return await check_health(request.app.state.health_checks, request.app.version)


@router.get("/health")
async def health(request: Request) -> Health:
    """What works and what does not, for people. Answers 200 as long as the process does."""
    return await _health(request)


@router.get("/health/live")
async def health_live() -> Alive:
    """The process turns. A failure means: restart it."""
    return Alive()


@router.get("/health/ready", responses=errors(NotReady))
async def health_ready(request: Request) -> Health:
    """Everything needed answers. A failure means: send no requests here."""
    found = await _health(request)
    if found.status == "not_ready":
        raise NotReady(
            "This process is not ready.",
            fields={part.name: part.reason for part in found.parts if part.reason},
        )
    return found
