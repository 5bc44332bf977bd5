"""The audit trail: what happened to somebody's security, in an order that cannot be rewritten.

Each event's hash covers the hash before it, so that a changed, removed or inserted row is found by
`verify`. The numbering and chaining is done by one function inside the database under one lock, so
callers record last in their transaction. Rows can only be appended; only retention takes away, from
the old end, and keeps the hash it cut at. Whoever owns the database can rebuild the whole chain:
that is why each head is also written to the log, which leaves the machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, cast

import structlog
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select, text

from optix.kernel.ids import SessionId, UserId
from optix.platform import account_events
from optix.platform.audit_models import SecurityChain, SecurityEventRow
from optix.platform.db import Database, ReadSession, WriteSession
from optix.platform.origin import SYSTEM_ORIGIN, Origin
from optix.platform.telemetry import redacted

log = structlog.get_logger(__name__)

Outcome = Literal["success", "failure"]
Detail = Mapping[str, str | int | bool | None]

KIND_LENGTH_MAX: Final = 64
DETAIL_LENGTH_MAX: Final = 2_048
EVENTS_PER_PAGE_MAX: Final = 200
VERIFY_ROWS_AT_ONCE: Final = 1_000
GENESIS: Final = bytes(32)  # what the first event follows


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What happened. `kind` is dotted words, thing before act: `password.changed`.

    `user_id` is whose security it is about; `actor_id` who did it, where that is somebody else.
    """

    kind: str
    outcome: Outcome = "success"
    user_id: UserId | None = None
    actor_id: UserId | None = None
    session_id: SessionId | None = None
    detail: Detail = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event as it stands in the trail."""

    seq: int
    at: datetime
    event: SecurityEvent
    origin: Origin
    chain_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What `verify` found. `broken_at` is the first event that does not fit, None if all do."""

    checked: int
    first_seq: int
    last_seq: int
    head_hash: str
    broken_at: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


_APPEND = text(
    "SELECT seq, chain_hash FROM optix_append_security_event(:at, :kind, :outcome, :user_id, "
    ":actor_id, :session_id, :address, :user_agent, :request_id, :detail, :digest)"
)


async def record(
    session: WriteSession, event: SecurityEvent, origin: Origin, now: datetime
) -> RecordedEvent:
    """Append `event` to the trail, in the caller's transaction and best as its last act.

    Works in a user's own transaction too. What `detail` says is cleaned of secrets like a log line.

    Effects: writes security_event and security_chain; holds the chain's lock until the transaction
             ends; writes the new head to the log once it is committed. What the user is to see at
             once is left for the worker (`account_events`).
    """
    assert len(event.kind) <= KIND_LENGTH_MAX
    detail = json.dumps(redacted(event.detail), sort_keys=True, separators=(",", ":"))
    assert len(detail) <= DETAIL_LENGTH_MAX, f"the detail of {event.kind} is too long"
    values = {
        "at": now,
        "kind": event.kind,
        "outcome": event.outcome,
        "user_id": event.user_id,
        "actor_id": event.actor_id,
        "session_id": event.session_id,
        "address": origin.address,
        "user_agent": origin.user_agent,
        "request_id": origin.request_id,
        "detail": detail,
    }
    await account_events.tell(session, event, now)
    row = (await session.execute(_APPEND, {**values, "digest": _digest(values)})).one()

    def say(_session: object) -> None:
        log.info(
            "security_event",
            kind=event.kind,
            outcome=event.outcome,
            user_id=str(event.user_id),
            seq=row.seq,
            chain_hash=row.chain_hash.hex(),
        )

    sqlalchemy_event.listen(session.sync_session, "after_commit", say, once=True)
    return RecordedEvent(seq=row.seq, at=now, event=event, origin=origin, chain_hash=row.chain_hash)


async def record_alone(
    database: Database, event: SecurityEvent, origin: Origin, now: datetime
) -> None:
    """Record in a transaction of its own: what failed leaves no other trace."""
    async with database.writing() as session:
        await record(session, event, origin, now)


async def list_events(
    session: ReadSession,
    *,
    user_id: UserId | None = None,
    kind_prefix: str = "",
    outcome: Outcome | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before_seq: int | None = None,
    limit: int = EVENTS_PER_PAGE_MAX,
) -> Sequence[RecordedEvent]:
    """Return events that fit all filters, newest first; `before_seq` continues a page."""
    row = SecurityEventRow
    query = select(row).order_by(row.seq.desc()).limit(min(limit, EVENTS_PER_PAGE_MAX))
    if user_id is not None:
        query = query.where(row.user_id == user_id)
    if kind_prefix:
        query = query.where(row.kind.startswith(kind_prefix, autoescape=True))
    if outcome is not None:
        query = query.where(row.outcome == outcome)
    if since is not None:
        query = query.where(row.at >= since)
    if until is not None:
        query = query.where(row.at < until)
    if before_seq is not None:
        query = query.where(row.seq < before_seq)
    return [_to_recorded(found) for found in await session.scalars(query)]


async def verify(database: Database) -> ChainReport:
    """Compute the whole chain anew and compare it with what is stored.

    Read in one snapshot, so that events recorded meanwhile do no harm.
    """
    async with database.reading() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        ends = await session.get(SecurityChain, 1)
        seq, chained = (ends.anchor_seq, ends.anchor_hash) if ends else (0, GENESIS)
        first, checked = seq + 1, 0

        def report(reason: str = "", broken_at: int | None = None) -> ChainReport:
            return ChainReport(
                checked=checked,
                first_seq=first,
                last_seq=seq,
                head_hash=chained.hex(),
                broken_at=broken_at,
                reason=reason,
            )

        while rows := await _rows_after(session, seq if checked else 0):
            for row in rows:
                if row.seq != seq + 1:
                    return report(f"event {seq + 1} is missing", seq + 1)
                expected = chain_hash(chained, row.seq, _digest(_values(row)))
                if row.chain_hash != expected:
                    return report(f"event {row.seq} is not what was recorded", row.seq)
                seq, chained, checked = row.seq, expected, checked + 1
            session.expunge_all()
        if ends is not None and (ends.head_seq, ends.head_hash) != (seq, chained):
            return report(f"the events after {seq} are missing", seq + 1)
        return report()


async def retain(session: WriteSession, before: datetime, now: datetime) -> int:
    """Take away the events older than `before`, from the old end; return how many.

    Effects: deletes from security_event; keeps the hash of the last one taken away as the anchor of
             the chain, and records `audit.trimmed`.
    """
    taken = int(
        await session.scalar(
            text("SELECT optix_retain_security_events(:before)"), {"before": before}
        )
        or 0
    )
    if taken:
        detail: Detail = {"events": taken, "before": before.isoformat()}
        await record(
            session, SecurityEvent(kind="audit.trimmed", detail=detail), SYSTEM_ORIGIN, now
        )
    return taken


def chain_hash(before: bytes, seq: int, digest: bytes) -> bytes:
    """Return the hash of event `seq`; the database function computes the same."""
    return hashlib.sha256(before + seq.to_bytes(8, "big", signed=True) + digest).digest()


async def _rows_after(session: ReadSession, seq: int) -> Sequence[SecurityEventRow]:
    query = select(SecurityEventRow).where(SecurityEventRow.seq > seq)
    rows = await session.scalars(query.order_by(SecurityEventRow.seq).limit(VERIFY_ROWS_AT_ONCE))
    return rows.all()


_COVERED: Final = (
    "at", "kind", "outcome", "user_id", "actor_id", "session_id", "address", "user_agent",
    "request_id", "detail",
)  # fmt: skip


def _digest(values: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of everything an event says but its number."""
    said = [
        value.isoformat() if isinstance(value, datetime) else value and str(value)
        for value in (values[name] for name in _COVERED)
    ]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def _values(row: SecurityEventRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _COVERED}


def _to_recorded(row: SecurityEventRow) -> RecordedEvent:
    return RecordedEvent(
        seq=row.seq,
        at=row.at,
        event=SecurityEvent(
            kind=row.kind,
            outcome=cast("Outcome", row.outcome),
            user_id=UserId(row.user_id) if row.user_id else None,
            actor_id=UserId(row.actor_id) if row.actor_id else None,
            session_id=SessionId(row.session_id) if row.session_id else None,
            detail=json.loads(row.detail),
        ),
        origin=Origin(row.address, row.user_agent, row.request_id),
        chain_hash=row.chain_hash,
    )
