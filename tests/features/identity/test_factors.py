"""Second factors over HTTP: setting up, signing in, stepping up, and each way of cheating at it."""

from __future__ import annotations

import asyncio
import hashlib

import httpx
import pytest
from redis.asyncio import Redis
from tests.fakes.authenticator import Authenticator
from tests.fixtures.api import PASSWORD
from tests.fixtures.factors import (
    AUTH,
    ME,
    AuthenticatorApp,
    add_passkey,
    end_pause,
    events,
    factors,
    forget_guesses,
    fresh_user,
    log_in,
    member,
    recovery,
    second_factor,
    step_up,
    totp,
)

from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.platform.db import Database

pytestmark = pytest.mark.stores


class TestSigningIn:
    async def test_a_password_alone_is_answered_with_a_challenge(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, database: Database
    ) -> None:
        ada = await member(client, identity, clock)
        answer = await log_in(client)
        assert set(answer) == {"status", "challenge", "methods", "expires_in"}
        assert answer["status"] == "second_factor"
        assert answer["methods"] == ["totp", "recovery_code"]
        assert answer["expires_in"] == limits.CHALLENGE_SECONDS
        done = await second_factor(client, answer["challenge"], totp(ada.app.next_code()))
        assert done.status_code == 200
        assert done.json()["status"] == "signed_in"
        headers = {"Authorization": f"Bearer {done.json()['access_token']}"}
        sessions = (await client.get(f"{AUTH}/sessions", headers=headers)).json()["sessions"]
        current = next(each for each in sessions if each["current"])
        assert current["methods"] == ["password", "totp"]
        # It was a step-up as well.
        assert (await client.post(f"{AUTH}/mfa/setup", headers=headers)).status_code == 200
        assert (await events(database, "session.started"))[-1] == (
            "success",
            '{"client":"native","methods":"password totp"}',
        )

    async def test_the_web_client_gets_its_cookie_only_with_the_second_factor(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        answer = await log_in(client, client_kind="web")
        assert not client.cookies
        done = await second_factor(
            client, answer["challenge"], totp(ada.app.next_code()), client_kind="web"
        )
        assert done.json()["refresh_token"] is None
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie

    async def test_the_device_keeps_the_name_that_either_half_gave_it(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        longest = "x" * limits.DEVICE_NAME_LENGTH_MAX
        for given, shown in (("", "from the login"), (longest, longest)):
            credentials = {
                "email": ada.caller.email,
                "password": PASSWORD,
                "device_name": "from the login",
            }
            login = await client.post(f"{AUTH}/login", json=credentials)
            body = {
                "challenge": login.json()["challenge"],
                "proof": totp(ada.app.next_code()),
                "device_name": given,
            }
            done = await client.post(f"{AUTH}/login/factor", json=body)
            headers = {"Authorization": f"Bearer {done.json()['access_token']}"}
            sessions = (await client.get(f"{AUTH}/sessions", headers=headers)).json()["sessions"]
            assert next(each for each in sessions if each["current"])["device_name"] == shown
        longer = await client.post(
            f"{AUTH}/login/factor", json={**body, "device_name": longest + "x"}
        )
        assert longer.json()["fields"].keys() == {"device_name"}

    async def test_a_challenge_belongs_to_the_kind_of_client_that_began(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        answer = await log_in(client, client_kind="web")
        proof = totp(ada.app.next_code())
        crossed = await second_factor(client, answer["challenge"], proof, client_kind="native")
        assert (crossed.status_code, crossed.json()["code"]) == (401, "challenge_invalid")

    async def test_a_challenge_works_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        assert (
            await second_factor(client, challenge, totp(ada.app.next_code()))
        ).status_code == 200
        again = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert again.json()["code"] == "challenge_invalid"

    async def test_a_challenge_ends_and_redis_never_sees_it(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        (key,) = await redis.keys("identity:challenge:*")
        assert hashlib.sha256(challenge.encode()).hexdigest() in str(key)
        assert 0 < await redis.ttl(key) <= limits.CHALLENGE_SECONDS
        assert challenge not in str(await redis.hgetall(key))

    @pytest.mark.parametrize("challenge", ["", "x", "a" * 43, "\x00", "*"])
    async def test_an_unknown_challenge_is_refused(
        self, client: httpx.AsyncClient, challenge: str
    ) -> None:
        refused = await second_factor(client, challenge, totp("123456"))
        assert (refused.status_code, refused.json()["code"]) == (401, "challenge_invalid")

    async def test_a_challenge_of_one_account_takes_no_proof_of_another(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        await member(client, identity, clock)
        eve = await member(client, identity, clock, "eve@example.com")
        challenge = (await log_in(client))["challenge"]
        for proof in (totp(eve.app.next_code()), recovery(eve.codes[0])):
            refused = await second_factor(client, challenge, proof)
            assert (refused.status_code, refused.json()["code"]) == (401, "proof_wrong")

    async def test_a_challenge_ends_when_the_password_is_changed(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        """Somebody who knew the former password waits with it for a code to be phished."""
        ada = await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        changed = await client.post(
            f"{AUTH}/password",
            json={"new_password": "seven other unrelated blue words"},
            headers=ada.headers,
        )
        assert changed.status_code == 204, changed.text
        late = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert (late.status_code, late.json()["code"]) == (401, "challenge_invalid")

    async def test_without_redis_nobody_gets_past_the_second_factor(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        """Fail closed: a counter that cannot count must not let guesses through."""
        ada = await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        for service in (identity.factors._challenges, identity.factors._proofs._attempts):
            service._redis = Redis.from_url("redis://127.0.0.1:9/0")
        refused = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert (refused.status_code, refused.json()["code"]) == (503, "challenges_unavailable")


class TestReplay:
    async def test_a_totp_code_works_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, database: Database
    ) -> None:
        ada = await member(client, identity, clock)
        code = ada.app.next_code()
        first = (await log_in(client))["challenge"]
        assert (await second_factor(client, first, totp(code))).status_code == 200
        second = (await log_in(client))["challenge"]
        replayed = await second_factor(client, second, totp(code))
        assert (replayed.status_code, replayed.json()["code"]) == (401, "proof_wrong")
        stepped = await step_up(client, ada.headers, totp(code))
        assert (stepped.status_code, stepped.json()["code"]) == (403, "step_up_refused")
        assert ("failure", '{"method":"totp"}') in await events(database, "sign_in.factor")

    async def test_the_code_that_set_up_the_app_signs_nobody_in(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        replayed = await second_factor(client, challenge, totp(ada.app.code()))
        assert replayed.json()["code"] == "proof_wrong"

    async def test_a_code_before_a_used_one_is_refused_too(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        ada.app.next_code()
        used, before = ada.app.next_code(), ada.app.code(-1)
        first = (await log_in(client))["challenge"]
        assert (await second_factor(client, first, totp(used))).status_code == 200
        second = (await log_in(client))["challenge"]
        assert (await second_factor(client, second, totp(before))).status_code == 401

    async def test_a_recovery_code_works_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        first = (await log_in(client))["challenge"]
        spelled = ada.codes[3].lower().replace("-", " ")
        assert (await second_factor(client, first, recovery(spelled))).status_code == 200
        second = (await log_in(client))["challenge"]
        replayed = await second_factor(client, second, recovery(ada.codes[3]))
        assert replayed.json()["code"] == "proof_wrong"
        assert (await factors(client, ada.headers))["recovery_codes_left"] == 9

    async def test_a_new_set_of_recovery_codes_ends_the_former(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, database: Database
    ) -> None:
        ada = await member(client, identity, clock)
        renewed = await client.post(f"{AUTH}/mfa/recovery-codes", headers=ada.headers)
        new = renewed.json()["codes"]
        assert not set(new) & set(ada.codes)
        challenge = (await log_in(client))["challenge"]
        former = await second_factor(client, challenge, recovery(ada.codes[0]))
        assert former.json()["code"] == "proof_wrong"
        assert (await second_factor(client, challenge, recovery(new[0]))).status_code == 200
        assert await events(database, "factor.recovery_codes_made") == [("success", "{}")]

    async def test_without_a_factor_there_are_no_recovery_codes(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        refused = await client.post(f"{AUTH}/mfa/recovery-codes", headers=caller.headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "no_factor")


class TestAtOnce:
    """Two requests at the same moment with the same proof: exactly one wins."""

    async def test_one_recovery_code_used_twice_at_once_signs_in_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        for code in ada.codes[:4]:
            await self._one_wins(client, recovery(code))

    async def test_one_totp_code_used_twice_at_once_signs_in_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        for _ in range(4):
            await self._one_wins(client, totp(ada.app.next_code()))

    async def test_two_proofs_for_one_challenge_sign_in_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        for code in ada.codes[:3]:
            challenge = (await log_in(client))["challenge"]
            answers = await asyncio.gather(
                second_factor(client, challenge, recovery(code)),
                second_factor(client, challenge, totp(ada.app.next_code())),
            )
            assert sorted(each.status_code for each in answers) == [200, 401]

    async def test_one_code_finishes_one_of_two_set_ups_at_once(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        caller = await fresh_user(identity)
        setup = await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        body = {"code": AuthenticatorApp(setup.json()["manual_key"], clock).code()}
        answers = await asyncio.gather(
            *(
                client.post(f"{AUTH}/mfa/verify", json=body, headers=caller.headers)
                for _ in range(3)
            )
        )
        assert sorted(each.status_code for each in answers) == [200, 409, 409]

    async def _one_wins(self, client: httpx.AsyncClient, proof: dict[str, str]) -> None:
        challenges = [(await log_in(client))["challenge"] for _ in range(3)]
        answers = await asyncio.gather(
            *(second_factor(client, challenge, proof) for challenge in challenges)
        )
        assert sorted(each.status_code for each in answers) == [200, 401, 401]


class TestGuessing:
    async def test_a_challenge_bears_five_attempts(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        ada = await member(client, identity, clock)
        challenge = (await log_in(client))["challenge"]
        for _ in range(limits.CHALLENGE_ATTEMPTS_MAX):
            wrong = await second_factor(client, challenge, totp(ada.app.wrong_code()))
            assert wrong.json()["code"] == "proof_wrong"
        await forget_guesses(redis)
        late = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert late.json()["code"] == "challenge_invalid"

    async def test_new_challenges_bring_no_new_guesses(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        """Brute force: the pauses double, whatever challenge or step-up the guesses come by."""
        ada = await member(client, identity, clock)
        pauses: list[int] = []
        while len(pauses) < 8:
            for _ in range(limits.PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX):
                challenge = (await log_in(client))["challenge"]
                wrong = await second_factor(client, challenge, totp(ada.app.wrong_code()))
                assert wrong.json()["code"] == "proof_wrong"
            challenge = (await log_in(client))["challenge"]
            stopped = await second_factor(client, challenge, totp(ada.app.next_code()))
            assert (stopped.status_code, stopped.json()["code"]) == (429, "too_many_proofs")
            elsewhere = await step_up(client, ada.headers, totp(ada.app.next_code()))
            assert elsewhere.status_code == 429
            pauses.append(int(stopped.headers["retry-after"]))
            await end_pause(redis)
        wanted = [
            min(limits.PROOF_PAUSE_SECONDS_FIRST * 2**n, limits.PROOF_PAUSE_SECONDS_MAX)
            for n in range(8)
        ]
        assert wanted[-1] == limits.PROOF_PAUSE_SECONDS_MAX
        assert all(0 <= want - found <= 5 for want, found in zip(wanted, pauses, strict=True))

    async def test_many_guesses_at_once_are_counted_before_they_are_looked_at(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        guess = totp(ada.app.wrong_code())
        answers = await asyncio.gather(*(step_up(client, ada.headers, guess) for _ in range(20)))
        statuses = [each.status_code for each in answers]
        assert statuses.count(403) == limits.PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX
        assert statuses.count(429) == 15

    async def test_a_right_code_forgets_the_guesses_before_it(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        for _ in range(3):
            for _ in range(limits.PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX - 1):
                wrong = await step_up(client, ada.headers, totp(ada.app.wrong_code()))
                assert wrong.status_code == 403
            right = await step_up(client, ada.headers, totp(ada.app.next_code()))
            assert right.status_code == 200

    async def test_guesses_at_one_account_do_not_stop_another(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        eve = await member(client, identity, clock, "eve@example.com")
        for _ in range(limits.PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX + 1):
            await step_up(client, eve.headers, totp(eve.app.wrong_code()))
        right = await step_up(client, ada.headers, totp(ada.app.next_code()))
        assert right.status_code == 200

    async def test_guesses_are_forgotten_after_a_day(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        ada = await member(client, identity, clock)
        await step_up(client, ada.headers, totp(ada.app.wrong_code()))
        (key,) = await redis.keys("identity:proof_attempts:*")
        assert 0 < await redis.ttl(key) <= limits.PROOF_ATTEMPTS_KEPT_SECONDS


async def test_the_export_of_ones_own_data_names_factors_and_holds_no_key(
    client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
) -> None:
    ada = await member(client, identity, clock)
    await add_passkey(client, ada.headers, Authenticator(), "Ada's phone")
    exported = await client.post(f"{ME}/export", headers=ada.headers)
    assert exported.status_code == 200
    found = exported.json()
    assert (found["factors"]["totp"], found["linked_issuers"]) == (True, [])
    assert [each["name"] for each in found["passkeys"]] == ["Ada's phone"]
    assert not any(secret in exported.text for secret in (ada.app.secret, *ada.codes))
