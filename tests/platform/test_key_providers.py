"""Each provider is proven behind a vault: a file, a given key, and AWS on moto's server."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import boto3
import pytest
from tests.fixtures.aws import REGION

from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform import key_providers as module
from optix.platform.key_providers import (
    FileRing,
    GivenRing,
    KMSKeys,
    RingKeys,
    VaultKeyNotOurs,
    VaultKeyUnusable,
    key_provider,
    parse_ring,
)
from optix.platform.secrets import load_secrets
from optix.platform.settings import Settings, SettingsError, load_settings, variables
from optix.platform.vault import SealBroken, Vault, VaultUnavailable

PLACE = {"table": "brokerage_token", "row": "1", "column": "secret"}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def kept_keys(folder: Path) -> list[Path]:
    return list(folder.rglob("vault_key"))


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


def mount(file: Path, text: str) -> None:
    """Put a file where an orchestrator would: readable by a group, not ours."""
    file.write_text(text)
    file.chmod(0o640)


def provider_of(settings: Settings, clock: ScaledClock) -> object:
    return key_provider(settings, load_secrets(settings), clock)


def vault_of(settings: Settings, clock: ScaledClock) -> Vault:
    return Vault(key_provider(settings, load_secrets(settings), clock), clock)


class TestFile:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return load_settings(data_dir=tmp_path / "data")

    @pytest.fixture
    def file(self, settings: Settings) -> Path:
        load_secrets(settings)
        return settings.data_dir / "secrets" / "vault_key"

    async def test_a_laptop_has_one_without_being_told(
        self, settings: Settings, clock: ScaledClock
    ) -> None:
        sealed = await vault_of(settings, clock).seal(b"secret", **PLACE)
        assert await vault_of(settings, clock).open(sealed, **PLACE) == b"secret"

    async def test_a_new_key_seals_and_the_old_one_still_opens(
        self, settings: Settings, file: Path, clock: ScaledClock
    ) -> None:
        keys = RingKeys(FileRing(file, writable=True), clock)
        vault = Vault(keys, clock)
        sealed = await vault.seal(b"secret", **PLACE)
        old = await keys.current_key_id()
        new = await keys.add_key()
        assert new == await keys.current_key_id() != old
        assert mode_of(file) == 0o600
        assert await vault.open(sealed, **PLACE) == b"secret"
        load_secrets(settings)  # a start finds a ring of two keys in order

    async def test_a_running_process_opens_what_another_sealed_with_a_newer_key(
        self, file: Path, clock: ScaledClock
    ) -> None:
        """Rotation while reading: nobody restarts, nobody waits."""
        running = Vault(RingKeys(FileRing(file, writable=True), clock), clock)
        await running.open(await running.seal(b"old", **PLACE), **PLACE)
        await RingKeys(FileRing(file, writable=True), clock).add_key()
        other = Vault(RingKeys(FileRing(file, writable=True), clock), clock)
        sealed = await other.seal(b"new", **PLACE)
        clock.advance_to(clock.now_ns() + module.RING_READ_SECONDS_MIN * NANOSECONDS)
        assert await running.open(sealed, **PLACE) == b"new"

    async def test_a_running_process_wraps_with_the_new_key_after_a_while(
        self, file: Path, clock: ScaledClock
    ) -> None:
        running = RingKeys(FileRing(file, writable=True), clock)
        old = await running.current_key_id()
        new = await RingKeys(FileRing(file, writable=True), clock).add_key()
        assert await running.current_key_id() == old
        clock.advance_to(clock.now_ns() + module.RING_SECONDS_MAX * NANOSECONDS)
        assert await running.current_key_id() == new

    async def test_forgotten_keys_open_nothing(self, file: Path, clock: ScaledClock) -> None:
        keys = RingKeys(FileRing(file, writable=True), clock)
        sealed = await Vault(keys, clock).seal(b"secret", **PLACE)
        await keys.add_key()
        assert await keys.forget_old_keys() == 1
        assert await keys.forget_old_keys() == 0
        with pytest.raises(SealBroken):
            await Vault(keys, clock).open(sealed, **PLACE)

    async def test_the_ring_has_a_bound(self, file: Path, clock: ScaledClock) -> None:
        keys = RingKeys(FileRing(file, writable=True), clock)
        for _ in range(module.RING_KEYS_MAX - 1):
            await keys.add_key()
        with pytest.raises(VaultKeyUnusable, match="forget"):
            await keys.add_key()

    async def test_a_file_that_others_may_read_is_refused(
        self, file: Path, clock: ScaledClock
    ) -> None:
        mount(file, new_key())
        with pytest.raises(VaultKeyUnusable, match="chmod 600"):
            await RingKeys(FileRing(file, writable=True), clock).current_key_id()

    async def test_a_file_that_is_gone_is_unavailable(self, file: Path, clock: ScaledClock) -> None:
        with pytest.raises(VaultUnavailable):
            await RingKeys(FileRing(file / "gone", writable=True), clock).current_key_id()

    async def test_values_that_name_foreign_keys_do_not_make_us_read_for_ever(
        self, file: Path, clock: ScaledClock
    ) -> None:
        reads = 0

        class Counting(FileRing):
            def load(self) -> str:
                nonlocal reads
                reads += 1
                return super().load()

        keys = RingKeys(Counting(file, writable=True), clock)
        for _ in range(5):
            with pytest.raises(SealBroken):
                await keys.unwrap("ring:0000000000000000", bytes(60))
        assert reads == 1

    def test_it_is_refused_in_production(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("OPTIX_ENV", "production")
        with pytest.raises(SettingsError, match="OPTIX_VAULT_PROVIDER=file is refused"):
            load_settings(data_dir=tmp_path, vault_provider="file", allow_embedded_stores=True)


class TestGiven:
    async def test_a_given_key_is_used_and_none_is_made_beside_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: ScaledClock
    ) -> None:
        key = new_key()
        monkeypatch.setenv("OPTIX_VAULT_KEY", key)
        settings = load_settings(data_dir=tmp_path / "data")
        keys = provider_of(settings, clock)
        assert isinstance(keys, RingKeys)
        assert await keys.current_key_id() == next(iter(parse_ring(key)))
        assert kept_keys(tmp_path) == []

    async def test_a_mounted_file_is_read_again_but_never_written(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: ScaledClock
    ) -> None:
        old, new = new_key(), new_key()
        file = tmp_path / "vault_key"
        mount(file, old)
        monkeypatch.setenv("OPTIX_VAULT_KEY_FILE", str(file))
        keys = provider_of(load_settings(data_dir=tmp_path / "data"), clock)
        assert isinstance(keys, RingKeys)
        vault = Vault(keys, clock)
        sealed = await vault.seal(b"secret", **PLACE)
        mount(file, f"{new}\n{old}\n")
        clock.advance_to(clock.now_ns() + module.RING_SECONDS_MAX * NANOSECONDS)
        assert await keys.current_key_id() == next(iter(parse_ring(new)))
        assert await vault.open(sealed, **PLACE) == b"secret"
        with pytest.raises(VaultKeyNotOurs):
            await keys.add_key()

    async def test_a_variable_is_not_ours_to_change(self, clock: ScaledClock) -> None:
        with pytest.raises(VaultKeyNotOurs):
            await RingKeys(GivenRing(new_key()), clock).add_key()

    @pytest.mark.parametrize("text", ["", "short", "!!", f"{'A' * 44} x"])
    def test_a_malformed_ring_is_refused(self, text: str) -> None:
        with pytest.raises(VaultKeyUnusable):
            parse_ring(text)

    def test_a_ring_beyond_the_bound_is_refused(self) -> None:
        keys = [new_key() for _ in range(module.RING_KEYS_MAX + 1)]
        assert len(parse_ring(",".join(keys[:-1]))) == module.RING_KEYS_MAX
        with pytest.raises(VaultKeyUnusable):
            parse_ring(",".join(keys))


class TestKMS:
    @pytest.fixture
    def key(self, aws: str) -> str:
        client = boto3.client("kms", region_name=REGION, endpoint_url=aws)
        arn: str = client.create_key()["KeyMetadata"]["Arn"]
        return arn

    def settings(self, aws: str, key: str, folder: Path) -> Settings:
        return load_settings(
            data_dir=folder,
            vault_provider="aws_kms",
            vault_kms_key=key,
            aws_region=REGION,
            aws_endpoint_url=aws,
        )

    async def test_what_one_process_seals_another_opens(
        self, aws: str, key: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        settings = self.settings(aws, key, tmp_path)
        sealed = await vault_of(settings, clock).seal(b"secret", **PLACE)
        assert await vault_of(settings, clock).open(sealed, **PLACE) == b"secret"
        assert kept_keys(tmp_path) == []

    async def test_an_alias_that_moves_to_a_new_key_rotates(
        self, aws: str, key: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        client = boto3.client("kms", region_name=REGION, endpoint_url=aws)
        alias = f"alias/optix-{secrets.token_hex(4)}"
        client.create_alias(AliasName=alias, TargetKeyId=key)
        sealed = await vault_of(self.settings(aws, alias, tmp_path), clock).seal(b"x", **PLACE)
        client.update_alias(
            AliasName=alias, TargetKeyId=client.create_key()["KeyMetadata"]["KeyId"]
        )
        after = vault_of(self.settings(aws, alias, tmp_path), clock)
        assert not await after.is_current(sealed)
        assert await after.open(sealed, **PLACE) == b"x"
        assert await after.is_current(await after.seal(b"x", **PLACE))

    async def test_a_data_key_wrapped_for_another_purpose_is_refused(
        self, aws: str, key: str, clock: ScaledClock
    ) -> None:
        client = boto3.client("kms", region_name=REGION, endpoint_url=aws)
        foreign = client.generate_data_key(
            KeyId=key, KeySpec="AES_256", EncryptionContext={"application": "other"}
        )
        with pytest.raises(SealBroken):
            await KMSKeys(client, key).unwrap(key, foreign["CiphertextBlob"])

    async def test_a_key_that_is_not_there_is_unavailable(
        self, aws: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        settings = self.settings(aws, "alias/none", tmp_path)
        with pytest.raises(VaultUnavailable, match="NotFound"):
            await vault_of(settings, clock).seal(b"x", **PLACE)

    async def test_a_server_that_does_not_answer_is_unavailable(
        self, aws: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        settings = self.settings("http://127.0.0.1:1", "alias/optix", tmp_path)
        with pytest.raises(VaultUnavailable):
            await vault_of(settings, clock).seal(b"x", **PLACE)

    def test_the_key_must_be_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="OPTIX_VAULT_KMS_KEY"):
            load_settings(data_dir=tmp_path, vault_provider="aws_kms")


class TestSecretsManager:
    @pytest.fixture
    def secret(self, aws: str) -> str:
        client = boto3.client("secretsmanager", region_name=REGION, endpoint_url=aws)
        name = f"optix/vault-{secrets.token_hex(4)}"
        client.create_secret(Name=name, SecretString=new_key())
        return name

    def settings(self, aws: str, secret: str, folder: Path) -> Settings:
        return load_settings(
            data_dir=folder,
            vault_provider="aws_secrets_manager",
            vault_secret_id=secret,
            aws_region=REGION,
            aws_endpoint_url=aws,
        )

    async def test_a_new_key_is_kept_there_and_reaches_running_processes(
        self, aws: str, secret: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        settings = self.settings(aws, secret, tmp_path)
        running, keys = vault_of(settings, clock), provider_of(settings, clock)
        old = await running.seal(b"old", **PLACE)
        assert isinstance(keys, RingKeys)
        await keys.add_key()
        new = await Vault(keys, clock).seal(b"new", **PLACE)
        clock.advance_to(clock.now_ns() + module.RING_READ_SECONDS_MIN * NANOSECONDS)
        assert await running.open(new, **PLACE) == b"new"
        assert await vault_of(settings, clock).open(old, **PLACE) == b"old"

    async def test_a_secret_that_is_not_there_is_unavailable(
        self, aws: str, tmp_path: Path, clock: ScaledClock
    ) -> None:
        with pytest.raises(VaultUnavailable, match="ResourceNotFound"):
            await vault_of(self.settings(aws, "none", tmp_path), clock).seal(b"x", **PLACE)

    def test_the_secret_must_be_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="OPTIX_VAULT_SECRET_ID"):
            load_settings(data_dir=tmp_path, vault_provider="aws_secrets_manager")
