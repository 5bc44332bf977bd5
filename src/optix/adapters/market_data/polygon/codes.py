"""Polygon's numbers for what OPRA says in letters. Pure.

Conditions are 201 and the place of a capital letter, from 227 on the place of a small one;
exchanges are 300 and the place of the participant's letter. A number without a letter of OPRA's is
told once and left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from optix.kernel import opra

_log = structlog.get_logger(__name__)

CONDITIONS = {
    (201 + ord(letter) - ord("A") if letter.isupper() else 227 + ord(letter) - ord("a")): letter
    for letter in opra.CONDITIONS
}
_SIP = "O"  # OPRA itself, where a print has no exchange
EXCHANGES = {300 + ord(letter) - ord("A"): letter for letter in (*opra.EXCHANGES, _SIP)}

_told: set[object] = set()
_TOLD_MAX = 100


def conditions_of(value: object) -> str:
    """Return the letters of a print's conditions, in the order given."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ""
    return "".join(_letter(CONDITIONS, number, "condition") for number in value)


def exchange_of(value: object) -> str:
    """Return the OPRA letter of an exchange, empty where the source does not say."""
    return "" if value is None else _letter(EXCHANGES, value, "exchange")


def _letter(letters: dict[int, str], number: object, kind: str) -> str:
    found = letters.get(number) if type(number) is int else None
    if found is not None:
        return found
    mark = (kind, repr(number)[:40])
    if mark not in _told and len(_told) < _TOLD_MAX:
        _told.add(mark)
        _log.warning("polygon_unknown_code", kind=kind, number=mark[1])
    return ""
