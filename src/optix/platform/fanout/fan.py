"""The fan-out core of this machine: compiled where it can be, else the same in Python."""

from __future__ import annotations

from optix.platform.fanout.core import IDS_MAX, FanOut
from optix.platform.fanout.python_fan import PythonFan


def new_fan(*, wheel_slices: int, stalled_ms_max: int, control_bytes_max: int) -> FanOut:
    """Return the compiled core, or the one in Python where none is compiled here.

    `wheel_slices` bounds the interval of a client; `stalled_ms_max` how long a client may take
    nothing; `control_bytes_max` how much may be pushed that it has not taken.
    """
    given = {
        "wheel_slices": wheel_slices,
        "stalled_ms_max": stalled_ms_max,
        "control_bytes_max": control_bytes_max,
        "ids_max": IDS_MAX,
    }
    try:
        from optix.platform.fanout._fan import Fan  # noqa: PLC0415  # absent: not compiled
    except ImportError:
        return PythonFan(**given)
    fan: FanOut = Fan(**given)
    return fan
