"""The ASVS table is whole, true about what it names, and meets what was promised."""

from __future__ import annotations

from collections import Counter

from tools import asvs

ROWS = asvs.requirements(asvs.TABLE.read_text(encoding="utf-8"))

# How many requirements of levels 1 and 2 each chapter of ASVS 5.0 has.
ROWS_BY_CHAPTER = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 32, 7: 18, 8: 7, 9: 7,
    10: 29, 11: 13, 12: 9, 13: 13, 14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip


def test_every_requirement_has_one_row() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids))
    assert Counter(int(row.id.split(".")[0]) for row in ROWS) == ROWS_BY_CHAPTER


def test_the_evidence_exists() -> None:
    assert list(asvs.missing_evidence(ROWS)) == []


def test_evidence_that_does_not_exist_is_found() -> None:
    row = asvs.Requirement("1.1.1", 2, "text", "met", "`platform/nowhere.py` and `docs/asvs.md`")
    assert len(list(asvs.missing_evidence([row]))) == 2


def test_what_is_not_met_says_why() -> None:
    for row in ROWS:
        if row.state != "met":
            assert len(row.evidence) > 5, row.id


def test_nine_in_ten_of_the_applicable_requirements_are_met() -> None:
    assert asvs.met_share(ROWS) >= 0.9
