"""The performance endpoints. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from optix.features.identity.access import CurrentUser
from optix.features.market.lanes import Market, MarketAgreementNeeded
from optix.features.portfolio import schemas_performance as schemas
from optix.features.portfolio.performance import AccountNotFound, PerformanceService
from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.platform.http import errors

router = APIRouter(prefix="/api/v1/portfolio", tags=["portfolio"])


def performance_of(connection: HTTPConnection) -> PerformanceService:
    performance: PerformanceService = connection.app.state.performance
    return performance


Measured = Annotated[PerformanceService, Depends(performance_of)]
Account = Annotated[UUID | None, Query(description="One account; all together without it.")]
PeriodWanted = Annotated[schemas.Period, Query(description="Ends at `to`, or today.")]
From = Annotated[date | None, Query(alias="from", description="Instead of a period.")]
To = Annotated[date | None, Query(alias="to", description="The last day.")]


@router.get("/performance", responses=errors(AccountNotFound, InvalidInput, MarketAgreementNeeded))
async def get_performance(
    user: CurrentUser,
    measured: Measured,
    market: Market,
    *,
    account: Account = None,
    period: PeriodWanted = "1Y",
    first: From = None,
    last: To = None,
    benchmark: Annotated[str, Query(min_length=1, max_length=limits.SYMBOL_LENGTH_MAX)] = "SPY",
) -> schemas.Performance:
    """Return returns, risk and the curve for each currency, with what each figure is made of."""
    window = measured.window(account, period, first, last)
    return await measured.get_performance(user.id, window, benchmark, market)


@router.get(
    "/performance/days",
    response_class=Response,
    responses={
        **errors(AccountNotFound, InvalidInput),
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    },
)
async def export_performance_days(
    user: CurrentUser,
    measured: Measured,
    *,
    account: Account = None,
    period: PeriodWanted = "ALL",
    first: From = None,
    last: To = None,
) -> Response:
    """Return the daily rows as CSV: every figure of the window can be worked out from them."""
    window = measured.window(account, period, first, last)
    return Response(
        await measured.export_days(user.id, window),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="performance.csv"'},
    )
