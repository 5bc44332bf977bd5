"""Volatility surfaces of what is followed, fitted beside the hot path, and how good they are.

A surface is fitted again when the volatilities it stands on moved, never because time passed. One
underlying at a time, the one that waits longest first, and no more of a core than
`SURFACE_SHARE_MAX`: when more moves than that can fit, surfaces grow older, and their `as_of` says
so. Quotes are never held up. Pure but for what is remembered here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np

from optix.features.market import normalise, wire
from optix.features.market.analytics import STATUS_CODE, PricedChain
from optix.features.market.carry import CarryInputs
from optix.features.market.earnings import without_earnings
from optix.features.market.feed_state import Work
from optix.features.market.listing import Listing, RootKey
from optix.kernel import limits
from optix.quant import arbitrage
from optix.quant.arrays import FloatArray
from optix.quant.slice_quotes import slice_quotes
from optix.quant.surface import SliceMethod, Surface, fit_surface

SLICE_QUOTES_MIN: Final = 5  # a slice has five parameters
MOVED_POINTS: Final = 0.1  # of volatility, by any quote: below it the fit would say the same
METHOD_TEXT: Final = {
    SliceMethod.SVI: "SVI",
    SliceMethod.SVI_MOVED: "SVI, moved: its quotes allow arbitrage",
    SliceMethod.ESSVI: "eSSVI: no SVI slices near the quotes are free of arbitrage",
    SliceMethod.OVERLAY: "SVI with a density on top",
}

Headers = dict[RootKey, dict[str, Any]]


class Slice(NamedTuple):
    """One root and expiration as it was priced last."""

    key: RootKey
    group: int
    listing: Listing
    priced: PricedChain
    carry: CarryInputs
    ts_event: int


def slices_of(work: Work, priced: PricedChain) -> list[Slice]:
    """Return the slices of a chain that was priced."""
    listing, carry = work.snapshot.listing, work.quotes.carry
    return [
        Slice(key, group, listing, priced, carry, work.snapshot.ts_event)
        for group, key in enumerate(listing.keys)
    ]


class _Quotes(NamedTuple):
    """What a slice gives to the surface."""

    years: float
    k: FloatArray
    vol: FloatArray
    low: FloatArray
    high: FloatArray


class _Fitted(NamedTuple):
    quotes: dict[RootKey, _Quotes]
    slices: dict[RootKey, FloatArray]
    atm: dict[RootKey, float | None]
    headers: Headers


def rest_seconds(spent_seconds: float) -> float:
    """Return how long fitting rests after so much work, so that it takes its share of a core."""
    rest = spent_seconds * (1.0 / limits.SURFACE_SHARE_MAX - 1.0)
    return max(limits.CHAIN_PUBLISH_SECONDS, rest)


class Surfaces:
    """The surfaces of all underlyings, at most `SURFACES_KEPT_MAX`."""

    def __init__(self) -> None:
        self._slices: dict[str, dict[RootKey, Slice]] = {}
        self._fitted: dict[str, _Fitted] = {}
        self._waiting: dict[str, None] = {}

    @property
    def backlog(self) -> int:
        """How many underlyings wait for their surface."""
        return len(self._waiting)

    def offer(self, underlying: str, slices: Sequence[Slice]) -> None:
        """Take what was priced of an underlying; whether it moved is found out when it is due."""
        kept = self._slices.setdefault(underlying, {})
        for entry in slices:
            kept[entry.key] = entry
        self._waiting.setdefault(underlying)
        while len(self._slices) > limits.SURFACES_KEPT_MAX:
            self.forget(next(iter(self._slices)))

    def forget(self, underlying: str) -> None:
        """Forget an underlying that nobody follows."""
        self._slices.pop(underlying, None)
        self._fitted.pop(underlying, None)
        self._waiting.pop(underlying, None)

    def keep(self, keys: frozenset[tuple[str, date]]) -> None:
        """Forget slices of expirations that are not among `keys`."""
        for underlying, slices in tuple(self._slices.items()):
            for key in [key for key in slices if (underlying, key[1]) not in keys]:
                del slices[key]
            if not slices:
                self.forget(underlying)

    def next_due(self) -> str | None:
        """Return the underlying that waits longest, None when none does."""
        return next(iter(self._waiting), None)

    def fit(self, underlying: str) -> Headers:
        """Fit an underlying's surface where it moved; return what headers say from now on.

        Fit for another thread than the one that offers. Empty: nothing is new.
        """
        self._waiting.pop(underlying, None)
        slices = dict(self._slices.get(underlying, {}))
        if not slices:
            return {}
        quotes = {key: _quotes_of(entry) for key, entry in slices.items()}
        before = self._fitted.get(underlying)
        atm = {key: entry.priced.roots[key].atm_iv for key, entry in slices.items()}
        if before is not None and not _moved(quotes, before.quotes):
            return {}
        usable = {
            key: columns
            for key, columns in quotes.items()
            if columns.k.size >= SLICE_QUOTES_MIN and columns.years > 0
        }
        headers: Headers = {
            key: {
                "surface": None,
                "surface_reason": (f"Fewer than {SLICE_QUOTES_MIN} sound quotes out of the money."),
            }
            for key in quotes
        }
        found: dict[RootKey, FloatArray] = {}
        if usable:
            known = {} if before is None else before.slices
            found = _fit_into(headers, usable, known, slices)
        _add_earnings(headers, slices)
        self._fitted[underlying] = _Fitted(quotes, found, atm, headers)
        return headers


def _quotes_of(entry: Slice) -> _Quotes:
    """Return the sound two-sided rows out of the money, bid and ask as volatilities.

    The spread becomes volatility by vega: two more solutions of each row would say hardly more.
    """
    priced, listing = entry.priced, entry.listing
    root = priced.roots[entry.key]
    forward = np.nan if root.forward is None or root.adjusted else root.forward
    with np.errstate(invalid="ignore", divide="ignore"):
        k = np.log(listing.strike / forward)
        chosen = (listing.group == entry.group) & (priced.status == STATUS_CODE["ok"])
        chosen &= (priced.flags & normalise.UNSOUND) == 0
        chosen &= np.where(listing.is_call, k >= 0, k < 0) & (priced.vega > 0)
        half = 0.5 * (priced.ask - priced.bid) / (100.0 * priced.vega)
    rows = np.flatnonzero(chosen)
    vol, spread = priced.iv[rows], half[rows]
    return _Quotes(root.expiry_years, k[rows], vol, np.maximum(vol - spread, 1e-4), vol + spread)


def _moved(new: Mapping[RootKey, _Quotes], old: Mapping[RootKey, _Quotes]) -> bool:
    if new.keys() != old.keys():
        return True
    return any(
        columns.vol.size != old[key].vol.size
        or bool((np.abs(columns.vol - old[key].vol) > MOVED_POINTS / 100.0).any())
        for key, columns in new.items()
    )


def _fit_into(
    headers: Headers,
    usable: Mapping[RootKey, _Quotes],
    known: Mapping[RootKey, FloatArray],
    slices: Mapping[RootKey, Slice],
) -> dict[RootKey, FloatArray]:
    """Fit the surface and write its quality into the headers; return the slices by root."""
    keys = sorted(usable, key=lambda key: usable[key].years)
    times, place = np.unique([usable[key].years for key in keys], return_inverse=True)
    counts = [usable[key].k.size for key in keys]
    columns = [np.concatenate([usable[key][n] for key in keys]) for n in range(1, 5)]
    quotes = slice_quotes(
        expiry=np.repeat(place, counts),
        k=columns[0],
        vol=columns[1],
        vol_bid=columns[2],
        vol_ask=columns[3],
        years=times,
    )
    start = None
    if all(key in known for key in keys):
        start = np.array([known[keys[int(np.argmax(place == n))]] for n in range(times.size)])
    surface = fit_surface(quotes, start=start, overlay_years=0)
    free = _free_of_arbitrage(surface)
    quality = surface.quality
    for key, slot in zip(keys, place.tolist(), strict=True):
        inside = float(quality.inside[slot])
        headers[key] = {
            "surface": {
                "error_points": float(f"{100.0 * quality.rmse[slot]:.4g}"),
                "inside": float(f"{inside:.4g}") if np.isfinite(inside) else None,
                "quotes": int(quality.quotes[slot]),
                "arbitrage_free": bool(free[slot]),
                "method": METHOD_TEXT[SliceMethod(int(surface.method[slot]))],
                "as_of": wire.iso_ns(slices[key].ts_event),
            },
            "surface_reason": "",
        }
    return {key: surface.slices[slot] for key, slot in zip(keys, place.tolist(), strict=True)}


def _free_of_arbitrage(surface: Surface) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say which slices have no butterfly and do not cross a neighbour, proven at all strikes."""
    free = arbitrage.butterfly_minimum(surface.slices) >= 0
    crossed = arbitrage.calendar_minimum(surface.slices[:-1], surface.slices[1:]) < 0
    free[1:] &= ~crossed
    free[:-1] &= ~crossed
    return np.asarray(free)


def _add_earnings(headers: Headers, slices: Mapping[RootKey, Slice]) -> None:
    keys = list(slices)
    roots = [slices[key].priced.roots[key] for key in keys]
    carry = next(iter(slices.values())).carry
    counts = np.array(
        [sum(day <= key[1] for day in slices[key].carry.earnings) for key in keys], dtype=np.int64
    )
    found = without_earnings(
        np.array([root.expiry_years for root in roots]),
        np.array([np.nan if root.atm_iv is None else root.atm_iv for root in roots]),
        counts,
    )
    for number, key in enumerate(keys):
        vol = float(found.vol[number])
        known = np.isfinite(vol)
        if carry.earnings_reason:
            reason = carry.earnings_reason
        elif counts[number] == 0:
            reason = "No earnings are known before this expiration."
        else:
            reason = found.reason or "This expiration has no at-the-money volatility."
        headers[key]["atm_iv_ex_earnings"] = float(f"{vol:.7g}") if known else None
        headers[key]["ex_earnings_reason"] = "" if known else reason
