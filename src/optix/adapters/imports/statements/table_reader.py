"""What all statements that are tables have in common; a broker's own words are in its file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from optix.adapters.imports.statements.tables import Row, Table, has_header, read_table, rows_of
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import Asset
from optix.kernel.money import Money, Price
from optix.ports.statements import Statement, StatementAccount, StatementUnreadable


@dataclass(frozen=True, slots=True)
class Action:
    """What a broker's word means. `sign` is that of the quantity; 0 leaves the one in the file."""

    kind: ActivityKind
    sign: int = 0
    effect: PositionEffect | None = None


OPENING, CLOSING = PositionEffect.OPENING, PositionEffect.CLOSING
SIDES: Mapping[str, Action] = {
    "buy": Action(ActivityKind.TRADE, 1),
    "sell": Action(ActivityKind.TRADE, -1),
    "buy to open": Action(ActivityKind.TRADE, 1, OPENING),
    "buy to close": Action(ActivityKind.TRADE, 1, CLOSING),
    "buy to cover": Action(ActivityKind.TRADE, 1, CLOSING),
    "sell to open": Action(ActivityKind.TRADE, -1, OPENING),
    "sell to close": Action(ActivityKind.TRADE, -1, CLOSING),
    "sell short": Action(ActivityKind.TRADE, -1, OPENING),
}


class TableReader(ABC):
    """A format that is a table. `columns` are those that no other format has together."""

    name: ClassVar[str]
    label: ClassVar[str]
    broker: ClassVar[str]
    broker_label: ClassVar[str]
    columns: ClassVar[Sequence[str]]

    def recognises(self, body: bytes) -> bool:
        return has_header(body, self.columns)

    def read(self, body: bytes) -> Statement:
        table = read_table(body, self.columns)
        common = self.account_of_notes(table)
        names: dict[str, str] = {}

        def account(row: Row) -> str:
            key, name = self.account_of(row, common)
            names.setdefault(key, name)
            if len(names) > limits.STATEMENT_ACCOUNTS_MAX:
                raise StatementUnreadable(
                    f"The file has more than {limits.STATEMENT_ACCOUNTS_MAX} accounts."
                )
            return key

        rows = tuple(rows_of(table, account, self.line))
        return Statement(
            format=self.name,
            broker=self.broker,
            broker_label=self.broker_label,
            accounts=tuple(StatementAccount(key, name) for key, name in names.items()),
            rows=rows,
        )

    def account_of_notes(self, table: Table) -> str:
        """Return the account that the notes before the header name."""
        del table
        return ""

    def account_of(self, row: Row, common: str) -> tuple[str, str]:
        """Return number and name of a row's account."""
        del row
        return common, ""

    @abstractmethod
    def line(self, row: Row) -> Activity | str:
        """Return the line of history that a row is, or why it is none."""


def signed(action: Action, quantity: Decimal | None) -> Decimal | None:
    """Return a quantity with its sign, None for nothing."""
    if not quantity:
        return None
    return action.sign * abs(quantity) if action.sign else quantity


def line_of(
    action: Action,
    day: date,
    cash: Decimal,
    *,
    asset: Asset | None = None,
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    fees: Money | None = None,
    settles: date | None = None,
    at: datetime | None = None,
    description: str = "",
) -> Activity:
    """Return a line as tables know it: without an id."""
    kind = action.kind
    if kind is ActivityKind.DEPOSIT and cash < 0:
        kind = ActivityKind.WITHDRAWAL
    elif kind is ActivityKind.WITHDRAWAL and cash > 0:
        kind = ActivityKind.DEPOSIT
    return Activity(
        id="",
        kind=kind,
        status=ActivityStatus.POSTED,
        day=day,
        cash=Money(cash),
        at=at,
        settles=settles,
        asset=asset,
        quantity=quantity,
        price=None if price is None else Price(price),
        fees=fees,
        effect=action.effect,
        description=description,
    )
