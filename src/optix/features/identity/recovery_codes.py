"""Recovery codes: what lets somebody in whose authenticator is lost. Each works once.

A code is 120 random bits, so its plain SHA-256 keeps it: there is nothing to guess, and no salt or
slow hash would add to that. The alphabet leaves out what looks alike on paper.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

CODES_PER_SET: Final = 10
GROUPS: Final = 6
GROUP_CHARACTERS: Final = 4
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 characters: five bits each

_LENGTH: Final = GROUPS * GROUP_CHARACTERS


def new_codes() -> list[str]:
    """Return a set of codes as people write them down."""
    return [_new_code() for _ in range(CODES_PER_SET)]


def code_hash(code: str) -> bytes | None:
    """Return what is stored of `code`, None if it cannot be one. Case, dashes, spaces are free."""
    plain = "".join(code.replace("-", "").split()).upper()
    if len(plain) != _LENGTH or not set(plain) <= set(ALPHABET):
        return None
    return hashlib.sha256(f"optix.recovery_code:{plain}".encode()).digest()


def code_hashes(codes: Sequence[str]) -> list[bytes]:
    """Return what is stored of a set that was just made."""
    hashes = [code_hash(code) for code in codes]
    return [each for each in hashes if each is not None]


def _new_code() -> str:
    groups = (
        "".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARACTERS)) for _ in range(GROUPS)
    )
    return "-".join(groups)
