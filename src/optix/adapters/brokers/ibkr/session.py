"""One user who is signed in at Interactive Brokers: what is read, in the order that it wants.

A session has two levels. The first, for accounts and positions, is kept awake by tickles. The
second, for orders and trades, is one for each username: it is opened where it is free, and never
taken from the program in which the user trades.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.ibkr import assets, parsers, translate, wire
from optix.adapters.brokers.ibkr.client import (
    LABEL,
    SECDEFS_MAX,
    SUBACCOUNT_PAGE_ROWS,
    BridgeMissing,
    IbkrClient,
)
from optix.adapters.brokers.ibkr.translate import NEW_YORK
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.kernel.holding import AccountSnapshot, Asset
from optix.kernel.order import Order
from optix.ports.broker import (
    ActivityPage,
    BrokerAccount,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInNeeded,
)

TICKLE_SECONDS: Final = 60
HISTORY_DAYS: Final = 6  # beside today: of the seven days, however they are counted
CONTRACTS_KEPT_MAX: Final = 20_000


class SessionTaken(BrokerUnavailable):
    """Another program of the user has the brokerage session: OPTIX leaves it there."""

    code = "broker_session_taken"
    next_step = "Log out of the other program, or connect a second username of the account."


class Contracts:
    """What the numbers of contracts stand for. They never change, and all users share them."""

    def __init__(self) -> None:
        self._known: dict[int, Asset] = {}

    def __getitem__(self, conid: int) -> Asset | None:
        return self._known.get(conid)

    def keep(self, conid: int, asset: Asset) -> None:
        while len(self._known) >= CONTRACTS_KEPT_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[conid] = asset


class IbkrSession:
    """Effects: requests; the brokerage session is opened where nobody has it.

    `login_key` is an account that this login must see: at a gateway somebody else may have signed
    in since.
    """

    def __init__(
        self, client: IbkrClient, clock: Clock, contracts: Contracts, login_key: str = ""
    ) -> None:
        self._client = client
        self._clock = clock
        self._contracts = contracts
        self._login_key = login_key
        self._tickled_ns: int | None = None
        self._status: wire.AuthStatus | None = None
        self._listed = False
        self._bridged = False
        self._trading: list[str] = []
        self._refreshed: set[str] = set()

    async def fetch_login_key(self) -> str:
        """Return who is signed in."""
        await self._wake()
        return translate.login_key(await self._accounts())

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        await self._wake()
        return translate.accounts(await self._accounts())

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        await self._wake()
        if not self._listed:
            await self._accounts()
        await self._client.invalidate_positions(account.key)
        rows = await self._positions(account.key)
        found = translate.positions(rows, await self._definitions(rows))
        summary = parsers.summary_of(await self._client.fetch_summary(account.key))
        ledger = parsers.ledger_of(await self._client.fetch_ledger(account.key))
        return AccountSnapshot(
            as_of=to_datetime(self._clock.now_ns()),
            complete=True,
            positions=tuple(found),
            balances=tuple(translate.balances(ledger, summary, account.currency)),
            warnings=tuple(translate.warnings(found)),
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        """Return the orders of the day. The first answer of a session is empty: it is asked for
        and passed over.
        """
        if account.key not in self._refreshed:
            await self._of_bridge(lambda: self._client.refresh_orders(account.key))
            self._refreshed.add(account.key)
        told = parsers.orders_of(
            await self._of_bridge(lambda: self._client.fetch_orders(account.key))
        )
        self._know_whose(row.acct or row.account for row in told)
        rows = [row for row in told if account.key in (_whose(row) or {account.key})]
        once = {row.order_id: row for row in rows}.values()
        contracts = await self._named(conid for row in once for conid, _ in translate.legs_of(row))
        return [
            order
            for order in translate.orders(once, contracts)
            if not order.status.is_final or translate.is_of_day(order, self._today())
        ]

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        """Yield one page: executions of the last days do not come in pages."""
        if first < self._today() - timedelta(days=HISTORY_DAYS):
            raise BrokerUnavailable(f"{LABEL} tells the trades of the last seven days only.")
        told = parsers.trades_of(
            await self._of_bridge(lambda: self._client.fetch_trades(account.key))
        )
        self._know_whose(row.account for row in told)
        # A combination is nothing that can be asked for.
        contracts = await self._named(
            row.conid for row in told if row.sec_type.upper() != translate.COMBINATION
        )
        rows = translate.trades(told, contracts, account.key)
        yield ActivityPage(rows=[row for row in rows if first <= row.day <= last], last=True)

    async def close(self) -> None:
        await self._client.close()

    # The two levels

    async def _wake(self) -> None:
        """Keep the session awake, once a minute; learn how the brokerage session is."""
        now_ns = self._clock.now_ns()
        if (
            self._tickled_ns is not None
            and now_ns - self._tickled_ns < TICKLE_SECONDS * NANOSECONDS
        ):
            return
        told = read(wire.Tickle, await self._client.tickle(), LABEL)
        self._tickled_ns = now_ns
        self._status = told.iserver.auth_status
        self._bridged = self._bridged and _is_open(self._status)

    async def _bridge(self) -> None:
        """Open the brokerage session where it is not, and name its accounts, as it wants first."""
        await self._wake()
        if self._bridged:
            return
        if self._status is None or not _is_open(self._status):
            if self._status is not None and self._status.competing:
                raise SessionTaken(f"{LABEL} has this username at work in another program.")
            self._status = read(wire.AuthStatus, await self._client.open_bridge(), LABEL)
        if self._status.competing:
            raise SessionTaken(f"{LABEL} has this username at work in another program.")
        if not _is_open(self._status):
            raise BrokerUnavailable(f"{LABEL} did not open the brokerage session.")
        told = await self._client.fetch_trading_accounts()
        self._trading = read(wire.TradingAccounts, told, LABEL).accounts
        self._bridged = True

    async def _of_bridge(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Return an answer of the brokerage session, which may have been lost: opened anew once."""
        await self._bridge()
        try:
            return await ask()
        except BridgeMissing:
            self._status, self._bridged = None, False
        await self._bridge()
        return await ask()

    # Reading

    async def _accounts(self) -> list[wire.Account]:
        """Return the accounts, which must be asked for before all else of a portfolio."""
        rows = parsers.accounts_of(await self._client.fetch_accounts())
        found = {row.id: row for row in rows}
        if any(row.faclient for row in rows):
            found |= await self._subaccounts()
        if self._login_key and self._login_key not in found:
            raise SignInNeeded(f"Somebody else is signed in at {LABEL}.")
        self._listed = True
        return list(found.values())

    async def _subaccounts(self) -> dict[str, wire.Account]:
        """Return the accounts of an adviser. Where pages are not known the same one comes again."""
        found: dict[str, wire.Account] = {}
        for page in range(limits.BROKER_PAGES_MAX):
            told = parsers.accounts_of(await self._client.fetch_subaccounts(page))
            fresh = {row.id: row for row in told if row.id not in found}
            found |= fresh
            if len(told) < SUBACCOUNT_PAGE_ROWS or not fresh:
                return found
        raise BrokerUnreadable(f"{LABEL} has more accounts than can be.")

    async def _positions(self, account: str) -> list[wire.Position]:
        found: dict[tuple[int, str], wire.Position] = {}
        for page in range(limits.BROKER_PAGES_MAX):
            rows = parsers.positions_of(await self._client.fetch_positions(account, page))
            if not rows:
                return list(found.values())
            if any(row.acct_id not in {"", account} for row in rows):
                raise BrokerUnreadable(f"{LABEL} answered with another account.")
            fresh = {(row.conid, row.model): row for row in rows}
            if len(fresh) < len(rows) or fresh.keys() & found.keys():
                # What moved from one page to another may hide what moved the other way.
                raise BrokerUnavailable(f"{LABEL}'s positions moved while they were read.")
            found |= fresh
        raise BrokerUnreadable(f"{LABEL} has more positions than can be.")

    async def _definitions(self, rows: Iterable[wire.Position]) -> dict[int, wire.Contract]:
        """Return what contracts are whose rows came without them."""
        asked = sorted({row.conid for row in rows if row.position and assets.lacks_definition(row)})
        found: dict[int, wire.Contract] = {}
        for place in range(0, len(asked), SECDEFS_MAX):
            told = await self._client.fetch_secdefs(asked[place : place + SECDEFS_MAX])
            found |= {each.conid: each for each in parsers.secdefs_of(told)}
        return found

    async def _named(self, conids: Iterable[int]) -> dict[int, Asset]:
        """Return what contracts are, as far as Interactive Brokers still knows them."""
        found: dict[int, Asset] = {}
        for conid in sorted(set(conids)):
            asset = self._contracts[conid]
            if asset is None:
                told = await self._of_bridge(partial(self._client.find_contract, conid))
                if told is None:
                    continue
                asset = parsers.parse_contract(told)
                self._contracts.keep(conid, asset)
            found[conid] = asset
        return found

    def _know_whose(self, accounts: Iterable[str]) -> None:
        """Raise where rows do not say whose they are, and it matters."""
        if len(self._trading) != 1 and not all(accounts):
            raise BrokerUnreadable(f"{LABEL} does not say whose orders or trades it tells.")

    def _today(self) -> date:
        return to_datetime(self._clock.now_ns()).astimezone(NEW_YORK).date()


def _whose(row: wire.Order) -> set[str]:
    """Return the account of an order: two fields have it, one of them perhaps in another form."""
    return {row.acct, row.account} - {""}


def _is_open(status: wire.AuthStatus) -> bool:
    return status.authenticated and status.connected and status.established and not status.competing
