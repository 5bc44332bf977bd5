"""One owner's portfolio in slots of a fan: a row for each position, totals in the header.

What is held is compiled as for the endpoints. A tick reads the market into its columns and gives
the fan the rows that say something new; the fan sends them to whoever follows, as it sends quotes.
Nothing here holds a session of the database between two loads.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

import numpy as np
import orjson

from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.features.market.service import MarketService
from optix.features.portfolio import totals
from optix.features.portfolio.encoding import cents_text, text
from optix.features.portfolio.greeks import Exposures, cover
from optix.features.portfolio.holding import UNKNOWN
from optix.features.portfolio.service import Kept, PortfolioService
from optix.features.portfolio.valuing import LAST, MID, MODEL, SOURCES
from optix.kernel.ids import UserId
from optix.platform.fanout.rows import LAYOUT_PORTFOLIO, ROW_BYTES

COLUMNS: Final = (
    *("i", "price", "source", "quality", "as_of", "value", "unrealised", "day_change"),
    *("delta", "dollar_delta", "gamma", "gamma_percent", "theta", "vega", "rho", "beta_delta"),
)
_NO_CODE: Final = 255
_OF_MARKET: Final = frozenset({MID, MODEL, LAST})
_QUALITIES: Final = {str(word): code for code, word in enumerate(wire.QUALITY_WORDS)}
_ROW: Final = Struct("<IBBHqdqqq8f")  # docs/streaming.md
assert ROW_BYTES[LAYOUT_PORTFOLIO] == _ROW.size, "clients count rows by their size"


class LivePortfolio:
    """What one owner holds, live on one market. `load` first; `close` when nobody follows."""

    def __init__(
        self, service: PortfolioService, owner: UserId, market: MarketService, book: MarketBook
    ) -> None:
        self._service = service
        self._owner = owner
        self._market = market
        self._book = book
        self._fan = book.fan
        self._kept: Kept | None = None
        self._leaving: list[int] = []
        self.slots: list[int] = []
        self.header_slot = -1
        self.listed = 0  # the fan's sequence when this listing began
        self._places: list[int] = []  # the row of each slot
        self._seen = -1  # the version of the values that are in the slots

    async def load(self) -> bool:
        """Compile what is held now; tell whether it is another listing than before.

        Raises what the database and the brokerage raise; then everything stays as it was.
        """
        kept = await self._service.compiled(self._owner, self._market)
        if kept is self._kept:
            return False
        topics = kept.valuer.marks.topics
        self._book.hold(topics)
        if self._kept is not None:
            self._book.release(self._kept.valuer.marks.topics)
        self._kept = kept
        await kept.valuer.marks.open()
        if self._kept is not kept:  # another load was quicker
            return False
        self._list(kept)
        return True

    def _list(self, kept: Kept) -> None:
        self._leaving += [*self.slots, *([] if self.header_slot < 0 else [self.header_slot])]
        rows = kept.valuer.holding.rows
        self._places = [number for number, row in enumerate(rows) if not row.closed]
        self.slots = [self._fan.add_slot() for _ in self._places]
        self.header_slot = self._fan.add_slot()
        kept.valuer.update()
        found = self._service.exposures(kept, self._market)
        self._put(kept, found, np.ones(len(rows), np.bool_))
        self.listed = self._fan.sequence

    def tick(self) -> bool:
        """Take in what the market said since; tell whether anything is new."""
        self._sweep()
        kept = self._kept
        if kept is None or self.header_slot < 0:
            return False
        kept.valuer.marks.follow()
        before = kept.valuer.version
        touched = kept.valuer.update()
        if before != self._seen:  # somebody else read what these slots were not told
            touched[:] = True
        if not touched.any():
            return False
        self._put(kept, self._service.exposures(kept, self._market), touched)
        return True

    def _put(self, kept: Kept, found: Exposures, touched: Any) -> None:
        self._seen = kept.valuer.version
        rows = _Rows(kept, found)
        for place, (slot, row) in enumerate(zip(self.slots, self._places, strict=True)):
            if touched[row]:
                json = orjson.dumps([place, *rows.json(row)])
                if json != self._fan.json(slot):
                    self._fan.set(slot, json, rows.binary(row, place))
        header = orjson.dumps(self._header(kept, found))
        if header != self._fan.json(self.header_slot):
            self._fan.set(self.header_slot, header, b"")

    def _header(self, kept: Kept, found: Exposures) -> dict[str, Any]:
        whole = totals.covered(cover(kept.valuer, found))
        told = {name: value for name, value in whole.items() if "missing" not in name}
        return {
            "totals": [
                each.model_dump(mode="json") for each in totals.totals_of(kept.valuer, kept.day)
            ],
            "greeks": told,
        }

    def head(self) -> bytes:
        """Return the header of a snapshot: what rows are, and the totals now."""
        assert self._kept is not None, "it is loaded"
        holding = self._kept.valuer.holding
        positions = []
        for place, number in enumerate(self._places):
            row = holding.rows[number]
            account = holding.accounts[row.account]
            quantity = text(row.position.quantity)
            positions.append([place, str(account.id), row.position.asset.symbol, quantity])
        fixed = {"kind": "portfolio", "columns": COLUMNS, "positions": positions}
        totals_now = self._fan.json(self.header_slot)
        return b"%b,%b" % (orjson.dumps(fixed)[:-1], totals_now[1:])

    def _sweep(self) -> None:
        followed = []
        for slot in self._leaving:
            try:
                self._fan.remove_slot(slot)
            except ValueError:
                followed.append(slot)
        self._leaving = followed

    def close(self) -> None:
        """Let go of the market; slots go once nobody follows them."""
        if self._kept is not None:
            self._book.release(self._kept.valuer.marks.topics)
            self._kept = None
        self._leaving += [*self.slots, *([] if self.header_slot < 0 else [self.header_slot])]
        self.slots, self.header_slot = [], -1
        self._sweep()


class _Rows:
    """All rows of a holding as the wire says them."""

    def __init__(self, kept: Kept, found: Exposures) -> None:
        valuer = kept.valuer
        self._valued, columns = valuer.valued, valuer.marks.columns
        self._names: list[int] = valuer.name.tolist()
        self._told = np.vstack((found.values, found.beta_delta)).T.tolist()
        self._prices = valuer.valued.price.tolist()
        self._sources: list[int] = valuer.valued.source.tolist()
        self._values, self._changes = valuer.valued.value.tolist(), valuer.valued.change.tolist()
        self._unrealised = valuer.unrealised()
        self._as_of, self._quality = columns.as_of.tolist(), columns.quality

    def _of_market(self, row: int) -> bool:
        return self._names[row] >= 0 and 0 <= self._sources[row] <= 2

    def json(self, row: int) -> list[Any]:
        """Return `COLUMNS` but the first; NaN becomes null."""
        name, source, ours = self._names[row], self._sources[row], self._of_market(row)
        return [
            self._prices[row],
            None if source < 0 else SOURCES[source],
            (self._quality[name] or None) if ours else None,
            self._as_of[name] if ours else None,
            cents_text(self._values[row]),
            text(self._unrealised[row]),
            cents_text(self._changes[row]),
            *self._told[row],
        ]

    def binary(self, row: int, place: int) -> bytes:
        """Return the row in layout 3."""
        name, source, ours = self._names[row], self._sources[row], self._of_market(row)
        gain = self._unrealised[row]
        quality = self._quality[name] if ours else ""
        return _ROW.pack(
            place,
            _NO_CODE if source < 0 else source,
            _QUALITIES.get(quality, _NO_CODE),
            0,
            self._as_of[name] if ours else UNKNOWN,
            self._prices[row],
            self._values[row],
            UNKNOWN if gain is None else int(gain.scaleb(6)),
            self._changes[row],
            *self._told[row],
        )
