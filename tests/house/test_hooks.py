"""The commit hooks: secrets and travelling migrations are found, ordinary code is not, and the
configuration asks no outside host.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tools import migration_isolation, secrets_scan
from tools.house.source import Source

ROOT = Path(__file__).resolve().parents[2]

# Joined at run time, so that the scan does not find this file.
RANDOM = "q7Xw9Zr2Lk" + "5Vb8Nm1Tc4"
SECRETS = {
    "key block": "-----BEGIN PRIVATE " + "KEY-----",
    "AWS": "AKIA" + "IOSFODNN7ABCDEFG",
    "GitHub": "ghp_" + "a1B2" * 9,
    "Slack": "xoxb-" + "123456789012-abcdefghij",
    "Google": "AIza" + "Sy0123456789abcdefghijklmnopqrstuvw",
    "API key": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "npm": "npm_" + "a1B2" * 9,
    "signed": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NSJ9." + "dozjgNryP4J3jVmNHl0w5N_Xg",
    "address": "postgresql://optix:" + "h7Gq2Lx9" + "@db:5432/optix",
    "random": f"signing_key = '{RANDOM}'",
    "json": f'"apiKey": "{RANDOM}"',
}
HARMLESS = [
    "password = 'Admin123!'",
    "token_type = 'bearer'",
    "postgresql://user:password@host:5432/optix",
    "url = f'redis://:{password}@{host}'",
    "REFRESH_TOKEN_COOKIE = 'optix_refresh_token_cookie'",
    "key = 'SPXW230914C01200000'",
    "secret = settings.signing_key.get_secret_value()",
]


def scan(text: str) -> list[int]:
    return [finding.line for finding in secrets_scan.findings(Source("src/optix/a.py", text))]


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_a_planted_secret_is_found(text: str) -> None:
    assert scan("x = 1\n" + text) == [2]


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_code_is_not_a_secret(text: str) -> None:
    assert scan(text) == []


def test_a_made_up_password_of_a_test_is_no_secret_but_a_key_is() -> None:
    text = SECRETS["random"] + "\n" + SECRETS["AWS"]
    found = secrets_scan.findings(Source("tests/features/identity/test_rules.py", text))
    assert [finding.line for finding in found] == [2]


def test_a_test_vector_is_excused_with_a_reason() -> None:
    excuse = "# house: allow(secret) because it is the example of RFC 8032\n"
    assert scan(excuse + SECRETS["random"]) == []


def test_the_repository_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert (secrets_scan.main([]), capsys.readouterr().out) == (0, "")


def test_only_the_named_files_are_scanned(capsys: pytest.CaptureFixture[str]) -> None:
    assert secrets_scan.main(["does/not/exist.py"]) == 0


MIGRATION = "migrations/versions/0002_alerts.py"


def test_a_migration_travels_with_its_models_and_tests() -> None:
    staged = [
        ("A", MIGRATION),
        ("M", "src/optix/features/alerts/models.py"),
        ("A", "tests/features/alerts/test_models.py"),
        ("M", "docs/data-owners.md"),
        ("M", "CHANGELOG.md"),
    ]
    assert migration_isolation.problems(staged) == []


def test_a_migration_does_not_travel_with_code() -> None:
    staged = [("A", MIGRATION), ("M", "src/optix/features/alerts/service.py")]
    (found,) = migration_isolation.problems(staged)
    assert found.startswith("src/optix/features/alerts/service.py travels")


def test_a_committed_migration_is_never_edited() -> None:
    (found,) = migration_isolation.problems([("M", MIGRATION)])
    assert "was committed before" in found


def test_a_commit_without_migrations_is_free() -> None:
    assert migration_isolation.problems([("M", "src/optix/cli.py")]) == []


def test_what_is_staged_is_read_from_git(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    for name in (MIGRATION, "src/optix/cli.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n", encoding="utf-8")
    git("add", ".")
    run = subprocess.run(
        [sys.executable, "-m", "tools.migration_isolation"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout.split()[0]) == (1, "src/optix/cli.py")


class TestConfiguration:
    def hooks(self) -> dict[str, dict[str, object]]:
        text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
        repos = yaml.safe_load(text)["repos"]
        assert {repo["repo"] for repo in repos} == {"local"}, "a hook would need the network"
        return {hook["id"]: hook for repo in repos for hook in repo["hooks"]}

    def test_all_gates_are_hooks(self) -> None:
        before_commit = {"ruff", "format", "codespell", "import-linter", "house", "locks"}
        before_commit |= {"secrets", "migrations", "licences"}
        hooks = self.hooks()
        assert before_commit | {"mypy", "tsc"} == set(hooks)
        assert {name for name, hook in hooks.items() if hook.get("stages")} == {"mypy", "tsc"}

    def test_every_hook_uses_what_the_project_installs(self) -> None:
        for hook in self.hooks().values():
            assert hook["language"] == "system"
            assert str(hook["entry"]).startswith((".venv/bin/", "npm --prefix app "))

    def test_pre_commit_accepts_the_file(self) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
