"""A recorded day of the simulated market, for tests and benchmarks of what comes after a feed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from optix.processes.simulate import simulate

DAY = date(2026, 11, 18)  # a Wednesday without anything odd
SYMBOLS = ("SPX", "SPY", "AAPL", "NVDA")


def write_simulated_day(
    folder: Path,
    *,
    day: date = DAY,
    symbols: tuple[str, ...] = SYMBOLS,
    seconds: float = 60.0,
    expirations: int = 6,
    activity: float = 0.01,
    seed: int = 1,
) -> Path:
    """Write one day of quotes, chains and prints; return the recording. Its truth is beside it.

    With the defaults: four underlyings of six dates each, a snapshot a minute, 18,000 prints.
    """
    simulate(
        folder,
        start=day,
        end=day,
        symbols=list(symbols),
        seed=seed,
        eod=False,
        intraday_seconds=seconds,
        tape=True,
        activity=activity,
        expirations=expirations,
        say=lambda _: None,
    )
    return folder / "intraday" / f"{day}.parquet"
