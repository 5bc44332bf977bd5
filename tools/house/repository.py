"""Rules that need to see more than one file: links, limits, owners of data, migrations."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tools.house.source import Finding, Source

LIMITS = "src/optix/kernel/limits.py"
BUS = "src/optix/platform/bus.py"
OWNERS = "docs/data-owners.md"

Sources = Sequence[Source]


@dataclass(frozen=True, slots=True)
class RepositoryRule:
    """A named check of all files together. `check` yields path, line and sentence."""

    name: str
    check: Callable[[Sources], Iterator[tuple[str, int, str]]]

    def findings(self, sources: Sources) -> Iterator[Finding]:
        files = {source.path: source for source in sources}
        for path, line, message in self.check(sources):
            if path not in files or not files[path].allows(self.name, line):
                yield Finding(path, line, self.name, message)


def _by_path(sources: Sources) -> dict[str, Source]:
    return {source.path: source for source in sources}


# Links and paths in documents


def _prose(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the lines outside fenced blocks."""
    fenced = False
    for number, line in enumerate(source.lines, start=1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(source: Source) -> set[str]:
    """Return the anchors of a Markdown file's headings, as a web view makes them."""
    found: set[str] = set()
    for _, line in _prose(source):
        heading = re.match(r"#{1,6}\s+(.*)", line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading[1].lower().strip())
            found.add(words.replace(" ", "-"))
    return found


def check_links(sources: Sources) -> Iterator[tuple[str, int, str]]:
    files = _by_path(sources)
    folders = {posixpath.dirname(path) for path in files}
    for source in sources:
        if not source.path.endswith(".md"):
            continue
        for number, line in _prose(source):
            for target in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", line):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                where, _, anchor = target.partition("#")
                path = (
                    posixpath.normpath(posixpath.join(posixpath.dirname(source.path), where))
                    if where
                    else source.path
                )
                if path not in files and path not in folders:
                    yield source.path, number, f"the link to {target} leads nowhere"
                elif anchor and path.endswith(".md") and anchor not in anchors(files[path]):
                    yield source.path, number, f"{path} has no heading #{anchor}"


_TOP_PATH = re.compile(
    r"`((?:src|tests|docs|tools|benchmarks|migrations|deploy|app/src)/[\w./-]+?)/?`"
)
_PACKAGE_PATH = re.compile(
    r"`((?:kernel|quant|ports|platform|features|adapters|processes)/[\w./-]+\.(?:py|md|csv))`"
)


def check_document_paths(sources: Sources) -> Iterator[tuple[str, int, str]]:
    """A path that a document names in code type exists."""
    paths = {source.path for source in sources}
    folders = {
        "/".join(parts[:depth])
        for parts in (path.split("/") for path in paths)
        for depth in range(1, len(parts))
    }
    for source in sources:
        if not source.path.endswith(".md") or source.path.startswith("app/"):
            continue
        for number, line in _prose(source):
            named = _TOP_PATH.findall(line)
            named += ["src/optix/" + path for path in _PACKAGE_PATH.findall(line)]
            for path in named:
                if path not in paths and path not in folders:
                    yield source.path, number, f"names {path}, which does not exist"


# Limits


def limit_names(source: Source) -> dict[str, int]:
    """Return the names of kernel/limits.py with their lines."""
    return {
        node.targets[0].id: node.lineno
        for node in source.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    } | {
        node.target.id: node.lineno
        for node in source.tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _names_in(source: Source) -> set[str]:
    names: set[str] = set()
    for node in source.nodes():
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.name for alias in node.names)
    return names


def _used_below(sources: Sources, prefix: str) -> set[str]:
    names: set[str] = set()
    for source in sources:
        if source.is_python and source.path.startswith(prefix) and source.path != LIMITS:
            names |= _names_in(source)
    return names


def check_limits_used(sources: Sources) -> Iterator[tuple[str, int, str]]:
    limits = _by_path(sources).get(LIMITS)
    if limits is None:
        return
    within_limits = [
        node.id
        for node in limits.nodes()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    ]
    used = _used_below(sources, "src/optix/") | set(within_limits)
    for name, line in limit_names(limits).items():
        if name not in used:
            yield LIMITS, line, f"{name} bounds nothing: use it where the bound is kept, or drop it"


def check_limits_tested(sources: Sources) -> Iterator[tuple[str, int, str]]:
    limits = _by_path(sources).get(LIMITS)
    if limits is None:
        return
    tested = _used_below(sources, "tests/")
    for name, line in limit_names(limits).items():
        if name not in tested:
            yield LIMITS, line, f"no test reaches {name}: write one that hits the bound by its name"


# Owners of data


def declared_tables(sources: Sources) -> dict[str, tuple[str, int]]:
    """Return each table of the models and migrations with the place that declares it."""
    tables: dict[str, tuple[str, int]] = {}
    for source in sources:
        if not source.is_python or not source.path.startswith(("src/optix/", "migrations/")):
            continue
        for node in source.nodes():
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__tablename__":
                if isinstance(node.value, ast.Constant):
                    tables.setdefault(str(node.value.value), (source.path, node.lineno))
            elif isinstance(node, ast.Call) and node.args:
                called = ast.unparse(node.func).rpartition(".")[2]
                first = node.args[0]
                if called in {"create_table", "Table"} and isinstance(first, ast.Constant):
                    tables.setdefault(str(first.value), (source.path, node.lineno))
    return tables


def declared_keys(sources: Sources) -> dict[str, tuple[str, int]]:
    """Return the Redis names of the product with the place that declares each.

    They are the upper-case constants of platform/bus.py whose value has a dot, and in features and
    the platform the strings of the form `feature:thing:`. A value that ends with its separator
    begins a family.
    """
    keys: dict[str, tuple[str, int]] = {}
    bus = _by_path(sources).get(BUS)
    for node in bus.tree.body if bus else ():
        target: ast.expr | None = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if (
            isinstance(target, ast.Name)
            and target.id.isupper()
            and isinstance(value, ast.Constant)
            and isinstance(value.value, str)
            and re.fullmatch(r"[a-z]+(\.[a-z_]+)*\.?", value.value)
            and "." in value.value
        ):
            keys[value.value] = (BUS, node.lineno)
    for source in sources:
        if not source.is_python or not source.path.startswith(
            ("src/optix/features/", "src/optix/platform/")
        ):
            continue
        for part in source.nodes():
            if not isinstance(part, ast.Constant) or not isinstance(part.value, str):
                continue
            if re.fullmatch(r"[a-z]+:[a-z_]+:", part.value):
                keys.setdefault(part.value, (source.path, part.lineno))
    return keys


def owned_names(owners: Source) -> dict[str, list[int]]:
    """Return the names in the first column of the tables, with the lines they stand on.

    `md.chain.<underlying>.<expiration>` is the family `md.chain.`.
    """
    names: dict[str, list[int]] = {}
    for number, line in enumerate(owners.lines, start=1):
        match = re.match(r"\|\s*`([a-z][^`/]*)`\s*\|", line)
        if match:
            names.setdefault(match[1].partition("<")[0], []).append(number)
    return names


def check_owners(sources: Sources) -> Iterator[tuple[str, int, str]]:
    owners = _by_path(sources).get(OWNERS)
    if owners is None:
        yield OWNERS, 1, "the list of owners is missing"
        return
    listed = owned_names(owners)
    declared = declared_tables(sources) | declared_keys(sources)
    for name, (path, line) in declared.items():
        if name not in listed:
            yield path, line, f"{name!r} has no owner: give it one line in {OWNERS}"
    for name, lines in listed.items():
        if len(lines) > 1:
            yield OWNERS, lines[1], f"{name!r} is listed twice: one writer, one line"
        if name not in declared:
            yield OWNERS, lines[0], f"{name!r} exists neither as a table nor as a key of {BUS}"


# Migrations


def check_migrations(sources: Sources) -> Iterator[tuple[str, int, str]]:
    """One linear history: one root, one head, no two children of one parent."""
    children: dict[str | None, list[str]] = {}
    for source in sources:
        if not source.path.startswith("migrations/versions/") or not source.is_python:
            continue
        values: dict[str, str | None] = {}
        for node in source.tree.body:
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(node, ast.AnnAssign):
                target = node.target
            if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
                assert isinstance(node, ast.Assign | ast.AnnAssign)
                assert node.value is not None
                values[target.id] = ast.literal_eval(node.value)
        if set(values) != {"revision", "down_revision"}:
            yield source.path, 1, "names no revision and down_revision"
            continue
        children.setdefault(values["down_revision"], []).append(source.path)
    for parent, paths in children.items():
        for path in paths[1:]:
            yield path, 1, f"{paths[0]} follows {parent or 'nothing'} too: rebase this one on it"


RULES = (
    RepositoryRule("links", check_links),
    RepositoryRule("document-path", check_document_paths),
    RepositoryRule("limit-used", check_limits_used),
    RepositoryRule("limit-tested", check_limits_tested),
    RepositoryRule("owners", check_owners),
    RepositoryRule("migrations", check_migrations),
)
