"""The command line of the load generator. What it does is in `stream_load`."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from optix.kernel.errors import InvalidInput
from optix.processes.stream_load import LoadPlan, parse_target, run_load, script

TOKEN_VARIABLE = "OPTIX_STREAM_TOKEN"  # noqa: S105  # the name of a variable


class NoToken(InvalidInput):
    """Nobody can be signed in."""

    code = "no_token"
    next_step = (
        f"Write access tokens to a file, one a line (--token-file), or set {TOKEN_VARIABLE}."
    )


class NothingToFollow(InvalidInput):
    """A reader follows something."""

    code = "nothing_to_follow"
    next_step = "Add --symbols SPY,QQQ or --chain SPY:2026-12-18."


@click.command("stream-load")
@click.argument("url", metavar="ws://HOST/ws/quotes")
@click.option("--connections", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--symbols", default="", help="Quotes to follow, separated by commas.")
@click.option(
    "--pick", type=click.IntRange(min=1), help="Each connection follows so many of them, at random."
)
@click.option(
    "--chain",
    "chains",
    multiple=True,
    metavar="SPY:2026-12-18[:AROUND]",
    help="A chain to follow, AROUND strikes to each side of the money; may be repeated.",
)
@click.option("--format", "form", type=click.Choice(["json", "binary"]), default="json")
@click.option("--interval-ms", type=click.IntRange(100, 2000), default=250, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 3600),
    default=10.0,
    show_default=True,
    help="To measure.",
)
@click.option(
    "--ramp",
    type=click.FloatRange(min=0),
    default=500.0,
    show_default=True,
    help="New connections a second; 0 is as fast as they are answered.",
)
@click.option(
    "--stalled-share", type=click.FloatRange(0, 1), default=0.0, help="Who stops reading at once."
)
@click.option(
    "--errors-share-max",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="More refused or ended connections stop the run.",
)
@click.option(
    "--sources", type=click.IntRange(1, 250), default=1, help="Come from so many 127.0.0.x."
)
@click.option(
    "--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="One a line."
)
@click.option("--i-own-this-server", is_flag=True, help="The target is not this machine.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def stream_load(
    url: str,
    *,
    connections: int,
    symbols: str,
    pick: int | None,
    chains: tuple[str, ...],
    form: str,
    interval_ms: int,
    seconds: float,
    ramp: float,
    stalled_share: float,
    errors_share_max: float,
    sources: int,
    token_file: Path | None,
    i_own_this_server: bool,
    as_json: bool,
) -> None:
    """Open many readers of a stream, measure what they get, and close them.

    Tokens come from a file or a variable, never from the command line, which others can read. Exit
    code 1 when too much was refused, 130 when cancelled.
    """
    target = parse_target(url, is_own=i_own_this_server)
    tokens = read_tokens(token_file)
    names = [word.strip() for word in symbols.split(",") if word.strip()]
    followed: list[dict[str, object]] = [{"chain": parse_chain(each)} for each in chains]
    if not names and not followed:
        raise NothingToFollow("There is nothing that the connections could follow.")
    chosen = random.Random(0)  # noqa: S311  # the same choice in every run
    ways = connections if pick and pick < len(names) else max(1, min(connections, len(tokens)))
    scripts = []
    for i in range(ways):
        mine = chosen.sample(names, pick) if pick and pick < len(names) else names
        what = [*quotes_of(mine), *followed]
        said = script(
            tokens[i % len(tokens)], what, binary=form == "binary", interval_ms=interval_ms
        )
        scripts.append(said)
    plan = LoadPlan(
        target=target,
        connections=connections,
        scripts=scripts,
        seconds=seconds,
        per_second=ramp,
        stalled_share=stalled_share,
        errors_share_max=errors_share_max,
        sources=sources,
    )
    try:
        result = run_load(plan, lambda said: click.echo(said, err=True))
    except KeyboardInterrupt:
        click.echo("stopped: all connections are closed", err=True)
        raise SystemExit(130) from None
    found = result.as_json()
    click.echo(json.dumps(found) if as_json else "\n".join(lines_of(found)))
    sys.exit(1 if result.stopped else 0)


def read_tokens(path: Path | None) -> list[str]:
    """Return the tokens of a file, or of the variable. Errors: NoToken."""
    text = path.read_text(encoding="utf-8") if path else os.environ.get(TOKEN_VARIABLE, "")
    tokens = text.replace(",", "\n").split()
    if not tokens:
        raise NoToken("There is no access token.")
    return tokens


def quotes_of(symbols: Sequence[str]) -> list[dict[str, object]]:
    """Return the subscription to symbols, none where there are none."""
    return [{"quotes": list(symbols)}] if symbols else []


def parse_chain(text: str) -> dict[str, object]:
    """Return the chain of `SPY:2026-12-18` or `SPY:2026-12-18:20`. Errors: InvalidInput."""
    underlying, _, rest = text.partition(":")
    expiration, _, around = rest.partition(":")
    if not underlying or not expiration or (around and not around.isdigit()):
        raise NothingToFollow(f"{text} is not a chain.")
    chain: dict[str, object] = {"underlying": underlying, "expiration": expiration}
    return chain | ({"strikes": {"around": int(around)}} if around else {})


def lines_of(found: dict[str, object]) -> Sequence[str]:
    """Return a result as a person reads it."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            shown = ", ".join(f"{key} {part:,}" for key, part in value.items()) or "none"
        elif isinstance(value, float):
            shown = f"{value:,.2f}"
        elif value is None:
            continue
        else:
            shown = f"{value:,}" if isinstance(value, int) else str(value)
        lines.append(f"{name.replace('_', ' '):<20} {shown}")
    return lines
