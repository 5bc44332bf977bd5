"""Passkeys over HTTP: a device with real keys signs up and in, and a thief's device does not."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from tests.fakes.authenticator import Authenticator, tampered
from tests.fixtures.api import (
    BASE_URL,
    ORIGIN,
    Caller,
    add_user,
    sign_in,
    signed_in_user,
)
from tests.fixtures.factors import (
    AUTH,
    ME,
    add_passkey,
    fresh_user,
    kinds,
    log_in,
    member,
    passkey_answer,
    second_factor,
    step_up,
)

from optix.features.identity.models_factors import Passkey
from optix.features.identity.service import Identity
from optix.features.identity.sessions import to_tokens
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import UserId
from optix.platform.db import Database

pytestmark = pytest.mark.stores

PASSKEYS = f"{AUTH}/passkeys"


async def sign_in_by_passkey(
    client: httpx.AsyncClient, device: Authenticator, kind: str = "native"
) -> httpx.Response:
    answer = await passkey_answer(client, device, client=kind)
    return await client.post(f"{PASSKEYS}/authentication", json={**answer, "client": kind})


async def only_passkey(database: Database) -> Passkey:
    async with database.reading() as session:
        return (await session.scalars(select(Passkey))).one()


class TestAdding:
    async def test_the_first_factor_comes_with_recovery_codes(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        added = await add_passkey(client, caller.headers, Authenticator(), "Ada's phone")
        assert added.status_code == 201
        assert added.headers["location"] == PASSKEYS
        assert len(added.json()["recovery_codes"]) == 10
        second = await add_passkey(client, caller.headers, Authenticator())
        assert second.json()["recovery_codes"] is None
        listed = (await client.get(PASSKEYS, headers=caller.headers)).json()["passkeys"]
        assert [each["name"] for each in listed] == ["Ada's phone", "Phone"]
        assert all(each["synced"] and each["backed_up"] for each in listed)
        assert not any(each["suspect"] or each["last_used_at"] for each in listed)
        me = (await client.get(ME, headers=caller.headers)).json()
        assert me["second_factor"] is True
        assert (await kinds(database)).count(("passkey.added", "success")) == 2

    async def test_beginning_needs_a_fresh_proof(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await signed_in_user(identity)
        refused = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
        assert refused.json()["code"] == "step_up_needed"

    async def test_finishing_without_having_begun_is_refused(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        options = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
        body = {
            "handle": options.json()["handle"],
            "credential": device.create(options.json()["options"]),
            "name": "Phone",
        }
        other = await fresh_user(identity, "eve@example.com")
        for headers in (other.headers, caller.headers):  # taken by the first try, whoever tries
            refused = await client.post(f"{PASSKEYS}/registration", json=body, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (422, "passkey_refused")

    async def test_a_ceremony_ends_after_five_minutes(
        self, client: httpx.AsyncClient, identity: Identity, redis: Redis
    ) -> None:
        caller = await fresh_user(identity)
        options = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
        assert options.json()["expires_in"] == limits.PASSKEY_CEREMONY_SECONDS == 300
        (key,) = await redis.keys("identity:passkey:*")
        assert 0 < await redis.ttl(key) <= 300

    async def test_a_device_is_told_which_passkeys_exist(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        options = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
        excluded = options.json()["options"]["excludeCredentials"]
        assert len(excluded) == 1
        with pytest.raises(AssertionError, match="has one already"):
            device.create(options.json()["options"])

    async def test_a_passkey_of_another_account_cannot_be_taken_over(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        """An attacker who knows the public id of a passkey registers an own key under it."""
        ada = await fresh_user(identity)
        device, thief = Authenticator(), Authenticator()
        await add_passkey(client, ada.headers, device)
        eve = await fresh_user(identity, "eve@example.com")
        options = await client.post(f"{PASSKEYS}/registration/options", headers=eve.headers)
        wanted = device.keys[0].id
        body = {
            "handle": options.json()["handle"],
            "credential": thief.create(options.json()["options"], credential_id=wanted),
        }
        refused = await client.post(f"{PASSKEYS}/registration", json=body, headers=eve.headers)
        assert refused.json()["code"] == "passkey_refused"
        assert str((await only_passkey(database)).user_id) == ada.id

    async def test_there_is_room_for_twenty(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        options = f"{PASSKEYS}/registration/options"
        early = (await client.post(options, headers=caller.headers)).json()
        for _ in range(limits.PASSKEYS_PER_USER_MAX):
            added = await add_passkey(client, caller.headers, Authenticator())
            assert added.status_code == 201
        full = await client.post(options, headers=caller.headers)
        assert (full.status_code, full.json()["code"]) == (409, "too_many_passkeys")
        body = {"handle": early["handle"], "credential": Authenticator().create(early["options"])}
        late = await client.post(f"{PASSKEYS}/registration", json=body, headers=caller.headers)
        assert (late.status_code, late.json()["code"]) == (409, "too_many_passkeys")

    @pytest.mark.parametrize("name", ["", "x" * 81, "a\x00b", "a\u202eb"])
    async def test_a_name_that_cannot_be_shown_is_refused(
        self, client: httpx.AsyncClient, identity: Identity, name: str
    ) -> None:
        caller = await fresh_user(identity)
        refused = await add_passkey(client, caller.headers, Authenticator(), name)
        assert refused.status_code == 422

    @pytest.mark.parametrize("field", ["attestationObject", "clientDataJSON"])
    async def test_a_field_may_be_as_long_as_the_bound_and_not_longer(
        self, client: httpx.AsyncClient, identity: Identity, field: str
    ) -> None:
        caller = await fresh_user(identity)
        for length, code in (
            (limits.PASSKEY_FIELD_LENGTH_MAX, "passkey_refused"),
            (limits.PASSKEY_FIELD_LENGTH_MAX + 1, "invalid_input"),
        ):
            options = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
            credential = Authenticator().create(options.json()["options"])
            credential["response"][field] = "A" * length
            body = {"handle": options.json()["handle"], "credential": credential}
            refused = await client.post(
                f"{PASSKEYS}/registration", json=body, headers=caller.headers
            )
            assert (refused.status_code, refused.json()["code"]) == (422, code)


class TestSigningInAlone:
    async def test_a_passkey_says_who_somebody_is_and_counts_as_a_step_up(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        signed_in = await sign_in_by_passkey(client, device)
        assert signed_in.status_code == 200
        assert signed_in.json()["user"]["id"] == caller.id
        headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
        assert (await client.post(f"{AUTH}/mfa/setup", headers=headers)).status_code == 200
        sessions = (await client.get(f"{AUTH}/sessions", headers=headers)).json()["sessions"]
        assert next(each for each in sessions if each["current"])["methods"] == ["passkey"]
        assert (await only_passkey(database)).last_used_at is not None
        assert (await kinds(database))[-1] == ("session.started", "success")

    async def test_the_web_client_gets_a_cookie(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        signed_in = await sign_in_by_passkey(client, device, "web")
        assert signed_in.json()["refresh_token"] is None
        assert "HttpOnly" in signed_in.headers["set-cookie"]

    async def test_asking_tells_nothing_about_anybody(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        await add_passkey(client, caller.headers, Authenticator())
        options = (await client.post(f"{PASSKEYS}/authentication/options", json={})).json()
        assert options["options"]["allowCredentials"] == []

    async def test_an_answer_works_once(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        answer = await passkey_answer(client, device)
        answers = await asyncio.gather(
            *(client.post(f"{PASSKEYS}/authentication", json=answer) for _ in range(4))
        )
        assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]

    async def test_an_answer_to_another_challenge_is_refused(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        first = await passkey_answer(client, device)
        second = await passkey_answer(client, device)
        crossed = {"handle": first["handle"], "credential": second["credential"]}
        refused = await client.post(f"{PASSKEYS}/authentication", json=crossed)
        assert (refused.status_code, refused.json()["code"]) == (401, "proof_wrong")
        assert ("sign_in.passkey", "failure") in await kinds(database)

    async def test_an_answer_for_the_web_does_not_sign_in_an_app(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        answer = await passkey_answer(client, device, client="web")
        refused = await client.post(
            f"{PASSKEYS}/authentication", json={**answer, "client": "native"}
        )
        assert refused.json()["code"] == "proof_wrong"

    async def test_a_passkey_that_is_not_registered_is_refused(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        options = await client.post(f"{PASSKEYS}/registration/options", headers=caller.headers)
        device.create(options.json()["options"])  # and never sent
        assert (await sign_in_by_passkey(client, device)).json()["code"] == "proof_wrong"

    @pytest.mark.parametrize("member_", ["signature", "authenticatorData", "clientDataJSON"])
    async def test_a_changed_answer_is_refused(
        self, client: httpx.AsyncClient, identity: Identity, member_: str
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        answer = await passkey_answer(client, device)
        answer["credential"] = tampered(answer["credential"], member_)
        refused = await client.post(f"{PASSKEYS}/authentication", json=answer)
        assert (refused.status_code, refused.json()["code"]) == (401, "proof_wrong")

    async def test_a_phishing_site_gets_nothing_that_works_here(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        device.origin = BASE_URL.replace("localhost", "localhost.evil.example")
        assert (await sign_in_by_passkey(client, device)).json()["code"] == "proof_wrong"

    async def test_a_disabled_account_stays_out(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        await disable(database, caller)
        refused = await sign_in_by_passkey(client, device)
        assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled")


class TestCounter:
    async def test_a_copied_device_is_found_out(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator(counts=True, synced=False)
        await add_passkey(client, caller.headers, device)
        copied = device.copy()
        assert (await sign_in_by_passkey(client, device)).status_code == 200
        assert (await sign_in_by_passkey(client, copied)).json()["code"] == "proof_wrong"
        assert ("passkey.counter_fell", "failure") in await kinds(database)
        listed = (await client.get(PASSKEYS, headers=caller.headers)).json()["passkeys"]
        assert listed[0]["suspect"] is True
        assert (await only_passkey(database)).sign_count == 1
        assert (await sign_in_by_passkey(client, device)).status_code == 200

    async def test_a_counter_that_falls_to_nothing_is_refused(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator(counts=True, synced=False)
        await add_passkey(client, caller.headers, device)
        await sign_in_by_passkey(client, device)
        device.counts, device.keys[0].counter = False, 0
        assert (await sign_in_by_passkey(client, device)).json()["code"] == "proof_wrong"

    async def test_a_device_that_never_counts_is_no_copy(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        device.backed_up = False
        for _ in range(3):
            assert (await sign_in_by_passkey(client, device)).status_code == 200
        row = await only_passkey(database)
        assert (row.sign_count, row.suspect_since, row.backed_up) == (0, None, False)


class TestAsSecondFactor:
    async def test_a_password_asks_for_the_passkey_and_the_passkey_finishes(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        answer = await log_in(client)
        assert answer["methods"] == ["passkey", "recovery_code"]
        proof = await self._proof(client, device, answer["challenge"])
        done = await second_factor(client, answer["challenge"], proof)
        assert done.status_code == 200
        headers = {"Authorization": f"Bearer {done.json()['access_token']}"}
        sessions = (await client.get(f"{AUTH}/sessions", headers=headers)).json()["sessions"]
        current = next(each for each in sessions if each["current"])
        assert current["methods"] == ["password", "passkey"]

    async def test_the_passkey_of_somebody_else_does_not_finish(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        ada, eve = await fresh_user(identity), await fresh_user(identity, "eve@example.com")
        device, thief = Authenticator(), Authenticator()
        await add_passkey(client, ada.headers, device)
        await add_passkey(client, eve.headers, thief)
        challenge = (await log_in(client))["challenge"]
        options = await client.post(
            f"{PASSKEYS}/authentication/options", json={"challenge": challenge}
        )
        signed = thief.sign(thief.keys[0], options.json()["options"]["challenge"])
        proof = {"method": "passkey", "handle": options.json()["handle"], "credential": signed}
        refused = await second_factor(client, challenge, proof)
        assert refused.json()["code"] == "proof_wrong"

    async def test_an_answer_for_signing_in_alone_is_no_second_factor(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        challenge = (await log_in(client))["challenge"]
        answer = await passkey_answer(client, device)
        refused = await second_factor(client, challenge, {"method": "passkey", **answer})
        assert refused.json()["code"] == "proof_wrong"

    async def test_asking_for_an_unknown_challenge_is_refused(
        self, client: httpx.AsyncClient
    ) -> None:
        refused = await client.post(
            f"{PASSKEYS}/authentication/options", json={"challenge": "unknown"}
        )
        assert (refused.status_code, refused.json()["code"]) == (401, "challenge_invalid")

    async def test_asking_does_not_use_attempts_up(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        challenge = (await log_in(client))["challenge"]
        for _ in range(limits.CHALLENGE_ATTEMPTS_MAX + 1):
            proof = await self._proof(client, device, challenge)
        assert (await second_factor(client, challenge, proof)).status_code == 200

    async def _proof(
        self, client: httpx.AsyncClient, device: Authenticator, challenge: str
    ) -> dict[str, Any]:
        return {
            "method": "passkey",
            **await passkey_answer(client, device, challenge=challenge),
        }


class TestSteppingUp:
    async def test_a_passkey_steps_up_the_session_that_asked(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        await add_passkey(client, caller.headers, device)
        clock.advance_to(clock.now_ns() + (limits.STEP_UP_SECONDS + 1) * NANOSECONDS)
        asked = await client.post(f"{AUTH}/step-up/passkey-options", headers=caller.headers)
        assert len(asked.json()["options"]["allowCredentials"]) == 1
        proof = {
            "method": "passkey",
            "handle": asked.json()["handle"],
            "credential": device.get(asked.json()["options"]),
        }
        elsewhere = to_tokens(await sign_in(identity, UserId(UUID(caller.id))))
        stolen = await step_up(client, {"Authorization": f"Bearer {elsewhere.access_token}"}, proof)
        assert stolen.json()["code"] == "step_up_refused"
        asked = await client.post(f"{AUTH}/step-up/passkey-options", headers=caller.headers)
        proof["handle"] = asked.json()["handle"]
        proof["credential"] = device.get(asked.json()["options"])
        stepped = await step_up(client, caller.headers, proof)
        assert stepped.status_code == 200


class TestKeeping:
    async def test_a_passkey_is_renamed(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await fresh_user(identity)
        added = (await add_passkey(client, caller.headers, Authenticator())).json()
        renamed = await client.patch(
            f"{PASSKEYS}/{added['id']}", json={"name": " Laptop "}, headers=caller.headers
        )
        assert renamed.json()["name"] == "Laptop"

    async def test_another_ones_passkey_is_not_there(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        ada, eve = await fresh_user(identity), await fresh_user(identity, "eve@example.com")
        added = (await add_passkey(client, ada.headers, Authenticator())).json()
        address = f"{PASSKEYS}/{added['id']}"
        renamed = await client.patch(address, json={"name": "Mine"}, headers=eve.headers)
        removed = await client.delete(address, headers=eve.headers)
        assert (renamed.status_code, removed.status_code) == (404, 404)
        assert renamed.json()["code"] == removed.json()["code"] == "passkey_not_found"
        assert (await only_passkey(database)).name == "Phone"

    async def test_removing_the_last_factor_takes_the_recovery_codes_along(
        self, client: httpx.AsyncClient, identity: Identity, database: Database
    ) -> None:
        caller = await fresh_user(identity)
        device = Authenticator()
        added = (await add_passkey(client, caller.headers, device)).json()
        removed = await client.delete(f"{PASSKEYS}/{added['id']}", headers=caller.headers)
        assert removed.status_code == 204
        found = (await client.get(f"{AUTH}/mfa", headers=caller.headers)).json()
        assert (found["passkeys"], found["recovery_codes_left"]) == (0, 0)
        assert (await sign_in_by_passkey(client, device)).json()["code"] == "proof_wrong"
        assert (await log_in(client))["status"] == "signed_in"
        assert ("passkey.removed", "success") in await kinds(database)

    async def test_beside_an_app_the_recovery_codes_stay(
        self, client: httpx.AsyncClient, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        added = (await add_passkey(client, ada.headers, Authenticator())).json()
        assert added["recovery_codes"] is None
        await client.delete(f"{PASSKEYS}/{added['id']}", headers=ada.headers)
        found = (await client.get(f"{AUTH}/mfa", headers=ada.headers)).json()
        assert (found["totp"], found["recovery_codes_left"]) == (True, 10)

    async def test_the_last_way_in_cannot_be_removed_also_not_two_at_once(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        owner = await add_user(identity, password=None)
        tokens = to_tokens(await sign_in(identity, owner, methods=["passkey"], origin=ORIGIN))
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        ids = [(await add_passkey(client, headers, Authenticator())).json()["id"] for _ in range(2)]
        removed = await asyncio.gather(
            *(client.delete(f"{PASSKEYS}/{each}", headers=headers) for each in ids)
        )
        assert sorted(each.status_code for each in removed) == [204, 409]
        refused = next(each for each in removed if each.status_code == 409)
        assert refused.json()["code"] == "last_way_in"
        left = (await client.get(PASSKEYS, headers=headers)).json()["passkeys"]
        assert len(left) == 1


async def disable(database: Database, caller: Caller) -> None:
    async with database.writing() as session:
        await session.execute(
            text("UPDATE user_account SET disabled_at = now() WHERE id = :id"), {"id": caller.id}
        )
