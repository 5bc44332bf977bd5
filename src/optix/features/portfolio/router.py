"""The portfolio endpoints. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.requests import HTTPConnection

from optix.features.brokerage.service import LineFilter, LinesCursorUnreadable
from optix.features.identity.access import CurrentUser
from optix.features.market.lanes import Market, MarketAgreementNeeded
from optix.features.portfolio import schemas
from optix.features.portfolio.encoding import Encoded
from optix.features.portfolio.service import PortfolioService
from optix.kernel import limits
from optix.kernel.activity import ActivityKind
from optix.platform.http import SearchWords, errors, not_modified

router = APIRouter(prefix="/api/v1", tags=["portfolio"])


def portfolio_of(connection: HTTPConnection) -> PortfolioService:
    portfolio: PortfolioService = connection.app.state.portfolio
    return portfolio


Owned = Annotated[PortfolioService, Depends(portfolio_of)]


_ANSWERS: Final = {
    **errors(MarketAgreementNeeded),
    304: {"description": "Not modified since the ETag you sent."},
}


def _answer(request: Request, told: Encoded) -> Response:
    return not_modified(request, told.etag) or Response(
        told.body,
        media_type="application/json",
        headers={"ETag": told.etag, "Cache-Control": "private, no-cache"},
    )


@router.get("/portfolio", response_model=schemas.Portfolio, responses=_ANSWERS)
async def get_portfolio(
    request: Request, user: CurrentUser, owned: Owned, market: Market
) -> Response:
    """Return what all accounts are worth together, their Greeks, and how fresh each is."""
    return _answer(request, await owned.get_portfolio(user.id, market))


@router.get("/portfolio/positions", response_model=schemas.PositionList, responses=_ANSWERS)
async def list_positions(
    request: Request, user: CurrentUser, owned: Owned, market: Market
) -> Response:
    """Return every position of every account, valued at the market."""
    return _answer(request, await owned.list_positions(user.id, market))


@router.get("/portfolio/greeks", response_model=schemas.PortfolioGreeks, responses=_ANSWERS)
async def get_greeks(request: Request, user: CurrentUser, owned: Owned, market: Market) -> Response:
    """Return the Greeks of everything, in total, by underlying and by account, with coverage."""
    return _answer(request, await owned.get_greeks(user.id, market))


@router.get("/transactions", responses=errors(LinesCursorUnreadable))
async def list_transactions(
    user: CurrentUser,
    owned: Owned,
    *,
    account: Annotated[UUID | None, Query(description="One account only.")] = None,
    kind: Annotated[
        list[ActivityKind] | None, Query(max_length=len(ActivityKind), description="Any of these.")
    ] = None,
    symbol: Annotated[
        SearchWords,
        Query(max_length=limits.CONTRACT_TEXT_LENGTH_MAX, description="Part of a symbol."),
    ] = "",
    start: Annotated[date | None, Query(description="First day.")] = None,
    end: Annotated[date | None, Query(description="Last day.")] = None,
    cursor: Annotated[
        str | None, Query(max_length=100, description="`next` of the page before.")
    ] = None,
) -> schemas.TransactionList:
    """Return the history of all accounts, the newest first."""
    wanted = LineFilter(
        account_id=account,
        kinds=frozenset(kind or ()),
        text=symbol.strip(),
        first=start,
        last=end,
    )
    return await owned.list_transactions(user.id, wanted, cursor=cursor)
