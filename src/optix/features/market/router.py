"""The market endpoints. Handlers only translate: HTTP in, service call, model out."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from optix.features.market import schemas
from optix.features.market.calendar import OutsideCalendar
from optix.features.market.chain_view import BadChainFilter, ChainFilter, Moneyness
from optix.features.market.history.service import History, NoPastChain
from optix.features.market.lanes import Market, MarketAgreementNeeded, OpenMarket
from optix.features.market.repeated_chains import CACHE_CONTROL, repeated_chains_of
from optix.features.market.service import ContractSymbol, ExpiredContract, UnknownContract
from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.instrument import MalformedContract, Right
from optix.kernel.symbols import MalformedSymbol
from optix.platform.bus import BusUnavailable, FeedUnavailable
from optix.platform.http import errors, not_modified
from optix.ports.history import HistoryTooNew, HistoryUnavailable
from optix.ports.market_data import ProviderUnavailable, UnknownExpiration, UnknownSymbol

Symbol = Annotated[
    str, Path(max_length=limits.SYMBOL_LENGTH_MAX, description="Stock, ETF or index, like SPY.")
]
_AWAY = (FeedUnavailable, BusUnavailable, ProviderUnavailable)
_SYMBOL_ERRORS = (MalformedSymbol, ContractSymbol, UnknownSymbol, MarketAgreementNeeded, *_AWAY)

router = APIRouter(prefix="/api/v1", tags=["market"])


@router.get("/market/status")
async def get_status(market: OpenMarket) -> schemas.MarketStatus:
    """Return the state of the market feed and of the exchange day."""
    return market.status()


@router.get("/market/calendar", responses=errors(InvalidInput, OutsideCalendar))
async def get_calendar(
    market: OpenMarket,
    *,
    start: Annotated[date | None, Query(description="First date; the market's today.")] = None,
    end: Annotated[date | None, Query(description="Last date; a year after `start`.")] = None,
) -> schemas.MarketCalendar:
    """Return the exchange's sessions, holidays and early closes."""
    return market.calendar(start, end)


@router.get("/quotes/{symbol}", responses=errors(*_SYMBOL_ERRORS))
async def get_quote(symbol: Symbol, market: Market) -> schemas.Quote:
    """Return the quote of a stock, ETF or index, and keep it live for half a minute."""
    return await market.get_quote(symbol)


@router.get("/quotes", responses=errors(InvalidInput, MarketAgreementNeeded))
async def get_quotes(
    market: Market,
    *,
    symbols: Annotated[
        str,
        Query(
            min_length=1,
            max_length=limits.QUOTE_SYMBOLS_PER_REQUEST_MAX * limits.SYMBOL_LENGTH_MAX,
            description="Comma-separated symbols.",
            examples=["SPY,AAPL"],
        ),
    ],
) -> schemas.QuoteList:
    """Return several quotes; symbols that cannot be served are listed with the reason."""
    return await market.get_quotes([s.strip() for s in symbols.split(",") if s.strip()])


@router.get("/options/expirations/{symbol}", responses=errors(*_SYMBOL_ERRORS))
async def get_expirations(symbol: Symbol, market: Market) -> schemas.ExpirationList:
    """Return the listed expirations with their settlement and expected move."""
    return await market.list_expirations(symbol)


@router.get(
    "/options/chain/{symbol}",
    response_model=schemas.Chain,
    responses={
        **errors(
            *(*_SYMBOL_ERRORS, UnknownExpiration, BadChainFilter),
            *(InvalidInput, NoPastChain, HistoryUnavailable, HistoryTooNew),
        ),
        304: {"description": "Not modified since the ETag you sent."},
    },
)
async def get_chain(
    request: Request,
    symbol: Symbol,
    market: Market,
    history: History,
    *,
    expiration: Annotated[
        date | None, Query(description="Exchange date; the next open one when left out.")
    ] = None,
    strikes: Annotated[
        int | None,
        Query(
            ge=1,
            le=limits.CHAIN_STRIKES_MAX,
            description="So many strikes nearest to the spot.",
        ),
    ] = None,
    moneyness: Annotated[Moneyness, Query()] = "all",
    delta_min: Annotated[
        float | None, Query(ge=0, le=1, allow_inf_nan=False, description="Of absolute delta.")
    ] = None,
    delta_max: Annotated[
        float | None, Query(ge=0, le=1, allow_inf_nan=False, description="Of absolute delta.")
    ] = None,
    right: Annotated[Right | None, Query(description="C or P; both when left out.")] = None,
    as_of: Annotated[
        AwareDatetime | None,
        Query(description="A past instant: the chain as it was known then, from the history."),
    ] = None,
) -> Response:
    """Return one expiration with OPTIX IV and Greeks beside the vendor's own."""
    wanted = ChainFilter(
        strikes=strikes,
        moneyness=moneyness,
        delta_min=delta_min,
        delta_max=delta_max,
        right=right,
    )
    if as_of is None:
        chain = await market.get_chain(symbol, expiration, wanted)
        if expiration is not None:  # which one is the next changes with the clock
            repeated_chains_of(request).learn(request, chain.key, wanted)
    else:
        chain = await history.get_chain(symbol, expiration, wanted, as_of)
    return not_modified(request, chain.etag) or Response(
        chain.body,
        media_type="application/json",
        headers={"ETag": chain.etag, "Cache-Control": CACHE_CONTROL},
    )


@router.get(
    "/options/contracts/{contract}",
    responses=errors(
        MalformedContract,
        ExpiredContract,
        UnknownContract,
        UnknownSymbol,
        MarketAgreementNeeded,
        *_AWAY,
    ),
)
async def get_contract(
    market: Market,
    *,
    contract: Annotated[
        str,
        Path(
            max_length=limits.CONTRACT_TEXT_LENGTH_MAX,
            description="Any common spelling, like AAPL250117C00175000.",
        ),
    ],
) -> schemas.ContractQuote:
    """Return one option contract with its quote, IV and Greeks."""
    return await market.get_contract(contract)


@router.get("/symbols/search", responses=errors(*_AWAY))
async def search_symbols(
    market: OpenMarket,
    *,
    q: Annotated[str, Query(min_length=1, max_length=limits.SEARCH_TEXT_LENGTH_MAX)],
    limit: Annotated[int, Query(ge=1, le=limits.SEARCH_RESULTS_MAX)] = 20,
) -> schemas.SymbolMatches:
    """Return symbols by ticker or name, best match first."""
    return await market.search(q, limit)
