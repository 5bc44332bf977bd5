"""The tape of one name on one day, with the truth of who did what, and why."""

from optix.adapters.market_data.sim.tape.day import DayTape, TradedSoFar, make_day_tape
from optix.adapters.market_data.sim.tape.universe import Universe

__all__ = ["DayTape", "TradedSoFar", "Universe", "make_day_tape"]
