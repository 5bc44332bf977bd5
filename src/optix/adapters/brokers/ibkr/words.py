"""Interactive Brokers' words, and what they mean here."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.ibkr.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus

ASSETS: Final = Words(
    LABEL,
    "kinds of assets",
    {
        "stk": AssetKind.STOCK,
        "opt": AssetKind.OPTION,
        "fut": AssetKind.FUTURE,
        "fop": AssetKind.FUTURE_OPTION,
        "cash": AssetKind.CURRENCY,
        "crypto": AssetKind.CRYPTO,
        "bond": AssetKind.BOND,
        "bill": AssetKind.BOND,
        "fund": AssetKind.FUND,
        "war": AssetKind.OTHER,
        "iopt": AssetKind.OTHER,
        "cfd": AssetKind.OTHER,
        "ind": AssetKind.OTHER,
        "cmdty": AssetKind.OTHER,
        "bag": AssetKind.OTHER,  # a combination: its legs are what is held
    },
)
SIDES: Final = Words(
    LABEL,
    "sides",
    {"b": 1, "bot": 1, "buy": 1, "s": -1, "sld": -1, "sell": -1},
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "pendingsubmit": OrderStatus.PENDING,
        "presubmitted": OrderStatus.PENDING,
        "apipending": OrderStatus.PENDING,
        "warnstate": OrderStatus.PENDING,
        "inactive": OrderStatus.PENDING,  # held back: it may come to life again
        "submitted": OrderStatus.WORKING,
        "pendingcancel": OrderStatus.WORKING,  # may be filled until the exchange lets it go
        "filled": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "canceled": OrderStatus.CANCELLED,
        "apicancelled": OrderStatus.CANCELLED,
        "rejected": OrderStatus.REJECTED,
    },
)
PA_KINDS: Final = Words(
    LABEL,
    "kinds of transactions",
    {
        "buy": ActivityKind.TRADE,
        "sell": ActivityKind.TRADE,
        "dividend": ActivityKind.DIVIDEND,
        "interest": ActivityKind.INTEREST,
        "fee": ActivityKind.FEE,
        "deposit": ActivityKind.DEPOSIT,
        "withdrawal": ActivityKind.WITHDRAWAL,
    },
)
