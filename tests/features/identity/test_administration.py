"""Administration over HTTP: who may, what it does at once, what it leaves in the trail."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from sqlalchemy import text
from tests.fixtures.api import Caller, add_user, signed_in_user
from tests.fixtures.mail import Post

from optix.features.identity.administration import LastAdministrator
from optix.features.identity.permissions import ROLE_PERMISSIONS, Permission, may
from optix.features.identity.schemas_admin import AdminUserUpdate
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit
from optix.platform.db import Database
from optix.platform.origin import SYSTEM_ORIGIN

pytestmark = pytest.mark.stores
ADMIN = "/api/v1/admin"
ROUTES = [
    ("GET", "/users"),
    ("GET", "/users/{id}"),
    ("PATCH", "/users/{id}"),
    ("GET", "/users/{id}/sessions"),
    ("DELETE", "/users/{id}/sessions"),
    ("GET", "/audit"),
    ("POST", "/audit/verify"),
    ("GET", "/health"),
]


def test_only_administrators_have_permissions() -> None:
    assert ROLE_PERMISSIONS["user"] == frozenset()
    assert all(may("admin", permission) for permission in Permission)


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_user_gets_nowhere_also_with_a_fresh_proof(
    client: httpx.AsyncClient, caller: Caller, method: str, path: str
) -> None:
    body = {"role": "admin"} if method == "PATCH" else None
    answer = await client.request(
        method, ADMIN + path.format(id=caller.id), json=body, headers=caller.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")


@pytest.mark.parametrize(("method", "path"), [ROUTES[2], ROUTES[4]])
async def test_what_changes_others_takes_a_fresh_proof(
    client: httpx.AsyncClient, identity: Identity, caller: Caller, method: str, path: str
) -> None:
    stale = await signed_in_user(identity, "stale@example.com", role="admin")
    body = {"disabled": True} if method == "PATCH" else None
    answer = await client.request(
        method, ADMIN + path.format(id=caller.id), json=body, headers=stale.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_needed")
    assert answer.json()["fields"]["methods"] == "password"


class TestUsers:
    async def test_they_are_listed_in_pages_without_a_gap_or_a_repetition(
        self, client: httpx.AsyncClient, identity: Identity, admin: Caller
    ) -> None:
        for number in range(limits.ADMIN_PAGE_MAX + 5):
            await add_user(identity, f"user{number}@example.com", password=None)
        seen: list[str] = []
        cursor: str | None = None
        while True:
            parameters = {"cursor": cursor} if cursor else {}
            page = await client.get(f"{ADMIN}/users", params=parameters, headers=admin.headers)
            assert len(page.json()["users"]) <= limits.ADMIN_PAGE_MAX
            seen += [user["id"] for user in page.json()["users"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        everybody = limits.ADMIN_PAGE_MAX + 5 + 3  # the admin here and two of development
        assert len(seen) == len(set(seen)) == everybody

    @pytest.mark.parametrize(
        ("words", "found"),
        [
            ("ada@", {"ada@example.com"}),
            ("ADA", {"ada@example.com"}),
            ("lovelace", {"ada@example.com"}),
            ("example", {"ada@example.com", "root@example.com"}),
            ("%", set()),
            ("_da", set()),
            ("'; DROP TABLE user_account; --", set()),
        ],
    )
    async def test_a_search_looks_for_the_words_as_they_are(
        self,
        client: httpx.AsyncClient,
        identity: Identity,
        admin: Caller,
        words: str,
        found: set[str],
    ) -> None:
        await add_user(identity, display_name="Ada Lovelace")
        answer = await client.get(f"{ADMIN}/users", params={"q": words}, headers=admin.headers)
        assert {user["email"] for user in answer.json()["users"]} == found

    async def test_disabling_signs_out_at_once_and_enabling_lets_in_again(
        self, client: httpx.AsyncClient, admin: Caller, caller: Caller, post: Post
    ) -> None:
        path = f"{ADMIN}/users/{caller.id}"
        disabled = await client.patch(path, json={"disabled": True}, headers=admin.headers)
        assert disabled.json()["disabled_at"] is not None
        ended = await client.get("/api/v1/users/me", headers=caller.headers)
        assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
        refresh = {"refresh_token": caller.tokens["refresh_token"]}
        assert (await client.post("/api/v1/auth/refresh", json=refresh)).status_code == 401
        await post.deliver()
        assert [mail.subject for mail in post.outbox.to(caller.email)] == [
            "Your OPTIX account was disabled"
        ]
        enabled = await client.patch(path, json={"disabled": False}, headers=admin.headers)
        assert enabled.json()["disabled_at"] is None

    async def test_a_changed_role_counts_at_once_because_old_tokens_do_not(
        self, client: httpx.AsyncClient, identity: Identity, admin: Caller
    ) -> None:
        other = await signed_in_user(identity, "other@example.com", role="admin")
        path = f"{ADMIN}/users/{other.id}"
        changed = await client.patch(path, json={"role": "user"}, headers=admin.headers)
        assert changed.json()["role"] == "user"
        assert (await client.get(f"{ADMIN}/users", headers=other.headers)).status_code == 401

    async def test_a_change_of_nothing_signs_nobody_out(
        self, client: httpx.AsyncClient, admin: Caller, caller: Caller
    ) -> None:
        for body in ({}, {"role": "user"}, {"disabled": False}):
            path = f"{ADMIN}/users/{caller.id}"
            assert (await client.patch(path, json=body, headers=admin.headers)).status_code == 200
        assert (await client.get("/api/v1/users/me", headers=caller.headers)).status_code == 200

    async def test_an_unknown_user_is_404(self, client: httpx.AsyncClient, admin: Caller) -> None:
        for method, path in ROUTES[1:5]:
            body = {"disabled": True} if method == "PATCH" else None
            answer = await client.request(
                method, ADMIN + path.format(id=new_uuid()), json=body, headers=admin.headers
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


class TestLastAdministrator:
    async def test_nobody_removes_the_last_one(
        self, identity: Identity, database: Database
    ) -> None:
        admin = await signed_in_user(identity, role="admin")
        user = identity.authenticator.verify(str(admin.tokens["access_token"]))
        for change in (AdminUserUpdate(role="user"), AdminUserUpdate(disabled=True)):
            with pytest.raises(LastAdministrator):
                await identity.administration.change_user(user, user.id, change, SYSTEM_ORIGIN)

    async def test_two_who_remove_each_other_at_once_leave_one(
        self, identity: Identity, database: Database
    ) -> None:
        admins = [
            identity.authenticator.verify(
                str((await signed_in_user(identity, email, role="admin")).tokens["access_token"])
            )
            for email in ("one@example.com", "two@example.com")
        ]
        change = AdminUserUpdate(role="user")
        outcomes = await asyncio.gather(
            *(
                identity.administration.change_user(me, UserId(other.id), change, SYSTEM_ORIGIN)
                for me, other in (admins, admins[::-1])
            ),
            return_exceptions=True,
        )
        assert sorted(type(o).__name__ for o in outcomes) == ["AdminUser", "LastAdministrator"]
        async with database.reading() as session:
            left = await session.scalar(
                text("SELECT count(*) FROM user_account WHERE role = 'admin'")
            )
        assert left == 1


class TestSessions:
    async def test_they_are_seen_and_ended(
        self, client: httpx.AsyncClient, admin: Caller, caller: Caller
    ) -> None:
        path = f"{ADMIN}/users/{caller.id}/sessions"
        (listed,) = (await client.get(path, headers=admin.headers)).json()["sessions"]
        assert listed["current"] is False
        assert (await client.delete(path, headers=admin.headers)).json() == {"ended": 1}
        assert (await client.get("/api/v1/users/me", headers=caller.headers)).status_code == 401
        assert (await client.get(path, headers=admin.headers)).json() == {"sessions": []}


class TestTrail:
    async def test_it_says_who_did_what_to_whom_and_pages(
        self,
        client: httpx.AsyncClient,
        admin: Caller,
        caller: Caller,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        await client.patch(
            f"{ADMIN}/users/{caller.id}", json={"disabled": True}, headers=admin.headers
        )
        answer = await client.get(
            f"{ADMIN}/audit", params={"kind": "account."}, headers=admin.headers
        )
        (event,) = answer.json()["events"]
        assert (event["kind"], event["outcome"]) == ("account.changed", "success")
        assert (event["user_id"], event["actor_id"]) == (caller.id, admin.id)
        assert event["detail"] == {"role": "user", "disabled": True}
        monkeypatch.setattr(limits, "ADMIN_PAGE_MAX", 1)
        seen: list[int] = []
        cursor: str | None = None
        while True:
            parameters = {"cursor": cursor} if cursor else {}
            page = (
                await client.get(f"{ADMIN}/audit", params=parameters, headers=admin.headers)
            ).json()
            seen += [one["seq"] for one in page["events"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(set(seen), reverse=True)
        assert len(seen) >= 3

    @pytest.mark.parametrize(
        "cursor", ["x", "-1", "9" * (limits.CURSOR_DIGITS_MAX + 1), "٣", "1.5"]
    )
    async def test_a_cursor_of_somebody_else_is_refused(
        self, client: httpx.AsyncClient, admin: Caller, cursor: str
    ) -> None:
        for path in ("audit", "users"):
            answer = await client.get(
                f"{ADMIN}/{path}", params={"cursor": cursor}, headers=admin.headers
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unreadable")

    async def test_verifying_says_intact_and_leaves_a_trace(
        self, client: httpx.AsyncClient, admin: Caller, database: Database
    ) -> None:
        answer = await client.post(f"{ADMIN}/audit/verify", headers=admin.headers)
        assert answer.json()["intact"] is True
        assert answer.json()["checked"] >= 1
        async with database.reading() as session:
            (newest, *_) = await audit.list_events(session)
        assert newest.event.kind == "audit.verified"


async def test_health_names_the_worker_and_its_dead_letters(
    client: httpx.AsyncClient, admin: Caller, database: Database
) -> None:
    async def worker() -> dict[str, object]:
        answer = (await client.get(f"{ADMIN}/health", headers=admin.headers)).json()
        (found,) = [part for part in answer["components"] if part["name"] == "worker"]
        assert {part["name"] for part in answer["components"]} >= {"postgresql", "redis"}
        return dict(found)

    assert (await worker())["ok"] is True
    async with database.writing() as session:
        await session.execute(text("DELETE FROM jobs.pgqueuer"))  # what signing in has left
        await session.execute(
            text(
                "INSERT INTO jobs.pgqueuer (priority, entrypoint, status) VALUES (0, 'x', 'failed')"
            )
        )
    assert await worker() == {"name": "worker", "ok": False, "detail": "0 waiting, 1 failed"}
    async with database.writing() as session:
        await session.execute(
            text(
                "UPDATE jobs.pgqueuer SET status = 'queued', "
                "execute_after = now() - make_interval(secs => :late)"
            ),
            {"late": limits.JOB_LATE_SECONDS + 480},
        )
    late = await worker()
    assert late["ok"] is False
    assert "oldest 6" in str(late["detail"])
