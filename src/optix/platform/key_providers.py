"""Where the keys of the vault come from: a file of this machine, a given secret, or AWS.

Three of the four are rings: a short list of 32-byte keys of which the first wraps and all unwrap.
AWS KMS keeps its key to itself and is asked for every data key. A ring is read again when a value
names a key that is not on it, and after a while anyway, so that a rotated key reaches every
running process without a restart.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import secrets as random_source
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import Conflict, InvalidInput
from optix.platform.secrets import Secrets
from optix.platform.settings import Settings
from optix.platform.vault import (
    DATA_KEY_BYTES,
    NONCE_BYTES,
    DataKey,
    KeyProvider,
    SealBroken,
    VaultUnavailable,
)

RING_KEYS_MAX: Final = 8
RING_SECONDS_MAX: Final = 60  # how long a process may go on wrapping with the former key
RING_READ_SECONDS_MIN: Final = 2  # values that name foreign keys do not make us read for ever
AWS_CONNECT_SECONDS_MAX: Final = 2
AWS_READ_SECONDS_MAX: Final = 5
AWS_CONTEXT: Final = {"application": "optix", "purpose": "vault"}


class VaultKeyUnusable(InvalidInput):
    """The key is missing, malformed, or open to others."""

    code = "vault_key_unusable"
    next_step = "Correct the key of the vault; docs/security/README.md says how keys are kept."


class VaultKeyNotOurs(Conflict):
    """The key lives where OPTIX may not write."""

    code = "vault_key_not_ours"
    next_step = "Put the new key first where the key is kept, then run `optix vault rotate`."


class RingStore(Protocol):
    """Keeps a ring as text: one key in base64 per line."""

    name: str

    def load(self) -> str:
        """May block. Errors: VaultUnavailable, VaultKeyUnusable."""

    def save(self, text: str, /) -> None:
        """May block. Errors: VaultKeyNotOurs."""


class RingKeys:
    """A provider on a ring of keys that some store keeps."""

    def __init__(self, store: RingStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._read_at_ns: int | None = None
        self._reading = asyncio.Lock()

    async def current_key_id(self) -> str:
        await self._refresh(RING_SECONDS_MAX)
        return next(iter(self._keys))

    async def new_data_key(self) -> DataKey:
        key_id = await self.current_key_id()
        plain = random_source.token_bytes(DATA_KEY_BYTES)
        nonce = random_source.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[key_id]).encrypt(nonce, plain, key_id.encode())
        return DataKey(key_id, plain, nonce + sealed)

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        if key_id not in self._keys:
            await self._refresh(RING_READ_SECONDS_MIN)
        key = self._keys.get(key_id)
        if key is None:
            raise SealBroken(f"The key {key_id[:64]} is not on the ring of this installation.")
        try:
            return AESGCM(key).decrypt(
                wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise SealBroken("A sealed value cannot be opened.") from error

    async def add_key(self) -> str:
        """Put a new key first on the ring and return its id. Errors: VaultKeyNotOurs."""
        keys = list(parse_ring(await asyncio.to_thread(self._store.load)).values())
        if len(keys) >= RING_KEYS_MAX:
            raise VaultKeyUnusable(
                f"There are {len(keys)} keys on the ring. Take the old ones away first: "
                "`optix vault forget`."
            )
        await self._save([random_source.token_bytes(DATA_KEY_BYTES), *keys])
        return await self.current_key_id()

    async def forget_old_keys(self) -> int:
        """Take all keys but the first off the ring; return how many. What they sealed is lost."""
        keys = list(parse_ring(await asyncio.to_thread(self._store.load)).values())
        if len(keys) > 1:
            await self._save(keys[:1])
        return len(keys) - 1

    async def _save(self, keys: Sequence[bytes]) -> None:
        text = "".join(f"{base64.b64encode(key).decode()}\n" for key in keys)
        await asyncio.to_thread(self._store.save, text)
        self._read_at_ns = None
        await self._refresh(RING_SECONDS_MAX)

    async def _refresh(self, seconds_max: int) -> None:
        async with self._reading:
            now_ns, read_ns = self._clock.now_ns(), self._read_at_ns
            if read_ns is not None and now_ns - read_ns < seconds_max * NANOSECONDS:
                return
            self._keys = parse_ring(await asyncio.to_thread(self._store.load))
            self._read_at_ns = now_ns


def parse_ring(text: str) -> dict[str, bytes]:
    """Return the keys of a ring by id, in order. Errors: VaultKeyUnusable."""
    lines = text.replace(",", "\n").split()
    try:
        keys = [base64.b64decode(line, validate=True) for line in lines]
    except (ValueError, binascii.Error):
        keys = []
    if not 1 <= len(keys) <= RING_KEYS_MAX or any(len(key) != DATA_KEY_BYTES for key in keys):
        raise VaultKeyUnusable(
            f"The ring of vault keys must have 1 to {RING_KEYS_MAX} keys of 32 bytes in base64."
        )
    return {
        f"ring:{hashlib.sha256(b'optix vault key' + key).hexdigest()[:16]}": key for key in keys
    }


class GivenRing:
    """Keys that came with the settings: changed by whoever gives them."""

    name = "given"

    def __init__(self, text: str) -> None:
        self._text = text

    def load(self) -> str:
        return self._text

    def save(self, _text: str) -> None:
        raise VaultKeyNotOurs("The key of the vault is given by a variable.")


class FileRing:
    """Keys in a file that only we can read."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.name = "file"
        self._path = path
        self._writable = writable

    def load(self) -> str:
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            text = self._path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise VaultUnavailable(f"{self._path} cannot be read.") from error
        if self._writable and mode & 0o077:
            raise VaultKeyUnusable(
                f"Others may read {self._path} (mode {mode:04o}): run chmod 600 on it."
            )
        return text

    def save(self, text: str) -> None:
        if not self._writable:
            raise VaultKeyNotOurs(f"The key of the vault is mounted at {self._path}.")
        part = self._path.with_name(f".{self._path.name}.{random_source.token_hex(4)}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(self._path)


class SecretsManagerRing:
    """Keys in one secret of AWS Secrets Manager."""

    name = "aws_secrets_manager"

    def __init__(self, client: Any, secret_id: str) -> None:
        self._client = client
        self._secret_id = secret_id

    def load(self) -> str:
        answer = _asked(self._client.get_secret_value, SecretId=self._secret_id)
        return str(answer.get("SecretString", ""))

    def save(self, text: str) -> None:
        _asked(self._client.put_secret_value, SecretId=self._secret_id, SecretString=text)


class KMSKeys:
    """A provider on one key of AWS KMS. The key itself never leaves it; former keys go on opening
    as long as KMS has them.
    """

    def __init__(self, client: Any, key: str) -> None:
        self._client = client
        self._key = key
        self._current: str | None = None

    async def current_key_id(self) -> str:
        """Return the ARN behind the configured key, which may be an alias."""
        if self._current is None:
            answer = await asyncio.to_thread(_asked, self._client.describe_key, KeyId=self._key)
            self._current = str(answer["KeyMetadata"]["Arn"])
        return self._current

    async def new_data_key(self) -> DataKey:
        answer = await asyncio.to_thread(
            _asked,
            self._client.generate_data_key,
            KeyId=self._key,
            KeySpec="AES_256",
            EncryptionContext=AWS_CONTEXT,
        )
        return DataKey(answer["KeyId"], answer["Plaintext"], answer["CiphertextBlob"])

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        answer = await asyncio.to_thread(
            _asked,
            self._client.decrypt,
            KeyId=key_id,
            CiphertextBlob=wrapped,
            EncryptionContext=AWS_CONTEXT,
        )
        plain: bytes = answer["Plaintext"]
        return plain


def key_provider(settings: Settings, secrets: Secrets, clock: Clock) -> KeyProvider:
    """Return the provider that the settings name. Nothing is asked of it yet."""
    vault = settings.vault
    match settings.vault_provider:
        case "aws_kms":
            return KMSKeys(_aws_client("kms", settings), str(vault.vault_kms_key))
        case "aws_secrets_manager":
            client = _aws_client("secretsmanager", settings)
            return RingKeys(SecretsManagerRing(client, str(vault.vault_secret_id)), clock)
        case "given":
            mounted = settings.secrets.vault_key_file
            if mounted is not None:
                return RingKeys(FileRing(mounted, writable=False), clock)
            return RingKeys(GivenRing(secrets.vault_key.get_secret_value()), clock)
        case _:
            return RingKeys(FileRing(secrets.folder / "vault_key", writable=True), clock)


def _aws_client(service: str, settings: Settings) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise VaultKeyUnusable(
            "Keys from AWS need the optional packages: pip install 'optix[aws]'."
        ) from error
    return boto3.client(
        service,
        region_name=settings.vault.aws_region,
        endpoint_url=settings.vault.aws_endpoint_url,
        config=Config(
            connect_timeout=AWS_CONNECT_SECONDS_MAX,
            read_timeout=AWS_READ_SECONDS_MAX,
            retries={"total_max_attempts": 3, "mode": "standard"},
        ),
    )


def _asked(call: Callable[..., Any], **arguments: Any) -> Any:
    """Call AWS and turn its words into ours. Blocks."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(**arguments)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("InvalidCiphertextException", "IncorrectKeyException"):
            raise SealBroken("A sealed value cannot be opened with the key it names.") from error
        raise VaultUnavailable(f"The provider of keys refused ({code}).") from error
    except BotoCoreError as error:
        raise VaultUnavailable("The provider of keys does not answer.") from error
