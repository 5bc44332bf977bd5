"""Where the bytes are: a local folder, or an S3-compatible bucket.

Both give the same few operations. `put` is atomic: a reader sees the old bytes or the new ones,
also after a crash (a folder writes beside, syncs and renames; S3 does it by itself).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from optix.kernel.clock import NANOSECONDS
from optix.ports.history import HistoryBusy, HistoryUnavailable

_LOCK: Final = ".writer.lock"
_TEMPORARY: Final = ".tmp"
S3_LEASE_SECONDS: Final = 300  # a holder renews it; one that died is passed over after so long

Now = Callable[[], int]


class Storage(Protocol):
    @property
    def label(self) -> str:
        """What it is called in sentences."""

    @property
    def options(self) -> dict[str, str] | None:
        """What Polars needs to know to read `address`."""

    def address(self, name: str) -> str: ...

    def get(self, name: str) -> bytes | None: ...

    def stamp(self, name: str) -> object | None:
        """Return what changes with the bytes of `name`; None where that cannot be told cheaply."""

    def put(self, name: str, body: bytes | memoryview) -> None: ...

    def delete(self, name: str) -> None: ...

    def listed(self, name: str) -> list[str]:
        """Return the names directly within a folder, in order; none where there is no folder."""

    def lock(self, who: str) -> contextlib.AbstractContextManager[Callable[[], None]]:
        """Be the one writer; what it gives prolongs that. Errors: HistoryBusy with who is."""


@contextlib.contextmanager
def _sentences(label: str) -> Iterator[None]:
    """Turn the errors of files and networks into one for people."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        text = getattr(error, "strerror", None) or str(error).splitlines()[0][:200]
        raise HistoryUnavailable(f"The history in {label} cannot be used: {text}.") from error


class Folder:
    """A local folder."""

    options = None

    def __init__(self, root: Path) -> None:
        self._root = root
        self.label = str(root)

    def address(self, name: str) -> str:
        return str(self._root / name)

    def get(self, name: str) -> bytes | None:
        with _sentences(self.label):
            try:
                return (self._root / name).read_bytes()
            except FileNotFoundError:
                return None

    def stamp(self, name: str) -> object | None:
        with _sentences(self.label):
            try:
                found = (self._root / name).stat()
            except FileNotFoundError:
                return 0
            return found.st_mtime_ns, found.st_ino, found.st_size

    def put(self, name: str, body: bytes | memoryview) -> None:
        target = self._root / name
        temporary = target.with_name(f".{target.name}{_TEMPORARY}")
        with _sentences(self.label):
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)

    def delete(self, name: str) -> None:
        with _sentences(self.label):
            (self._root / name).unlink(missing_ok=True)

    def listed(self, name: str) -> list[str]:
        with _sentences(self.label):
            try:
                return sorted(found.name for found in (self._root / name).iterdir())
            except FileNotFoundError:
                return []

    @contextlib.contextmanager
    def lock(self, who: str) -> Iterator[Callable[[], None]]:
        with _sentences(self.label):
            self._root.mkdir(parents=True, exist_ok=True)
            file = (self._root / _LOCK).open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise _busy(self.label, file.read()) from None
            file.truncate(0)
            file.write(_holder(who))
            file.flush()
            try:
                yield _nothing_to_renew
            finally:
                file.truncate(0)  # the flock ends with the file


class Bucket:
    """An S3-compatible bucket: `s3://bucket/prefix?endpoint=http://…&region=…`.

    Keys come from the places where AWS tools look: variables, profiles, the machine's role.
    """

    def __init__(self, url: str, now_ns: Now) -> None:
        parts = urlsplit(url)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        unknown = sorted(set(asked) - {"endpoint", "region"})
        if parts.scheme != "s3" or not parts.netloc or unknown:
            raise HistoryUnavailable(
                "OPTIX_HISTORY_URL must look like s3://bucket/prefix, with endpoint= and region= "
                "after a question mark where the store is not Amazon's."
            )
        self._now_ns = now_ns
        self._root = f"{parts.netloc}{parts.path}".rstrip("/")
        self.label = f"s3://{self._root}"
        endpoint = asked.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL")
        region = asked.get("region") or os.environ.get("AWS_REGION") or "us-east-1"
        arguments: dict[str, Any] = {"region": region}
        self.options: dict[str, str] = {"aws_region": region}
        if endpoint:
            target = urlsplit(endpoint)
            arguments |= {"endpoint_override": target.netloc, "scheme": target.scheme}
            self.options |= {"aws_endpoint_url": endpoint}
            if target.scheme == "http":
                self.options["aws_allow_http"] = "true"
        with _sentences(self.label):
            self._files = pafs.S3FileSystem(**arguments)

    def address(self, name: str) -> str:
        return f"s3://{self._root}/{name}"

    def get(self, name: str) -> bytes | None:
        with _sentences(self.label):
            try:
                with self._files.open_input_stream(f"{self._root}/{name}") as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    def stamp(self, name: str) -> object | None:  # noqa: ARG002  # asking costs what reading costs
        return None

    def put(self, name: str, body: bytes | memoryview) -> None:
        with (
            _sentences(self.label),
            self._files.open_output_stream(f"{self._root}/{name}") as stream,
        ):
            stream.write(body)

    def delete(self, name: str) -> None:
        with _sentences(self.label), contextlib.suppress(FileNotFoundError):
            self._files.delete_file(f"{self._root}/{name}")

    def listed(self, name: str) -> list[str]:
        selector = pafs.FileSelector(f"{self._root}/{name}".rstrip("/"), allow_not_found=True)
        with _sentences(self.label):
            return sorted(entry.base_name for entry in self._files.get_file_info(selector))

    @contextlib.contextmanager
    def lock(self, who: str) -> Iterator[Callable[[], None]]:
        """Hold the lock object. Two that begin within the same moment both look again after they
        wrote it, and only the one whose word stands goes on.
        """
        held = self.get(_LOCK)
        if held and json.loads(held).get("until_ns", 0) > self._now_ns():
            raise _busy(self.label, held.decode())
        token = secrets.token_hex(8)

        def renew() -> None:
            until_ns = self._now_ns() + S3_LEASE_SECONDS * NANOSECONDS
            mine = {**json.loads(_holder(who)), "token": token, "until_ns": until_ns}
            self.put(_LOCK, json.dumps(mine).encode())

        renew()
        now = self.get(_LOCK) or b"{}"
        if json.loads(now).get("token") != token:
            raise _busy(self.label, now.decode())
        try:
            yield renew
        finally:
            self.delete(_LOCK)


class Rehearsal:
    """What a store would become: reads through to it, and writes into a folder of its own."""

    def __init__(self, real: Storage, aside: Path) -> None:
        self._real = real
        self._aside = aside
        self._own = Folder(aside)
        self.label = real.label
        self.options = real.options

    def address(self, name: str) -> str:
        return (self._own if (self._aside / name).exists() else self._real).address(name)

    def get(self, name: str) -> bytes | None:
        own = self._own.get(name)
        return self._real.get(name) if own is None else own

    def stamp(self, name: str) -> object | None:  # noqa: ARG002  # nobody reads it twice
        return None

    def put(self, name: str, body: bytes | memoryview) -> None:
        self._own.put(name, body)

    def delete(self, name: str) -> None:
        """Nothing goes: what a manifest does not name is not there."""

    def listed(self, name: str) -> list[str]:
        return sorted({*self._real.listed(name), *self._own.listed(name)})

    @contextlib.contextmanager
    def lock(self, who: str) -> Iterator[Callable[[], None]]:  # noqa: ARG002  # it writes nothing
        yield _nothing_to_renew


def open_storage(folder: Path, url: str | None, now_ns: Now) -> Storage:
    """Return the bucket of `url`, else the folder."""
    return Folder(folder) if url is None else Bucket(url, now_ns)


def _nothing_to_renew() -> None:
    """A flock holds until its file is closed."""


def is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(_TEMPORARY)


def _holder(who: str) -> str:
    return json.dumps({"who": who, "process": os.getpid(), "machine": socket.gethostname()})


def _busy(label: str, holder: str) -> HistoryBusy:
    try:
        held = json.loads(holder)
        told = f"{held['who']} (process {held['process']} on {held['machine']})"
    except (ValueError, KeyError, TypeError):
        told = "another program"
    return HistoryBusy(f"The history in {label} is being written by {told}.")


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
