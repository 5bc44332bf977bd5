"""SnapTrade's words and what they mean."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus
from optix.ports.broker import AccountStatus

LABEL: Final = "SnapTrade"

ACCOUNT_STATES: Final = Words(
    LABEL,
    "states of accounts",
    {
        "open": AccountStatus.ACTIVE,
        "closed": AccountStatus.CLOSED,
        "archived": AccountStatus.CLOSED,
        "unavailable": AccountStatus.RESTRICTED,
    },
)
KINDS: Final = Words(
    LABEL,
    "kinds of instruments",
    {
        "stock": AssetKind.STOCK,
        "equity": AssetKind.STOCK,  # the word of an order's leg
        "adr": AssetKind.STOCK,
        "etf": AssetKind.ETF,
        "mutualfund": AssetKind.FUND,
        "cef": AssetKind.FUND,
        "bond": AssetKind.BOND,
        "option": AssetKind.OPTION,
        "crypto": AssetKind.CRYPTO,
        "future": AssetKind.FUTURE,
        "future_option": AssetKind.FUTURE_OPTION,
        "cfd": AssetKind.OTHER,
        "tokenized_asset": AssetKind.OTHER,
        "other": AssetKind.OTHER,
    },
)
SECURITY_TYPES: Final = Words(
    LABEL,
    "types of securities",
    {
        "cs": AssetKind.STOCK,
        "ad": AssetKind.STOCK,
        "ps": AssetKind.STOCK,
        "ut": AssetKind.STOCK,
        "et": AssetKind.ETF,
        "cef": AssetKind.FUND,
        "oef": AssetKind.FUND,
        "bnd": AssetKind.BOND,
        "crypto": AssetKind.CRYPTO,
        "rt": AssetKind.OTHER,
        "wt": AssetKind.OTHER,
        "wi": AssetKind.OTHER,
        "struct": AssetKind.OTHER,
        "pm": AssetKind.OTHER,
    },
)
TYPES: Final = Words(
    LABEL,
    "types of activities",
    {
        "buy": ActivityKind.TRADE,
        "sell": ActivityKind.TRADE,
        "dividend": ActivityKind.DIVIDEND,
        "substitute_dividend": ActivityKind.DIVIDEND,
        "stock_dividend": ActivityKind.DIVIDEND,
        "rei": ActivityKind.REINVESTMENT,
        "contribution": ActivityKind.DEPOSIT,
        "withdrawal": ActivityKind.WITHDRAWAL,
        "interest": ActivityKind.INTEREST,
        "fee": ActivityKind.FEE,
        "tax": ActivityKind.TAX,
        "optionexpiration": ActivityKind.EXPIRATION,
        "optionassignment": ActivityKind.ASSIGNMENT,
        "optionexercise": ActivityKind.EXERCISE,
        "transfer": ActivityKind.TRANSFER,
        "split": ActivityKind.SPLIT,
        "adjustment": ActivityKind.ADJUSTMENT,
    },
)
# The sign that units have, whatever sign the brokerage gives them; the other types keep theirs.
SIDES: Final = {"BUY": 1, "SELL": -1, "REI": 1}
_NOTHING: Final = None
ACTIONS: Final = Words(
    LABEL,
    "sides",
    {
        "buy": (1, _NOTHING),
        "sell": (-1, _NOTHING),
        "buy_open": (1, PositionEffect.OPENING),
        "buy_to_open": (1, PositionEffect.OPENING),
        "buy_close": (1, PositionEffect.CLOSING),
        "buy_to_close": (1, PositionEffect.CLOSING),
        "buy_cover": (1, PositionEffect.CLOSING),
        "sell_short": (-1, PositionEffect.OPENING),
        "sell_open": (-1, PositionEffect.OPENING),
        "sell_to_open": (-1, PositionEffect.OPENING),
        "sell_close": (-1, PositionEffect.CLOSING),
        "sell_to_close": (-1, PositionEffect.CLOSING),
    },
)
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "pending": OrderStatus.PENDING,
        "queued": OrderStatus.PENDING,
        "suspended": OrderStatus.PENDING,
        "stopped": OrderStatus.PENDING,
        "pending_risk_review": OrderStatus.PENDING,
        "contingent_order": OrderStatus.PENDING,
        "accepted": OrderStatus.WORKING,
        "activated": OrderStatus.WORKING,
        "triggered": OrderStatus.WORKING,
        "cancel_pending": OrderStatus.WORKING,
        "replace_pending": OrderStatus.WORKING,
        "partial": OrderStatus.PARTIALLY_FILLED,
        "partially_executed": OrderStatus.PARTIALLY_FILLED,
        "executed": OrderStatus.FILLED,
        "canceled": OrderStatus.CANCELLED,
        "partial_canceled": OrderStatus.CANCELLED,
        "failed": OrderStatus.REJECTED,
        "rejected": OrderStatus.REJECTED,
        "replaced": OrderStatus.REPLACED,
        "expired": OrderStatus.EXPIRED,
    },
)
