"""Rolls and wheels: positions that follow each other, and what all of it brought together.

A *roll* closes an option and opens another one of the same company, right and direction in one
order or within five minutes. A *wheel* sells puts until one is assigned, calls against the shares
until they are called away, and may begin again. What follows so is one *chain*: its steps in the
order of events, with the cash of each, so that premium and profit are seen over the whole of it.

Splits and lots are the ledger's: cash here is what the lines of the steps brought, fees included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from optix.features.portfolio.structures.families import underlying_symbol
from optix.features.portfolio.structures.openings import moment_of, moving, tickets_of
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import Asset
from optix.kernel.instrument import Right
from optix.kernel.money import Rounding

_CENT: Final = Decimal("0.01")
_SETTLING: Final = frozenset({ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE})


class ChainKind(StrEnum):
    ROLL = "roll"
    WHEEL = "wheel"


class StepKind(StrEnum):
    OPENED = "opened"
    ROLLED = "rolled"
    CLOSED = "closed"
    EXPIRED = "expired"
    ASSIGNED = "assigned"  # a put was: shares came
    CALLED_AWAY = "called_away"  # a call was: shares went
    EXERCISED = "exercised"
    SHARES_SOLD = "shares_sold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event of a chain. `premium` is the cash of its options, `cash` that of everything."""

    kind: StepKind
    day: date
    at: datetime | None
    closed: Asset | None
    opened: Asset | None
    quantity: Decimal  # of options (of shares where only those moved), without a sign
    premium: Decimal
    cash: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Steps that follow each other. `holds` is what is open of it now, signed, by asset.

    `profit` is what the cash of all steps comes to, None while something is held: then its value is
    a part of the answer.
    """

    id: UUID
    kind: ChainKind
    underlying: str
    steps: tuple[Step, ...]
    holds: tuple[tuple[Asset, Decimal], ...]
    premium: Decimal
    cash: Decimal

    @property
    def is_open(self) -> bool:
        return bool(self.holds)

    @property
    def profit(self) -> Decimal | None:
        return None if self.holds else self.cash


@dataclass(slots=True)
class _Link:
    """A chain while it is read."""

    steps: list[Step]
    holds: dict[str, tuple[Asset, Decimal]]
    rolls: int = 0
    wheel: bool = False


@dataclass(slots=True)
class _Move:
    """What one event did to one asset."""

    asset: Asset
    quantity: Decimal
    cash: Decimal
    kind: ActivityKind
    day: date
    at: datetime | None

    def take(self, size: Decimal) -> _Move:
        """Take so much of it away, with its share of the cash to the cent; the rest stays here."""
        size = min(abs(self.quantity), size)
        share = self.cash * size / abs(self.quantity)
        cash = share if size == abs(self.quantity) else share.quantize(_CENT, Rounding.BOOK)
        quantity = size if self.quantity > 0 else -size
        self.quantity -= quantity
        self.cash -= cash
        return _Move(self.asset, quantity, cash, self.kind, self.day, self.at)


Piece = tuple[_Link, _Move]


@dataclass(slots=True)
class _Reader:
    """Follows the lines of one company in one account. Newer links are looked at first."""

    links: list[_Link] = field(default_factory=list)
    finished: list[_Link] = field(default_factory=list)

    def read(self, moves: Sequence[_Move]) -> None:
        """Take one event: what it settles and closes first, then what it opens."""
        settled = [move for move in moves if move.kind in _SETTLING]
        if settled:
            self._settle(settled)
            return
        pieces: list[Piece] = []
        opening = []
        for move in moves:
            pieces += self._pieces(move)
            if move.quantity:
                opening.append(move)
        for place, (link, move) in enumerate(pieces):
            rolled = next((each for each in opening if _rolls(move, each)), None)
            if rolled is None:
                self._close(link, move)
                continue
            others = [each for _, each in pieces[place + 1 :] if _rolls(each, rolled)]
            size = min(abs(move.quantity), abs(rolled.quantity))
            self._roll(
                link, move, rolled.take(size) if others else rolled.take(abs(rolled.quantity))
            )
            opening = [each for each in opening if each.quantity]
        for move in opening:
            self._open(move)

    def _pieces(self, move: _Move) -> list[Piece]:
        """Take out of a move what closes something that a link holds, the newest link first."""
        found = []
        for link in reversed(self.links):
            held = link.holds.get(move.asset.key)
            if move.quantity and held is not None and (held[1] > 0) != (move.quantity > 0):
                found.append((link, move.take(abs(held[1]))))
        return found

    def _open(self, move: _Move) -> None:
        """Begin a link, or go on with a wheel that holds the shares for a call, or nothing."""
        if move.asset.contract is None:
            return
        step = _step(StepKind.OPENED, [move], opened=move.asset)
        link = self._wheel_for(move)
        if link is None:
            link = _Link([], {})
            self.links.append(link)
        link.steps.append(step)
        _hold(link, move.asset, move.quantity)

    def _wheel_for(self, move: _Move) -> _Link | None:
        assert move.asset.contract is not None, "it is an option"
        if move.quantity > 0:
            return None
        for link in reversed(self.links):
            shares = sum(q for asset, q in link.holds.values() if asset.contract is None)
            sold = sum(
                -many * asset.multiplier
                for asset, many in link.holds.values()
                if asset.contract is not None and asset.contract.right is Right.CALL
            )
            if not link.wheel:
                continue
            if move.asset.contract.right is Right.CALL and shares > sold:
                return link
            if move.asset.contract.right is Right.PUT and not link.holds:
                return link
        return None

    def _close(self, link: _Link, move: _Move) -> None:
        option = move.asset.contract is not None
        kind = StepKind.CLOSED if option else StepKind.SHARES_SOLD
        if move.kind is ActivityKind.EXPIRATION:
            kind = StepKind.EXPIRED
        link.steps.append(_step(kind, [move], closed=move.asset))
        _hold(link, move.asset, move.quantity)
        self._end_if_empty(link)

    def _roll(self, link: _Link, closed: _Move, opened: _Move) -> None:
        link.rolls += 1
        both = [closed, opened]
        step = _step(StepKind.ROLLED, both, closed=closed.asset, opened=opened.asset)
        link.steps.append(step)
        _hold(link, closed.asset, closed.quantity)
        _hold(link, opened.asset, opened.quantity)

    def _settle(self, moves: Sequence[_Move]) -> None:
        """Take an assignment or an exercise: an option that goes, and shares that it moves."""
        options = [move for move in moves if move.asset.contract is not None]
        shares = [move for move in moves if move.asset.contract is None]
        for option in options:
            whole = abs(option.quantity)
            for link, piece in self._pieces(option):
                part = [
                    each.take(abs(each.quantity) * abs(piece.quantity) / whole)
                    for each in shares
                    if each.quantity
                ]
                whole -= abs(piece.quantity)
                link.steps.append(_step(_settled(piece), [piece, *part], closed=option.asset))
                link.wheel |= option.kind is ActivityKind.ASSIGNMENT and bool(part)
                _hold(link, option.asset, piece.quantity)
                for each in part:
                    _hold(link, each.asset, each.quantity)
                self._end_if_empty(link)

    def _end_if_empty(self, link: _Link) -> None:
        """A roll chain ends with nothing held; a wheel may go on with the next put."""
        if not link.holds and not link.wheel:
            self.links.remove(link)
            self.finished.append(link)


def chains_of(account: UUID, lines: Iterable[Activity]) -> tuple[Chain, ...]:
    """Return the chains of one account that have more than one link, the oldest first."""
    events = _events(moving(lines))
    readers: dict[str, _Reader] = {}
    for event in events:
        by_name: dict[str, list[_Move]] = {}
        for move in event:
            name = underlying_symbol(move.asset)
            if name is not None:
                by_name.setdefault(name, []).append(move)
        for name, moves in by_name.items():
            readers.setdefault(name, _Reader()).read(moves)
    found = [
        _chain(account, name, link)
        for name, reader in readers.items()
        for link in (*reader.finished, *reader.links)
        if link.rolls or link.wheel
    ]
    return tuple(sorted(found, key=lambda each: (each.steps[0].day, each.underlying, str(each.id))))


def _events(lines: Sequence[Activity]) -> list[list[_Move]]:
    """Return what happened together: lines of a ticket, and trades within minutes of each other."""
    found: list[list[Activity]] = []
    for ticket in sorted(tickets_of(lines), key=lambda own: moment_of(own[0])):
        last = found[-1] if found else None
        if last is not None and _near(last, ticket):
            last.extend(ticket)
        else:
            found.append(list(ticket))
    return [_moves(event) for event in found]


def _near(event: Sequence[Activity], ticket: Sequence[Activity]) -> bool:
    """Return whether a ticket of trades came within minutes of an event of trades.

    What trades the same asset the other way is an event of its own, or it would close nothing.
    """
    kinds = {line.kind for line in (*event, *ticket)}
    first, second = event[0].at, ticket[0].at
    if kinds != {ActivityKind.TRADE} or first is None or second is None:
        return False
    if {_side(line, back=True) for line in ticket} & {_side(line) for line in event}:
        return False
    return (second - first).total_seconds() <= limits.STRUCTURE_WINDOW_SECONDS


def _side(line: Activity, *, back: bool = False) -> tuple[str, bool]:
    assert line.asset is not None, "the line moves something"
    assert line.quantity is not None, "and how much of it"
    return line.asset.key, (line.quantity > 0) != back


def _moves(event: Sequence[Activity]) -> list[_Move]:
    """Return one move for each asset of an event, fills added up."""
    found: dict[tuple[str, bool], _Move] = {}
    for line in event:
        assert line.asset is not None, "the line moves something"
        assert line.quantity is not None, "and how much of it"
        place = _side(line)
        known = found.get(place)
        if known is None:
            found[place] = _Move(
                line.asset, line.quantity, line.cash.amount, line.kind, line.day, line.at
            )
        else:
            known.quantity += line.quantity
            known.cash += line.cash.amount
    return list(found.values())


def _settled(option: _Move) -> StepKind:
    assert option.asset.contract is not None, "it is an option"
    if option.kind is ActivityKind.EXERCISE:
        return StepKind.EXERCISED
    put = option.asset.contract.right is Right.PUT
    return StepKind.ASSIGNED if put else StepKind.CALLED_AWAY


def _rolls(closed: _Move, opened: _Move) -> bool:
    """Return whether one option was exchanged for another of the same right and direction."""
    old, new = closed.asset.contract, opened.asset.contract
    if old is None or new is None or closed.asset.key == opened.asset.key:
        return False
    return old.right is new.right and (closed.quantity > 0) != (opened.quantity > 0)


def _step(
    kind: StepKind,
    moves: Sequence[_Move],
    *,
    closed: Asset | None = None,
    opened: Asset | None = None,
) -> Step:
    options = [move for move in moves if move.asset.contract is not None]
    return Step(
        kind=kind,
        day=moves[0].day,
        at=moves[0].at,
        closed=closed,
        opened=opened,
        quantity=abs(moves[-1].quantity if kind is StepKind.ROLLED else moves[0].quantity),
        premium=sum((move.cash for move in options), Decimal(0)),
        cash=sum((move.cash for move in moves), Decimal(0)),
    )


def _hold(link: _Link, asset: Asset, quantity: Decimal) -> None:
    _, before = link.holds.get(asset.key, (asset, Decimal(0)))
    after = before + quantity
    if after:
        link.holds[asset.key] = (asset, after)
    else:
        link.holds.pop(asset.key, None)


def _chain(account: UUID, underlying: str, link: _Link) -> Chain:
    first = link.steps[0]
    asset = first.opened or first.closed
    assert asset is not None, "a step opens or closes something"
    name = f"{underlying} {asset.key} {first.day.isoformat()} {first.at} {first.cash}"
    return Chain(
        id=uuid5(account, name),
        kind=ChainKind.WHEEL if link.wheel else ChainKind.ROLL,
        underlying=underlying,
        steps=tuple(link.steps),
        holds=tuple(link.holds.values()),
        premium=sum((step.premium for step in link.steps), Decimal(0)),
        cash=sum((step.cash for step in link.steps), Decimal(0)),
    )
