"""The repository itself keeps every house rule: the same check as `python -m tools.house`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.house import FILE_RULES, REPOSITORY_RULES, check
from tools.house.source import Finding, read_sources

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted({rule.name for rule in (*FILE_RULES, *REPOSITORY_RULES)})
# What these compare stands on both sides only once the product has its entry point.
WHOLE_PRODUCT_RULES = {"document-path", "limit-used", "limit-tested", "owners"}


@pytest.fixture(scope="module")
def all_findings() -> list[Finding]:
    return check(read_sources(ROOT))


@pytest.mark.parametrize("rule", RULES)
def test_the_repository_keeps_the_rule(rule: str, all_findings: list[Finding]) -> None:
    if rule in WHOLE_PRODUCT_RULES and not (ROOT / "src" / "optix" / "cli.py").exists():
        pytest.skip("compares documents, limits and tests with a product that is not whole yet")
    broken = [str(finding) for finding in all_findings if finding.rule == rule]
    assert not broken, "\n" + "\n".join(broken)
