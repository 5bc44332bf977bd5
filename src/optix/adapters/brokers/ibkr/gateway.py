"""The operator's own Client Portal Gateway: which addresses are taken, and what proves it.

A gateway asks nobody who reaches it for a password, so it stands on the operator's machine or
private network. Its address comes from the operator's settings and never from a user: a server that
asks whatever address somebody types can be turned against its own network.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from typing import Final

import httpx

from optix.adapters.brokers.ibkr.client import LABEL
from optix.kernel.errors import InvalidInput

PASSPHRASE_LENGTH_MIN: Final = 12  # of what lets a user of OPTIX use the operator's gateway
PORT_MAX: Final = 65_535
LOCALHOST: Final = "localhost"

# A name of the operator's own network: one word, or below a domain that is nobody's. It begins with
# a letter: 0xa9fea9fe is an address too.
_private_name = re.compile(
    r"(?=.{1,253}\Z)[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
    r"((\.[a-z0-9-]{1,63})*\.(local|internal|lan|home\.arpa))?",
    re.ASCII,
).fullmatch


class WrongGateway(InvalidInput):
    """The address, the passphrase or the certificate of a gateway is none that OPTIX takes."""

    code = "wrong_gateway"
    next_step = "Correct the settings of the gateway."


def checked_address(text: str) -> str:
    """Return the address of a gateway without a slash at its end. Raises WrongGateway."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise WrongGateway(f"The address of {LABEL}'s gateway is none.") from None
    if url.userinfo or url.query or url.fragment or (url.port or 0) > PORT_MAX:
        raise WrongGateway("The address of a gateway is host, port and path, and no more.")
    own_machine = _is_own_machine(url.host)
    if url.scheme != "https" and not (url.scheme == "http" and own_machine):
        raise WrongGateway("A gateway is asked over https, on the same machine perhaps over http.")
    if not own_machine and not _is_private(url.host):
        raise WrongGateway("A gateway stands on the same machine or in a private network.")
    return text.rstrip("/")


def page_of(address: str) -> str:
    """Return where the user signs in: the gateway's own page."""
    url = httpx.URL(address)
    return str(url.copy_with(path="/"))


def transport_of(certificate: str) -> httpx.AsyncBaseTransport | None:
    """Return a transport that trusts `certificate` (PEM) and no other; None without one.

    A gateway makes its certificate itself and for no name, so that what is checked is that it is
    this one. Without one the usual authorities decide, and a gateway as it comes is not asked.
    """
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # of one single certificate the name says nothing more
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        raise WrongGateway("The certificate of the gateway is no PEM text.") from None
    return httpx.AsyncHTTPTransport(verify=context)


def _is_own_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOCALHOST


def _is_private(host: str) -> bool:
    """True in a private network. What clouds keep at link-local addresses is none of a gateway."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _private_name(host) is not None
    return address.is_private and not (
        address.is_link_local or address.is_unspecified or address.is_multicast
    )
