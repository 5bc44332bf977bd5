"""What documents tell people to type exists: make targets, commands, settings, scripts."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path
    for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")))
    if path.name != "licences.md"
]


def code_in(text: str) -> list[str]:
    """Return what stands in code type: fenced lines and inline spans."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    indented = re.findall(r"^ {4}(\S.*)$", text, flags=re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()] + inline + indented


def spoken(pattern: str) -> set[tuple[str, str]]:
    """Return (document, word) for each match of `pattern` in code type."""
    return {
        (path.relative_to(ROOT).as_posix(), match)
        for path in DOCUMENTS
        for line in code_in(path.read_text(encoding="utf-8"))
        for match in re.findall(pattern, line)
    }


def test_make_targets_exist() -> None:
    makefile = ROOT / "Makefile"
    if not makefile.exists():
        pytest.skip("there is no Makefile yet")
    targets = set(
        re.findall(r"^([a-z][\w-]*):", makefile.read_text(encoding="utf-8"), re.MULTILINE)
    )
    said = spoken(r"^(?:\w+=\S+ )*make (?:-s )?([a-z][\w-]*)")
    assert said, "no document mentions make: the pattern is wrong"
    assert not {(path, word) for path, word in said if word not in targets}


def test_commands_of_optix_exist() -> None:
    if importlib.util.find_spec("optix.cli") is None:
        pytest.skip("there is no command line yet")
    main = importlib.import_module("optix.cli").main
    assert isinstance(main, click.Group)
    said = spoken(r"(?:^|[ /])optix ([a-z][a-z-]+)")
    assert said, "no document mentions a command: the pattern is wrong"
    assert not {(path, word) for path, word in said if word not in main.commands}


def test_settings_exist() -> None:
    if importlib.util.find_spec("optix.platform.settings") is None:
        pytest.skip("there are no settings yet")
    known = importlib.import_module("optix.platform.settings").variables()
    said = spoken(r"\b(OPTIX_[A-Z_]+[A-Z])\b")
    suites = {"OPTIX_SHARED_DATA"}  # of the tests, not of the product
    assert not {(path, word) for path, word in said if word not in {*known, *suites}}


def test_scripts_exist() -> None:
    said = spoken(r"-m (tools\.[\w.]+)")
    assert ("CONTRIBUTING.md", "tools.house") in said
    assert not {(path, word) for path, word in said if importlib.util.find_spec(word) is None}


PAIRS = re.findall(
    r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.DOTALL
)


@pytest.mark.parametrize("block", PAIRS, ids=[block.splitlines()[0][:40] for block in PAIRS])
def test_every_footgun_says_what_is_wrong_and_what_is_right(block: str) -> None:
    comments = re.findall(r"# (wrong|right)", block)
    assert comments[0] == "wrong"
    assert "right" in comments
