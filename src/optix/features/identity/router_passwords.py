"""HTTP of making an account and of passwords: /api/v1/auth."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import cookies, schemas
from optix.features.identity.access import FreshUser, StepUpNeeded, identity_of
from optix.features.identity.cookies import AUTH_PATH
from optix.features.identity.mail_codes import MailCodeOver, MailCodeWrong
from optix.features.identity.password_reset import ResetTokenInvalid
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import DisplayNameUnusable, PasswordTooWeak
from optix.features.identity.service import Identity
from optix.platform.http import errors
from optix.platform.origin import origin_of

ME_PATH = "/api/v1/users/me"

router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]


@router.post(
    f"{AUTH_PATH}/register",
    status_code=202,
    responses=errors(PasswordTooWeak, DisplayNameUnusable, PasswordHashingBusy),
)
async def register(
    body: schemas.Registration, request: Request, identity: IdentityDep
) -> schemas.RegistrationStarted:
    """Begin to make an account. A code goes to the address; the answer is the same for all."""
    return await identity.registrations.start(
        body.email, body.password.get_secret_value(), body.display_name, origin_of(request)
    )


@router.post(f"{AUTH_PATH}/register/resend", status_code=202, response_class=Response)
async def resend_registration(body: schemas.RegistrationResend, identity: IdentityDep) -> Response:
    """Have the code sent again. The answer is the same whether or not there is anything to send."""
    await identity.registrations.resend(body.registration_id)
    return Response(status_code=202)


@router.post(
    f"{AUTH_PATH}/verify-email",
    status_code=201,
    responses=errors(MailCodeWrong, MailCodeOver, PasswordHashingBusy),
)
async def verify_email(
    body: schemas.EmailVerification, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Make the account with the code from the mail, and sign in."""
    signed_in = await identity.registrations.verify(
        body.registration_id,
        body.code.get_secret_value(),
        client=body.client,
        device_name=body.device_name,
        origin=origin_of(request),
    )
    response.headers["Location"] = ME_PATH
    return cookies.answer(request, response, signed_in)


@router.post(f"{AUTH_PATH}/password-reset", status_code=202, response_class=Response)
async def start_password_reset(
    body: schemas.PasswordResetRequest, request: Request, identity: IdentityDep
) -> Response:
    """Have a link mailed that sets a new password. The answer is the same for every address."""
    await identity.resets.start(body.email, origin_of(request))
    return Response(status_code=202)


@router.post(
    f"{AUTH_PATH}/password-reset/confirm",
    status_code=204,
    responses=errors(ResetTokenInvalid, PasswordTooWeak, PasswordHashingBusy),
)
async def finish_password_reset(
    body: schemas.PasswordResetConfirmation, request: Request, identity: IdentityDep
) -> None:
    """Set a new password with the token of the mail. All devices are signed out."""
    await identity.resets.finish(
        body.token.get_secret_value(), body.new_password.get_secret_value(), origin_of(request)
    )


@router.post(
    f"{AUTH_PATH}/password",
    status_code=204,
    responses=errors(StepUpNeeded, PasswordTooWeak, PasswordHashingBusy),
)
async def change_password(
    body: schemas.PasswordChange, user: FreshUser, request: Request, identity: IdentityDep
) -> None:
    """Set another password. All other devices are signed out."""
    await identity.accounts.change_password(
        user, body.new_password.get_secret_value(), origin_of(request)
    )


@router.post(f"{AUTH_PATH}/password-strength", responses=errors(PasswordHashingBusy))
async def judge_password(
    body: schemas.PasswordStrengthRequest, identity: IdentityDep
) -> schemas.PasswordStrength:
    """How good a password is, before it is chosen. Nothing is kept."""
    return await identity.passwords.judge(
        body.password.get_secret_value(), email=body.email, display_name=body.display_name
    )
