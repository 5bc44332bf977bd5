"""Write the table of imported files in docs/market-data.md: `python -m tools.market_data`.

It imports the recorded market data into a store of its own, which is thrown away, and replaces what
stands between the two marks of the document. A test compares the document with such an import.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from optix.adapters.history import HistoryStore, open_history
from optix.kernel.clock import SystemClock
from optix.processes.import_history import ImportReport, import_paths
from optix.processes.importers import all_importers

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "market-data.md"
BEGIN, END = "<!-- imported: begin -->", "<!-- imported: end -->"
_SHARED: Final = Path(__file__).parents[2] / "shared" / "data"


def market_folder() -> Path:
    """Return the folder of recorded market data, there or not."""
    return Path(os.environ.get("OPTIX_SHARED_DATA") or _SHARED) / "market"


def import_all(store: HistoryStore, folder: Path) -> ImportReport:
    return import_paths(store, all_importers(), [folder], dry_run=False, say=lambda _: None)


def table_of(report: ImportReport) -> str:
    """Return the report as Markdown: a line for each importer, then the reasons."""
    labels = {importer.name: importer.label for importer in all_importers()}
    body = report.as_json()
    lines = [
        "| importer | format | files | records | stored | duplicates | rejected |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in body["sources"]:
        counts = (row[name] for name in ("files", "records", "stored", "duplicates", "rejected"))
        numbers = " | ".join(f"{count:,}" for count in counts)
        lines.append(f"| `{row['source']}` | {labels[row['source']]} | {numbers} |")
    sums = (body[name] for name in ("records", "stored", "duplicates", "rejected"))
    totals = " | ".join(f"{count:,}" for count in (len(body["files"]), *sums))
    lines += [f"| all | | {totals} |", "", "| importer | rejected | why |", "|---|--:|---|"]
    for row in body["sources"]:
        for entry in row["rejected_by_reason"]:
            reason = f"`{entry['code']}`: {entry['reason']}"
            lines.append(f"| `{row['source']}` | {entry['count']:,} | {reason} |")
    return "\n".join(lines)


def table_in(document: str) -> str:
    """Return what stands between the marks of the document."""
    return document.partition(BEGIN)[2].partition(END)[0].strip()


def main() -> int:
    folder = market_folder()
    if not folder.is_dir():
        sys.stderr.write(f"There is no {folder}: name its parent with OPTIX_SHARED_DATA.\n")
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        report = import_all(open_history(Path(scratch), None, SystemClock()), folder)
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}\n{table_of(report)}\n{END}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.name}: {len(report.files)} files\n")
    return 0 if report.is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
