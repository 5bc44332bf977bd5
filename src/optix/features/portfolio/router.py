"""The portfolio endpoints. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection

from optix.features.brokerage.service import LineFilter, LinesCursorUnreadable
from optix.features.identity.access import CurrentUser
from optix.features.market.lanes import Market, MarketAgreementNeeded
from optix.features.portfolio import schemas
from optix.features.portfolio.service import PortfolioService
from optix.kernel import limits
from optix.kernel.activity import ActivityKind
from optix.platform.http import SearchWords, errors

router = APIRouter(prefix="/api/v1", tags=["portfolio"])


def portfolio_of(connection: HTTPConnection) -> PortfolioService:
    portfolio: PortfolioService = connection.app.state.portfolio
    return portfolio


Owned = Annotated[PortfolioService, Depends(portfolio_of)]


@router.get("/portfolio", responses=errors(MarketAgreementNeeded))
async def get_portfolio(user: CurrentUser, owned: Owned, market: Market) -> schemas.Portfolio:
    """Return what all accounts are worth together, their Greeks, and how fresh each is."""
    return await owned.get_portfolio(user.id, market)


@router.get("/portfolio/positions", responses=errors(MarketAgreementNeeded))
async def list_positions(user: CurrentUser, owned: Owned, market: Market) -> schemas.PositionList:
    """Return every position of every account, valued at the market."""
    return await owned.list_positions(user.id, market)


@router.get("/portfolio/greeks", responses=errors(MarketAgreementNeeded))
async def get_greeks(user: CurrentUser, owned: Owned, market: Market) -> schemas.PortfolioGreeks:
    """Return the Greeks of everything, in total and by underlying, with their coverage."""
    return await owned.get_greeks(user.id, market)


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
