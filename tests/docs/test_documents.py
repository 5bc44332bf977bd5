"""Documents keep their form: decisions have their headings, length and what enforces them; the
glossary is sorted; the change log uses its own headings.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("0*.md"))
HEADINGS = [
    "Context",
    "Decision",
    "Consequences",
    "Alternatives",
    "In the code",
    "Enforced by",
]


def headings(path: Path, level: int = 2) -> list[str]:
    pattern = rf"^{'#' * level} (.+)$"
    return re.findall(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
class TestDecision:
    def test_it_has_the_six_headings_in_order(self, path: Path) -> None:
        assert headings(path) == HEADINGS

    def test_it_fits_on_forty_lines(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 40

    def test_it_names_what_enforces_it(self, path: Path) -> None:
        enforced = path.read_text(encoding="utf-8").partition("## Enforced by")[2]
        assert re.search(r"`[^`]+`", enforced), "name a contract, a rule or a test"

    def test_the_index_lists_it(self, path: Path) -> None:
        index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
        title = headings(path, level=1)[0].partition(": ")[2]
        assert f"| [{path.name[:4]}]({path.name}) | {title} |" in index


def test_contracts_that_documents_name_exist() -> None:
    contracts = (ROOT / ".importlinter").read_text(encoding="utf-8")
    for path in DECISIONS:
        enforced = path.read_text(encoding="utf-8").partition("## Enforced by")[2]
        for sentence in re.findall(r"Contracts? ([^.;:]*)", enforced):
            for name in re.findall(r"`([^`]+)`", sentence):
                assert f"name = {name}" in contracts, f"{path.name} names contract {name}"


def test_house_rules_that_documents_name_exist() -> None:
    from tools.house import FILE_RULES, REPOSITORY_RULES

    rules = {rule.name for rule in (*FILE_RULES, *REPOSITORY_RULES)}
    for path in DECISIONS:
        enforced = path.read_text(encoding="utf-8").partition("## Enforced by")[2]
        for sentence in re.findall(r"House rules? (.*?)[,;.(]", enforced):
            named = set(re.findall(r"`([\w-]+)`", sentence))
            assert named <= rules, f"{path.name} names {named - rules}"


def test_the_glossary_is_sorted_and_says_each_word_once() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| (?!word |---)([^|]+?) \|", text, flags=re.MULTILINE)
    assert words == sorted(set(words), key=str.casefold)
    assert {"leg", "contract", "multiplier", "mark", "snapshot", "firing", "episode"} <= set(words)


def test_the_change_log_uses_its_headings() -> None:
    path = ROOT / "CHANGELOG.md"
    assert set(headings(path, level=3)) <= {"Added", "Changed", "Fixed", "Removed", "Security"}
    assert headings(path)[0].startswith("0.1.0")
