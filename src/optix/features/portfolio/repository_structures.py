"""The SQL of overrides. Everything here takes its owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from optix.features.portfolio.models_structures import StructureOverride
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession


async def list_overrides(session: ReadSession, owner: UserId) -> Sequence[StructureOverride]:
    """Return all overrides of a user, the oldest first."""
    found = await session.scalars(
        select(StructureOverride)
        .where(StructureOverride.user_id == owner)
        .order_by(StructureOverride.created_at, StructureOverride.id)
    )
    return found.all()


async def find_override(
    session: ReadSession, owner: UserId, override_id: UUID
) -> StructureOverride | None:
    return await session.scalar(
        select(StructureOverride).where(
            StructureOverride.user_id == owner, StructureOverride.id == override_id
        )
    )


async def lock_owner(session: WriteSession, owner: UserId) -> None:
    """Let changes of one owner's overrides take turns until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"structures {owner}"))))


async def delete_override(session: WriteSession, owner: UserId, override_id: UUID) -> bool:
    """Return whether there was one."""
    done: Any = await session.execute(
        delete(StructureOverride).where(
            StructureOverride.user_id == owner, StructureOverride.id == override_id
        )
    )
    return bool(done.rowcount)
