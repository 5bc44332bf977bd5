"""What `optix adapters check` says of files that are right, wrong, missing or untrue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.fakes.scripted import ScriptedProvider

from optix.adapters.market_data.tiers import RULES
from optix.cli import main
from optix.kernel.clock import Clock
from optix.platform.settings import Settings, load_settings
from optix.processes import adapter_tiers
from optix.processes.adapter_tiers import adapters_folder, check_adapters

EXEMPT = "The documents are public and need no account."


def write(folder: Path, name: str, *, tier: str = "bronze", label: str = "Scripted market") -> None:
    rules = dict.fromkeys(RULES, '"done"') | {
        "live": '"todo"',
        "sign_in": f'{{ exempt = "{EXEMPT}" }}',
    }
    lines = "\n".join(f"{rule} = {value}" for rule, value in rules.items())
    (folder / name).mkdir()
    (folder / name / "quality.toml").write_text(
        f"""
tier = "{tier}"
recorded = ""

[capabilities]
name = "{name}"
label = "{label}"
quality = "realtime"
delay_seconds = 0
streaming = true
kinds = ["quotes", "chains", "bars", "search"]
intervals = []

[limits]

[rules]
{lines}
"""
    )


def build_scripted(_: Settings, clock: Clock) -> ScriptedProvider:
    return ScriptedProvider(clock=clock)


def test_a_file_that_agrees_is_listed_with_its_rules(tmp_path: Path) -> None:
    write(tmp_path, "scripted")
    builders = {"scripted": build_scripted}
    (report,) = check_adapters(load_settings(), folder=tmp_path, builders=builders)
    assert (report.name, report.tier, report.compared) == ("scripted", "bronze", True)
    assert report.counts() == (len(RULES) - 2, 1, 1)
    assert report.todo() == ["live"]
    assert report.rules["sign_in"] == EXEMPT
    assert not report.problems


@pytest.mark.parametrize(
    ("tier", "label", "said"),
    [
        ("gold", "Scripted market", "gold needs the rule live"),
        ("bronze", "Another market", "capabilities.label is 'Another market' in the file"),
    ],
)
def test_a_file_that_is_not_true_is_told(tmp_path: Path, tier: str, label: str, said: str) -> None:
    write(tmp_path, "scripted", tier=tier, label=label)
    builders = {"scripted": build_scripted}
    (report,) = check_adapters(load_settings(), folder=tmp_path, builders=builders)
    assert said in " ".join(report.problems)


def test_who_is_offered_without_a_file_is_told(tmp_path: Path) -> None:
    builders = {"scripted": build_scripted}
    (report,) = check_adapters(load_settings(), folder=tmp_path, builders=builders)
    assert report.problems == ["scripted: it has no quality.toml."]


def test_one_without_its_account_is_listed_and_not_compared(tmp_path: Path) -> None:
    write(tmp_path, "scripted", label="Whatever")
    builders = {"scripted": lambda *_: None}
    (report,) = check_adapters(load_settings(), folder=tmp_path, builders=builders)
    assert not report.compared
    assert not report.problems


def test_every_adapter_of_the_product_is_looked_at() -> None:
    folders = {path.parent.name for path in adapters_folder().glob("*/adapter.py")}
    assert folders - {"treasury"} <= {report.name for report in check_adapters(load_settings())}


def test_the_command_prints_a_page_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "scripted")
    monkeypatch.setattr(adapter_tiers, "adapters_folder", lambda: tmp_path)
    told = CliRunner().invoke(main, ["adapters", "check"])
    assert "scripted    bronze" in told.stdout
    assert "to do: live" in told.stdout
    assert f"exempt: sign_in: {EXEMPT}" in told.stdout
    assert told.exit_code == 1  # what the product offers has no file in this folder
    rows = json.loads(CliRunner().invoke(main, ["adapters", "check", "--json"]).stdout)
    scripted = next(row for row in rows if row["name"] == "scripted")
    assert scripted["capabilities"]["streaming"] is True
    assert scripted["rules"]["live"] == "todo"
