"""Lines of comma separated text with a header somewhere near the top, within bounds.

Columns are found by their names in whatever order, notes before the header and disclaimers behind
the last row are told from rows, and a field may run over lines.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from optix.adapters.imports.statements.words import RowUnreadable
from optix.kernel import limits
from optix.kernel.activity import Activity
from optix.kernel.errors import InvalidInput
from optix.ports.statements import RowKind, StatementRow, StatementUnreadable

HEADER_LINES_MAX: Final = 30  # notes that may stand before the header


@dataclass(frozen=True, slots=True)
class Row:
    """One row, by the names of its columns, which are lower case without currency and unit."""

    line: int
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "").strip()

    def first(self, *names: str) -> str:
        """Return the first of some columns that says something."""
        return next((self[name] for name in names if self[name]), "")


@dataclass(frozen=True, slots=True)
class Table:
    """`notes` stand before the header. `rest` is what is no row: how many fields it has."""

    notes: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    rest: tuple[tuple[int, str], ...]


def text_of(body: bytes) -> str:
    """Return a file as text. Errors: StatementUnreadable beyond the bounds, or where it is none."""
    if len(body) > limits.STATEMENT_BYTES_MAX:
        raise StatementUnreadable(f"The file has more than {limits.STATEMENT_BYTES_MAX} bytes.")
    encoding = "utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise StatementUnreadable("The file is not a text.")
    return text


def has_header(body: bytes, wanted: Sequence[str]) -> bool:
    """Tell whether one of the first lines names all `wanted` columns."""
    try:
        head = text_of(body[: limits.IMPORT_HEAD_BYTES_MAX])
    except StatementUnreadable:
        return False
    try:
        lines = list(_lines(head, rows_max=HEADER_LINES_MAX, lenient=True))
    except StatementUnreadable:
        return False
    return any(set(wanted) <= set(map(column_name, fields)) for _, fields in lines)


def read_table(body: bytes, wanted: Sequence[str]) -> Table:
    """Return the rows under the header that names all `wanted` columns.

    Errors: StatementUnreadable without such a header, and beyond the bounds.
    """
    notes: list[str] = []
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    rest: list[tuple[int, str]] = []
    for line, fields in _lines(text_of(body), rows_max=limits.STATEMENT_ROWS_MAX):
        if not columns:
            names = tuple(map(column_name, fields))
            if set(wanted) <= set(names):
                columns = names
            elif len(notes) >= HEADER_LINES_MAX:
                break
            else:
                notes.append(",".join(fields))
            continue
        if _is_row(fields, columns):
            rows.append(Row(line, dict(zip(columns, fields, strict=False))))
        else:
            rest.append((line, ",".join(fields).strip(", ")))
    if not columns:
        raise StatementUnreadable(f"No line names the columns {', '.join(wanted)}.")
    return Table(tuple(notes), columns, tuple(rows), tuple(rest))


def _is_row(fields: Sequence[str], columns: Sequence[str]) -> bool:
    # A row may lack its last empty fields, and may end with a comma too many.
    said = [field for field in fields if field.strip()]
    return len(said) >= 3 and 2 * len(fields) > len(columns) and len(fields) <= len(columns) + 1


def column_name(text: str) -> str:
    """Return `amount` for ` Amount ($) `."""
    return re.sub(r"\s*\(\$?\)\s*$", "", text.strip().strip("\ufeff")).strip().lower()


def _lines(text: str, *, rows_max: int, lenient: bool = False) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=False)
    count = 0
    while True:
        begins = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise StatementUnreadable(f"Line {begins} cannot be split into fields.") from None
        if not any(field.strip() for field in fields):
            continue
        count += 1
        if count > rows_max:
            if lenient:
                return
            raise StatementUnreadable(f"The file has more than {rows_max} rows.")
        if (
            len(fields) > limits.STATEMENT_FIELDS_MAX
            or sum(map(len, fields)) > limits.STATEMENT_LINE_LENGTH_MAX
        ):
            raise StatementUnreadable(f"Line {begins} is longer than any row of a statement.")
        yield begins, fields


def rows_of(
    table: Table, account: Callable[[Row], str], read: Callable[[Row], Activity | str]
) -> Iterator[StatementRow]:
    """Yield a verdict on each row. `read` gives a line of history, or why a row is none."""
    for row in table.rows:
        yield verdict(row.line, account(row), lambda row=row: read(row))  # type: ignore[misc]  # bound at once
    for line, text in table.rest:
        yield StatementRow(
            line=line, kind=RowKind.IGNORED, why=f"A note of the broker: {text[:80]}"
        )


def verdict(line: int, account: str, read: Callable[[], Activity | str]) -> StatementRow:
    """Return what a row is, whatever is in it."""
    try:
        found = read()
    except RowUnreadable as error:
        return StatementRow(line=line, account=account, kind=RowKind.UNREADABLE, why=str(error))
    except InvalidInput as error:  # of an amount, a symbol or a contract
        return StatementRow(line=line, account=account, kind=RowKind.UNREADABLE, why=error.detail)
    if isinstance(found, str):
        return StatementRow(line=line, account=account, kind=RowKind.IGNORED, why=found)
    return StatementRow(line=line, account=account, kind=RowKind.LINE, activity=found)
