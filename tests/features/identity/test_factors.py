"""Second factors over HTTP: setting up, signing in, stepping up, and each way of cheating at it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from tests.fixtures.api import PASSWORD, Caller, signed_in_user
from tests.fixtures.factors import (
    AUTH,
    AuthenticatorApp,
    fresh_user,
    log_in,
    member,
    second_factor,
    set_up_totp,
    step_up,
)

from optix.features.identity.models_factors import RecoveryCode, TotpFactor
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform.audit_models import SecurityEventRow
from optix.platform.db import Database
from optix.platform.vault import Vault

pytestmark = pytest.mark.stores

ME = "/api/v1/users/me"


def totp(code: str) -> dict[str, str]:
    return {"method": "totp", "code": code}


def recovery(code: str) -> dict[str, str]:
    return {"method": "recovery_code", "code": code}


async def factors(client: httpx.AsyncClient, headers: dict[str, str]) -> dict[str, Any]:
    response = await client.get(f"{AUTH}/mfa", headers=headers)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def events(database: Database, kind: str) -> list[tuple[str, str]]:
    """Return outcome and detail of the recorded events of `kind`, in their order."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(SecurityEventRow)
            .where(SecurityEventRow.kind == kind)
            .order_by(SecurityEventRow.seq)
        )
        return [(row.outcome, row.detail) for row in rows]


class TestSettingUp:
    async def test_a_verified_code_makes_the_factor_and_ten_recovery_codes(
        self,
        client: httpx.AsyncClient,
        identity: Identity,
        clock: ScaledClock,
        database: Database,
        vault: Vault,
    ) -> None:
        caller = await fresh_user(identity)
        assert await factors(client, caller.headers) == {
            "totp": False,
            "totp_since": None,
            "passkeys": 0,
            "recovery_codes_left": 0,
            "step_up_methods": ["password"],
        }
        app, codes = await set_up_totp(client, caller, clock)
        assert len(set(codes)) == 10
        found = await factors(client, caller.headers)
        assert (found["totp"], found["recovery_codes_left"]) == (True, 10)
        assert found["step_up_methods"] == ["totp", "recovery_code"]
        me = await client.get(ME, headers=caller.headers)
        assert me.json()["second_factor"] is True
        assert await events(database, "factor.totp_added") == [("success", "{}")]
        async with database.reading() as session:
            row = (await session.scalars(select(TotpFactor))).one()
            hashes = (await session.scalars(select(RecoveryCode.code_hash))).all()
        assert app.secret.encode() not in row.secret_sealed
        opened = await vault.open(
            row.secret_sealed, table="totp_factor", row=row.user_id, column="secret_sealed"
        )
        assert opened == app.secret.encode()
        assert not {code.encode() for code in codes} & set(hashes)

    async def test_without_a_fresh_proof_nobody_sets_up_a_factor(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        """A stolen access token must not lock its owner out."""
        caller = await signed_in_user(identity)
        refused = await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        assert refused.status_code == 403
        assert refused.json()["code"] == "step_up_needed"
        assert refused.json()["fields"] == {"methods": "password"}
        stepped = await step_up(
            client, caller.headers, {"method": "password", "password": PASSWORD}
        )
        assert stepped.status_code == 200
        headers = {"Authorization": f"Bearer {stepped.json()['access_token']}"}
        assert (await client.post(f"{AUTH}/mfa/setup", headers=headers)).status_code == 200
        clock.advance_to(clock.now_ns() + (limits.STEP_UP_SECONDS + 1) * NANOSECONDS)
        stale = await client.post(f"{AUTH}/mfa/setup", headers=headers)
        assert stale.json()["code"] == "step_up_needed"

    async def test_a_wrong_code_changes_nothing_and_may_be_corrected(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        caller = await fresh_user(identity)
        setup = await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        app = AuthenticatorApp(setup.json()["manual_key"], clock)
        for code in (app.wrong_code(), "12345", "abcdef"):
            wrong = await client.post(
                f"{AUTH}/mfa/verify", json={"code": code}, headers=caller.headers
            )
            assert (wrong.status_code, wrong.json()["code"]) == (422, "totp_code_wrong")
        assert not (await factors(client, caller.headers))["totp"]
        right = await client.post(
            f"{AUTH}/mfa/verify", json={"code": app.code()}, headers=caller.headers
        )
        assert right.status_code == 200

    async def test_a_set_up_bears_ten_attempts(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        caller = await fresh_user(identity)
        setup = await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        app = AuthenticatorApp(setup.json()["manual_key"], clock)
        for _ in range(limits.TOTP_SETUP_ATTEMPTS_MAX):
            body = {"code": app.wrong_code()}
            await client.post(f"{AUTH}/mfa/verify", json=body, headers=caller.headers)
        late = await client.post(
            f"{AUTH}/mfa/verify", json={"code": app.code()}, headers=caller.headers
        )
        assert (late.status_code, late.json()["code"]) == (409, "totp_setup_missing")

    async def test_a_set_up_ends(
        self, client: httpx.AsyncClient, identity: Identity, redis: Redis
    ) -> None:
        caller = await fresh_user(identity)
        await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        (key,) = await redis.keys("identity:totp_setup:*")
        assert 0 < await redis.ttl(key) <= limits.TOTP_SETUP_SECONDS

    async def test_a_code_of_a_set_up_belongs_to_the_session_that_began_it(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        caller = await fresh_user(identity)
        setup = await client.post(f"{AUTH}/mfa/setup", headers=caller.headers)
        app = AuthenticatorApp(setup.json()["manual_key"], clock)
        elsewhere = await log_in(client)
        headers = {"Authorization": f"Bearer {elsewhere['access_token']}"}
        refused = await client.post(
            f"{AUTH}/mfa/verify", json={"code": app.code()}, headers=headers
        )
        assert refused.json()["code"] == "totp_setup_missing"

    async def test_the_app_in_use_works_until_the_new_one_is_verified(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        setup = await client.post(f"{AUTH}/mfa/setup", headers=ada.headers)
        assert setup.status_code == 200
        challenge = (await log_in(client))["challenge"]
        signed_in = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert signed_in.status_code == 200
        new = AuthenticatorApp(setup.json()["manual_key"], clock)
        done = await client.post(
            f"{AUTH}/mfa/verify", json={"code": new.code()}, headers=ada.headers
        )
        assert not set(done.json()["codes"]) & set(ada.codes)
        challenge = (await log_in(client))["challenge"]
        former = await second_factor(client, challenge, totp(ada.app.next_code()))
        assert former.status_code == 401
        assert (await second_factor(client, challenge, totp(new.code()))).status_code == 200

    async def test_removing_needs_a_step_up_and_takes_the_recovery_codes_along(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, database: Database
    ) -> None:
        ada = await member(client, identity, clock)
        clock.advance_to(clock.now_ns() + (limits.STEP_UP_SECONDS + 1) * NANOSECONDS)
        stale = await client.delete(f"{AUTH}/mfa", headers=ada.headers)
        assert stale.json()["code"] == "step_up_needed"
        assert stale.json()["fields"] == {"methods": "totp recovery_code"}
        stepped = await step_up(client, ada.headers, totp(ada.app.code()))
        headers = {"Authorization": f"Bearer {stepped.json()['access_token']}"}
        assert (await client.delete(f"{AUTH}/mfa", headers=headers)).status_code == 204
        found = await factors(client, headers)
        assert (found["totp"], found["recovery_codes_left"]) == (False, 0)
        assert (await log_in(client))["status"] == "signed_in"
        again = await client.delete(f"{AUTH}/mfa", headers=headers)
        assert (again.status_code, again.json()["code"]) == (404, "totp_missing")
        assert await events(database, "factor.totp_removed") == [("success", "{}")]


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
        wanted = [min(30 * 2**n, limits.PROOF_PAUSE_SECONDS_MAX) for n in range(8)]
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


class TestSteppingUp:
    async def test_it_gives_a_token_of_the_same_session_that_is_fresh_for_five_minutes(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await signed_in_user(identity)
        stepped = await step_up(
            client, caller.headers, {"method": "password", "password": PASSWORD}
        )
        assert stepped.json()["step_up_expires_in"] == limits.STEP_UP_SECONDS
        before = identity.authenticator.verify(str(caller.tokens["access_token"]))
        after = identity.authenticator.verify(stepped.json()["access_token"])
        assert (before.id, before.session_id) == (after.id, after.session_id)
        assert (before.stepped_up_at_ns, after.stepped_up_at_ns is None) == (None, False)
        assert await events(database, "step_up") == [("success", '{"method":"password"}')]

    async def test_with_a_factor_the_password_alone_is_no_step_up(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        refused = await step_up(client, ada.headers, {"method": "password", "password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_refused")

    @pytest.mark.parametrize(
        "proof",
        [
            {"method": "password", "password": "not the password at all"},
            {"method": "totp", "code": "123456"},
            {"method": "recovery_code", "code": "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA"},
            {"method": "recovery_code", "code": "no code"},
        ],
        ids=lambda proof: str(proof["method"]),
    )
    async def test_a_wrong_or_missing_proof_is_refused_and_recorded(
        self,
        client: httpx.AsyncClient,
        identity: Identity,
        database: Database,
        proof: dict[str, str],
    ) -> None:
        caller: Caller = await signed_in_user(identity)
        refused = await step_up(client, caller.headers, proof)
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_refused")
        assert await events(database, "step_up") == [
            ("failure", f'{{"method":"{proof["method"]}"}}')
        ]

    @pytest.mark.parametrize(
        "proof", [{}, {"method": "magic"}, {"method": "totp"}, {"method": "totp", "code": 1}, []]
    )
    async def test_a_proof_of_no_known_form_is_invalid(
        self, client: httpx.AsyncClient, identity: Identity, proof: Any
    ) -> None:
        caller = await signed_in_user(identity)
        refused = await step_up(client, caller.headers, proof)
        assert refused.status_code == 422
        assert any(name.startswith("proof") for name in refused.json()["fields"])


async def test_a_stolen_database_row_of_another_account_opens_nothing(
    client: httpx.AsyncClient, identity: Identity, clock: ScaledClock, database: Database
) -> None:
    """The vault binds a key to its owner: Eve's sealed key, copied over Ada's, is broken."""
    ada = await member(client, identity, clock)
    eve = await member(client, identity, clock, "eve@example.com")
    async with database.writing() as session:
        await session.execute(
            text(
                "UPDATE totp_factor SET secret_sealed = "
                "(SELECT secret_sealed FROM totp_factor WHERE user_id = :eve) WHERE user_id = :ada"
            ),
            {"eve": eve.caller.id, "ada": ada.caller.id},
        )
    refused = await step_up(client, ada.headers, totp(eve.app.next_code()))
    assert (refused.status_code, refused.json()["code"]) == (500, "seal_broken")


async def forget_guesses(redis: Redis) -> None:
    for key in await redis.keys("identity:proof_attempts:*"):
        await redis.delete(key)


async def end_pause(redis: Redis) -> None:
    """Move the end of the pause into the past: nobody waits in a test."""
    for key in await redis.keys("identity:proof_attempts:*"):
        await redis.hset(key, "pause_ends", 0)
