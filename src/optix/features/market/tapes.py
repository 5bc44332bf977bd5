"""What prints do to a quote: its last price and its volume, by the rules of the tape.

The fold itself, with its cancels, corrections and late prints, is `kernel.trade_tape`: one tape for
each symbol and session. Here it meets what the source says of last and volume in its quotes. Pure.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import NamedTuple

from optix.features.market import calendar
from optix.features.market.normalise import RejectReason, Rejects
from optix.kernel import limits
from optix.kernel.trade import Trade
from optix.kernel.trade_tape import TradeTape


class Print(NamedTuple):
    """What a symbol's quote says after a print. NaN: what it said before."""

    last: float
    volume: float


@dataclass(slots=True)
class _SymbolTape:
    """One session of one symbol. `base` is the volume of the session that the tape has not seen."""

    session: object
    tape: TradeTape = field(default_factory=TradeTape)
    base: float = nan
    said: float = nan  # by the source in a quote, the last time

    def volume(self) -> float:
        own = self.tape.summary().volume
        return own + self.base if isfinite(self.base) else own


class Tapes:
    """Tapes of the symbols that printed of late, at most `TAPES_KEPT_MAX`."""

    def __init__(self) -> None:
        self._tapes: OrderedDict[str, _SymbolTape] = OrderedDict()

    def clear(self) -> None:
        """Forget all prints: the market clock went back."""
        self._tapes.clear()

    def add(self, trade: Trade, volume_said: float, rejects: Rejects) -> Print | None:
        """Take a print; None when it changes nothing (counted).

        `volume_said` is the volume that the symbol's quote shows so far, NaN for none.
        """
        session = calendar.exchange_date(trade.ts_event)
        own = self._tapes.get(trade.symbol)
        if own is None or own.session != session:
            fresh = own is None
            own = self._tapes[trade.symbol] = _SymbolTape(session)
            if fresh:  # the source counted from the open, this tape begins now
                own.base = own.said = volume_said
            if len(self._tapes) > limits.TAPES_KEPT_MAX:
                self._tapes.popitem(last=False)
        self._tapes.move_to_end(trade.symbol)
        if not own.tape.add(trade):
            rejects.count(RejectReason.PRINT)
            return None
        summary = own.tape.summary()
        return Print(summary.last, own.volume())

    def volume_of(self, symbol: str, said: float) -> float:
        """Return a symbol's volume when its source says `said` in a quote.

        A new word of the source counts from there on; the word of before, said again, is older than
        the prints that came since.
        """
        own = self._tapes.get(symbol)
        if own is None:
            return said
        if isfinite(said) and said != own.said:
            own.said = said
            own.base = said - own.tape.summary().volume
        return own.volume()
