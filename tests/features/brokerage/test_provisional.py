"""Fills show as history from the first moment, once: never both, never neither."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.brokers.scripted import ScriptedBroker
from tests.features.brokerage.conftest import Desk

from optix.features.brokerage.merging import StoredActivity
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity, BrokerOrder
from optix.features.brokerage.provisional import provisional_fills
from optix.features.brokerage.repository_history import list_provisional
from optix.features.brokerage.service import BrokerageService
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.clock import NANOSECONDS, to_datetime
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.money import Money, Price
from optix.kernel.order import Fill, Order, OrderLeg, OrderStatus

TODAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
ASSETS = tuple(Asset(kind=AssetKind.STOCK, symbol=name) for name in ("SPY", "QQQ"))


@dataclass(frozen=True)
class Execution:
    order: int
    asset: Asset
    quantity: Decimal
    price: Price
    name: str


@st.composite
def executions(draw: st.DrawFn) -> list[Execution]:
    """Return fills of a few orders, each order one asset and one direction; twins are frequent."""
    found: list[Execution] = []
    for order in range(draw(st.integers(1, 4))):
        asset, sign = draw(st.sampled_from(ASSETS)), draw(st.sampled_from((1, -1)))
        for _ in range(draw(st.integers(1, 4))):
            size = Decimal(draw(st.sampled_from((1, 1, 2)))) * sign
            price = Price(Decimal(draw(st.sampled_from(("500", "501")))))
            found.append(Execution(order, asset, size, price, f"f{len(found)}"))
    return found


def order_of(fills: list[Execution], *, names: bool, tells_fills: bool = True) -> Order:
    total = sum((fill.quantity for fill in fills), Decimal(0))
    cost = sum((fill.quantity * fill.price.value for fill in fills), Decimal(0))
    leg = OrderLeg(
        asset=fills[0].asset,
        quantity=total,
        filled=total,
        average_price=Price(cost / total),
        fills=tuple(
            Fill(id=each.name if names else "", quantity=each.quantity, price=each.price, at=NOON)
            for each in (fills if tells_fills else [])
        ),
    )
    return Order(id=f"o{fills[0].order}", status=OrderStatus.FILLED, legs=(leg,), updated_at=NOON)


def transaction(number: int, fills: list[Execution], *, name: str, order: str) -> StoredActivity:
    total = sum((fill.quantity for fill in fills), Decimal(0))
    cost = sum((fill.quantity * fill.price.value for fill in fills), Decimal(0))
    line = Activity(
        id=name,
        kind=ActivityKind.TRADE,
        status=ActivityStatus.POSTED,
        day=TODAY,
        asset=fills[0].asset,
        quantity=total,
        price=Price(cost / total),
        cash=Money(-cost),
        order_id=order,
    )
    return StoredActivity(number, frozenset({name} - {""}), line)


def shown(
    truth: list[Execution], came: list[StoredActivity], found: list[Activity]
) -> dict[tuple[str, int], tuple[Decimal, Decimal]]:
    """Return by asset and direction what was executed, and what both forms say together."""
    totals: dict[tuple[str, int], tuple[Decimal, Decimal]] = {}
    both = [each.activity for each in came] + found
    for asset in ASSETS:
        for sign in (1, -1):
            real = [x.quantity for x in truth if x.asset == asset and x.quantity * sign > 0]
            said = [
                line.quantity or Decimal(0)
                for line in both
                if line.asset == asset and (line.quantity or 0) * sign > 0
            ]
            totals[asset.symbol, sign] = (sum(real, Decimal(0)), sum(said, Decimal(0)))
    return totals


@given(executions(), st.data())
def test_every_fill_is_there_once_however_and_whenever_transactions_come(
    truth: list[Execution], data: st.DataObject
) -> None:
    names = data.draw(st.booleans(), "fills have the ids of transactions")
    orders_named = data.draw(st.booleans(), "transactions name their order")
    whole = data.draw(st.booleans(), "an order is one transaction")
    tells_fills = data.draw(st.booleans(), "orders tell their fills")
    by_order = [list(fills) for _, fills in groupby(truth, key=lambda each: each.order)]
    orders = [order_of(fills, names=names, tells_fills=tells_fills) for fills in by_order]
    booked = by_order if whole else [[each] for each in truth]
    lines = [
        transaction(
            number,
            fills,
            name=fills[0].name if names and not whole else "",
            order=f"o{fills[0].order}" if orders_named else "",
        )
        for number, fills in enumerate(booked)
    ]
    lines = list(data.draw(st.permutations(lines)))
    for count in range(len(lines) + 1):
        found = provisional_fills(orders, lines[:count], today=TODAY)
        for real, said in shown(truth, lines[:count], found).values():
            assert real == said
        assert all(line.status is ActivityStatus.PENDING for line in found)
    assert found == []


@given(executions(), st.data())
def test_where_transactions_name_orders_no_order_is_covered_by_anothers(
    truth: list[Execution], data: st.DataObject
) -> None:
    by_order = [list(fills) for _, fills in groupby(truth, key=lambda each: each.order)]
    orders = [order_of(fills, names=False) for fills in by_order]
    came = data.draw(st.lists(st.sampled_from(range(len(truth))), unique=True))
    lines = [
        transaction(place, [truth[place]], name="", order=f"o{truth[place].order}")
        for place in came
    ]
    found = provisional_fills(orders, lines, today=TODAY)
    for number, fills in enumerate(by_order):
        left = sum((line.quantity or 0 for line in found if line.order_id == f"o{number}"), 0)
        posted = sum(truth[place].quantity for place in came if truth[place].order == number)
        assert left + posted == sum(fill.quantity for fill in fills)


ONE = Execution(0, ASSETS[0], Decimal(2), Price(Decimal(500)), "f0")


def test_a_transaction_of_an_unknown_order_covers_an_equal_fill_only() -> None:
    order = order_of([ONE], names=False)
    equal = transaction(0, [ONE], name="t", order="H-77")
    other = transaction(0, [replace(ONE, quantity=Decimal(1))], name="t", order="H-77")
    assert provisional_fills([order], [equal], today=TODAY) == []
    assert len(provisional_fills([order], [other], today=TODAY)) == 1


@pytest.mark.parametrize("change", ["absent", "cancelled", "other kind", "day before"])
def test_what_is_no_trade_of_the_day_covers_nothing(change: str) -> None:
    line = transaction(0, [ONE], name="", order="")
    activity = line.activity
    if change == "absent":
        line = replace(line, absent=True)
    elif change == "cancelled":
        line = replace(line, activity=replace(activity, status=ActivityStatus.CANCELLED))
    elif change == "other kind":
        line = replace(line, activity=replace(activity, kind=ActivityKind.EXERCISE))
    else:
        line = replace(line, activity=replace(activity, day=TODAY - timedelta(days=1)))
    (found,) = provisional_fills([order_of([ONE], names=False)], [line], today=TODAY)
    assert (found.quantity, found.order_id) == (Decimal(2), "o0")
    assert found.cash == Money(Decimal(-1000))


def test_a_half_covered_fill_shows_its_other_half() -> None:
    half = transaction(0, [replace(ONE, quantity=Decimal(1))], name="", order="o0")
    (found,) = provisional_fills([order_of([ONE], names=False)], [half], today=TODAY)
    assert (found.quantity, found.cash) == (Decimal(1), Money(Decimal(-500)))


@pytest.mark.stores
class TestKept:
    async def shown(self, desk: Desk) -> list[Activity]:
        (account,) = await desk.rows(BrokerAccountRow)
        async with desk.database.reading(owner=desk.owner) as session:
            told = await list_provisional(session, desk.owner, desk.sync._today(), account.id)
            return [line for _, lines in told for line in lines]

    async def test_a_fill_shows_at_once_survives_the_night_and_becomes_the_transaction(
        self, desk: Desk
    ) -> None:
        broker = ScriptedBroker(name="tradier")
        desk.brokers["tradier"] = broker
        connection = await desk.connect()
        moment = to_datetime(desk.clock.now_ns())
        order = order_of([ONE], names=False)
        leg = order.legs[0]
        fills = tuple(replace(fill, at=moment) for fill in leg.fills)
        order = replace(order, updated_at=moment, legs=(replace(leg, fills=fills),))
        broker.orders = [replace(order, status=OrderStatus.PARTIALLY_FILLED)]
        await desk.sync.read(connection)
        (line,) = await self.shown(desk)
        assert (line.quantity, line.status) == (Decimal(2), ActivityStatus.PENDING)
        reading = BrokerageService(desk.database, desk.clock)
        (told,) = await reading.list_day(desk.owner, line.day)
        assert (told.activity, told.source) == (line, "order")
        assert await reading.list_day(desk.owner, line.day - timedelta(days=1)) == []
        desk.heard.changes.clear()
        broker.orders = []
        await desk.sync.read(connection)
        assert await self.shown(desk) == [line], "the session is over, the transaction not here"
        (kept,) = await desk.rows(BrokerOrder)
        assert kept.status == "cancelled", "and it is open no more"
        posted = transaction(0, [ONE], name="t1", order="").activity
        broker.lines = [replace(posted, day=line.day)]
        await desk.sync.read(connection)
        assert await self.shown(desk) == []
        assert len(await desk.rows(BrokerActivity)) == 1
        (told,) = await reading.list_day(desk.owner, line.day)
        assert (told.activity.id, told.source) == ("t1", "broker")

    async def test_an_order_is_let_go_once_its_transaction_must_have_come(self, desk: Desk) -> None:
        broker = ScriptedBroker(name="tradier", orders=[order_of([ONE], names=False)])
        desk.brokers["tradier"] = broker
        connection = await desk.connect()
        await desk.sync.read(connection)
        broker.orders = []
        day = 24 * 3600 * NANOSECONDS
        desk.clock.advance_to(desk.clock.now_ns() + limits.BROKER_FILLS_KEPT_DAYS_MAX * day)
        await desk.sync.read(connection)
        assert len(await desk.rows(BrokerOrder)) == 1
        desk.clock.advance_to(desk.clock.now_ns() + NANOSECONDS)
        await desk.sync.read(connection)
        assert await desk.rows(BrokerOrder) == []
