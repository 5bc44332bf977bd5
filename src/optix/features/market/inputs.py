"""Rates, dividends, splits and earnings of what is followed: fetched rarely, kept, not waited for.

A chain is priced with what is known at that moment. What a source does not give is not invented: a
rate falls back on the setting, dividends on what forwards imply, and the header says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import structlog

from optix.features.market import calendar
from optix.features.market.carry import CarryInputs, Rates
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_ns
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.dividend_calendar import coming_dividends
from optix.kernel.errors import OptixError
from optix.ports.market_data import CorporateActionSource
from optix.ports.reference_data import EarningsSource, RateCurveSource
from optix.quant.dividends import Dividend, DividendKind, DividendSchedule
from optix.quant.rates import curve_from_par_yields

log = structlog.get_logger(__name__)

PAST: Final = timedelta(days=800)  # what the rhythm of a company's dividends is read from
AHEAD: Final = timedelta(days=730)
_REFRESH_SECONDS: Final = 5.0
_YEAR_SECONDS: Final = 365 * 86_400.0


class NoInputs:
    """Knows nothing but the rate of the settings."""

    def __init__(self, rate_fallback: float) -> None:
        self._carry = CarryInputs(rate_fallback=rate_fallback)

    def carry_of(self, underlying: str, now_ns: int, *, in_cash: bool) -> CarryInputs:  # noqa: ARG002 - one for all
        return self._carry

    def since_ns(self, symbol: str, now_ns: int) -> int:  # noqa: ARG002 - no splits are known
        return 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one underlying."""

    dividends: tuple[tuple[int, CorporateAction], ...] = ()  # with the open of the ex-date
    splits_ns: tuple[int, ...] = ()  # when the shares of after began to trade
    earnings: tuple[date, ...] = ()
    earnings_reason: str = ""
    fetched_ns: int = 0


@dataclass(frozen=True, slots=True)
class ComingEvents:
    """What is known to come of one underlying; a reason says why nothing could be."""

    dividends: tuple[CorporateAction, ...]
    dividends_reason: str
    earnings: tuple[date, ...]
    earnings_reason: str


class MarketInputs:
    """Keeps what sources say of the underlyings that are followed."""

    def __init__(
        self,
        clock: Clock,
        *,
        rate_fallback: float,
        actions: CorporateActionSource | None = None,
        rates: RateCurveSource | None = None,
        earnings: EarningsSource | None = None,
        cash_dividends: bool = True,
    ) -> None:
        self._clock = clock
        self._cash_dividends = cash_dividends
        self._fallback = rate_fallback
        self._actions = actions
        self._rate_source = rates
        self._earnings = earnings
        self._rates: Rates | None = None
        self._rates_ns = 0
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def run(self, followed: Callable[[], Iterable[str]]) -> None:
        """Keep what is followed known until cancelled.

        Retries: what a source did not answer is asked again after `INPUTS_AGE_SECONDS_MAX`.
        """
        while True:
            try:
                await self.refresh(followed())
            except Exception:  # a source that breaks must not end the feed
                log.exception("feed.inputs_failed")
            await asyncio.sleep(_REFRESH_SECONDS)

    async def refresh(self, underlyings: Iterable[str]) -> None:
        """Ask for what is missing or old of `underlyings`, one after the other."""
        await self._refresh_rates()
        for underlying in sorted(set(underlyings)):
            known = self._known.get(underlying)
            if known is None or self._is_old(known.fetched_ns):
                self._known[underlying] = await self._fetch(underlying)
            self._known.move_to_end(underlying)
            if len(self._known) > limits.INPUTS_KEPT_MAX:
                self._known.popitem(last=False)

    def _is_old(self, fetched_ns: int) -> bool:
        age_ns = self._clock.now_ns() - fetched_ns
        return age_ns > limits.INPUTS_AGE_SECONDS_MAX * NANOSECONDS

    async def _refresh_rates(self) -> None:
        if self._rate_source is None or not (self._rates_ns == 0 or self._is_old(self._rates_ns)):
            return
        self._rates_ns = self._clock.now_ns()
        try:
            yields = await self._rate_source.fetch_par_yields()
            curve = curve_from_par_yields(years=yields.years, par_yield=yields.par_yields)
        except (OptixError, ValueError) as error:
            log.warning("feed.rates_failed", error=str(error))
            return
        self._rates = Rates(curve=curve, source=f"{yields.source} par yields of {yields.day}")

    async def _fetch(self, underlying: str) -> _Known:
        today = calendar.exchange_date(self._clock.now_ns())
        actions: Sequence[CorporateAction] = ()
        if self._actions is not None:
            try:
                actions = await self._actions.fetch_corporate_actions(
                    underlying, start=today - PAST, end=today + AHEAD
                )
            except OptixError as error:
                log.info("feed.actions_failed", symbol=underlying, error=error.detail)
        days, reason = await self._fetch_earnings(underlying)
        return _Known(
            dividends=_schedule(actions, today),
            splits_ns=tuple(sorted(_start_ns(action.ex_date) for action in _splits(actions))),
            earnings=days,
            earnings_reason=reason,
            fetched_ns=self._clock.now_ns(),
        )

    async def _fetch_earnings(self, underlying: str) -> tuple[tuple[date, ...], str]:
        if self._earnings is None:
            return (), "No source of earnings dates is connected."
        try:
            found = await self._earnings.fetch_earnings(underlying)
        except OptixError as error:
            return (), error.detail
        return tuple(sorted(entry.session for entry in found)), ""

    # Telling

    async def events_of(self, underlying: str) -> ComingEvents:
        """Return what comes of an underlying, asking for it where it is not known or old."""
        await self.refresh([underlying])
        known, today = self._known[underlying], calendar.exchange_date(self._clock.now_ns())
        nobody = "No source of dividends is connected."
        return ComingEvents(
            dividends=tuple(each for _, each in known.dividends if each.ex_date >= today),
            dividends_reason=nobody if self._actions is None else "",
            earnings=tuple(day for day in known.earnings if day >= today),
            earnings_reason=known.earnings_reason,
        )

    def carry_of(self, underlying: str, now_ns: int, *, in_cash: bool) -> CarryInputs:
        """Return what is known of an underlying, in years from `now_ns`."""
        known = self._known.get(underlying, _Known(earnings_reason="Not asked for yet."))
        coming = [
            (action, (opens_ns - now_ns) / (NANOSECONDS * _YEAR_SECONDS))
            for opens_ns, action in known.dividends
        ]
        dividends = tuple(
            Dividend(
                years,
                action.amount or 0.0,
                DividendKind.FORECAST if action.estimated else DividendKind.ANNOUNCED,
                action.source or "the provider",
            )
            for action, years in coming
            if years > 0
        )
        return CarryInputs(
            rate_fallback=self._fallback,
            rates=self._rates,
            schedule=DividendSchedule(dividends),
            dividend_source=", ".join(sorted({d.source for d in dividends})),
            in_cash=in_cash and self._cash_dividends and bool(dividends),
            earnings=known.earnings,
            earnings_reason=known.earnings_reason,
        )

    def since_ns(self, symbol: str, now_ns: int) -> int:
        """Return when the shares of today began to trade: the last split's ex-date, or 0."""
        known = self._known.get(symbol)
        if known is None or not known.splits_ns:
            return 0
        return max((at for at in known.splits_ns if at <= now_ns), default=0)


def _splits(actions: Iterable[CorporateAction]) -> list[CorporateAction]:
    return [action for action in actions if action.kind is ActionKind.SPLIT and action.ratio]


def _schedule(
    actions: Sequence[CorporateAction], today: date
) -> tuple[tuple[int, CorporateAction], ...]:
    """Return the dividends to come, announced and expected, each with the open of its ex-date."""
    coming = coming_dividends(actions, today=today, until=today + AHEAD)
    with_opens = []
    for action in coming[: limits.INPUTS_ACTIONS_MAX]:
        with contextlib.suppress(calendar.OutsideCalendar):  # later than anybody prices
            session = calendar.session_on_or_after(action.ex_date)
            with_opens.append((calendar.opens_at(session), action))
    return tuple(with_opens)


def _start_ns(day: date) -> int:
    """Return the first instant of an exchange date."""
    return to_ns(datetime.combine(day, time(), tzinfo=calendar.NEW_YORK))
