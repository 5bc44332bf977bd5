"""Licences: a package that states none, an unknown one or a binding one is refused; the document
follows the locks.
"""

from __future__ import annotations

import json

import pytest
from tools import licences
from tools.licences import Package, problem


def refusal(licence: str, *, name: str = "planted", shipped: bool = True) -> str | None:
    return problem(Package(name, "1.0", licence), shipped=shipped)


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "MIT AND PSF-2.0",
        "Apache-2.0 OR GPL-3.0-only",
        "(MIT OR GPL-2.0)",
        "MIT AND (Apache-2.0 OR AGPL-3.0-only)",
        "(GPL-2.0 OR MIT) AND (ISC)",
    ],
)
def test_a_licence_that_leaves_a_permissive_choice_stands(licence: str) -> None:
    assert refusal(licence) is None


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-3.0-only",
        "AGPL-3.0-or-later",
        "SSPL-1.0",
        "BUSL-1.1",
        "MIT AND GPL-2.0-only",
        "MIT AND (GPL-2.0 OR AGPL-3.0)",
        "CC-BY-NC-4.0",
    ],
)
def test_a_binding_licence_is_refused_where_it_ships(licence: str) -> None:
    assert "would bind the product" in (refusal(licence) or "")


def test_a_binding_licence_may_stay_a_development_tool() -> None:
    assert refusal("GPL-2.0-only", shipped=False) is None


@pytest.mark.parametrize("licence", ["LGPL-3.0-only", "MPL-2.0", "MPL-2.0 AND (MIT)"])
def test_a_weak_copyleft_needs_a_sentence(licence: str) -> None:
    assert "needs a sentence" in (refusal(licence) or "")
    assert refusal(licence, name="certifi") is None


@pytest.mark.parametrize("shipped", [True, False])
def test_an_unknown_or_missing_licence_is_refused_everywhere(shipped: bool) -> None:
    assert "states no licence" in (refusal("", shipped=shipped) or "")
    assert "not a licence this project knows" in (refusal("Handshake-1.0", shipped=shipped) or "")


def test_what_only_development_needs_is_not_called_shipped() -> None:
    shipped, development = licences.python_packages()
    names = {package.name for package in shipped}
    assert {"fastapi", "numpy", "asyncpg", "uvloop", "greenlet"} <= names
    assert {"codespell", "pytest", "mypy"} <= {package.name for package in development}
    assert not names & {package.name for package in development}


def test_every_locked_version_is_listed() -> None:
    lock = "a==1.0 ; python_version < '3.12' \\\n  --hash=sha256:0\na==2.0 \\\nB.c==3\n"
    assert licences.locked_versions(lock) == {"a": ["1.0", "2.0"], "b-c": ["3"]}


def test_npm_development_packages_are_left_out() -> None:
    lock = {
        "packages": {
            "": {"name": "app"},
            "node_modules/react": {"version": "19.2.3", "license": "MIT"},
            "node_modules/a/node_modules/@x/b": {"version": "1.0.0"},
            "node_modules/jest": {"version": "29.7.0", "license": "MIT", "dev": True},
        }
    }
    assert licences.npm_packages(json.dumps(lock)) == [
        Package("@x/b", "1.0.0", ""),
        Package("react", "19.2.3", "MIT"),
    ]


def test_the_document_is_up_to_date_and_nothing_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = licences.main(["--check"])
    assert (code, capsys.readouterr().out) == (0, "")


def test_an_outdated_document_is_noticed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences, "CARRIED", ())
    assert licences.main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().out
