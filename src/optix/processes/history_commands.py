"""Commands of the market's memory: `optix import` and `optix history …`.

Heavy modules are imported by the command that needs them, as in `cli`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


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
    from optix.adapters.history import history_of
    from optix.kernel.clock import SystemClock
    from optix.platform.settings import load_settings
    from optix.processes.import_history import import_paths, print_report
    from optix.processes.importers import all_importers

    store = history_of(load_settings(), SystemClock())
    report = import_paths(store, all_importers(), paths, dry_run=dry_run, say=_to_stderr)
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=2))
    else:
        print_report(report, click.echo)
    if report.cancelled:
        sys.exit(130)
    sys.exit(0 if report.is_whole else 1)


def _to_stderr(said: str) -> None:
    click.echo(said, err=True)
