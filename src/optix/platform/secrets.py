"""Secrets of one installation: made at random on the first run, kept in files only we can read.

In development whatever is not given is made in `<data_dir>/secrets` (folder 0700, files 0600) and
found there again. In production the secrets of the program are given (OPTIX_… or OPTIX_…_FILE) and
nothing is made, because several machines have to share them; only the passwords of embedded
servers, which never leave this machine, are still made here. Weak ones and known placeholders are
refused wherever they come from.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets as random_source
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from optix.platform.settings import Settings, SettingsError, secret_weakness

VAULT_KEY_BYTES = 32
FOLDER_MODE = 0o700
FILE_MODE = 0o600

# house: allow(secret) because it is the form of a key, not one
_PEM_BLOCK = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)
# RFC 8032, section 7.1 (the first is also RFC 8037's): examples that somebody may have copied.
_PUBLISHED_SEEDS = frozenset(
    map(
        bytes.fromhex,
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the program itself needs. `made` counts those made by this call."""

    signing_key: SecretStr  # Ed25519 private keys, PKCS 8 PEM; the first one signs
    vault_key: SecretStr  # 32 bytes in base64, one key a line; empty where AWS keeps it
    metrics_token: SecretStr
    folder: Path
    made: int = 0

    def private_keys(self) -> list[Ed25519PrivateKey]:
        """Return the keys of access tokens: the first signs, the others still verify."""
        return read_signing_keys(self.signing_key.get_secret_value())

    def texts(self) -> list[str]:
        """Return every secret as it could appear in a text: line by line, without PEM's own."""
        whole = [self.signing_key, self.vault_key, self.metrics_token]
        lines = [line.strip() for key in whole for line in key.get_secret_value().splitlines()]
        return [line for line in lines if line and not line.startswith("-----")]

    def report(self) -> str:
        """Return one sentence for the person who started the program."""
        if self.made == 0:
            return f"found the secrets in {self.folder}"
        return f"made {self.made} secrets in {self.folder}, mode 0600"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePasswords:
    """The passwords of the embedded servers."""

    database: SecretStr
    redis: SecretStr
    made: int = 0


def load_secrets(settings: Settings) -> Secrets:
    """Return the program's secrets, making those that development may make.

    Effects: writes `<data_dir>/secrets` on the first run.
    Errors: SettingsError with a sentence for each missing, weak or unreadable secret.
    """
    source = _Source(settings)
    signing_key = source.take("signing_key", new_signing_key, _signing_key_problem)
    vault_key = ""
    if settings.vault_provider == "file":
        vault_key = source.keep("vault_key", _new_vault_key, _vault_key_problem)
    elif settings.vault_provider == "given":
        vault_key = source.take("vault_key", _new_vault_key, _vault_key_problem)
    metrics_token = source.take("metrics_token", _new_password, secret_weakness)
    made = source.made
    if settings.stores.database_url is None or settings.stores.redis_url is None:
        # Made now too, so that one sentence can tell of all.
        made += embedded_passwords(settings).made
    if source.problems:
        raise SettingsError(source.problems)
    return Secrets(
        signing_key=SecretStr(signing_key),
        vault_key=SecretStr(vault_key),
        metrics_token=SecretStr(metrics_token),
        folder=source.folder,
        made=made,
    )


def embedded_passwords(settings: Settings) -> StorePasswords:
    """Return the passwords of the embedded servers, made on the first run."""
    source = _Source(settings)
    database = source.keep("database_password", _new_password, secret_weakness)
    redis = source.keep("redis_password", _new_password, secret_weakness)
    if source.problems:
        raise SettingsError(source.problems)
    return StorePasswords(database=SecretStr(database), redis=SecretStr(redis), made=source.made)


class _Source:
    """Where one value comes from: a variable, a named file, or the folder of this installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.data_dir / "secrets"
        self.made = 0
        self.problems: list[str] = []

    def take(self, name: str, make: Callable[[], str], problem: Callable[[str], str | None]) -> str:
        """Return the given secret, else the kept one."""
        variable = f"OPTIX_{name.upper()}"
        given: SecretStr | None = getattr(self._settings.secrets, name)
        file: Path | None = getattr(self._settings.secrets, f"{name}_file")
        if given is not None and file is not None:
            self.problems.append(f"{variable} and {variable}_FILE are both set: leave one out.")
        elif given is not None:
            # A PEM in one line of an env file has its line ends written as \n.
            return self._checked(given.get_secret_value().replace("\\n", "\n"), variable, problem)
        elif file is not None:
            return self._from_file(file, f"{variable}_FILE", problem)
        elif self._settings.production:
            self.problems.append(
                f"{variable} is missing: with OPTIX_ENV=production set it, or {variable}_FILE. "
                "deploy/README.md says how to make one."
            )
        else:
            return self.keep(name, make, problem)
        return ""

    def keep(self, name: str, make: Callable[[], str], problem: Callable[[str], str | None]) -> str:
        """Return the secret kept in the folder, made first where there is none."""
        path = self.folder / name
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self.folder.chmod(FOLDER_MODE)
            self.made += _create(path, make())
            if stat.S_IMODE(path.stat().st_mode) != FILE_MODE:
                path.chmod(FILE_MODE)
        except OSError as error:
            self.problems.append(
                f"The secrets in {self.folder} cannot be written ({error.strerror}): correct the "
                "rights of the folder, or set OPTIX_DATA_DIR to one that you own."
            )
            return ""
        return self._from_file(path, str(path), problem)

    def _from_file(self, path: Path, said: str, problem: Callable[[str], str | None]) -> str:
        try:
            text = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            self.problems.append(f"{said}: {path} cannot be read ({error}).")
            return ""
        return self._checked(text, said, problem)

    def _checked(self, text: str, said: str, problem: Callable[[str], str | None]) -> str:
        reason = problem(text)
        if reason:
            self.problems.append(
                f"{said} {reason}: replace it with a random one, or take it away in development "
                "and OPTIX makes one."
            )
        return text


def _create(path: Path, text: str) -> int:
    """Write a new file, whole or not at all. Returns 1 if it is ours, 0 if there was one.

    Two programs may start at once: the link below succeeds for one of them only.
    """
    if path.exists():
        return 0
    part = path.with_name(f".{path.name}.{os.getpid()}.{random_source.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
        os.link(part, path)
    except FileExistsError:
        return 0
    finally:
        os.close(descriptor)
        part.unlink()
    return 1


def _new_password() -> str:
    return random_source.token_urlsafe(32)


def _new_vault_key() -> str:
    return base64.b64encode(random_source.token_bytes(VAULT_KEY_BYTES)).decode()


def new_signing_key() -> str:
    """Return a new private key as a PEM block."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signing_key_blocks(text: str) -> list[str]:
    """Return the PEM blocks of `text`. Errors: ValueError if it holds anything else."""
    blocks = _PEM_BLOCK.findall(text)
    if not blocks or _PEM_BLOCK.sub("", text).strip():
        raise ValueError("not PEM blocks of private keys and nothing else")
    return blocks


def read_signing_keys(text: str) -> list[Ed25519PrivateKey]:
    """Return the keys of `text`, PEM blocks one after the other.

    Errors: ValueError, TypeError, UnsupportedAlgorithm.
    """
    keys = []
    for block in signing_key_blocks(text):
        key = load_pem_private_key(block.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("not an Ed25519 key")
        keys.append(key)
    return keys


def _signing_key_problem(text: str) -> str | None:
    weakness = secret_weakness(text) if "BEGIN" not in text else None
    if weakness:
        return weakness
    try:
        keys = read_signing_keys(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "is not an Ed25519 private key in PEM form (openssl genpkey -algorithm ed25519)"
    seeds = {key.private_bytes_raw() for key in keys}
    if len(seeds) < len(keys):
        return "names the same key twice"
    if not seeds.isdisjoint(_PUBLISHED_SEEDS) or any(len(set(seed)) < 8 for seed in seeds):
        return "is a key that everybody can read in a standard"
    return None


def _vault_key_problem(text: str) -> str | None:
    return next(
        filter(None, map(_one_vault_key_problem, text.replace(",", " ").split() or [""])), None
    )


def _one_vault_key_problem(text: str) -> str | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != VAULT_KEY_BYTES:
        weakness = secret_weakness(text)
        return weakness or "is not 32 bytes in base64 (openssl rand -base64 32)"
    if len(set(key)) < 8:
        return "repeats the same few bytes"
    return None
