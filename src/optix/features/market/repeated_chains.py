"""Chains that were asked for before, answered without the router.

An app that shows a chain asks for it again and again in the same words. The router reads those
words once, with all its checks; the next time the answer is found by them: the bytes that were put
together when the chain last changed. What is not that simple goes on to the router: a token that is
not good, an agreement that has to be looked up, a chain that nobody follows any more.

Inside the middleware of the edge and of the limits, which see these requests like any other.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, cast

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from optix.features.identity.service import Identity
from optix.features.market.chain_view import ChainFilter
from optix.features.market.lanes import MarketLanes
from optix.features.market.service import EncodedChain
from optix.kernel import limits
from optix.kernel.errors import Unauthenticated
from optix.platform.http import is_known
from optix.ports.market_data import ChainKey

_PREFIX: Final = "/api/v1/options/chain/"
CACHE_CONTROL: Final = "private, no-cache"


@dataclass(frozen=True, slots=True)
class _Question:
    key: ChainKey
    chain_filter: ChainFilter
    route: object  # what the router found, for the metrics of the edge


class RepeatedChains:
    """Questions in the words in which they came, and what they mean."""

    def __init__(self) -> None:
        self._questions: OrderedDict[tuple[str, bytes], _Question] = OrderedDict()

    def __len__(self) -> int:
        return len(self._questions)

    def learn(self, request: Request, key: ChainKey, chain_filter: ChainFilter) -> None:
        """Remember what a request means that the router has just answered."""
        words = (request.scope["path"], request.scope["query_string"])
        self._questions[words] = _Question(key, chain_filter, request.scope["route"])
        self._questions.move_to_end(words)
        if len(self._questions) > limits.CHAIN_QUESTIONS_MAX:
            self._questions.popitem(last=False)

    def find(self, scope: Scope) -> _Question | None:
        return self._questions.get((scope["path"], scope["query_string"]))


def repeated_chains_of(request: Request) -> RepeatedChains:
    """Return what the app that serves this request remembers."""
    return cast("RepeatedChains", request.app.state.repeated_chains)


class RepeatedChainsMiddleware:
    """Answers what `RepeatedChains` knows; everything else is the app's."""

    def __init__(
        self, app: ASGIApp, *, repeated: RepeatedChains, identity: Identity, lanes: MarketLanes
    ) -> None:
        self.app = app
        self._repeated = repeated
        self._identity = identity
        self._lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chain = self._find(scope) if scope["type"] == "http" else None
        if chain is None:
            await self.app(scope, receive, send)
            return
        known = _header(scope, b"if-none-match")
        tag = chain.etag.encode()
        status, body = 200, chain.body
        headers = [(b"etag", tag), (b"cache-control", CACHE_CONTROL.encode())]
        if known is not None and is_known(chain.etag, known.decode("latin-1")):
            status, body = 304, b""
        else:
            length = b"%d" % len(body)
            headers += [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _find(self, scope: Scope) -> EncodedChain | None:
        if scope["method"] != "GET" or not scope["path"].startswith(_PREFIX):
            return None
        question = self._repeated.find(scope)
        given = _header(scope, b"authorization")
        if question is None or given is None or self._lanes.needed:
            return None
        scheme, _, token = given.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            self._identity.authenticator.verify(token.strip())
        except Unauthenticated:
            return None  # the router says why
        chain = self._lanes.main.market.find_chain(question.key, question.chain_filter)
        if chain is not None:
            scope["route"] = question.route
        return chain


def _header(scope: Scope, wanted: bytes) -> bytes | None:
    return next((value for name, value in scope["headers"] if name == wanted), None)
