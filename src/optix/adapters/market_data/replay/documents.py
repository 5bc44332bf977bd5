"""Recorded Cboe documents as a tape: one file, or successive ones in the order of publication."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from optix.adapters.market_data.cboe import quotedata, times, translate, wire
from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay.tape import (
    PROBLEMS_MAX,
    Accounting,
    Tick,
    read_bounded,
    shared_strikes,
)
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.quote import Quality
from optix.ports.market_data import Bar, BarInterval

HEAD_BYTES = 8192

_TIMESTAMP = re.compile(rb'"timestamp"\s*:\s*"([^"]{1,40})"')


class Form(StrEnum):
    JSON = "Cboe document"
    CSV = "Cboe quotedata"


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    form: Form
    published_ns: int


def form_of(head: bytes) -> Form | None:
    """Return what a file is by its first bytes, None if it is no document of Cboe."""
    text = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if text.startswith("{"):
        return Form.JSON
    return Form.CSV if quotedata.looks_like_quotedata(text) else None


class DocumentTape:
    """Plays documents. Reads the first one whole when opened, the others when they are due."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.simulated = False
        self.problems: list[str] = []
        self._cached: tuple[Path, Snapshot] | None = None
        self._files = sorted(
            (file for path in paths if (file := self._place(path)) is not None),
            key=lambda file: (file.published_ns, file.path),
        )
        if not self._files:
            raise UnreadableRecording(" ".join(self.problems) or "There is no document to play.")
        # The first one proves that this is a recording at all: an error here is better than none.
        first = self._load(self._files[0])
        self.description = self._files[0].form.value
        self.start_ns = self._files[0].published_ns
        self.end_ns = self._files[-1].published_ns
        self._symbols = {first.underlying}

    def iter_ticks(self) -> Iterator[Tick]:
        for file in self._files:
            snapshot = self._load_or_note(file)
            if snapshot is None:
                continue
            chains = snapshot.chains()
            yield Tick(
                instant_ns=file.published_ns,
                updates=[snapshot.quote, *chains],
                rows=sum(len(chain) for chain in chains),
                whole=frozenset({snapshot.underlying}),
            )

    def accounting(self) -> Accounting:
        account = Accounting()
        for file in self._files:
            snapshot = self._load_or_note(file)
            if snapshot is None:
                account.rows += 1
                account.rejected["unreadable_document"] += 1
                continue
            served = [contract for chain in snapshot.chains() for contract in chain.contracts]
            account.rows += snapshot.rows
            account.served += len(served)
            account.rejected.update(rejection.row.code for rejection in snapshot.rejections)
            named = [rejection.contract for rejection in snapshot.rejections]
            given = [*served, *(contract for contract in named if contract is not None)]
            shared, lost = shared_strikes(given, served)
            account.shared_strikes += shared
            account.shared_strikes_lost += lost
        return account

    def symbols(self) -> frozenset[str]:
        return frozenset(self._symbols)

    def bars(self, symbol: str, interval: BarInterval) -> list[Bar] | None:  # noqa: ARG002  # a Tape
        return None

    def _place(self, path: Path) -> _File | None:
        """Return the file with its instant, or note why it cannot be played."""
        try:
            head = read_bounded(path, length=HEAD_BYTES)
            form = form_of(head)
            if form is not None:
                return _File(path, form, _published_ns(path, form, head))
            self._note(f"{path.name} is {'no document of Cboe' if head.strip() else 'empty'}.")
        except UnreadableRecording as error:
            self._note(error.detail)
        return None

    def _load(self, file: _File) -> Snapshot:
        if self._cached is None or self._cached[0] != file.path:
            self._cached = (file.path, _load_form(file.path, file.form))
        return self._cached[1]

    def _load_or_note(self, file: _File) -> Snapshot | None:
        try:
            snapshot = self._load(file)
        except UnreadableRecording as error:
            self._note(error.detail)
            return None
        self._symbols.add(snapshot.underlying)
        return snapshot

    def _note(self, problem: str) -> None:
        if problem not in self.problems and len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)


def _published_ns(path: Path, form: Form, head: bytes) -> int:
    """Return the publication, from the file's head where it stands there, else from all of it."""
    if form is Form.CSV:
        try:
            return times.instant_ns(quotedata.published(quotedata.read_quotedata(head)))
        except wire.UnreadableDocument as error:
            raise UnreadableRecording(f"{path.name}: {error.detail}") from error
    if (found := _TIMESTAMP.search(head)) is not None:
        try:
            text = found[1].decode("ascii", errors="replace")
            return times.instant_ns(times.parse_published(text, latest=None, fetched=None))
        except times.BadTime:
            pass  # a time of day without its date: the trades inside tell it
    return _load_form(path, form).published_ns


def _load_form(path: Path, form: Form) -> Snapshot:
    body = read_bounded(path)
    try:
        if form is Form.CSV:
            data = quotedata.read_quotedata(body)
            return quotedata.translate_quotedata(data, quality=Quality.REPLAY)
        document = wire.read_options(body)
        return translate.translate_options(document, fetched_ns=None, quality=Quality.REPLAY)
    except wire.UnreadableDocument as error:
        raise UnreadableRecording(f"{path.name}: {error.detail}") from error
