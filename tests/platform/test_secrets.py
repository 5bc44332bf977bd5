"""Secrets are proven on real files: who may read them, that they last, and that weak ones go."""

from __future__ import annotations

import base64
import os
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from optix.platform import secrets as secrets_module
from optix.platform.secrets import (
    Secrets,
    embedded_passwords,
    load_secrets,
    new_signing_key,
    read_signing_keys,
)
from optix.platform.settings import Settings, SettingsError, load_settings, variables

STRONG = "q7Zp-3mXw_Rt8Lk2Vb"
VAULT_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def signing_key(tmp_path: Path) -> str:
    return load_secrets(load_settings(data_dir=tmp_path / "other")).signing_key.get_secret_value()


def problems(**overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_secrets(load_settings(**overrides))
    return str(caught.value)


def values(secrets: Secrets) -> list[str]:
    return [
        secrets.signing_key.get_secret_value(),
        secrets.vault_key.get_secret_value(),
        secrets.metrics_token.get_secret_value(),
    ]


class TestFirstRun:
    def test_all_are_made_at_random_and_said_once(self, settings: Settings, tmp_path: Path) -> None:
        first = load_secrets(settings)
        folder = settings.data_dir / "secrets"
        assert first.report() == f"made 5 secrets in {folder}, mode 0600"
        again = load_secrets(settings)
        assert values(again) == values(first)
        assert again.report() == f"found the secrets in {folder}"
        other = load_secrets(load_settings(data_dir=tmp_path / "other"))
        assert not set(values(other)) & set(values(first))

    def test_only_the_owner_may_read_them(self, settings: Settings) -> None:
        old = os.umask(0)
        try:
            load_secrets(settings)
        finally:
            os.umask(old)
        folder = settings.data_dir / "secrets"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o600}

    def test_rights_that_were_opened_are_closed_again(self, settings: Settings) -> None:
        load_secrets(settings)
        folder = settings.data_dir / "secrets"
        folder.chmod(0o755)
        (folder / "vault_key").chmod(0o644)
        load_secrets(settings)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "vault_key").stat().st_mode) == 0o600

    def test_two_programs_at_once_get_the_same(self, settings: Settings) -> None:
        found: list[list[str]] = []
        threads = [
            threading.Thread(target=lambda: found.append(values(load_secrets(settings))))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        assert all(one == found[0] for one in found)
        names = {path.name for path in (settings.data_dir / "secrets").iterdir()}
        assert not any(name.startswith(".") for name in names)

    def test_they_are_fit_for_their_use(self, settings: Settings) -> None:
        secrets = load_secrets(settings)
        signature = secrets.private_keys()[0].sign(b"token")
        secrets.private_keys()[0].public_key().verify(signature, b"token")
        assert len(base64.b64decode(secrets.vault_key.get_secret_value())) == 32
        assert STRONG not in repr(secrets)
        for value in values(secrets):
            assert value not in repr(secrets)

    def test_embedded_servers_have_passwords_of_their_own(self, settings: Settings) -> None:
        passwords = embedded_passwords(settings)
        assert passwords.made == 2
        assert passwords.database != passwords.redis
        assert embedded_passwords(settings).made == 0

    def test_none_are_made_for_given_servers(self, tmp_path: Path) -> None:
        settings = load_settings(
            data_dir=tmp_path, database_url="postgresql://h/d", redis_url="redis://h"
        )
        assert load_secrets(settings).made == 3
        assert not (tmp_path / "secrets" / "database_password").exists()

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("a file")
        assert "OPTIX_DATA_DIR" in problems(data_dir=tmp_path / "data")


class TestGiven:
    def test_variables_and_files_win_over_made_ones(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, signing_key: str
    ) -> None:
        (tmp_path / "vault").write_text(VAULT_KEY + "\n")
        monkeypatch.setenv("OPTIX_SIGNING_KEY", signing_key.replace("\n", "\\n"))
        monkeypatch.setenv("OPTIX_VAULT_KEY_FILE", str(tmp_path / "vault"))
        monkeypatch.setenv("OPTIX_METRICS_TOKEN", STRONG)
        secrets = load_secrets(load_settings(data_dir=tmp_path / "data"))
        assert values(secrets) == [signing_key, VAULT_KEY, STRONG]
        assert secrets.private_keys()[0].sign(b"token")

    def test_both_at_once_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OPTIX_METRICS_TOKEN", STRONG)
        monkeypatch.setenv("OPTIX_METRICS_TOKEN_FILE", str(tmp_path / "token"))
        assert "leave one out" in problems(data_dir=tmp_path / "data")

    def test_a_missing_file_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("OPTIX_METRICS_TOKEN_FILE", str(tmp_path / "token"))
        said = problems(data_dir=tmp_path / "data")
        assert "OPTIX_METRICS_TOKEN_FILE" in said
        assert str(tmp_path / "token") in said

    @pytest.mark.parametrize("variable", ["SIGNING_KEY", "VAULT_KEY", "METRICS_TOKEN"])
    @pytest.mark.parametrize("value", ["changeme", "secret", "password", "<random>", "short"])
    @pytest.mark.parametrize("env", ["development", "production"])
    def test_placeholders_are_refused_everywhere(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        variable: str,
        value: str,
        env: str,
    ) -> None:
        monkeypatch.setenv("OPTIX_ENV", env)
        monkeypatch.setenv("OPTIX_ALLOW_EMBEDDED_STORES", "true")
        monkeypatch.setenv(f"OPTIX_{variable}", value)
        said = problems(data_dir=tmp_path / "data")
        assert f"OPTIX_{variable} is" in said or f"OPTIX_{variable} still" in said
        assert value not in said.replace("a well-known placeholder", "").split()

    def test_a_key_of_another_kind_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        pem = generate_private_key(SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        monkeypatch.setenv("OPTIX_SIGNING_KEY", pem.decode())
        assert "Ed25519" in problems(data_dir=tmp_path / "data")

    def test_several_signing_keys_are_taken_in_their_order(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        blocks = [new_signing_key() for _ in range(3)]
        monkeypatch.setenv("OPTIX_SIGNING_KEY", "\n".join(blocks).replace("\n", "\\n"))
        keys = load_secrets(load_settings(data_dir=tmp_path / "data")).private_keys()
        wanted = [read_signing_keys(block)[0] for block in blocks]
        assert [key.private_bytes_raw() for key in keys] == [k.private_bytes_raw() for k in wanted]

    def test_the_same_signing_key_twice_and_anything_between_keys_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        block = new_signing_key()
        for text, said in ((block + block, "twice"), (f"{block}\n# old\n{block}", "PEM form")):
            monkeypatch.setenv("OPTIX_SIGNING_KEY", text)
            assert said in problems(data_dir=tmp_path / "data")

    @pytest.mark.parametrize("seed", [*sorted(secrets_module._PUBLISHED_SEEDS), bytes(32)])
    def test_a_key_that_a_standard_prints_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: bytes
    ) -> None:
        pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        monkeypatch.setenv("OPTIX_SIGNING_KEY", pem.decode())
        assert "everybody can read" in problems(data_dir=tmp_path / "data")

    @pytest.mark.parametrize(
        "key", [VAULT_KEY[:-8], base64.b64encode(bytes(32)).decode(), "ab" * 32]
    )
    def test_a_vault_key_of_the_wrong_size_or_all_the_same_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
    ) -> None:
        monkeypatch.setenv("OPTIX_VAULT_KEY", key)
        assert "OPTIX_VAULT_KEY" in problems(data_dir=tmp_path / "data")

    def test_a_kept_secret_that_was_replaced_by_a_placeholder_is_refused(
        self, settings: Settings
    ) -> None:
        load_secrets(settings)
        (settings.data_dir / "secrets" / "metrics_token").write_text("changeme")
        with pytest.raises(SettingsError, match="metrics_token"):
            load_secrets(settings)


class TestProduction:
    def test_missing_ones_are_all_named_and_none_is_made(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OPTIX_ENV", "production")
        monkeypatch.setenv("OPTIX_DATABASE_URL", f"postgresql://o:{STRONG}@h/d")
        monkeypatch.setenv("OPTIX_REDIS_URL", f"redis://:{STRONG}@h")
        said = problems(data_dir=tmp_path / "data")
        for variable in ("OPTIX_SIGNING_KEY", "OPTIX_VAULT_KEY", "OPTIX_METRICS_TOKEN"):
            assert f"{variable} is missing" in said
        assert not (tmp_path / "data").exists()

    def test_given_ones_are_taken(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, signing_key: str
    ) -> None:
        monkeypatch.setenv("OPTIX_ENV", "production")
        monkeypatch.setenv("OPTIX_ALLOW_EMBEDDED_STORES", "true")
        monkeypatch.setenv("OPTIX_SIGNING_KEY", signing_key)
        monkeypatch.setenv("OPTIX_VAULT_KEY", VAULT_KEY)
        monkeypatch.setenv("OPTIX_METRICS_TOKEN", STRONG)
        secrets = load_secrets(load_settings(data_dir=tmp_path / "data"))
        assert secrets.made == 2  # the passwords of the embedded servers stay on this machine
