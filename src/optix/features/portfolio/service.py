"""One portfolio over all accounts: what brokers hold, valued at the market as its owner sees it.

What an owner holds is compiled once and kept while no snapshot and no trade is new; the market is
read into its columns for each answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from optix.features.brokerage.service import BrokerageService, Line, LineFilter
from optix.features.market import calendar
from optix.features.market.service import MarketService
from optix.features.portfolio import encoding, schemas, totals
from optix.features.portfolio.closes import Betas, KeptAnswers, fetch_closes, fetch_events
from optix.features.portfolio.comovement import BENCHMARK
from optix.features.portfolio.day import Day, day_of
from optix.features.portfolio.encoding import Encoded
from optix.features.portfolio.exposures import exposure_of
from optix.features.portfolio.greeks import Exposures, exposures_of
from optix.features.portfolio.holding import compile_holding
from optix.features.portfolio.scenarios import Axes, copied, scenarios_of, told_scenarios
from optix.features.portfolio.schemas_exposure import PortfolioExposure, Upcoming
from optix.features.portfolio.upcoming import upcoming_of
from optix.features.portfolio.valuing import Valuer
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class Kept:
    """A compiled holding, and what it was compiled from."""

    stamp: tuple[Any, ...]
    valuer: Valuer
    heads: Sequence[bytes]
    day: Day
    session: date


class PortfolioService:
    """Answers of the portfolio endpoints. Writes nothing."""

    def __init__(self, brokerage: BrokerageService, clock: Clock) -> None:
        self._brokerage = brokerage
        self._clock = clock
        self._closes = KeptAnswers(clock, fetch_closes)
        self._events = KeptAnswers(clock, fetch_events)
        self._betas = Betas()
        self._kept: WeakKeyDictionary[MarketService, OrderedDict[UserId, Kept]] = (
            WeakKeyDictionary()
        )

    async def get_portfolio(self, owner: UserId, market: MarketService) -> Encoded:
        """Return `schemas.Portfolio`: sums by currency, Greeks with coverage, the accounts."""
        kept, found = await self._valued(owner, market, wait=False)
        at = self._now()
        told = totals.portfolio_of(kept.valuer, found, kept.day, kept.session, at)
        return encoding.encoded_model(told, at)

    async def list_positions(self, owner: UserId, market: MarketService) -> Encoded:
        """Return `schemas.PositionList`: every position of every account, valued now."""
        kept, found = await self._valued(owner, market, wait=False)
        rows = encoding.encode_positions(kept.valuer, found, kept.heads)
        accounts = [
            each.model_dump(mode="json") for each in totals.accounts_of(kept.valuer, kept.day)
        ]
        parts = b'{"positions":[%b],"accounts":%b' % (rows, orjson.dumps(accounts))
        return encoding.encoded(parts, self._now())

    async def get_greeks(self, owner: UserId, market: MarketService) -> Encoded:
        """Return `schemas.PortfolioGreeks`: in total, by underlying and by account."""
        kept, found = await self._valued(owner, market, wait=True)
        at = self._now()
        return encoding.encoded_model(totals.greeks_of(kept.valuer, found, at), at)

    async def get_exposure(self, owner: UserId, market: MarketService) -> Encoded:
        """Return `schemas_exposure.PortfolioExposure`: where it is exposed, how alike it moves."""
        kept, found = await self._valued(owner, market, wait=True)
        closes = self._closes.find(market, kept.valuer.symbols, kept.session)
        at = self._now()
        fields = exposure_of(kept.valuer, found, closes)
        return encoding.encoded_model(PortfolioExposure(**fields, as_of=at), at)

    async def get_scenarios(
        self,
        owner: UserId,
        market: MarketService,
        axes: Axes,
        *,
        by_beta: bool,
        by_underlying: bool,
    ) -> Encoded:
        """Return `schemas_exposure.Scenarios`: gains over spot, volatility and days.

        The columns are copied and priced in a thread: a full book takes a while.
        """
        kept, found = await self._valued(owner, market, wait=by_beta)
        betas = found.betas if by_beta else None
        still = copied(kept.valuer)
        matrix = await asyncio.to_thread(scenarios_of, still, axes, betas)
        at = self._now()
        told = told_scenarios(matrix, axes, betas, at, by_underlying=by_underlying)
        return encoding.encoded_model(told, at)

    async def list_upcoming(self, owner: UserId, market: MarketService, days: int) -> Encoded:
        """Return `schemas_exposure.Upcoming`: what expires, pays or reports within so many days."""
        kept, _ = await self._valued(owner, market, wait=False)
        today = calendar.exchange_date(market.now_ns())
        held = [each for each in kept.valuer.symbols if each in kept.valuer.holding.symbols]
        events = await self._events.get(market, held, today)
        fields = upcoming_of(kept.valuer, events, today, today + timedelta(days=days))
        at = self._now()
        return encoding.encoded_model(Upcoming(**fields, as_of=at), at)

    async def list_transactions(
        self, owner: UserId, wanted: LineFilter, *, cursor: str | None
    ) -> schemas.TransactionList:
        """Return a page of history, the newest first. Errors: LinesCursorUnreadable."""
        page = await self._brokerage.page_lines(
            owner, wanted, cursor=cursor, limit=limits.TRANSACTIONS_PAGE_MAX
        )
        return schemas.TransactionList(
            transactions=[_transaction(line) for line in page.lines], next=page.next
        )

    async def compiled(self, owner: UserId, market: MarketService) -> Kept:
        """Return what an owner holds now, compiled; its market is neither opened nor read."""
        session = session_of(market)
        accounts = await self._brokerage.list_held(owner)
        lines = await self._brokerage.list_day(owner, session)
        of_market = self._kept.setdefault(market, OrderedDict())
        stamp = (session, tuple(accounts_stamp(each) for each in accounts), tuple(lines))
        kept = of_market.get(owner)
        if kept is None or kept.stamp != stamp:
            day = day_of(lines, accounts)
            holding = compile_holding(accounts, day)
            marks = market.marks_of({*holding.symbols, BENCHMARK}, holding.contracts)
            kept = Kept(stamp, Valuer(holding, marks), encoding.heads_of(holding), day, session)
        of_market[owner] = kept
        of_market.move_to_end(owner)
        positions = sum(len(each.valuer.holding) for each in of_market.values())
        while positions > limits.PORTFOLIO_POSITIONS_KEPT_MAX and len(of_market) > 1:
            positions -= len(of_market.popitem(last=False)[1].valuer.holding)
        return kept

    def exposures(self, kept: Kept, market: MarketService) -> Exposures:
        """Return the Greeks of what was valued, with the betas that are known by now."""
        found = self._closes.find(market, kept.valuer.symbols, session_of(market))
        return exposures_of(kept.valuer, self._betas.of(found))

    async def _valued(
        self, owner: UserId, market: MarketService, *, wait: bool
    ) -> tuple[Kept, Exposures]:
        """Value what an owner holds; with `wait` betas are waited for, for a moment."""
        kept = await self.compiled(owner, market)
        await kept.valuer.marks.open()
        if wait:
            await self._closes.get(market, kept.valuer.symbols, kept.session)
        kept.valuer.update()
        return kept, self.exposures(kept, market)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def session_of(market: MarketService) -> date:
    """Return the session that quotes and their previous closes are of."""
    return calendar.session_on_or_before(calendar.exchange_date(market.now_ns()))


def accounts_stamp(account: Any) -> tuple[Any, ...]:
    """Return all that an answer says of an account, its snapshot by its name."""
    return tuple(getattr(account, name) for name in type(account).__slots__ if name != "snapshot")


def _transaction(line: Line) -> schemas.Transaction:
    activity = line.activity
    return schemas.Transaction(
        id=line.id,
        account_id=line.account_id,
        kind=activity.kind,
        status=activity.status,
        day=activity.day,
        at=activity.at,
        settles=activity.settles,
        asset=None if activity.asset is None else encoding.asset_of(activity.asset),
        quantity=encoding.text(activity.quantity),
        price=None if activity.price is None else encoding.text(activity.price.value),
        cash=activity.cash.text,
        fees=None if activity.fees is None else activity.fees.text,
        currency=activity.cash.currency,
        effect=activity.effect,
        order_id=activity.order_id,
        group=activity.group,
        description=activity.description,
        source=line.source,
        disputed=line.absent_since is not None,
    )
