"""OFX as a tree: SGML of versions 1.x, whose leaves have no ends, and XML of 2.x, with one reader.

Neither is given to an XML parser: there is nothing to declare and nothing to fetch. Entities are
the five that both versions have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from optix.adapters.imports.statements.tables import text_of
from optix.kernel import limits
from optix.ports.statements import StatementUnreadable

ELEMENTS_MAX: Final = 40 * limits.STATEMENT_ROWS_MAX
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9_.]{0,40})\s*(/?)>([^<]*)", re.ASCII)
_ENTITIES: Final = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&apos;", "'"),
    ("&nbsp;", " "),
    ("&amp;", "&"),
)


@dataclass(slots=True)
class Node:
    """An aggregate with children, or a leaf with text."""

    name: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def find(self, *path: str) -> Node | None:
        node: Node | None = self
        for name in path:
            if node is None:
                return None
            node = next((child for child in node.children if child.name == name), None)
        return node

    def value(self, *path: str) -> str:
        """Return the text of a leaf, '' where it is missing."""
        found = self.find(*path)
        return "" if found is None else found.text

    def walk(self, name: str) -> Iterator[Node]:
        """Yield all aggregates of a name, however deep, the outermost only."""
        for child in self.children:
            if child.name == name:
                yield child
            else:
                yield from child.walk(name)


def read_tree(body: bytes) -> Node:
    """Return the OFX element. Errors: StatementUnreadable."""
    text = text_of(body)
    begin = text.upper().find("<OFX>")
    if begin < 0:
        raise StatementUnreadable("The file has no OFX in it.")
    if "<!" in text:
        raise StatementUnreadable("The file declares something, which no statement does.")
    top = Node("")
    stack = [top]
    for count, found in enumerate(_TAG.finditer(text, begin)):
        if count >= ELEMENTS_MAX:
            raise StatementUnreadable(f"The file has more than {ELEMENTS_MAX} elements.")
        closing, name, empty, content = found.groups()
        name = name.upper()
        if closing:
            _close(stack, name)
            continue
        node = Node(name, _plain(content))
        stack[-1].children.append(node)
        if not node.text and not empty:
            if len(stack) > limits.STATEMENT_DEPTH_MAX + _OPEN_LEAVES_MAX:
                raise StatementUnreadable("The file has elements nested deeper than any statement.")
            stack.append(node)
    while len(stack) > 1:
        _close(stack, stack[-1].name)
    ofx = top.find("OFX")
    assert ofx is not None, "its tag was found"
    return ofx


_OPEN_LEAVES_MAX: Final = 48  # empty leaves of SGML, which look like aggregates until these end


def _close(stack: list[Node], name: str) -> None:
    """End an aggregate. What was opened in it and never ended were empty leaves."""
    if all(node.name != name for node in stack[1:]):
        return  # the end of a leaf, which both versions may write
    while stack[-1].name != name:
        leaf = stack.pop()
        stack[-1].children.extend(leaf.children)
        leaf.children = []
    stack.pop()


def _plain(text: str) -> str:
    for entity, character in _ENTITIES:
        text = text.replace(entity, character)
    return " ".join(text.split())
