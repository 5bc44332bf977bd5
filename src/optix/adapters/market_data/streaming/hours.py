"""When a busy subscription should tick: the regular hours of New York, holidays not known.

On a holiday a healthy stream is taken for a mute one, and is connected anew at pauses that grow up
to STREAM_SILENCE_SECONDS_MAX: that costs a handful of connections and hides no real fault.
"""

from __future__ import annotations

from datetime import time

from optix.adapters.market_data.bars import NEW_YORK
from optix.kernel.clock import to_datetime

_OPEN, _CLOSE = time(9, 31), time(15, 59)
_SATURDAY = 5


def is_ticking(now_ns: int) -> bool:
    """Tell whether options of US securities are being quoted at `now_ns`."""
    local = to_datetime(now_ns).astimezone(NEW_YORK)
    return local.weekday() < _SATURDAY and _OPEN <= local.time() < _CLOSE
