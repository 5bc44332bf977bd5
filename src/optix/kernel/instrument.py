"""Instrument identity: option contracts and the many ways vendors spell them.

One contract has one canonical key, the OCC symbol without padding: root + YYMMDD + C|P + strike in
thousandths on eight digits, `SPXW230914C01200000`. It is unique; (underlying, expiration, right,
strike) is not, because SPX and SPXW share third-Friday strikes. What a root means (underlying,
style, settlement, deliverable) lives in `roots`; symbols of stocks and indices live in `symbols`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from optix.kernel.errors import InvalidInput
from optix.kernel.limits import CONTRACT_TEXT_LENGTH_MAX, STRIKE_MILLI_MAX
from optix.kernel.symbols import MalformedSymbol, parse_symbol, root_of

EXAMPLE = "AAPL250117C00175000"


class Right(StrEnum):
    CALL = "C"
    PUT = "P"


class ExerciseStyle(StrEnum):
    AMERICAN = "american"
    EUROPEAN = "european"


class Settlement(StrEnum):
    """When the settlement value of a contract is set on its settlement day."""

    AM = "am"
    PM = "pm"


class Spelling(StrEnum):
    """How a vendor writes a contract. One example each, all the same contract but for the root."""

    OCC = "occ"  # AAPL250117C00175000: ours; Cboe, Tradier, Alpaca, Yahoo, Webull, Plaid
    OSI = "osi"  # "AAPL  250117C00175000": Schwab, tastytrade, IBKR local symbol, SnapTrade
    POLYGON = "polygon"  # O:AAPL250117C00175000
    DXFEED = "dxfeed"  # .AAPL250117C175: dxFeed, tastytrade streamer symbols
    ETRADE = "etrade"  # AAPL:2025:1:17:CALL:175.00: E*TRADE quote requests
    ETRADE_OSI = "etrade_osi"  # AAPL--250117C00175000: E*TRADE osiKey
    ETRADE_DISPLAY = "etrade_display"  # AAPL Jan 17 '25 $175 Call: E*TRADE displaySymbol


class MalformedContract(InvalidInput):
    """A text or a set of terms that is no option contract."""

    code = "malformed_contract"
    next_step = f"Write the contract like {EXAMPLE}: root, YYMMDD, C or P, strike × 1000."


@dataclass(frozen=True, slots=True)
class OptionContract:
    """One listed option. `strike_milli` is the strike in thousandths of a dollar, exact.

    The constructor trusts its caller; text and vendor fields come in through `parse_option` and
    `contract_of`, which check.
    """

    root: str
    expiration: date
    right: Right
    strike_milli: int

    @property
    def key(self) -> str:
        """The canonical spelling: unpadded OCC symbol."""
        return f"{self.root}{self.expiration:%y%m%d}{self.right}{self.strike_milli:08d}"

    @property
    def strike(self) -> float:
        """Strike in dollars."""
        return self.strike_milli / 1000.0


_RIGHTS = {"C": Right.CALL, "P": Right.PUT, "CALL": Right.CALL, "PUT": Right.PUT}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_THOUSANDTH = Decimal("0.001")
_STRIKE_MAX = Decimal(STRIKE_MILLI_MAX) * _THOUSANDTH
_FIRST_YEAR, _LAST_YEAR = 2000, 2099  # what two digits can say

# A digit before the letters marks a FLEX series (or an adjusted one in old files), a digit after
# them an adjusted one. The look-aheads bound the root, pad included, to six characters.
_ROOT = r"([0-9]?[A-Z]{1,6}[0-9]?)"
_TAIL = r"([0-9]{6})([CP])([0-9]{8})"
_DECIMAL = r"((?:0|[1-9][0-9]{0,4})(?:\.[0-9]{1,3})?)"
_root = re.compile(r"(?=.{1,6}\Z)" + _ROOT, re.ASCII).fullmatch
_occ = re.compile(r"(?=.{16,21}\Z)" + _ROOT + _TAIL, re.ASCII).fullmatch
_osi = re.compile(r"(?=.{21}\Z)" + _ROOT + " *" + _TAIL, re.ASCII).fullmatch
_dashed = re.compile(r"(?=.{21}\Z)" + _ROOT + "-*" + _TAIL, re.ASCII).fullmatch
_plain_decimal = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?", re.ASCII).fullmatch
_dxfeed = re.compile(r"\.([0-9A-Z]+)([0-9]{6})([CP])" + _DECIMAL, re.ASCII).fullmatch
_etrade = re.compile(
    r"([0-9A-Z./-]+):([0-9]{4}):([0-9]{1,2}):([0-9]{1,2}):(C|P|CALL|PUT):" + _DECIMAL, re.ASCII
).fullmatch
_display = re.compile(
    r"([0-9A-Z./-]+) ([A-Z]{3}) ([0-9]{1,2}) '([0-9]{2}) \$" + _DECIMAL + r" (CALL|PUT)", re.ASCII
).fullmatch


def parse_option(text: str) -> OptionContract:
    """Return the contract that `text` spells in any `Spelling`, which is found out from the text.

    Lower case becomes upper case and blanks around the text are dropped, because both are typing
    and change nothing in the meaning. Nothing else is repaired: a strike without its zeros, a pad
    of the wrong length or a date that does not exist is an error, since a guess here is a
    different contract.

    Errors: MalformedContract with what is wrong and an example; never another error.
    """
    try:
        found = _occ(text)
    except TypeError:
        raise MalformedContract(f"A contract is a text, not {type(text).__name__}.") from None
    if found is not None:
        root, yymmdd, right, strike_digits = found.groups()
        return OptionContract(
            sys.intern(root),
            _date_of(yymmdd),
            _RIGHTS[right],
            int(strike_digits) or _refuse_zero_strike(),
        )
    return _parse_other(text)


def format_option(contract: OptionContract, spelling: Spelling) -> str:
    """Return `contract` in a vendor's spelling. `parse_option` reads every one of them back."""
    return _FORMATS[spelling](contract)


def contract_of(
    root: str, expiration: date, right: str, strike: Decimal | int | str
) -> OptionContract:
    """Return the contract of separate fields, as chains with columns deliver them.

    `right` is C, P, CALL or PUT in any case; `strike` is in dollars and exact. A float is refused:
    its owner knows the grid it came from, this function would have to guess it.
    """
    known = _RIGHTS.get(right.upper())
    if known is None:
        raise MalformedContract(f"{_shown(right)} is neither a call (C) nor a put (P).")
    if not _FIRST_YEAR <= expiration.year <= _LAST_YEAR:
        raise MalformedContract(
            f"An expiration lies between {_FIRST_YEAR} and {_LAST_YEAR}, not in {expiration.year}."
        )
    return OptionContract(_checked_root(root), expiration, known, strike_milli_of(strike))


def strike_milli_of(strike: Decimal | int | str) -> int:
    """Return a strike in dollars as thousandths. MalformedContract unless exact and in range."""
    if isinstance(strike, (float, bool)):
        raise MalformedContract("A strike is a decimal text or a Decimal, not a float.")
    if isinstance(strike, str) and not _plain_decimal(strike):
        # Decimal itself would read "1e3", "1_000" and the digits of other scripts.
        raise MalformedContract(f"The strike {_shown(strike)} is not a decimal number.")
    dollars = Decimal(strike)
    if not dollars.is_finite() or not 0 < dollars <= _STRIKE_MAX:
        raise MalformedContract(f"The strike {_shown(strike)} is not within 0.001 to 99999.999.")
    if dollars != (exact := dollars.quantize(_THOUSANDTH)):
        raise MalformedContract(f"The strike {_shown(strike)} has parts below a thousandth.")
    return int(exact.scaleb(3))


def _parse_other(text: str) -> OptionContract:
    if len(text) > CONTRACT_TEXT_LENGTH_MAX:
        raise MalformedContract(f"A contract has at most {CONTRACT_TEXT_LENGTH_MAX} characters.")
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise MalformedContract("The contract is empty.")
    if not stripped.isascii():
        raise MalformedContract(f"{_shown(text)} has characters that no contract has.")
    upper = stripped.upper()
    body = upper.removeprefix("O:")
    if found := _occ(body) or (None if body != upper else _osi(upper) or _dashed(upper)):
        root, yymmdd, right, digits = found.groups()
        milli = int(digits) or _refuse_zero_strike()
        return OptionContract(_checked_root(root), _date_of(yymmdd), _RIGHTS[right], milli)
    if found := _dxfeed(upper):
        root, yymmdd, right, dollars = found.groups()
        milli = strike_milli_of(dollars)
        return OptionContract(_checked_root(root), _date_of(yymmdd), _RIGHTS[right], milli)
    if found := _etrade(upper):
        name, year, month, day, right, dollars = found.groups()
        expiration = _calendar_date(int(year), int(month), int(day))
        return contract_of(_root_of_name(name), expiration, right, dollars)
    if found := _display(upper):
        name, month, day, year, dollars, right = found.groups()
        if month not in _MONTHS:
            raise MalformedContract(f"{_shown(text)}: {month} is not a month.")
        expiration = _calendar_date(2000 + int(year), _MONTHS.index(month) + 1, int(day))
        return contract_of(_root_of_name(name), expiration, right, dollars)
    raise MalformedContract(_diagnosis(text, body))


def _diagnosis(text: str, body: str) -> str:
    """Say which part of an unreadable contract is wrong, from the right, as it would be read."""
    shown = _shown(text)
    if body.startswith("."):
        return (
            f"{shown} is not a dxFeed symbol: after the dot come root, YYMMDD, C or P and the "
            "strike in dollars without padding, like .AAPL250117C175 or .BAC250117P37.5."
        )
    if ":" in body or "'" in body:
        return (
            f"{shown} is no spelling of a listed option; the ones with such marks are "
            "AAPL:2025:1:17:CALL:175.00 and AAPL Jan 17 '25 $175 Call."
        )
    tail, root = body[-15:], body[:-15].rstrip(" -")
    if len(body) < 16:
        return f"{shown} is too short: a contract is like {EXAMPLE}."
    if not tail[7:].isdigit():
        return f"{shown} must end in the strike × 1000 on eight digits, like {EXAMPLE}."
    if tail[6] not in "CP":
        return f"{shown} has no C or P before the eight digits of its strike, unlike {EXAMPLE}."
    if not tail[:6].isdigit():
        return f"{shown} has no expiration YYMMDD before its C or P, unlike {EXAMPLE}."
    if _root(root):
        return (
            f"{shown} is padded wrongly: a root is written without a pad ({EXAMPLE}) "
            "or padded to six characters."
        )
    return f"{shown} has a root that is not one to six letters, with at most a digit at its ends."


def _root_of_name(name: str) -> str:
    # E*TRADE names the underlier: BRK.B there is the root BRKB here.
    if _root(name):
        return name
    try:
        return root_of(parse_symbol(name))
    except MalformedSymbol as error:
        raise MalformedContract(error.detail) from None


@lru_cache(maxsize=4096)
def _checked_root(root: str) -> str:
    if not _root(root):
        raise MalformedContract(
            f"The root {_shown(root)} is not one to six letters, with at most a digit at its ends."
        )
    return root


@lru_cache(maxsize=4096)
def _date_of(yymmdd: str) -> date:
    return _calendar_date(2000 + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:]))


def _calendar_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise MalformedContract(
            f"The expiration {year:04d}-{month:02d}-{day:02d} is not a date of the calendar."
        ) from None


def _refuse_zero_strike() -> int:
    raise MalformedContract(f"The strike is zero; a contract is like {EXAMPLE}.")


def _shown(value: object) -> str:
    """What came in, for a sentence: quoted, and never longer than a line."""
    text = repr(value)
    return text if len(text) <= 50 else f"{text[:47]}..."


def _dollars(strike_milli: int, places_min: int = 0) -> str:
    whole, rest = divmod(strike_milli, 1000)
    decimals = f"{rest:03d}".rstrip("0").ljust(places_min, "0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def _tail_of(contract: OptionContract) -> str:
    return f"{contract.expiration:%y%m%d}{contract.right}{contract.strike_milli:08d}"


def _format_dxfeed(contract: OptionContract) -> str:
    strike = _dollars(contract.strike_milli)
    return f".{contract.root}{contract.expiration:%y%m%d}{contract.right}{strike}"


def _format_etrade(contract: OptionContract) -> str:
    day, strike = contract.expiration, _dollars(contract.strike_milli, places_min=2)
    return f"{contract.root}:{day.year}:{day.month}:{day.day}:{contract.right.name}:{strike}"


def _format_etrade_display(contract: OptionContract) -> str:
    day, strike = contract.expiration, _dollars(contract.strike_milli)
    month = _MONTHS[day.month - 1].capitalize()  # strftime would follow the machine's language
    right = contract.right.name.capitalize()
    return f"{contract.root} {month} {day.day} '{day:%y} ${strike} {right}"


_FORMATS: dict[Spelling, Callable[[OptionContract], str]] = {
    Spelling.OCC: lambda contract: contract.key,
    Spelling.OSI: lambda contract: f"{contract.root:<6}{_tail_of(contract)}",
    Spelling.POLYGON: lambda contract: f"O:{contract.key}",
    Spelling.DXFEED: _format_dxfeed,
    Spelling.ETRADE: _format_etrade,
    Spelling.ETRADE_OSI: lambda contract: f"{contract.root:-<6}{_tail_of(contract)}",
    Spelling.ETRADE_DISPLAY: _format_etrade_display,
}
