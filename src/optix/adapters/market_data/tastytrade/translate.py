"""tastytrade's answers into kernel values. Pure: no network, no clock.

REST decimals are texts and stay exact until they become columns. Vendor analytics come by the
stream only (`events`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from math import isnan, nan
from typing import Any

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    RawRows,
    amount_of,
    check_rows,
    instant_of,
    price_of,
    table_of,
)
from optix.adapters.market_data.tastytrade import wire
from optix.adapters.market_data.tastytrade.symbols import vendor_contract
from optix.kernel.chain import ChainTable, RejectedRow
from optix.kernel.clock import NANOSECONDS, to_ns
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import STANDARD_SHARES, is_adjusted, underlying_of
from optix.kernel.symbols import kind_of
from optix.ports.market_data import ChainKey

SOURCE = "tastytrade"
DELAY_SECONDS = 900
SHARES_MAX = 1e12

_REST_COLUMNS = {
    "bid": "bid",
    "ask": "ask",
    "bid-size": "bid_size",
    "ask-size": "ask_size",
    "last": "last",
    "prev-close": "previous_close",
    "volume": "volume",
    "open-interest": "open_interest",
}


@dataclass(frozen=True, slots=True)
class ListedContract:
    contract: OptionContract
    streamer_symbol: str


@dataclass(frozen=True, slots=True)
class Listing:
    """All contracts of one underlying, and what of the answer could not be listed."""

    contracts: Sequence[ListedContract]
    rejected: Mapping[date | None, Sequence[RejectedRow]]

    def of(self, expiration: date) -> list[OptionContract]:
        return [
            listed.contract for listed in self.contracts if listed.contract.expiration == expiration
        ]


def translate_listing(items: Sequence[object], underlying: str) -> Listing:
    """Return what nested chains list. Every root has an item of its own."""
    listed: dict[OptionContract, ListedContract] = {}
    rejected: dict[date | None, list[RejectedRow]] = {}

    def refuse(expiration: date | None, raw: object, code: str, reason: str) -> None:
        row = RejectedRow(raw=repr(raw)[:200], code=code, reason=reason)
        rejected.setdefault(expiration, []).append(row)

    for item in items:
        shares = item.get("shares-per-contract") if isinstance(item, dict) else None
        for strike in _strikes(item):
            for side in ("call", "put"):
                name = strike.get(side)
                if name is None:
                    continue  # a strike may have one side only
                try:
                    contract = parse_option(name)
                except MalformedContract as error:
                    refuse(None, strike, "malformed_symbol", error.detail)
                    continue
                streamer = wire.text(strike.get(f"{side}-streamer-symbol"))
                if underlying_of(contract.root) != underlying:
                    reason = f"The root {contract.root} is not of {underlying}."
                    refuse(contract.expiration, name, "other_underlying", reason)
                elif shares not in {None, STANDARD_SHARES} and not is_adjusted(contract.root):
                    reason = "It delivers something else than a contract of its root does."
                    refuse(contract.expiration, name, "nonstandard_deliverable", reason)
                elif contract in listed:
                    reason = f"{contract.key} stands in the source twice; the first row is served."
                    refuse(contract.expiration, name, "duplicate_contract", reason)
                else:
                    listed[contract] = ListedContract(contract, streamer)
    return Listing(tuple(listed.values()), rejected)


def _strikes(item: object) -> list[Mapping[str, Any]]:
    expirations = item.get("expirations") if isinstance(item, dict) else None
    strikes: list[Mapping[str, Any]] = []
    for expiration in expirations if isinstance(expirations, list) else ():
        rows = expiration.get("strikes") if isinstance(expiration, dict) else None
        strikes += [
            row for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict)
        ]
    return strikes


def translate_chain(
    listing: Listing,
    items: Sequence[object],
    *,
    key: ChainKey,
    spot: Quote | None,
    received_ns: int,
    quality: Quality,
) -> ChainTable:
    """Return one expiration: every listed contract, with its quote where there is one."""
    contracts = listing.of(key.expiration)
    quoted = {
        wire.text(item.get("symbol")).replace(" ", ""): item
        for item in items
        if isinstance(item, dict)
    }
    rows: list[Mapping[str, Any]] = [quoted.get(contract.key, {}) for contract in contracts]
    instants = [updated_ns(row, received_ns) for row in rows]
    ts_event = max(instants, default=0) or undated_ns(received_ns, quality)
    raw = RawRows(
        contracts=contracts,
        columns={
            ours: [_raw(row.get(theirs)) for row in rows] for theirs, ours in _REST_COLUMNS.items()
        },
        describe=lambda position: f"{contracts[position].key} {dict(rows[position])!r}",
    )
    table = table_of(
        key.underlying,
        check_rows(key.underlying, raw),
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=received_ns,
        spot=spot,
    )
    unlisted = [*listing.rejected.get(key.expiration, ()), *listing.rejected.get(None, ())]
    return replace(table, rejected=[*table.rejected, *unlisted]) if unlisted else table


def translate_quote(
    item: Mapping[str, Any], *, symbol: str, received_ns: int, quality: Quality
) -> Quote:
    """Return a security's quote. Raises Unreadable where it has no price at all."""
    bid, ask = amount_of(wire.number(item.get("bid"))), amount_of(wire.number(item.get("ask")))
    last = price_of(wire.number(item.get("last")))
    is_index = kind_of(symbol) is SecurityKind.INDEX
    if is_index and not bid > 0 and not ask > 0:
        bid = ask = nan  # an index is not quoted
    if isnan(last) and isnan(bid) and isnan(ask):
        raise Unreadable(f"tastytrade's quote of {symbol} has no price.")
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        bid=bid,
        ask=ask,
        bid_size=amount_of(wire.number(item.get("bid-size")), COUNT_MAX),
        ask_size=amount_of(wire.number(item.get("ask-size")), COUNT_MAX),
        last=last,
        open=price_of(wire.number(item.get("open"))),
        high=price_of(wire.number(item.get("day-high-price"))),
        low=price_of(wire.number(item.get("day-low-price"))),
        previous_close=price_of(wire.number(item.get("prev-close"))),
        volume=nan if is_index else amount_of(wire.number(item.get("volume")), SHARES_MAX),
        source=SOURCE,
        quality=quality,
        ts_event=updated_ns(item, received_ns) or undated_ns(received_ns, quality),
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def updated_ns(item: Mapping[str, Any], received_ns: int) -> int:
    """Return when a quote changed last, 0 where that cannot be read."""
    told = item.get("updated-at")
    try:
        instant = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return 0
    if instant is None or instant.tzinfo is None or not 2000 <= instant.year <= 2200:
        return 0
    return instant_of(to_ns(instant.astimezone(UTC)), 1, received_ns=received_ns)


def undated_ns(received_ns: int, quality: Quality) -> int:
    """Return how old what came without a time is at least."""
    late = DELAY_SECONDS if quality is Quality.DELAYED else 0
    return received_ns - late * NANOSECONDS


def names_of(contracts: Sequence[OptionContract]) -> list[str]:
    return [vendor_contract(contract) for contract in contracts]


def _raw(value: object) -> object:
    """Return a number of a text, None for "NaN", and what is neither as it came."""
    if isinstance(value, str):
        number = wire.number(value)
        if not isnan(number):
            return number
        return None if value.strip().lower() in {"nan", "", "infinity", "-infinity"} else value
    return value
