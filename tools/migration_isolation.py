"""A migration travels alone, because the previous release must run with it (ARCHITECTURE 9).

`python -m tools.migration_isolation` looks at what is staged: a commit that adds a migration may
carry models, tests, documents and the change log beside it, but no code that needs the new columns;
and a migration that was committed before is never edited.
"""

from __future__ import annotations

import re
import subprocess
import sys

MAY_TRAVEL = re.compile(
    r"migrations/.*|alembic\.ini|tests/.*|docs/.*|CHANGELOG\.md|src/optix/features/\w+/models\.py"
)


def problems(staged: list[tuple[str, str]]) -> list[str]:
    """Return what is wrong with a commit of (status letter, path) pairs."""
    migrations = [
        (status, path)
        for status, path in staged
        if path.startswith("migrations/versions/") and path.endswith(".py")
    ]
    found = [
        f"{path} was committed before: add a new migration instead of editing it"
        for status, path in migrations
        if status != "A"
    ]
    if any(status == "A" for status, _ in migrations):
        found += [
            f"{path} travels with a migration: commit the migration first, alone"
            for _, path in staged
            if not MAY_TRAVEL.fullmatch(path)
        ]
    return found


def staged_files() -> list[tuple[str, str]]:
    """Return the staged files of the repository as (status letter, path)."""
    output = subprocess.run(
        ["git", "diff", "--cached", "--name-status", "--no-renames", "-z"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    fields = output.split("\0")[:-1]
    return list(zip(fields[0::2], fields[1::2], strict=True))


if __name__ == "__main__":
    found = problems(staged_files())
    for line in found:
        print(line)
    sys.exit(bool(found))
