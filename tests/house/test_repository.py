"""The repository itself keeps every house rule: the same check as `python -m tools.house`."""

from __future__ import annotations

import subprocess
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


def test_git_keeps_no_link() -> None:
    # A link leads somewhere on one machine, and a set-up that follows it writes there.
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout of git")
    listed = subprocess.run(
        ["git", "ls-files", "--stage"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    links = [line for line in listed.stdout.splitlines() if line.startswith("120000")]
    assert not links
