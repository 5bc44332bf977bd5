"""The feed's side of one expiration: the merged quotes, their analytics, and what was published.

Columns all the way: an update, a repricing and a publication each are a few operations on arrays,
whatever the number of contracts. Not here: any I/O. The feed's state feeds updates in and publishes
what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market import wire
from optix.features.market.analytics import ANALYTICS, PricedChain, RootAnalytics, RootTerms
from optix.features.market.chain_parts import COLUMN, ChainPart, Instants, joined
from optix.features.market.listing import Listing, RootKey
from optix.features.market.normalise import RejectReason, Rejects
from optix.kernel.chain import ChainTable, RejectedRow
from optix.kernel.quote import Quality, Quote, TradingStatus
from optix.ports.market_data import ChainKey
from optix.quant.arrays import FloatArray

_QUOTE_ROWS: Final = [
    COLUMN[name] for name in ("bid", "ask", "bid_size", "ask_size", "last", "volume")
]
_VENDOR_ROWS: Final = [COLUMN["vendor_" + name] for name in wire.VENDOR_COLUMNS]
_LISTED_ROWS: Final = [COLUMN["open_interest"], COLUMN["previous_close"]]
# Analytics are sent again when they moved by more than this share of their size (or the floor):
# every repricing moves the tenth digit of every row, which nobody sees and every phone would pay.
_MOVED_SHARE: Final = 2e-4
_MOVED_FLOOR: Final = {
    "iv": 1e-2,
    "delta": 1e-1,
    "gamma": 1e-3,
    "theta": 1e-3,
    "vega": 1e-2,
    "rho": 1e-2,
}
_FLOORS: Final = np.array([[_MOVED_FLOOR[name]] for name in ANALYTICS], dtype=np.float32)

Float32Array = NDArray[np.float32]


@dataclass(slots=True)
class ChainChanges:
    """What a publication of one chain says: rows as columns, and the header where it changed."""

    sequence: int
    columns: dict[str, Any]  # wire: see its module
    header: dict[str, Any] | None
    relisted: bool


class ChainSnapshot(NamedTuple):
    """A chain at one instant, in columns that no later update touches."""

    listing: Listing
    values: FloatArray  # (columns of CHAIN_COLUMNS, rows)
    ts_rows: Instants
    spot: Quote | None
    source: str
    quality: Quality
    ts_event: int
    ts_received: int
    rejected: Sequence[RejectedRow]

    def column(self, name: str) -> FloatArray:
        """Return a column of `CHAIN_COLUMNS`."""
        column: FloatArray = self.values[COLUMN[name]]
        return column


NO_SURFACE: Final[Mapping[str, Any]] = {
    "surface": None,
    "surface_reason": "Not fitted yet.",
    "atm_iv_ex_earnings": None,
    "ex_earnings_reason": "Not known yet.",
}


class Beside(NamedTuple):
    """What a header says beside the analytics of its roots."""

    trading: TradingStatus | None = None
    surfaces: Mapping[RootKey, Mapping[str, Any]] = {}


class _Published(NamedTuple):
    """The state readers have: one consistent set of quotes, analytics and listing."""

    snapshot: ChainSnapshot
    quotes: FloatArray  # (6, rows)
    analytics: Float32Array  # (6, rows): seven digits are more than a quote can support
    status: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    as_of: Instants  # unix ms
    header: dict[str, Any]


class ChainState:
    """One expiration of one underlying as the feed holds it."""

    def __init__(self, key: ChainKey, table: ChainTable, part: ChainPart) -> None:
        self.key = key
        self.sequence = 0
        self.loaded_ns = 0  # wall time of the last update
        self.priced: PricedChain | None = None  # of this listing
        self.gap = ""  # why rows may be missing; empty when none are
        self._published: _Published | None = None
        self._now = _snapshot_of(table, part)

    @property
    def listing(self) -> Listing:
        return self._now.listing

    @property
    def is_published(self) -> bool:
        return self._published is not None

    @property
    def header(self) -> dict[str, Any] | None:
        """The published header, None before the first publication."""
        return None if self._published is None else self._published.header

    def column(self, name: str) -> FloatArray:
        """Return a column of `CHAIN_COLUMNS` as it is now, not to be written to."""
        return self._now.column(name)

    def turn_back(self) -> None:
        """Take whatever comes next, however old it is: the market clock went back."""
        self._now.ts_rows[:] = 0
        self.priced = None

    def snapshot(self) -> ChainSnapshot:
        """Return a copy that no later update touches, for pricing in another thread."""
        now = self._now
        return now._replace(values=now.values.copy(), ts_rows=now.ts_rows.copy())

    def merge(self, table: ChainTable, part: ChainPart, rejects: Rejects) -> None:
        """Take an update in: a whole expiration replaces, a partial one overwrites its rows.

        Of one source, a row that is older than the one held is left out and counted.
        """
        now = self._now
        fresh = _snapshot_of(table, part)
        if table.complete:
            if part.listing is now.listing or part.listing.contracts == now.listing.contracts:
                fresh = fresh._replace(listing=now.listing)
                if table.source == now.source:
                    _keep_newer(now, fresh, rejects)
            self.gap = ""
        else:
            fresh = self._with(fresh, part, rejects)
        if fresh.listing is not now.listing:
            self.priced = None
        self._now = fresh

    def _with(self, fresh: ChainSnapshot, part: ChainPart, rejects: Rejects) -> ChainSnapshot:
        now = self._now
        fresh = fresh._replace(
            spot=fresh.spot or now.spot,
            ts_event=max(now.ts_event, fresh.ts_event),
            rejected=(*now.rejected, *fresh.rejected) if fresh.rejected else now.rejected,
        )
        index = now.listing.index
        rows = [index.get(contract, -1) for contract in part.listing.contracts]
        if -1 in rows:
            whole = joined(ChainPart(part.expiration, now.listing, now.values, now.ts_rows), part)
            return fresh._replace(
                listing=whole.listing, values=whole.values, ts_rows=whole.ts_event
            )
        places = np.array(rows, dtype=np.intp)
        older = (part.ts_event < now.ts_rows[places]) & (fresh.source == now.source)
        values, ts_event = part.values, part.ts_event
        if older.any():
            rejects.count(RejectReason.OLDER, int(older.sum()))
            places, values, ts_event = places[~older], values[:, ~older], ts_event[~older]
        now.values[:, places] = values
        now.ts_rows[places] = ts_event
        return fresh._replace(listing=now.listing, values=now.values, ts_rows=now.ts_rows)

    def set_print(self, position: int, *, last: float, volume: float) -> None:
        """Take what the tape says of one contract; a NaN leaves the last price of the quotes."""
        if not isnan(last):
            self._now.values[COLUMN["last"], position] = last
        self._now.values[COLUMN["volume"], position] = volume

    def forget_before(self, ts_event: int, rejects: Rejects) -> None:
        """Make nothing of rows that are older: they are in the shares of before a split."""
        old = self._now.ts_rows < ts_event
        if old.any():
            rejects.count(RejectReason.BEFORE_SPLIT, int(old.sum()))
            self._now.values[:, old] = np.nan
            self._now.ts_rows[old] = ts_event
            self.priced = None

    def publish(
        self,
        snapshot: ChainSnapshot,
        priced: PricedChain,
        terms: Mapping[RootKey, RootTerms],
        beside: Beside,
    ) -> ChainChanges | None:
        """Make a priced snapshot the public state; return what changed for readers, if anything."""
        if snapshot.listing is self._now.listing:
            self.priced = priced
        before = self._published
        quotes = snapshot.values[_QUOTE_ROWS]
        with np.errstate(over="ignore", under="ignore"):
            analytics = np.array([getattr(priced, name) for name in ANALYTICS], dtype=np.float32)
        header = self._make_header(snapshot, priced, terms, beside)
        as_of = snapshot.ts_rows // 1_000_000
        state = _Published(snapshot, quotes, analytics, priced.status, priced.flags, as_of, header)
        relisted = before is None or _listing_differs(snapshot, before.snapshot)
        changed = np.arange(0)
        if before is not None and not relisted:
            differs = _rows_differ(state, before)
            changed = np.flatnonzero(differs)
            if header == before.header and changed.size == 0:
                return None
            # Rows that moved too little to be sent keep the values readers have, or else many
            # small moves would never add up to one that is sent.
            analytics[:, ~differs] = before.analytics[:, ~differs]
            as_of[~differs] = before.as_of[~differs]
        self.sequence += 1
        self._published = state
        same = before is not None and header == before.header
        return ChainChanges(
            sequence=self.sequence,
            columns=_columns(state, changed),
            header=None if same and not relisted else header,
            relisted=relisted,
        )

    def dump(self, epoch: str) -> dict[str, Any]:
        """Return the whole published state, as kept in Redis for late readers."""
        state = self._published
        assert state is not None, "dump before the first publication"
        listing = state.snapshot.listing
        listed = state.snapshot.values[_LISTED_ROWS].tolist()
        return {
            "e": epoch,
            "s": self.sequence,
            "h": state.header,
            "contracts": [
                [key, contract.root, contract.right, contract.strike, interest, previous]
                for key, contract, interest, previous in zip(
                    listing.texts, listing.contracts, *listed, strict=True
                )
            ],
            "rows": _columns(state, np.arange(len(listing))),
            "rejected": [
                {"raw": row.raw, "code": row.code, "reason": row.reason}
                for row in state.snapshot.rejected
            ],
        }

    def _make_header(
        self,
        snapshot: ChainSnapshot,
        priced: PricedChain,
        terms: Mapping[RootKey, RootTerms],
        beside: Beside,
    ) -> dict[str, Any]:
        trading = beside.trading
        return {
            "underlying": self.key.underlying,
            "expiration": self.key.expiration.isoformat(),
            "source": snapshot.source,
            "quality": Quality.STALE if self.gap else snapshot.quality,
            "reason": self.gap,
            "trading": None if trading is None else trading.state,
            "as_of": snapshot.ts_event // 1_000_000,
            "received": snapshot.ts_received // 1_000_000,
            "roots": [
                _root_header(priced.roots[name], terms[name], beside.surfaces.get(name, NO_SURFACE))
                for name in sorted(priced.roots)
            ],
        }


def _snapshot_of(table: ChainTable, part: ChainPart) -> ChainSnapshot:
    return ChainSnapshot(
        listing=part.listing,
        values=part.values,
        ts_rows=part.ts_event,
        spot=table.spot,
        source=table.source,
        quality=table.quality,
        ts_event=table.ts_event,
        ts_received=table.ts_received,
        rejected=table.rejected,
    )


def _keep_newer(held: ChainSnapshot, fresh: ChainSnapshot, rejects: Rejects) -> None:
    """Put rows of `held` that are newer into `fresh`: this table is late."""
    older = fresh.ts_rows < held.ts_rows
    if older.any():
        rejects.count(RejectReason.OLDER, int(older.sum()))
        fresh.values[:, older] = held.values[:, older]
        fresh.ts_rows[older] = held.ts_rows[older]


def _columns(state: _Published, positions: NDArray[np.intp]) -> dict[str, Any]:
    """Return rows as they travel (`wire`): whole columns, which orjson writes without objects."""
    vendor = state.snapshot.values[_VENDOR_ROWS]
    return {
        "i": positions,
        "q": np.ascontiguousarray(state.quotes[:, positions]),
        "a": np.ascontiguousarray(state.analytics[:, positions]),
        "t": state.status[positions],
        "f": state.flags[positions],
        "w": state.as_of[positions],
        "v": None if np.isnan(vendor).all() else np.ascontiguousarray(vendor[:, positions]),
    }


def _rows_differ(new: _Published, old: _Published) -> NDArray[np.bool_]:
    same = (new.quotes == old.quotes) | (np.isnan(new.quotes) & np.isnan(old.quotes))
    differ: NDArray[np.bool_] = ~same.all(axis=0)
    differ |= (new.status != old.status) | (new.flags != old.flags)
    a, b = new.analytics, old.analytics
    with np.errstate(invalid="ignore"):
        moved = np.abs(a - b) > _MOVED_SHARE * np.maximum(np.abs(b), _FLOORS)
    differ |= (moved | (np.isnan(a) != np.isnan(b))).any(axis=0)
    return differ


def _root_header(
    analytics: RootAnalytics, terms: RootTerms, surface: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "root": terms.root,
        "style": terms.style,
        "settlement": terms.settlement,
        "settles_at": wire.iso_ns(terms.settles_at_ns),
        "expiry_years": _number(analytics.expiry_years),
        "forward": _number(analytics.forward),
        "rate": _number(analytics.rate),
        "rate_source": analytics.rate_source,
        "dividend_source": analytics.dividend_source,
        "forward_method": analytics.forward_method,
        "forward_pairs": analytics.forward_pairs,
        "atm_iv": _number(analytics.atm_iv),
        "expected_move": _number(analytics.expected_move),
        "model": analytics.model,
        "adjusted": analytics.adjusted,
        **surface,
    }


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.7g}")


def _listing_differs(new: ChainSnapshot, old: ChainSnapshot) -> bool:
    """Tell whether what readers load once (contracts, open interest, rejected rows) changed."""
    if len(new.rejected) != len(old.rejected):
        return True
    if new.listing is not old.listing and new.listing.contracts != old.listing.contracts:
        return True
    return not np.array_equal(new.values[_LISTED_ROWS], old.values[_LISTED_ROWS], equal_nan=True)
