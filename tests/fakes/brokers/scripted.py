"""A broker inside the test's own process: what it says and when it fails is set by the test.

For what the engine does with brokers as such. What travels is tried with the servers beside it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import AccountSnapshot, Balance
from optix.kernel.money import Money
from optix.kernel.order import Order
from optix.ports.broker import (
    ActivityPage,
    BrokerAccount,
    BrokerCapabilities,
    BrokerRead,
    BrokerSession,
    ExchangeLog,
    Grant,
    Renew,
    SignInAnswer,
    SignInKind,
    SignInRequest,
    SignInStart,
)

Hook = Callable[[str, str], Awaitable[None]]  # is told of a call and its account


def account_named(name: str) -> BrokerAccount:
    return BrokerAccount(key=name, stable_key=name, number="…0001", name=name, kind="margin")


def deposit(day: date, cash: str, name: str = "") -> Activity:
    return Activity(
        id=name,
        kind=ActivityKind.DEPOSIT,
        status=ActivityStatus.POSTED,
        day=day,
        cash=Money.parse(cash),
    )


async def _nothing_happens(call: str, account: str) -> None:
    del call, account


@dataclass
class ScriptedBroker:
    """Implements `ports.broker.Broker`. `before` runs before each call: it waits, or raises."""

    name: str = "scripted"
    history_days: int | None = 30
    accounts: list[BrokerAccount] = field(default_factory=lambda: [account_named("one")])
    lines: list[Activity] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    cash: str = "100"
    as_of: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    before: Hook = _nothing_happens
    endless: bool = False
    calls: Counter[str] = field(default_factory=Counter)
    open_sessions: int = 0
    most_open: int = 0
    grant: Grant | None = None  # what a session renews to as it begins

    @property
    def capabilities(self) -> BrokerCapabilities:
        return BrokerCapabilities(
            name=self.name,
            label=self.name.capitalize(),
            sign_in=(SignInKind.PERSONAL_TOKEN,),
            reads=frozenset(BrokerRead),
            history_days=self.history_days,
            activity_ids=True,
            revocable=False,
            login_seconds=None,
        )

    async def begin(self, request: SignInRequest) -> SignInStart:
        raise NotImplementedError(request.kind)

    async def complete(self, answer: SignInAnswer) -> Grant:
        raise NotImplementedError(answer.kind)

    async def renew(self, credentials: Mapping[str, str]) -> Grant:
        raise NotImplementedError(len(credentials))

    async def revoke(self, credentials: Mapping[str, str]) -> None:
        del credentials

    def open(
        self, credentials: Mapping[str, str], *, renew: Renew, log: ExchangeLog
    ) -> BrokerSession:
        del credentials
        self.open_sessions += 1
        self.most_open = max(self.most_open, self.open_sessions)
        return _Session(self, renew, log)


@dataclass
class _Session:
    broker: ScriptedBroker
    renew: Renew
    log: ExchangeLog

    async def _call(self, call: str, account: str = "") -> None:
        self.broker.calls[call] += 1
        self.log.add(method="GET", path=f"/{call}", status=200, milliseconds=1, note="")
        await self.broker.before(call, account)

    async def list_accounts(self) -> Sequence[BrokerAccount]:
        if self.broker.grant is not None:
            await self.renew(self.broker.grant)
        await self._call("accounts")
        return list(self.broker.accounts)

    async def fetch_snapshot(self, account: BrokerAccount) -> AccountSnapshot:
        await self._call("snapshot", account.key)
        balance = Balance(currency="USD", cash=Money(Decimal(self.broker.cash)))
        return AccountSnapshot(
            as_of=self.broker.as_of, complete=True, positions=(), balances=(balance,)
        )

    async def fetch_orders(self, account: BrokerAccount) -> Sequence[Order]:
        await self._call("orders", account.key)
        return list(self.broker.orders)

    async def iter_activities(
        self, account: BrokerAccount, first: date, last: date
    ) -> AsyncIterator[ActivityPage]:
        await self._call("history", account.key)
        while self.broker.endless:
            await asyncio.sleep(0)
            yield ActivityPage(rows=(), last=False)
        rows = [line for line in self.broker.lines if first <= line.day <= last]
        yield ActivityPage(rows=rows, last=True)

    async def close(self) -> None:
        self.broker.open_sessions -= 1
