"""Questions over HTTP, on a real server: what is retried, what is bounded, what is never shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from tests.fakes.provider_server import ProviderServer, Reply

from optix.adapters.market_data.failures import PROVIDER_ERRORS, ProviderRefused, Unreadable
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import OUTCOMES_KEPT, Outcomes, RestClient
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.ports.market_data import ProviderUnavailable

SECRET = "do-not-show-me"


class Served:
    def __init__(self, server: ProviderServer) -> None:
        self.server = server
        self.slept: list[float] = []
        self.client = self.make()

    def make(self, **more: Any) -> RestClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        clock = SystemClock()
        settings = {"jitter": lambda: 0.5, "sleep": sleep, **more}
        return RestClient(
            "Vendor",
            base_url=f"{self.server.base_url}/v1",
            pacing=Pacing("Vendor", clock, errors=PROVIDER_ERRORS, requests=None),
            clock=clock,
            headers=lambda: {"Authorization": f"Bearer {SECRET}"},
            **settings,
        )


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    server = ProviderServer()
    server.route("GET", "/v1/thing", lambda _: Reply({"a": 1}))
    async with server.serve_http():
        served = Served(server)
        yield served
        await served.client.close()


async def test_an_answer_is_decoded_and_the_key_went_in_a_header(served: Served) -> None:
    assert await served.client.get_json("/thing", {"q": 1}) == {"a": 1}
    asked = served.server.asked[0]
    assert asked.headers["authorization"] == f"Bearer {SECRET}"
    assert dict(asked.query) == {"q": "1"}


async def test_no_such_thing_is_none(served: Served) -> None:
    assert await served.client.get_json("/other") is None


async def test_a_passing_failure_is_tried_again_and_no_more_than_so_often(served: Served) -> None:
    served.server.scripted.append(Reply(status=503))
    served.server.scripted.append(Reply(drop=True))
    assert await served.client.get_json("/thing") == {"a": 1}
    first = limits.PROVIDER_RETRY_SECONDS_FIRST
    assert served.slept == [first, 2 * first]
    served.server.asked.clear()
    served.server.scripted.extend([Reply(status=502)] * 9)
    with pytest.raises(ProviderUnavailable, match="status 502"):
        await served.client.get_json("/thing")
    assert len(served.server.asked) == limits.PROVIDER_RETRIES_MAX + 1


async def test_a_lost_post_is_never_sent_again(served: Served) -> None:
    served.server.scripted.append(Reply(drop=True))
    with pytest.raises(ProviderUnavailable):
        await served.client.post_json("/thing", data={"a": "b"})
    assert len(served.server.asked) == 1
    served.server.route("POST", "/v1/thing", lambda request: Reply(dict(request.form())))
    assert await served.client.post_json("/thing", data={"a": "b"}) == {"a": "b"}


async def test_taking_away_is_tried_again_and_gone_already_is_good(served: Served) -> None:
    served.server.route("DELETE", "/v1/thing", lambda _: Reply({}))
    served.server.scripted.extend([Reply(status=503), Reply(status=404)])
    await served.client.delete("/thing")
    assert [request.method for request in served.server.asked] == ["DELETE", "DELETE"]
    await served.client.delete("/thing")
    served.server.scripted.append(Reply(status=410))
    with pytest.raises(ProviderUnavailable):
        await served.client.delete("/thing")


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(status=403), ProviderRefused, "refuses"),
        (Reply(status=401), ProviderRefused, "refuses"),
        (
            Reply(status=302, headers={"Location": "http://127.0.0.2/"}),
            ProviderUnavailable,
            "not followed",
        ),
        (Reply(status=418), ProviderUnavailable, "418"),
        (Reply(b"{"), Unreadable, "not JSON"),
        (Reply(b"{}", headers={"Content-Encoding": "gzip"}), Unreadable, "unpacked"),
    ],
)
async def test_every_other_answer_is_an_error_without_the_key(
    served: Served, reply: Reply, error: type[Exception], words: str
) -> None:
    served.server.scripted.append(reply)
    with pytest.raises(error, match=words) as caught:
        await served.client.get_json("/thing")
    assert SECRET not in repr(caught.value)
    assert len(served.server.asked) == 1, "asking again would not help"


async def test_a_429_stops_everybody(served: Served) -> None:
    served.server.scripted.append(Reply(status=429, headers={"Retry-After": "30"}))
    for _ in range(2):
        with pytest.raises(ProviderUnavailable) as caught:
            await served.client.get_json("/thing")
        assert caught.value.code == "provider_rate_limited"
    assert len(served.server.asked) == 1


async def test_an_expired_token_is_renewed_once_for_a_question(served: Served) -> None:
    renewals = []

    async def renew() -> bool:
        renewals.append(1)
        return True

    client = served.make(renew=renew)
    served.server.scripted.append(Reply(status=401))
    assert await client.get_json("/thing") == {"a": 1}
    served.server.scripted.extend([Reply(status=401), Reply(status=401)])
    with pytest.raises(ProviderRefused):
        await client.get_json("/thing")
    assert len(renewals) == 2
    await client.close()


async def test_a_renewal_that_fails_is_a_refusal(served: Served) -> None:
    async def renew() -> bool:
        return False

    client = served.make(renew=renew)
    served.server.scripted.append(Reply(status=401))
    with pytest.raises(ProviderRefused):
        await client.get_json("/thing")
    await client.close()


async def test_a_body_is_read_up_to_its_bound(served: Served) -> None:
    assert limits.PROVIDER_BODY_BYTES_MAX > 100
    client = served.make(body_bytes_max=100)
    served.server.scripted.append(Reply(b"[" + b"1," * 200 + b"1]"))
    with pytest.raises(Unreadable, match="larger than 100 bytes"):
        await client.get_json("/thing")
    await client.close()


async def test_a_silent_server_is_given_up(served: Served) -> None:
    client = served.make(timeout=httpx.Timeout(0.05))
    served.server.scripted.extend([Reply(stall=True)] * (limits.PROVIDER_RETRIES_MAX + 1))
    with pytest.raises(ProviderUnavailable, match="in time"):
        await client.get_json("/thing")
    await client.close()


def pages(total: int, *, absolute: str = "") -> Callable[..., Reply]:
    def page(request: Any) -> Reply:
        number = int(request.query.get("page_token", "0"))
        token: str | None = str(number + 1) if number + 1 < total else None
        if absolute and token:
            token = f"{absolute}/v1/pages?page_token={token}"
        return Reply({"rows": [number], "next": token})

    return page


def token_of(page: Any) -> str | None:
    token: str | None = page["next"]
    return token


async def test_pages_are_followed_to_their_end(served: Served) -> None:
    served.server.route("GET", "/v1/pages", pages(3))
    rows = [p["rows"] async for p in served.client.iter_pages("/pages", {}, token_of=token_of)]
    assert rows == [[0], [1], [2]]
    gone = [p async for p in served.client.iter_pages("/gone", {}, token_of=token_of)]
    assert gone == []


async def test_pages_end_at_their_bound_and_never_go_in_circles(served: Served) -> None:
    served.server.route("GET", "/v1/pages", pages(limits.PROVIDER_PAGES_MAX + 1))
    with pytest.raises(Unreadable, match=f"more than {limits.PROVIDER_PAGES_MAX} pages"):
        async for _ in served.client.iter_pages("/pages", {}, token_of=token_of):
            pass
    with pytest.raises(Unreadable, match="again and again"):
        async for _ in served.client.iter_pages("/thing", {}, token_of=lambda _: "same"):
            pass


async def test_an_address_of_a_page_keeps_the_key_on_its_host(served: Served) -> None:
    served.server.route("GET", "/v1/pages", pages(2, absolute=served.server.base_url))
    follow = served.client.iter_pages("/pages", {}, token_of=token_of, token_param=None)
    assert [p["rows"] async for p in follow] == [[0], [1]]
    served.server.routes.clear()
    served.server.route("GET", "/v1/pages", pages(2, absolute="http://127.0.0.2:1"))
    with pytest.raises(Unreadable, match="another host"):
        async for _ in served.client.iter_pages("/pages", {}, token_of=token_of, token_param=None):
            pass


def test_outcomes_are_of_the_last_minute_and_of_the_last_questions() -> None:
    clock = ScaledClock(SystemClock(), origin_ns=NANOSECONDS, speed=0)
    outcomes = Outcomes(clock)
    assert outcomes.error_rate == 0.0
    for failed in (True, False, True, False):
        outcomes.add(failed=failed)
    assert (outcomes.error_rate, outcomes.errors_per_minute) == (0.5, 2.0)
    clock.advance_to(120 * NANOSECONDS)
    assert outcomes.errors_per_minute == 0.0
    for _ in range(OUTCOMES_KEPT):
        outcomes.add(failed=False)
    assert outcomes.error_rate == 0.0
