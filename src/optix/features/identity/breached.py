"""Passwords that are known to attackers: a list that comes with the product, and a larger one.

The list that comes along (breached_passwords.bin, made by tools/breached_passwords.py) is the first
bytes of SHA-256, sorted. An operator may give the whole of Pwned Passwords beside it
(OPTIX_BREACHED_PASSWORDS_FILE): lines `SHA1:count` in the order of the hash, tens of gigabytes,
searched on disk. Nothing is ever sent anywhere.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

from optix.kernel.errors import Unavailable

DIGEST_BYTES: Final = 6
LIST: Final = Path(__file__).with_name("breached_passwords.bin")
SHA1_DIGITS: Final = 40
LINE_BYTES_MAX: Final = 64


class BreachedListUnreadable(Unavailable):
    code = "breached_list_unreadable"
    next_step = "Correct OPTIX_BREACHED_PASSWORDS_FILE, or leave it out."


def local_digest(password: str) -> bytes:
    """Return what the list that comes along keeps of `password`, whose case does not count."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    return hashlib.sha256(folded.encode()).digest()[:DIGEST_BYTES]


@cache
def _known() -> frozenset[bytes]:
    content = LIST.read_bytes()
    return frozenset(content[at : at + DIGEST_BYTES] for at in range(0, len(content), DIGEST_BYTES))


def is_breached(password: str, full_list: Path | None = None) -> bool:
    """Say whether `password` is on a list. Reads files: call it in a thread.

    Errors: BreachedListUnreadable.
    """
    if local_digest(password) in _known():
        return True
    if full_list is None:
        return False
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        with full_list.open("rb") as file:
            return _has_line(file, os.fstat(file.fileno()).st_size, wanted.encode())
    except OSError as error:
        raise BreachedListUnreadable("The list of breached passwords cannot be read.") from error


def _has_line(file: BinaryIO, size: int, wanted: bytes) -> bool:
    """Search a file of sorted lines for one that begins with `wanted`."""
    low, high = 0, size  # the line begins in low…high, both included
    while low < high:
        middle = (low + high) // 2
        file.seek(middle)
        if middle:
            file.readline(LINE_BYTES_MAX)  # the rest of a line whose beginning was missed
        begin = file.tell()
        line = file.readline(LINE_BYTES_MAX)[:SHA1_DIGITS].upper()
        if begin > high or not line or line > wanted:
            high = middle
        elif line < wanted:
            low = begin + 1
        else:
            return True
    return False
