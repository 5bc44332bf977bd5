"""Recorded markets, played on the market clock of the recording.

Reading Parquet costs a second and 30 MB at the start of a process, so what needs it is imported
when a recording is opened, not when the feed process merely could open one.
"""

# ruff: noqa: PLC0415  # the imports stand inside for the reason above

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from optix.kernel.clock import Clock, SystemClock

if TYPE_CHECKING:
    from optix.adapters.market_data.replay.adapter import ReplayMarketData
    from optix.adapters.market_data.replay.tape import Tape


def open_recording(path: str | Path) -> Tape:
    """Return the recording at `path`, see `opening`. Blocks on the disk."""
    from optix.adapters.market_data.replay import opening

    return opening.open_recording(path)


def open_replay(
    path: str | Path,
    *,
    speed: float | Literal["step"] = 1.0,
    loop: bool = False,
    base_clock: Clock | None = None,
) -> ReplayMarketData:
    """Return the provider of the recording at `path`. Blocks on the disk.

    `speed` is market time per real time; in step mode only `ReplayMarketData.step` moves the clock.
    Errors: UnreadableRecording says what is wrong with the recording.
    """
    from optix.adapters.market_data.replay.adapter import ReplayMarketData

    pace = 0.0 if speed == "step" else speed
    base = base_clock or SystemClock()
    return ReplayMarketData(open_recording(path), speed=pace, loop=loop, base_clock=base)
