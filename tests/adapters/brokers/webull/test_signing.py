"""The worked example of developer.webull.com ("Signature") gives the signature that it prints."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote

import httpx
import pytest
from pydantic import SecretStr

from optix.adapters.brokers.webull.signing import (
    Algorithm,
    AppKeySignature,
    SigningKeys,
    signature,
    string_to_sign,
)
from optix.kernel.clock import ScaledClock, SystemClock

KEYS = SigningKeys(
    app_key="776da210ab4a452795d74e726ebd74b6",
    app_secret=SecretStr("0f50a2e853334a9aae1a783bee120c1f"),
)
NONCE = "48ef5afed43d4d91ae514aaeafbc29ba"
BODY = b'{"k1":123,"k2":"this is the api request body","k3":true,"k4":{"foo":[1,2]}}'
AT_NS = 1_641_268_531 * 10**9  # 2022-01-04T03:55:31Z
SAID = (
    ("x-app-key", KEYS.app_key),
    ("x-timestamp", "2022-01-04T03:55:31Z"),
    ("x-signature-version", "1.0"),
    ("x-signature-algorithm", "HMAC-SHA1"),
    ("x-signature-nonce", NONCE),
    ("host", "api.webull.com"),
)
ADDRESS = "https://api.webull.com/trade/place_order?a1=webull&a2=123&a3=xxx&q1=yyy"
PRINTED = "kvlS6opdZDhEBo5jq40nHYXaLvM="


def signed(request: httpx.Request, keys: SigningKeys = KEYS) -> httpx.Request:
    clock = ScaledClock(SystemClock(), origin_ns=AT_NS, speed=0)
    request.read()
    return next(AppKeySignature(keys, clock, nonce=lambda: NONCE).auth_flow(request))


def test_the_printed_string_and_signature() -> None:
    query = [("a1", "webull"), ("a2", "123"), ("a3", "xxx"), ("q1", "yyy")]
    text = string_to_sign("/trade/place_order", [*query, *SAID], BODY, Algorithm.SHA1)
    assert unquote(text).startswith("/trade/place_order&a1=webull&a2=123&a3=xxx&host=api.webull")
    assert text.endswith("03%3A55%3A31Z%26E296C96787E1A309691CEF3692F5EEDD")
    assert "/" not in text, "nothing is safe from the encoding"
    assert signature(text, KEYS) == PRINTED


def test_a_request_carries_the_printed_signature() -> None:
    headers = {"Content-Type": "application/json"}
    request = signed(httpx.Request("POST", ADDRESS, content=BODY, headers=headers))
    assert request.headers["x-signature"] == PRINTED
    assert request.headers["x-timestamp"] == "2022-01-04T03:55:31Z"
    assert request.headers["host"] == "api.webull.com"


def test_the_newer_pair_is_named_in_the_header_and_digests_by_itself() -> None:
    keys = SigningKeys(app_key=KEYS.app_key, app_secret=KEYS.app_secret, algorithm=Algorithm.SHA256)
    request = signed(httpx.Request("POST", ADDRESS, content=BODY), keys)
    assert request.headers["x-signature-algorithm"] == "HMAC-SHA256"
    assert len(request.headers["x-signature"]) == 44, "thirty-two bytes"
    text = string_to_sign("/p", [], BODY, Algorithm.SHA256)
    assert text == f"%2Fp%26{hashlib.sha256(BODY).hexdigest().upper()}"


def test_values_of_one_name_go_in_their_order() -> None:
    text = string_to_sign("/p", [("b", "2"), ("b", "1"), ("a", "3")], b"", Algorithm.SHA1)
    assert unquote(text) == "/p&a=3&b=1&2"


def test_the_fields_of_a_form_are_signed_like_a_query() -> None:
    form = signed(httpx.Request("POST", "https://h/p", data={"a": "1 2", "b": ""}))
    query = signed(httpx.Request("GET", "https://h/p", params={"b": "", "a": "1 2"}))
    assert form.headers["x-signature"] == query.headers["x-signature"]


def test_a_port_that_is_not_the_usual_one_is_signed() -> None:
    with_port = signed(httpx.Request("GET", "https://h:8080/p"))
    assert (
        with_port.headers["x-signature"]
        != signed(httpx.Request("GET", "https://h/p")).headers["x-signature"]
    )


@pytest.mark.parametrize("again", range(3))
def test_no_nonce_comes_twice(again: int) -> None:
    clock = ScaledClock(SystemClock(), origin_ns=AT_NS + again, speed=0)
    auth = AppKeySignature(KEYS, clock)
    requests = [next(auth.auth_flow(httpx.Request("GET", "https://h/p"))) for _ in range(2)]
    assert len({each.headers["x-signature-nonce"] for each in requests}) == 2
    assert "0f50" not in repr(KEYS)
