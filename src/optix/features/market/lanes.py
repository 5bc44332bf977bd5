"""Which market somebody is shown: the feed itself, or the delayed one beside it.

Where the feed is real time and a declaration is needed, a user without one is shown the delayed
lane: a feed of its own with its own keys on the bus, so that no real-time number can slip through.
Where no delayed feed runs, such a user is told what to sign. A feed that is delayed, replayed or
simulated anyway is everybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from optix.features.identity.access import CurrentUser
from optix.features.market.agreements import MarketAgreements
from optix.features.market.book import MarketBook
from optix.features.market.rules import Standing, may_see_realtime
from optix.features.market.schemas_agreement import Lane
from optix.features.market.service import MarketService
from optix.kernel.clock import Clock
from optix.kernel.errors import Forbidden
from optix.kernel.ids import UserId
from optix.kernel.quote import Quality
from optix.platform.db import Database


class MarketAgreementNeeded(Forbidden):
    """Real-time prices are for those who declared that they may see them."""

    code = "market_agreement_needed"
    next_step = "Sign the market data agreement (`POST /api/v1/market/agreement`)."


_WHY = {
    Standing.UNDECLARED: "Real-time prices need the market data agreement, which is not signed.",
    Standing.OUTDATED: "The market data agreement has changed since it was signed.",
    Standing.PROFESSIONAL: "Real-time prices are licensed here for non-professionals only.",
}


@dataclass(frozen=True, slots=True)
class MarketLane:
    """One market as readers see it."""

    name: Lane
    book: MarketBook
    market: MarketService


class MarketLanes:
    """Chooses by user. `delayed` is None where no such feed runs."""

    def __init__(
        self,
        main: MarketLane,
        delayed: MarketLane | None,
        agreements: MarketAgreements,
        *,
        required: bool,
        professionals: bool,
    ) -> None:
        self.main = main
        self.delayed = delayed
        self.agreements = agreements
        self._required = required
        self._professionals = professionals

    @classmethod
    def wire(
        cls,
        book: MarketBook,
        *,
        delayed: MarketBook | None = None,
        database: Database,
        clock: Clock,
        required: bool = False,
        professionals: bool = False,
    ) -> Self:
        """Build the lanes over their books."""
        return cls(
            MarketLane("main", book, MarketService(book, clock)),
            MarketLane("delayed", delayed, MarketService(delayed, clock)) if delayed else None,
            MarketAgreements(database, clock),
            required=required,
            professionals=professionals,
        )

    @property
    def books(self) -> list[MarketBook]:
        return [lane.book for lane in (self.main, self.delayed) if lane is not None]

    @property
    def needed(self) -> bool:
        """Whether a declaration decides what somebody is shown now."""
        return self._required and self.main.book.feed_status().quality == Quality.REALTIME

    async def lane_of(self, owner: UserId) -> MarketLane:
        """Raises MarketAgreementNeeded where nothing may be shown to `owner`."""
        if not self.needed:
            return self.main
        standing = await self.agreements.standing(owner)
        if may_see_realtime(standing, professionals=self._professionals):
            return self.main
        if self.delayed is not None:
            return self.delayed
        if standing is Standing.PROFESSIONAL:
            raise MarketAgreementNeeded(
                _WHY[standing], next_step="Ask the operator of this server for a licence."
            )
        raise MarketAgreementNeeded(_WHY[standing])

    def shown(self, standing: Standing) -> tuple[Lane, str]:
        """Return what somebody of `standing` is shown, and why it is not real time."""
        if not self.needed:
            return self.main.name, ""
        if may_see_realtime(standing, professionals=self._professionals):
            return self.main.name, ""
        return ("none" if self.delayed is None else "delayed"), _WHY[standing]


def lanes_of(connection: HTTPConnection) -> MarketLanes:
    """Return the lanes of the app that serves this request."""
    return cast("MarketLanes", connection.app.state.market_lanes)


async def market_of(connection: HTTPConnection, user: CurrentUser) -> MarketService:
    """Errors: those of `current_user`; MarketAgreementNeeded."""
    return (await lanes_of(connection).lane_of(user.id)).market


async def market_or_main(connection: HTTPConnection, user: CurrentUser) -> MarketService:
    """The same for what is nobody's property: states, calendars, names."""
    lanes = lanes_of(connection)
    try:
        return (await lanes.lane_of(user.id)).market
    except MarketAgreementNeeded:
        return lanes.main.market


Market = Annotated[MarketService, Depends(market_of)]
OpenMarket = Annotated[MarketService, Depends(market_or_main)]
Lanes = Annotated[MarketLanes, Depends(lanes_of)]
