"""What administrators see and change. Nothing here lets anybody in as somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from optix.features.identity.schemas import Role, Schema


class AdminUser(Schema):
    id: UUID
    email: str
    display_name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None = Field(description="Since when nobody can sign in to it.")
    second_factor: bool
    last_seen_at: datetime | None = Field(description="When a session of it was last refreshed.")


class AdminUserList(Schema):
    users: Sequence[AdminUser]
    next_cursor: str | None = Field(description="Goes back as `cursor`; null at the end.")


class AdminUserUpdate(Schema):
    """A field left out or null stays as it is. Either change signs the user out everywhere."""

    role: Role | None = None
    disabled: bool | None = None


class AuditEvent(Schema):
    seq: int
    at: datetime
    kind: str
    outcome: Literal["success", "failure"]
    user_id: UUID | None = Field(description="Whose security it is about.")
    actor_id: UUID | None = Field(description="Who did it, where that is somebody else.")
    session_id: UUID | None
    address: str | None
    user_agent: str | None
    detail: Mapping[str, str | int | bool | None]


class AuditPage(Schema):
    events: Sequence[AuditEvent]
    next_cursor: str | None = Field(description="Goes back as `cursor`; null at the end.")


class AuditVerification(Schema):
    intact: bool
    checked: int = Field(description="How many events were computed anew.")
    broken_at: int | None = Field(description="The first event that does not fit.")


class ComponentHealth(Schema):
    name: str
    ok: bool
    detail: str


class AdminHealth(Schema):
    components: Sequence[ComponentHealth]
