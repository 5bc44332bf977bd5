"""Where a request comes from: the address, the program, and the id that names it in the log.

The address is the peer's own unless the peer is a proxy that the operator trusts: only then is
X-Forwarded-For read, from its right end, and only as far as trusted proxies wrote it. What stands
left of that was written by the client and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from optix.platform.security_settings import Network

Address = IPv4Address | IPv6Address

UNKNOWN_ADDRESS = "unknown"
USER_AGENT_LENGTH_MAX = 256
FORWARDED_HOPS_MAX = 16
ADDRESS_LENGTH_MAX = 128  # with brackets, a zone and a port
ADDRESSES_REMEMBERED_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, as far as the network tells. Goes into audit events and lists of sessions."""

    address: str
    user_agent: str
    request_id: str


# Of what nobody asked for: the worker, the command line.
SYSTEM_ORIGIN = Origin(address="", user_agent="", request_id="")


def origin_of(connection: HTTPConnection) -> Origin:
    """Return where `connection` comes from, by the trusted proxies of the app that serves it."""
    scope = connection.scope
    trusted: Sequence[Network] = getattr(connection.app.state, "trusted_proxies", ())
    agent = connection.headers.get("user-agent", "")
    return Origin(
        address=client_address(scope, trusted),
        user_agent="".join(c for c in agent if c.isprintable())[:USER_AGENT_LENGTH_MAX],
        request_id=str(scope.get("state", {}).get("request_id", "")),
    )


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """Return the address of the client, `UNKNOWN_ADDRESS` where the transport has none."""
    peer = scope.get("client")
    address = _parse(peer[0]) if peer else None
    if address is None:
        return UNKNOWN_ADDRESS
    if trusted and _is_trusted(address, trusted):
        lines = Headers(scope=scope).getlist("x-forwarded-for")
        hops = ",".join(lines).split(",")[-FORWARDED_HOPS_MAX:]
        for hop in reversed(hops):
            before = _parse(hop)
            if before is None:
                break  # not an address: whoever wrote it, the last known one stands
            address = before
            if not _is_trusted(address, trusted):
                break
    return str(address)


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parse(text: str) -> Address | None:
    text = text.strip()
    if len(text) > ADDRESS_LENGTH_MAX:
        return None
    return _address_of(text)


@lru_cache(maxsize=ADDRESSES_REMEMBERED_MAX)
def _address_of(text: str) -> Address | None:
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 192.0.2.1:443
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
