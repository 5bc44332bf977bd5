"""HTTP of administration: /api/v1/admin. Each route names the permission it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request

from optix.features.identity.access import PermissionMissing, StepUpNeeded, identity_of, requires
from optix.features.identity.administration import (
    CursorUnreadable,
    LastAdministrator,
    UserNotFound,
)
from optix.features.identity.permissions import Permission
from optix.features.identity.schemas import SessionList, SessionsEnded
from optix.features.identity.schemas_admin import (
    AdminHealth,
    AdminUser,
    AdminUserList,
    AdminUserUpdate,
    AuditPage,
    AuditVerification,
    ComponentHealth,
)
from optix.features.identity.service import AuthenticatedUser, Identity
from optix.kernel import limits
from optix.platform import jobs
from optix.platform.db import ReadSessionDep
from optix.platform.health import check_health
from optix.platform.http import SearchWords, errors
from optix.platform.origin import origin_of

ADMIN_PATH = "/api/v1/admin"

router = APIRouter(tags=["admin"])

IdentityDep = Annotated[Identity, Depends(identity_of)]


Cursor = Annotated[
    str | None, Query(max_length=64, description="`next_cursor` of the page before.")
]
UserManager = Annotated[AuthenticatedUser, Depends(requires(Permission.MANAGE_USERS, fresh=True))]
SessionEnder = Annotated[AuthenticatedUser, Depends(requires(Permission.END_SESSIONS, fresh=True))]
Auditor = Annotated[AuthenticatedUser, Depends(requires(Permission.READ_AUDIT))]


@router.get(
    f"{ADMIN_PATH}/users",
    dependencies=[Depends(requires(Permission.READ_USERS))],
    responses=errors(PermissionMissing, CursorUnreadable),
)
async def list_users(
    identity: IdentityDep,
    q: Annotated[
        SearchWords,
        Query(max_length=limits.SEARCH_TEXT_LENGTH_MAX, description="Part of address or name."),
    ] = "",
    cursor: Cursor = None,
) -> AdminUserList:
    """All users, newest first."""
    return await identity.administration.list_users(q, cursor)


@router.get(
    f"{ADMIN_PATH}/users/{{user_id}}",
    dependencies=[Depends(requires(Permission.READ_USERS))],
    responses=errors(PermissionMissing, UserNotFound),
)
async def get_user(user_id: UUID, identity: IdentityDep) -> AdminUser:
    """One user."""
    return await identity.administration.get_user(user_id)


@router.patch(
    f"{ADMIN_PATH}/users/{{user_id}}",
    responses=errors(PermissionMissing, StepUpNeeded, UserNotFound, LastAdministrator),
)
async def change_user(
    user_id: UUID,
    body: AdminUserUpdate,
    admin: UserManager,
    request: Request,
    identity: IdentityDep,
) -> AdminUser:
    """Change a role, disable or enable. The user is signed out everywhere, at once."""
    return await identity.administration.change_user(admin, user_id, body, origin_of(request))


@router.get(
    f"{ADMIN_PATH}/users/{{user_id}}/sessions",
    dependencies=[Depends(requires(Permission.READ_SESSIONS))],
    responses=errors(PermissionMissing, UserNotFound),
)
async def list_user_sessions(user_id: UUID, identity: IdentityDep) -> SessionList:
    """The devices on which a user is signed in."""
    return await identity.administration.list_sessions(user_id)


@router.delete(
    f"{ADMIN_PATH}/users/{{user_id}}/sessions",
    responses=errors(PermissionMissing, StepUpNeeded, UserNotFound),
)
async def end_user_sessions(
    user_id: UUID, admin: SessionEnder, request: Request, identity: IdentityDep
) -> SessionsEnded:
    """Sign a user out everywhere, at once."""
    ended = await identity.administration.end_sessions(admin, user_id, origin_of(request))
    return SessionsEnded(ended=ended)


@router.get(
    f"{ADMIN_PATH}/audit",
    dependencies=[Depends(requires(Permission.READ_AUDIT))],
    responses=errors(PermissionMissing, CursorUnreadable),
)
async def list_audit_events(
    identity: IdentityDep,
    *,
    user_id: UUID | None = None,
    kind: Annotated[
        SearchWords, Query(max_length=64, description="How the kind begins: `sign_in.`")
    ] = "",
    outcome: Literal["success", "failure"] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: Cursor = None,
) -> AuditPage:
    """Security events, newest first."""
    return await identity.administration.list_events(
        user_id=user_id, kind=kind, outcome=outcome, since=since, until=until, cursor=cursor
    )


@router.post(f"{ADMIN_PATH}/audit/verify", responses=errors(PermissionMissing))
async def verify_audit_trail(
    admin: Auditor, request: Request, identity: IdentityDep
) -> AuditVerification:
    """Compute the chain of the trail anew: has anything been changed or taken away?"""
    return await identity.administration.verify_trail(admin, origin_of(request))


@router.get(
    f"{ADMIN_PATH}/health",
    dependencies=[Depends(requires(Permission.READ_HEALTH))],
    responses=errors(PermissionMissing),
)
async def get_health(request: Request, session: ReadSessionDep) -> AdminHealth:
    """What works and what does not, and what the worker has before it."""
    found = await check_health(request.app.state.health_checks, request.app.version)
    parts = [
        ComponentHealth(name=part.name, ok=part.state == "ok", detail=part.reason)
        for part in found.parts
    ]
    queue = await jobs.measure(session)
    late = queue.oldest_seconds > limits.JOB_LATE_SECONDS
    said = f"{queue.waiting} waiting, {queue.failed} failed"
    parts.append(
        ComponentHealth(
            name="worker",
            ok=not late and not queue.failed,
            detail=f"{said}, oldest {queue.oldest_seconds:.0f} s" if late else said,
        )
    )
    return AdminHealth(components=parts)
