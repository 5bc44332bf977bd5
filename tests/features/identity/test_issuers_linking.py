"""Linking an issuer to an account, over HTTP against a server of our own."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
from tests.fakes.authenticator import Authenticator
from tests.fakes.issuer import FakeIssuer
from tests.fixtures.api import signed_in_user
from tests.fixtures.factors import add_passkey, fresh_user, kinds, log_in
from tests.fixtures.issuers import ISSUERS, Person, configured, links

from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.platform.db import Database
from optix.ports.issuers import Issuer

pytestmark = pytest.mark.stores


@pytest.fixture
def issuers(acme: FakeIssuer, other: FakeIssuer, clock: ScaledClock) -> Sequence[Issuer]:
    return [configured("acme", acme, clock), configured("other", other, clock)]


class TestLinking:
    async def test_who_is_signed_in_and_stepped_up_links_and_then_signs_in_by_it(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity, database: Database
    ) -> None:
        ada = await fresh_user(identity)
        acme.person["email"] = "private@example.org"
        person = Person(client, acme, headers=ada.headers)
        linked = await person.finish(await person.authorized("link"), where="linked")
        assert linked.status_code == 200
        listed = (await client.get(f"{ISSUERS}/linked", headers=ada.headers)).json()["linked"]
        assert listed == [linked.json()]
        assert (listed[0]["issuer"], listed[0]["name"]) == ("acme", "Acme")
        assert listed[0]["email"] == "private@example.org"
        person.headers = {}
        assert (await person.sign_in()).json()["user"]["id"] == ada.id
        assert ("issuer.linked", "success") in await kinds(database)

    async def test_linking_needs_a_fresh_proof(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        caller = await signed_in_user(identity)
        refused = await client.post(f"{ISSUERS}/acme/link", json={}, headers=caller.headers)
        assert refused.json()["code"] == "step_up_needed"

    async def test_a_link_is_finished_by_the_session_that_began_it(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity, database: Database
    ) -> None:
        """An attacker's identity must not get into the victim's account, nor the other way."""
        ada, eve = await fresh_user(identity), await fresh_user(identity, "eve@example.com")
        person = Person(client, acme, headers=ada.headers)
        code = await person.authorized("link")
        person.headers = eve.headers
        refused = await person.finish(code, where="linked")
        assert (refused.status_code, refused.json()["code"]) == (401, "issuer_flow_invalid")
        assert not await links(database)

    async def test_a_link_is_no_sign_in_and_a_sign_in_is_no_link(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity
    ) -> None:
        ada = await fresh_user(identity)
        person = Person(client, acme, headers=ada.headers)
        crossed = await person.finish(await person.authorized("link"))
        assert crossed.json()["code"] == "issuer_flow_invalid"
        crossed = await person.finish(await person.authorized(), where="linked")
        assert crossed.json()["code"] == "issuer_flow_invalid"

    async def test_one_person_at_an_issuer_is_one_account(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity
    ) -> None:
        for email, status in (("ada@example.com", 200), ("eve@example.com", 409)):
            caller = await fresh_user(identity, email)
            person = Person(client, acme, headers=caller.headers)
            linked = await person.finish(await person.authorized("link"), where="linked")
            assert linked.status_code == status
        assert linked.json()["code"] == "issuer_linked_elsewhere"

    async def test_there_is_room_for_ten(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity
    ) -> None:
        ada = await fresh_user(identity)
        person = Person(client, acme, headers=ada.headers)
        for number in range(limits.ISSUERS_PER_USER_MAX + 1):
            acme.person["sub"] = f"person-{number}"
            linked = await person.finish(await person.authorized("link"), where="linked")
        assert (linked.status_code, linked.json()["code"]) == (409, "too_many_issuers")

    async def test_unlinking_needs_a_step_up_and_ends_that_way_in(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity, database: Database
    ) -> None:
        ada = await fresh_user(identity)
        person = Person(client, acme, headers=ada.headers)
        linked = await person.finish(await person.authorized("link"), where="linked")
        address = f"{ISSUERS}/linked/{linked.json()['id']}"
        weak = await log_in(client)
        stale = await client.delete(
            address, headers={"Authorization": f"Bearer {weak['access_token']}"}
        )
        assert stale.json()["code"] == "step_up_needed"
        eve = await fresh_user(identity, "eve@example.com")
        foreign = await client.delete(address, headers=eve.headers)
        assert (foreign.status_code, foreign.json()["code"]) == (404, "issuer_link_not_found")
        assert (await client.delete(address, headers=ada.headers)).status_code == 204
        assert not await links(database)
        assert ("issuer.unlinked", "success") in await kinds(database)

    async def test_the_last_way_in_cannot_be_unlinked(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        tokens = (await Person(client, acme).sign_in()).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        (link,) = (await client.get(f"{ISSUERS}/linked", headers=headers)).json()["linked"]
        refused = await client.delete(f"{ISSUERS}/linked/{link['id']}", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_way_in")
        await add_passkey(client, headers, Authenticator())
        removed = await client.delete(f"{ISSUERS}/linked/{link['id']}", headers=headers)
        assert removed.status_code == 204

    async def test_an_issuer_that_is_no_longer_configured_is_still_listed(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity
    ) -> None:
        tokens = (await Person(client, acme).sign_in()).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        await identity.issuers._issuers.pop("acme").close()
        (link,) = (await client.get(f"{ISSUERS}/linked", headers=headers)).json()["linked"]
        assert link["issuer"] == link["name"] == acme.base_url
        refused = await client.post(f"{ISSUERS}/acme/start", json={})
        assert (refused.status_code, refused.json()["code"]) == (404, "issuer_not_found")
