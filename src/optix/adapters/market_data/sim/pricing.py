"""What the contracts of one expiration are worth at an instant: forward, surface, early exercise.

The forward follows what is known of the future: the rate, dividends by their ex-dates (the next
one as declared, later ones as a part of the yield), for an index its yield. Reports before the
settlement add the variance of their jump. Contracts on volatility are priced on a forward that
reverts to its mean, because nobody can carry the index.
"""

from __future__ import annotations

from datetime import timedelta
from math import log
from typing import NamedTuple

import numpy as np

from optix.adapters.market_data.sim.hashing import Bools, Floats, Ints
from optix.adapters.market_data.sim.names import RATE_ANNUAL, SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.kernel.clock import NANOSECONDS
from optix.quant import american, black_scholes
from optix.quant.normal import density

YEAR_NS = 365 * 86_400 * NANOSECONDS
TIME_NS_MIN = 60 * NANOSECONDS  # FORMULAS: a live contract has never less than a minute
REPORT_PREMIUM = 1.05  # what options ask for a report, over the jump's own deviation

_EX_DATES_MAX = 6  # ex-dates that early exercise looks at; later ones matter less than a tick
_VIX_REVERSION = 4.5  # per year, of the forward of a volatility index
_VIX_PREMIUM = 0.08  # of its far forward over the usual level
_VIX_VOL_SHORT = 1.9  # short volatility of volatility, as a multiple of the long one


class Worth(NamedTuple):
    """Value, vega per point and the least value a quote may have."""

    value: Floats
    vega_point: Floats
    least: Floats


class Valuation:
    """Prices rows of one board on one day of the simulated world.

    `shares` is what each contract delivers, in standard contracts: 1.5 for an adjusted root.
    """

    def __init__(
        self,
        path: MarketPath,
        name: SimulatedName,
        day_number: int,
        *,
        strikes: Floats,
        shares: Floats,
        settles_ns: Ints,
        is_american: bool,
    ) -> None:
        assert name.surface is not None, f"{name.symbol} has no surface"
        self._path, self._name, self._surface = path, name, name.surface
        self._is_american = is_american
        self._settles_ns = settles_ns
        self._shares = shares
        self.strikes = strikes / shares  # per share of the underlying
        self._is_call: Bools = np.arange(len(strikes)) % 2 == 0
        day = path.day(day_number)
        last = path.exchange_date(int(settles_ns.max()))
        reports = path.schedule.earnings(name, day - timedelta(days=7), last)
        self._reports_ns = np.array([report.instant_ns for report in reports], dtype=np.int64)
        ex_days = path.schedule.ex_days(name, day + timedelta(days=1), last)
        self._ex_ns = np.array([path.opens_at(ex_day) for ex_day in ex_days], dtype=np.int64)
        self._next_dividend = path.declared(name, ex_days[0], day_number) if ex_days else None

    def _count(self, events_ns: Ints, instants_ns: Ints, rows: Ints) -> Ints:
        """Return how many events lie after each instant and not after the settlement."""
        until = np.searchsorted(events_ns, self._settles_ns[rows], "right")
        gone = np.searchsorted(events_ns, instants_ns, "right")
        result: Ints = np.maximum(until - gone, 0)
        return result

    def forward(self, rows: Ints, instants_ns: Ints, spot: Floats, years: Floats) -> Floats:
        """Return the forward of each row."""
        name = self._name
        if name.vol_index_of is not None:
            mean = log(name.level) + _VIX_PREMIUM
            return np.exp(mean + (np.log(spot) - mean) * np.exp(-_VIX_REVERSION * years))
        if not name.pays_dividends:
            return spot * np.exp((RATE_ANNUAL - name.dividend_yield) * years)
        count = self._count(self._ex_ns, instants_ns, rows)
        return spot * self._kept(count, instants_ns, spot) * np.exp(RATE_ANNUAL * years)

    def _kept(self, count: Ints, instants_ns: Ints, spot: Floats) -> Floats:
        """Return what the next `count` dividends leave of a price."""
        quarter = self._name.dividend_yield / 4.0
        first = np.full(len(count), 1.0 - quarter)
        if self._next_dividend is not None and len(self._ex_ns):
            ahead = instants_ns < self._ex_ns[0]
            first = np.where(ahead, 1.0 - self._next_dividend / spot, first)
        later = np.power(1.0 - quarter, np.maximum(count - 1, 0))
        return np.where(count > 0, first * later, 1.0)

    def vols_short(self, instants_ns: Ints) -> Floats:
        if self._name.vol_index_of is not None:
            return np.full(len(instants_ns), _VIX_VOL_SHORT * self._surface.vol_long)
        return self._path.vols_short(self._name.symbol, instants_ns)

    def worth(self, rows: Ints, instants_ns: Ints) -> Worth:
        """Return what rows are worth. `instants_ns` is one instant for all, or one for each."""
        spot = np.exp(self._path.log_prices(self._name.symbol, instants_ns))
        vol_short = self.vols_short(instants_ns)
        years = np.maximum(self._settles_ns[rows] - instants_ns, TIME_NS_MIN) / YEAR_NS
        forward = self.forward(rows, instants_ns, spot, years)
        strike, is_call = self.strikes[rows], self._is_call[rows]
        k = np.log(strike / forward)
        theta = self._surface.theta(vol_short, years)
        if len(self._reports_ns):
            jump = REPORT_PREMIUM * self._name.earnings_move
            theta = theta + self._count(self._reports_ns, instants_ns, rows) * jump**2
        variance = self._surface.total_variance(k, theta, self._surface.tilt(vol_short))
        deviation, vol = np.sqrt(variance), np.sqrt(variance / years)
        discount = np.exp(-RATE_ANNUAL * years)
        sign = np.where(is_call, 1.0, -1.0)
        if self._is_american:
            value = american.price(
                spot=spot,
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=RATE_ANNUAL,
                dividend_yield=RATE_ANNUAL - np.log(forward / spot) / years,
                is_call=is_call,
            )
            least = np.maximum(sign * (spot - strike), 0.0)
            value = np.maximum(value, self._around_dividends(rows, instants_ns, spot, vol_short))
        else:
            value = black_scholes.price(
                forward=forward,
                strike=strike,
                expiry_years=years,
                vol=vol,
                rate=RATE_ANNUAL,
                is_call=is_call,
            )
            least = np.maximum(sign * discount * (forward - strike), 0.0)
        bell = density(-k / deviation + 0.5 * deviation)
        vega_point = 0.01 * discount * forward * bell * np.sqrt(years)
        shares = self._shares[rows]
        return Worth(np.maximum(value, least) * shares, vega_point * shares, least * shares)

    def _around_dividends(
        self, rows: Ints, instants_ns: Ints, spot: Floats, vol_short: Floats
    ) -> Floats:
        """Return the least that an American option is worth beside the ex-dates in its life.

        A call can be exercised just before a dividend, a put just after it. The yield that stands
        for the dividends pays them from today on, and would make such an option cheaper than one
        that expires on that day. Source: Black 1975, for calls.
        """
        least = np.zeros(len(rows))
        is_call = self._is_call[rows]
        gone = np.searchsorted(self._ex_ns, instants_ns, "right")
        for place, ex_ns in enumerate(self._ex_ns[:_EX_DATES_MAX].tolist()):
            open_ = (instants_ns < ex_ns) & (ex_ns <= self._settles_ns[rows])
            held = np.flatnonzero(open_)
            if not len(held):
                continue
            one = len(instants_ns) == 1  # instant for all rows
            each: Ints = np.zeros(len(held), dtype=np.int64) if one else held
            instants, done, spots, vols = (
                instants_ns[each],
                gone[each],
                spot[each],
                vol_short[each],
            )
            years = np.maximum(ex_ns - instants, TIME_NS_MIN) / YEAR_NS
            count = place - done + np.where(is_call[held], 0, 1)
            forward = spots * self._kept(count, instants, spots) * np.exp(RATE_ANNUAL * years)
            strike = self.strikes[rows][held]
            theta = self._surface.theta(vols, years)
            if len(self._reports_ns):
                until = np.searchsorted(self._reports_ns, ex_ns, "right")
                coming = until - np.searchsorted(self._reports_ns, instants, "right")
                jump = REPORT_PREMIUM * self._name.earnings_move
                theta = theta + np.maximum(coming, 0) * jump**2
            variance = self._surface.total_variance(
                np.log(strike / forward), theta, self._surface.tilt(vols)
            )
            then = black_scholes.price(
                forward=forward,
                strike=strike,
                expiry_years=years,
                vol=np.sqrt(variance / years),
                rate=RATE_ANNUAL,
                is_call=is_call[held],
            )
            least[held] = np.maximum(least[held], then)
        return least
