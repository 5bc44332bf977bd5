"""What returns are made of: days with a value and flows, returns between them, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Timing(StrEnum):
    """When on its day a flow counts, where the value at the flow is not known.

    START: all flows are there from the open on, r = V1 / (V0 + F) - 1.
    END:   all flows come at the close, r = (V1 - F) / V0 - 1.
    SPLIT: what comes in is there from the open on, what goes out goes at the close,
           r = (V1 + out) / (V0 + in) - 1. It is defined on the first and on the last day of an
           account, where one of the others divides by zero.
    """

    START = "start"
    END = "end"
    SPLIT = "split"


class Reason(StrEnum):
    """Why there is no figure."""

    NO_DAYS = "no_days"
    TOO_FEW_DAYS = "too_few_days"
    FLOW_WITHOUT_VALUE = "flow_without_value"  # a flow on a day whose value is not known
    FLOW_UNKNOWN = "flow_unknown"  # something came or went that nobody gives a value
    VALUE_NOT_POSITIVE = "value_not_positive"  # nothing that a return could be a part of
    NO_FLOWS = "no_flows"
    NO_ROOT = "no_root"  # no rate makes the flows worth nothing
    SEVERAL_ROOTS = "several_roots"  # more than one rate does: none of them is the return
    NO_SPREAD = "no_spread"  # all returns are equal: nothing to divide by
    NO_LOSS = "no_loss"  # no return fell short: no downside to divide by
    PERIOD_TOO_SHORT = "period_too_short"  # less than a year is not made a yearly rate
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Money or securities that crossed the border of an account: positive is into it.

    `before` is what the account was worth just before it, None where that is not known.
    """

    amount: Decimal
    before: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuedDay:
    """One session: the value at its end, None where it is not known, and its flows in order.

    `flows` is None where something crossed the border that nobody gives a value.
    """

    day: date
    value: Decimal | None
    flows: tuple[Flow, ...] | None = ()

    @property
    def inflow(self) -> Decimal:
        return sum((flow.amount for flow in self.flows or () if flow.amount > 0), Decimal(0))

    @property
    def outflow(self) -> Decimal:
        """What went out, without sign."""
        return sum((-flow.amount for flow in self.flows or () if flow.amount < 0), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReturn:
    """From the end of `after` to the end of `day`; `opens` is the first session in it."""

    after: date
    opens: date
    day: date
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number with the window it is of and what it was made from; or a reason for none."""

    value: float | None
    first: date | None = None
    last: date | None = None
    n: int = 0
    reason: Reason | None = None
    at: date | None = None  # the day that the reason is of


def unavailable(
    reason: Reason, days: Sequence[date] = (), *, n: int = 0, at: date | None = None
) -> Figure:
    """Return a figure without a number; `days` are those of its window."""
    first, last = (days[0], days[-1]) if days else (None, None)
    return Figure(value=None, first=first, last=last, n=n, reason=reason, at=at)


def ratio(part: Decimal, whole: Decimal) -> float:
    """Return part over whole, rounded once. `whole` is not zero."""
    above, below = part.as_integer_ratio()
    over, under = whole.as_integer_ratio()
    return (above * under) / (below * over)
