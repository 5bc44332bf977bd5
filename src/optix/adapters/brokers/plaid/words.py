"""Plaid's words and what they mean."""

from __future__ import annotations

from typing import Final

from optix.adapters.brokers.words import Words
from optix.kernel.activity import ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind

LABEL: Final = "Plaid"

KINDS: Final = Words(
    LABEL,
    "types of securities",
    {
        "cryptocurrency": AssetKind.CRYPTO,
        "derivative": AssetKind.OPTION,  # unless nothing says which one
        "equity": AssetKind.STOCK,
        "etf": AssetKind.ETF,
        "fixed income": AssetKind.BOND,
        "mutual fund": AssetKind.FUND,
        "loan": AssetKind.OTHER,
        "other": AssetKind.OTHER,
    },
)
SUBTYPES: Final = Words(
    LABEL,
    "subtypes of transactions",
    {
        "buy": ActivityKind.TRADE,
        "buy to cover": ActivityKind.TRADE,
        "sell": ActivityKind.TRADE,
        "sell short": ActivityKind.TRADE,
        "trade": ActivityKind.TRADE,
        "rebalance": ActivityKind.TRADE,
        "dividend": ActivityKind.DIVIDEND,
        "qualified dividend": ActivityKind.DIVIDEND,
        "non-qualified dividend": ActivityKind.DIVIDEND,
        "distribution": ActivityKind.DIVIDEND,
        "stock distribution": ActivityKind.DIVIDEND,
        "long-term capital gain": ActivityKind.DIVIDEND,
        "short-term capital gain": ActivityKind.DIVIDEND,
        "unqualified gain": ActivityKind.DIVIDEND,
        "dividend reinvestment": ActivityKind.REINVESTMENT,
        "interest reinvestment": ActivityKind.REINVESTMENT,
        "long-term capital gain reinvestment": ActivityKind.REINVESTMENT,
        "short-term capital gain reinvestment": ActivityKind.REINVESTMENT,
        "interest": ActivityKind.INTEREST,
        "interest receivable": ActivityKind.INTEREST,
        "margin expense": ActivityKind.INTEREST,
        "account fee": ActivityKind.FEE,
        "fund fee": ActivityKind.FEE,
        "legal fee": ActivityKind.FEE,
        "management fee": ActivityKind.FEE,
        "miscellaneous fee": ActivityKind.FEE,
        "transfer fee": ActivityKind.FEE,
        "trust fee": ActivityKind.FEE,
        "tax": ActivityKind.TAX,
        "tax withheld": ActivityKind.TAX,
        "non-resident tax": ActivityKind.TAX,
        "contribution": ActivityKind.DEPOSIT,
        "deposit": ActivityKind.DEPOSIT,
        "pending credit": ActivityKind.DEPOSIT,
        "pending debit": ActivityKind.WITHDRAWAL,
        "withdrawal": ActivityKind.WITHDRAWAL,
        "assignment": ActivityKind.ASSIGNMENT,
        "exercise": ActivityKind.EXERCISE,
        "expire": ActivityKind.EXPIRATION,
        "split": ActivityKind.SPLIT,
        "spin off": ActivityKind.SPIN_OFF,
        "merger": ActivityKind.REORGANISATION,
        "transfer": ActivityKind.TRANSFER,
        "send": ActivityKind.TRANSFER,
        "request": ActivityKind.TRANSFER,
        "adjustment": ActivityKind.ADJUSTMENT,
        "return of principal": ActivityKind.ADJUSTMENT,
        "loan payment": ActivityKind.OTHER,
    },
)
EFFECTS: Final = {
    "buy to cover": PositionEffect.CLOSING,
    "sell short": PositionEffect.OPENING,
}
PENDING: Final = frozenset({"pending credit", "pending debit"})
CANCEL: Final = "cancel"
INVESTMENT_TYPES: Final = frozenset({"investment", "brokerage"})
