"""`optix simulate`: writes days of the simulated market for replay, backtests and measuring."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import click

from optix.features.market import calendar
from optix.features.market import expirations as programs
from optix.kernel.symbols import parse_symbol

TAPE_ACTIVITY = 0.05  # a tape prints every trade: at full volume a day of SPY is a million
PROGRESS_SECONDS = 1.0


class Written(NamedTuple):
    """What a run wrote, without the days that were there before."""

    days: int
    skipped: int
    contracts: int
    seconds: float


def simulate(
    out: Path,
    *,
    start: date,
    end: date,
    symbols: list[str],
    seed: int,
    eod: bool,
    intraday_seconds: float | None,
    tape: bool,
    activity: float | None,
    expirations: int | None = None,
    say: Callable[[str], None],
) -> Written:
    """Write every session with start <= day <= end that the folder does not hold yet.

    Effects: writes below `out`; a run that is broken off leaves whole files and can go on.
    Errors:  NothingToSimulate, UnknownSymbol, MalformedSymbol, OtherSimulation, OutsideCalendar.
    """
    from optix.adapters.market_data.sim.files import NothingToSimulate, SimulationFolder, Wanted

    sessions = list(calendar.iter_sessions(start, end)) if start <= end else []
    if not sessions:
        raise NothingToSimulate(f"There is no session from {start} to {end}.")
    wanted = Wanted(
        seed=seed,
        symbols=tuple(dict.fromkeys(parse_symbol(symbol) for symbol in symbols)),
        activity=(TAPE_ACTIVITY if tape else 1.0) if activity is None else activity,
        eod=eod,
        intraday_seconds=intraday_seconds,
        tape=tape,
        expirations=expirations,
    )
    folder = SimulationFolder(out, wanted, sessions=calendar, programs=programs, start=start)
    began = told = time.perf_counter()
    days = skipped = contracts = 0
    for at, day in enumerate(sessions, start=1):
        rows = folder.write_day(day)
        contracts += rows
        days, skipped = (days + 1, skipped) if rows else (days, skipped + 1)
        now = time.perf_counter()
        if now - told >= PROGRESS_SECONDS or at == len(sessions):
            told = now
            rate = contracts / (now - began)
            say(f"{day}  {at} of {len(sessions)} days, {rate:,.0f} contracts/s")
    return Written(days, skipped, contracts, time.perf_counter() - began)


@click.command("simulate")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--end", type=click.DateTime(["%Y-%m-%d"]), required=True)
@click.option("--symbols", required=True, help="Separated by commas: SPX,SPY,AAPL.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another one, another market.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--eod", is_flag=True, help="The closing chains of every day.")
@click.option(
    "--intraday",
    "intraday_seconds",
    type=click.FloatRange(min=0.1),
    help="Quotes and chains every so many SECONDS.",
)
@click.option("--tape", is_flag=True, help="Every print, and the truth behind it.")
@click.option(
    "--activity",
    type=click.FloatRange(min=0.0001, max=1.0),
    help=f"Part of the usual volume: 1, or {TAPE_ACTIVITY} with --tape.",
)
@click.option(
    "--expirations", type=click.IntRange(min=1), help="Only so many of the nearest dates."
)
def command(symbols: str, start: object, end: object, **options: object) -> None:
    """Write days of the simulated market to a folder; a second run goes on with it."""
    words = [word.strip() for word in symbols.split(",") if word.strip()]
    try:
        written = simulate(
            symbols=words,
            start=start.date(),  # type: ignore[attr-defined]  # click made it a datetime
            end=end.date(),  # type: ignore[attr-defined]  # likewise
            say=lambda said: click.echo(said, err=True),
            **options,  # type: ignore[arg-type]  # the options above are its parameters
        )
    except KeyboardInterrupt:
        click.echo("stopped: the days that are there are whole; run it again to go on", err=True)
        raise SystemExit(130) from None
    click.echo(
        f"{written.days} days, {written.contracts} contract rows in {written.seconds:.1f} s"
        + (f"; {written.skipped} days were there" if written.skipped else "")
    )
