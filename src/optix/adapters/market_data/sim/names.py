"""What the simulated market trades: names, plausible levels, volatilities and what moves them.

The levels are round guesses of the field's order of magnitude in late 2026, not quotations. Each
return is a sum of shared factors and an own part, so that names move together as they do in life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import partial

from optix.adapters.market_data.sim.surface import SurfaceShape
from optix.kernel.quote import SecurityKind

LEVELS_DATE = date(2026, 11, 20)
RATE_ANNUAL = 0.04
EARNINGS_MOVE = 0.16  # deviation of the jump on a report, as a part of the long volatility

# Annual volatility of the shared factors. "market" is the return of the S&P 500 itself.
FACTOR_VOLS: Mapping[str, float] = {
    "market": 0.135,
    "tech": 0.075,
    "small": 0.090,
    "chips": 0.140,
    "financials": 0.090,
    "energy": 0.170,
    "gold": 0.150,
    "rates": 0.120,
}


class TickProgram(StrEnum):
    """Price increments of a class (MARKET_RULES section 5)."""

    PENNY_ALL = "penny_all"  # 0.01 at every price
    PENNY = "penny"  # 0.01 below 3.00, else 0.05
    NICKEL = "nickel"  # 0.05 below 3.00, else 0.10


@dataclass(frozen=True, slots=True)
class Split:
    """So many shares after `ex_date` for one before. A whole ratio keeps the contracts' root;
    with another one they get an adjusted root and deliver more shares.
    """

    ex_date: date
    ratio: float

    @property
    def is_even(self) -> bool:
        return self.ratio == round(self.ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedName:
    """One security of the simulated market.

    Units: `level` in dollars on `LEVELS_DATE`; volatilities, growth and yields annual fractions;
    `share_volume` shares and `option_volume`, `open_interest` contracts of a usual day.
    `loadings` are exposures to `FACTOR_VOLS`; `vol_own` is what the factors do not explain.
    `tracks` makes the price a fixed fraction of another name's; `vol_index_of` makes it the
    30-day volatility index of another name's surface.
    """

    symbol: str
    name: str
    kind: SecurityKind
    exchange: str
    level: float
    loadings: Mapping[str, float] = field(default_factory=dict)
    vol_own: float = 0.0
    tracks: str | None = None
    vol_index_of: str | None = None
    growth_annual: float = 0.06
    dividend_yield: float = 0.0
    surface: SurfaceShape | None = None
    vol_beta: float = 1.0  # how far the short volatility follows the market's, as a power
    has_options: bool = True
    tick: TickProgram = TickProgram.PENNY
    strike_step: float = 2.5
    spread: float = 0.5  # half-spread multiplier: small is liquid
    share_volume: float = 0.0
    option_volume: float = 0.0
    open_interest: float = 0.0
    splits: tuple[Split, ...] = ()  # invented ones, ascending

    @property
    def earnings_move(self) -> float:
        """Deviation of the logarithmic jump on a report; 0 where there is none."""
        is_company = self.kind is SecurityKind.STOCK and self.surface is not None
        return EARNINGS_MOVE * self.surface.vol_long if is_company and self.surface else 0.0

    @property
    def pays_dividends(self) -> bool:
        """True where shares pay on ex-dates. An index only has a yield."""
        return self.dividend_yield > 0 and self.kind is not SecurityKind.INDEX


_INDEX, _ETF, _STOCK = SecurityKind.INDEX, SecurityKind.ETF, SecurityKind.STOCK


_index = partial(SimulatedName, kind=_INDEX, tick=TickProgram.NICKEL)
_broad_etf = partial(SimulatedName, kind=_ETF, tick=TickProgram.PENNY_ALL)
_stock = partial(SimulatedName, kind=_STOCK, vol_beta=0.6)


def _smile(vol_long: float, rho: float = -0.30, eta: float = 1.15) -> SurfaceShape:
    return SurfaceShape(vol_long=vol_long, rho=rho, eta=eta)


_SPX_SURFACE = SurfaceShape(vol_long=0.165, rho=-0.68, eta=1.10)
_NDX_SURFACE = SurfaceShape(vol_long=0.205, rho=-0.60, eta=1.10)
_RUT_SURFACE = SurfaceShape(vol_long=0.215, rho=-0.55, eta=1.10)

DEFAULT_NAMES: tuple[SimulatedName, ...] = (
    _index(
        symbol="SPX",
        name="S&P 500 Index",
        exchange="Cboe",
        level=6_800.0,
        loadings={"market": 1.0},
        dividend_yield=0.012,
        surface=_SPX_SURFACE,
        strike_step=5.0,
        spread=0.25,
        option_volume=3_600_000,
        open_interest=17_000_000,
    ),
    _index(
        symbol="NDX",
        name="Nasdaq-100 Index",
        exchange="NASDAQ",
        level=25_200.0,
        loadings={"market": 1.2, "tech": 1.0},
        dividend_yield=0.007,
        surface=_NDX_SURFACE,
        strike_step=25.0,
        spread=0.35,
        option_volume=90_000,
        open_interest=420_000,
    ),
    _index(
        symbol="RUT",
        name="Russell 2000 Index",
        exchange="Cboe",
        level=2_480.0,
        loadings={"market": 1.1, "small": 1.0},
        dividend_yield=0.013,
        surface=_RUT_SURFACE,
        strike_step=5.0,
        spread=0.40,
        option_volume=70_000,
        open_interest=700_000,
    ),
    SimulatedName(
        symbol="VIX",
        name="Cboe Volatility Index",
        kind=_INDEX,
        exchange="Cboe",
        level=16.5,
        vol_index_of="SPX",
        surface=SurfaceShape(vol_long=0.55, rho=0.55, eta=1.15, reversion_annual=6.0),
        tick=TickProgram.PENNY,
        strike_step=0.5,
        spread=0.45,
        option_volume=800_000,
        open_interest=9_000_000,
    ),
    _broad_etf(
        symbol="SPY",
        name="SPDR S&P 500 ETF Trust",
        exchange="NYSE Arca",
        level=678.0,
        tracks="SPX",
        dividend_yield=0.012,
        surface=_SPX_SURFACE,
        strike_step=1.0,
        spread=0.10,
        share_volume=72e6,
        option_volume=9_500_000,
        open_interest=19_000_000,
    ),
    _broad_etf(
        symbol="QQQ",
        name="Invesco QQQ Trust",
        exchange="NASDAQ",
        level=614.0,
        tracks="NDX",
        dividend_yield=0.006,
        surface=_NDX_SURFACE,
        strike_step=1.0,
        spread=0.12,
        share_volume=52e6,
        option_volume=4_200_000,
        open_interest=10_500_000,
    ),
    _broad_etf(
        symbol="IWM",
        name="iShares Russell 2000 ETF",
        exchange="NYSE Arca",
        level=246.0,
        tracks="RUT",
        dividend_yield=0.011,
        surface=_RUT_SURFACE,
        strike_step=1.0,
        spread=0.15,
        share_volume=36e6,
        option_volume=1_100_000,
        open_interest=9_000_000,
    ),
    SimulatedName(
        symbol="GLD",
        name="SPDR Gold Shares",
        kind=_ETF,
        exchange="NYSE Arca",
        level=385.0,
        loadings={"market": 0.05, "gold": 1.0},
        vol_beta=0.3,
        surface=SurfaceShape(vol_long=0.175, rho=0.10, eta=1.25),
        strike_step=1.0,
        spread=0.30,
        share_volume=11e6,
        option_volume=550_000,
        open_interest=3_200_000,
    ),
    SimulatedName(
        symbol="TLT",
        name="iShares 20+ Year Treasury Bond ETF",
        kind=_ETF,
        exchange="NASDAQ",
        level=89.0,
        loadings={"market": -0.10, "rates": 1.0},
        vol_beta=0.3,
        growth_annual=0.0,
        dividend_yield=0.043,
        surface=SurfaceShape(vol_long=0.135, rho=-0.05, eta=1.20),
        strike_step=0.5,
        spread=0.25,
        share_volume=34e6,
        option_volume=420_000,
        open_interest=4_800_000,
    ),
    _stock(
        symbol="AAPL",
        name="Apple Inc",
        exchange="NASDAQ",
        surface=_smile(0.26),
        level=272.0,
        vol_own=0.15,
        loadings={"market": 1.15, "tech": 0.6},
        dividend_yield=0.004,
        spread=0.25,
        share_volume=48e6,
        option_volume=1_150_000,
        open_interest=5_600_000,
        splits=(Split(date(2023, 6, 12), 4.0),),
    ),
    _stock(
        symbol="NVDA",
        name="NVIDIA Corporation",
        exchange="NASDAQ",
        surface=_smile(0.42),
        level=186.0,
        vol_own=0.20,
        loadings={"market": 1.75, "tech": 0.8, "chips": 0.9},
        spread=0.25,
        share_volume=180e6,
        option_volume=3_100_000,
        open_interest=19_000_000,
    ),
    _stock(
        symbol="TSLA",
        name="Tesla Inc",
        exchange="NASDAQ",
        surface=_smile(0.52),
        level=430.0,
        vol_own=0.38,
        loadings={"market": 1.8, "tech": 0.7},
        spread=0.25,
        share_volume=85e6,
        option_volume=3_000_000,
        open_interest=8_200_000,
    ),
    _stock(
        symbol="MSFT",
        name="Microsoft Corporation",
        exchange="NASDAQ",
        surface=_smile(0.24),
        level=500.0,
        vol_own=0.12,
        loadings={"market": 1.1, "tech": 0.8},
        dividend_yield=0.007,
        spread=0.30,
        share_volume=22e6,
        option_volume=420_000,
        open_interest=2_700_000,
    ),
    _stock(
        symbol="AMZN",
        name="Amazon.com Inc",
        exchange="NASDAQ",
        surface=_smile(0.31),
        level=235.0,
        vol_own=0.18,
        loadings={"market": 1.3, "tech": 0.8},
        spread=0.30,
        share_volume=42e6,
        option_volume=720_000,
        open_interest=5_000_000,
    ),
    _stock(
        symbol="META",
        name="Meta Platforms Inc",
        exchange="NASDAQ",
        surface=_smile(0.34),
        level=640.0,
        vol_own=0.21,
        loadings={"market": 1.3, "tech": 0.8},
        dividend_yield=0.003,
        strike_step=5.0,
        spread=0.35,
        share_volume=16e6,
        option_volume=520_000,
        open_interest=2_000_000,
    ),
    _stock(
        symbol="GOOGL",
        name="Alphabet Inc Class A",
        exchange="NASDAQ",
        surface=_smile(0.30),
        level=290.0,
        vol_own=0.18,
        loadings={"market": 1.15, "tech": 0.8},
        dividend_yield=0.003,
        spread=0.30,
        share_volume=32e6,
        option_volume=560_000,
        open_interest=3_900_000,
    ),
    _stock(
        symbol="AMD",
        name="Advanced Micro Devices Inc",
        exchange="NASDAQ",
        surface=_smile(0.50),
        level=230.0,
        vol_own=0.28,
        loadings={"market": 1.7, "tech": 0.7, "chips": 1.1},
        spread=0.30,
        share_volume=52e6,
        option_volume=620_000,
        open_interest=3_300_000,
    ),
    _stock(
        symbol="AVGO",
        name="Broadcom Inc",
        exchange="NASDAQ",
        surface=_smile(0.42),
        level=355.0,
        vol_own=0.22,
        loadings={"market": 1.5, "tech": 0.7, "chips": 0.9},
        dividend_yield=0.007,
        spread=0.35,
        share_volume=24e6,
        option_volume=260_000,
        open_interest=1_900_000,
        splits=(Split(date(2024, 9, 16), 10.0),),
    ),
    _stock(
        symbol="PLTR",
        name="Palantir Technologies Inc",
        exchange="NASDAQ",
        surface=_smile(0.58),
        level=175.0,
        vol_own=0.42,
        loadings={"market": 1.8, "tech": 1.0},
        spread=0.35,
        share_volume=60e6,
        option_volume=900_000,
        open_interest=5_200_000,
    ),
    _stock(
        symbol="NFLX",
        name="Netflix Inc",
        exchange="NASDAQ",
        surface=_smile(0.33),
        level=110.0,
        vol_own=0.25,
        loadings={"market": 1.0, "tech": 0.6},
        strike_step=1.0,
        spread=0.35,
        share_volume=38e6,
        option_volume=310_000,
        open_interest=2_300_000,
    ),
    _stock(
        symbol="JPM",
        name="JPMorgan Chase & Co",
        exchange="NYSE",
        surface=_smile(0.23, -0.40, 1.10),
        level=305.0,
        vol_own=0.10,
        loadings={"market": 1.05, "financials": 1.0},
        dividend_yield=0.019,
        spread=0.45,
        share_volume=9e6,
        option_volume=110_000,
        open_interest=1_000_000,
    ),
    _stock(
        symbol="BAC",
        name="Bank of America Corporation",
        exchange="NYSE",
        surface=_smile(0.26, -0.40, 1.10),
        level=53.0,
        vol_own=0.11,
        loadings={"market": 1.1, "financials": 1.1},
        dividend_yield=0.020,
        strike_step=1.0,
        spread=0.45,
        share_volume=38e6,
        option_volume=210_000,
        open_interest=3_300_000,
    ),
    _stock(
        symbol="XOM",
        name="Exxon Mobil Corporation",
        exchange="NYSE",
        surface=_smile(0.24, -0.25, 1.10),
        level=117.0,
        vol_own=0.09,
        loadings={"market": 0.6, "energy": 1.0},
        dividend_yield=0.034,
        strike_step=1.0,
        spread=0.45,
        share_volume=15e6,
        option_volume=110_000,
        open_interest=1_700_000,
        splits=(Split(date(2025, 3, 10), 1.5),),
    ),
    _stock(
        symbol="DIS",
        name="The Walt Disney Company",
        exchange="NYSE",
        surface=_smile(0.27, -0.35, 1.10),
        level=108.0,
        vol_own=0.18,
        loadings={"market": 1.1},
        dividend_yield=0.010,
        strike_step=1.0,
        spread=0.50,
        share_volume=9e6,
        option_volume=90_000,
        open_interest=1_200_000,
    ),
)
