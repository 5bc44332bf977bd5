"""Webull's words, and what they mean here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from optix.adapters.brokers.webull.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus


class TokenState(StrEnum):
    PENDING = "PENDING"  # until its user lets it in with the app
    NORMAL = "NORMAL"
    INVALID = "INVALID"
    EXPIRED = "EXPIRED"


INSTRUMENTS: Final = Words(
    LABEL,
    "kinds of instruments",
    {
        "equity": AssetKind.STOCK,
        "stock": AssetKind.STOCK,  # of the oldest generation
        "etf": AssetKind.ETF,
        "option": AssetKind.OPTION,
        "futures": AssetKind.FUTURE,
        "crypto": AssetKind.CRYPTO,
        "event": AssetKind.OTHER,
    },
)
SIDES: Final = Words(
    LABEL,
    "sides of orders",
    {
        "buy": (1, None),
        "sell": (-1, None),
        "short": (-1, PositionEffect.OPENING),
    },
)
INTENTS: Final[Words[PositionEffect | None]] = Words(
    LABEL,
    "intents of orders",
    {
        "buy_to_open": PositionEffect.OPENING,
        "sell_to_open": PositionEffect.OPENING,
        "buy_to_close": PositionEffect.CLOSING,
        "sell_to_close": PositionEffect.CLOSING,
    },
)
STATES: Final[Words[OrderStatus | None]] = Words(
    LABEL,
    "states of orders",
    {
        "pending": OrderStatus.PENDING,
        "submitted": OrderStatus.WORKING,
        "partial_filled": OrderStatus.PARTIALLY_FILLED,
        "filled": OrderStatus.FILLED,
        "cancelled": OrderStatus.CANCELLED,
        "failed": OrderStatus.REJECTED,
        "expired": OrderStatus.EXPIRED,
    },
)
TOKEN_STATES: Final = Words(LABEL, "states of tokens", {each.value: each for each in TokenState})
