"""Who sends this request: the dependencies that guard a route, for every feature.

@router.get("/things")
async def list_things(user: CurrentUser, session: OwnReadSessionDep) -> ThingList: ...

The own sessions are transactions in which PostgreSQL shows the current user's rows only; routes of
tenant data take no other. `FreshUser` is for what needs a proof of who somebody is that is only
minutes old; `requires(Permission.X)` is for what not everybody may do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from optix.features.identity.accounts import AccountGone
from optix.features.identity.permissions import Permission, may
from optix.features.identity.service import AuthenticatedUser, Identity, SessionEnded
from optix.features.identity.tokens import AccessTokenExpired, AccessTokenInvalid
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import Forbidden, Unauthenticated
from optix.platform.db import ReadSession, WriteSession, database_of

# What any guarded route may answer with 401.
AUTHENTICATION_ERRORS = (
    Unauthenticated,
    AccessTokenInvalid,
    AccessTokenExpired,
    SessionEnded,
    AccountGone,
)


class StepUpNeeded(Forbidden):
    """`fields["methods"]` names the ways to step up, separated by spaces."""

    code = "step_up_needed"
    next_step = "Prove again who you are (`POST /api/v1/auth/step-up`), then send it again."


class PermissionMissing(Forbidden):
    code = "permission_missing"
    next_step = "Ask an administrator to do it, or to make you one."


_bearer = HTTPBearer(auto_error=False, scheme_name="AccessToken", bearerFormat="JWT")


def identity_of(connection: HTTPConnection) -> Identity:
    """Return the identity services of the app that serves this request."""
    return cast("Identity", connection.app.state.identity)


async def current_user(
    connection: HTTPConnection,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> AuthenticatedUser:
    """Errors: Unauthenticated, AccessTokenInvalid, AccessTokenExpired, SessionEnded."""
    if given is None:
        raise Unauthenticated("This address needs a login.")
    return identity_of(connection).authenticator.verify(given.credentials)


CurrentUser = Annotated[AuthenticatedUser, Depends(current_user)]


async def fresh_user(connection: HTTPConnection, user: CurrentUser) -> AuthenticatedUser:
    """Errors: those of `current_user`; StepUpNeeded."""
    identity = identity_of(connection)
    proved_ns = user.stepped_up_at_ns
    age_ns_max = limits.STEP_UP_SECONDS * NANOSECONDS
    if proved_ns is None or identity.clock.now_ns() - proved_ns > age_ns_max:
        methods = await identity.step_up_methods(user.id)
        raise StepUpNeeded(
            "This needs a fresh proof of who you are.", fields={"methods": " ".join(methods)}
        )
    return user


FreshUser = Annotated[AuthenticatedUser, Depends(fresh_user)]


def requires(
    permission: Permission, *, fresh: bool = False
) -> Callable[[HTTPConnection, AuthenticatedUser], Awaitable[AuthenticatedUser]]:
    """Return the dependency that lets only users with `permission` through.

    With `fresh` they must have stepped up as well.
    Errors: those of `current_user`; PermissionMissing; StepUpNeeded.
    """

    async def permitted_user(connection: HTTPConnection, user: CurrentUser) -> AuthenticatedUser:
        if not may(user.role, permission):
            raise PermissionMissing(f"Your account may not do this ({permission}).")
        return await fresh_user(connection, user) if fresh else user

    return permitted_user


# Named here for features above, which do not know the permissions themselves.
may_read_health = requires(Permission.READ_HEALTH)


async def own_read_session(
    connection: HTTPConnection, user: CurrentUser
) -> AsyncIterator[ReadSession]:
    async with database_of(connection).reading(owner=user.id) as session:
        yield session


async def own_write_session(
    connection: HTTPConnection, user: CurrentUser
) -> AsyncIterator[WriteSession]:
    async with database_of(connection).writing(owner=user.id) as session:
        yield session


# Function scope for the reason given beside `WriteSessionDep`.
OwnReadSessionDep = Annotated[ReadSession, Depends(own_read_session, scope="function")]
OwnWriteSessionDep = Annotated[WriteSession, Depends(own_write_session, scope="function")]
