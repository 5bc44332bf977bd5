"""Price increments of option classes: the grid on which orders must be priced.

Only orders are put on the grid. Prints are never snapped: a package trades in cents, so the last
price of a nickel class may end in any cent.

Source:  MARKET_RULES section 5.
"""

from __future__ import annotations

from decimal import Decimal

from optix.kernel.money import Price, Rounding
from optix.kernel.roots import class_of

CENT = Decimal("0.01")
NICKEL = Decimal("0.05")
DIME = Decimal("0.10")
THRESHOLD = Decimal("3.00")

ALWAYS_CENT = frozenset({"SPY", "QQQ", "IWM", "XSP"})

# Cent below three dollars, nickel from there. The list of the Penny Interval Program has hundreds
# of classes and changes every January; these are long-standing members. A member that is absent
# here is priced on the coarser grid, whose every price is valid on the finer one too.
_PENNY_CLASSES_TEXT = """
    AAL AAPL ABBV ABNB ADBE AMAT AMC AMD AMZN ARKK AVGO AXP BA BABA BAC BIDU BMY C CAT CCL CMCSA
    COIN COST CRM CSCO CVNA CVS CVX DAL DIA DIS EBAY EEM EFA EWZ F FCX FDX FSLR FXI GDX GE GILD GLD
    GM GME GOOG GOOGL GS HD HOOD HYG IBM INTC IYR JD JNJ JPM KO KRE LCID LLY LOW LQD LULU LVS MA
    MARA MCD META MMM MO MRK MRNA MS MSFT MSTR MU NEM NFLX NIO NKE NVDA ORCL OXY PEP PFE PG PINS
    PLTR PYPL QCOM RBLX RIOT RIVN ROKU SBUX SHOP SLV SMCI SMH SNAP SNOW SOFI SOXL SQ SQQQ T TGT TLT
    TQQQ TSLA TSM TXN UAL UBER UNG UNH UPS USO UVXY V VIX VIXW VXX VZ WBA WFC WMT X XBI XHB XLB XLE
    XLF XLI XLK XLP XLU XLV XLY XOM XOP XRT
"""
PENNY_CLASSES = frozenset(_PENNY_CLASSES_TEXT.split())

NICKEL_PACKAGES = frozenset({"SPX", "SPXW"})


def tick_of(root: str, price: Decimal) -> Decimal:
    """Return the increment of a single contract's order at `price` (dollars per share)."""
    name = class_of(root)
    if name in ALWAYS_CENT:
        return CENT
    if name in PENNY_CLASSES:
        return CENT if price < THRESHOLD else NICKEL
    return NICKEL if price < THRESHOLD else DIME


def package_tick_of(root: str, *, box: bool = False) -> Decimal:
    """Return the increment of a multi-leg order's net price.

    It is a cent, but a nickel for SPX unless the package is a box.
    """
    if class_of(root) in NICKEL_PACKAGES and not box:
        return NICKEL
    return CENT


def order_price(root: str, price: Price, *, buying: bool) -> Price:
    """Return `price` on the grid of its class, never worse for the customer than asked.

    A buyer's limit goes down and a seller's up. The result is on the grid of its own side of the
    threshold, since three dollars is a multiple of every increment.
    """
    rule = Rounding.BID if buying else Rounding.OFFER
    return price.snapped(tick_of(root, price.value), rule)
