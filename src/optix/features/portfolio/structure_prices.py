"""What structures ask of prices: a mark per share and a volatility, of many assets at once.

`MarkOf` is all they need. `marks_of_market` answers it from the market's quotes: the middle of bid
and ask where both are there, else the last trade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from optix.features.market.schemas import ContractQuote, Quote
from optix.features.market.service import MarketService
from optix.kernel.errors import OptixError


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureMark:
    """A price per share, None where the market says none, and a volatility where it has one."""

    price: Decimal | None
    volatility: float | None = None
    rate: float | None = None
    reason: str = ""


class MarkOf(Protocol):
    """Returns a mark of every symbol that is asked for: of shares, and of contracts by key."""

    async def __call__(
        self, market: MarketService, *, shares: Sequence[str], contracts: Sequence[str]
    ) -> dict[str, StructureMark]: ...


async def marks_of_market(
    market: MarketService, *, shares: Sequence[str], contracts: Sequence[str]
) -> dict[str, StructureMark]:
    """Ask the market's quotes; what it does not know has no price and says why."""
    answers = await asyncio.gather(
        *(market.get_quote(symbol) for symbol in shares),
        *(market.get_contract(key) for key in contracts),
        return_exceptions=True,
    )
    found: dict[str, StructureMark] = {}
    for name, answer in zip([*shares, *contracts], answers, strict=True):
        if isinstance(answer, Quote):
            found[name] = StructureMark(price=_price(answer.bid, answer.ask, answer.last))
        elif isinstance(answer, ContractQuote):
            contract = answer.contract
            found[name] = StructureMark(
                price=_price(contract.bid, contract.ask, contract.last),
                volatility=contract.iv,
                rate=None if answer.root is None else answer.root.rate,
            )
        elif isinstance(answer, OptixError):
            found[name] = StructureMark(price=None, reason=answer.code)
        elif isinstance(answer, BaseException):
            raise answer
    return found


def _price(bid: float | None, ask: float | None, last: float | None) -> Decimal | None:
    if bid and ask and bid <= ask:
        return Decimal(repr((bid + ask) / 2))
    return None if last is None else Decimal(repr(last))
