"""HTTP of administration of the market feed: /api/v1/admin/market."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from optix.features.identity.access import PermissionMissing, may_read_health
from optix.features.market.lanes import Lanes
from optix.features.market.schemas_admin import MarketProviders
from optix.platform.bus import BusUnavailable
from optix.platform.http import errors

router = APIRouter(prefix="/api/v1/admin/market", tags=["admin"])


@router.get(
    "/providers",
    dependencies=[Depends(may_read_health)],
    responses=errors(PermissionMissing, BusUnavailable),
)
async def list_market_providers(lanes: Lanes) -> MarketProviders:
    """How each provider of market data does, who serves what, and what changed lately."""
    return await lanes.main.market.list_providers()
