"""One user who is signed in at E*TRADE: what is read, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date

from optix.adapters.brokers.etrade import translate, wire
from optix.adapters.brokers.etrade.assets import day_of
from optix.adapters.brokers.etrade.client import (
    LABEL,
    OPEN_STATUSES,
    TRANSACTION_PAGE_ROWS,
    EtradeClient,
    orders_of_day,
)
from optix.adapters.brokers.etrade.parsers import (
    accounts_of,
    balance_of,
    orders_of,
    portfolios_of,
    transactions_of,
)
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.holding import AccountSnapshot
from optix.kernel.order import Order
from optix.ports.broker import ActivityPage, BrokerAccount, BrokerUnavailable, BrokerUnreadable


class EtradeSession:
    """Effects: none but requests; each read is signed on its own."""

    def __init__(self, client: EtradeClient, clock: Clock, *, simulated: bool) -> None:
        self._client = client
        self._clock = clock
        self._simulated = simulated

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        return translate.login_key(accounts_of(await self._client.fetch_accounts()))

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        told = accounts_of(await self._client.fetch_accounts())
        return translate.accounts(told, simulated=self._simulated)

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        balance = balance_of(await self._client.fetch_balance(account.key))
        told = await self._positions(account)
        found = translate.positions(told)
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(found),
            balances=(translate.balance(balance),),
            warnings=tuple(translate.warnings(told, found)),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return today's orders, and those of before that still work."""
        today = day_of(to_datetime(self._clock.now_ns()))
        found: dict[str, wire.Order] = {}
        for asked in (orders_of_day(today), *({"status": word} for word in OPEN_STATUSES)):
            for order in await self._orders(account, asked):
                found.setdefault(order.order_id, order)
        return translate.orders(found.values())

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield the lines, a page for each of E*TRADE's, whose markers do not move."""
        known: set[str] = set()
        marker, total, size = "", 0, 0
        for _ in range(limits.BROKER_PAGES_MAX):
            raw = await self._client.fetch_transactions(account.key, first, last, marker)
            told = wire.Transactions() if raw is None else transactions_of(raw)
            fresh = [row for row in told.transaction if row.transaction_id not in known]
            known |= {row.transaction_id for row in fresh}
            marker, total = told.marker.strip(), max(total, told.total_count or 0)
            size = len(told.transaction) or size
            # Not by `moreTransactions`, which is false where there are more.
            ended = not marker or not fresh
            # A short page is the end, whatever is counted; a full one is not where more is counted.
            if ended and len(known) < total and size >= TRANSACTION_PAGE_ROWS:
                raise BrokerUnavailable(f"{LABEL} told only a part of the history.")
            rows = [row for row in translate.activities(fresh) if first <= row.day <= last]
            yield ActivityPage(rows=rows, last=ended)
            if ended:
                return
        raise BrokerUnreadable(f"{LABEL} has more history than can be read at once.")

    async def close(self) -> None:
        await self._client.close()

    async def _positions(self, account: BrokerAccount) -> list[wire.Position]:
        found: list[wire.Position] = []
        page, asked = "1", set[str]()
        for _ in range(limits.BROKER_PAGES_MAX):
            asked.add(page)
            raw = await self._client.fetch_portfolio(account.key, page)
            portfolios = [] if raw is None else portfolios_of(raw)
            found += [row for each in portfolios for row in each.position]
            page = next((each.next_page_no for each in portfolios if each.next_page_no), "")
            if not page or page == "0":
                return found
            if page in asked:
                raise BrokerUnreadable(f"{LABEL} gives the same page again and again.")
        raise BrokerUnreadable(f"{LABEL} has more positions than can be.")

    async def _orders(self, account: BrokerAccount, asked: Mapping[str, str]) -> list[wire.Order]:
        found: dict[str, wire.Order] = {}
        marker = ""
        for _ in range(limits.BROKER_PAGES_MAX):
            raw = await self._client.fetch_orders(account.key, asked, marker)
            told = wire.Orders() if raw is None else orders_of(raw)
            fresh = [order for order in told.order if order.order_id not in found]
            found |= {order.order_id: order for order in fresh}
            marker = told.marker.strip()
            if not marker or not fresh:
                return list(found.values())
        raise BrokerUnreadable(f"{LABEL} has more orders than can be.")
