"""Recovery codes: enough randomness for a plain hash, and forgiving to whoever types them."""

from __future__ import annotations

from math import log2

import pytest

from optix.features.identity.recovery_codes import (
    ALPHABET,
    CODES_PER_SET,
    GROUP_CHARACTERS,
    GROUPS,
    code_hash,
    new_codes,
)
from optix.features.identity.schemas_factors import RecoveryCodeProof


def test_a_set_has_ten_different_codes_of_more_than_112_bits() -> None:
    codes = new_codes()
    assert len(set(codes)) == CODES_PER_SET == 10
    assert log2(len(set(ALPHABET))) * GROUPS * GROUP_CHARACTERS >= 112
    assert set("".join(codes)) <= set(ALPHABET) | {"-"}


def test_two_sets_have_nothing_in_common() -> None:
    assert not set(new_codes()) & set(new_codes())


def test_case_dashes_and_spaces_do_not_matter() -> None:
    code = new_codes()[0]
    spellings = {code, code.lower(), code.replace("-", ""), f"  {code.replace('-', ' ')}\n"}
    assert len({code_hash(spelling) for spelling in spellings}) == 1


def test_two_codes_have_two_hashes_of_32_bytes() -> None:
    first, second = (code_hash(code) for code in new_codes()[:2])
    assert first != second
    assert first is not None
    assert len(first) == 32


@pytest.mark.parametrize("text", ["", "-", "A" * 23, "A" * 25, "0" * 24, "I" * 24, "Ä" * 24])
def test_what_cannot_be_a_code_has_no_hash(text: str) -> None:
    assert code_hash(text) is None


def test_a_code_fits_into_the_field_it_is_sent_in() -> None:
    code = new_codes()[0]
    proof = RecoveryCodeProof.model_validate({"method": "recovery_code", "code": code})
    assert proof.code.get_secret_value() == code
