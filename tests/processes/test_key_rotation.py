"""Changing the signing key: three steps, none of which refuses a token that is still good."""

from __future__ import annotations

import stat
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from optix.cli import main
from optix.features.identity.tokens import (
    AccessTokenInvalid,
    AccessTokenSigner,
    AccessTokenVerifier,
    KeyRing,
    SigningKey,
)
from optix.kernel.clock import SystemClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.secrets import load_secrets, new_signing_key
from optix.platform.settings import Settings, load_settings
from optix.processes.key_rotation import KeysNotOurs, StepOutOfOrder, list_keys, rotate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


def ring(settings: Settings) -> KeyRing:
    """The keys of a process that starts now."""
    return KeyRing([SigningKey(key) for key in load_secrets(settings).private_keys()])


def token_of(keys: KeyRing) -> str:
    signer = AccessTokenSigner(keys.signing, SystemClock())
    return signer.sign(UserId(new_uuid()), SessionId(new_uuid()), "user")


def takes(keys: KeyRing, token: str) -> bool:
    verifier = AccessTokenVerifier([key.public for key in keys.keys], SystemClock())
    try:
        verifier.verify(token)
    except AccessTokenInvalid:
        return False
    return True


def test_processes_before_and_after_each_step_take_each_others_tokens(settings: Settings) -> None:
    states = [ring(settings)]
    for step in ("publish", "switch"):
        assert "Restart every process" in rotate(settings, step)
        states.append(ring(settings))
    for before, after in pairwise(states):
        assert takes(before, token_of(after))
        assert takes(after, token_of(before))
    assert states[0].signing.id == states[1].signing.id != states[2].signing.id
    old = token_of(states[0])
    rotate(settings, "drop")
    last = ring(settings)
    assert [key.id for key in last.keys] == [states[2].signing.id]
    assert not takes(last, old)


@pytest.mark.parametrize("steps", [["switch"], ["drop"], ["publish", "publish"]])
def test_a_step_out_of_order_changes_nothing(settings: Settings, steps: list[str]) -> None:
    for step in steps[:-1]:
        rotate(settings, step)  # type: ignore[arg-type]  # literal
    before = list_keys(settings)
    with pytest.raises(StepOutOfOrder):
        rotate(settings, steps[-1])  # type: ignore[arg-type]  # literal
    assert list_keys(settings) == before


def test_the_file_stays_ours_alone_and_no_part_is_left(settings: Settings) -> None:
    rotate(settings, "publish")
    folder = settings.data_dir / "secrets"
    assert stat.S_IMODE((folder / "signing_key").stat().st_mode) == 0o600
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_mounted_file_is_changed_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "signing_key"
    mounted.write_text(new_signing_key())
    mounted.chmod(0o600)
    monkeypatch.setenv("OPTIX_SIGNING_KEY_FILE", str(mounted))
    settings = load_settings(data_dir=tmp_path / "data")
    rotate(settings, "publish")
    assert mounted.read_text().count("BEGIN PRIVATE KEY") == 2


def test_keys_of_a_variable_are_not_ours_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPTIX_SIGNING_KEY", new_signing_key())
    with pytest.raises(KeysNotOurs):
        rotate(load_settings(data_dir=tmp_path / "data"), "publish")


def test_the_command_shows_ids_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIX_DATA_DIR", str(tmp_path / "data"))
    runner = CliRunner()
    assert "published" in runner.invoke(main, ["keys", "rotate", "--step", "publish"]).output
    shown = runner.invoke(main, ["keys", "list"]).output
    first, second = shown.splitlines()
    assert first.endswith("signs")
    assert second.endswith("verifies")
    assert "PRIVATE" not in shown
