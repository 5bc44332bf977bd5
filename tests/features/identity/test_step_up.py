"""Stepping up over HTTP: what counts as a fresh proof, and what does not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.fixtures.api import PASSWORD, Caller, signed_in_user
from tests.fixtures.factors import events, member, step_up

from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.platform.db import Database

pytestmark = pytest.mark.stores


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
