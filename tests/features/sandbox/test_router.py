"""Leave to read is given by the holder to the registered address only, once, and can be ended."""

from __future__ import annotations

from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from tests.contracts.broker import CHALLENGE, VERIFIER
from tests.fakes.brokers.sandbox import CALLBACK, CLIENT_ID, CLIENT_SECRET
from tests.features.sandbox.conftest import Desk

from optix.features.sandbox.grants import ACCESS_SECONDS, CODE_SECONDS
from optix.features.sandbox.router import FORM_BYTES_MAX
from optix.kernel.clock import NANOSECONDS

pytestmark = pytest.mark.stores

ASKED = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "state": "a-state",
    "scope": "read",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
BASIC = (CLIENT_ID, CLIENT_SECRET)


def onward(answer: httpx.Response) -> dict[str, str]:
    address = unescape(answer.text.split('<a href="')[1].split('"')[0])
    assert address.startswith(f"{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


async def code_of(browser: httpx.AsyncClient) -> str:
    answer = await browser.post("/sandbox/authorize", data={**ASKED, "answer": "allow"})
    told = onward(answer)
    assert told["state"] == "a-state"
    return told["code"]


async def exchange(browser: httpx.AsyncClient, **changed: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changed,
    }
    return await browser.post("/sandbox/token", data=form, auth=BASIC)


async def accounts(browser: httpx.AsyncClient, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await browser.get("/sandbox/api/accounts", headers=headers)


class TestConsent:
    async def test_the_page_asks_and_carries_the_request_unharmed(
        self, browser: httpx.AsyncClient
    ) -> None:
        query = urlencode({**ASKED, "state": '"><script>alert(1)</script>'})
        page = await browser.get(f"/sandbox/authorize?{query}")
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]

    async def test_a_denial_goes_back_without_a_code(self, browser: httpx.AsyncClient) -> None:
        answer = await browser.post("/sandbox/authorize", data={**ASKED, "answer": "deny"})
        assert onward(answer) == {"error": "access_denied", "state": "a-state"}

    @pytest.mark.parametrize(
        "changed",
        [
            {"redirect_uri": "https://elsewhere.example/"},
            {"redirect_uri": CALLBACK + "/more"},
            {"client_id": "somebody"},
            {"code_challenge_method": "plain"},
            {"code_challenge": "short"},
            {"state": ""},
            {"state": "s" * 501},
            {"scope": "trade"},
            {"response_type": "token"},
        ],
    )
    async def test_what_is_not_as_registered_is_shown_and_sent_nowhere(
        self, browser: httpx.AsyncClient, changed: dict[str, str]
    ) -> None:
        for answer in (
            await browser.get("/sandbox/authorize", params={**ASKED, **changed}),
            await browser.post("/sandbox/authorize", data={**ASKED, **changed, "answer": "allow"}),
        ):
            assert answer.status_code == 400
            assert "http-equiv" not in answer.text

    async def test_a_form_from_another_page_is_refused(self, browser: httpx.AsyncClient) -> None:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            answer = await browser.post(
                "/sandbox/authorize", data={**ASKED, "answer": "allow"}, headers=headers
            )
            assert answer.status_code == 403


class TestTokens:
    async def test_a_code_gives_tokens_that_read(self, browser: httpx.AsyncClient) -> None:
        told = (await exchange(browser, code=await code_of(browser))).json()
        assert (await accounts(browser, told["access_token"])).status_code == 200
        assert (await accounts(browser, told["refresh_token"])).status_code == 401

    async def test_a_code_is_used_once_and_a_second_use_ends_what_it_gave(
        self, browser: httpx.AsyncClient
    ) -> None:
        code = await code_of(browser)
        told = (await exchange(browser, code=code)).json()
        again = await exchange(browser, code=code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert (await accounts(browser, told["access_token"])).status_code == 401

    @pytest.mark.parametrize(
        "changed", [{"code_verifier": "another"}, {"redirect_uri": "https://x.example/"}]
    )
    async def test_who_did_not_ask_gets_nothing(
        self, browser: httpx.AsyncClient, changed: dict[str, str]
    ) -> None:
        code = await code_of(browser)
        assert (await exchange(browser, code=code, **changed)).status_code == 400
        assert (await exchange(browser, code=code)).status_code == 400, "the code is gone"

    async def test_a_wrong_secret_is_refused(self, browser: httpx.AsyncClient) -> None:
        form = {"grant_type": "authorization_code", "code": await code_of(browser)}
        answer = await browser.post("/sandbox/token", data=form, auth=(CLIENT_ID, "wrong"))
        assert answer.status_code == 401
        garbled = {"Authorization": "Basic %%%"}
        answer = await browser.post("/sandbox/token", data=form, headers=garbled)
        assert answer.status_code == 401

    async def test_codes_and_tokens_end_with_time(
        self, browser: httpx.AsyncClient, desk: Desk
    ) -> None:
        late = await code_of(browser)
        told = (await exchange(browser, code=await code_of(browser))).json()
        desk.clock.advance_to(desk.clock.now_ns() + (CODE_SECONDS + 1) * NANOSECONDS)
        assert (await exchange(browser, code=late)).status_code == 400
        desk.clock.advance_to(desk.clock.now_ns() + (ACCESS_SECONDS + 1) * NANOSECONDS)
        assert (await accounts(browser, told["access_token"])).status_code == 401

    async def test_a_form_beyond_its_bound_is_refused(self, browser: httpx.AsyncClient) -> None:
        answer = await exchange(browser, code="c" * FORM_BYTES_MAX)
        assert answer.status_code == 422


class TestPage:
    async def test_a_new_browser_opens_an_account_and_places_an_order(
        self, browser: httpx.AsyncClient, desk: Desk
    ) -> None:
        assert "Open a paper account" in (await browser.get("/sandbox")).text
        await browser.post("/sandbox/accounts")
        page = (await browser.get("/sandbox")).text
        account = page.split('name="account" value="')[1].split('"')[0]
        desk.quotes.set("IBM", "299.90", "300.10")
        form = {"account": account, "side1": "1", "symbol1": "ibm", "quantity1": "3"}
        placed = await browser.post("/sandbox/orders", data=form)
        assert placed.status_code == 303
        page = (await browser.get("/sandbox")).text
        assert "3 IBM: filled 3 at 300.1" in page

    async def test_what_is_typed_wrong_is_told_on_the_page(
        self, browser: httpx.AsyncClient
    ) -> None:
        await browser.post("/sandbox/accounts")
        account = (await browser.get("/sandbox")).text.split('name="account" value="')[1]
        for quantity in ("many", "0"):
            form = {"account": account.split('"')[0], "symbol1": "IBM", "quantity1": quantity}
            answer = await browser.post("/sandbox/orders", data=form)
            assert answer.status_code == 422
            assert 'role="alert"' in answer.text

    async def test_a_sale_rests_at_what_it_is_to_bring_and_can_be_cancelled(
        self, browser: httpx.AsyncClient, desk: Desk
    ) -> None:
        await browser.post("/sandbox/accounts")
        page = (await browser.get("/sandbox")).text
        account = page.split('name="account" value="')[1].split('"')[0]
        desk.quotes.set("AAPL", "200.00", "200.10")
        form = {"account": account, "side1": "-1", "symbol1": "AAPL", "quantity1": "1"}
        await browser.post("/sandbox/orders", data={**form, "limit": "900"})
        page = (await browser.get("/sandbox")).text
        assert "-1 AAPL: working" in page
        order = page.split('action="/sandbox/orders/')[1].split("/cancel")[0]
        await browser.post(f"/sandbox/orders/{order}/cancel")
        assert "-1 AAPL: cancelled" in (await browser.get("/sandbox")).text
