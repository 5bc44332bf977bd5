"""Commands of the market's memory: `optix import` and `optix history …`.

Heavy modules are imported by the command that needs them, as in `cli`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from optix.ports.history import DatasetName

if TYPE_CHECKING:
    from optix.processes.history import LateHistory


@click.command(name="import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--dry-run", is_flag=True, help="Count as usual and store nothing.")
def import_files(
    paths: tuple[Path, ...],
    as_json: bool,  # noqa: FBT001  # click passes it by name
    dry_run: bool,  # noqa: FBT001  # click passes it by name
) -> None:
    """Store recorded market data: files, and folders with all that is in them.

    Every record is accounted for: read = stored + there already + rejected with a reason. Exit
    code 1 when a file could not be read, 130 when cancelled.
    """
    from optix.processes.import_history import import_paths, print_report
    from optix.processes.importers import all_importers

    report = import_paths(
        _history().store(), all_importers(), paths, dry_run=dry_run, say=_to_stderr
    )
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        print_report(report, click.echo)
    if report.cancelled:
        sys.exit(130)
    sys.exit(0 if report.is_whole else 1)


def _to_stderr(said: str) -> None:
    click.echo(said, err=True)


@click.group()
def history() -> None:
    """The market's memory: what is there, and filling what is missing."""


_start = click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First session.")
_end = click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="Last session.")


@history.command()
@click.argument("symbols", nargs=-1)
@click.option("--dataset", type=click.Choice([*map(str, DatasetName)]), default="option_quotes")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def coverage(
    symbols: tuple[str, ...],
    dataset: str,
    as_json: bool,  # noqa: FBT001  # click passes it by name
) -> None:
    """Show which sessions of SYMBOLS (of all, where none is named) are stored, and the holes."""
    from optix.processes.history_work import coverage_rows, print_coverage

    rows = coverage_rows(_history(), DatasetName(dataset), symbols)
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        print_coverage(rows, click.echo)


@history.command()
@click.argument("symbols", nargs=-1, required=True)
@_start
@_end
def backfill(symbols: tuple[str, ...], start: datetime, end: datetime | None) -> None:
    """Fetch the closing chains of SYMBOLS from a feed that knows the past. Run it again to go on.

    Each session is stored before the next is asked for; what is there is not asked for again.
    """
    _fill(symbols, start=start, end=end, only_gaps=False)


@history.command()
@click.argument("symbols", nargs=-1)
@_start
@_end
def repair(symbols: tuple[str, ...], start: datetime | None, end: datetime | None) -> None:
    """Fill the holes of SYMBOLS (of all that are stored) between their first and last session."""
    _fill(symbols, start=start, end=end, only_gaps=True)


def _fill(
    symbols: tuple[str, ...], *, start: datetime | None, end: datetime | None, only_gaps: bool
) -> None:
    from optix.platform.settings import load_settings
    from optix.processes.history_work import fill

    settings = load_settings()
    results = asyncio.run(
        fill(
            settings,
            _history(),
            symbols,
            start=start.date() if start else None,
            end=end.date() if end else None,
            only_gaps=only_gaps,
            say=_to_stderr,
        )
    )
    for symbol, done in results.items():
        click.echo(
            f"{symbol}: {done.wanted} sessions, {done.there} there already, {done.filled} filled "
            f"({done.rows:,} rows), {done.unknown} that the feed does not know"
        )


def _history() -> LateHistory:
    from optix.kernel.clock import SystemClock
    from optix.platform.settings import load_settings
    from optix.processes.history import history_of

    return history_of(load_settings(), SystemClock())
