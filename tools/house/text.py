"""Rules on the text of files, whatever their language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.house.source import Rule, Source

Hits = Iterator[tuple[int, str]]

# Written in pieces, so that this file does not find itself.
_UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
_COMMENT_START = re.compile(r"(//|/\*|^\s*\*|#|--|<!--|\{#)")
_CODE_ENDINGS = (".ts", ".tsx", ".js", ".mjs", ".cjs", ".sh", ".sql", ".yaml", ".yml", ".toml")
_MACHINE_PATH = re.compile(
    r"(?<![\w.~>)}*-])(?:/(?:work|root|Users|home/(?!optix\b)\w+)/\w|[A-Z]:\\Users\\)"
)
_VAGUE_NAMES = re.compile(
    r"(^|[._/-])(utils?|helpers?|manager|managers|common|misc|stuff)(\.|$|/)", re.IGNORECASE
)
_REASON_MIN = 4  # letters


def check_unfinished(source: Source) -> Hits:
    if source.is_python:
        comments = source.comments
    else:
        comments = [
            (number, line)
            for number, line in enumerate(source.lines, start=1)
            if _COMMENT_START.search(line)
        ]
    for number, text in comments:
        if _UNFINISHED.search(text):
            yield number, "finish it or open an issue: no marks of unfinished work in the code"


def check_machine_path(source: Source) -> Hits:
    for number, line in enumerate(source.lines, start=1):
        if _MACHINE_PATH.search(line):
            yield number, "a path of one machine: make it relative, or a setting"


_LOCK_HOST = re.compile(r"https?://|--(extra-)?index-url|--find-links")
_NPM_HOST = re.compile(r'"resolved"\s*:\s*"')
_CONFIG_HOST = re.compile(
    r"^\s*(registry\s*=|@[\w-]+:registry\s*=|index-url|extra-index-url)|\[\[tool\.uv\.index\]\]"
)


def check_lock(source: Source) -> Hits:
    remedy = "a lock names packages and hashes, never a host (CONTRIBUTING, Locks)"
    if source.name == "package-lock.json":
        pattern = _NPM_HOST
    elif source.path.endswith(".lock"):
        pattern = _LOCK_HOST
    else:
        pattern = _CONFIG_HOST
    for number, line in enumerate(source.lines, start=1):
        if pattern.search(line):
            yield number, remedy


def check_lock_hashes(source: Source) -> Hits:
    """Every requirement is pinned and carries at least one hash."""
    entry = 0
    for number, line in enumerate([*source.lines, "end==0"], start=1):
        if re.match(r"[A-Za-z0-9]", line):
            if entry and not any(
                "--hash=sha256:" in text for text in source.lines[entry - 1 : number - 1]
            ):
                yield entry, "a requirement without a hash: make the lock again with hashes"
            entry = number if number <= len(source.lines) else 0
            if "==" not in line:
                yield number, "a requirement without an exact version"


def _reason(text: str) -> bool:
    return len(re.findall(r"[^\W\d_]", text)) >= _REASON_MIN


def check_suppression(source: Source) -> Hits:
    """A silenced tool needs its code and a reason: `# noqa: S105  # the scheme, not a secret`."""
    for number, text in source.comments:
        ignore = re.search(r"#\s*type:\s*ignore(\[[\w\-, ]+\])?(.*)", text)
        if ignore and not (ignore[1] and _reason(ignore[2])):
            yield number, "write `# type: ignore[code]  # why`"
        noqa = re.search(
            r"#\s*(?:ruff:\s*)?noqa(:\s*[A-Z]+[0-9]+(?:[, ]+[A-Z]+[0-9]+)*)?(.*)", text
        )
        if noqa and not (noqa[1] and _reason(noqa[2])):
            yield number, "write `# noqa: CODE  # why`"
        cover = re.search(r"#\s*pragma:\s*no (?:cover|branch)(.*)", text)
        if cover and not _reason(cover[1]):
            yield number, "write `# pragma: no cover  # why`"


def check_script_suppression(source: Source) -> Hits:
    for number, line in enumerate(source.lines, start=1):
        disabled = re.search(r"eslint-disable(?:-next-line|-line)?\b(.*)", line)
        if disabled and not re.search(r"--\s*\S.{3,}", disabled[1]):
            yield number, "write `eslint-disable-next-line rule -- why`"
        if "@ts-" + "ignore" in line or "@ts-" + "nocheck" in line:
            yield number, "use `@ts-expect-error why`: it fails when it is no longer needed"
        expected = re.search(r"@ts-expect-error(.*)", line)
        if expected and not _reason(expected[1]):
            yield number, "write `@ts-expect-error why`"


def check_file_name(source: Source) -> Hits:
    below = source.path.split("/", 1)[1] if "/" in source.path else source.path
    if _VAGUE_NAMES.search(below):
        yield 1, "name the file after what it knows, not after its having no name"


def _ends(*endings: str) -> re.Pattern[str]:
    return re.compile("(" + "|".join(re.escape(ending) for ending in endings) + ")$")


_NAMED_CODE = _ends(".py", ".ts", ".tsx")
_SCRIPTS = _ends(".ts", ".tsx", ".js", ".mjs", ".cjs")

RULES = (
    Rule(
        "unfinished",
        lambda s: s.is_python or s.path.endswith(_CODE_ENDINGS) or s.name == "Makefile",
        check_unfinished,
    ),
    Rule("machine-path", lambda s: not s.path.endswith((".svg", ".csv")), check_machine_path),
    Rule(
        "lock",
        lambda s: (
            s.path.endswith(".lock")
            or s.name in {"package-lock.json", ".npmrc", "pyproject.toml", "pip.conf", "uv.toml"}
        ),
        check_lock,
    ),
    Rule("lock-hash", lambda s: s.path.endswith(".lock"), check_lock_hashes),
    Rule("suppression", lambda s: s.is_python, check_suppression),
    Rule("suppression", lambda s: bool(_SCRIPTS.search(s.path)), check_script_suppression),
    Rule("file-name", lambda s: bool(_NAMED_CODE.search(s.path)), check_file_name),
)
