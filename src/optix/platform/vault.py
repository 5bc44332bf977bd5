"""The vault: seals small secrets (brokerage tokens, TOTP seeds) so that the database alone is worth
nothing to a thief.

Each value is encrypted with AES-256-GCM under a data key; the data key travels beside it, wrapped
by a key that never leaves its provider (`key_providers.py`). What is sealed for one place (table,
row, column) opens in that place only. An envelope names the key that wrapped it, so old and new
keys work side by side while `vault_rotation` renews what is stored.

    version 1 · length and text of the key id · length and bytes of the wrapped key · nonce · sealed
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError, Unavailable

VERSION: Final = 1
DATA_KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
PLAIN_BYTES_MAX: Final = 64 * 1024

# A provider over the network answers in tens of milliseconds and costs money per call. A data key
# is shared by few values and for a short time, far below what one key of AES-GCM may seal.
DATA_KEY_SEALS_MAX: Final = 1_000
DATA_KEY_SECONDS_MAX: Final = 300
OPENED_KEYS_MAX: Final = 512


class VaultUnavailable(Unavailable):
    """The provider of keys does not answer."""

    code = "vault_unavailable"


class SealBroken(OptixError):
    """A sealed value does not open here: changed, moved to another place, or its key is gone."""

    code = "seal_broken"
    next_step = "Look at the key of this installation: `optix vault status`."


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key for values, open in `plain` and wrapped for keeping under the key `key_id`."""

    key_id: str
    plain: bytes
    wrapped: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.key_id})"


class KeyProvider(Protocol):
    """Holds the keys that wrap data keys. All may cross the network: none inside a transaction."""

    async def current_key_id(self) -> str:
        """Return the id of the key that wraps new data keys."""

    async def new_data_key(self) -> DataKey:
        """Errors: VaultUnavailable."""

    async def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """Errors: SealBroken when no key fits, VaultUnavailable."""


class Vault:
    """Seals and opens values. Safe to share by everything in one loop."""

    def __init__(self, provider: KeyProvider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._sealing: DataKey | None = None
        self._sealing_until_ns = 0
        self._seals_left = 0
        self._opened: OrderedDict[tuple[str, bytes], tuple[bytes, int]] = OrderedDict()

    async def seal(self, plain: bytes, *, table: str, row: UUID | str, column: str) -> bytes:
        """Return `plain` encrypted for one place. Errors: VaultUnavailable."""
        assert len(plain) <= PLAIN_BYTES_MAX
        key = await self._sealing_key()
        key_id = key.key_id.encode()
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(key.plain).encrypt(nonce, plain, _place(table, row, column))
        return b"".join(
            (
                bytes([VERSION, len(key_id)]),
                key_id,
                len(key.wrapped).to_bytes(2, "big"),
                key.wrapped,
                nonce,
                sealed,
            )
        )

    async def open(self, envelope: bytes, *, table: str, row: UUID | str, column: str) -> bytes:
        """Return what was sealed for this place. Errors: SealBroken, VaultUnavailable."""
        key_id, wrapped, nonce, sealed = _parts(envelope)
        data_key = await self._opened_key(key_id, wrapped)
        try:
            return AESGCM(data_key).decrypt(nonce, sealed, _place(table, row, column))
        except InvalidTag as error:
            raise _broken() from error

    async def is_current(self, envelope: bytes) -> bool:
        """True if `envelope` was sealed under the key that seals now. Errors: SealBroken."""
        return key_id_of(envelope) == await self._provider.current_key_id()

    async def _sealing_key(self) -> DataKey:
        now_ns = self._clock.now_ns()
        key = self._sealing
        if key is None or self._seals_left <= 0 or now_ns >= self._sealing_until_ns:
            key = self._sealing = await self._provider.new_data_key()
            self._seals_left = DATA_KEY_SEALS_MAX
            self._sealing_until_ns = now_ns + DATA_KEY_SECONDS_MAX * NANOSECONDS
        self._seals_left -= 1
        return key

    async def _opened_key(self, key_id: str, wrapped: bytes) -> bytes:
        now_ns, name = self._clock.now_ns(), (key_id, wrapped)
        found = self._opened.get(name)
        if found is not None and now_ns < found[1]:
            self._opened.move_to_end(name)
            return found[0]
        plain = await self._provider.unwrap(key_id, wrapped)
        self._opened[name] = (plain, now_ns + DATA_KEY_SECONDS_MAX * NANOSECONDS)
        while len(self._opened) > OPENED_KEYS_MAX:
            self._opened.popitem(last=False)
        return plain


def key_id_of(envelope: bytes) -> str:
    """Return the id of the key that `envelope` needs. Errors: SealBroken."""
    return _parts(envelope)[0]


def _parts(envelope: bytes) -> tuple[str, bytes, bytes, bytes]:
    """Return key id, wrapped key, nonce and sealed bytes."""
    try:
        if envelope[0] != VERSION:
            raise _broken()
        at = 2 + envelope[1]
        key_id = envelope[2:at].decode("ascii")
        wrapped_end = at + 2 + int.from_bytes(envelope[at : at + 2], "big")
    except (IndexError, UnicodeDecodeError) as error:
        raise _broken() from error
    wrapped = envelope[at + 2 : wrapped_end]
    nonce = envelope[wrapped_end : wrapped_end + NONCE_BYTES]
    sealed = envelope[wrapped_end + NONCE_BYTES :]
    if not wrapped or len(nonce) < NONCE_BYTES or len(sealed) < 16:
        raise _broken()
    return key_id, wrapped, nonce, sealed


def _place(table: str, row: UUID | str, column: str) -> bytes:
    """Return the additional data that binds a value to its place, unambiguously."""
    return b"".join(
        len(part).to_bytes(2, "big") + part
        for part in (b"optix.vault.1", table.encode(), str(row).encode(), column.encode())
    )


def _broken() -> SealBroken:
    return SealBroken("A sealed value cannot be opened.")
