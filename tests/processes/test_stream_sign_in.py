"""Proven against the real API, called without a socket."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from tests.fixtures.api import BASE_URL, PASSWORD, add_user

from optix.features.identity.service import Identity
from optix.kernel.errors import Unauthenticated
from optix.processes.stream_sign_in import (
    GivenToken,
    ServerUnreachable,
    SignedInSession,
    SignInRefused,
    UnreadableUrl,
    stream_url,
)


def _session(app: FastAPI, **credentials: str) -> SignedInSession:
    return SignedInSession(BASE_URL, transport=httpx.ASGITransport(app), **credentials)


async def test_a_development_machine_lets_the_test_account_in(
    api_app: FastAPI, identity: Identity
) -> None:
    async with _session(api_app) as session:
        token = await session(fresh=False)
        user = identity.authenticator.verify(token)
        assert await session(fresh=False) == token
        renewed = await session(fresh=True)
        assert renewed != token
        assert identity.authenticator.verify(renewed).session_id == user.session_id
    assert user.session_id in identity.ended  # it leaves no session behind
    with pytest.raises(Unauthenticated):
        identity.authenticator.verify(renewed)


async def test_an_account_signs_in_with_its_password(api_app: FastAPI, identity: Identity) -> None:
    owner = await add_user(identity)
    async with _session(api_app, email="ada@example.com", password=PASSWORD) as session:
        assert identity.authenticator.verify(await session(fresh=False)).id == owner


async def test_a_wrong_password_is_told_and_not_repeated_in_it(
    api_app: FastAPI, identity: Identity
) -> None:
    await add_user(identity)
    async with _session(api_app, email="ada@example.com", password="wrong one") as session:
        with pytest.raises(SignInRefused) as refused:
            await session(fresh=False)
    assert "wrong one" not in str(refused.value)
    assert "--email" in refused.value.next_step


async def test_nobody_there_is_told() -> None:
    async with SignedInSession("http://127.0.0.1:9") as session:
        with pytest.raises(ServerUnreachable, match="Nobody answers at http"):
            await session(fresh=False)


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (httpx.Response(404, text="no page"), SignInRefused, "did not let us in"),
        (httpx.Response(503, json={"detail": "Too busy."}), ServerUnreachable, "Too busy"),
        (
            httpx.Response(200, json={"status": "second_factor"}),
            SignInRefused,
            "second factor",
        ),
    ],
)
async def test_other_answers_are_told(
    answer: httpx.Response, error: type[Exception], said: str
) -> None:
    transport = httpx.MockTransport(lambda _: answer)
    async with SignedInSession(BASE_URL, transport=transport) as session:
        with pytest.raises(error, match=said):
            await session(fresh=False)


async def test_a_given_token_is_used_as_it_is_and_cannot_be_renewed() -> None:
    given = GivenToken("token")
    assert await given(fresh=False) == "token"
    with pytest.raises(SignInRefused, match="OPTIX_ACCESS_TOKEN"):
        await given(fresh=True)


@pytest.mark.parametrize(
    ("url", "stream"),
    [
        ("http://localhost:8000", "ws://localhost:8000/ws/quotes"),
        ("https://optix.example/", "wss://optix.example/ws/quotes"),
        ("http://[::1]:8000", "ws://[::1]:8000/ws/quotes"),
    ],
)
def test_the_stream_is_at_the_same_origin(url: str, stream: str) -> None:
    assert stream_url(url) == stream


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", "http://x:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UnreadableUrl):
        stream_url(url)
