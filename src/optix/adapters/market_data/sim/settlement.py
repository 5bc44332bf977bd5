"""What contracts settle at: the close of their last day, or a special opening value."""

from __future__ import annotations

from math import exp

import numpy as np

from optix.adapters.market_data.sim.hashing import normals, stream_key
from optix.adapters.market_data.sim.listing import shares_of
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.sessions import SessionCalendar
from optix.adapters.market_data.sim.span import as_instants
from optix.kernel.instrument import Settlement
from optix.kernel.roots import settlement_of

# An opening value is made of the first trade of every component, which come one after the other:
# it lies off the index of the first second. In usual days of that index.
SPECIAL_OPENING_DAYS = 0.12


def settlement_value(
    path: MarketPath,
    sessions: SessionCalendar,
    name: SimulatedName,
    root: str,
    number: int,
    *,
    seed: int,
) -> tuple[str, int, float]:
    """Return kind, instant and settlement value of a root's contracts on session `number`.

    The value of an adjusted root is that of everything a contract delivers, a hundredth each.
    """
    day = path.day(number)
    kind = settlement_of(root, day)
    instant = sessions.settles_at(root, day)
    price = float(np.exp(path.log_prices(name.symbol, as_instants(instant)))[0])
    if kind is Settlement.AM:
        assert name.surface is not None, f"{name.symbol} has no surface"
        key = stream_key(seed, "special opening", name.symbol)
        noise = float(normals(key, np.array([day.toordinal()]))[0])
        usual = name.surface.vol_long / 16.0
        price *= exp(SPECIAL_OPENING_DAYS * usual * noise)
    else:
        price = exp(path.log_close(name.symbol, number))
    return kind.value, instant, round(round(price, 2) * shares_of(name, root), 4)
