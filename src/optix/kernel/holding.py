"""What an account holds: assets, positions and balances, exact, with one convention of signs.

A quantity is positive for what is owned and negative for what is owed. Values carry the sign of
their quantity; a cost is what was paid to open (positive for a long position) or, negative, what
was received for it (short). Cash is positive when it belongs to the owner. Everything that belongs
to somebody is `Decimal` (docs/adr/0003); vendors' words and signs end in their adapters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from optix.kernel.instrument import OptionContract
from optix.kernel.money import Money, Price

STANDARD_MULTIPLIER = 100


class AssetKind(StrEnum):
    STOCK = "stock"
    ETF = "etf"
    FUND = "fund"
    OPTION = "option"
    FUTURE = "future"
    FUTURE_OPTION = "future_option"
    BOND = "bond"
    CRYPTO = "crypto"
    CURRENCY = "currency"
    CASH_EQUIVALENT = "cash_equivalent"  # sweep and money-market funds: cash that earns
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One part of what an adjusted contract delivers: shares of `symbol`, cash where that is ''."""

    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One thing that can be held.

    `symbol` is the canonical symbol, for an option the key of its contract, for what OPTIX has no
    spelling for the vendor's own text. `multiplier` turns a price per unit into money. An adjusted
    option names its `deliverables`; a standard one has none.
    """

    kind: AssetKind
    symbol: str
    contract: OptionContract | None = None
    multiplier: int = 1
    deliverables: tuple[Deliverable, ...] = ()
    currency: str = "USD"
    name: str = ""
    cusip: str = ""
    isin: str = ""

    @property
    def key(self) -> str:
        """What makes two assets the same one in one account."""
        return f"{self.kind}|{self.symbol}|{self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A quantity of one asset, as its broker states it; None is what the broker does not say.

    `quantity` is None only where the broker gives no direction and none can be found out; then
    `size` is what is known. `cost` is total money with fees where `cost_has_fees`; `price` is the
    broker's mark per unit.
    """

    asset: Asset
    quantity: Decimal | None
    size: Decimal
    cost: Money | None = None
    cost_has_fees: bool | None = None
    price: Price | None = None
    value: Money | None = None
    day_change: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Money of one currency in one account. None is what the broker does not say.

    `net_liquidation` is the worth of the whole account in this currency; sums over currencies are
    the business of who converts.
    """

    currency: str
    cash: Money | None = None
    settled_cash: Money | None = None
    buying_power: Money | None = None
    option_buying_power: Money | None = None
    withdrawable: Money | None = None
    maintenance: Money | None = None
    net_liquidation: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSnapshot:
    """Positions and balances of one account at one moment.

    Only a `complete` snapshot says that what it does not name is not there.
    """

    as_of: datetime
    complete: bool
    positions: tuple[Position, ...]
    balances: tuple[Balance, ...]
    warnings: tuple[str, ...] = ()
