"""Option analytics on columns, usable on their own: NumPy and nothing of the product is imported.

Units are natural (per 1.00 of vol, per year); statuses stand beside arrays, never NaN alone. The
names below are the European calls; models and fits have modules of their own. How fast and how
good: docs/budgets.md. What computes: `kernels`.
"""

from optix.quant.black_scholes import AllGreeks, Greeks, greeks, price
from optix.quant.grids import (
    Exposure,
    Legs,
    SmileDynamics,
    exposure,
    scenario_matrix,
    value_cube,
)
from optix.quant.implied_vol import ImpliedVol, IvStatus, implied_vol

__all__ = [
    "AllGreeks",
    "Exposure",
    "Greeks",
    "ImpliedVol",
    "IvStatus",
    "Legs",
    "SmileDynamics",
    "exposure",
    "greeks",
    "implied_vol",
    "price",
    "scenario_matrix",
    "value_cube",
]
