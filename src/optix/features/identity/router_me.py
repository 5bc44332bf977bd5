"""HTTP of one's own account: /api/v1/users/me."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import cookies, schemas
from optix.features.identity.access import (
    CurrentUser,
    FreshUser,
    OwnReadSessionDep,
    OwnWriteSessionDep,
    StepUpNeeded,
    identity_of,
)
from optix.features.identity.accounts import get_user, update_user
from optix.features.identity.mail_codes import MailCodeOver, MailCodeWrong
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import DisplayNameUnusable
from optix.features.identity.service import Identity
from optix.platform.http import errors, etag, json_bytes, not_modified
from optix.platform.origin import origin_of

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


@router.delete(ME_PATH, status_code=204, responses=errors(StepUpNeeded))
async def delete_me(
    user: FreshUser, request: Request, response: Response, identity: IdentityDep
) -> None:
    """Delete the account with all that belongs to it. It cannot be taken back."""
    await identity.own_data.delete(user, origin_of(request))
    cookies.clear_cookie(request, response)


@router.post(
    f"{ME_PATH}/export",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        **errors(StepUpNeeded),
    },
)
async def export_me(user: FreshUser, request: Request, identity: IdentityDep) -> Response:
    """Everything that is kept of you, as a file."""
    found = await identity.own_data.export(user, origin_of(request))
    return Response(
        json_bytes(found),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="optix-export.json"'},
    )


@router.post(f"{ME_PATH}/email", status_code=202, responses=errors(StepUpNeeded))
async def start_email_change(
    body: schemas.EmailChange, user: FreshUser, request: Request, identity: IdentityDep
) -> schemas.EmailChangeStarted:
    """Begin to move the account to another address: a code goes there, a notice to the old one."""
    return await identity.accounts.start_email_change(user, body.email, origin_of(request))


@router.post(
    f"{ME_PATH}/email/confirm",
    responses=errors(MailCodeWrong, MailCodeOver, PasswordHashingBusy),
)
async def finish_email_change(
    body: schemas.EmailChangeConfirmation,
    user: CurrentUser,
    request: Request,
    identity: IdentityDep,
) -> schemas.User:
    """Move the account with the code that came to the new address."""
    return await identity.accounts.finish_email_change(
        user, body.change_id, body.code.get_secret_value(), origin_of(request)
    )
