"""Setting up and removing an authenticator app, over HTTP on real stores."""

from __future__ import annotations

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from tests.fixtures.api import PASSWORD, signed_in_user
from tests.fixtures.factors import (
    AUTH,
    ME,
    AuthenticatorApp,
    events,
    factors,
    fresh_user,
    log_in,
    member,
    second_factor,
    set_up_totp,
    step_up,
    totp,
)

from optix.features.identity.models_factors import RecoveryCode, TotpFactor
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform.db import Database
from optix.platform.vault import Vault

pytestmark = pytest.mark.stores


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
