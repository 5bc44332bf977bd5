"""ThetaData's numbers for trade conditions and exchanges, as OPRA's letters.

Source: ThetaData's tables of conditions and exchanges (spec/providers/thetadata.md).
"""

from __future__ import annotations

import structlog

UNKNOWN = "?"  # no letter of OPRA: a trade that sets no price
NO_CONDITION = 255

# Their numbers are of all markets; these are those that OPRA prints carry. Spreads, straddles and
# combinations are the words of before 2019 for what are package legs now.
CONDITIONS: dict[int, str] = {
    0: "",
    2: "B",
    5: "H",
    6: "F",
    7: "H",
    13: "D",
    18: "I",
    21: "J",
    34: "",
    35: "f",
    36: "f",
    37: "n",
    38: "f",
    39: "",
    40: "A",
    41: "C",
    42: "E",
    43: "G",
    44: "A",
    46: "",
    95: "S",
    118: "v",
    125: "a",
    126: "b",
    127: "c",
    128: "d",
    129: "e",
    130: "f",
    131: "g",
    132: "h",
    133: "i",
    134: "j",
    135: "k",
    136: "l",
    137: "m",
    138: "n",
    139: "o",
    140: "p",
    141: "q",
    142: "r",
    143: "s",
    144: "t",
    145: "",
    146: "",
    147: "u",
    148: "v",
}

EXCHANGES: dict[int, str] = {
    1: "Q",
    4: "A",
    5: "C",
    6: "I",
    7: "N",
    9: "X",
    11: "B",
    22: "J",
    31: "H",
    42: "W",
    43: "M",
    46: "D",
    47: "T",
    60: "Z",
    65: "E",
    69: "P",
    73: "U",
}

_told: set[tuple[str, int]] = set()
_TOLD_MAX = 100
_log = structlog.get_logger(__name__)


def condition_letter(code: int) -> str:
    """Return the letter of a condition. An unknown one is told once."""
    if code == NO_CONDITION:
        return ""
    letter = CONDITIONS.get(code)
    if letter is None:
        _tell_once("thetadata_unknown_condition", code)
        return UNKNOWN
    return letter


def exchange_letter(code: int) -> str:
    """Return the letter of an exchange, empty for one that OPRA has not."""
    letter = EXCHANGES.get(code)
    if letter is None:
        _tell_once("thetadata_unknown_exchange", code)
        return ""
    return letter


def _tell_once(event: str, code: int) -> None:
    if (event, code) not in _told and len(_told) < _TOLD_MAX:
        _told.add((event, code))
        _log.warning(event, code=code)
