"""House rules that ruff, mypy and import-linter cannot see (ARCHITECTURE sections 4, 6, 7 and 13).

`python -m tools.house` prints every finding as `path:line: rule: what is wrong and what to do`, and
exits with 1 if there is one. Each rule is proven by a planted violation in tests/house.

A line that must break a rule says so, on itself or on the line above:
`# house: allow(clock) because a token carries the machine's time`. A reason is required.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.house import code, repository, steadiness, text
from tools.house.source import Finding, Source

FILE_RULES = (*code.RULES, *text.RULES, *steadiness.RULES)
REPOSITORY_RULES = repository.RULES


def check(sources: Sequence[Source]) -> list[Finding]:
    """Return all findings of all rules, by path and line."""
    found = [
        finding for source in sources for rule in FILE_RULES for finding in rule.findings(source)
    ]
    for rule in REPOSITORY_RULES:
        found += rule.findings(sources)
    return sorted(found)
