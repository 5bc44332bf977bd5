"""What every rule reads: the files of the repository, and the findings it reports."""

from __future__ import annotations

import ast
import os
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path

SKIPPED_FOLDERS = frozenset(
    {
        ".bench",
        ".git",
        ".venv",
        ".optix",
        ".expo",
        ".hypothesis",
        ".import_linter_cache",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        "__pycache__",
        "build",
        "dist",
        "node_modules",
        "playwright-report",
        "test-results",
    }
)
TEXT_ENDINGS = frozenset(
    """.py .pyi .ts .tsx .js .mjs .cjs .json .md .toml .yaml .yml .ini .cfg .sh .sql .css .html .csv
    .lock .txt .mako .example .svg .cpp .hpp .inl .in""".split()  # noqa: SIM905  # words read better than a list here
)
TEXT_NAMES = frozenset(
    {"Makefile", "Dockerfile", "LICENSE", ".importlinter", ".gitignore", ".npmrc", "run"}
)

_ALLOW = re.compile(r"house: allow\(([\w, -]+)\) because \S.{10,}")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One breach of one rule."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class Source:
    """One text file of the repository. `path` is relative to its root, with forward slashes."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        """Line number and text of every comment of a Python file."""
        tokens = tokenize.generate_tokens(StringIO(self.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)

    def allows(self, rule: str, line: int) -> bool:
        """Tell whether `line` or the line above excuses itself from `rule`, with a reason."""
        for number in (line, line - 1):
            if 1 <= number <= len(self.lines):
                match = _ALLOW.search(self.lines[number - 1])
                if match and rule in (name.strip() for name in match[1].split(",")):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check of one file. `check` yields lines with a sentence that says the remedy."""

    name: str
    applies: Callable[[Source], bool]
    check: Callable[[Source], Iterable[tuple[int, str]]]

    def findings(self, source: Source) -> Iterator[Finding]:
        if self.applies(source):
            for line, message in self.check(source):
                if not source.allows(self.name, line):
                    yield Finding(source.path, line, self.name, message)


def read_sources(root: Path) -> list[Source]:
    """Return every text file below `root` that belongs to the repository, by path."""
    sources: list[Source] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in TEXT_ENDINGS or name in TEXT_NAMES or path.parent.name == ".ci":
                relative = path.relative_to(root).as_posix()
                sources.append(Source(relative, path.read_text(encoding="utf-8")))
    return sources


def within(*prefixes: str) -> Callable[[Source], bool]:
    """Return a predicate: a Python file below one of `prefixes`."""

    def applies(source: Source) -> bool:
        return source.is_python and source.path.startswith(prefixes)

    return applies
