"""Two processes rotate one refresh token at once: one makes its successor, and all are given it.

The processes are real, so nothing but PostgreSQL stands between them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.fakes.rotator import AT_ONCE
from tests.fixtures.api import BASE_URL, BCRYPT_COST, add_user, sign_in

from optix.features.identity.models import RefreshToken
from optix.features.identity.service import Identity
from optix.features.identity.tokens import KeyRing, SigningKey
from optix.kernel.clock import SystemClock
from optix.platform.bus import connect
from optix.platform.db import Database
from optix.platform.embedded.stores import StoreUrls
from optix.platform.secrets import new_signing_key, read_signing_keys
from optix.platform.vault import Vault

pytestmark = pytest.mark.stores

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 12
PROCESSES = 2


async def start(stores: StoreUrls, pem: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.fakes.rotator",
        stores.database_url,
        stores.redis_url,
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )
    assert await tell(process, pem.replace("\n", "\\n")) == "ready"
    return process


async def tell(process: Process, line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n".encode())
    await process.stdin.drain()
    return (await process.stdout.readline()).decode().strip()


async def test_exactly_one_wins_and_nobody_honest_is_logged_out(
    stores: StoreUrls, database: Database, vault: Vault
) -> None:
    pem = new_signing_key()
    keys = KeyRing([SigningKey(key) for key in read_signing_keys(pem)])
    redis = connect(stores.redis_url)
    identity = Identity.wire(
        database=database,
        redis=redis,
        keys=keys,
        clock=SystemClock(),
        vault=vault,
        base_url=BASE_URL,
        bcrypt_cost=BCRYPT_COST,
    )
    processes = await asyncio.gather(*(start(stores, pem) for _ in range(PROCESSES)))
    try:
        token = (await sign_in(identity, await add_user(identity))).refresh_token
        for round_number in range(1, ROUNDS + 1):
            answers = await asyncio.gather(*(tell(process, token) for process in processes))
            given = [successor for answer in answers for successor in json.loads(answer)]
            assert len(given) == PROCESSES * AT_ONCE
            assert len(set(given)) == 1, "every caller is given the same next token"
            assert await rows(database) == round_number + 1, "one made it"
            (token,) = set(given)
    finally:
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
        await identity.close()
        await redis.aclose()


async def rows(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(RefreshToken)) or 0
