"""The issuer port: somebody outside who can say who a person is (OpenID Connect).

A sign-in has two halves. The person's browser is sent to `fetch_authorization_url`; it comes back
with a code, and `fetch_identity` turns the code into an identity, once. The three secrets of a flow
are made by us and tie both halves together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from optix.kernel.errors import Unauthenticated, Unavailable


class IssuerUnavailable(Unavailable):
    """The issuer does not answer, or not as the standard says."""

    code = "issuer_unavailable"
    next_step = "Try again in a moment, or sign in another way."


class IssuerAnswerRefused(Unauthenticated):
    """What came from the issuer proves nothing: forged, ended, used, or meant for somebody else."""

    code = "issuer_answer_refused"
    next_step = "Begin again from OPTIX."


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFlow:
    """The secrets of one sign-in."""

    state: str  # comes back with the browser
    nonce: str  # comes back inside the signed identity
    verifier: str  # PKCE: shown to the issuer only when the code is redeemed


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerIdentity:
    """What an issuer says about a person. `issuer` and `subject` name them for good."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None


class Issuer(Protocol):
    """One configured issuer."""

    @property
    def id(self) -> str:
        """Return our short name of it, as in addresses."""

    @property
    def name(self) -> str:
        """Return what people call it."""

    @property
    def url(self) -> str:
        """Return its own name, as in `IssuerIdentity.issuer`."""

    async def fetch_authorization_url(self, flow: IssuerFlow) -> str:
        """Return where the browser goes. Errors: IssuerUnavailable."""

    async def fetch_identity(
        self, flow: IssuerFlow, code: str, *, response_issuer: str | None
    ) -> IssuerIdentity:
        """Return whom `code` stands for.

        `response_issuer` is the `iss` that came back with the browser (RFC 9207), if any did.
        Effects: uses the code up at the issuer.
        Errors:  IssuerUnavailable, IssuerAnswerRefused.
        """

    async def close(self) -> None:
        """Close the connections."""
