"""Adjusting bars for splits and dividends, when they are read. Pure.

A split divides earlier prices by its ratio and multiplies earlier volumes by it. A cash dividend
multiplies earlier prices by 1 − dividend / close, the close being the last before the ex-date as it
was traded, which is the footing the dividend is stated on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from optix.kernel.corporate import ActionKind, CorporateAction

Floats = npt.NDArray[np.float64]

PRICES: Final = ("open", "high", "low", "close")
_DIVIDENDS = frozenset({ActionKind.CASH_DIVIDEND, ActionKind.SPECIAL_DIVIDEND})


def factors(
    days: Sequence[date], closes: Floats, actions: Sequence[CorporateAction], *, to: date
) -> tuple[Floats, Floats]:
    """Return what to multiply the prices, and the volumes, of ascending bars with.

    Actions that are estimated, or go ex after `to`, do not count. A dividend without a close before
    it adjusts nothing, because there is nothing before it.
    """
    prices, volumes = np.ones(len(days)), np.ones(len(days))
    ordinals = np.array([day.toordinal() for day in days])
    for action in actions:
        if action.estimated or action.ex_date > to:
            continue
        before = int(np.searchsorted(ordinals, action.ex_date.toordinal()))
        if before == 0:
            continue
        if action.kind is ActionKind.SPLIT and action.ratio:
            prices[:before] /= action.ratio
            volumes[:before] *= action.ratio
        elif action.kind in _DIVIDENDS and action.amount:
            close = closes[before - 1]
            if close > action.amount:
                prices[:before] *= 1.0 - action.amount / close
    return prices, volumes
