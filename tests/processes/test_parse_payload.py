"""`optix adapters parse`, on payloads in the documented form of their vendors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import optix.adapters.brokers
from optix.cli import main
from optix.processes.brokers import BUILDERS
from optix.processes.parse_payload import PROVIDERS, PayloadUnreadable, parse_payload

POSITIONS = {
    "positions": {
        "position": {
            "cost_basis": 207.01,
            "date_acquired": "2026-08-08T14:41:11.405Z",
            "id": 130089,
            "quantity": 1.00000000,
            "symbol": "AAPL",
        }
    }
}


def test_it_prints_exact_numbers(tmp_path: Path) -> None:
    file = tmp_path / "positions.json"
    file.write_text(json.dumps(POSITIONS))
    said = CliRunner().invoke(main, ["adapters", "parse", "tradier", "positions", str(file)])
    assert said.exit_code == 0, said.output
    (found,) = json.loads(said.output)
    assert found["asset"]["symbol"] == "AAPL"
    assert found["cost"] == {"amount": "207.01", "currency": "USD"}
    assert found["value"] is None


@pytest.mark.parametrize(
    ("provider", "kind", "body", "says"),
    [
        ("nobody", "positions", b"{}", "There are: alpaca"),
        ("tradier", "dreams", b"{}", "It parses: accounts"),
        ("tradier", "positions", b"<html>", "no JSON"),
    ],
)
def test_what_is_wrong_is_said(provider: str, kind: str, body: bytes, says: str) -> None:
    with pytest.raises(PayloadUnreadable, match=says):
        parse_payload(provider, kind, body)


def test_another_shape_is_an_error_with_an_exit_code(tmp_path: Path) -> None:
    file = tmp_path / "positions.json"
    file.write_text('{"positions": 7}')
    said = CliRunner().invoke(main, ["adapters", "parse", "tradier", "positions", str(file)])
    assert said.exit_code == 1
    assert "Tradier" in said.output


def test_every_brokerage_is_offered_and_can_be_parsed() -> None:
    folder = Path(next(iter(optix.adapters.brokers.__path__)))
    adapters = {path.parent.name for path in folder.glob("*/adapter.py")}
    assert set(PROVIDERS) == adapters == {"sandbox", *BUILDERS}
