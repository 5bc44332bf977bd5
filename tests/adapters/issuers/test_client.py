"""What our server does not do for an issuer: follow, wait, swallow, or connect where it may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fakes.issuer import FakeIssuer

from optix.adapters.issuers.client import IssuerClient
from optix.adapters.issuers.wire import KeySet, Metadata, TokenAnswer
from optix.kernel import limits
from optix.ports.issuers import IssuerAnswerRefused, IssuerUnavailable


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with FakeIssuer(now_s=0).serve() as fake:
        yield fake


@pytest.fixture
async def client() -> AsyncIterator[IssuerClient]:
    client = IssuerClient(allow_http=True, allow_private=True)
    yield client
    await client.close()


def answer(issuer: FakeIssuer, status: int, body: bytes = b"{}", **headers: str) -> str:
    issuer.answers["/keys"] = (status, body, {k.replace("_", "-"): v for k, v in headers.items()})
    return f"{issuer.base_url}/keys"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    issuer: FakeIssuer, client: IssuerClient, status: int
) -> None:
    address = answer(issuer, status, Location=f"{issuer.base_url}/elsewhere")
    with pytest.raises(IssuerUnavailable):
        await client.fetch(address, KeySet)
    assert issuer.asked == ["/keys"]


async def test_an_answer_may_be_as_large_as_the_bound_and_not_larger(
    issuer: FakeIssuer, client: IssuerClient
) -> None:
    document = b'{"keys": []}'
    full = document + b" " * (limits.ISSUER_BODY_BYTES_MAX - len(document))
    assert (await client.fetch(answer(issuer, 200, full), KeySet)).keys == ()
    with pytest.raises(IssuerUnavailable, match="too large"):
        await client.fetch(answer(issuer, 200, full + b" "), KeySet)


async def test_a_set_may_hold_as_many_keys_as_the_bound(
    issuer: FakeIssuer, client: IssuerClient
) -> None:
    for count, right in ((limits.ISSUER_KEYS_MAX, True), (limits.ISSUER_KEYS_MAX + 1, False)):
        address = answer(issuer, 200, json.dumps({"keys": [{}] * count}).encode())
        if right:
            assert len((await client.fetch(address, KeySet)).keys) == count
        else:
            with pytest.raises(IssuerUnavailable):
                await client.fetch(address, KeySet)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b'{"keys": 1}', b"\xff"])
async def test_what_is_not_the_document_is_unavailable_and_no_bug(
    issuer: FakeIssuer, client: IssuerClient, body: bytes
) -> None:
    with pytest.raises(IssuerUnavailable):
        await client.fetch(answer(issuer, 200, body), KeySet)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, IssuerAnswerRefused),
        (401, IssuerAnswerRefused),
        (302, IssuerUnavailable),
        (500, IssuerUnavailable),
        (503, IssuerUnavailable),
    ],
)
async def test_a_no_is_told_from_being_away(
    issuer: FakeIssuer, client: IssuerClient, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.post(answer(issuer, status), {"code": "x"}, TokenAnswer)


async def test_without_https_nothing_is_sent(issuer: FakeIssuer) -> None:
    client = IssuerClient(allow_private=True)
    with pytest.raises(IssuerUnavailable, match="https"):
        await client.fetch(f"{issuer.base_url}/keys", KeySet)
    assert not issuer.asked


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0"],
)
async def test_a_private_address_is_not_connected_to(host: str) -> None:
    client = IssuerClient(allow_http=True)
    with pytest.raises(IssuerUnavailable, match="private network"):
        await client.fetch(f"http://{host}:9/keys", KeySet)


async def test_a_name_that_points_inside_is_seen_through(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> list[Any]:
        public, private = ("8.8.8.8", 443), ("10.1.2.3", 443)
        return [(0, 0, 0, "", public), (0, 0, 0, "", private)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(IssuerUnavailable, match="private network"):
        await IssuerClient().fetch("https://issuer.example/keys", KeySet)


async def test_an_issuer_that_is_not_there_is_unavailable(client: IssuerClient) -> None:
    with pytest.raises(IssuerUnavailable):
        await client.fetch("http://127.0.0.1:9/keys", KeySet)


async def test_an_issuer_that_never_answers_is_given_up(
    client: IssuerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is reached at once here: what counts is that it holds for the whole request."""
    assert limits.ISSUER_SECONDS_MAX == 10
    monkeypatch.setattr(limits, "ISSUER_SECONDS_MAX", 0.05)
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    with pytest.raises(IssuerUnavailable):
        await client.fetch(f"http://127.0.0.1:{port}/keys", KeySet)
    await gone.wait()
    silent.close()


@pytest.mark.parametrize(
    "address",
    ["ftp://issuer.example/t", "file:///etc/passwd", "https://a:b@issuer.example/t", "//x", ""],
)
def test_metadata_with_an_unusable_address_is_refused(address: str) -> None:
    good = "https://issuer.example/x"
    document = {
        "issuer": good,
        "authorization_endpoint": good,
        "token_endpoint": good,
        "jwks_uri": good,
    }
    assert Metadata.model_validate(document).jwks_uri == good
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        with pytest.raises(ValueError, match=name):
            Metadata.model_validate({**document, name: address})
