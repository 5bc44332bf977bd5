"""The API and the peer of `chain_rest`: `python -m benchmarks.chain_rest_peer run api …`.

The peer is the usual way of FastAPI: a route that returns a model, which is validated and encoded
for each request. It has the same data, the same guards and the same middleware.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, cast

from fastapi import APIRouter, FastAPI, Query, Request

from optix.cli import main
from optix.features.market.chain_view import ChainFilter
from optix.features.market.lanes import Market
from optix.features.market.schemas import Chain
from optix.processes import api

PATH = "/api/v1/peer/chain"
router = APIRouter(prefix=PATH)


@router.get("/{symbol}")
async def get_chain(
    request: Request,
    symbol: str,
    market: Market,
    expiration: date,
    strikes: Annotated[int, Query(ge=1)],
) -> Chain:
    """Return the chain as a model, which is made once for each change."""
    chain = await market.get_chain(symbol, expiration, ChainFilter(strikes=strikes))
    kept: dict[str, Chain] = request.app.state.peer_chains
    model = kept.get(chain.etag)
    if model is None:
        kept.clear()
        model = kept[chain.etag] = Chain.model_validate_json(chain.body)
    return model


def mount_peer(app: FastAPI, _: api.ApiDependencies) -> None:
    app.state.peer_chains = {}
    app.include_router(router)


if __name__ == "__main__":
    cast("dict[str, api.Mount]", api.MODULES)["peer"] = mount_peer
    main()
