"""`optix import`: recorded files into the history, with a report that accounts for every record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optix.adapters.history import HistoryStore
from optix.adapters.imports import find_importer
from optix.kernel.errors import NotFound, OptixError
from optix.ports.history import HistoryWriter, ImportBatch, Importer, Rejected, WriteReport

WHO = "`optix import`"


class NothingThere(NotFound):
    """A path that was named and does not exist."""

    code = "no_such_path"
    next_step = "Correct the path."


@dataclass(slots=True, kw_only=True)
class FileReport:
    """What became of one file: `records` = `stored` + `duplicates` + the counts of `rejected`."""

    path: Path
    source: str = ""  # the importer's name; empty where nobody knows the format
    records: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: dict[str, Rejected] = field(default_factory=dict)
    problem: str = ""  # why it was not read, or not to its end

    @property
    def rejected_count(self) -> int:
        return sum(entry.count for entry in self.rejected.values())

    def add(self, written: WriteReport) -> None:
        self.records += written.records
        self.stored += written.stored
        self.duplicates += written.duplicates
        for entry in written.rejected:
            add_rejected(self.rejected, entry)

    def as_json(self) -> dict[str, Any]:
        return {
            "path": str(self.path),
            "source": self.source or None,
            "records": self.records,
            "stored": self.stored,
            "duplicates": self.duplicates,
            "rejected": self.rejected_count,
            "rejected_by_reason": rejected_json(self.rejected),
            "problem": self.problem or None,
        }


@dataclass(slots=True)
class ImportReport:
    """All files, in the order they were read."""

    dry_run: bool
    files: list[FileReport] = field(default_factory=list)
    cancelled: bool = False

    @property
    def is_whole(self) -> bool:
        """True where every file was read to its end."""
        return not self.cancelled and not any(file.problem for file in self.files)

    def by_source(self) -> dict[str, FileReport]:
        """Return the sums of each source; files that nobody knows are not among them."""
        sums: dict[str, FileReport] = {}
        for file in self.files:
            if not file.source:
                continue
            total = sums.setdefault(file.source, FileReport(path=Path(), source=file.source))
            total.records += file.records
            total.stored += file.stored
            total.duplicates += file.duplicates
            for entry in file.rejected.values():
                add_rejected(total.rejected, entry)
        return dict(sorted(sums.items()))

    def as_json(self) -> dict[str, Any]:
        counts = Counter(file.source for file in self.files)
        sources = [
            {
                "source": name,
                "files": counts[name],
                "records": total.records,
                "stored": total.stored,
                "duplicates": total.duplicates,
                "rejected": total.rejected_count,
                "rejected_by_reason": rejected_json(total.rejected),
            }
            for name, total in self.by_source().items()
        ]
        return {
            "dry_run": self.dry_run,
            "cancelled": self.cancelled,
            "records": sum(file.records for file in self.files),
            "stored": sum(file.stored for file in self.files),
            "duplicates": sum(file.duplicates for file in self.files),
            "rejected": sum(file.rejected_count for file in self.files),
            "sources": sources,
            "files": [file.as_json() for file in self.files],
        }


def add_rejected(sums: dict[str, Rejected], entry: Rejected) -> None:
    """Count a reason into `sums`, keeping its first example."""
    known = sums.get(entry.code)
    sums[entry.code] = Rejected(
        code=entry.code,
        reason=known.reason if known else entry.reason,
        count=entry.count + (known.count if known else 0),
        example=known.example if known else entry.example,
    )


def rejected_json(rejected: dict[str, Rejected]) -> list[dict[str, Any]]:
    ordered = sorted(rejected.values(), key=lambda entry: (-entry.count, entry.code))
    return [
        {
            "code": entry.code,
            "reason": entry.reason,
            "count": entry.count,
            "example": entry.example,
        }
        for entry in ordered
    ]


def import_paths(
    store: HistoryStore,
    importers: Sequence[Importer],
    paths: Sequence[Path],
    *,
    dry_run: bool,
    say: Callable[[str], None],
) -> ImportReport:
    """Import files and folders, and say how it goes, file by file.

    A file that nobody knows or that is broken is told in the report and the others go on. When
    cancelled (KeyboardInterrupt), what was taken until then is kept and reported.
    Effects: writes the store, unless `dry_run`. Errors: NothingThere, HistoryBusy.
    """
    files = list(iter_files(paths))
    report = ImportReport(dry_run)
    opened: AbstractContextManager[HistoryWriter] = (
        store.rehearsing() if dry_run else store.writing(WHO)
    )
    with opened as writer:
        try:
            for number, path in enumerate(files, start=1):
                file = FileReport(path=path)
                report.files.append(file)
                _import_file(writer, importers, file)
                say(f"[{number}/{len(files)}] {_line(file)}")
        except KeyboardInterrupt:
            report.cancelled = True
            report.files[-1].problem = report.files[-1].problem or "It was cancelled within."
            say("cancelled: what was read so far is kept")
    return report


def iter_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of `paths`, folders walked in order, hidden ones left out, each once."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise NothingThere(f"There is no {path}.")
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in found:
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_file() and not hidden and file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _import_file(writer: HistoryWriter, importers: Sequence[Importer], file: FileReport) -> None:
    try:
        importer = find_importer(importers, file.path)
        if importer is None:
            file.problem = "No importer knows this format."
            return
        file.source = importer.name
        for batch in _read_ahead(importer.iter_batches(file.path)):
            file.add(writer.write(batch))
    except OptixError as error:
        if error.kind == "unavailable":  # the store, not the file
            raise
        file.problem = error.detail


def _read_ahead(batches: Iterator[ImportBatch]) -> Iterator[ImportBatch]:
    """Yield the batches of a file, the next one being read while the one before is written.

    Reading and writing both leave the interpreter to others for nearly all of their time. One batch
    is read ahead and no more, so that memory stays bounded.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="import") as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch


def _line(file: FileReport) -> str:
    counts = (
        f"{file.records} read, {file.stored} stored, {file.duplicates} there already, "
        f"{file.rejected_count} rejected"
    )
    parts = [f"{file.path}: {file.source or 'unknown'}"]
    if file.source:
        parts.append(counts)
    return ", ".join(parts) + (f" ({file.problem})" if file.problem else "")


def print_report(report: ImportReport, say: Callable[[str], None]) -> None:
    """Print the sums of each source, why records were rejected, and what was not read."""
    names = [*report.by_source(), "all"]
    width = max(map(len, names)) + 2
    head = ("files", "read", "stored", "duplicate", "rejected")
    say(f"{'source':<{width}}" + "".join(f"{word:>12}" for word in head))
    body = report.as_json()
    known = sum(bool(file.source) for file in report.files)
    total = {**body, "source": "all", "files": known}
    for row in [*body["sources"], total]:
        numbers = [row[name] for name in ("files", "records", "stored", "duplicates", "rejected")]
        say(f"{row['source']:<{width}}" + "".join(f"{number:>12,}" for number in numbers))
    for row in body["sources"]:
        for entry in row["rejected_by_reason"]:
            say(f"  {row['source']}: {entry['count']:,} {entry['code']}: {entry['reason']}")
    for file in report.files:
        if file.problem:
            say(f"  {file.path}: {file.problem}")
    if report.dry_run:
        say("Nothing was written: this was a dry run.")
