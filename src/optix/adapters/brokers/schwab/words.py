"""Schwab's words: what its enumerations mean to OPTIX."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.schwab.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus

TYPES: Final = Words(
    LABEL,
    "types of transactions",
    {
        "trade": ActivityKind.TRADE,
        "receive_and_deliver": ActivityKind.TRANSFER,  # the description says more
        "dividend_or_interest": ActivityKind.DIVIDEND,  # the description says more
        "ach_receipt": ActivityKind.DEPOSIT,
        "ach_disbursement": ActivityKind.WITHDRAWAL,
        "cash_receipt": ActivityKind.DEPOSIT,
        "cash_disbursement": ActivityKind.WITHDRAWAL,
        "electronic_fund": ActivityKind.DEPOSIT,  # the sign says more
        "wire_out": ActivityKind.WITHDRAWAL,
        "wire_in": ActivityKind.DEPOSIT,
        "journal": ActivityKind.TRANSFER,
        "memorandum": ActivityKind.ADJUSTMENT,
        "margin_call": ActivityKind.OTHER,
        "money_market": ActivityKind.SWEEP,
        "sma_adjustment": ActivityKind.ADJUSTMENT,
    },
)
# A limit that moved: no money did.
WITHOUT_CASH: Final = frozenset(("margin_call", "sma_adjustment"))
# What descriptions say, in the order in which it counts.
DELIVERIES: Final = (
    ("expir", ActivityKind.EXPIRATION),
    ("assign", ActivityKind.ASSIGNMENT),
    ("exercis", ActivityKind.EXERCISE),
    ("reinvest", ActivityKind.REINVESTMENT),
    ("split", ActivityKind.SPLIT),
    ("spin", ActivityKind.SPIN_OFF),
    ("name change", ActivityKind.SYMBOL_CHANGE),
    ("symbol change", ActivityKind.SYMBOL_CHANGE),
    ("merger", ActivityKind.REORGANISATION),
    ("reorg", ActivityKind.REORGANISATION),
    ("exchange", ActivityKind.REORGANISATION),
    ("dividend", ActivityKind.DIVIDEND),
)
INCOMES: Final = (
    ("withh", ActivityKind.TAX),
    ("foreign tax", ActivityKind.TAX),
    ("nra tax", ActivityKind.TAX),
    ("adr", ActivityKind.FEE),
    ("fee", ActivityKind.FEE),
    ("interest", ActivityKind.INTEREST),
)
POSTINGS: Final = Words(
    LABEL,
    "states of transactions",
    {
        "valid": ActivityStatus.POSTED,
        "invalid": ActivityStatus.CANCELLED,
        "pending": ActivityStatus.PENDING,
        "unknown": ActivityStatus.PENDING,  # Schwab's own word: it may still become anything
    },
)
EFFECTS: Final = {"OPENING": PositionEffect.OPENING, "CLOSING": PositionEffect.CLOSING}
ASSETS: Final = Words(
    LABEL,
    "kinds of assets",
    {
        "equity": AssetKind.STOCK,
        "option": AssetKind.OPTION,
        "mutual_fund": AssetKind.FUND,
        "cash_equivalent": AssetKind.CASH_EQUIVALENT,
        "fixed_income": AssetKind.BOND,
        "collective_investment": AssetKind.ETF,
        "currency": AssetKind.CURRENCY,
        "forex": AssetKind.CURRENCY,
        "future": AssetKind.FUTURE,
        "index": AssetKind.OTHER,
        "product": AssetKind.OTHER,
    },
)
# Of collective investments and equities, where the type says more than the kind.
TYPES_OF_ASSETS: Final = {
    "EXCHANGE_TRADED_FUND": AssetKind.ETF,
    "UNIT_INVESTMENT_TRUST": AssetKind.FUND,
    "CLOSED_END_FUND": AssetKind.FUND,
}
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "new": OrderStatus.PENDING,
        "accepted": OrderStatus.PENDING,
        "queued": OrderStatus.PENDING,
        "pending_activation": OrderStatus.PENDING,
        "pending_acknowledgement": OrderStatus.PENDING,
        "awaiting_parent_order": OrderStatus.PENDING,
        "awaiting_condition": OrderStatus.PENDING,
        "awaiting_stop_condition": OrderStatus.PENDING,
        "awaiting_manual_review": OrderStatus.PENDING,
        "awaiting_release_time": OrderStatus.PENDING,
        "unknown": OrderStatus.PENDING,  # Schwab's own word: asked again until it is another
        "working": OrderStatus.WORKING,
        "awaiting_ur_out": OrderStatus.WORKING,  # may be filled until the exchange lets it go
        "pending_cancel": OrderStatus.WORKING,
        "pending_replace": OrderStatus.WORKING,
        "pending_recall": OrderStatus.WORKING,
        "filled": OrderStatus.FILLED,
        "canceled": OrderStatus.CANCELLED,
        "replaced": OrderStatus.REPLACED,
        "rejected": OrderStatus.REJECTED,
        "expired": OrderStatus.EXPIRED,
    },
)
INSTRUCTIONS: Final = Words(
    LABEL,
    "instructions of orders",
    {
        "buy": (1, None),
        "sell": (-1, None),
        "exchange": (-1, None),  # of one fund for another: the leg is the one that is given
        "buy_to_cover": (1, PositionEffect.CLOSING),
        "sell_short": (-1, PositionEffect.OPENING),
        "sell_short_exempt": (-1, PositionEffect.OPENING),
        "buy_to_open": (1, PositionEffect.OPENING),
        "buy_to_close": (1, PositionEffect.CLOSING),
        "sell_to_open": (-1, PositionEffect.OPENING),
        "sell_to_close": (-1, PositionEffect.CLOSING),
    },
)
