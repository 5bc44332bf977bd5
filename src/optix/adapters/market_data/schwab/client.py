"""Schwab's REST endpoints that OPTIX asks. One method per endpoint, vendor names.

An access token lives 30 minutes. The refresh token lives seven days and no longer: then a person
logs in again. A chain that is too large for one answer is asked for in parts.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any

import httpx
from pydantic import SecretStr

from optix.adapters.market_data.bars import NEW_YORK
from optix.adapters.market_data.failures import PROVIDER_ERRORS, Unreadable
from optix.adapters.market_data.oauth import AccessToken
from optix.adapters.market_data.schwab import wire
from optix.adapters.market_data.schwab.wire import ChainDocument
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel.clock import Clock, to_ns
from optix.ports.market_data import ProviderUnavailable

BASE_URL = "https://api.schwabapi.com"
REQUESTS_PER_MINUTE_MAX = 120  # widely reported; the official figure is behind a login
DATES_PER_CHAIN_MAX = 8  # of one answer, before Schwab has a chance to refuse its size
AGAIN = (
    "Log in at Schwab again and set OPTIX_SCHWAB_REFRESH_TOKEN to the new refresh token: one "
    "lives for seven days. Then start OPTIX again."
)

# 502 is what a chain that is too large ends in; asking again would not make it smaller.
_NOT_IN_ONE = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.BAD_GATEWAY))
_UNKNOWN = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND))


@dataclass(frozen=True, slots=True)
class StreamerInfo:
    """Where the streamer is and what a login there names beside the access token."""

    url: str
    customer_id: str
    correl_id: str
    channel: str
    function_id: str


class SchwabClient:
    """Asks Schwab. `base_url` and `transport` are for tests."""

    def __init__(
        self,
        app_key: str,
        app_secret: SecretStr,
        refresh_token: SecretStr,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        pacing = Pacing("Schwab", clock, errors=PROVIDER_ERRORS, requests=REQUESTS_PER_MINUTE_MAX)
        basic = base64.b64encode(f"{app_key}:{app_secret.get_secret_value()}".encode()).decode()
        self.sign_in = RestClient(
            "Schwab", base_url=base_url, pacing=pacing, clock=clock, transport=transport
        )
        self.tokens = AccessToken(
            self.sign_in,
            "/v1/oauth/token",
            refresh_token=refresh_token,
            form={},
            headers={"Authorization": f"Basic {basic}"},
            again=AGAIN,
            clock=clock,
        )
        self.rest = RestClient(
            "Schwab",
            base_url=base_url,
            pacing=pacing,
            clock=clock,
            headers=lambda: {"Authorization": f"Bearer {self.tokens.use()}"},
            renew=self.tokens.renew,
            transport=transport,
        )

    async def access_token(self) -> str:
        """Return a token that holds, for the streamer's login."""
        return await self.tokens.get()

    async def renew_access(self) -> None:
        """Get another token, because the streamer does not accept this one."""
        await self.tokens.renew()

    async def fetch_streamer_info(self) -> StreamerInfo:
        """Return how to reach the streamer. The app needs the Trader API product for it."""
        await self.tokens.get()
        answer = await self.rest.get_json("/trader/v1/userPreference")
        infos = answer.get("streamerInfo") if isinstance(answer, dict) else None
        info = infos[0] if isinstance(infos, list) and infos else None
        names = (
            "streamerSocketUrl",
            "schwabClientCustomerId",
            "schwabClientCorrelId",
            "schwabClientChannel",
            "schwabClientFunctionId",
        )
        told = [info.get(name) if isinstance(info, dict) else None for name in names]
        texts = [text for text in told if isinstance(text, str)]
        if len(texts) < len(names):
            raise Unreadable("Schwab's preferences do not say where its streamer is.")
        return StreamerInfo(*texts)

    async def fetch_expirations(self, symbol: str) -> list[date]:
        """Return the listed dates, none where the symbol is unknown."""
        await self.tokens.get()
        answer = await self.rest.get_json(
            "/marketdata/v1/expirationchain", {"symbol": symbol}, absent=_UNKNOWN
        )
        return [] if answer is None else wire.read_expirations(answer)

    async def fetch_chains(self, symbol: str, dates: Sequence[date]) -> list[ChainDocument]:
        """Return the chains of `dates` (ascending), in as many answers as they take.

        A part that is too large is cut in halves by date, a single date by side. Empty where the
        symbol is unknown. Raises ProviderUnavailable where one side of one date is too large.
        """
        await self.tokens.get()
        documents: list[ChainDocument] = []
        parts = [
            list(dates[start : start + DATES_PER_CHAIN_MAX])
            for start in range(0, len(dates), DATES_PER_CHAIN_MAX)
        ]
        while parts:
            part = parts.pop(0)
            document = await self._chain(symbol, part[0], part[-1], "ALL", _NOT_IN_ONE)
            if document is not None and not document.truncated:
                documents.append(document)
            elif len(part) > 1:
                half = len(part) // 2
                parts[:0] = [part[:half], part[half:]]
            else:
                documents += await self._sides(symbol, part[0])
        return [document for document in documents if not document.failed]

    async def _sides(self, symbol: str, day: date) -> list[ChainDocument]:
        documents = []
        for side in ("CALL", "PUT"):
            document = await self._chain(symbol, day, day, side, _UNKNOWN)
            if document is None:
                return []
            if document.truncated:
                raise ProviderUnavailable(f"Schwab cuts the chain of {symbol} on {day} short.")
            documents.append(document)
        return documents

    async def _chain(
        self, symbol: str, first: date, last: date, side: str, absent: frozenset[int]
    ) -> ChainDocument | None:
        asked: Params = {
            "symbol": symbol,
            "contractType": side,
            "strategy": "SINGLE",
            "includeUnderlyingQuote": "true",
            "fromDate": first.isoformat(),
            "toDate": last.isoformat(),
        }
        answer = await self.rest.get_json("/marketdata/v1/chains", asked, absent=absent)
        return None if answer is None else wire.read_chain(answer)

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return quotes by Schwab's symbol, without those that do not exist."""
        await self.tokens.get()
        asked: Params = {"symbols": ",".join(symbols), "fields": "quote,reference"}
        answer = await self.rest.get_json("/marketdata/v1/quotes", asked)
        return {} if answer is None else wire.read_quotes(answer)

    async def fetch_candles(
        self, symbol: str, *, minutes: int | None, start: date, end: date
    ) -> list[Any] | None:
        """Return the candles of minutes or, without `minutes`, of days; None: no such symbol."""
        await self.tokens.get()
        asked: dict[str, str | int | float] = {
            "symbol": symbol,
            "periodType": "year" if minutes is None else "day",
            "frequencyType": "daily" if minutes is None else "minute",
            "frequency": 1 if minutes is None else minutes,
            "startDate": _midnight_ms(start),
            "endDate": _midnight_ms(end + timedelta(days=1)) - 1,
            "needExtendedHoursData": "false",
        }
        answer = await self.rest.get_json("/marketdata/v1/pricehistory", asked, absent=_UNKNOWN)
        return None if answer is None else wire.read_candles(answer)


def _midnight_ms(day: date) -> int:
    midnight = datetime.combine(day, time(), tzinfo=NEW_YORK)
    return to_ns(midnight.astimezone(UTC)) // 1_000_000
