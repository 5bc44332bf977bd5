"""The sandbox brokerage: paper accounts with a history, and paper orders filled on the feed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.market import calendar
from optix.features.sandbox import repository, seeding
from optix.features.sandbox.grants import SandboxClient, SandboxGrants, digest_of
from optix.features.sandbox.models import SandboxAccount, SandboxHolder, SandboxOrder
from optix.features.sandbox.quotes import PaperQuotes, quotes_of
from optix.features.sandbox.rules import (
    ZERO,
    PaperLeg,
    PaperOrderRefused,
    PaperQuote,
    asset_of,
    cash_of,
    check_order,
    fees_of,
    holdings_of,
    net_price,
    prices_of,
    why_not,
)
from optix.features.sandbox.schemas import (
    PaperBalances,
    PaperOrderAsked,
    PaperPosition,
)
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import NotFound
from optix.kernel.ids import new_uuid
from optix.kernel.money import Money, Price
from optix.platform.db import Database, ReadSession, WriteSession

ACCOUNT_NAME: Final = "Paper margin"
Tell = Callable[[UUID], None]  # takes the holder whose account changed; must not wait


class PaperAccountUnknown(NotFound):
    code = "paper_account_unknown"
    next_step = "Ask for the list of accounts."


class PaperOrderUnknown(NotFound):
    code = "paper_order_unknown"
    next_step = "Ask for the list of orders."


def text_of(amount: Decimal) -> str:
    return format(amount, "f")


class Sandbox:
    """Everything that the sandbox's edge asks for."""

    def __init__(
        self, database: Database, clock: Clock, *, quotes: PaperQuotes, client: SandboxClient
    ) -> None:
        self._database = database
        self._clock = clock
        self._quotes = quotes
        self.grants = SandboxGrants(database, clock, client)
        self._tell: Tell = _nobody

    def tell_changes_to(self, tell: Tell) -> None:
        """Let `tell` know whose account changed, each time one did."""
        self._tell = tell

    # Holders

    async def open_account(self) -> str:
        """Make a holder with an account and a year of history; return the holder's key."""
        key, seed = secrets.token_urlsafe(32), secrets.token_hex(8)
        prices = await self._opening_prices()
        now = to_datetime(self._clock.now_ns())
        holder = SandboxHolder(id=new_uuid(), key_digest=digest_of(key), created_at=now)
        account = SandboxAccount(
            id=new_uuid(),
            holder_id=holder.id,
            number=f"PA{secrets.randbelow(10**10):010d}",
            name=ACCOUNT_NAME,
            seed=seed,
            opened_on=self._today(),
        )
        lines = seeding.year_of(seed, self._today(), prices)
        async with self._database.writing() as session:
            session.add(holder)
            await session.flush()  # the account refers to it
            session.add(account)
            await session.flush()  # the lines refer to it
            await repository.add_history(session, account, lines)
        return key

    async def find_holder(self, key: str) -> UUID | None:
        async with self._database.reading() as session:
            holder = await repository.find_holder(session, digest_of(key))
        return None if holder is None else holder.id

    # Reading

    async def list_accounts(self, holder: UUID) -> Sequence[SandboxAccount]:
        async with self._database.reading() as session:
            return await repository.list_accounts(session, holder)

    async def list_positions(self, holder: UUID, account: UUID) -> list[PaperPosition]:
        """Return what is held, with the middle of its quote where it has one."""
        history = await self._history(holder, account)
        found = []
        for symbol, holding in sorted(holdings_of(history).items()):
            price = await self._middle(symbol)
            multiplier = asset_of(symbol).multiplier
            value = None if price is None else price * holding.quantity * multiplier
            found.append(
                PaperPosition(
                    symbol=symbol,
                    quantity=text_of(holding.quantity),
                    cost=text_of(round(holding.cost, 8)),
                    price=None if price is None else text_of(price),
                    value=None if value is None else text_of(value),
                )
            )
        return found

    async def get_balances(self, holder: UUID, account: UUID) -> PaperBalances:
        cash = cash_of(await self._history(holder, account))
        values = [each.value for each in await self.list_positions(holder, account)]
        known = [Decimal(value) for value in values if value is not None]
        worth = text_of(cash + sum(known, ZERO)) if len(known) == len(values) else None
        return PaperBalances(currency="USD", cash=text_of(cash), net_liquidation=worth)

    async def list_transactions(
        self, holder: UUID, account: UUID, *, first: date, last: date, after: int
    ) -> tuple[list[Activity], int | None]:
        """Return a page of history and the place that the next one is after."""
        async with self._database.reading() as session:
            await self._account(session, holder, account)
            most = limits.PAPER_PAGE_ROWS_MAX
            rows = await repository.list_history(
                session, account, after=after, first=first, last=last, most=most + 1
            )
        page = rows[:most]
        return [line for _, line in page], page[-1][0] if len(rows) > most else None

    async def list_orders(
        self, holder: UUID, account: UUID
    ) -> list[tuple[SandboxOrder, list[Activity]]]:
        """Return today's orders and those that work, with their fills."""
        midnight = datetime.combine(self._today(), time(), calendar.NEW_YORK).astimezone(UTC)
        async with self._database.reading() as session:
            await self._account(session, holder, account)
            orders = await repository.list_orders(session, account, midnight)
            lines = await repository.list_history(session, account, first=self._today())
        return [
            (order, [line for _, line in lines if line.order_id == str(order.id)])
            for order in orders
        ]

    # Orders

    async def place(self, holder: UUID, account: UUID, asked: PaperOrderAsked) -> UUID:
        """Take an order, and fill it at once where the quotes allow; return its id.

        What cannot be filled is kept as rejected with its reason. Errors: PaperOrderRefused for
        what is no order at all, PaperAccountUnknown.
        """
        legs = [PaperLeg(asset_of(x.symbol).symbol, Decimal(x.quantity)) for x in asked.legs]
        limit = None if asked.net_limit is None else Decimal(asked.net_limit)
        check_order(asked.kind, legs, limit)
        quotes, reason = await self._quoted(legs)
        now = to_datetime(self._clock.now_ns())
        order = SandboxOrder(
            id=new_uuid(),
            holder_id=holder,
            account_id=account,
            status="working",
            kind=asked.kind,
            legs=[{"symbol": leg.symbol, "quantity": text_of(leg.quantity)} for leg in legs],
            net_limit=limit,
            reason="",
            placed_at=now,
            updated_at=now,
        )
        async with self._database.writing() as session:
            found = await self._account(session, holder, account, lock=True)
            if await repository.count_working(session, account) >= limits.PAPER_WORKING_ORDERS_MAX:
                raise PaperOrderRefused("The account has too many orders that rest.")
            session.add(order)
            if reason:
                _reject(order, reason)
            else:
                await self._try(session, found, order, legs, quotes)
        self._tell(holder)
        return order.id

    async def cancel(self, holder: UUID, order: UUID) -> None:
        """Cancel an order that works; one that does not is left. Errors: PaperOrderUnknown."""
        async with self._database.writing() as session:
            found = await repository.find_order(session, holder, order)
            if found is None:
                raise PaperOrderUnknown("There is no such order.")
            await self._account(session, holder, found.account_id, lock=True)
            await session.refresh(found)
            if found.status == "working":
                found.status, found.updated_at = "cancelled", to_datetime(self._clock.now_ns())
        self._tell(holder)

    async def fill_resting(self) -> int:
        """Look at the orders that rest, and fill those whose price is there; return how many."""
        async with self._database.reading() as session:
            resting = await repository.list_working(session, limits.PAPER_RESTING_LOOKED_AT_MAX)
        filled = 0
        for each in resting:
            legs = _legs_of(each)
            quotes, reason = await self._quoted(legs)
            if reason:
                continue  # no quote now is no reason to give up an order that rests
            async with self._database.writing() as session:
                account = await self._account(session, each.holder_id, each.account_id, lock=True)
                order = await repository.find_order(session, each.holder_id, each.id)
                worked = order is not None and order.status == "working"
                if order is not None and worked:
                    await self._try(session, account, order, legs, quotes)
                    filled += order.status == "filled"
            if order is not None and worked and order.status != "working":
                self._tell(each.holder_id)
        return filled

    async def _quoted(self, legs: Sequence[PaperLeg]) -> tuple[dict[str, PaperQuote], str]:
        try:
            return await quotes_of(self._quotes, [leg.symbol for leg in legs]), ""
        except PaperOrderRefused as error:
            return {}, error.detail

    async def _try(
        self,
        session: WriteSession,
        account: SandboxAccount,
        order: SandboxOrder,
        legs: Sequence[PaperLeg],
        quotes: dict[str, PaperQuote],
    ) -> None:
        """Fill an order whole, reject it, or let it rest. The account is locked."""
        prices = prices_of(legs, quotes)
        if prices is None:
            if order.kind == "market":
                _reject(order, "Nobody trades the other side of a leg now.")
            return
        if order.net_limit is not None and net_price(legs, prices) > order.net_limit:
            return
        lines = [line for _, line in await repository.list_history(session, account.id)]
        fills = self._fills(order, legs, prices, lines)
        reason = why_not([*lines, *fills])
        if reason:
            _reject(order, reason)
            return
        await repository.add_history(session, account, fills)
        order.status, order.updated_at = "filled", to_datetime(self._clock.now_ns())

    def _fills(
        self,
        order: SandboxOrder,
        legs: Sequence[PaperLeg],
        prices: dict[str, Decimal],
        history: Sequence[Activity],
    ) -> list[Activity]:
        held = holdings_of(history)
        fills = []
        for leg in legs:
            asset, price = asset_of(leg.symbol), Price(prices[leg.symbol])
            fees = fees_of(asset, leg.quantity)
            before = held[leg.symbol].quantity if leg.symbol in held else ZERO
            closing = before * leg.quantity < 0
            fills.append(
                Activity(
                    id=str(new_uuid()),
                    kind=ActivityKind.TRADE,
                    status=ActivityStatus.POSTED,
                    day=self._today(),
                    at=to_datetime(self._clock.now_ns()),
                    cash=price.cash(leg.quantity, asset.multiplier) - Money(fees),
                    asset=asset,
                    quantity=leg.quantity,
                    price=price,
                    fees=Money(-fees),
                    effect=PositionEffect.CLOSING if closing else PositionEffect.OPENING,
                    order_id=str(order.id),
                    description=f"{'Bought' if leg.quantity > 0 else 'Sold'} "
                    f"{abs(leg.quantity)} {leg.symbol}",
                )
            )
        return fills

    # Parts

    def _today(self) -> date:
        return calendar.exchange_date(self._clock.now_ns())

    async def _history(self, holder: UUID, account: UUID) -> list[Activity]:
        async with self._database.reading() as session:
            await self._account(session, holder, account)
            return [line for _, line in await repository.list_history(session, account)]

    async def _account(
        self, session: ReadSession, holder: UUID, account: UUID, *, lock: bool = False
    ) -> SandboxAccount:
        found = await repository.find_account(session, holder, account, lock=lock)
        if found is None:
            raise PaperAccountUnknown("There is no such account.")
        return found

    async def _middle(self, symbol: str) -> Decimal | None:
        quotes, _ = await self._quoted([PaperLeg(symbol, ZERO)])
        quote = quotes.get(symbol)
        if quote is None or quote.bid is None or quote.ask is None:
            return None
        return (quote.bid + quote.ask) / 2

    async def _opening_prices(self) -> dict[str, Decimal]:
        """Return what shares are worth now; what has no quote is left out."""
        middles = {symbol: await self._middle(symbol) for symbol in seeding.USUAL_PRICES}
        return {symbol: price for symbol, price in middles.items() if price is not None}


def _nobody(holder: UUID) -> None:
    """Nobody listens yet."""


def _legs_of(order: SandboxOrder) -> list[PaperLeg]:
    return [PaperLeg(leg["symbol"], Decimal(leg["quantity"])) for leg in order.legs]


def _reject(order: SandboxOrder, reason: str) -> None:
    order.status, order.reason = "rejected", reason
