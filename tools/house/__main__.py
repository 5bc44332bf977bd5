"""`python -m tools.house [rule …]`: check the repository, all rules or the named ones."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.house import check
from tools.house.source import read_sources

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    wanted = set(sys.argv[1:])
    findings = [f for f in check(read_sources(root)) if not wanted or f.rule in wanted]
    for finding in findings:
        print(finding)
    sys.exit(bool(findings))
