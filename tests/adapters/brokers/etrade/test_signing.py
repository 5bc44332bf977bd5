"""The examples of RFC 5849 (sections 1.2 and 3.4.1) give the signatures that it publishes."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import pytest
from pydantic import SecretStr

from optix.adapters.brokers.etrade.signing import (
    OAuth1,
    SigningKeys,
    address_of,
    base_string,
    encoded,
    signature,
)
from optix.kernel.clock import ScaledClock, SystemClock

CONSUMER = {
    "oauth_consumer_key": "dpf43f3p2l4k3l03",
    "oauth_signature_method": "HMAC-SHA1",
}
SECRET = SecretStr("kd94hf93k423kf44")
# One step of the example each: the method, the address, what is sent, the token's secret.
STEPS = [
    (
        "POST",
        "https://photos.example.net/initiate",
        {
            "oauth_timestamp": "137131200",
            "oauth_nonce": "wIjqoS",
            "oauth_callback": "http://printer.example.com/ready",
        },
        "",
        "74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D",
    ),
    (
        "POST",
        "https://photos.example.net/token",
        {
            "oauth_token": "hh5s93j4hdidpola",
            "oauth_timestamp": "137131201",
            "oauth_nonce": "walatlh",
            "oauth_verifier": "hfdp7dh39dks9884",
        },
        "hdhd0244k9j7ao03",
        "gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D",
    ),
    (
        "GET",
        "http://photos.example.net/photos",
        {
            "oauth_token": "nnch734d00sl2jdk",
            "oauth_timestamp": "137131202",
            "oauth_nonce": "chapoH",
            "file": "vacation.jpg",
            "size": "original",
        },
        "pfkkdhi9sl3r4s00",
        "MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D",
    ),
]


@pytest.mark.parametrize(("method", "address", "sent", "secret", "published"), STEPS)
def test_the_published_signatures(
    method: str, address: str, sent: dict[str, str], secret: str, published: str
) -> None:
    base = base_string(method, address, {**CONSUMER, **sent}.items())
    assert signature(base, SECRET, SecretStr(secret)) == unquote(published)


def test_the_published_base_string() -> None:
    sent = [
        ("b5", "=%3D"),
        ("a3", "a"),
        ("c@", ""),
        ("a2", "r b"),
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    assert base_string("post", "http://example.com/request", sent) == (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D"
        "%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e"
        "4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d"
        "7dh3k39sjv7"
    )


@pytest.mark.parametrize(
    ("address", "signed"),
    [
        ("HTTP://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
        ("https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
    ],
)
def test_the_published_addresses(address: str, signed: str) -> None:
    assert address_of(httpx.URL(address)) == signed


def test_everything_but_letters_digits_and_four_marks_is_encoded() -> None:
    assert encoded("aZ09-._~ +/=%é") == "aZ09-._~%20%2B%2F%3D%25%C3%A9"


def test_a_request_is_signed_with_its_query_and_anew_each_time() -> None:
    clock = ScaledClock(SystemClock(), origin_ns=137_131_202 * 10**9, speed=0)
    keys = SigningKeys(
        consumer_key=CONSUMER["oauth_consumer_key"],
        consumer_secret=SECRET,
        token="/iQ+g=",
        token_secret=SecretStr("/rC9+=" + "that-must-not-show"),
    )
    signer = OAuth1(keys, clock, more={"oauth_verifier": "WXYZ9"})
    request = httpx.Request("GET", "https://api.example/v1/accounts/list.json?a=b%20c&d=")
    headers = []
    for _ in range(2):
        (signed,) = signer.auth_flow(request)
        headers.append(signed.headers["Authorization"])
    assert headers[0] != headers[1], "a nonce is used once"
    assert headers[0].startswith('OAuth realm="",oauth_consumer_key="dpf43f3p2l4k3l03"')
    assert 'oauth_token="%2FiQ%2Bg%3D"' in headers[0]
    assert 'oauth_timestamp="137131202"' in headers[0]
    assert "that-must-not-show" not in repr(keys) + headers[0]
    nonce = headers[0].split('oauth_nonce="')[1].split('"')[0]
    given = unquote(headers[0].split('oauth_signature="')[1].split('"')[0])
    sent = {
        **CONSUMER,
        "oauth_version": "1.0",
        "oauth_timestamp": "137131202",
        "oauth_nonce": nonce,
        "oauth_token": "/iQ+g=",
        "oauth_verifier": "WXYZ9",
        "a": "b c",
        "d": "",
    }
    base = base_string("GET", "https://api.example/v1/accounts/list.json", sent.items())
    assert signature(base, SECRET, keys.token_secret) == given
