"""Paper orders are filled on quotes, rest, or are rejected with why; the account adds up after."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from tests.features.sandbox.conftest import Desk

from optix.features.sandbox.rules import PaperOrderRefused
from optix.features.sandbox.service import PaperAccountUnknown, PaperOrderUnknown
from optix.kernel import limits
from optix.kernel.ids import new_uuid

pytestmark = pytest.mark.stores

CALL, FAR_CALL = "IBM281215C00300000", "IBM281215C00320000"


async def cash(desk: Desk) -> Decimal:
    return Decimal((await desk.sandbox.get_balances(desk.holder, desk.account)).cash)


class TestMarketOrders:
    async def test_shares_are_bought_at_the_ask_and_sold_at_the_bid(self, desk: Desk) -> None:
        desk.quotes.set("IBM", "299.90", "300.10")
        before = await cash(desk)
        bought = await desk.place(("IBM", "10"))
        assert await desk.outcome(bought) == ("filled", "")
        assert await desk.held("IBM") == "10"
        assert before - await cash(desk) == Decimal("3001.00")
        await desk.place(("IBM", "-10"))
        assert before - await cash(desk) == Decimal("2.00")
        assert await desk.held("IBM") == "0"

    async def test_a_spread_is_filled_whole_with_a_fee_for_each_contract(self, desk: Desk) -> None:
        desk.quotes.set(CALL, "9.80", "10.00")
        desk.quotes.set(FAR_CALL, "6.00", "6.20")
        before = await cash(desk)
        order = await desk.place((CALL, "2"), (FAR_CALL, "-2"))
        assert await desk.outcome(order) == ("filled", "")
        assert before - await cash(desk) == Decimal("802.60")
        assert (await desk.held(CALL), await desk.held(FAR_CALL)) == ("2", "-2")

    @pytest.mark.parametrize(
        ("legs", "why"),
        [
            ([("IBM", "-1")], "The account does not own enough IBM."),
            ([("IBM", "900000")], "The account does not have enough cash."),
            ([("NOBODY", "1")], "NOBODY has no quote: nobody gave one."),
            (
                [(CALL, "-1")],
                f"{CALL} would be short without shares or a call to cover it.",
            ),
            ([(FAR_CALL, "1")], "Nobody trades the other side of a leg now."),
        ],
    )
    async def test_what_cannot_be_is_rejected_with_why_and_changes_nothing(
        self, desk: Desk, legs: list[tuple[str, str]], why: str
    ) -> None:
        desk.quotes.set("IBM", "299.90", "300.10")
        desk.quotes.set(CALL, "9.80", "10.00")
        desk.quotes.set(FAR_CALL, "6.00", None)
        before = await cash(desk)
        order = await desk.place(*legs)
        assert await desk.outcome(order) == ("rejected", why)
        assert await cash(desk) == before

    @pytest.mark.parametrize(
        "legs",
        [
            [("IBM", "0")],
            [("IBM", "1.5")],
            [("IBM", str(limits.PAPER_QUANTITY_MAX + 1))],
        ],
    )
    async def test_a_quantity_that_is_none_is_no_order(
        self, desk: Desk, legs: list[tuple[str, str]]
    ) -> None:
        with pytest.raises(PaperOrderRefused):
            await desk.place(*legs)

    async def test_five_legs_and_index_options_are_no_order(self, desk: Desk) -> None:
        strikes = [f"IBM281215C00{30 + n}0000" for n in range(limits.PAPER_LEGS_MAX + 1)]
        with pytest.raises(PaperOrderRefused, match="1 to 4 legs"):
            await desk.place(*((strike, "1") for strike in strikes))
        with pytest.raises(PaperOrderRefused, match="index option"):
            await desk.place(("SPX281215C05000000", "1"))


class TestLimitOrders:
    async def test_an_order_rests_until_the_quote_crosses_and_is_filled_once(
        self, desk: Desk
    ) -> None:
        desk.quotes.set("IBM", "299.90", "300.10")
        order = await desk.place(("IBM", "10"), limit="299.00")
        assert await desk.sandbox.fill_resting() == 0
        assert await desk.outcome(order) == ("working", "")
        desk.quotes.given.clear()
        assert await desk.sandbox.fill_resting() == 0, "no quote is no reason to give up"
        desk.quotes.set("IBM", "298.00", "298.50")
        assert await desk.sandbox.fill_resting() == 1
        assert await desk.sandbox.fill_resting() == 0
        assert await desk.held("IBM") == "10"

    async def test_a_credit_is_waited_for(self, desk: Desk) -> None:
        desk.quotes.set(CALL, "9.80", "10.00")
        desk.quotes.set(FAR_CALL, "6.00", "6.20")
        order = await desk.place((CALL, "-1"), (FAR_CALL, "1"), limit="-4.00")
        assert await desk.outcome(order) == ("working", "")
        desk.quotes.set(CALL, "10.20", "10.40")
        assert await desk.sandbox.fill_resting() == 1

    async def test_a_cancelled_order_is_not_filled(self, desk: Desk) -> None:
        desk.quotes.set("IBM", "299.90", "300.10")
        order = await desk.place(("IBM", "10"), limit="299.00")
        with pytest.raises(PaperOrderUnknown):
            await desk.sandbox.cancel(new_uuid(), order)
        await desk.sandbox.cancel(desk.holder, order)
        desk.quotes.set("IBM", "298.00", "298.50")
        assert await desk.sandbox.fill_resting() == 0
        assert await desk.outcome(order) == ("cancelled", "")

    async def test_orders_that_rest_are_bounded(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert limits.PAPER_WORKING_ORDERS_MAX > 1
        monkeypatch.setattr(limits, "PAPER_WORKING_ORDERS_MAX", 1)
        desk.quotes.set("IBM", "299.90", "300.10")
        await desk.place(("IBM", "10"), limit="299.00")
        with pytest.raises(PaperOrderRefused, match="too many"):
            await desk.place(("IBM", "10"), limit="299.00")

    async def test_a_round_looks_at_so_many_orders(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert limits.PAPER_RESTING_LOOKED_AT_MAX > 1
        monkeypatch.setattr(limits, "PAPER_RESTING_LOOKED_AT_MAX", 1)
        desk.quotes.set("IBM", "299.90", "300.10")
        for _ in range(2):
            await desk.place(("IBM", "1"), limit="299.00")
        desk.quotes.set("IBM", "298.00", "298.50")
        assert await desk.sandbox.fill_resting() == 1


async def test_nobody_sees_another_holders_account(desk: Desk) -> None:
    other: UUID | None = await desk.sandbox.find_holder(await desk.sandbox.open_account())
    assert other is not None
    with pytest.raises(PaperAccountUnknown):
        await desk.sandbox.get_balances(other, desk.account)
    with pytest.raises(PaperAccountUnknown):
        await desk.sandbox.list_orders(other, desk.account)


async def test_who_listens_is_told_whose_account_changed_and_not_of_every_round(
    desk: Desk,
) -> None:
    told: list[UUID] = []
    desk.sandbox.tell_changes_to(told.append)
    desk.quotes.set("IBM", "300.00", "300.10")
    await desk.place(("IBM", "1"))
    order = await desk.place(("IBM", "1"), limit="250.00")
    assert len(told) == 2
    await desk.sandbox.fill_resting()
    assert len(told) == 2
    desk.quotes.set("IBM", "249.00", "249.10")
    await desk.sandbox.fill_resting()
    assert await desk.outcome(order) == ("filled", "")
    await desk.sandbox.fill_resting()
    again = await desk.place(("IBM", "1"), limit="200.00")
    await desk.sandbox.cancel(desk.holder, again)
    assert told == [desk.holder] * 5
