"""Finding and reading Lean's zips: which files make up a day, and what their lines say.

A zip holds one CSV for each contract, whose name is the contract. Prices are in deci-cents (a
ten-thousandth of a dollar), except in index files, which are in points. Times are milliseconds
since midnight: in New York, but in Chicago for indices. A missing side is an empty field.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from math import isfinite, isnan, nan
from pathlib import Path

from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay.tape import FILE_BYTES_MAX
from optix.adapters.market_data.rows import COUNT_MAX, PRICE_MAX
from optix.kernel.instrument import MalformedContract, OptionContract, contract_of
from optix.kernel.roots import underlying_of

DECI_CENTS = 10_000
DAY_MS = 86_400_000
EXAMPLES_MAX = 200

_FILE = re.compile(
    r"(?P<day>\d{8})_(?P<type>quote|trade|openinterest)_(?:american|european)\.zip(?:\.zip)?",
    re.ASCII | re.IGNORECASE,
)
_MEMBER = re.compile(
    r"\d{8}_(?P<root>[a-z0-9]+)_minute_(?:quote|trade|openinterest)_(?:american|european)_"
    r"(?P<right>call|put)_(?P<strike>\d+)_(?P<expiration>\d{8})\.csv",
    re.ASCII | re.IGNORECASE,
)


class TickType(StrEnum):
    QUOTE = "quote"
    TRADE = "trade"
    OPEN_INTEREST = "openinterest"


_LENGTHS = {TickType.QUOTE: 11, TickType.TRADE: 6, TickType.OPEN_INTEREST: 2}


@dataclass(frozen=True, slots=True)
class LeanFile:
    path: Path
    day: date
    root: str
    tick_type: TickType


@dataclass(slots=True)
class Events:
    """Lines of one day as columns. `values` has four numbers for each line, NaN where unused.

    Quote: bid, ask, bid size, ask size. Trade: last, volume. Open interest: the interest.
    """

    contracts: list[OptionContract] = field(default_factory=list)
    time_ms: array[int] = field(default_factory=lambda: array("i"))
    contract: array[int] = field(default_factory=lambda: array("i"))
    tick_type: array[int] = field(default_factory=lambda: array("b"))
    values: array[float] = field(default_factory=lambda: array("d"))
    lines: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def reject(self, code: str, where: str, line: str) -> None:
        self.rejected[code] += 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(f"{where}: {line[:120]}")


def lean_file(path: Path) -> LeanFile | None:
    """Return what a path is by its name, None if it is no option minute zip."""
    found = _FILE.fullmatch(path.name)
    if found is None:
        return None
    try:
        day = parse_day(found["day"])
    except ValueError:
        return None
    return LeanFile(path, day, path.parent.name.upper(), TickType(found["type"].lower()))


def parse_day(text: str) -> date:
    """Return the date of YYYYMMDD. Raises ValueError."""
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a date, no instant


def read_events(files: list[LeanFile]) -> Events:
    """Return the lines of all files of one underlying and day. Raises UnreadableRecording."""
    events = Events()
    positions: dict[OptionContract, int] = {}
    for file in sorted(files, key=lambda file: (list(TickType).index(file.tick_type), file.path)):
        for name, text in iter_members(file.path):
            lines = text.splitlines()
            events.lines += len(lines)
            contract = _contract(name, file)
            if contract is None:
                for line in lines:
                    events.reject("malformed_contract", f"{file.path.name}/{name}", line)
                if not lines:
                    events.examples.append(f"{file.path.name}/{name}: no contract and no line")
                continue
            position = positions.setdefault(contract, len(positions))
            if position == len(events.contracts):
                events.contracts.append(contract)
            _read_lines(events, position, file, name, lines)
    return events


def iter_members(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of the CSVs in a zip. Raises UnreadableRecording."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) > FILE_BYTES_MAX:
                raise UnreadableRecording(
                    f"{path.name} unpacks to more than {FILE_BYTES_MAX} bytes."
                )
            if not members:
                raise UnreadableRecording(f"{path.name} is a zip without any file in it.")
            for member in members:
                yield member.filename, archive.read(member).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        size = path.stat().st_size
        why = "is empty" if size == 0 else f"is no whole zip file ({str(error).rstrip('.')})"
        raise UnreadableRecording(f"{path.name} {why}.") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableRecording(f"{path.name} cannot be read: {reason}.") from error


def _contract(name: str, file: LeanFile) -> OptionContract | None:
    found = _MEMBER.fullmatch(name)
    if found is None:
        return None
    strike_ten_thousandths = int(found["strike"])
    if strike_ten_thousandths % 10 or len(found["strike"]) > 12:
        return None
    thousandths = strike_ten_thousandths // 10
    strike = f"{thousandths // 1000}.{thousandths % 1000:03d}"
    try:
        expiration = parse_day(found["expiration"])
        contract = contract_of(found["root"].upper(), expiration, found["right"], strike)
    except (ValueError, MalformedContract):
        return None
    return contract if underlying_of(contract.root) == underlying_of(file.root) else None


def _read_lines(events: Events, position: int, file: LeanFile, name: str, lines: list[str]) -> None:
    length = _LENGTHS[file.tick_type]
    kind = list(TickType).index(file.tick_type)
    for line in lines:
        fields = line.split(",")
        if len(fields) != length:
            events.reject("short_line", f"{file.path.name}/{name}", line)
            continue
        try:
            time_ms = int(fields[0])
            values = _values(file.tick_type, fields)
        except ValueError:
            events.reject("not_a_number", f"{file.path.name}/{name}", line)
            continue
        if not 0 <= time_ms < DAY_MS or not _plausible(file.tick_type, values):
            events.reject("absurd_number", f"{file.path.name}/{name}", line)
            continue
        events.time_ms.append(time_ms)
        events.contract.append(position)
        events.tick_type.append(kind)
        events.values.extend(values)


def _values(tick_type: TickType, fields: list[str]) -> tuple[float, float, float, float]:
    if tick_type is TickType.QUOTE:
        bid, ask = fields[4], fields[9]
        return (
            _number(bid) / DECI_CENTS if bid else nan,
            _number(ask) / DECI_CENTS if ask else nan,
            _number(fields[5]),
            _number(fields[10]),
        )
    if tick_type is TickType.TRADE:
        return _number(fields[4]) / DECI_CENTS, _number(fields[5]), nan, nan
    return _number(fields[1]), nan, nan, nan


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _plausible(tick_type: TickType, values: tuple[float, float, float, float]) -> bool:
    """Refuse negative and absurd numbers. NaN is a missing side, of a quote only."""
    a, b, c, d = values
    if tick_type is TickType.QUOTE:
        sizes = 0 <= c <= COUNT_MAX and 0 <= d <= COUNT_MAX
        return sizes and _price_or_missing(a) and _price_or_missing(b)
    if tick_type is TickType.TRADE:
        return 0 < a <= PRICE_MAX and 0 <= b <= COUNT_MAX
    return 0 <= a <= COUNT_MAX


def _price_or_missing(price: float) -> bool:
    return isnan(price) or 0 <= price <= PRICE_MAX
