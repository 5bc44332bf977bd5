"""However a broker tells a history, the ledger ends at what one clean import would have kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.broker_histories import Ledger, generate


@given(st.integers(min_value=0, max_value=2**32))
def test_any_way_of_telling_gives_the_ledger_of_one_clean_import(seed: int) -> None:
    history = generate(seed)
    ledger = Ledger()
    for telling in history.tellings:
        ledger.hear(telling)
    clean = Ledger()
    clean.hear(history.tellings[-1])
    assert ledger.contents == clean.contents == history.truth
    assert not any(row.absent for row in ledger.rows)


@given(st.integers(min_value=0, max_value=2**32))
def test_the_same_telling_again_changes_nothing(seed: int) -> None:
    history = generate(seed)
    ledger = Ledger()
    for telling in history.tellings:
        ledger.hear(telling)
    before = list(ledger.rows)
    ledger.hear(history.tellings[-1])
    assert ledger.rows == before
