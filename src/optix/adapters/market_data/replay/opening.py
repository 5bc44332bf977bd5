"""Finding out what a recording is. The format is read from the files, never asked for."""

from __future__ import annotations

import glob
from pathlib import Path

from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay.documents import DocumentTape, form_of
from optix.adapters.market_data.replay.lean import LeanTape, find_lean
from optix.adapters.market_data.replay.parquet import MAGIC, ParquetTape, find_recording
from optix.adapters.market_data.replay.tape import (
    FILES_MAX,
    Tape,
    read_bounded,
)

HEAD_BYTES = 8192

_FORMATS = (
    "OPTIX plays its own Parquet recordings, Cboe chain documents (.json, .json.gz), Cboe "
    "quotedata files (.csv, .csv.gz) and Lean option minute zips."
)
_ZIP_MAGIC = b"PK"
_DOCUMENT_NAMES = (".json", ".json.gz", ".csv", ".csv.gz")


def open_recording(path: str | Path) -> Tape:
    """Return the recording at `path`: a file, a folder, or a pattern like `IWM_*.json.gz`.

    Blocks on the disk: up to some seconds for a day of minute bars.
    Errors: UnreadableRecording says what is wrong: missing, empty, cut off, or of no known format.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _open_folder(path)
    if path.exists() or find_recording(path) != [path]:
        return _open_file(path)
    if glob.has_magic(str(path)):
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207  # an absolute pattern
        files = [match for match in matches if match.is_file()]
        if not files:
            raise UnreadableRecording(f"No file matches {path}.")
        return _open_files(files, f"the pattern {path.name}")
    raise UnreadableRecording(f"There is no recording at {path}.")


def _open_folder(folder: Path) -> Tape:
    recorded = find_recording(folder)
    if recorded:
        return ParquetTape(recorded)
    minute = find_lean(folder)
    if minute:
        return LeanTape(minute)
    documents = sorted(
        entry
        for entry in folder.rglob("*")
        if entry.name.lower().endswith(_DOCUMENT_NAMES) and entry.is_file()
    )
    if not documents:
        raise UnreadableRecording(f"The folder {folder.name} holds no recording. {_FORMATS}")
    return _open_files(documents, f"the folder {folder.name}")


def _open_file(path: Path) -> Tape:
    if not path.exists() or path.name.lower().endswith((".parquet", ".parts")):
        return ParquetTape(find_recording(path))
    head = read_bounded(path, length=HEAD_BYTES)
    if not head.strip():
        raise UnreadableRecording(f"{path.name} is empty.")
    if head.startswith(MAGIC):
        return ParquetTape([path])
    if head.startswith(_ZIP_MAGIC) or ".zip" in path.suffixes:
        files = find_lean(path)
        if not files:
            raise UnreadableRecording(
                f"{path.name} is not named like a Lean option minute zip, for example "
                "20151224_quote_american.zip in a folder named after the root."
            )
        return LeanTape(files)
    form = form_of(head)
    if form is None:
        raise UnreadableRecording(f"{path.name} is of no known format. {_FORMATS}")
    return DocumentTape([path])


def _open_files(files: list[Path], what: str) -> Tape:
    if len(files) > FILES_MAX:
        raise UnreadableRecording(f"More than {FILES_MAX} files are in {what}.")
    heads = {path: _head(path) for path in files}
    documents = [path for path, head in heads.items() if head and form_of(head) is not None]
    if documents:
        tape = DocumentTape(documents)
        skipped = [path.name for path in files if path not in documents]
        tape.problems.extend(f"{name} is no Cboe document that can be read." for name in skipped)
        return tape
    zips = [file for path in files for file in find_lean(path) if file.path in heads]
    if zips:
        return LeanTape(list(dict.fromkeys(zips)))
    recorded = [path for path, head in heads.items() if head.startswith(MAGIC)]
    if recorded:
        return ParquetTape(recorded)
    raise UnreadableRecording(f"No file of {what} is a recording. {_FORMATS}")


def _head(path: Path) -> bytes:
    try:
        return read_bounded(path, length=HEAD_BYTES)
    except UnreadableRecording:
        return b""
