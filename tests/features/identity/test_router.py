"""Identity over HTTP: what goes over the wire, the web client's cookie, and who sees what."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from tests.fixtures.api import PASSWORD, Caller, add_user, client_of, signed_in_user
from tests.fixtures.mail import Post

from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform.db import Database

pytestmark = pytest.mark.stores

AUTH = "/api/v1/auth"
ME = "/api/v1/users/me"
COOKIE = "optix_refresh"
WEB = {"X-Optix-Client": "web", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
async def web_user(identity: Identity, database: Database) -> None:
    await add_user(identity, "web@example.com")


async def sign_in_web(client: httpx.AsyncClient) -> httpx.Response:
    response = await client.post(
        f"{AUTH}/login",
        json={"email": "web@example.com", "password": PASSWORD, "client": "web"},
    )
    assert response.status_code == 200
    return response


class TestRegister:
    async def test_the_code_signs_in_and_the_answer_says_where_the_account_is(
        self, client: httpx.AsyncClient, post: Post
    ) -> None:
        begun = await client.post(
            f"{AUTH}/register",
            json={"email": "Ada@Example.com", "password": PASSWORD, "display_name": " Ada "},
        )
        assert begun.status_code == 202
        assert set(begun.json()) == {"registration_id", "expires_at"}
        # email-validator lowers the domain, which no mail server tells apart.
        code = await post.code_for("Ada@example.com")
        response = await client.post(
            f"{AUTH}/verify-email",
            json={"registration_id": begun.json()["registration_id"], "code": code},
        )
        assert response.status_code == 201
        assert response.headers["location"] == ME
        assert response.headers["cache-control"] == "no-store"
        tokens = response.json()
        assert (tokens["status"], tokens["expires_in"]) == ("signed_in", 900)
        assert tokens["user"]["display_name"] == "Ada"
        assert tokens["user"]["role"] == "user"

    async def test_a_wrong_code_is_named_and_an_unknown_registration_is_over(
        self, client: httpx.AsyncClient, post: Post
    ) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD}
        begun = (await client.post(f"{AUTH}/register", json=body)).json()
        code = await post.code_for("ada@example.com")
        wrong = {"registration_id": begun["registration_id"], "code": code[::-1] + "1"}
        refused = await client.post(f"{AUTH}/verify-email", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "mail_code_wrong")
        assert "code" in refused.json()["fields"]
        unknown = {"registration_id": str(new_uuid()), "code": code}
        over = await client.post(f"{AUTH}/verify-email", json=unknown)
        assert (over.status_code, over.json()["code"]) == (404, "mail_code_over")

    async def test_nothing_in_an_answer_tells_whether_an_address_has_an_account(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        """Three endpoints, each asked about somebody and about nobody: alike but for ids."""
        for path, rest in (
            ("register", {"password": PASSWORD}),
            ("password-reset", {}),
            ("login", {"password": "not the password"}),
        ):
            answers = [
                await client.post(f"{AUTH}/{path}", json={"email": email, **rest})
                for email in (caller.email, "nobody@example.com")
            ]
            assert len({answer.status_code for answer in answers}) == 1, path
            assert len({len(answer.content) for answer in answers}) == 1, path
            headers = [
                {k: v for k, v in a.headers.items() if not k.startswith(("x-request", "ratelimit"))}
                for a in answers
            ]
            assert headers[0] == headers[1], path

    async def test_a_resend_says_the_same_for_every_id(
        self, client: httpx.AsyncClient, post: Post
    ) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD}
        begun = (await client.post(f"{AUTH}/register", json=body)).json()
        for registration_id in (begun["registration_id"], str(new_uuid())):
            answer = await client.post(
                f"{AUTH}/register/resend", json={"registration_id": registration_id}
            )
            assert (answer.status_code, answer.content) == (202, b"")

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"email": "no address"}, "email"),
            ({"email": "a@b"}, "email"),
            ({"email": "a" * limits.EMAIL_LENGTH_MAX + "@example.com"}, "email"),
            ({"email": "ada@example.com\x00"}, "email"),
            ({"password": "short"}, "password"),
            ({"password": "x" * (limits.PASSWORD_LENGTH_MAX + 1)}, "password"),
            ({"display_name": "x" * (limits.DISPLAY_NAME_LENGTH_MAX + 1)}, "display_name"),
            ({"display_name": "a\x00b"}, "display_name"),
            ({"password": "password12345"}, "password"),
            ({"email": None}, "email"),
            ({"client": "web"}, "client"),
            ({"role": "admin"}, "role"),
            ({"id": "00000000-0000-0000-0000-000000000000"}, "id"),
        ],
    )
    async def test_a_bad_field_is_named_and_what_was_sent_is_not_repeated(
        self, client: httpx.AsyncClient, change: dict[str, str], field: str
    ) -> None:
        body = {"email": "ada@example.com", "password": PASSWORD, **change}
        response = await client.post(f"{AUTH}/register", json=body)
        assert response.status_code == 422
        assert field in response.json()["fields"]
        assert body["password"] not in response.text

    async def test_the_longest_password_is_taken(
        self, client: httpx.AsyncClient, post: Post
    ) -> None:
        password = ("four unrelated green words " * 20)[: limits.PASSWORD_LENGTH_MAX]
        body = {"email": "ada@example.com", "password": password}
        begun = (await client.post(f"{AUTH}/register", json=body)).json()
        code = await post.code_for("ada@example.com")
        verification = {"registration_id": begun["registration_id"], "code": code}
        assert (await client.post(f"{AUTH}/verify-email", json=verification)).status_code == 201
        assert (await client.post(f"{AUTH}/login", json=body)).status_code == 200
        body["password"] = password[:-1]
        assert (await client.post(f"{AUTH}/login", json=body)).status_code == 401


class TestLogin:
    async def test_right_and_wrong(self, client: httpx.AsyncClient, caller: Caller) -> None:
        body = {"email": caller.email, "password": PASSWORD}
        right = await client.post(f"{AUTH}/login", json=body)
        assert right.status_code == 200
        assert right.json()["user"]["id"] == caller.id
        assert right.json()["status"] == "signed_in"
        wrong = await client.post(f"{AUTH}/login", json={**body, "password": "wrong"})
        assert wrong.status_code == 401
        assert wrong.json()["code"] == "wrong_credentials"

    async def test_after_too_many_failures_even_the_right_password_has_to_wait(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        body = {"email": caller.email, "password": "wrong"}
        for _ in range(limits.LOGIN_FAILURES_MAX):
            assert (await client.post(f"{AUTH}/login", json=body)).status_code == 401
        held = await client.post(f"{AUTH}/login", json={**body, "password": PASSWORD})
        assert held.status_code == 429
        assert 0 < int(held.headers["retry-after"]) <= limits.LOGIN_WAIT_SECONDS_FIRST

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("login", {"device_name": "x" * (limits.DEVICE_NAME_LENGTH_MAX + 1)}, "device_name"),
            ("verify-email", {"code": "1" * (limits.MAIL_CODE_LENGTH_MAX + 1)}, "code"),
        ],
    )
    async def test_a_text_beyond_its_bound_is_refused(
        self, client: httpx.AsyncClient, path: str, body: dict[str, str], field: str
    ) -> None:
        refused = await client.post(f"{AUTH}/{path}", json=body)
        assert refused.status_code == 422
        assert "at most" in refused.json()["fields"][field]


class TestTryIt:
    async def test_one_request_signs_in_to_the_development_account(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await client.post(f"{AUTH}/try", json={})
        assert response.status_code == 200
        assert response.json()["user"]["email"] == "test@optix.io"

    async def test_without_the_account_it_says_so(self, new_api_app: Callable[[], FastAPI]) -> None:
        async with client_of(new_api_app()) as unseeded:
            response = await unseeded.post(f"{AUTH}/try", json={})
        assert response.status_code == 404
        assert response.json()["code"] == "try_account_missing"


class TestNativeSession:
    async def test_refresh_rotates_and_logout_ends(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        first = {"refresh_token": caller.tokens["refresh_token"]}
        second = (await client.post(f"{AUTH}/refresh", json=first)).json()
        assert second["refresh_token"] != first["refresh_token"]
        body = {"refresh_token": second["refresh_token"]}
        assert (await client.post(f"{AUTH}/logout", json=body)).status_code == 204
        ended = await client.post(f"{AUTH}/refresh", json=body)
        assert ended.status_code == 401
        assert ended.json()["code"] == "refresh_token_invalid"

    async def test_reuse_is_said_and_the_end_of_the_session_is_kept(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        body = {"refresh_token": caller.tokens["refresh_token"]}
        second = (await client.post(f"{AUTH}/refresh", json=body)).json()
        clock.advance_to(clock.now_ns() + 60 * 1_000_000_000)
        reused = await client.post(f"{AUTH}/refresh", json=body)
        assert reused.status_code == 401
        assert reused.json()["code"] == "refresh_token_reused"
        both = await client.post(f"{AUTH}/refresh", json={"refresh_token": second["refresh_token"]})
        assert both.status_code == 401

    async def test_no_token_is_401_to_refresh_and_nothing_to_log_out(
        self, client: httpx.AsyncClient
    ) -> None:
        assert (await client.post(f"{AUTH}/refresh", json={})).status_code == 401
        assert (await client.post(f"{AUTH}/logout", json={})).status_code == 204


class TestWebSession:
    async def test_the_refresh_token_is_only_in_a_cookie_no_script_can_read(
        self, client: httpx.AsyncClient
    ) -> None:
        response = await sign_in_web(client)
        assert response.json()["refresh_token"] is None
        cookie = response.headers["set-cookie"]
        value = client.cookies[COOKIE]
        assert value not in response.text
        for rule in ("HttpOnly", "SameSite=strict", f"Path={AUTH}", "Max-Age=2592000"):
            assert rule in cookie
        assert "Domain" not in cookie

    async def test_the_cookie_refreshes_and_rotates(self, client: httpx.AsyncClient) -> None:
        await sign_in_web(client)
        old = client.cookies[COOKIE]
        response = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=WEB)
        assert response.status_code == 200
        assert response.json()["refresh_token"] is None
        assert client.cookies[COOKIE] != old

    @pytest.mark.parametrize("action", ["refresh", "logout"])
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"X-Optix-Client": "web"},
            {"Sec-Fetch-Site": "same-origin"},
            {"X-Optix-Client": "web", "Sec-Fetch-Site": "cross-site"},
            {"X-Optix-Client": "web", "Sec-Fetch-Site": "same-site"},
            {"X-Optix-Client": "web", "Sec-Fetch-Site": "none"},
            {"X-Optix-Client": "web", "Origin": "https://evil.example"},
            {"X-Optix-Client": "web", "Origin": "null"},
            {"X-Optix-Client": "native", "Sec-Fetch-Site": "same-origin"},
        ],
    )
    async def test_the_cookie_is_refused_from_anywhere_but_our_own_pages(
        self, client: httpx.AsyncClient, action: str, headers: dict[str, str]
    ) -> None:
        await sign_in_web(client)
        refused = await client.post(f"{AUTH}/{action}", json={"client": "web"}, headers=headers)
        assert refused.status_code == 403
        assert refused.json()["code"] == "cross_site_refused"
        unharmed = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=WEB)
        assert unharmed.status_code == 200

    async def test_where_a_browser_sends_only_its_origin_that_decides(
        self, client: httpx.AsyncClient
    ) -> None:
        await sign_in_web(client)
        headers = {"X-Optix-Client": "web", "Origin": "http://localhost:8000"}
        response = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=headers)
        assert response.status_code == 200

    async def test_the_cookie_is_not_taken_for_a_native_client(
        self, client: httpx.AsyncClient
    ) -> None:
        await sign_in_web(client)
        response = await client.post(f"{AUTH}/refresh", json={"client": "native"}, headers=WEB)
        assert response.status_code == 401

    async def test_the_token_of_the_cookie_is_refused_in_a_body(
        self, client: httpx.AsyncClient
    ) -> None:
        await sign_in_web(client)
        response = await client.post(
            f"{AUTH}/refresh", json={"refresh_token": client.cookies[COOKIE]}
        )
        assert response.status_code == 401

    async def test_logout_ends_the_session_and_clears_the_cookie(
        self, client: httpx.AsyncClient
    ) -> None:
        await sign_in_web(client)
        token = client.cookies[COOKIE]
        response = await client.post(f"{AUTH}/logout", json={"client": "web"}, headers=WEB)
        assert response.status_code == 204
        assert COOKIE not in client.cookies
        kept = {**WEB, "Cookie": f"{COOKIE}={token}"}
        again = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=kept)
        assert again.status_code == 401
        assert again.json()["detail"] == "The session has ended."


class TestMe:
    async def test_two_users_see_and_change_only_themselves(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        ada = await signed_in_user(identity, "ada@example.com", display_name="Ada")
        bob = await signed_in_user(identity, "bob@example.com", display_name="Bob")
        changed = await client.patch(ME, json={"display_name": "Bobby"}, headers=bob.headers)
        assert changed.status_code == 200
        seen_by_ada = (await client.get(ME, headers=ada.headers)).json()
        seen_by_bob = (await client.get(ME, headers=bob.headers)).json()
        assert (seen_by_ada["id"], seen_by_ada["display_name"]) == (ada.id, "Ada")
        assert (seen_by_bob["id"], seen_by_bob["display_name"]) == (bob.id, "Bobby")

    @pytest.mark.parametrize("body", [{}, {"display_name": None}])
    async def test_what_is_left_out_stays(
        self, client: httpx.AsyncClient, caller: Caller, body: dict[str, None]
    ) -> None:
        response = await client.patch(ME, json=body, headers=caller.headers)
        assert response.status_code == 200
        assert response.json()["display_name"] == "Ada"

    @pytest.mark.parametrize("field", ["role", "email", "id", "password_hash", "created_at"])
    async def test_nothing_else_can_be_assigned(
        self, client: httpx.AsyncClient, caller: Caller, field: str
    ) -> None:
        response = await client.patch(ME, json={field: "admin"}, headers=caller.headers)
        assert response.status_code == 422
        assert (await client.get(ME, headers=caller.headers)).json()["role"] == "user"

    async def test_an_unchanged_account_is_not_sent_again(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        first = await client.get(ME, headers=caller.headers)
        headers = {**caller.headers, "If-None-Match": first.headers["etag"]}
        unchanged = await client.get(ME, headers=headers)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        await client.patch(ME, json={"display_name": "Countess"}, headers=caller.headers)
        changed = await client.get(ME, headers=headers)
        assert changed.status_code == 200
        assert changed.headers["etag"] != first.headers["etag"]

    async def test_two_accounts_never_share_a_tag(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        ada = await signed_in_user(identity, "ada@example.com")
        bob = await signed_in_user(identity, "bob@example.com")
        tags = {(await client.get(ME, headers=who.headers)).headers["etag"] for who in (ada, bob)}
        assert len(tags) == 2


async def test_no_answer_of_identity_ever_holds_a_password_or_its_hash(
    client: httpx.AsyncClient, api_app: FastAPI, caller: Caller
) -> None:
    async with client_of(api_app) as other:
        answers = [
            await client.get(ME, headers=caller.headers),
            await other.post(f"{AUTH}/login", json={"email": caller.email, "password": PASSWORD}),
            await other.post(f"{AUTH}/login", json={"email": caller.email, "password": "wrong"}),
        ]
    everything = json.dumps([caller.tokens]) + "".join(answer.text for answer in answers)
    assert PASSWORD not in everything
    assert "$2b$" not in everything
