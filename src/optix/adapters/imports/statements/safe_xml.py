"""XML as a flat list of elements, for files of strangers.

Only elements and attributes are read. A document type, an entity of its own or anything outside the
file ends the reading, and so do depth and number beyond the bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat  # doctypes and entities are refused below

from optix.kernel import limits
from optix.ports.statements import StatementUnreadable

ELEMENTS_MAX = 10 * limits.STATEMENT_ROWS_MAX  # lots and summaries stand between the rows


@dataclass(frozen=True, slots=True)
class Element:
    """An element without what is in it. `path` names those around it, the outermost first."""

    name: str
    path: tuple[str, ...]
    attributes: Mapping[str, str]


def read_elements(body: bytes) -> list[Element]:
    """Return all elements in their order. Errors: StatementUnreadable."""
    if len(body) > limits.STATEMENT_BYTES_MAX:
        raise StatementUnreadable(f"The file has more than {limits.STATEMENT_BYTES_MAX} bytes.")
    found: list[Element] = []
    path: list[str] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(path) >= limits.STATEMENT_DEPTH_MAX:
            raise StatementUnreadable("The file has elements nested deeper than a statement has.")
        if len(found) >= ELEMENTS_MAX:
            raise StatementUnreadable(f"The file has more than {ELEMENTS_MAX} elements.")
        found.append(Element(name, tuple(path), attributes))
        path.append(name)

    def end(_name: str) -> None:
        path.pop()

    def refuse(*_: object) -> NoReturn:
        raise StatementUnreadable("The file declares a document type, which no statement does.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(body, True)  # expat takes it by position
    except (expat.ExpatError, ValueError, LookupError):
        raise StatementUnreadable("The file is no XML that can be read.") from None
    return found
