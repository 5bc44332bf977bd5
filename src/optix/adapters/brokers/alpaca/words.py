"""Alpaca's words: what its enumerations mean to OPTIX."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.alpaca.client import LABEL
from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.order import OrderStatus
from optix.ports.broker import AccountStatus

KINDS: Final = Words(
    LABEL,
    "types of activities",
    {
        "FILL": ActivityKind.TRADE,
        "OPTRD": ActivityKind.TRADE,  # shares for an assignment or an exercise, of its group
        "OPASN": ActivityKind.ASSIGNMENT,
        "OPEXC": ActivityKind.EXERCISE,
        "OPEXP": ActivityKind.EXPIRATION,
        "OPCA": ActivityKind.REORGANISATION,
        "OPCSH": ActivityKind.ADJUSTMENT,  # the cash that an adjusted contract delivers
        "TRANS": ActivityKind.DEPOSIT,  # the sign says more
        "CSD": ActivityKind.DEPOSIT,
        "CSW": ActivityKind.WITHDRAWAL,
        "DIV": ActivityKind.DIVIDEND,
        "DIVCGL": ActivityKind.DIVIDEND,
        "DIVCGS": ActivityKind.DIVIDEND,
        "DIVROC": ActivityKind.DIVIDEND,
        "DIVTXEX": ActivityKind.DIVIDEND,
        "CGD": ActivityKind.DIVIDEND,
        "DIVFEE": ActivityKind.FEE,
        "DIVFT": ActivityKind.TAX,
        "DIVNRA": ActivityKind.TAX,
        "DIVTW": ActivityKind.TAX,
        "INT": ActivityKind.INTEREST,
        "INTNRA": ActivityKind.TAX,
        "INTTW": ActivityKind.TAX,
        "WH": ActivityKind.TAX,
        "FEE": ActivityKind.FEE,
        "CFEE": ActivityKind.FEE,
        "PTC": ActivityKind.FEE,
        "PTR": ActivityKind.FEE,  # a fee that comes back
        "JNL": ActivityKind.TRANSFER,
        "JNLC": ActivityKind.TRANSFER,
        "JNLS": ActivityKind.TRANSFER,
        "ACATC": ActivityKind.TRANSFER,
        "ACATS": ActivityKind.TRANSFER,
        "FOPT": ActivityKind.TRANSFER,
        "MA": ActivityKind.REORGANISATION,
        "REORG": ActivityKind.REORGANISATION,
        "VOF": ActivityKind.REORGANISATION,
        "NC": ActivityKind.SYMBOL_CHANGE,
        "SPLIT": ActivityKind.SPLIT,
        "SPIN": ActivityKind.SPIN_OFF,
        "MISC": ActivityKind.OTHER,
    },
)
POSTINGS: Final = Words(
    LABEL,
    "states of activities",
    {
        "": ActivityStatus.POSTED,  # fills have none
        "executed": ActivityStatus.POSTED,
        "correct": ActivityStatus.POSTED,  # what counts after a correction
        "canceled": ActivityStatus.CANCELLED,
    },
)
ASSETS: Final = Words(
    LABEL,
    "classes of assets",
    {
        "us_equity": AssetKind.STOCK,
        "us_option": AssetKind.OPTION,
        "crypto": AssetKind.CRYPTO,
        "ipo": AssetKind.OTHER,
    },
)
# Of positions: everything depends on it.
DIRECTIONS: Final = Words(LABEL, "sides of positions", {"long": 1, "short": -1})
SIDES: Final = Words(
    LABEL,
    "sides of orders",
    {"buy": (1, None), "sell": (-1, None), "sell_short": (-1, PositionEffect.OPENING)},
)
INTENTS: Final = {
    "buy_to_open": PositionEffect.OPENING,
    "sell_to_open": PositionEffect.OPENING,
    "buy_to_close": PositionEffect.CLOSING,
    "sell_to_close": PositionEffect.CLOSING,
}
STATES: Final = Words(
    LABEL,
    "states of orders",
    {
        "accepted": OrderStatus.PENDING,
        "pending_new": OrderStatus.PENDING,
        "held": OrderStatus.PENDING,
        "suspended": OrderStatus.PENDING,
        "done_for_day": OrderStatus.PENDING,
        "calculated": OrderStatus.PENDING,
        "new": OrderStatus.WORKING,
        "accepted_for_bidding": OrderStatus.WORKING,
        "stopped": OrderStatus.WORKING,
        "pending_cancel": OrderStatus.WORKING,  # may still be filled
        "pending_replace": OrderStatus.WORKING,
        "partially_filled": OrderStatus.PARTIALLY_FILLED,
        "filled": OrderStatus.FILLED,
        "canceled": OrderStatus.CANCELLED,
        "expired": OrderStatus.EXPIRED,
        "replaced": OrderStatus.REPLACED,
        "rejected": OrderStatus.REJECTED,
    },
)
_WAITING: Final = (
    "INACTIVE ONBOARDING SUBMISSION_FAILED SUBMITTED ACCOUNT_UPDATED APPROVAL_PENDING REJECTED "
    "APPROVED ACCOUNT_CLOSED_PENDING ACTION_REQUIRED LIMITED"
)
ACCOUNT_STATES: Final = Words(
    LABEL,
    "states of accounts",
    {
        "ACTIVE": AccountStatus.ACTIVE,
        "PAPER_ONLY": AccountStatus.ACTIVE,
        "ACCOUNT_CLOSED": AccountStatus.CLOSED,
        **dict.fromkeys(_WAITING.split(), AccountStatus.RESTRICTED),
    },
)
