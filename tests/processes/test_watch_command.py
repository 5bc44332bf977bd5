"""Proven by the command line as people call it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from optix.cli import main


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        ([], "There is nothing to watch.", 2),
        (["SPY", "--chain", "SPY"], "is not a chain", 2),
        (["SPY", "--url", "nowhere"], "is not the address of a server", 2),
        (["SPY", "--once", "--url", "http://127.0.0.1:9"], "Nobody answers", 1),
        (["SPY", "--interval", "5"], "100<=x<=2000", 2),
    ],
)
def test_what_cannot_be_done_is_told_in_two_lines(
    arguments: list[str], said: str, code: int
) -> None:
    result = CliRunner().invoke(main, ["watch", *arguments])
    assert said in result.output
    assert result.exit_code == code


def test_no_secret_is_taken_on_the_command_line() -> None:
    shown = CliRunner().invoke(main, ["watch", "--help"]).output
    assert "OPTIX_ACCESS_TOKEN" in shown
    assert "--password" not in shown
    assert "--token" not in shown
