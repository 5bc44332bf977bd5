"""What a stream said and nobody took yet: the newest of each symbol, every print, bounded.

A tick that is older than the one before it changes nothing. A symbol's ticks that come faster than
they are taken become one. Prints are never joined: what does not fit is a gap, and is told as one.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from optix.adapters.market_data.streaming.protocol import Tick
from optix.kernel import limits
from optix.kernel.quote import TradingStatus
from optix.kernel.trade import Trade

_MILLISECOND = 1_000_000
_SKEW_NS = 5_000_000_000


class Change(NamedTuple):
    """The newest of one symbol and kind of tick."""

    symbol: str
    ts_event: int
    fields: dict[str, float]


class StreamBook:
    """Takes events of a session, gives them to the feed. `wake` is called when there is news."""

    def __init__(
        self, wake: Callable[[], None], *, trades_max: int = limits.STREAM_TRADES_MAX
    ) -> None:
        self._wake = wake
        self._last_ns: dict[tuple[str, str], int] = {}
        self._last_fields: dict[tuple[str, str], object] = {}
        self._changed: dict[tuple[str, str], Change] = {}
        self._trades: deque[Trade] = deque()
        self._trades_max = trades_max
        self._keys: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._statuses: dict[str, TradingStatus] = {}
        self._lost: dict[str, Trade] = {}
        self.counts: Counter[str] = Counter()

    def take_tick(self, tick: Tick, received_ns: int) -> bool:
        """Apply a tick; False where it is old or repeats what is known."""
        mark = (tick.symbol, tick.kind)
        last_ns = self._last_ns.get(mark, 0)
        ts_event = tick.ts_event or max(received_ns, last_ns)
        if ts_event > received_ns:  # nothing is from the future, whatever the vendor's clock says
            if ts_event > received_ns + _SKEW_NS:
                self.counts["from_future"] += 1
            ts_event = max(received_ns, last_ns)
        if ts_event < last_ns:
            self.counts["out_of_order"] += 1
            return False
        known = self._last_fields.get(mark)
        if known == tick.fields and (ts_event == last_ns or not tick.ts_event):
            self.counts["duplicate"] += 1
            return False
        if tick.ts_event:
            self._last_ns[mark] = ts_event
        self._last_fields[mark] = tick.fields
        pending = self._changed.get(mark)
        fields = dict(tick.fields)
        if pending is not None:
            self.counts["conflated"] += 1
            fields = {**pending.fields, **fields}
        self._changed[mark] = Change(tick.symbol, ts_event, fields)
        self._wake()
        return True

    def take_trade(self, trade: Trade) -> bool:
        """Keep a print; False where it was seen before."""
        key = _key_of(trade)
        if key is not None:
            if key in self._keys:
                self.counts["duplicate"] += 1
                return False
            self._keys[key] = None
            if len(self._keys) > limits.STREAM_TRADE_KEYS_MAX:
                self._keys.popitem(last=False)
        if len(self._trades) >= self._trades_max:
            lost = self._trades.popleft()
            self.counts["trades_lost"] += 1
            self._lost.setdefault(lost.symbol, lost)  # the first one says since when
        self._trades.append(trade)
        self._wake()
        return True

    def take_status(self, status: TradingStatus) -> None:
        self._statuses[status.symbol] = status
        self._wake()

    def pop_changes(self) -> list[Change]:
        """Return and forget what changed: one for each symbol and kind of tick."""
        changed, self._changed = self._changed, {}
        return list(changed.values())

    def pop_trades(self) -> list[Trade]:
        trades = list(self._trades)
        self._trades.clear()
        return trades

    def pop_lost(self) -> list[Trade]:
        """Return one print of each symbol that lost prints since the last call, oldest first."""
        lost, self._lost = self._lost, {}
        return list(lost.values())

    def pop_statuses(self) -> list[TradingStatus]:
        statuses = list(self._statuses.values())
        self._statuses.clear()
        return statuses

    def keep_only(self, symbols: frozenset[str]) -> None:
        """Forget symbols that nobody follows any more, so that memory follows the demand."""
        for mark in [mark for mark in self._last_fields if mark[0] not in symbols]:
            del self._last_fields[mark]
            self._last_ns.pop(mark, None)
            self._changed.pop(mark, None)


def _key_of(trade: Trade) -> tuple[object, ...] | None:
    """Return what makes a print unique, None where its source does not say enough.

    Without a sequence the time must: to the nanosecond it does, to the millisecond two equal prints
    of one order are common.
    """
    if trade.sequence:
        return trade.symbol, trade.sequence, trade.action
    if trade.ts_event % _MILLISECOND == 0:
        return None
    return (
        trade.symbol,
        trade.ts_event,
        trade.price,
        trade.size,
        trade.exchange,
        trade.conditions,
        trade.action,
    )
