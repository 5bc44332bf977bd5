"""The structure endpoints. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection
from starlette.responses import Response

from optix.features.identity.access import CurrentUser
from optix.features.market.lanes import Market, MarketAgreementNeeded
from optix.features.portfolio import schemas_structures as schemas
from optix.features.portfolio.structures_view import (
    LegNotHeld,
    LegTaken,
    OverrideNotFound,
    StructureAccountNotFound,
    StructureNotFound,
    StructuresView,
    TooManyOverrides,
)
from optix.kernel import limits
from optix.platform.http import SearchWords, errors

STRUCTURES_PATH: Final = "/api/v1/portfolio/structures"
OVERRIDES_PATH: Final = f"{STRUCTURES_PATH}/overrides"

router = APIRouter(tags=["portfolio"])


def structures_of(connection: HTTPConnection) -> StructuresView:
    structures: StructuresView = connection.app.state.structures
    return structures


Structures = Annotated[StructuresView, Depends(structures_of)]


@router.get(STRUCTURES_PATH, responses=errors(MarketAgreementNeeded))
async def list_structures(
    user: CurrentUser,
    structures: Structures,
    market: Market,
    *,
    account: Annotated[UUID | None, Query(description="One account only.")] = None,
    underlying: Annotated[
        SearchWords,
        Query(max_length=limits.SYMBOL_LENGTH_MAX, description="Of one underlying only."),
    ] = "",
    margin: Annotated[bool, Query(description="With an estimate of margin.")] = False,
) -> schemas.StructureList:
    """Return which legs belong together, what each structure can win and lose, and chains."""
    return await structures.list_structures(
        user.id, market, account=account, underlying=underlying.strip().upper(), margin=margin
    )


@router.get(OVERRIDES_PATH)
async def list_structure_overrides(
    user: CurrentUser, structures: Structures
) -> schemas.OverrideList:
    """Return what you put together yourself, the oldest first."""
    return await structures.list_overrides(user.id)


@router.post(
    OVERRIDES_PATH,
    status_code=201,
    responses=errors(StructureAccountNotFound, LegNotHeld, LegTaken, TooManyOverrides),
)
async def create_structure_override(
    wanted: schemas.NewOverride, response: Response, user: CurrentUser, structures: Structures
) -> schemas.Override:
    """Put legs of an account together. It holds until you take it apart, whatever syncs bring."""
    made = await structures.put_together(user.id, wanted)
    response.headers["Location"] = f"{OVERRIDES_PATH}/{made.id}"
    return made


@router.get(f"{OVERRIDES_PATH}/{{override_id}}", responses=errors(OverrideNotFound))
async def get_structure_override(
    override_id: UUID, user: CurrentUser, structures: Structures
) -> schemas.Override:
    """Return one thing that you put together."""
    return await structures.get_override(user.id, override_id)


@router.delete(
    f"{OVERRIDES_PATH}/{{override_id}}", status_code=204, responses=errors(OverrideNotFound)
)
async def delete_structure_override(
    override_id: UUID, user: CurrentUser, structures: Structures
) -> None:
    """Take apart what you put together; its legs are grouped by what speaks for it again."""
    await structures.take_apart(user.id, override_id)


@router.get(
    f"{STRUCTURES_PATH}/{{structure_id}}",
    responses=errors(StructureNotFound, MarketAgreementNeeded),
)
async def get_structure(
    structure_id: UUID, user: CurrentUser, structures: Structures, market: Market
) -> schemas.StructureDetail:
    """Return one structure with its profit over prices of the underlying."""
    return await structures.get_structure(user.id, market, structure_id)
