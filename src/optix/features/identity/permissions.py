"""What a role may do: the one table of it. Nothing else compares roles."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from optix.features.identity.schemas import Role


class Permission(StrEnum):
    """One thing that not everybody may do."""

    READ_USERS = "users.read"
    MANAGE_USERS = "users.manage"
    READ_SESSIONS = "sessions.read"
    END_SESSIONS = "sessions.end"
    READ_AUDIT = "audit.read"
    READ_HEALTH = "health.read"


ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    "user": frozenset(),
    "admin": frozenset(Permission),
}


def may(role: Role, permission: Permission) -> bool:
    return permission in ROLE_PERMISSIONS[role]
