"""American puts where rates are negative, zero or below the yield, by two independent methods.

Spot 100. `finite_differences`: QuantLib 1.44, FdBlackScholesVanillaEngine on 600 and 1,200 points
each way, extrapolated to none. `lattice`: Cox, Ross and Rubinstein with 1,500 and 3,000 steps, two
neighbouring step counts averaged, extrapolated likewise. Both are good to 1e-5 of the spot. The
first six terms have two exercise boundaries; in the fourth and fifth these meet.
"""

from __future__ import annotations

from typing import NamedTuple


class Point(NamedTuple):
    rate: float
    dividend_yield: float
    vol: float
    days: int
    strike: float
    finite_differences: float
    lattice: float


POINTS = (
    Point(-0.01, -0.04, 0.1, 1825, 90.0, 1.8814947, 1.8818428),
    Point(-0.01, -0.04, 0.1, 1825, 104.0, 6.9553114, 6.9563594),
    Point(-0.01, -0.04, 0.1, 1825, 130.0, 30.0000000, 30.0000000),
    Point(-0.005, -0.01, 0.08, 365, 90.0, 0.2948389, 0.2948786),
    Point(-0.005, -0.01, 0.08, 365, 104.0, 5.3931436, 5.3932784),
    Point(-0.005, -0.01, 0.08, 365, 130.0, 30.0000000, 30.0000000),
    Point(-0.05, -0.1, 0.3, 36, 90.0, 0.5385832, 0.5385758),
    Point(-0.05, -0.1, 0.3, 36, 104.0, 5.9241236, 5.9242086),
    Point(-0.05, -0.1, 0.3, 36, 130.0, 30.0000000, 30.0000000),
    Point(-0.01, -0.012, 0.2, 365, 90.0, 3.5720597, 3.5718136),
    Point(-0.01, -0.012, 0.2, 365, 104.0, 10.2753201, 10.2751912),
    Point(-0.01, -0.012, 0.2, 365, 130.0, 31.1416471, 31.1416349),
    Point(-0.02, -0.06, 0.5, 730, 90.0, 19.9986612, 19.9984865),
    Point(-0.02, -0.06, 0.5, 730, 104.0, 28.4437221, 28.4432679),
    Point(-0.02, -0.06, 0.5, 730, 130.0, 46.7978158, 46.7980655),
    Point(-0.02, -0.06, 0.2, 91, 90.0, 0.5950609, 0.5951142),
    Point(-0.02, -0.06, 0.2, 91, 104.0, 5.9084619, 5.9086202),
    Point(-0.02, -0.06, 0.2, 91, 130.0, 30.0000000, 30.0000000),
    Point(0.03, -0.02, 0.25, 365, 90.0, 4.0143531, 4.0142859),
    Point(0.03, -0.02, 0.25, 365, 104.0, 10.1808224, 10.1815324),
    Point(0.03, -0.02, 0.25, 365, 130.0, 30.1296779, 30.1306198),
    Point(0.0, -0.05, 0.3, 182, 90.0, 3.4015212, 3.4015936),
    Point(0.0, -0.05, 0.3, 182, 104.0, 9.7034926, 9.7036232),
    Point(0.0, -0.05, 0.3, 182, 130.0, 30.2201053, 30.2204913),
    Point(0.001, 0.04, 0.2, 730, 90.0, 9.0433681, 9.0433568),
    Point(0.001, 0.04, 0.2, 730, 104.0, 17.6936438, 17.6936687),
    Point(0.001, 0.04, 0.2, 730, 130.0, 39.1416411, 39.1417986),
)
