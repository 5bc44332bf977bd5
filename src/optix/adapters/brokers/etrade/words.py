"""E*TRADE's words, and what they mean here."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.etrade.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus
from optix.ports.broker import AccountStatus

# A trade's word also says which way the quantity went, and whether it opened.
TRADES: Final = {
    "bought": (1, None),
    "sold": (-1, None),
    "bought to open": (1, PositionEffect.OPENING),
    "bought to close": (1, PositionEffect.CLOSING),
    "bought to cover": (1, PositionEffect.CLOSING),
    "sold to open": (-1, PositionEffect.OPENING),
    "sold to close": (-1, PositionEffect.CLOSING),
    "sold short": (-1, PositionEffect.OPENING),
}
KINDS: Final = Words(
    LABEL,
    "kinds of transactions",
    {
        **dict.fromkeys(TRADES, ActivityKind.TRADE),
        "option expired": ActivityKind.EXPIRATION,
        "option expiration": ActivityKind.EXPIRATION,
        "option assigned": ActivityKind.ASSIGNMENT,
        "option assignment": ActivityKind.ASSIGNMENT,
        "option exercised": ActivityKind.EXERCISE,
        "option exercise": ActivityKind.EXERCISE,
        "dividend": ActivityKind.DIVIDEND,
        "dividend reinvestment": ActivityKind.REINVESTMENT,
        "interest": ActivityKind.INTEREST,
        "margin interest": ActivityKind.INTEREST,
        "fee": ActivityKind.FEE,
        "tax": ActivityKind.TAX,
        "transfer": ActivityKind.TRANSFER,
        "deposit": ActivityKind.DEPOSIT,
        "direct deposit": ActivityKind.DEPOSIT,
        "withdrawal": ActivityKind.WITHDRAWAL,
        "pos": ActivityKind.WITHDRAWAL,  # paid by card
        "atm": ActivityKind.WITHDRAWAL,
        "check": ActivityKind.WITHDRAWAL,
        "bill payment": ActivityKind.WITHDRAWAL,
        "stock split": ActivityKind.SPLIT,
        "reorganization": ActivityKind.REORGANISATION,
        "adjustment": ActivityKind.ADJUSTMENT,
    },
)
SIDES: Final = Words(
    LABEL,
    "sides of orders",
    {
        "buy": (1, None),
        "sell": (-1, None),
        "buy_to_cover": (1, PositionEffect.CLOSING),
        "sell_short": (-1, PositionEffect.OPENING),
        "buy_open": (1, PositionEffect.OPENING),
        "sell_open": (-1, PositionEffect.OPENING),
        "buy_close": (1, PositionEffect.CLOSING),
        "sell_close": (-1, PositionEffect.CLOSING),
    },
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "open": OrderStatus.WORKING,
        "cancel_requested": OrderStatus.WORKING,
        "individual_fills": OrderStatus.PARTIALLY_FILLED,
        "executed": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "expired": OrderStatus.EXPIRED,
        "rejected": OrderStatus.REJECTED,
    },
)
DIRECTIONS: Final = Words(LABEL, "directions of positions", {"long": 1, "short": -1})
SECURITIES: Final = Words(
    LABEL,
    "kinds of securities",
    {
        "eq": AssetKind.STOCK,
        "optn": AssetKind.OPTION,
        "mf": AssetKind.FUND,
        "mmf": AssetKind.CASH_EQUIVALENT,
        "bond": AssetKind.BOND,
    },
)
ACCOUNT_STATES: Final = Words(
    LABEL,
    "states of accounts",
    {"active": AccountStatus.ACTIVE, "closed": AccountStatus.CLOSED},
)
