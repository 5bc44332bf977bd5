"""Every provider's quality.toml keeps the rules, and a file that does not is named with reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

import optix.adapters.market_data as providers
from optix.adapters.market_data.alpaca.adapter import INDICATIVE
from optix.adapters.market_data.tiers import (
    RULES,
    BadQualityFile,
    Tier,
    disagreements,
    load_quality,
)
from optix.adapters.market_data.tradier.adapter import PRODUCTION, SANDBOX

FILES = sorted(Path(providers.__path__[0]).glob("*/quality.toml"))


def write(path: Path, *, tier: str = "bronze", rules: dict[str, str] | None = None) -> Path:
    told = dict.fromkeys(RULES, '"done"') | (rules or {})
    lines = [f'tier = "{tier}"', 'recorded = ""', "[capabilities]", 'kinds = ["quotes"]']
    lines += ["[limits]", "[rules]", *(f"{name} = {value}" for name, value in told.items())]
    file = path / "quality.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_providers_file_keeps_the_rules(file: Path) -> None:
    quality = load_quality(file)
    assert quality.capabilities["name"] == file.parent.name
    assert set(quality.rules) == set(RULES)


def test_the_streaming_providers_have_one() -> None:
    assert {"alpaca", "tradier"} <= {file.parent.name for file in FILES}


@pytest.mark.parametrize(
    ("name", "capabilities"), [("alpaca", INDICATIVE), ("tradier", PRODUCTION)]
)
def test_a_file_agrees_with_the_code(name: str, capabilities: object) -> None:
    file = Path(providers.__path__[0]) / name / "quality.toml"
    assert disagreements(load_quality(file), capabilities) == []  # type: ignore[arg-type]  # a record


def test_a_file_that_says_otherwise_is_noticed() -> None:
    file = Path(providers.__path__[0]) / "tradier" / "quality.toml"
    found = disagreements(load_quality(file), SANDBOX)
    assert len(found) == 6
    assert found[0] == "capabilities.label is 'Tradier' in the file, 'Tradier sandbox' in code."


def test_a_file_names_what_is_still_to_be_done(tmp_path: Path) -> None:
    quality = load_quality(write(tmp_path, rules={"live": '"todo"', "chaos": '"todo"'}))
    assert quality.tier is Tier.BRONZE
    assert quality.missing() == ["chaos", "live"]


@pytest.mark.parametrize(
    ("tier", "rules", "problem"),
    [
        ("silver", {"pacing": '"todo"'}, "silver needs the rule pacing"),
        ("gold", {"live": '"todo"'}, "gold needs the rule live"),
        ("bronze", {"pacing": '"perhaps"'}, "the rule pacing is"),
        ("bronze", {"pacing": '{ exempt = "no" }'}, "the exemption of pacing"),
        ("bronze", {"pacing": '{ exempt = "It has no limits at all" }'}, "the exemption of pacing"),
        ("bronze", {"magic": '"done"'}, "magic is not a rule"),
        ("brass", {}, "tier is one of"),
    ],
)
def test_a_breach_is_a_sentence(
    tmp_path: Path, tier: str, rules: dict[str, str], problem: str
) -> None:
    with pytest.raises(BadQualityFile) as caught:
        load_quality(write(tmp_path, tier=tier, rules=rules))
    assert any(problem in sentence for sentence in caught.value.problems)


def test_an_exemption_that_says_why_stands_for_the_rule(tmp_path: Path) -> None:
    sentence = "The vendor publishes no limits and asks for none."
    rules = {"pacing": f'{{ exempt = "{sentence}" }}'}
    quality = load_quality(write(tmp_path, tier="silver", rules=rules))
    assert quality.rules["pacing"] == sentence


@pytest.mark.parametrize(
    "text", ["tier = ", 'tier = "gold"', 'tier = "gold"\nrules = 5\nmore = 1', ""]
)
def test_what_is_no_such_file_is_refused_whole(tmp_path: Path, text: str) -> None:
    file = tmp_path / "quality.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadQualityFile):
        load_quality(file)
