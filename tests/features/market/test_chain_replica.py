"""A reader's copy of a chain: changes in, rows out, each encoded once."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import orjson
import pytest
from tests.fixtures.chains import EXPIRATION
from tests.fixtures.travelling import rows_of, travelling

from optix.features.market.chain_replica import ChainReplica, flag_names, mid_of
from optix.features.market.schemas import ChainContract, FlagName
from optix.kernel.quote import QuoteFlag
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", EXPIRATION)


def row(position: int, bid: float | None = 5.0, *, vendor: list[float] | None = None) -> list[Any]:
    numbers = [1.0, 2.0, 5.1, 7.0, 0.2, 0.5, 0.01, -0.1, 0.2, 0.1]
    ask = None if bid is None else bid + 0.2
    state = [position, bid, ask, *numbers, "ok", 0, 1_795_000_000_000]
    return [*state, *(vendor or [])]


def contract(strike: float, right: str = "C") -> list[Any]:
    return [f"SPY261218{right}{int(strike * 1000):08d}", "SPY", right, strike, 10.0, None]


@pytest.fixture
def replica() -> ChainReplica:
    body = {
        "e": "e",
        "s": 7,
        "h": {"quality": "realtime"},
        "contracts": [contract(590), contract(600), contract(610)],
        "rows": travelling([row(n) for n in range(3)]),
        "rejected": [],
    }
    return ChainReplica.load(KEY, body)


def change(replica: ChainReplica, *rows: list[Any], header: Any = None) -> list[int]:
    """Return the positions that the replica says have changed."""
    body = {"s": replica.sequence + 1, "h": header, "r": travelling(rows)}
    return [int(position) for position in replica.apply(body)]


class TestChanges:
    def test_only_changed_rows_are_new(self, replica: ChainReplica) -> None:
        before = rows_of(replica.columns)
        assert change(replica, row(2, 6.0), row(0, 7.0)) == [2, 0]
        assert rows_of(replica.columns) == [row(0, 7.0), before[1], row(2, 6.0)]
        assert replica.sequence == 8

    def test_a_header_is_replaced_only_by_a_header(self, replica: ChainReplica) -> None:
        change(replica, row(0))
        assert replica.header == {"quality": "realtime"}
        assert change(replica, header={"quality": "delayed"}) == []
        assert replica.header == {"quality": "delayed"}

    def test_a_state_that_is_not_whole_is_a_bug_of_the_feed(self) -> None:
        body = {"contracts": [contract(590), contract(600)], "rows": travelling([row(1)])}
        with pytest.raises(AssertionError, match="whole"):
            ChainReplica.load(KEY, {"e": "e", "s": 1, "h": {}, **body, "rejected": []})

    @pytest.mark.parametrize("column", [1, 3, 6, 7, 12, 13, 14, 15])
    def test_another_copy_differs_in_the_rows_that_changed(
        self, replica: ChainReplica, column: int
    ) -> None:
        other = row(1)
        other[column] = "no_bid" if column == 13 else 2.0
        body = {"e": "e", "s": 9, "h": {}, "contracts": replica.contracts, "rejected": []}
        again = ChainReplica.load(KEY, body | {"rows": travelling([row(0), other, row(2)])})
        assert again.differing(replica).tolist() == [1]
        assert replica.differing(replica).tolist() == []

    def test_a_number_that_is_missing_in_both_is_no_difference(self) -> None:
        body = {"e": "e", "s": 9, "h": {}, "contracts": [contract(590)], "rejected": []}
        copies = [
            ChainReplica.load(KEY, body | {"rows": travelling([row(0, None)])}) for _ in range(2)
        ]
        assert copies[0].differing(copies[1]).tolist() == []


class TestEncoding:
    def test_a_row_is_encoded_once_until_it_changes(self, replica: ChainReplica) -> None:
        assert replica.object_row(1) is replica.object_row(1)
        change(replica, row(1, 6.0))
        assert orjson.loads(replica.object_row(1))["bid"] == 6.0

    def test_vendor_numbers_are_beside_ours(self, replica: ChainReplica) -> None:
        vendor = [0.21, 0.51, 0.011, -0.11, 0.21, 0.11, 5.15]
        change(replica, row(0, vendor=vendor))
        told = replica.contract(0)
        assert list(told["vendor"].values()) == vendor
        assert told["iv"] == 0.2
        assert replica.contract(1)["vendor"] is None
        change(replica, row(0))
        assert replica.contract(0)["vendor"] is None

    def test_the_object_is_what_the_schema_promises(self, replica: ChainReplica) -> None:
        model = ChainContract.model_validate_json(replica.object_row(0))
        assert model.key == "SPY261218C00590000"
        assert model.mid == pytest.approx(5.1)
        assert model.open_interest == 10.0

    def test_a_row_without_a_quote_is_null_and_says_why(self, replica: ChainReplica) -> None:
        empty = [0, *[None] * 12, "no_quote", int(QuoteFlag.NO_QUOTE), 1_795_000_000_000]
        change(replica, empty)
        model = ChainContract.model_validate_json(replica.object_row(0))
        assert (model.bid, model.mid, model.iv, model.delta) == (None,) * 4
        assert (model.status, model.flags) == ("no_quote", ["no_quote"])
        assert np.isnan(replica.deltas()[0])

    def test_a_contract_is_found_by_its_key(self, replica: ChainReplica) -> None:
        assert replica.position_of("SPY261218C00600000") == 1
        assert replica.position_of("SPY261218P00600000") is None


class TestMid:
    @pytest.mark.parametrize(
        ("bid", "ask", "mid"),
        [
            (1.0, 2.0, 1.5),
            (2.0, 2.0, 2.0),
            (2.0, 1.0, None),
            (0.0, 1.0, None),
            (None, 1.0, None),
            (1.0, None, None),
            (1.0, 0.0, None),
            (None, None, None),
        ],
    )
    def test_only_a_two_sided_quote_has_one(
        self, bid: float | None, ask: float | None, mid: float | None
    ) -> None:
        assert mid_of(bid, ask) == mid


def test_every_flag_has_a_name() -> None:
    flags = QuoteFlag(0)
    for flag in QuoteFlag:
        flags |= flag
    assert flag_names(flags) == list(get_args(FlagName))
    assert flag_names(QuoteFlag.NONE) == []
