"""Every error tells a person three things, and its kind is one the edges know."""

from __future__ import annotations

import pytest

from optix.kernel import errors
from optix.kernel.errors import OptixError, RateLimited

TREE = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, OptixError)
]


@pytest.mark.parametrize("error", TREE)
def test_has_a_code_and_a_next_step(error: type[OptixError]) -> None:
    raised = error("It broke.")
    assert raised.detail == str(raised) == "It broke."
    assert raised.code == error.code
    assert raised.code.replace("_", "").isalpha()
    assert raised.next_step.endswith(".")
    assert raised.fields == {}
    assert raised.retry_after_seconds is None


def test_kinds_are_told_apart() -> None:
    kinds = [error.kind for error in TREE]
    assert len(set(kinds)) == len(kinds)


def test_one_raise_may_be_more_exact_than_its_class() -> None:
    fields = {"limit": "too high"}
    raised = RateLimited(
        "Too many.", code="quota", next_step="Wait.", fields=fields, retry_after_seconds=5
    )
    fields["limit"] = "changed later"
    assert (raised.code, raised.next_step, raised.retry_after_seconds) == ("quota", "Wait.", 5)
    assert raised.fields == {"limit": "too high"}
    assert RateLimited.code == "rate_limited"
