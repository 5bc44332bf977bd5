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
from optix.features.portfolio.axes import AxisUnreadable, axes_of
from optix.features.portfolio.encoding import Encoded
from optix.features.portfolio.schemas_exposure import PortfolioExposure, Scenarios, Upcoming
from optix.features.portfolio.service import PortfolioService
from optix.kernel import limits
from optix.kernel.activity import ActivityKind
from optix.platform.http import SearchWords, errors, not_modified

router = APIRouter(prefix="/api/v1", tags=["portfolio"])


def portfolio_of(connection: HTTPConnection) -> PortfolioService:
    portfolio: PortfolioService = connection.app.state.portfolio
    return portfolio


Owned = Annotated[PortfolioService, Depends(portfolio_of)]


_AXIS_LENGTH: Final = 400
_SPOT: Final = "Comma-separated shifts of the price as fractions; −20 % to +20 % when left out."
_VOL: Final = "Comma-separated shifts of volatility as decimals; −5, 0 and +5 points."
_DAYS: Final = "Comma-separated calendar days from now; 0, 7 and 30."
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


@router.get("/portfolio/exposure", response_model=PortfolioExposure, responses=_ANSWERS)
async def get_exposure(
    request: Request, user: CurrentUser, owned: Owned, market: Market
) -> Response:
    """Return exposure by underlying, expiry, kind and account, concentration and correlations."""
    return _answer(request, await owned.get_exposure(user.id, market))


@router.get(
    "/portfolio/scenarios",
    response_model=Scenarios,
    responses={**_ANSWERS, **errors(MarketAgreementNeeded, AxisUnreadable)},
)
async def get_scenarios(
    request: Request,
    user: CurrentUser,
    owned: Owned,
    market: Market,
    *,
    spot: Annotated[str, Query(max_length=_AXIS_LENGTH, description=_SPOT)] = "",
    vol: Annotated[str, Query(max_length=_AXIS_LENGTH, description=_VOL)] = "",
    days: Annotated[str, Query(max_length=_AXIS_LENGTH, description=_DAYS)] = "",
    beta: Annotated[
        bool, Query(description="Spot shifts are the benchmark's; each follows by its beta.")
    ] = False,
    by_underlying: Annotated[
        bool, Query(description="Also the matrix of each underlying.")
    ] = False,
) -> Response:
    """Return what everything gains over a grid of spot, volatility and days, priced in full."""
    axes = axes_of(spot, vol, days)
    told = await owned.get_scenarios(
        user.id, market, axes, by_beta=beta, by_underlying=by_underlying
    )
    return _answer(request, told)


@router.get("/portfolio/upcoming", response_model=Upcoming, responses=_ANSWERS)
async def list_upcoming(
    request: Request,
    user: CurrentUser,
    owned: Owned,
    market: Market,
    *,
    days: Annotated[
        int, Query(ge=1, le=limits.UPCOMING_DAYS_MAX, description="Calendar days ahead.")
    ] = 45,
) -> Response:
    """Return expirations, ex-dates with the risk of assignment, and reports of what is held."""
    return _answer(request, await owned.list_upcoming(user.id, market, days))


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
