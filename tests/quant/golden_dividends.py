"""Options with cash dividends whose prices two methods agree on; made for this repository.

Spot 100, no cost of borrowing. Europeans and American calls: the integral of Haug, Haug and Lewis
(`dividend_oracles.integral_price`), beside the lattice. American puts: QuantLib's finite
differences in the spot model at 1500 and 3000 steps and nodes, first-order error removed, beside
the lattice.
`apart` is how far the second method, `dividend_oracles.lattice_limit` at 2000 steps, is away: a
bound on what the price may be wrong by, and a generous one for the integral, good to 1e-5.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from optix.quant.dividends import Dividend, DividendSchedule


class GoldenDividend(NamedTuple):
    days: int
    dividends: tuple[tuple[int, float], ...]  # days from today, cash
    strike: float
    vol: float
    rate: float
    is_call: bool
    is_american: bool
    price: float
    apart: float

    @property
    def schedule(self) -> DividendSchedule:
        return DividendSchedule(tuple(Dividend(day / 365, cash) for day, cash in self.dividends))


_TWO_OF_HALF: Final = ((44, 0.5), (135, 0.5))
_ONE_SOON: Final = ((12, 1.5),)
_EIGHT: Final = (
    (40, 0.75),
    (131, 0.75),
    (222, 0.75),
    (313, 0.75),
    (404, 0.75),
    (495, 0.75),
    (586, 0.75),
    (677, 0.75),
)
_SPECIAL: Final = ((60, 8.0),)
_THREE: Final = ((20, 1.0), (111, 1.0), (202, 1.0))

GOLDEN_DIVIDENDS: Final = tuple(
    GoldenDividend(*row)
    for row in (
        (182, _TWO_OF_HALF, 80.0, 0.22, 0.045, True, True, 21.201761, 3e-05),
        (182, _TWO_OF_HALF, 80.0, 0.22, 0.045, False, True, 0.401734, 1e-05),
        (182, _TWO_OF_HALF, 80.0, 0.22, 0.045, False, False, 0.393866, 2e-05),
        (182, _TWO_OF_HALF, 95.0, 0.35, 0.02, True, True, 12.253615, 2e-04),
        (182, _TWO_OF_HALF, 95.0, 0.35, 0.02, False, True, 7.312507, 2e-04),
        (182, _TWO_OF_HALF, 95.0, 0.35, 0.02, False, False, 7.268873, 2e-04),
        (182, _TWO_OF_HALF, 100.0, 0.22, 0.045, True, True, 6.756513, 7e-06),
        (182, _TWO_OF_HALF, 100.0, 0.22, 0.045, False, True, 5.684543, 1e-05),
        (182, _TWO_OF_HALF, 100.0, 0.22, 0.045, False, False, 5.526706, 7e-06),
        (182, _TWO_OF_HALF, 105.0, 0.35, 0.02, True, True, 7.758137, 3e-04),
        (182, _TWO_OF_HALF, 105.0, 0.35, 0.02, False, True, 12.779899, 3e-04),
        (182, _TWO_OF_HALF, 105.0, 0.35, 0.02, False, False, 12.697723, 3e-04),
        (182, _TWO_OF_HALF, 120.0, 0.22, 0.045, True, True, 1.179466, 6e-05),
        (182, _TWO_OF_HALF, 120.0, 0.22, 0.045, False, True, 20.370801, 3e-04),
        (182, _TWO_OF_HALF, 120.0, 0.22, 0.045, False, False, 19.505889, 6e-05),
        (30, _ONE_SOON, 95.0, 0.18, 0.045, True, True, 5.280678, 6e-05),
        (30, _ONE_SOON, 95.0, 0.18, 0.045, False, True, 0.643566, 4e-05),
        (30, _ONE_SOON, 95.0, 0.18, 0.045, False, False, 0.636743, 5e-05),
        (30, _ONE_SOON, 100.0, 0.5, 0.02, True, True, 5.136866, 3e-05),
        (30, _ONE_SOON, 100.0, 0.5, 0.02, False, True, 6.403387, 1e-06),
        (30, _ONE_SOON, 100.0, 0.5, 0.02, False, False, 6.392946, 1e-06),
        (30, _ONE_SOON, 105.0, 0.18, 0.045, True, True, 0.328464, 3e-05),
        (30, _ONE_SOON, 105.0, 0.18, 0.045, False, True, 6.564696, 6e-06),
        (30, _ONE_SOON, 105.0, 0.18, 0.045, False, False, 6.431320, 9e-06),
        (730, _EIGHT, 80.0, 0.28, 0.045, True, True, 26.711746, 6e-04),
        (730, _EIGHT, 80.0, 0.28, 0.045, False, True, 5.594044, 2e-04),
        (730, _EIGHT, 80.0, 0.28, 0.045, False, False, 5.469960, 2e-04),
        (730, _EIGHT, 100.0, 0.28, 0.02, True, True, 14.573330, 1e-04),
        (730, _EIGHT, 100.0, 0.28, 0.02, False, True, 16.504178, 8e-05),
        (730, _EIGHT, 100.0, 0.28, 0.02, False, False, 16.380519, 3e-05),
        (730, _EIGHT, 125.0, 0.28, 0.045, True, True, 8.633782, 3e-04),
        (730, _EIGHT, 125.0, 0.28, 0.045, False, True, 30.092146, 2e-04),
        (730, _EIGHT, 125.0, 0.28, 0.045, False, False, 28.617661, 3e-04),
        (120, _SPECIAL, 90.0, 0.3, 0.045, True, True, 11.921391, 4e-04),
        (120, _SPECIAL, 90.0, 0.3, 0.045, False, True, 5.012056, 6e-05),
        (120, _SPECIAL, 90.0, 0.3, 0.045, False, False, 4.918375, 8e-05),
        (120, _SPECIAL, 100.0, 0.3, 0.02, True, True, 5.366719, 1e-04),
        (120, _SPECIAL, 100.0, 0.3, 0.02, False, True, 11.205315, 5e-06),
        (120, _SPECIAL, 100.0, 0.3, 0.02, False, False, 11.112020, 1e-06),
        (250, _THREE, 70.0, 0.9, 0.045, True, True, 41.526224, 2e-04),
        (250, _THREE, 70.0, 0.9, 0.045, False, True, 12.318288, 2e-04),
        (250, _THREE, 70.0, 0.9, 0.045, False, False, 12.234977, 2e-04),
        (250, _THREE, 130.0, 0.9, 0.02, True, True, 19.649210, 9e-05),
        (250, _THREE, 130.0, 0.9, 0.02, False, True, 51.000935, 1e-04),
        (250, _THREE, 130.0, 0.9, 0.02, False, False, 50.839476, 9e-05),
    )
)
