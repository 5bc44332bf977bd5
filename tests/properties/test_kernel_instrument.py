"""For any contract and any text: what is printed is read back, and bad text fails in one way."""

from __future__ import annotations

from datetime import date

from hypothesis import example, given
from hypothesis import strategies as st

from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    Right,
    Spelling,
    format_option,
    parse_option,
)
from optix.kernel.limits import STRIKE_MILLI_MAX
from optix.kernel.symbols import MalformedSymbol, parse_symbol

roots = st.from_regex(r"\A[0-9]?[A-Z]{1,6}[0-9]?\Z").filter(lambda root: len(root) <= 6)
contracts = st.builds(
    OptionContract,
    root=roots,
    expiration=st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    right=st.sampled_from(Right),
    strike_milli=st.integers(1, STRIKE_MILLI_MAX),
)
near_misses = st.text(alphabet="ABCP0123456789.:-' $/^_O\u0660\u00b2\uff11", max_size=70)


@given(contract=contracts, spelling=st.sampled_from(Spelling))
def test_every_spelling_is_read_back(contract: OptionContract, spelling: Spelling) -> None:
    assert parse_option(format_option(contract, spelling)) == contract


@given(contract=contracts, spelling=st.sampled_from(Spelling))
def test_lower_case_is_the_same_contract(contract: OptionContract, spelling: Spelling) -> None:
    assert parse_option(format_option(contract, spelling).lower()) == contract


@given(first=contracts, second=contracts, spelling=st.sampled_from(Spelling))
def test_two_contracts_never_share_a_spelling(
    first: OptionContract, second: OptionContract, spelling: Spelling
) -> None:
    same = format_option(first, spelling) == format_option(second, spelling)
    assert same == (first == second)


def find_contract(text: str) -> OptionContract | None:
    """Read `text`; any error but MalformedContract goes through and fails the test."""
    try:
        return parse_option(text)
    except MalformedContract:
        return None


@given(text=st.text() | near_misses)
@example(text="AAPL250117C٠٠١٧٥٠٠٠")
def test_a_text_is_a_contract_or_malformed(text: str) -> None:
    contract = find_contract(text)
    assert contract is None or parse_option(contract.key) == contract


@given(contract=contracts, spelling=st.sampled_from(Spelling), data=st.data())
def test_one_changed_character_is_another_contract_or_malformed(
    contract: OptionContract, spelling: Spelling, data: st.DataObject
) -> None:
    text = format_option(contract, spelling)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    if find_contract(changed) != contract:
        return
    without_last_zero = spelling is Spelling.ETRADE and changed.rstrip() == text[:-1]
    assert changed.upper() == text.upper() or without_last_zero


@given(text=st.text() | near_misses)
def test_a_text_is_a_symbol_or_malformed_and_symbols_are_stable(text: str) -> None:
    try:
        symbol = parse_symbol(text)
    except MalformedSymbol:
        return
    assert parse_symbol(symbol) == symbol
