"""`make new-feature`: what it stamps into a copy of the repository passes every gate at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools import new_feature
from tools.house import FILE_RULES
from tools.house.repository import check_limits_tested, check_limits_used, check_owners
from tools.house.source import read_sources
from tools.new_feature import CannotStamp, stamp, words_of

ROOT = Path(__file__).resolve().parents[2]
FEATURES = ROOT / "src" / "optix" / "features"
# A name that has its place in the feature order and is still free.
NAME, NOUN = next(
    pair
    for pair in (("watchlists", "watchlist"), ("insights", "insight"), ("journal", "entry"))
    if not (FEATURES / pair[0]).exists()
)

pytestmark = pytest.mark.skipif(
    not (ROOT / "migrations" / "versions").exists(), reason="the database layer is not here yet"
)


def copy_repository(target: Path) -> Path:
    for name in ("src", "tests", "migrations", "docs", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    for name in (".importlinter", "pyproject.toml", "alembic.ini"):
        shutil.copy(ROOT / name, target / name)
    return target


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = copy_repository(tmp_path_factory.mktemp("repository"))
    stamp(tree, NAME, NOUN)
    return tree


@pytest.mark.usefixtures("stamped")
class TestStamped:
    CODE = (f"src/optix/features/{NAME}", f"tests/features/{NAME}", "migrations/versions")

    def test_ruff_is_content(self, stamped: Path) -> None:
        for command in (("check",), ("format", "--check")):
            ran = run(stamped, "-m", "ruff", *command, *self.CODE, "src/optix/kernel/limits.py")
            assert ran.returncode == 0, ran.stdout

    def test_mypy_is_content(self, stamped: Path) -> None:
        cache = ROOT / ".mypy_cache"
        if cache.is_dir():  # what `make check` learnt about libraries; its own files stay apart
            shutil.copytree(cache, stamped / ".mypy_cache", symlinks=True)
        ran = run(stamped, "-m", "mypy", f"src/optix/features/{NAME}")
        assert ran.returncode == 0, ran.stdout

    def test_the_import_contracts_hold(self, stamped: Path) -> None:
        code = "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())"
        ran = run(stamped, "-c", code, "--no-cache", "--no-logo")
        assert ran.returncode == 0, ran.stdout
        assert f"private parts of {NAME} KEPT" in ran.stdout

    def test_the_house_rules_hold(self, stamped: Path) -> None:
        sources = read_sources(stamped)
        mine = [source for source in sources if NAME in source.path]
        assert not [str(f) for s in mine for rule in FILE_RULES for f in rule.findings(s)]
        for check in (check_limits_used, check_limits_tested, check_owners):
            assert not [line for *_, line in check(sources) if NOUN in line.lower()]

    def test_its_rules_pass_their_tests(self, stamped: Path) -> None:
        tests = f"tests/features/{NAME}/test_rules.py"
        ran = run(stamped, "-m", "pytest", "-q", "--noconftest", "-n", "0", tests)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def test_its_migration_follows_the_last_one(self, stamped: Path) -> None:
        before = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("0*.py"))
        after = sorted(path.name for path in (stamped / "migrations" / "versions").glob("0*.py"))
        assert after == [*before, f"{int(before[-1][:4]) + 1:04d}_{NAME}.py"]
        text = (stamped / "migrations" / "versions" / after[-1]).read_text(encoding="utf-8")
        assert f'down_revision = "{before[-1][:4]}"' in text


def test_nothing_is_overwritten(stamped: Path) -> None:
    before = (stamped / ".importlinter").read_text(encoding="utf-8")
    with pytest.raises(CannotStamp, match="Nothing was written"):
        stamp(stamped, NAME, NOUN)
    assert (stamped / ".importlinter").read_text(encoding="utf-8") == before


def test_a_feature_without_a_place_in_the_order_is_refused(stamped: Path) -> None:
    with pytest.raises(CannotStamp, match="place in the feature order"):
        stamp(stamped, "weathers")
    assert not (stamped / "src" / "optix" / "features" / "weathers").exists()


@pytest.mark.parametrize("name", ["", "Watchlists", "watch-lists", "2fast", "../etc", "a b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CannotStamp, match="is not a name"):
        words_of(name, "thing")


def test_one_of_them_needs_a_name_of_its_own() -> None:
    with pytest.raises(CannotStamp, match="NOUN"):
        words_of("flow", None)
    assert words_of("strategies", "strategy")["Thing"] == "Strategy"
    assert words_of("price_alerts", None)["path"] == "price-alerts"


def test_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert new_feature.main([]) == 2
    assert "NAME=watchlists" in capsys.readouterr().out
