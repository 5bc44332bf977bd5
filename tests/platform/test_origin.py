"""The client's address is proven on request scopes as servers build them."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.types import Scope

from optix.platform import origin
from optix.platform.origin import (
    ADDRESS_LENGTH_MAX,
    ADDRESSES_REMEMBERED_MAX,
    FORWARDED_HOPS_MAX,
    UNKNOWN_ADDRESS,
    USER_AGENT_LENGTH_MAX,
    client_address,
    origin_of,
)

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48"))


def scope_of(peer: str | None, *forwarded: str, agent: str = "") -> Scope:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    if agent:
        headers.append((b"user-agent", agent.encode("latin-1")))
    client = None if peer is None else (peer, 1234)
    return {"type": "http", "headers": headers, "client": client, "state": {}}


def test_without_a_trusted_proxy_a_forwarded_address_is_a_claim_and_nothing_else() -> None:
    assert client_address(scope_of("203.0.113.9", "198.51.100.1"), ()) == "203.0.113.9"
    assert client_address(scope_of("203.0.113.9", "198.51.100.1"), PROXIES) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # the client wrote the first one
        (["1.2.3.4", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),  # two of our proxies, two lines
        (["198.51.100.1:443"], "198.51.100.1"),
        (["[2001:db8:9::5]:443"], "2001:db8:9::5"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["garbage"], "10.0.0.2"),
        (["198.51.100.1, <script>"], "10.0.0.2"),  # nothing left of garbage is believed
        (["10.0.0.9"], "10.0.0.9"),  # a proxy asks for itself
        ([""], "10.0.0.2"),
        ([], "10.0.0.2"),
    ],
)
def test_behind_a_trusted_proxy_the_last_address_it_did_not_know_is_the_client(
    forwarded: list[str], address: str
) -> None:
    assert client_address(scope_of("10.0.0.2", *forwarded), PROXIES) == address


def test_an_endless_list_of_hops_is_read_only_so_far() -> None:
    chain = ", ".join(["1.2.3.4"] + ["10.0.0.3"] * (FORWARDED_HOPS_MAX + 1))
    assert client_address(scope_of("10.0.0.2", chain), PROXIES) == "10.0.0.3"


def test_a_transport_without_addresses_has_an_unknown_client() -> None:
    assert client_address(scope_of(None, "1.2.3.4"), PROXIES) == UNKNOWN_ADDRESS
    assert client_address(scope_of("testclient"), PROXIES) == UNKNOWN_ADDRESS


def test_the_origin_carries_a_bounded_printable_user_agent_and_the_request_id() -> None:
    app = FastAPI()
    app.state.trusted_proxies = PROXIES
    scope = scope_of("10.0.0.2", "198.51.100.1", agent="Mozilla\x1b[31m/5.0" + "x" * 1_000)
    connection = HTTPConnection({**scope, "app": app, "state": {"request_id": "abc"}})
    origin = origin_of(connection)
    assert origin.address == "198.51.100.1"
    assert origin.request_id == "abc"
    assert origin.user_agent.startswith("Mozilla[31m/5.0")
    assert len(origin.user_agent) == USER_AGENT_LENGTH_MAX


def test_what_is_longer_than_any_address_is_none_and_not_kept() -> None:
    longest = "2001:db8::1%" + "z" * (ADDRESS_LENGTH_MAX - len("2001:db8::1%"))
    kept = origin._address_of.cache_info().currsize
    assert client_address(scope_of(longest + "z"), ()) == UNKNOWN_ADDRESS
    assert origin._address_of.cache_info().currsize == kept
    assert client_address(scope_of(longest), ()) == "2001:db8::1"


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    for number in range(ADDRESSES_REMEMBERED_MAX + 1):
        address = f"10.1.{number // 256}.{number % 256}"
        assert client_address(scope_of(address), ()) == address
    assert origin._address_of.cache_info().currsize == ADDRESSES_REMEMBERED_MAX
