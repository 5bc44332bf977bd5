"""Looks for secrets in the files that a commit would carry.

`python -m tools.secrets_scan [file …]` scans the named files, or the whole repository, and exits
with 1 if it finds one. It knows the shapes of common keys, and strings that look random beside a
name that says "secret" (not in tests, which are full of made-up ones). A test vector is excused on
its line or the line above: `house: allow(secret) because it is the documented example of RFC 8032`.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tools.house.source import Finding, Source, read_sources

ROOT = Path(__file__).resolve().parents[1]

# Split words keep this file from finding itself.
SHAPES = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----"),
    "AWS access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "GitHub token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{50,}"),
    "Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "Google key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "API key": re.compile(r"\bsk[-_](?:live|test|ant|proj)[-_][A-Za-z0-9_-]{16,}"),
    "npm token": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "password in an address": re.compile(
        r"\b[a-z][a-z0-9+]*://[^\s:/@\"'{}$<>]+:([^\s:/@\"']{6,})@"
    ),
}
_NAMED = re.compile(
    r"(?i)(?:secret|token|passw(?:or)?d|api_?key|private_?key|signing_?key|vault_?key|credential)"
    r"[\w-]*[\"']?\s*[:=]\s*[\"']([^\"'\s]{16,})[\"']"
)
_WORDS = re.compile(r"(?i)password|secret|user|example|changeme|…|\.\.\.|[{<$%]")
ENTROPY_MIN = 3.6  # bits a character: words stay below, random base64 of this length lies above
SKIPPED = (".lock", "package-lock.json", ".csv", ".svg")


def entropy(text: str) -> float:
    """Return the Shannon entropy of `text` in bits a character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


def findings(source: Source) -> Iterator[Finding]:
    """Yield what looks like a secret in one file."""
    if source.path.endswith(SKIPPED):
        return
    in_tests = source.path.startswith(("tests/", "app/e2e/"))
    for number, line in enumerate(source.lines, start=1):
        what = _shape_in(line) or ("" if in_tests else _random_in(line))
        if what and not source.allows("secret", number):
            message = f"{what}: keep it out of the repository, and change it if it was ever real"
            yield Finding(source.path, number, "secret", message)


def _shape_in(line: str) -> str:
    for what, shape in SHAPES.items():
        match = shape.search(line)
        if match and not (match.groups() and _WORDS.search(match[1])):
            return what
    return ""


def _random_in(line: str) -> str:
    for match in _NAMED.finditer(line):
        value = match[1]
        mixed = bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
        if mixed and not _WORDS.search(value) and entropy(value) >= ENTROPY_MIN:
            return "a random string beside a secret's name"
    return ""


def main(arguments: list[str]) -> int:
    """Scan the named files, or all of them; print what is found; return the exit code."""
    sources = read_sources(ROOT)
    if arguments:
        wanted = {Path(name).as_posix() for name in arguments}
        sources = [source for source in sources if source.path in wanted]
    found = [finding for source in sources for finding in findings(source)]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
