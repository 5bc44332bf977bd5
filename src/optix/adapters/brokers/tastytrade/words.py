"""tastytrade's words, and what they mean here."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.tastytrade.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus

# By "type/sub-type"; what follows a slash alone is said of every sub-type that is not listed.
KINDS: Final = Words(
    LABEL,
    "kinds of transactions",
    {
        "receive deliver/dividend": ActivityKind.REINVESTMENT,
        "receive deliver/assignment": ActivityKind.ASSIGNMENT,
        "receive deliver/cash settled assignment": ActivityKind.ASSIGNMENT,
        "receive deliver/exercise": ActivityKind.EXERCISE,
        "receive deliver/cash settled exercise": ActivityKind.EXERCISE,
        "receive deliver/expiration": ActivityKind.EXPIRATION,
        "receive deliver/symbol change": ActivityKind.SYMBOL_CHANGE,
        "receive deliver/forward split": ActivityKind.SPLIT,
        "receive deliver/reverse split": ActivityKind.SPLIT,
        "receive deliver/stock split": ActivityKind.SPLIT,
        "receive deliver/spin off": ActivityKind.SPIN_OFF,
        "receive deliver/stock merger": ActivityKind.REORGANISATION,
        "receive deliver/merger": ActivityKind.REORGANISATION,
        "receive deliver/acat": ActivityKind.TRANSFER,
        "receive deliver/transfer": ActivityKind.TRANSFER,
        # The shares of an assignment or exercise; without one, shares that changed hands.
        "receive deliver/buy to open": ActivityKind.TRADE,
        "receive deliver/buy to close": ActivityKind.TRADE,
        "receive deliver/sell to open": ActivityKind.TRADE,
        "receive deliver/sell to close": ActivityKind.TRADE,
        "money movement/dividend": ActivityKind.DIVIDEND,
        "money movement/deposit": ActivityKind.DEPOSIT,
        "money movement/withdrawal": ActivityKind.WITHDRAWAL,
        "money movement/credit interest": ActivityKind.INTEREST,
        "money movement/debit interest": ActivityKind.INTEREST,
        "money movement/balance adjustment": ActivityKind.ADJUSTMENT,
        "money movement/mark to market": ActivityKind.ADJUSTMENT,
        "money movement/fee": ActivityKind.FEE,
        "money movement/transfer": ActivityKind.TRANSFER,
        "money movement/acat": ActivityKind.TRANSFER,
    },
)
ACTIONS: Final = Words(
    LABEL,
    "actions",
    {
        "buy to open": (1, PositionEffect.OPENING),
        "buy to close": (1, PositionEffect.CLOSING),
        "sell to open": (-1, PositionEffect.OPENING),
        "sell to close": (-1, PositionEffect.CLOSING),
        "buy": (1, None),  # futures
        "sell": (-1, None),
    },
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "received": OrderStatus.PENDING,
        "routed": OrderStatus.PENDING,
        "in flight": OrderStatus.PENDING,
        "contingent": OrderStatus.PENDING,
        "live": OrderStatus.WORKING,
        "cancel requested": OrderStatus.WORKING,
        "replace requested": OrderStatus.WORKING,
        "filled": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "canceled": OrderStatus.CANCELLED,  # the documentation's prose
        "removed": OrderStatus.CANCELLED,
        "partially removed": OrderStatus.CANCELLED,
        "expired": OrderStatus.EXPIRED,
        "rejected": OrderStatus.REJECTED,
    },
)
DIRECTIONS: Final = Words(LABEL, "directions of positions", {"long": 1, "short": -1, "zero": 0})
INSTRUMENTS: Final = Words(
    LABEL,
    "kinds of instruments",
    {
        "equity": AssetKind.STOCK,
        "equity option": AssetKind.OPTION,
        "future": AssetKind.FUTURE,
        "future option": AssetKind.FUTURE_OPTION,
        "cryptocurrency": AssetKind.CRYPTO,
        "bond": AssetKind.BOND,
        "fixed income security": AssetKind.BOND,
    },
)
