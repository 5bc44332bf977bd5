"""Signing in under load, and what it does to everybody else: `make -s bench NAME=identity`.

The real program is measured from outside. Twenty callers sign in all the time, each to an account
of its own, while one other client reads; the same is measured at two costs of bcrypt, interleaved,
because the machine is shared. Progress goes to stderr; the last line of stdout is one JSON object.
The exit code is 1 when a figure is over its budget.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import bcrypt
import httpx
from benchmarks import rate_limits
from benchmarks.program import Program
from benchmarks.reader import Reader

from optix.features.identity.passwords import COST_DEFAULT

CALLERS: Final = 20
COSTS: Final = (10, 11)
ROUNDS: Final = 3
ROUND_SECONDS: Final = 6.0
READ_PAUSE_SECONDS: Final = 0.02
PASSWORD: Final = "four unrelated green words"
READS: Final = "/api/v1/users/me"

# What a figure may be: (least, most).
BUDGETS: Final[dict[str, tuple[float, float]]] = {
    "rate_limit_check_p95_ms": (0.0, 3.0),
    "login_p95_ms_at_20": (0.0, 500.0),
    "other_reads_p95_ms_meanwhile": (0.0, 50.0),
    "asvs_met_share": (0.9, 1.0),
}

MANY: Final = "10000000"  # the limits of one address would end the measurement after five

Figures = dict[str, float | None]


@dataclass
class Taken:
    """Milliseconds, by what was asked."""

    logins: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    reads_alone: list[float] = field(default_factory=list)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def p95(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1]


def measure_logins(folder: Path) -> Figures:
    """Return the figures of the default cost; the other cost's stand beside them on stderr."""
    taken = {cost: Taken() for cost in COSTS}
    for round_number in range(ROUNDS):
        for cost in COSTS if round_number % 2 == 0 else COSTS[::-1]:
            own = folder / str(cost)
            with _program(own, cost) as program:
                program.wait_until_ready()
                asyncio.run(_round(program.url, _accounts(program, own), taken[cost]))
    for cost, seen in taken.items():
        say(
            f"cost {cost}: one hash {_hash_ms(cost):.0f} ms alone; {len(seen.logins)} logins, "
            f"median {statistics.median(seen.logins):.0f} ms, p95 {p95(seen.logins):.0f} ms; "
            f"reads meanwhile p95 {p95(seen.reads):.1f} ms, alone {p95(seen.reads_alone):.1f} ms"
        )
    default = taken[COST_DEFAULT]
    return {
        "login_p95_ms_at_20": p95(default.logins),
        "other_reads_p95_ms_meanwhile": p95(default.reads),
        "other_reads_p95_ms_alone": p95(default.reads_alone),
        "bcrypt_cost": float(COST_DEFAULT),
        "login_p95_ms_at_20_other_cost": p95(taken[_other()].logins),
    }


def _program(folder: Path, cost: int) -> Program:
    return Program.up(
        folder,
        OPTIX_BCRYPT_COST=str(cost),
        OPTIX_RATE_LIMIT_LOGIN=MANY,
        OPTIX_RATE_LIMIT_REGISTER=MANY,
        OPTIX_RATE_LIMIT_MAIL=MANY,
        OPTIX_RATE_LIMIT_FACTOR=MANY,
        OPTIX_RATE_LIMIT_ACCOUNT=MANY,
        OPTIX_RATE_LIMIT_DEFAULT=MANY,
    )


def _other() -> int:
    (other,) = set(COSTS) - {COST_DEFAULT}
    return other


def _hash_ms(cost: int) -> float:
    """Return the best of a few: what a core needs that does nothing else."""
    salt, taken = bcrypt.gensalt(cost), []
    for _ in range(5):
        began = time.perf_counter()
        bcrypt.hashpw(b"x" * 64, salt)
        taken.append((time.perf_counter() - began) * 1_000)
    return min(taken)


def _accounts(program: Program, folder: Path) -> list[str]:
    """Return the addresses of the callers' accounts, made in the first round."""
    emails = [f"caller-{number}@example.com" for number in range(CALLERS)]
    with httpx.Client(base_url=program.url, trust_env=False, timeout=30.0) as client:
        body = {"email": emails[-1], "password": PASSWORD}
        if client.post("/api/v1/auth/login", json=body).status_code == 200:
            return emails
    for email in emails:
        Reader.register(program.url, folder, email=email, password=PASSWORD).close()
    return emails


async def _round(url: str, emails: list[str], taken: Taken) -> None:
    connections = httpx.Limits(max_connections=CALLERS + 2)
    async with httpx.AsyncClient(
        base_url=url, trust_env=False, timeout=60.0, limits=connections
    ) as client:
        reader = await _sign_in(client, emails[0])
        headers = {"Authorization": f"Bearer {reader}"}
        await _until(ROUND_SECONDS / 3, lambda: _read(client, headers, taken.reads_alone))
        await asyncio.gather(
            _until(ROUND_SECONDS, lambda: _read(client, headers, taken.reads)),
            *(_until(ROUND_SECONDS, _logger_in(client, email, taken.logins)) for email in emails),
        )


def _logger_in(
    client: httpx.AsyncClient, email: str, taken: list[float]
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def log_in() -> None:
        began = time.perf_counter()
        await _sign_in(client, email)
        taken.append((time.perf_counter() - began) * 1_000)

    return log_in


async def _sign_in(client: httpx.AsyncClient, email: str) -> str:
    answer = await client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


async def _read(client: httpx.AsyncClient, headers: dict[str, str], taken: list[float]) -> None:
    began = time.perf_counter()
    answer = await client.get(READS, headers=headers)
    assert answer.status_code == 200, answer.text
    taken.append((time.perf_counter() - began) * 1_000)
    await asyncio.sleep(READ_PAUSE_SECONDS)


async def _until(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        await work()


def measure_asvs() -> Figures:
    """Count the table of requirements, where this checkout has it."""
    try:
        asvs = importlib.import_module("tools.asvs")
    except ImportError:
        say("asvs_met_share: there is no table here")
        return {"asvs_met_share": None}
    return {"asvs_met_share": float(asvs.met_share(asvs.requirements(asvs.TABLE.read_text())))}


def over_budget(figures: Figures) -> list[str]:
    return [
        f"{name} is {figures[name]:g}, outside {least:g}…{most:g}"
        for name, (least, most) in BUDGETS.items()
        if (value := figures.get(name)) is not None and not least <= value <= most
    ]


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as name:
        folder = Path(name)
        figures: Figures = dict(asyncio.run(rate_limits.measure(folder / "limits")))
        figures |= measure_logins(folder)
    figures |= measure_asvs()
    for sentence in over_budget(figures):
        say(sentence)
    print(json.dumps({n: None if v is None else round(v, 3) for n, v in figures.items()}))
    return 1 if over_budget(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
