"""The command line: `optix up` and its smaller sisters. The settings are built here, once.

Heavy modules are imported by the command that needs them, so that `optix --version` and `--help`
answer at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from optix import __version__
from optix.kernel.errors import OptixError
from optix.processes import history_commands, simulate, upkeep, watch_command

if TYPE_CHECKING:
    from rich.console import Console

    from optix.platform.settings import Settings

_feed = click.option(
    "--feed", metavar="NAME[,NAME…]", help="Market feeds by preference (OPTIX_FEED)."
)
_replay = click.option("--replay", type=click.Path(path_type=Path), help="Recording to replay.")


class Program(click.Group):
    """Turns errors that are meant for people into two lines and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OptixError as error:
            fail(error)


def fail(error: OptixError) -> NoReturn:
    """Say what is wrong and what to do. Exit code 2: correct something; 1: it did not work."""
    click.secho(f"optix: {error.detail}", fg="red", err=True)
    click.echo(f"  → {error.next_step}", err=True)
    sys.exit(2 if error.kind in ("invalid", "conflict", "not_found") else 1)


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Settings are OPTIX_… variables: see deploy/env.example.",
)
@click.version_option(__version__, message="optix %(version)s")
def main() -> None:
    """OPTIX: an options trading platform. Start with `optix up`."""


main.add_command(upkeep.audit)
main.add_command(upkeep.vault)
main.add_command(upkeep.keys)
main.add_command(simulate.command)
main.add_command(history_commands.import_files)
main.add_command(history_commands.history)
main.add_command(upkeep.adapters)
main.add_command(watch_command.command)


@main.command()
@click.option("--host", help="Address to listen on (OPTIX_HOST).")
@click.option("--port", type=int, help="Port to listen on (OPTIX_PORT).")
@click.option("--any-port", is_flag=True, help="Take the next free port if that one is in use.")
@_feed
@_replay
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of stores and secrets.")
def up(any_port: bool, **options: Any) -> None:  # noqa: FBT001  # click passes it by name
    """Start everything: stores, migrations, development accounts and all components."""
    from optix.processes.up import Start, with_free_port

    settings = with_free_port(_settings(**options), any_port=any_port)
    Start(settings, _console(stderr=True)).everything()


@main.command()
@click.argument("components", nargs=-1, required=True)
@click.option("--modules", help="Only these features of the API, separated by commas.")
@click.option("--host", help="Address to listen on (OPTIX_HOST).")
@click.option("--port", type=int, help="Port to listen on (OPTIX_PORT).")
@_feed
@_replay
def run(components: tuple[str, ...], modules: str | None, **options: Any) -> None:
    """Run some COMPONENTS (api, stream, feed, worker) on the given stores."""
    from optix.processes.composition import load_wiring
    from optix.processes.up import Start

    names = list(dict.fromkeys(part for word in components for part in _words(word)))
    known = load_wiring().COMPONENTS
    for name in names:
        if name not in known:
            raise click.BadParameter(f"There is no component {name}. Choose of {', '.join(known)}.")
    start = Start(_settings(**options), _console(stderr=True))
    start.some(names, modules=_words(modules) if modules else None)


@main.command()
def migrate() -> None:
    """Bring the database to the schema of this release."""
    from optix.platform.embedded.stores import open_stores
    from optix.processes.composition import load_wiring

    settings = _settings()

    async def work() -> Sequence[str]:
        async with open_stores(settings, say=_to_stderr) as stores:
            return await load_wiring().migrate(stores)

    applied = asyncio.run(work())
    for step in applied:
        click.echo(f"applied {step}")
    click.echo(f"{len(applied)} applied" if applied else "nothing to do: the database is current")


@main.command()
@click.option("--offline", is_flag=True, help="Do not look at the network.")
def doctor(offline: bool) -> None:  # noqa: FBT001  # click passes it by name
    """Look at this machine: what is missing for OPTIX, and how to get it."""
    from optix.platform.settings import load_settings
    from optix.processes.doctor import Verdict, examine, is_healthy

    settings = load_settings()
    findings = []
    marks = {
        Verdict.OK: ("ok      ", "green"),
        Verdict.OPTIONAL: ("optional", "yellow"),
        Verdict.MISSING: ("missing ", "red"),
    }
    for finding in examine(settings, offline=offline):
        findings.append(finding)
        word, colour = marks[finding.verdict]
        click.echo(f"{click.style(word, fg=colour)}  {finding.name:<12} {finding.said}")
        if finding.remedy:
            click.echo(f"{'':<24}→ {finding.remedy}")
    missing = sum(finding.verdict is Verdict.MISSING for finding in findings)
    click.echo(f"{missing} missing." if missing else "Nothing is missing: `optix up` will work.")
    sys.exit(0 if is_healthy(findings) else 1)


@main.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
def openapi(out: Path | None) -> None:
    """Print the OpenAPI document of the API."""
    from optix.processes.composition import load_wiring

    text = json.dumps(load_wiring().openapi_document(), indent=2, sort_keys=True) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text)


@main.command()
@click.argument("symbol")
@click.option("--expiration", default="next", show_default=True, help="next or YYYY-MM-DD.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@_feed
@_replay
def chain(
    symbol: str,
    expiration: str,
    as_json: bool,  # noqa: FBT001  # click passes it by name
    **options: Any,
) -> None:
    """Print one option chain of SYMBOL with Greeks."""
    from optix.processes.composition import load_wiring

    settings = _settings(**options)
    asyncio.run(
        load_wiring().terminal_chain(
            settings, symbol, expiration=expiration, as_json=as_json, console=_console(stderr=False)
        )
    )


@main.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--symbols", required=True, help="Separated by commas: SPY,IWM.")
@click.option("--seconds", type=click.FloatRange(min=0.001), help="Until Ctrl-C if left out.")
@_feed
@_replay
def record(out: Path, symbols: str, seconds: float | None, **options: Any) -> None:
    """Write what the market feed delivers to a Parquet file, for `--feed replay`."""
    from optix.processes.composition import load_wiring

    settings = _settings(**options)
    rows = asyncio.run(
        load_wiring().record(
            settings, out=out, symbols=_words(symbols), seconds=seconds, say=_to_stderr
        )
    )
    click.echo(f"{rows} rows in {out}")


@main.command()
@click.option("--count", type=click.IntRange(1, 10_000), default=1, help="So many ticks.")
def step(count: int) -> None:
    """Move a replay on by hand: the running feed plays its next tick (OPTIX_REPLAY_SPEED=step)."""
    from optix.kernel.clock import to_datetime
    from optix.platform.embedded.stores import open_stores
    from optix.processes.composition import load_wiring

    settings = _settings()

    async def work() -> int | None:
        async with open_stores(settings) as stores:
            return await load_wiring().step_replay(stores, count)

    at_ns = asyncio.run(work())
    if at_ns is None:
        click.echo("the recording has ended")
    else:
        click.echo(f"the market clock stands at {to_datetime(at_ns):%Y-%m-%d %H:%M:%S.%f} UTC")


def _settings(**options: Any) -> Settings:
    """Build the settings of this run and send the log where they say."""
    from optix.platform.settings import load_settings
    from optix.platform.telemetry import configure_logging

    if options.get("replay") is not None and options.get("feed") is None:
        options["feed"] = "replay"
    settings = load_settings(**options)
    configure_logging(settings)
    return settings


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=True)


def _to_stderr(said: str) -> None:
    click.echo(said, err=True)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    main()
