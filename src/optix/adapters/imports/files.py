"""Opening recorded files: plain, gzip, Zstandard or zip, told by their first bytes, never by name.

Nothing is ever unpacked to disk and nothing is unpacked without a bound, so neither a bomb nor a
member called `../x` does harm. What is cut off ends in UnreadableFile after its whole blocks.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, Final, cast

import pyarrow as pa

from optix.kernel import limits
from optix.ports.history import UnreadableFile

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_CUT_OFF: Final = (
    *(EOFError, zlib.error, zipfile.BadZipFile, pa.ArrowInvalid),
    *(NotImplementedError, UnicodeError),  # of a zip's directory
)
_CHUNK: Final = 1024 * 1024


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked; of a zip those of its first member.

    Errors: UnreadableFile where there is no such file. What cannot be unpacked has an empty head.
    """
    try:
        with unpacked(path) as stream:
            return _read_upto(stream, limits.IMPORT_HEAD_BYTES_MAX)
    except UnreadableFile:
        if not path.is_file():
            raise
        return b""


def read_whole(path: Path, bytes_max: int | None = None) -> bytes:
    """Return a file unpacked. Errors: UnreadableFile, also beyond `bytes_max`."""
    ceiling = limits.IMPORT_DOCUMENT_BYTES_MAX if bytes_max is None else bytes_max
    with unpacked(path) as stream, _readable(path):
        body = bytearray()
        while chunk := stream.read(_CHUNK):
            body += chunk
            if len(body) > ceiling:
                raise UnreadableFile(f"{path.name} unpacks to more than {ceiling} bytes.")
    if not body.strip():
        raise UnreadableFile(f"{path.name} is empty.")
    return bytes(body)


def iter_blocks(path: Path) -> Iterator[bytes]:
    """Yield a text in blocks of whole lines. Errors: UnreadableFile, after the blocks before it."""
    rest, total = b"", 0
    with unpacked(path) as stream:
        while True:
            with _readable(path):
                chunk = stream.read(limits.IMPORT_BLOCK_BYTES_MAX)
            total += len(chunk)
            if total > limits.IMPORT_UNPACKED_BYTES_MAX:
                raise UnreadableFile(
                    f"{path.name} unpacks to more than {limits.IMPORT_UNPACKED_BYTES_MAX} bytes."
                )
            if not chunk:
                break
            end = chunk.rfind(b"\n") + 1
            if end == 0:
                rest += chunk
                if len(rest) > limits.IMPORT_LINE_BYTES_MAX:
                    raise UnreadableFile(
                        f"{path.name} has a line beyond {limits.IMPORT_LINE_BYTES_MAX} bytes."
                    )
                continue
            yield rest + chunk[:end]
            rest = chunk[end:]
        if total == 0:
            raise UnreadableFile(f"{path.name} is empty.")
    if rest.strip():
        yield rest


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading without its packing. Errors: UnreadableFile."""
    with _readable(path), path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(GZIP):
            with gzip.open(file) as stream:
                yield cast("IO[bytes]", stream)
        elif magic == ZSTD:
            with pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd") as stream:
                yield cast("IO[bytes]", stream)
        elif magic in ZIP:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                if not members:
                    raise UnreadableFile(f"{path.name} is a zip without any file in it.")
                with archive.open(members[0]) as stream:
                    yield stream
        else:
            yield file


def iter_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in a zip. Errors: UnreadableFile."""
    with _readable(path), zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > limits.IMPORT_ZIP_MEMBERS_MAX:
            raise UnreadableFile(
                f"{path.name} holds more than {limits.IMPORT_ZIP_MEMBERS_MAX} files."
            )
        total = 0
        for member in members:
            with archive.open(member) as stream:
                body = _read_upto(stream, limits.IMPORT_DOCUMENT_BYTES_MAX + 1)
            total += len(body)
            if (
                len(body) > limits.IMPORT_DOCUMENT_BYTES_MAX
                or total > limits.IMPORT_UNPACKED_BYTES_MAX
            ):
                raise UnreadableFile(f"{path.name} unpacks to more than is read at once.")
            yield member.filename, body


def member_names(path: Path) -> tuple[str, ...]:
    """Return the names in a zip; nothing for another file or a broken one."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return _member_names(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)  # every importer of zips asks for the same file, one after the other
def _member_names(path: Path, _changed_ns: int, _size: int) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            if file.read(4) not in ZIP:
                return ()
            with zipfile.ZipFile(file) as archive:
                return tuple(archive.namelist())
    except (OSError, *_CUT_OFF):
        return ()


def _read_upto(stream: IO[bytes], length: int) -> bytes:
    """Read until `length` bytes or the end: a packed stream may give less than it is asked for."""
    parts = io.BytesIO()
    while (left := length - parts.tell()) > 0 and (chunk := stream.read(min(left, _CHUNK))):
        parts.write(chunk)
    return parts.getvalue()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the libraries raise for a broken file into our error, with the sentence."""
    try:
        yield
    except _CUT_OFF as error:
        raise UnreadableFile(f"{path.name} is cut off or damaged: {_sentence(error)}.") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a zip with a password
        raise UnreadableFile(f"{path.name} cannot be read: {_sentence(error)}.") from error


def _sentence(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")[:200]
