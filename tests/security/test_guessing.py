"""Attacks by trying: who has an account, which code is right, whether a used one works again.

The timing test is statistical: known and unknown addresses take turns, so that a busy machine slows
both alike, and medians are compared against what one password hash costs here. A sign-in that
skipped the hash of an unknown address would differ by a whole hash; the control shows that the
statistic sees exactly that.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from tests.fixtures.api import Caller, add_user, client_of
from tests.fixtures.factors import log_in, member, second_factor
from tests.fixtures.mail import Post

from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.service import Identity
from optix.features.identity.sign_in import SignInService, WrongCredentials
from optix.features.identity.throttle import LoginThrottle
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform.db import Database
from optix.platform.metrics import new_registry
from optix.platform.origin import Origin
from optix.platform.security_settings import LimitSettings
from optix.processes.api import ApiDependencies, create_app

pytestmark = pytest.mark.stores

AUTH = "/api/v1/auth"
PAIRS = 21
HASH_COST = 8  # some milliseconds: well above what else a sign-in does
NEW = "another four unrelated words"


def wait(clock: ScaledClock, seconds: float) -> None:
    clock.advance_to(clock.now_ns() + int(seconds * NANOSECONDS))


async def seconds_of(call: Callable[[], Awaitable[object]]) -> float:
    """Return what it costs this program, in all threads: what others do on the machine is left out.

    A hash is nothing but computing, so whoever waits for the answer sees the same difference.
    """
    began = time.process_time()
    await call()
    return time.process_time() - began


async def medians(
    one: Callable[[int], Awaitable[object]], other: Callable[[int], Awaitable[object]]
) -> tuple[float, float]:
    """Return what each call takes, called in turns; which of a pair comes first alternates."""
    taken: tuple[list[float], list[float]] = ([], [])
    for n in range(PAIRS):
        for which in (0, 1) if n % 2 else (1, 0):
            call = (one, other)[which]
            taken[which].append(await seconds_of(lambda call=call, n=n: call(n)))  # type: ignore[misc]  # bound now
    return statistics.median(taken[0]), statistics.median(taken[1])


class TestUserEnumeration:
    @pytest.fixture
    async def sign_in(
        self, identity: Identity, database: Database, redis: Redis, clock: ScaledClock
    ) -> AsyncIterator[SignInService]:
        """Signing in with hashes that cost something."""
        hasher = PasswordHasher(cost=HASH_COST)
        yield SignInService(
            database,
            hasher=hasher,
            starter=identity.starter,
            throttle=LoginThrottle(redis, clock),
            factors=identity.factors,
            clock=clock,
        )
        hasher.close()

    async def test_user_enumeration_by_timing_of_login(
        self, identity: Identity, sign_in: SignInService
    ) -> None:
        hasher = sign_in._hasher
        identity = replace(identity, hasher=hasher)
        for n in range(PAIRS):
            await add_user(identity, f"known{n}@example.com")
        hash_s = statistics.median(
            [await seconds_of(lambda: hasher.verify("wrong", None)) for _ in range(9)]
        )

        async def try_as(kind: str, n: int) -> None:
            origin = Origin(f"192.0.2.{n}", "", "")
            with pytest.raises(WrongCredentials):
                await sign_in.log_in(
                    f"{kind}{n}@example.com", "wrong", client="native", origin=origin
                )

        async def try_without_a_hash(_n: int) -> None:
            """The control: an unknown address that is refused at once."""
            await asyncio.sleep(0)

        known, unknown = await medians(lambda n: try_as("known", n), lambda n: try_as("not", n))
        assert abs(known - unknown) < hash_s / 2, f"{known:.4f} {unknown:.4f} hash {hash_s:.4f}"
        known, told = await medians(lambda n: try_as("again", n), try_without_a_hash)
        assert abs(known - told) > hash_s / 2, "the statistic would not see a hash left out"

    @pytest.mark.parametrize(
        ("path", "extra"),
        [("register", {"password": NEW}), ("password-reset", {}), ("login", {"password": "no"})],
    )
    async def test_user_enumeration_by_the_answer(
        self, client: httpx.AsyncClient, caller: Caller, path: str, extra: dict[str, str]
    ) -> None:
        """Status, members and headers are the same; only ids and times differ."""
        shapes = []
        for email in (caller.email, "nobody@example.com"):
            response = await client.post(f"{AUTH}/{path}", json={"email": email, **extra})
            said = response.json() if response.content else {}
            words = {key: said[key] for key in ("code", "detail", "title") if key in said}
            shapes.append((response.status_code, sorted(said), words, sorted(response.headers)))
        assert shapes[0] == shapes[1]


class TestSecondFactors:
    async def test_totp_replay(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        proof = {"method": "totp", "code": ada.app.next_code()}
        first = (await log_in(client))["challenge"]
        assert (await second_factor(client, first, proof)).status_code == 200
        again = (await log_in(client))["challenge"]
        replayed = await second_factor(client, again, proof)
        assert (replayed.status_code, replayed.json()["code"]) == (401, "proof_wrong")

    async def test_totp_brute_force(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        """New challenges, addresses and windows bring no guesses: the account stops taking any."""
        ada = await member(client, identity, clock)
        guesses = 0
        for _ in range(40):
            challenge = (await log_in(client))["challenge"]
            for _ in range(limits.CHALLENGE_ATTEMPTS_MAX):
                proof = {"method": "totp", "code": ada.app.wrong_code()}
                response = await second_factor(client, challenge, proof)
                assert response.status_code in (401, 429), response.text
                guesses += response.json()["code"] == "proof_wrong"
        # Of a million codes; three are right at any time.
        assert guesses <= 50
        right = {"method": "totp", "code": ada.app.next_code()}
        held = await second_factor(client, (await log_in(client))["challenge"], right)
        assert held.status_code == 429


class TestResets:
    async def test_password_reset_token_reuse(
        self, client: httpx.AsyncClient, identity: Identity, post: Post, clock: ScaledClock
    ) -> None:
        await add_user(identity)
        await client.post(f"{AUTH}/password-reset", json={"email": "ada@example.com"})
        token = await post.reset_token_for("ada@example.com")
        confirm = f"{AUTH}/password-reset/confirm"
        done = await client.post(confirm, json={"token": token, "new_password": NEW})
        assert done.status_code == 204
        for password in (NEW, f"{NEW} again"):
            again = await client.post(confirm, json={"token": token, "new_password": password})
            assert 400 <= again.status_code < 500
        kept = await client.post(
            f"{AUTH}/login", json={"email": "ada@example.com", "password": NEW}
        )
        assert kept.status_code == 200

    async def test_password_reset_token_guessing(self, client: httpx.AsyncClient) -> None:
        answers = {
            (response.status_code, response.json()["detail"])
            for token in ("0" * 43, str(new_uuid()), "a" * 43, "%00")
            for response in [
                await client.post(
                    f"{AUTH}/password-reset/confirm", json={"token": token, "new_password": NEW}
                )
            ]
        }
        assert len(answers) == 1


class TestLimits:
    """The API with the limits that it ships with."""

    @pytest.fixture
    async def limited(
        self, api_dependencies: ApiDependencies
    ) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
        app = create_app(
            replace(
                api_dependencies, rate_limits=LimitSettings().per_minute, registry=new_registry()
            )
        )
        async with client_of(app) as client:
            yield app, client

    @pytest.mark.parametrize(
        ("path", "allowed"), [("login", 5), ("register", 3), ("refresh", 10), ("password-reset", 5)]
    )
    async def test_so_many_a_minute_and_no_more(
        self,
        limited: tuple[FastAPI, httpx.AsyncClient],
        clock: ScaledClock,
        path: str,
        allowed: int,
    ) -> None:
        _, client = limited
        body = {"email": "ada@example.com", "password": NEW}
        keys = {"password-reset": ["email"], "refresh": []}.get(path, ["email", "password"])

        async def tries(times: int) -> list[bool]:
            answers = [
                await client.post(f"{AUTH}/{path}", json={key: body[key] for key in keys})
                for _ in range(times)
            ]
            return [
                answer.json().get("code") == "rate_limited" for answer in answers if answer.content
            ]

        held = await tries(allowed + 2)
        assert held[-2:] == [True, True]
        assert held.count(True) == 2
        wait(clock, 60)
        assert not any(await tries(1))

    async def test_password_guessing_from_one_address_waits_longer_each_time(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        """Progressive lockout: what is left of a day of guessing is some dozens of guesses."""
        await add_user(identity)
        guesses, began = 0, clock.now_ns()
        while clock.now_ns() - began < 86_400 * NANOSECONDS:
            response = await client.post(
                f"{AUTH}/login", json={"email": "ada@example.com", "password": f"guess {guesses}"}
            )
            if response.status_code == 429:
                wait(clock, int(response.headers["retry-after"]))
            else:
                guesses += 1
        assert limits.LOGIN_FAILURES_MAX < guesses < 60
