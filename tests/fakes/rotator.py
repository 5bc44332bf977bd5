"""A process of its own that refreshes sessions, as a second replica of the API does.

`python -m tests.fakes.rotator DATABASE_URL REDIS_URL` takes the signing key as the first line of
its input and then one refresh token a line. It tries each token several times at once and answers
with one line of JSON: the tokens that came back.
"""

from __future__ import annotations

import asyncio
import json
import sys

from optix.features.identity.service import Identity
from optix.features.identity.tokens import KeyRing, SigningKey
from optix.kernel.clock import SystemClock
from optix.platform.bus import connect
from optix.platform.db import Database
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.origin import SYSTEM_ORIGIN
from optix.platform.secrets import read_signing_keys
from optix.platform.vault import Vault

AT_ONCE = 3


async def main(database_url: str, redis_url: str) -> None:
    loop = asyncio.get_running_loop()
    (key,) = read_signing_keys((await _line(loop)).replace("\\n", "\n"))
    redis = connect(redis_url)
    clock = SystemClock()
    identity = Identity.wire(
        database=Database.from_url(database_url),
        redis=redis,
        keys=KeyRing([SigningKey(key)]),
        clock=clock,
        vault=Vault(RingKeys(GivenRing(""), clock), clock),  # nothing is sealed here
        base_url="http://localhost:8000",
        bcrypt_cost=4,
    )
    print("ready", flush=True)  # noqa: T201  # its answer
    while token := await _line(loop):
        outcomes = await asyncio.gather(
            *(identity.sessions.refresh(token, "native", SYSTEM_ORIGIN) for _ in range(AT_ONCE))
        )
        answer = json.dumps([outcome.refresh_token for outcome in outcomes])
        print(answer, flush=True)  # noqa: T201  # its answer
    await identity.close()
    await identity.database.close()
    await redis.aclose()


async def _line(loop: asyncio.AbstractEventLoop) -> str:
    line: str = await loop.run_in_executor(None, sys.stdin.readline)
    return line.strip()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
