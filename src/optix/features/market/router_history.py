"""The endpoints of the market's memory. Handlers only translate: HTTP in, service call, model out.

Chains of the past are at `GET /api/v1/options/chain/{symbol}?as_of=`, in `router`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import IntEnum
from typing import Annotated, Any
from zlib import crc32

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from optix.features.market import schemas_history as answers
from optix.features.market.calendar import OutsideCalendar
from optix.features.market.history.service import (
    BadCursor,
    History,
    NoHistory,
)
from optix.features.market.service import ContractSymbol, MarketService
from optix.kernel import limits
from optix.kernel.symbols import MalformedSymbol
from optix.platform.bus import BusUnavailable, FeedUnavailable
from optix.platform.http import errors, not_modified
from optix.ports.history import DatasetName, HistoryTooNew, HistoryUnavailable
from optix.ports.market_data import (
    BarInterval,
    ProviderUnavailable,
    UnknownSymbol,
    UnsupportedRequest,
)

Symbol = Annotated[
    str, Path(max_length=limits.SYMBOL_LENGTH_MAX, description="Stock, ETF or index, like SPY.")
]
Start = Annotated[date | None, Query(description="First exchange date.")]
End = Annotated[date | None, Query(description="Last exchange date.")]
Limit = Annotated[int, Query(ge=1, le=limits.HISTORY_PAGE_MAX, description="Sessions of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=32, description="`next_cursor` of the page before.")
]
_STORE = (HistoryUnavailable, HistoryTooNew)
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified since the ETag you sent."}
}


class Tenor(IntEnum):
    """Maturities that are kept. A literal would not read the text of a query as a number."""

    DAYS_7 = 7
    DAYS_14 = 14
    DAYS_30 = 30
    DAYS_60 = 60
    DAYS_90 = 90
    DAYS_180 = 180
    DAYS_365 = 365


class Window(IntEnum):
    """Sessions that realised volatility is kept of."""

    SESSIONS_10 = 10
    SESSIONS_20 = 20
    SESSIONS_60 = 60
    SESSIONS_252 = 252


def history_router(market_of: Callable[..., Any], signed_in: Callable[..., Any]) -> APIRouter:
    """Return the routes. `market_of` is the dependency that gives a user's MarketService."""
    router = APIRouter(prefix="/api/v1", tags=["market"], dependencies=[Depends(signed_in)])
    of_user = Depends(market_of)

    @router.get(
        "/historical/{symbol}",
        response_model=answers.StoredHistory,
        responses={
            **errors(
                *(MalformedSymbol, ContractSymbol, UnknownSymbol, UnsupportedRequest, *_STORE),
                *(FeedUnavailable, BusUnavailable, ProviderUnavailable),
            ),
            **_UNCHANGED,
        },
    )
    async def get_history(
        request: Request,
        symbol: Symbol,
        history: History,
        *,
        market: MarketService = of_user,
        interval: Annotated[BarInterval, Query()] = BarInterval.DAY_1,
        start: Start = None,
        end: End = None,
        adjusted: Annotated[
            bool, Query(description="For splits and dividends, where the bars are stored.")
        ] = True,
    ) -> Response:
        """Return price bars, oldest first, stored ones and then the feed's, with their sources."""
        return _tagged(
            request,
            await history.get_bars(market, symbol, interval, start, end, adjusted=adjusted),
        )

    _add_stored(router)
    return router


def _add_stored(router: APIRouter) -> None:
    @router.get(
        "/options/iv-history/{symbol}",
        response_model=answers.VolatilityHistory,
        responses={**errors(MalformedSymbol, NoHistory, BadCursor, *_STORE), **_UNCHANGED},
    )
    async def get_iv_history(
        request: Request,
        symbol: Symbol,
        history: History,
        *,
        tenor: Annotated[
            Tenor, Query(description="Constant maturity in calendar days.")
        ] = Tenor.DAYS_30,
        realised: Annotated[
            Window, Query(description="Sessions of realised volatility.")
        ] = Window.SESSIONS_20,
        start: Start = None,
        end: End = None,
        limit: Limit = limits.HISTORY_PAGE_MAX,
        cursor: Cursor = None,
    ) -> Response:
        """Return implied and realised volatility by session, and the rank of the last one."""
        answer = await history.get_volatility(
            symbol,
            tenor_days=tenor,
            realised_sessions=realised,
            start=start,
            end=end,
            limit=limit,
            cursor=cursor,
        )
        return _tagged(request, answer)

    @router.get(
        "/historical/{symbol}/coverage",
        response_model=answers.HistoryCoverage,
        responses={
            **errors(MalformedSymbol, NoHistory, BadCursor, OutsideCalendar, *_STORE),
            **_UNCHANGED,
        },
    )
    async def get_history_coverage(
        request: Request,
        symbol: Symbol,
        history: History,
        *,
        dataset: Annotated[DatasetName, Query()] = DatasetName.OPTION_QUOTES,
        start: Start = None,
        end: End = None,
        limit: Limit = limits.HISTORY_PAGE_MAX,
        cursor: Cursor = None,
    ) -> Response:
        """Return which sessions of an underlying are stored, and which are missing."""
        answer = await history.get_coverage(
            symbol, dataset, start=start, end=end, limit=limit, cursor=cursor
        )
        return _tagged(request, answer)


def _tagged(request: Request, answer: BaseModel) -> Response:
    """Return an answer under the tag of its bytes, or word that the caller has it already."""
    body = answer.model_dump_json().encode()
    tag = f'"{crc32(body)}-{len(body)}"'
    return not_modified(request, tag) or Response(
        body,
        media_type="application/json",
        headers={"ETag": tag, "Cache-Control": "private, no-cache"},
    )
