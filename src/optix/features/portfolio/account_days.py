"""Makes the days of accounts from what brokers said and what markets closed at.

A projection: it reads snapshots, history and closes, and writes `account_day` until both say the
same. Made twice, or from nothing, it gives the same rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final
from uuid import UUID

from optix.features.brokerage.service import BrokerageService, HeldAccount
from optix.features.market import calendar
from optix.features.portfolio import repository_performance as repository
from optix.features.portfolio.returns.equity import (
    AccountHistory,
    EquityDay,
    Head,
    equity_days,
    is_counted,
)
from optix.features.portfolio.returns.flows import BorderFlow, HistoryLine, PriceOf, border_flows
from optix.kernel import limits
from optix.kernel.clock import to_ns
from optix.kernel.holding import AccountSnapshot, Asset, AssetKind
from optix.kernel.ids import UserId
from optix.kernel.money import Price
from optix.platform.db import Database
from optix.ports.history import HistoryKeeper, HistoryReader
from optix.ports.market_data import BarInterval

CLOSED: Final = frozenset({AssetKind.STOCK, AssetKind.ETF})  # what has daily bars
_TICK: Final = Decimal("0.0001")

Closes = dict[str, dict[date, Decimal]]


class AccountDays:
    """Projects one owner at a time. `keeper` is None where no market history is kept."""

    def __init__(
        self, database: Database, brokerage: BrokerageService, keeper: HistoryKeeper | None
    ) -> None:
        self._database = database
        self._brokerage = brokerage
        self._keeper = keeper

    async def project(self, owner: UserId) -> int:
        """Make the rows of `owner` be what the sources say; return how many changed.

        Effects: writes account_day.
        Errors:  HistoryUnavailable, HistoryTooNew.
        """
        days = await self._days(owner)
        async with self._database.writing(owner=owner) as session:
            stored = await repository.list_days(session, owner)
            return await repository.save_days(session, owner, days, stored)

    async def _days(self, owner: UserId) -> list[EquityDay]:
        accounts = await self._brokerage.list_held(owner)
        heads = {
            account.id: heads_of(await self._brokerage.list_day_heads(owner, account.id))
            for account in accounts
        }
        lines = [
            line
            for each in await self._brokerage.list_history(owner)
            if each.absent_since is None
            and is_counted(
                line := HistoryLine(id=each.id, account=each.account_id, activity=each.activity)
            )
        ]
        first, last = _span(heads, lines)
        if first is None or last is None:
            return []
        # The session before the first line has a value too.
        price_of = await self._prices(_assets(heads, lines), first - timedelta(days=7), last)
        flows = border_flows(lines, price_of)
        found: list[EquityDay] = []
        for account in accounts:
            history = _history(account, heads[account.id], lines, flows)
            found += await asyncio.to_thread(equity_days, history, price_of)
        return found

    async def _prices(self, assets: set[str], first: date, last: date) -> PriceOf:
        closes: Closes = {}
        if self._keeper is not None and assets:
            closes = await asyncio.to_thread(
                _read_closes, self._keeper.reader(), sorted(assets), first, last
            )

        def price_of(asset: Asset, day: date) -> Decimal | None:
            return closes.get(asset.symbol, {}).get(day) if asset.kind in CLOSED else None

        return price_of


def _read_closes(reader: HistoryReader, symbols: Sequence[str], first: date, last: date) -> Closes:
    """Return stored closes as they were traded; an adjusted series is of another quantity."""
    found: Closes = {}
    for symbol in symbols:
        bars = reader.bars(symbol, BarInterval.DAY_1, start=first, end=last)
        if bars is None or bars.adjusted:
            continue
        found[symbol] = {
            calendar.exchange_date(bar.ts_event): Price.from_float(bar.close, _TICK).value
            for bar in bars.rows
            if isfinite(bar.close)
        }
    return found


def heads_of(snapshots: Sequence[AccountSnapshot]) -> list[Head]:
    """Return the last snapshot of each session, by the day in New York.

    One of a day without a session says nothing of the session before: what came in meanwhile
    is in it.
    """
    found: dict[date, Head] = {}
    for each in snapshots:
        at_ns = to_ns(each.as_of)
        day = calendar.exchange_date(at_ns)
        if calendar.is_trading_day(day):
            found[day] = Head(day=day, at_close=at_ns >= calendar.closes_at(day), snapshot=each)
    return [found[day] for day in sorted(found)]


def _span(
    heads: dict[UUID, list[Head]], lines: Sequence[HistoryLine]
) -> tuple[date | None, date | None]:
    known = [head.day for own in heads.values() for head in own]
    if not known:
        return None, None
    days = [*known, *(each.activity.day for each in lines)]
    return max(min(days), calendar.first_day()), max(known)


def _history(
    account: HeldAccount,
    heads: Sequence[Head],
    lines: Sequence[HistoryLine],
    flows: Sequence[BorderFlow],
) -> AccountHistory:
    own = [each for each in lines if each.account == account.id]
    first, last = _span({account.id: list(heads)}, own)
    sessions: list[date] = []
    if first is not None and last is not None:
        sessions = list(calendar.iter_sessions(first, last))
        before = calendar.previous_session(sessions[0]) if sessions else None
        # The end of the session before the first line is where its return begins.
        if before is not None and own and before >= calendar.first_day():
            sessions.insert(0, before)
    return AccountHistory(
        account=account.id,
        heads=heads,
        lines=own,
        flows=[each for each in flows if each.line.account == account.id],
        sessions=sessions[-limits.PERFORMANCE_SESSIONS_MAX :],
        read_from=account.history_first,
    )


def _assets(heads: dict[UUID, list[Head]], lines: Sequence[HistoryLine]) -> set[str]:
    held = [
        position.asset
        for own in heads.values()
        for head in own
        for position in head.snapshot.positions
    ]
    moved = [each.activity.asset for each in lines if each.activity.asset is not None]
    return {asset.symbol for asset in (*held, *moved) if asset.kind in CLOSED}
