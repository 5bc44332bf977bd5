"""One's own account over HTTP: what needs a fresh proof, what it changes, what it ends."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from sqlalchemy import text
from tests.fixtures.api import PASSWORD, Caller, add_user, sign_in, signed_in_user
from tests.fixtures.mail import Post

from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import UserId
from optix.platform import audit
from optix.platform.db import Base, Database
from optix.platform.origin import SYSTEM_ORIGIN

pytestmark = pytest.mark.stores
ME = "/api/v1/users/me"
AUTH = "/api/v1/auth"
NEW = "seven quiet marble bicycles"

FRESH_ROUTES = [
    ("POST", f"{AUTH}/password", {"new_password": NEW}),
    ("POST", f"{ME}/email", {"email": "new@example.com"}),
    ("POST", f"{ME}/export", None),
    ("DELETE", ME, None),
]


@pytest.mark.parametrize(("method", "path", "body"), FRESH_ROUTES)
class TestFreshProof:
    async def test_without_one_it_is_asked_for_with_the_ways_to_give_it(
        self,
        client: httpx.AsyncClient,
        identity: Identity,
        method: str,
        path: str,
        body: dict[str, str] | None,
    ) -> None:
        stale = await signed_in_user(identity)
        answer = await client.request(method, path, json=body, headers=stale.headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_needed")
        assert answer.json()["fields"]["methods"] == "password"
        assert (await client.get(ME, headers=stale.headers)).status_code == 200

    async def test_it_counts_for_five_minutes(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        clock: ScaledClock,
        method: str,
        path: str,
        body: dict[str, str] | None,
    ) -> None:
        proved_ns = clock.now_ns() // NANOSECONDS * NANOSECONDS
        clock.advance_to(proved_ns + limits.STEP_UP_SECONDS * NANOSECONDS + 1)
        late = await client.request(method, path, json=body, headers=caller.headers)
        assert late.status_code == 403

    async def test_in_its_last_moment_it_still_counts(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        clock: ScaledClock,
        method: str,
        path: str,
        body: dict[str, str] | None,
    ) -> None:
        proved_ns = clock.now_ns() // NANOSECONDS * NANOSECONDS
        clock.advance_to(proved_ns + limits.STEP_UP_SECONDS * NANOSECONDS)
        answer = await client.request(method, path, json=body, headers=caller.headers)
        assert answer.status_code < 300


class TestPreferences:
    async def test_they_are_kept_whole_and_come_back(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        wanted = {
            "theme": "dark",
            "direction_colours": "blue_orange",
            "time_zone": "Europe/Berlin",
            "security_mails": False,
        }
        changed = await client.patch(ME, json={"preferences": wanted}, headers=caller.headers)
        assert changed.json()["preferences"] == wanted
        seen = await client.get(ME, headers=caller.headers)
        assert seen.json()["preferences"] == wanted
        renamed = await client.patch(ME, json={"display_name": "Countess"}, headers=caller.headers)
        assert renamed.json()["preferences"] == wanted


class TestPassword:
    async def test_the_new_one_works_and_other_devices_are_out(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, post: Post
    ) -> None:
        there = await sign_in(identity, id_of(caller))
        body = {"new_password": NEW}
        answer = await client.post(f"{AUTH}/password", json=body, headers=caller.headers)
        assert answer.status_code == 204
        assert (await client.get(ME, headers=caller.headers)).status_code == 200
        elsewhere = {"Authorization": f"Bearer {there.access_token}"}
        assert (await client.get(ME, headers=elsewhere)).status_code == 401
        for password, status in ((NEW, 200), (PASSWORD, 401)):
            credentials = {"email": caller.email, "password": password}
            assert (await client.post(f"{AUTH}/login", json=credentials)).status_code == status
        await post.deliver()
        assert any("password was changed" in mail.subject for mail in post.outbox.sent)

    async def test_a_weak_one_is_refused(self, client: httpx.AsyncClient, caller: Caller) -> None:
        answer = await client.post(
            f"{AUTH}/password", json={"new_password": "password12345"}, headers=caller.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "password_too_weak")

    async def test_its_strength_is_told_before_it_is_chosen(
        self, client: httpx.AsyncClient
    ) -> None:
        told = await client.post(f"{AUTH}/password-strength", json={"password": "1234567890"})
        assert told.json() == {
            "score": 0,
            "acceptable": False,
            "breached": True,
            "warning": "It is on lists of passwords that leaked elsewhere.",
            "suggestions": told.json()["suggestions"],
        }
        good = await client.post(f"{AUTH}/password-strength", json={"password": NEW})
        assert good.json()["acceptable"] is True


class TestEmail:
    async def test_the_code_moves_the_account_and_the_old_address_is_told(
        self, client: httpx.AsyncClient, caller: Caller, post: Post
    ) -> None:
        begun = await client.post(
            f"{ME}/email", json={"email": "new@example.com"}, headers=caller.headers
        )
        assert begun.status_code == 202
        code = await post.code_for("new@example.com")
        body = {"change_id": begun.json()["change_id"], "code": code}
        moved = await client.post(f"{ME}/email/confirm", json=body, headers=caller.headers)
        assert moved.json()["email"] == "new@example.com"
        await post.deliver()
        assert [mail.subject for mail in post.outbox.to(caller.email)] == [
            "A new address for your OPTIX account",
            "Your OPTIX account has a new address",
        ]
        credentials = {"email": "NEW@example.com", "password": PASSWORD}
        assert (await client.post(f"{AUTH}/login", json=credentials)).status_code == 200
        again = await client.post(f"{ME}/email/confirm", json=body, headers=caller.headers)
        assert again.json()["code"] == "mail_code_over"

    async def test_nobody_else_uses_the_code_or_uses_up_the_tries(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, post: Post
    ) -> None:
        begun = await client.post(
            f"{ME}/email", json={"email": "new@example.com"}, headers=caller.headers
        )
        code = await post.code_for("new@example.com")
        bob = await signed_in_user(identity, "bob@example.com")
        body = {"change_id": begun.json()["change_id"], "code": code}
        for _ in range(limits.MAIL_CODE_ATTEMPTS_MAX + 1):
            refused = await client.post(f"{ME}/email/confirm", json=body, headers=bob.headers)
            assert (refused.status_code, refused.json()["code"]) == (404, "mail_code_over")
        moved = await client.post(f"{ME}/email/confirm", json=body, headers=caller.headers)
        assert moved.status_code == 200

    async def test_tries_are_bounded_also_at_once(
        self, client: httpx.AsyncClient, caller: Caller, post: Post
    ) -> None:
        begun = await client.post(
            f"{ME}/email", json={"email": "new@example.com"}, headers=caller.headers
        )
        code = await post.code_for("new@example.com")
        wrong = {
            "change_id": begun.json()["change_id"],
            "code": f"{(int(code) + 1) % 10**8:08d}",
        }
        answers = await asyncio.gather(
            *(
                client.post(f"{ME}/email/confirm", json=wrong, headers=caller.headers)
                for _ in range(12)
            )
        )
        codes = [answer.json()["code"] for answer in answers]
        assert codes.count("mail_code_wrong") == limits.MAIL_CODE_ATTEMPTS_MAX
        right = {**wrong, "code": code}
        late = await client.post(f"{ME}/email/confirm", json=right, headers=caller.headers)
        assert late.status_code == 404

    async def test_it_ends_after_half_an_hour(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, clock: ScaledClock
    ) -> None:
        post = Post(identity)
        user = identity.authenticator.verify(str(caller.tokens["access_token"]))
        origin = SYSTEM_ORIGIN
        begun = await identity.accounts.start_email_change(user, "new@example.com", origin)
        code = await post.code_for("new@example.com")
        clock.advance_to(clock.now_ns() + limits.EMAIL_CHANGE_SECONDS * NANOSECONDS)
        with pytest.raises(Exception, match="cannot be used"):
            await identity.accounts.finish_email_change(user, begun.change_id, code, origin)

    async def test_an_address_with_an_account_cannot_be_taken_and_is_not_told(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, post: Post
    ) -> None:
        await add_user(identity, "taken@example.com")
        begun = await client.post(
            f"{ME}/email", json={"email": "Taken@example.com"}, headers=caller.headers
        )
        assert begun.status_code == 202
        await post.deliver()
        (told,) = post.outbox.to("taken@example.com")
        assert "account already" in told.subject

    async def test_an_address_taken_meanwhile_is_not_taken_twice(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, post: Post
    ) -> None:
        begun = await client.post(
            f"{ME}/email", json={"email": "new@example.com"}, headers=caller.headers
        )
        code = await post.code_for("new@example.com")
        await add_user(identity, "NEW@example.com")
        body = {"change_id": begun.json()["change_id"], "code": code}
        refused = await client.post(f"{ME}/email/confirm", json=body, headers=caller.headers)
        assert refused.status_code == 404
        assert (await client.get(ME, headers=caller.headers)).json()["email"] == caller.email


class TestExport:
    async def test_it_holds_what_is_kept_and_nothing_that_opens_a_door(
        self, client: httpx.AsyncClient, caller: Caller, database: Database
    ) -> None:
        answer = await client.post(f"{ME}/export", headers=caller.headers)
        assert answer.headers["content-disposition"].startswith("attachment")
        exported = answer.json()
        assert exported["account"]["email"] == caller.email
        assert [one["current"] for one in exported["sessions"]] == [True]
        assert "session.started" in {one["kind"] for one in exported["security_events"]}
        said = json.dumps(exported)
        assert "$2b$" not in said
        assert str(caller.tokens["refresh_token"]) not in said
        async with database.reading() as session:
            newest = (await audit.list_events(session, user_id=id_of(caller)))[0]
        assert newest.event.kind == "account.exported"

    async def test_the_trail_in_it_is_bounded(
        self, client: httpx.AsyncClient, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await client.post(f"{ME}/export", headers=caller.headers)
        monkeypatch.setattr(limits, "EXPORTED_EVENTS_MAX", 1)
        exported = (await client.post(f"{ME}/export", headers=caller.headers)).json()
        assert len(exported["security_events"]) == limits.EXPORTED_EVENTS_MAX

    async def test_it_holds_nothing_of_anybody_else(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller
    ) -> None:
        bob = await signed_in_user(identity, "bob@example.com")
        said = (await client.post(f"{ME}/export", headers=caller.headers)).text
        assert "bob@example.com" not in said
        assert bob.id not in said


class TestDelete:
    async def test_everything_goes_but_the_trail(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller, post: Post
    ) -> None:
        bob = await signed_in_user(identity, "bob@example.com")
        there = await sign_in(identity, id_of(caller))
        assert (await client.delete(ME, headers=caller.headers)).status_code == 204
        for token in (caller.tokens["access_token"], there.access_token):
            headers = {"Authorization": f"Bearer {token}"}
            assert (await client.get(ME, headers=headers)).status_code == 401
        body = {"refresh_token": caller.tokens["refresh_token"]}
        assert (await client.post(f"{AUTH}/refresh", json=body)).status_code == 401
        assert (await client.get(ME, headers=bob.headers)).status_code == 200
        await post.deliver()
        assert [mail.subject for mail in post.outbox.to(caller.email)][-1] == (
            "Your OPTIX account was deleted"
        )
        assert await tables_with(identity.database, caller.id) == {"security_event"}

    async def test_the_address_can_begin_anew(
        self, client: httpx.AsyncClient, identity: Identity, caller: Caller
    ) -> None:
        await client.delete(ME, headers=caller.headers)
        await add_user(identity, caller.email)


class TestNewDevice:
    async def test_somebody_is_told_of_a_device_never_seen_unless_they_do_not_want_it(
        self, client: httpx.AsyncClient, identity: Identity, post: Post
    ) -> None:
        await add_user(identity)
        body = {"email": "ada@example.com", "password": PASSWORD}

        async def log_in(agent: str) -> dict[str, str]:
            answer = await client.post(f"{AUTH}/login", json=body, headers={"User-Agent": agent})
            await post.deliver()
            return {"Authorization": f"Bearer {answer.json()['access_token']}"}

        await log_in("Phone/1")
        assert post.outbox.sent == [], "the first one of all is no news"
        await log_in("Phone/1")
        assert post.outbox.sent == []
        headers = await log_in("Laptop/1")
        (told,) = post.outbox.sent
        assert "new sign-in" in told.subject
        assert "Laptop/1" in told.text
        await client.patch(ME, json={"preferences": {"security_mails": False}}, headers=headers)
        await log_in("Tablet/1")
        assert len(post.outbox.sent) == 1


def id_of(caller: Caller) -> UserId:
    from uuid import UUID

    return UserId(UUID(caller.id))


async def tables_with(database: Database, user_id: str) -> set[str]:
    """Return every table that names `user_id` in any column."""
    found: set[str] = set()
    async with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            query = text(f"SELECT count(*) FROM {table.name} t WHERE t::text LIKE :words")
            if await session.scalar(query, {"words": f"%{user_id}%"}):
                found.add(table.name)
    return found
