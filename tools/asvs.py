"""Counts the ASVS table (docs/security/asvs.md) and finds evidence that does not exist.

.venv/bin/python -m tools.asvs            the counts by chapter
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "security" / "asvs.md"
STATES = ("met", "not met", "n/a")
# Where the prefix `src/optix/` is left out in the table.
PACKAGES = ("features/", "platform/", "kernel/", "adapters/", "processes/", "quant/", "ports/")

_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+) \| (.+) \| (.+) \|$")
_CODE = re.compile(r"`([^`]+)`")
_PATH = re.compile(
    r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+/?$|^[a-z_.-]+\.(md|toml|lock)$|^\.importlinter$"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    id: str
    level: int
    text: str
    state: str
    evidence: str

    @property
    def paths(self) -> list[str]:
        """Return the files and folders that the evidence names."""
        named = _CODE.findall(self.evidence)
        return [word for word in named if _PATH.match(word)]


def requirements(text: str) -> list[Requirement]:
    """Return the rows of the table in `text`. Errors: ValueError for a row that is none."""
    rows = []
    for line in text.splitlines():
        if not re.match(r"^\| \d", line):
            continue
        row = _ROW.match(line)
        if row is None or row[4] not in STATES:
            raise ValueError(f"not a row of the table: {line}")
        rows.append(Requirement(row[1], int(row[2]), row[3], row[4], row[5]))
    return rows


def met_share(rows: list[Requirement]) -> float:
    """Return the share of the applicable requirements that are met."""
    counted = Counter(row.state for row in rows)
    return counted["met"] / (counted["met"] + counted["not met"])


def missing_evidence(rows: list[Requirement], root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each file named that is not there, and each `met` that names none."""
    for row in rows:
        for path in row.paths:
            place = f"src/optix/{path}" if path.startswith(PACKAGES) else path
            if not (root / place).exists():
                yield f"{row.id} names {place}, which does not exist."


def main() -> int:
    rows = requirements(TABLE.read_text())
    chapters = sorted({int(row.id.split(".")[0]) for row in rows})
    for chapter in chapters:
        counted = Counter(r.state for r in rows if r.id.startswith(f"{chapter}."))
        print(f"V{chapter:<3}" + "".join(f"{counted[state]:4} {state:8}" for state in STATES))
    print(f"met {met_share(rows):.1%} of the applicable requirements")
    problems = list(missing_evidence(rows))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
