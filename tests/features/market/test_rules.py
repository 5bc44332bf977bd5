"""Who is a professional, and what each standing may see: every row of both tables."""

from __future__ import annotations

import pytest

from optix.features.market.rules import (
    QUESTIONS,
    TEXT,
    VERSION,
    Standing,
    is_professional,
    may_see_realtime,
    standing_of,
)

PLAIN = {question.id: question.non_professional for question in QUESTIONS}


class TestAnswers:
    def test_who_answers_as_a_private_investor_is_none(self) -> None:
        assert not is_professional(PLAIN)

    @pytest.mark.parametrize("name", [question.id for question in QUESTIONS])
    def test_one_other_answer_makes_a_professional(self, name: str) -> None:
        assert is_professional({**PLAIN, name: not PLAIN[name]})

    def test_the_text_is_there(self) -> None:
        assert len(TEXT) == 4
        assert all(paragraph.endswith(".") for paragraph in TEXT)


@pytest.mark.parametrize(
    ("version", "professional", "standing", "sees", "sees_where_licensed"),
    [
        (None, False, Standing.UNDECLARED, False, False),
        ("2001-01", False, Standing.OUTDATED, False, False),
        ("2001-01", True, Standing.OUTDATED, False, False),
        (VERSION, False, Standing.NON_PROFESSIONAL, True, True),
        (VERSION, True, Standing.PROFESSIONAL, False, True),
    ],
)
def test_what_a_declaration_gives(
    version: str | None,
    professional: bool,  # a column of the table
    standing: Standing,
    sees: bool,
    sees_where_licensed: bool,
) -> None:
    assert standing_of(version, professional=professional) is standing
    assert may_see_realtime(standing, professionals=False) is sees
    assert may_see_realtime(standing, professionals=True) is sees_where_licensed
