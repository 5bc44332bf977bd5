"""The repository itself keeps every house rule: the same check as `python -m tools.house`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.house import FILE_RULES, REPOSITORY_RULES, check
from tools.house.source import Finding, read_sources

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted({rule.name for rule in (*FILE_RULES, *REPOSITORY_RULES)})


@pytest.fixture(scope="module")
def all_findings() -> list[Finding]:
    return check(read_sources(ROOT))


@pytest.mark.parametrize("rule", RULES)
def test_the_repository_keeps_the_rule(rule: str, all_findings: list[Finding]) -> None:
    broken = [str(finding) for finding in all_findings if finding.rule == rule]
    assert not broken, "\n" + "\n".join(broken)
