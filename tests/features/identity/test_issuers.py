"""Signing in at an issuer over HTTP, from the app that begins to the app that finishes.

The issuer is a server of our own. `Person` is somebody with a browser: what an attacker can see or
send is what the tests take from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from tests.fakes.issuer import FakeIssuer
from tests.fixtures.api import PASSWORD, add_user
from tests.fixtures.factors import AUTH, kinds, member, second_factor
from tests.fixtures.issuers import ISSUERS, Person, configured, links, opened_with

from optix.features.identity.issuers import PARAMETER_LENGTH_MAX
from optix.features.identity.models import UserAccount
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.platform.db import Database
from optix.ports.issuers import Issuer

pytestmark = pytest.mark.stores


@pytest.fixture
def issuers(acme: FakeIssuer, other: FakeIssuer, clock: ScaledClock) -> Sequence[Issuer]:
    return [configured("acme", acme, clock), configured("other", other, clock)]


class TestSigningIn:
    async def test_the_app_sees_who_is_configured(self, client: httpx.AsyncClient) -> None:
        response = await client.get(ISSUERS)
        assert response.json() == {
            "issuers": [{"id": "acme", "name": "Acme"}, {"id": "other", "name": "Other"}]
        }

    @pytest.mark.parametrize("kind", ["native", "web"])
    async def test_an_unknown_person_with_a_verified_address_gets_an_account(
        self, client: httpx.AsyncClient, acme: FakeIssuer, database: Database, kind: str
    ) -> None:
        response = await Person(client, acme, kind).sign_in()
        assert response.status_code == 200
        user = response.json()["user"]
        assert (user["email"], user["display_name"]) == ("ada@example.com", "Ada")
        assert (user["has_password"], user["second_factor"], user["role"]) == (False, False, "user")
        assert (response.json()["refresh_token"] is None) == (kind == "web")
        assert await kinds(database) == [
            ("account.created", "success"),
            ("session.started", "success"),
        ]

    async def test_the_same_person_comes_back_to_the_same_account_whatever_the_address(
        self, client: httpx.AsyncClient, acme: FakeIssuer, database: Database
    ) -> None:
        first = (await Person(client, acme).sign_in()).json()["user"]
        acme.person.update(email="new@example.com", email_verified=False)
        again = (await Person(client, acme).sign_in()).json()["user"]
        assert again["id"] == first["id"]
        assert again["email"] == "ada@example.com"
        (link,) = await links(database)
        assert (link.email, link.last_used_at is None) == ("new@example.com", False)

    async def test_a_sign_in_at_an_issuer_counts_as_a_step_up_where_nothing_else_can(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        """Without a password or a factor there is no other proof, and a first factor needs one."""
        tokens = (await Person(client, acme).sign_in()).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.post(f"{AUTH}/mfa/setup", headers=headers)).status_code == 200

    async def test_a_form_brings_the_browser_back_too(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        person = Person(client, acme, "web")
        back = acme.approve(await person.start())
        response = await client.post(
            f"{ISSUERS}/acme/callback",
            content=urlencode({**back, "user": '{"name": "<script>"}'}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        done = await person.finish(opened_with(response)["code"])
        assert done.status_code == 200

    async def test_an_account_with_a_second_factor_is_asked_for_it(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity, clock: ScaledClock
    ) -> None:
        ada = await member(client, identity, clock)
        person = Person(client, acme, headers=ada.headers)
        linked = await person.finish(await person.authorized("link"), where="linked")
        assert linked.status_code == 200
        person.headers = {}
        answer = (await person.sign_in()).json()
        assert (answer["status"], answer["methods"]) == ("second_factor", ["totp", "recovery_code"])
        proof = {"method": "totp", "code": ada.app.next_code()}
        done = await second_factor(client, answer["challenge"], proof)
        assert done.json()["user"]["id"] == ada.caller.id

    @pytest.mark.parametrize(
        "person",
        [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "no"}],
        ids=str,
    )
    async def test_without_a_verified_address_no_account_is_made(
        self,
        client: httpx.AsyncClient,
        acme: FakeIssuer,
        database: Database,
        person: dict[str, Any],
    ) -> None:
        acme.claims = person
        refused = await Person(client, acme).sign_in()
        assert (refused.status_code, refused.json()["code"]) == (403, "issuer_email_unverified")
        assert not await links(database)

    async def test_a_name_that_cannot_be_shown_is_left_out(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        acme.person["name"] = "A\u202eda" + "x" * 500
        assert (await Person(client, acme).sign_in()).json()["user"]["display_name"] == ""

    async def test_a_disabled_account_stays_out(
        self, client: httpx.AsyncClient, acme: FakeIssuer, database: Database
    ) -> None:
        await Person(client, acme).sign_in()
        async with database.writing() as session:
            await session.execute(text("UPDATE user_account SET disabled_at = now()"))
        refused = await Person(client, acme).sign_in()
        assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled")

    async def test_an_issuer_that_is_away_says_so(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        acme.answers["/.well-known/openid-configuration"] = (503, b"", {})
        refused = await client.post(f"{ISSUERS}/acme/start", json={})
        assert (refused.status_code, refused.json()["code"]) == (503, "issuer_unavailable")

    async def test_who_changes_their_mind_is_told_apart_from_what_fails(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        for error, told in (("access_denied", "cancelled"), ("server_error", "issuer_refused")):
            person = Person(client, acme, "web")
            state = dict(parse_qsl(urlsplit(await person.start()).query))["state"]
            assert await person.come_back({"state": state, "error": error}) == {"error": told}


class TestAttacks:
    async def test_nobody_is_signed_in_to_an_attackers_account(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        """Login CSRF: the victim's browser is sent to a callback that the attacker prepared."""
        attacker, victim = Person(client, acme, "web"), Person(client, acme, "web")
        await victim.start()
        planted = acme.approve(await attacker.start())
        code = (await victim.come_back(planted))["code"]
        refused = await victim.finish(code)
        assert (refused.status_code, refused.json()["code"]) == (401, "issuer_flow_invalid")

    async def test_an_attacker_who_had_a_victim_sign_in_gains_nothing(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        """The victim follows the attacker's link; the code comes out in the victim's browser."""
        attacker = Person(client, acme)
        back = acme.approve(await attacker.start())
        await attacker.come_back(back)  # in the victim's browser
        for guess in (back["code"], back["state"], "x" * 43):
            refused = await attacker.finish(guess)
            assert refused.json()["code"] == "issuer_flow_invalid"

    async def test_a_stolen_code_is_useless_without_the_handle_and_used_up_by_the_try(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        person = Person(client, acme)
        code = await person.authorized()
        stolen = await person.finish(code, handle="x" * 43)
        late = await person.finish(code)
        assert stolen.json()["code"] == late.json()["code"] == "issuer_flow_invalid"
        assert not acme.token_requests

    async def test_a_callback_works_once(self, client: httpx.AsyncClient, acme: FakeIssuer) -> None:
        person = Person(client, acme)
        back = acme.approve(await person.start())
        assert "code" in await person.come_back(back)
        assert await person.come_back(back) == {"error": "issuer_flow_invalid"}

    async def test_a_code_works_once_also_at_once(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        person = Person(client, acme)
        code = await person.authorized()
        answers = await asyncio.gather(*(person.finish(code) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]

    async def test_an_answer_at_the_callback_of_another_issuer_is_a_mix_up(
        self, client: httpx.AsyncClient, acme: FakeIssuer, other: FakeIssuer
    ) -> None:
        person = Person(client, acme, "web")
        back = acme.approve(await person.start())
        assert await person.come_back(back, "other") == {"error": "issuer_flow_invalid"}
        assert not other.token_requests

    async def test_an_answer_in_the_name_of_another_issuer_is_a_mix_up(
        self, client: httpx.AsyncClient, acme: FakeIssuer, other: FakeIssuer, database: Database
    ) -> None:
        person = Person(client, acme)
        back = {**acme.approve(await person.start()), "iss": other.base_url}
        refused = await person.finish((await person.come_back(back))["code"])
        assert (refused.status_code, refused.json()["code"]) == (401, "issuer_answer_refused")
        assert not acme.token_requests
        assert await kinds(database) == [("sign_in.issuer", "failure")]

    async def test_an_identity_of_another_issuer_names_somebody_else(
        self, client: httpx.AsyncClient, acme: FakeIssuer, other: FakeIssuer
    ) -> None:
        """Both issuers know a `person-1`: they are two people."""
        first = (await Person(client, acme).sign_in()).json()["user"]
        other.person["email"] = "eve@example.com"
        second = (await Person(client, other, name="other").sign_in()).json()["user"]
        assert first["id"] != second["id"]

    async def test_a_short_name_given_to_another_issuer_gives_no_account_away(
        self,
        client: httpx.AsyncClient,
        acme: FakeIssuer,
        other: FakeIssuer,
        identity: Identity,
        clock: ScaledClock,
    ) -> None:
        """The operator changes what `acme` is: the same subject there is not the same person."""
        await Person(client, acme).sign_in()
        await identity.issuers._issuers["acme"].close()
        identity.issuers._issuers["acme"] = configured("acme", other, clock)
        refused = await Person(client, other).sign_in()
        assert refused.json()["code"] == "issuer_account_exists"

    async def test_an_account_is_never_linked_by_its_address(
        self, client: httpx.AsyncClient, acme: FakeIssuer, identity: Identity, database: Database
    ) -> None:
        await add_user(identity, "Ada@Example.com")
        refused = await Person(client, acme).sign_in()
        assert (refused.status_code, refused.json()["code"]) == (409, "issuer_account_exists")
        assert not await links(database)

    async def test_two_first_sign_ins_at_once_make_one_account(
        self, client: httpx.AsyncClient, acme: FakeIssuer, database: Database
    ) -> None:
        people = [Person(client, acme) for _ in range(3)]
        codes = [await person.authorized() for person in people]
        answers = await asyncio.gather(
            *(person.finish(code) for person, code in zip(people, codes, strict=True))
        )
        assert {each.status_code for each in answers} <= {200, 409}
        assert any(each.status_code == 200 for each in answers)
        async with database.reading() as session:
            emails = (await session.scalars(select(UserAccount.email))).all()
        assert emails.count("ada@example.com") == 1

    async def test_what_was_begun_on_the_web_is_not_finished_in_an_app(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        person = Person(client, acme, "web")
        code = await person.authorized()
        person.kind = "native"
        assert (await person.finish(code)).json()["code"] == "issuer_flow_invalid"

    @pytest.mark.parametrize(
        "came",
        [
            {},
            {"state": ""},
            {"state": "x"},
            {"code": "x"},
            {"state": "*", "code": "x"},
            {"state": "x", "code": "https://evil.example"},
            {"error": "https://evil.example"},
        ],
    )
    async def test_the_callback_sends_nobody_elsewhere(
        self, client: httpx.AsyncClient, came: dict[str, str]
    ) -> None:
        for name in ("acme", "unknown"):
            asked = await client.get(f"{ISSUERS}/{name}/callback", params=came)
            posted = await client.post(f"{ISSUERS}/{name}/callback", content=urlencode(came))
            assert opened_with(asked) == opened_with(posted) == {"error": "issuer_flow_invalid"}

    @pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 50, b"state=%00", b"", b"{}"])
    async def test_junk_at_the_callback_leads_to_the_app(
        self, client: httpx.AsyncClient, body: bytes
    ) -> None:
        response = await client.post(f"{ISSUERS}/acme/callback", content=body)
        assert opened_with(response) == {"error": "issuer_flow_invalid"}

    async def test_a_parameter_may_be_as_long_as_the_bound(
        self, client: httpx.AsyncClient, acme: FakeIssuer
    ) -> None:
        for length, status in ((PARAMETER_LENGTH_MAX, 303), (PARAMETER_LENGTH_MAX + 1, 422)):
            came = {"state": "x", "code": "y" * length}
            assert (
                await Person(client, acme).http.get(f"{ISSUERS}/acme/callback", params=came)
            ).status_code == status

    async def test_redis_holds_the_secrets_of_a_flow_for_minutes_and_no_handle(
        self, client: httpx.AsyncClient, acme: FakeIssuer, redis: Redis
    ) -> None:
        person = Person(client, acme)
        address = await person.start()
        (key,) = await redis.keys("identity:issuer_flow:*")
        assert 0 < await redis.ttl(key) <= limits.ISSUER_FLOW_SECONDS
        assert person.handle not in str(await redis.get(key))
        await person.come_back(acme.approve(address))
        (key,) = await redis.keys("identity:issuer_code:*")
        assert 0 < await redis.ttl(key) <= limits.ISSUER_CODE_SECONDS
        assert person.handle not in str(await redis.get(key))


async def test_a_password_cannot_be_guessed_for_who_has_none(
    client: httpx.AsyncClient, acme: FakeIssuer
) -> None:
    await Person(client, acme).sign_in()
    refused = await client.post(
        f"{AUTH}/login", json={"email": "ada@example.com", "password": PASSWORD}
    )
    assert refused.json()["code"] == "wrong_credentials"
