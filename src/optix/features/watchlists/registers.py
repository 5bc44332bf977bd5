"""How edits from several devices become one set of watchlists, whatever order they arrive in. Pure.

Lists and their entries are maps of fields, and each field remembers the stamp of the edit that set
it: the moment it was made on its device, then the edit's id. An edit sets a field only where its
stamp is the greater one. So two devices that were offline merge field by field, the later choice
wins, and an edit that is sent twice changes nothing the second time. Removing is setting `alive`:
what was removed stays known for a while, or an older edit would bring it back.

The order of entries is that of their `rank`, a text between those of its neighbours: moving one
entry is one edit, and two devices that move two entries do not disturb each other.

Source: last-writer-wins registers and maps as in Shapiro et al., "A comprehensive study of
Convergent and Commutative Replicated Data Types", INRIA RR-7506 (2011), section 3.2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.symbols import MalformedSymbol, parse_symbol

Value = str | bool | tuple[str, ...]

LIST_FIELDS: Final = frozenset({"alive", "name", "rank", "columns"})
ENTRY_FIELDS: Final = frozenset({"alive", "rank", "note"})
SECTION: Final = "section:"  # + {uuid}: an entry that is a headline; its text is `note`

_rank = re.compile(rf"[0-9a-z]{{1,{limits.WATCHLIST_RANK_LENGTH_MAX}}}").fullmatch
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Column(StrEnum):
    """What a list can show of a symbol beside its name."""

    LAST = "last"
    CHANGE = "change"
    CHANGE_PERCENT = "change_percent"
    BID = "bid"
    ASK = "ask"
    VOLUME = "volume"
    DAY_RANGE = "day_range"
    SPARKLINE = "sparkline"
    IV = "iv"
    IV_RANK = "iv_rank"
    EXPECTED_MOVE = "expected_move"
    EARNINGS = "earnings"
    POSITION = "position"
    NOTE = "note"


class WatchlistEditInvalid(InvalidInput):
    code = "watchlist_edit_invalid"
    next_step = "Load the watchlists again and repeat the change."


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """When an edit was made: milliseconds since 1970 on its device, never later than it arrived."""

    at_ms: int
    edit: UUID


@dataclass(slots=True)
class Fields:
    """The fields of one list or entry with the stamps that set them."""

    values: dict[str, Value] = field(default_factory=dict)
    stamps: dict[str, Stamp] = field(default_factory=dict)

    def set(self, changes: Mapping[str, Value], stamp: Stamp) -> bool:
        """Take what is newer; return whether anything was."""
        newer = {
            name: value
            for name, value in changes.items()
            if name not in self.stamps or self.stamps[name] < stamp
        }
        changed = any(self.values.get(name) != value for name, value in newer.items())
        self.values.update(newer)
        self.stamps.update(dict.fromkeys(newer, stamp))
        return changed

    @property
    def alive(self) -> bool:
        return self.values.get("alive") is True

    def text(self, name: str) -> str:
        """Return a field that is a text, '' where it was never set."""
        return str(self.values.get(name, ""))


@dataclass(slots=True)
class Watchlist:
    """One list. `entries` has what was removed as well, until it is forgotten."""

    id: UUID
    fields: Fields = field(default_factory=Fields)
    entries: dict[str, Fields] = field(default_factory=dict)

    def shown(self) -> list[tuple[str, Fields]]:
        """Return what is in the list, in its order."""
        alive = [(key, each) for key, each in self.entries.items() if each.alive]
        return sorted(alive, key=lambda pair: (pair[1].text("rank"), pair[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a list, or of one of its entries. `changes` are checked by `check_edit`.

    `at_ms` is None for a change made on what is stored now: it is later than all of that.
    """

    id: UUID
    at_ms: int | None
    list_id: UUID
    entry: str | None
    changes: Mapping[str, Value]


class Verdict(StrEnum):
    APPLIED = "applied"
    SUPERSEDED = "superseded"  # a later edit of the same, here or on another device, stands
    REFUSED = "refused"


class Refusal(StrEnum):
    UNKNOWN_LIST = "unknown_list"
    TOO_MANY_LISTS = "too_many_lists"
    LIST_FULL = "list_full"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one edit."""

    edit: UUID
    verdict: Verdict
    refusal: Refusal | None = None


def apply_edits(
    lists: dict[UUID, Watchlist], edits: Iterable[Edit], *, now_ms: int, symbols_max: int
) -> tuple[list[Outcome], set[UUID]]:
    """Apply edits in the order in which they came; return their outcomes and which lists changed.

    `lists` is changed in place. A moment in the future is taken for now: a device whose clock is
    ahead must not win for ever. Limits are the only thing that depends on the order of arrival.
    """
    outcomes, changed = [], set()
    for edit in edits:
        outcome = _apply(lists, edit, now_ms, symbols_max)
        outcomes.append(outcome)
        if outcome.verdict is Verdict.APPLIED:
            changed.add(edit.list_id)
    return outcomes, changed


def _apply(lists: dict[UUID, Watchlist], edit: Edit, now_ms: int, symbols_max: int) -> Outcome:
    oldest_ms = now_ms - limits.WATCHLIST_EDIT_AGE_SECONDS_MAX * 1_000
    if edit.at_ms is not None and edit.at_ms < oldest_ms:
        return Outcome(edit.id, Verdict.REFUSED, Refusal.TOO_OLD)
    known = lists.get(edit.list_id)
    if known is None and (edit.entry is not None or edit.changes.get("alive") is not True):
        return Outcome(edit.id, Verdict.REFUSED, Refusal.UNKNOWN_LIST)
    wanted = Watchlist(edit.list_id) if known is None else known
    fields = wanted.fields if edit.entry is None else wanted.entries.get(edit.entry, Fields())
    refusal = _no_room(lists, wanted, edit, fields, symbols_max)
    if refusal is not None:
        return Outcome(edit.id, Verdict.REFUSED, refusal)
    if edit.at_ms is None:
        known_ms = max((each.at_ms for each in fields.stamps.values()), default=0)
        stamp = Stamp(max(now_ms, known_ms + 1), edit.id)
    else:
        stamp = Stamp(min(edit.at_ms, now_ms), edit.id)
    applied = fields.set(edit.changes, stamp)
    lists[edit.list_id] = wanted
    if edit.entry is not None:
        wanted.entries[edit.entry] = fields
    return Outcome(edit.id, Verdict.APPLIED if applied else Verdict.SUPERSEDED)


def _no_room(
    lists: Mapping[UUID, Watchlist], wanted: Watchlist, edit: Edit, now: Fields, symbols_max: int
) -> Refusal | None:
    """Return why something cannot come to life that is not alive now."""
    if edit.changes.get("alive") is not True or now.alive:
        return None
    if edit.entry is None:
        living = sum(each.fields.alive for each in lists.values())
        return Refusal.TOO_MANY_LISTS if living >= limits.WATCHLISTS_PER_USER_MAX else None
    section = edit.entry.startswith(SECTION)
    living = sum(key.startswith(SECTION) is section for key, _ in wanted.shown())
    most = limits.WATCHLIST_SECTIONS_MAX if section else symbols_max
    return Refusal.LIST_FULL if living >= most else None


def forget(lists: Mapping[UUID, Watchlist], *, now_ms: int) -> set[UUID]:
    """Let go of entries whose removal no edit can contradict any more; return such lists."""
    before = now_ms - limits.WATCHLIST_REMOVED_KEPT_SECONDS * 1_000

    def is_gone(fields: Fields) -> bool:
        return not fields.alive and all(each.at_ms < before for each in fields.stamps.values())

    for watchlist in lists.values():
        for key in [key for key, fields in watchlist.entries.items() if is_gone(fields)]:
            del watchlist.entries[key]
    return {id_ for id_, each in lists.items() if is_gone(each.fields)}


def check_edit(
    entry: str | None, changes: Mapping[str, Any]
) -> tuple[str | None, dict[str, Value]]:
    """Return an edit's entry and changes in canonical form. Errors: WatchlistEditInvalid."""
    allowed = LIST_FIELDS if entry is None else ENTRY_FIELDS
    strange = sorted(set(changes) - allowed)
    if strange or not changes:
        raise WatchlistEditInvalid(f"A change sets some of: {', '.join(sorted(allowed))}.")
    checked = {name: _checked(name, value) for name, value in changes.items()}
    return (None if entry is None else entry_key(entry)), checked


def entry_key(text: str) -> str:
    """Return the key of an entry: a canonical symbol, or that of a section.

    Errors: WatchlistEditInvalid.
    """
    if text.startswith(SECTION):
        try:
            return f"{SECTION}{UUID(text.removeprefix(SECTION))}"
        except ValueError:
            raise WatchlistEditInvalid("A section is `section:` and a UUID.") from None
    try:
        return parse_symbol(text)
    except MalformedSymbol as error:
        raise WatchlistEditInvalid(error.detail) from None


def _checked(name: str, value: Any) -> Value:
    if name == "alive" and isinstance(value, bool):
        return value
    if name == "columns" and isinstance(value, (list, tuple)):
        return _columns(value)
    if isinstance(value, str):
        if name == "name":
            return tidy_text(value, limits.WATCHLIST_NAME_LENGTH_MAX, empty=False)
        if name == "note":
            return tidy_text(value, limits.WATCHLIST_NOTE_LENGTH_MAX, empty=True)
        if name == "rank" and _rank(value) and not value.endswith("0"):
            return value
    raise WatchlistEditInvalid(f"This is no value for {name}.", fields={name: "is not usable"})


def _columns(values: Sequence[Any]) -> tuple[str, ...]:
    known = {column.value for column in Column}
    wrong = [each for each in values if not isinstance(each, str) or each not in known]
    if wrong or len(set(values)) != len(values):
        raise WatchlistEditInvalid(
            f"Columns are some of: {', '.join(sorted(known))}, each once.",
            fields={"columns": "are not usable"},
        )
    return tuple(str(each) for each in values)


def tidy_text(text: str, most: int, *, empty: bool) -> str:
    """Return a text of people without needless spaces. Errors: WatchlistEditInvalid."""
    tidy = " ".join(text.split())
    if not tidy.isprintable() or len(tidy) > most or (not tidy and not empty):
        raise WatchlistEditInvalid(f"A text has at most {most} visible characters.")
    return tidy


def rank_between(before: str, after: str) -> str:
    """Return a rank between two, of which '' stands for the beginning or the end.

    Ranks are fractions in base 36 without their leading "0." and without closing zeros, so there is
    always one between two different ones. Shape: before < result < after.
    """
    assert not after or before < after, "ranks come in order"
    prefix = ""
    place = 0
    while True:
        low = _DIGITS.index(before[place]) if place < len(before) else 0
        high = _DIGITS.index(after[place]) if after and place < len(after) else len(_DIGITS)
        if high - low > 1:
            return prefix + _DIGITS[(low + high) // 2]
        prefix += _DIGITS[low]
        if high != low:
            after = ""  # whatever follows is below it now
        place += 1


def ranks_after(last: str, count: int) -> list[str]:
    """Return ascending ranks behind `last`, none longer than needed for `count` of them."""
    ranks = []
    for _ in range(count):
        last = _next_rank(last)
        ranks.append(last)
    return ranks


def _next_rank(last: str) -> str:
    """Return a rank a little above `last`: a list that grows at its end keeps short ranks."""
    head = (last[:4] + "0000")[:4]
    number = int(head, 36) + 36
    if number >= 36**4:
        return rank_between(last, "")
    digits = ""
    for _ in range(4):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    digits = digits.rstrip("0")
    return digits if digits > last else rank_between(last, "")
