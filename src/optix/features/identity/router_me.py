"""HTTP of one's own account: /api/v1/users/me."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import schemas
from optix.features.identity.access import (
    CurrentUser,
    OwnReadSessionDep,
    OwnWriteSessionDep,
    identity_of,
)
from optix.features.identity.accounts import get_user, update_user
from optix.features.identity.rules import DisplayNameUnusable
from optix.features.identity.service import Identity
from optix.platform.http import errors, etag, not_modified

ME_PATH = "/api/v1/users/me"

router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]


@router.get(
    ME_PATH, response_model=schemas.User, responses={304: {"description": "You have this state."}}
)
async def get_me(
    user: CurrentUser, session: OwnReadSessionDep, request: Request, response: Response
) -> schemas.User | Response:
    """The signed-in user."""
    found = await get_user(session, user.id)
    tag = etag(found.model_dump_json())
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "private, no-cache"
    return not_modified(request, tag) or found


@router.patch(ME_PATH, responses=errors(DisplayNameUnusable))
async def update_me(
    body: schemas.UserUpdate, user: CurrentUser, session: OwnWriteSessionDep, identity: IdentityDep
) -> schemas.User:
    """Change the signed-in user's profile and preferences."""
    return await update_user(session, user.id, body, identity.clock)
