"""tastytrade's REST endpoints that OPTIX asks. One method per endpoint, vendor names.

An access token lives 15 minutes and is renewed by the refresh token. The quote token for dxLink
lives a day and comes with the address of the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from optix.adapters.market_data.failures import PROVIDER_ERRORS, Unreadable
from optix.adapters.market_data.oauth import AccessToken
from optix.adapters.market_data.tastytrade import wire
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import RestClient
from optix.kernel.clock import Clock

BASE_URL = "https://api.tastyworks.com"
SANDBOX_URL = "https://api.cert.tastyworks.com"
USER_AGENT = "optix/1.0"  # required, as product/version
MARKET_DATA_SYMBOLS_MAX = 100
REQUESTS_PER_MINUTE_MAX = 120  # not documented: ours
_LOCAL = frozenset(("127.0.0.1", "localhost", "::1"))
AGAIN = (
    "Create a new grant in the OAuth app at tastytrade, set OPTIX_TASTYTRADE_REFRESH_TOKEN to its "
    "refresh token, and start OPTIX again."
)


@dataclass(frozen=True, slots=True)
class QuoteToken:
    """What opens the stream. `level` is "api" for an account with market data."""

    token: SecretStr
    url: str
    level: str


class TastytradeClient:
    """Asks tastytrade. `base_url` and `transport` are for tests."""

    def __init__(
        self,
        client_secret: SecretStr,
        refresh_token: SecretStr,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        label = "tastytrade"
        agent = {"User-Agent": USER_AGENT}
        pacing = Pacing(label, clock, errors=PROVIDER_ERRORS, requests=REQUESTS_PER_MINUTE_MAX)
        self.sign_in = RestClient(
            label,
            base_url=base_url,
            pacing=pacing,
            clock=clock,
            headers=lambda: agent,
            transport=transport,
        )
        self.tokens = AccessToken(
            self.sign_in,
            "/oauth/token",
            refresh_token=refresh_token,
            form={"client_secret": client_secret},
            headers={},
            again=AGAIN,
            clock=clock,
        )
        self.rest = RestClient(
            label,
            base_url=base_url,
            pacing=pacing,
            clock=clock,
            headers=lambda: agent | {"Authorization": f"Bearer {self.tokens.use()}"},
            renew=self.tokens.renew,
            transport=transport,
        )

    async def fetch_quote_token(self) -> QuoteToken:
        """Return a token for the stream. Raises ProviderUnavailable."""
        await self.tokens.get()
        data = wire.read_data(await self.rest.get_json("/api-quote-tokens"))
        token, url = data.get("token"), data.get("dxlink-url")
        if not isinstance(token, str) or not token or not isinstance(url, str):
            raise Unreadable("tastytrade's answer has no quote token.")
        parts = urlsplit(url)
        if parts.scheme != "wss" and parts.hostname not in _LOCAL:
            raise Unreadable("tastytrade's stream has an address without encryption.")
        return QuoteToken(SecretStr(token), url, wire.text(data.get("level")))

    async def fetch_nested_chain(self, symbol: str) -> list[Any]:
        """Return the items of a chain, one for each root; none where there is no such chain."""
        await self.tokens.get()
        answer = await self.rest.get_json(f"/option-chains/{url_quote(symbol, safe='')}/nested")
        return [] if answer is None else wire.read_items(answer)

    async def fetch_market_data(self, symbols: Mapping[str, Sequence[str]]) -> list[Any]:
        """Return quotes of `symbols` by type (index, equity, equity-option), 100 at most."""
        count = sum(len(names) for names in symbols.values())
        assert count <= MARKET_DATA_SYMBOLS_MAX, "the caller asks in batches"
        await self.tokens.get()
        asked = {kind: ",".join(names) for kind, names in symbols.items() if names}
        answer = await self.rest.get_json("/market-data/by-type", asked)
        return [] if answer is None else wire.read_items(answer)
