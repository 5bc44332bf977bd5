"""One user who is signed in at Webull: what is read, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.webull import positions, translate, wire
from optix.adapters.brokers.webull.client import LABEL, PAGE_ROWS, WebullClient
from optix.adapters.brokers.webull.parsers import balance_of, positions_of, rows_of
from optix.adapters.brokers.webull.translate import NEW_YORK, day_of
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.holding import AccountSnapshot, Position
from optix.kernel.order import Order
from optix.ports.broker import ActivityPage, BrokerAccount, BrokerUnreadable

GOOD_TILL_DAYS: Final = 90  # that an order may work after it was placed
_DAY: Final = timedelta(days=1)


class WebullSession:
    """Effects: none but requests; each read is signed on its own."""

    def __init__(
        self, client: WebullClient, clock: Clock, *, history_days: int, simulated: bool
    ) -> None:
        self._client = client
        self._clock = clock
        self._history_days = history_days
        self._simulated = simulated

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        return translate.login_key(await self._accounts())

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        return translate.accounts(await self._accounts(), simulated=self._simulated)

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        balance = balance_of(await self._client.fetch_balance(account.key))
        found = await self._positions(account)
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(found),
            balances=tuple(translate.balances(balance)),
            warnings=tuple(positions.warnings(found)),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return those that work, and those that were placed today."""

        async def ask_open(cursor: str) -> Any:
            return await self._client.fetch_open_orders(account.key, cursor)

        today = day_of(self._now())
        found: dict[str, Order] = {}
        for ask in (ask_open, self._history(account, today, today)):
            async for rows, _ in self._pages(ask):
                found |= {order.id: order for order in translate.orders(rows)}
        return list(found.values())  # the later answer counts

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield what was filled in the days. Webull selects orders by their placing, days before.

        An order that was placed before all of its history is in none.
        """
        oldest = day_of(self._now()) - timedelta(days=self._history_days)
        since = max(first - timedelta(days=GOOD_TILL_DAYS), min(first, oldest))
        known: set[str] = set()
        async for rows, is_last in self._pages(self._history(account, since, last)):
            lines = [row for row in translate.activities(rows) if row.id not in known]
            known |= {row.id for row in lines}
            yield ActivityPage(
                rows=[row for row in lines if first <= row.day <= last], last=is_last
            )

    async def close(self) -> None:
        await self._client.close()

    async def _accounts(self) -> list[wire.Account]:
        return rows_of(wire.Account, await self._client.fetch_accounts())

    async def _positions(self, account: BrokerAccount) -> list[Position]:
        told = await self._client.fetch_positions(account.key)
        if not isinstance(told, Mapping) or "holdings" not in told:
            return positions_of(told)
        found: list[wire.Holding] = []
        for _ in range(limits.BROKER_PAGES_MAX):
            page = read(wire.Holdings, told, LABEL)
            known = {each.instrument_id for each in found}
            found += [each for each in page.holdings if each.instrument_id not in known]
            if not page.has_next:
                return positions.holdings(found)
            if not page.holdings or page.holdings[-1].instrument_id in known:
                raise BrokerUnreadable(f"{LABEL} gives the same page again and again.")
            told = await self._client.fetch_positions(account.key, page.holdings[-1].instrument_id)
        raise BrokerUnreadable(f"{LABEL} has more positions than can be.")

    def _history(
        self, account: BrokerAccount, first: date, last: date
    ) -> Callable[[str], Awaitable[Any]]:
        since, until = _midnight(first), _midnight(last + _DAY)

        async def ask(cursor: str) -> Any:
            return await self._client.fetch_history(account.key, since, until, cursor)

        return ask

    async def _pages(
        self, ask: Callable[[str], Awaitable[Any]]
    ) -> AsyncIterator[tuple[list[wire.Order], bool]]:
        """Yield the orders of each page, and whether it is the last one."""
        cursor, seen = "", set[str]()
        for _ in range(limits.BROKER_PAGES_MAX):
            told = await ask(cursor)
            groups = rows_of(wire.OrderGroup, told)
            cursor = self._next(told, groups)
            if cursor in seen:
                raise BrokerUnreadable(f"{LABEL} gives the same page again and again.")
            seen.add(cursor)
            yield [order for group in groups for order in group.orders], not cursor
            if not cursor:
                return
        raise BrokerUnreadable(f"{LABEL} has more orders than can be read at once.")

    def _next(self, told: Any, groups: Sequence[wire.OrderGroup]) -> str:
        """Return what the next page is asked for by, '' behind the last one."""
        if isinstance(told, Mapping) and told.get("pagination_key"):
            return read(wire.Page, told, LABEL).pagination_key
        if self._client.paths.cursor == "last_client_order_id" and len(groups) >= PAGE_ROWS:
            if not groups[-1].client_order_id:
                raise BrokerUnreadable(
                    f"{LABEL} does not say where the next page of orders begins."
                )
            return groups[-1].client_order_id
        return ""

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=NEW_YORK)
