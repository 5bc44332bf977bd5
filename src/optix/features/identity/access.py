"""Who sends this request: the dependencies that guard a route, for every feature.

@router.get("/things")
async def list_things(user: CurrentUser, session: OwnReadSessionDep) -> ThingList: ...

The own sessions are transactions in which PostgreSQL shows the current user's rows only; routes of
tenant data take no other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from optix.features.identity.service import AccountGone, AuthenticatedUser, Identity
from optix.features.identity.tokens import AccessTokenExpired, AccessTokenInvalid
from optix.kernel.errors import Unauthenticated
from optix.platform.db import ReadSession, WriteSession, database_of

# What any guarded route may answer with 401.
AUTHENTICATION_ERRORS = (Unauthenticated, AccessTokenInvalid, AccessTokenExpired, AccountGone)

_bearer = HTTPBearer(auto_error=False, scheme_name="AccessToken", bearerFormat="JWT")


def identity_of(connection: HTTPConnection) -> Identity:
    """Return the identity services of the app that serves this request."""
    return cast("Identity", connection.app.state.identity)


async def current_user(
    connection: HTTPConnection,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> AuthenticatedUser:
    """Errors: Unauthenticated, AccessTokenInvalid, AccessTokenExpired."""
    if given is None:
        raise Unauthenticated("This address needs a login.")
    return identity_of(connection).authenticator.verify(given.credentials)


CurrentUser = Annotated[AuthenticatedUser, Depends(current_user)]


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
