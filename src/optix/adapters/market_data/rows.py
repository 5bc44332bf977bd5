"""Rows of option quotes, checked column by column, and single numbers as messages carry them.

A row is served whole or listed as rejected with its reason; it never changes into something else.
Vendor analytics are the exception: an unusable one is blanked and counted, because a good quote
must not vanish for a bad Greek.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.tables import Floats, Rejection, column_of, instants_of
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, QuoteFlag
from optix.kernel.roots import underlying_of

PRICE_MAX = 1_000_000.0  # dollars per share; the dearest listed share costs less
COUNT_MAX = 1_000_000_000.0  # contracts; the whole market trades less in a day
RAW_LENGTH_MAX = 200

_FIRST_NS = 946_684_800 * NANOSECONDS  # the year 2000: no feed of ours is older
_AHEAD_NS = 300 * NANOSECONDS  # how far a vendor's clock may run ahead of ours

# 0 and 1.0000000000000003e-05 are the vendors' words for "no volatility found".
IV_MIN = 1e-4
IV_MAX = 100.0

_QUOTE_LIMITS = {
    "bid": PRICE_MAX,
    "ask": PRICE_MAX,
    "bid_size": COUNT_MAX,
    "ask_size": COUNT_MAX,
    "last": PRICE_MAX,
    "previous_close": PRICE_MAX,
    "volume": COUNT_MAX,
    "open_interest": COUNT_MAX,
}
_ANALYTIC_LIMITS = {
    "vendor_iv": (0.0, IV_MAX),
    "vendor_delta": (-1.001, 1.001),
    "vendor_gamma": (0.0, PRICE_MAX),
    "vendor_theta": (-PRICE_MAX, PRICE_MAX),
    "vendor_vega": (0.0, PRICE_MAX),
    "vendor_rho": (-PRICE_MAX, PRICE_MAX),
    "vendor_price": (0.0, PRICE_MAX),
}
_GREEKS = ("vendor_delta", "vendor_gamma", "vendor_theta", "vendor_vega", "vendor_rho")


@dataclass(slots=True)
class RawRows:
    """Rows as a source gives them: the contract or its text, then one list for each column.

    `None` stands for a null or an absent value. `early` holds rows that were found bad already,
    position to (code, reason).
    """

    contracts: Sequence[object]
    columns: Mapping[str, Sequence[object]]
    describe: Callable[[int], str]
    early: dict[int, tuple[str, str]] = field(default_factory=dict)


class CheckedRows(NamedTuple):
    positions: list[int]  # in the source, of the rows that are served
    contracts: list[OptionContract]
    columns: dict[str, Floats]
    rejections: list[Rejection]
    blanked: dict[str, int]


def check_rows(underlying: str, raw: RawRows) -> CheckedRows:
    """Return the rows of `raw` that can be served and the reasons for all others."""
    count = len(raw.contracts)
    faults = dict(raw.early)
    contracts = _check_contracts(underlying, raw, faults)
    columns = {name: np.full(count, nan) for name in CHAIN_COLUMNS}
    for name, ceiling in _QUOTE_LIMITS.items():
        if name in raw.columns:
            columns[name] = _check_quotes(name, ceiling, raw.columns[name], faults)
    blanked: Counter[str] = Counter()
    for name, bounds in _ANALYTIC_LIMITS.items():
        if name in raw.columns:
            columns[name], unusable = _check_analytics(bounds, raw.columns[name])
            if unusable:
                blanked[name] = unusable
    _blank_sentinels(columns, raw.columns)
    rejections = [
        Rejection(
            RejectedRow(raw=_cut(raw.describe(position)), code=code, reason=reason),
            contracts[position],
        )
        for position, (code, reason) in sorted(faults.items())
    ]
    keep = [position for position in range(count) if position not in faults]
    taken = np.asarray(keep, dtype=np.intp)
    return CheckedRows(
        positions=keep,
        contracts=[contract for p in keep if (contract := contracts[p]) is not None],
        columns={name: values[taken] for name, values in columns.items()},
        rejections=rejections,
        blanked=dict(blanked),
    )


def table_of(
    underlying: str,
    checked: CheckedRows,
    *,
    instants: Sequence[int],
    source: str,
    quality: Quality,
    ts_event: int,
    ts_received: int,
    spot: Quote | None = None,
    complete: bool = True,
    flags: QuoteFlag = QuoteFlag.NONE,
) -> ChainTable:
    """Return checked rows as a table. `instants` are of all rows of the source, 0 where unknown.

    A row without an instant of its own is as old as the table: it cannot be told apart.
    """
    rows = np.array([instants[position] for position in checked.positions], dtype=np.int64)
    rows[rows == 0] = ts_event
    return ChainTable(
        underlying=underlying,
        contracts=checked.contracts,
        columns={name: column_of(values) for name, values in checked.columns.items()},
        source=source,
        quality=quality,
        ts_event=ts_event,
        ts_received=ts_received,
        row_ts_event=instants_of(rows),
        spot=spot,
        complete=complete,
        rejected=[rejection.row for rejection in checked.rejections],
        flags=flags,
    )


def amount_of(value: object, ceiling: float = PRICE_MAX) -> float:
    """Return one number of a message: finite, not negative, at most `ceiling`; else NaN."""
    number = _finite(value) if type(value) in {float, int} else nan
    return number if 0 <= number <= ceiling else nan


def price_of(value: object) -> float:
    """Return the price of something that traded: zero stands for "none" and becomes NaN."""
    number = amount_of(value)
    return number if number > 0 else nan


def refuse_drift(label: str, table: ChainTable, rows: int) -> ChainTable:
    """Return the table unless most of its rows cannot be read: then the format has changed.

    Errors: Unreadable, with the reason of the first row that was rejected.
    """
    if len(table) * 2 < rows:
        reason = table.rejected[0].reason if table.rejected else "They name nothing."
        raise Unreadable(
            f"{rows - len(table)} of {rows} options of {table.underlying} from {label} cannot be "
            f"read, for example: {reason}"
        )
    return table


def analytic_of(name: str, value: object) -> float:
    """Return one vendor analytic of a message within the bounds of its column, else NaN."""
    number = _finite(value) if type(value) in {float, int} else nan
    low, high = _ANALYTIC_LIMITS[name]
    if name == "vendor_iv" and number <= IV_MIN:
        return nan
    return number if low <= number <= high else nan


def instant_of(value: object, unit_ns: int, *, received_ns: int) -> int:
    """Return an instant in nanoseconds, 0 where a vendor's whole number of units cannot be one.

    A float is refused: beyond 2^53 it is another instant. One a little ahead of our clock counts
    as just received.
    """
    if type(value) is not int:
        return 0
    instant = value * unit_ns
    if not _FIRST_NS <= instant <= received_ns + _AHEAD_NS:
        return 0
    return min(instant, received_ns)


def _check_contracts(
    underlying: str, raw: RawRows, faults: dict[int, tuple[str, str]]
) -> list[OptionContract | None]:
    contracts: list[OptionContract | None] = []
    seen: set[OptionContract] = set()
    own_roots: dict[str, bool] = {}
    for position, text in enumerate(raw.contracts):
        contract = text if isinstance(text, OptionContract) else None
        if contract is None:
            try:
                contract = parse_option(text)  # type: ignore[arg-type]  # refuses what is no text
            except MalformedContract as error:
                faults.setdefault(position, ("malformed_symbol", error.detail))
        contracts.append(contract)
        if contract is None or position in faults:
            continue
        root = contract.root
        own = own_roots.get(root)
        if own is None:
            own = own_roots[root] = underlying_of(root) == underlying
        if not own:
            reason = f"The root {root} is of {underlying_of(root)}, not of {underlying}."
            faults[position] = ("other_underlying", reason)
        elif contract in seen:
            reason = f"{contract.key} stands in the source twice; the first row is served."
            faults[position] = ("duplicate_contract", reason)
        else:
            seen.add(contract)
    return contracts


def _check_quotes(
    name: str, ceiling: float, values: Sequence[object], faults: dict[int, tuple[str, str]]
) -> Floats:
    numbers, odd = _numbers(values)
    for position in odd:
        reason = f"Its {name} is {_cut(repr(values[position]), 60)}, not a number."
        faults.setdefault(position, ("not_a_number", reason))
    for position in np.flatnonzero(numbers < 0).tolist():
        reason = f"Its {name} is negative: {values[position]}."
        faults.setdefault(position, ("negative_number", reason))
    for position in np.flatnonzero(numbers > ceiling).tolist():
        reason = f"Its {name} of {_cut(str(values[position]), 60)} is beyond any market."
        faults.setdefault(position, ("absurd_number", reason))
    return numbers


def _check_analytics(bounds: tuple[float, float], values: Sequence[object]) -> tuple[Floats, int]:
    numbers, odd = _numbers(values)
    low, high = bounds
    outside: npt.NDArray[np.bool_] = (numbers < low) | (numbers > high)
    numbers[outside] = nan
    return numbers, len(odd) + int(outside.sum())


def _numbers(values: Sequence[object]) -> tuple[Floats, list[int]]:
    """Return `values` as floats, NaN for None, and the positions of what is no finite number."""
    kinds = set(map(type, values))
    if kinds <= {float, int, type(None)}:
        try:
            numbers = np.array(values, dtype=np.float64)
        except OverflowError:
            pass
        else:
            infinite = ~np.isfinite(numbers)
            odd = [p for p in np.flatnonzero(infinite).tolist() if values[p] is not None]
            numbers[odd] = nan
            return numbers, odd
    numbers = np.full(len(values), nan)
    odd = []
    for position, value in enumerate(values):
        if type(value) in {float, int}:
            number = _finite(value)
            numbers[position] = number
            if number != number:  # noqa: PLR0124 - NaN is the only such number
                odd.append(position)
        elif value is not None:
            odd.append(position)
    return numbers, odd


def _finite(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]  # the caller knows that it is a number
    except OverflowError:
        return nan
    return number if isfinite(number) else nan


def _blank_sentinels(columns: dict[str, Floats], given: Mapping[str, Sequence[object]]) -> None:
    """Turn the vendors' ways of saying "none" into NaN, which is ours."""
    iv = columns["vendor_iv"]
    iv[iv <= IV_MIN] = nan
    for name in ("last", "previous_close"):  # no trade has a price of zero
        columns[name][columns[name] == 0.0] = nan
    greeks = [columns[name] for name in _GREEKS if name in given]
    if greeks:
        # Without a volatility and with every Greek at zero, nothing was computed.
        nothing = np.isnan(iv) & np.all(np.stack(greeks) == 0.0, axis=0)
        for values in (*greeks, columns["vendor_price"]):
            values[nothing] = nan


def _cut(text: str, length: int = RAW_LENGTH_MAX) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
