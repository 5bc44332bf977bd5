"""Stamps a feature: `make new-feature NAME=watchlists` (ARCHITECTURE section 5).

What it writes works as it stands: a table with its migration, rules, repository, service, router,
tests, a page, limits, the import contract and the line of the data's owner. Replace the sample
resource by the real one. Nothing that exists is overwritten. The feature must have its place in
the feature order of .importlinter first: that is a decision, not a default.

`NOUN=watchlist` names one of them where cutting the last s is wrong (NAME=strategies).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).resolve().parent / "feature_template"
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

CONTRACT = """
[importlinter:contract:private-$feature]
name = private parts of $feature
type = protected
protected_modules =
    optix.features.$feature.*
allowed_importers =
    optix.features.$feature
ignore_imports =
    optix.** -> optix.features.$feature.service
    optix.** -> optix.features.$feature.events
    optix.** -> optix.features.$feature.schemas
    optix.processes.** -> optix.features.$feature.router
    optix.processes.** -> optix.features.$feature.tasks
    optix.processes.** -> optix.features.$feature.engine
unmatched_ignore_imports_alerting = none
"""
LIMITS = """
# $Feature
${FEATURE}_PER_USER_MAX = 100
${THING}_NAME_LENGTH_MAX = 80
"""
OWNER = "| `$thing` | one of the $feature of a user | api (`$feature`) | api |"
NEXT_STEPS = """Stamped. Now:
1. Mount it: in src/optix/processes/api.py add "$feature" to MODULES with ${feature}_router.
2. Replace the sample resource by the real one, rules first.
3. make migrate && make check && make test; commit the migration before the code that needs it."""


class CannotStamp(Exception):
    """The feature cannot be stamped. The text says what to do."""


def words_of(feature: str, thing: str | None) -> dict[str, str]:
    """Return what the templates replace. Errors: CannotStamp."""
    thing = thing or feature.removesuffix("s")
    for word in (feature, thing):
        if not NAME.fullmatch(word):
            raise CannotStamp(f"{word!r} is not a name: use small letters and _, like watchlists.")
    if feature == thing:
        raise CannotStamp(f"Say what one of the {feature} is called: NOUN=…")
    return {
        "feature": feature,
        "Feature": _title(feature),
        "FEATURE": feature.upper(),
        "thing": thing,
        "Thing": _title(thing),
        "THING": thing.upper(),
        "path": feature.replace("_", "-"),
    }


def _title(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


def stamp(root: Path, feature: str, thing: str | None = None) -> list[Path]:
    """Write the feature below `root` and return the files made. Errors: CannotStamp."""
    words = words_of(feature, thing)
    contracts = root / ".importlinter"
    order = contracts.read_text(encoding="utf-8").partition("contract:feature-order]")[2]
    if f"({feature})" not in order.partition("[importlinter:")[0]:
        raise CannotStamp(
            f"Give {feature} its place in the feature order of .importlinter first: above the "
            "features it uses, below those that use it."
        )
    words["revision"], words["down_revision"] = _revisions(root)
    files = {root / path: text for path, text in _files(words).items()}
    existing = [path for path in files if path.exists()]
    if existing:
        raise CannotStamp(f"{existing[0].relative_to(root)} exists. Nothing was written.")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _insert(contracts, Template(CONTRACT).substitute(words), before="\n[importlinter:contract:sib")
    _insert(root / "src/optix/kernel/limits.py", Template(LIMITS).substitute(words))
    owner = Template(OWNER).substitute(words) + "\n"
    _insert(root / "docs/data-owners.md", owner, before="\n## Redis")
    _tidy([path for path in files if path.suffix == ".py"])
    return list(files)


def _tidy(files: list[Path]) -> None:
    """Sort imports and break lines, because both depend on the length of the names."""
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "-q", "--select", "I", "--fix", *map(str, files)], check=True)
    subprocess.run([*ruff, "format", "-q", *map(str, files)], check=True)


def _files(words: dict[str, str]) -> dict[str, str]:
    """Return the text of each new file by its path."""
    feature = words["feature"]
    code = f"src/optix/features/{feature}"
    places = {
        "models.py": f"{code}/models.py",
        "schemas.py": f"{code}/schemas.py",
        "rules.py": f"{code}/rules.py",
        "repository.py": f"{code}/repository.py",
        "service.py": f"{code}/service.py",
        "router.py": f"{code}/router.py",
        "migration.py": f"migrations/versions/{words['revision']}_{feature}.py",
        "test_rules.py": f"tests/features/{feature}/test_rules.py",
        "test_router.py": f"tests/features/{feature}/test_router.py",
        "feature.md": f"docs/features/{feature}.md",
    }
    files = {f"{code}/__init__.py": ""}
    for name, path in places.items():
        template = Template((TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8"))
        files[path] = template.substitute(words)
    return files


def _revisions(root: Path) -> tuple[str, str]:
    """Return the next revision and the head it follows, by the numbers of the files."""
    numbers = [path.name[:4] for path in (root / "migrations" / "versions").glob("[0-9]*_*.py")]
    if not numbers:
        raise CannotStamp("There is no migration to follow: is this the root of the repository?")
    head = max(numbers)
    return f"{int(head) + 1:04d}", head


def _insert(path: Path, text: str, *, before: str | None = None) -> None:
    """Insert `text` before a mark, or append it. A mark that is gone is our own mistake."""
    old = path.read_text(encoding="utf-8")
    if before is None:
        path.write_text(old + text, encoding="utf-8")
        return
    assert before in old, f"{path} has lost {before!r}"
    path.write_text(old.replace(before, text + before, 1), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Stamp `NAME [NOUN]` into this repository and say what comes next."""
    if not 1 <= len(arguments) <= 2 or not arguments[0]:
        print("Usage: make new-feature NAME=watchlists [NOUN=watchlist]")
        return 2
    feature, thing = arguments[0], (arguments[1:] or [""])[0] or None
    try:
        made = stamp(ROOT, feature, thing)
    except CannotStamp as error:
        print(error)
        return 1
    for path in made:
        print(path.relative_to(ROOT))
    print(Template(NEXT_STEPS).substitute(words_of(feature, thing)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
