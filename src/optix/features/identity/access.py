"""Who sends this request: the one dependency that guards a route, for every feature.

@router.get("/things")
async def list_things(user: CurrentUser) -> ThingList: ...
"""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from optix.features.identity.service import AccountGone, AuthenticatedUser, Identity
from optix.features.identity.tokens import AccessTokenExpired, AccessTokenInvalid
from optix.kernel.errors import Unauthenticated

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
