"""Any damage to a document gives rows, rejected rows or one clear error, and loses no row."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain, check_quote
from tests.fakes.cboe import options_document, usual_rows
from tests.fakes.cboe_csv import csv_line
from tests.fakes.cboe_csv import quotedata as csv_file

from optix.adapters.market_data.cboe import quotedata, translate, wire
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.chain import CHAIN_COLUMNS

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["IWM260717C00295000", "2026-06-17T13:28:52", "18:47:30", "nan", -1, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
BODY = json.dumps(options_document(usual_rows())).encode()
CSV = csv_file([csv_line(strike=strike) for strike in (4000, 4275, 5000)]).encode()


def check(snapshot: Snapshot) -> None:
    """Every row is served once or rejected once, and what is served keeps the contract."""
    chains = snapshot.chains()
    assert sum(len(chain) for chain in chains) + len(snapshot.rejections) == snapshot.rows
    for chain in chains:
        check_chain(chain)
        assert set(chain.columns) == set(CHAIN_COLUMNS)
    check_quote(snapshot.quote)
    assert snapshot.expirations() is not None


def check_error(error: wire.UnreadableDocument) -> None:
    assert error.detail.endswith(".")
    assert error.next_step


def check_json(body: bytes) -> None:
    try:
        document = wire.read_options(body)
        snapshot = translate.translate_options(document, fetched_ns=None)
    except wire.UnreadableDocument as error:
        check_error(error)
    else:
        check(snapshot)


class TestDocuments:
    @settings(max_examples=120, deadline=None)
    @given(st.data())
    def test_any_value_anywhere(self, data: st.DataObject) -> None:
        document = options_document(usual_rows())
        for _ in range(data.draw(st.integers(1, 4))):
            place: Any = document
            while isinstance(place, dict | list) and place:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                key = data.draw(st.sampled_from(keys))
                if not isinstance(place[key], dict | list) or data.draw(st.integers(0, 4)) == 0:
                    if data.draw(st.booleans()) or isinstance(place, list):
                        place[key] = data.draw(JSON_VALUES)
                    else:
                        del place[key]
                    break
                place = place[key]
        check_json(json.dumps(document).encode())

    @settings(max_examples=120, deadline=None)
    @given(st.integers(0, len(BODY) - 1), st.binary(max_size=8), st.integers(0, 12))
    def test_any_bytes_anywhere(self, place: int, inserted: bytes, removed: int) -> None:
        check_json(BODY[:place] + inserted + BODY[place + removed :])

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
    def test_anything_at_all(self, body: bytes) -> None:
        check_json(body)

    @settings(max_examples=60, deadline=None)
    @given(st.lists(JSON_VALUES, max_size=5))
    def test_bars_of_anything(self, rows: list[Any]) -> None:
        document = wire.read_bars(json.dumps({"data": rows}).encode())
        for translated in (translate.translate_daily, translate.translate_minutes):
            bars, odd = translated(document)
            assert len(bars) + odd == len(rows)


class TestQuotedata:
    @settings(max_examples=120, deadline=None)
    @given(st.integers(0, len(CSV) - 1), st.binary(max_size=8), st.integers(0, 40))
    def test_any_bytes_anywhere(self, place: int, inserted: bytes, removed: int) -> None:
        body = CSV[:place] + inserted + CSV[place + removed :]
        try:
            snapshot = quotedata.translate_quotedata(quotedata.read_quotedata(body))
        except wire.UnreadableDocument as error:
            check_error(error)
        else:
            check(snapshot)
