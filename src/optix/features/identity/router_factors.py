"""HTTP of second factors, passkeys and stepping up: below /api/v1/auth."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from optix.features.identity import cookies, schemas
from optix.features.identity import schemas_factors as wire
from optix.features.identity.access import (
    CurrentUser,
    FreshUser,
    OwnReadSessionDep,
    OwnWriteSessionDep,
    StepUpNeeded,
    identity_of,
)
from optix.features.identity.challenges import TooManyProofs
from optix.features.identity.cookies import AUTH_PATH
from optix.features.identity.factors import ChallengeInvalid
from optix.features.identity.factors_passkeys import (
    LastWayIn,
    PasskeyNotFound,
    TooManyPasskeys,
)
from optix.features.identity.factors_proofs import ProofWrong
from optix.features.identity.factors_totp import (
    NoFactor,
    TotpCodeWrong,
    TotpMissing,
    TotpSetupMissing,
)
from optix.features.identity.passkeys import PasskeyRefused, PasskeysImpossible
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import DisplayNameUnusable
from optix.features.identity.service import Identity
from optix.features.identity.sessions import AccountDisabled
from optix.features.identity.step_up import StepUpRefused
from optix.platform.http import errors
from optix.platform.one_time import ChallengesUnavailable
from optix.platform.origin import origin_of
from optix.platform.vault import VaultUnavailable

MFA_PATH = f"{AUTH_PATH}/mfa"
PASSKEYS_PATH = f"{AUTH_PATH}/passkeys"
STEP_UP_PATH = f"{AUTH_PATH}/step-up"
ASSOCIATION_SECONDS = 3_600

router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]


# --- the second half of signing in -------------------------------------------------------------


@router.post(
    f"{AUTH_PATH}/login/factor",
    responses=errors(
        ChallengeInvalid,
        ProofWrong,
        TooManyProofs,
        AccountDisabled,
        ChallengesUnavailable,
        VaultUnavailable,
    ),
)
async def login_factor(
    body: wire.SecondFactor, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Sign in with the second factor that a login asked for."""
    signed_in = await identity.factors.finish_login(body, origin_of(request))
    return cookies.answer(request, response, signed_in)


@router.post(
    f"{PASSKEYS_PATH}/authentication/options",
    responses=errors(ChallengeInvalid, PasskeysImpossible, ChallengesUnavailable),
)
async def passkey_sign_in_options(
    body: wire.PasskeyOptionsRequest, identity: IdentityDep
) -> wire.PasskeyOptions:
    """What to ask a device: to sign in alone, or as the second factor of a login."""
    return await identity.factors.passkey_options(body)


@router.post(
    f"{PASSKEYS_PATH}/authentication",
    responses=errors(ProofWrong, AccountDisabled, ChallengesUnavailable),
)
async def passkey_sign_in(
    body: wire.PasskeySignIn, request: Request, response: Response, identity: IdentityDep
) -> schemas.Tokens:
    """Sign in with a passkey alone."""
    signed_in = await identity.factors.sign_in_by_passkey(body, origin_of(request))
    return cookies.answer(request, response, signed_in)


# --- stepping up -------------------------------------------------------------------------------


@router.post(
    STEP_UP_PATH,
    responses=errors(
        StepUpRefused, TooManyProofs, ChallengesUnavailable, PasswordHashingBusy, VaultUnavailable
    ),
)
async def step_up(
    body: wire.StepUp, user: CurrentUser, request: Request, identity: IdentityDep
) -> wire.SteppedUp:
    """Prove again who you are, for what needs it."""
    return await identity.step_up.step_up(user, body.proof, origin_of(request))


@router.post(
    f"{STEP_UP_PATH}/passkey-options",
    responses=errors(PasskeysImpossible, ChallengesUnavailable),
)
async def step_up_passkey_options(user: CurrentUser, identity: IdentityDep) -> wire.PasskeyOptions:
    """What to ask a device for stepping up."""
    return await identity.step_up.passkey_options(user)


# --- authenticator app and recovery codes ------------------------------------------------------


@router.get(MFA_PATH)
async def get_factors(
    user: CurrentUser, session: OwnReadSessionDep, identity: IdentityDep
) -> wire.Factors:
    """What you have set up."""
    return await identity.factors.get_factors(session, user.id)


@router.post(
    f"{MFA_PATH}/setup",
    responses=errors(StepUpNeeded, ChallengesUnavailable, VaultUnavailable),
)
async def set_up_totp(user: FreshUser, identity: IdentityDep) -> wire.TotpSetup:
    """Begin to set up an authenticator app. Nothing changes before its first code is verified."""
    return await identity.totp.set_up(user)


@router.post(
    f"{MFA_PATH}/verify",
    responses=errors(TotpSetupMissing, TotpCodeWrong, ChallengesUnavailable, VaultUnavailable),
)
async def verify_totp(
    body: wire.TotpVerification, user: CurrentUser, request: Request, identity: IdentityDep
) -> wire.RecoveryCodes:
    """Finish setting up with a code of the app. The recovery codes are shown this once."""
    return await identity.totp.verify(user, body.code.get_secret_value(), origin_of(request))


@router.delete(MFA_PATH, status_code=204, responses=errors(StepUpNeeded, TotpMissing))
async def remove_totp(user: FreshUser, request: Request, identity: IdentityDep) -> None:
    """Remove the authenticator app, and the recovery codes with the last factor."""
    await identity.totp.remove(user, origin_of(request))


@router.post(f"{MFA_PATH}/recovery-codes", responses=errors(StepUpNeeded, NoFactor))
async def renew_recovery_codes(
    user: FreshUser, request: Request, identity: IdentityDep
) -> wire.RecoveryCodes:
    """Make a new set of recovery codes; the former one ends."""
    return await identity.totp.renew_recovery_codes(user, origin_of(request))


# --- passkeys ----------------------------------------------------------------------------------


@router.get(PASSKEYS_PATH)
async def list_passkeys(
    user: CurrentUser, session: OwnReadSessionDep, identity: IdentityDep
) -> wire.PasskeyList:
    """Your passkeys, oldest first."""
    return await identity.passkeys.list_own(session, user.id)


@router.post(
    f"{PASSKEYS_PATH}/registration/options",
    responses=errors(StepUpNeeded, PasskeysImpossible, TooManyPasskeys, ChallengesUnavailable),
)
async def passkey_registration_options(
    user: FreshUser, identity: IdentityDep
) -> wire.PasskeyOptions:
    """What to ask a device for a new passkey."""
    return await identity.passkeys.begin(user)


@router.post(
    f"{PASSKEYS_PATH}/registration",
    status_code=201,
    responses=errors(PasskeyRefused, TooManyPasskeys, DisplayNameUnusable, ChallengesUnavailable),
)
async def register_passkey(
    body: wire.PasskeyRegistration,
    user: CurrentUser,
    request: Request,
    response: Response,
    identity: IdentityDep,
) -> wire.PasskeyAdded:
    """Keep the passkey that a device made. The options before it needed the step-up."""
    added = await identity.passkeys.add(user, body, origin_of(request))
    response.headers["Location"] = PASSKEYS_PATH
    return added


@router.patch(
    f"{PASSKEYS_PATH}/{{passkey_id}}", responses=errors(PasskeyNotFound, DisplayNameUnusable)
)
async def rename_passkey(
    passkey_id: UUID,
    body: wire.PasskeyUpdate,
    user: CurrentUser,
    session: OwnWriteSessionDep,
    identity: IdentityDep,
) -> wire.Passkey:
    """Call a passkey something else."""
    return await identity.passkeys.rename(session, user.id, passkey_id, body.name)


@router.delete(
    f"{PASSKEYS_PATH}/{{passkey_id}}",
    status_code=204,
    responses=errors(StepUpNeeded, PasskeyNotFound, LastWayIn),
)
async def remove_passkey(
    passkey_id: UUID, user: FreshUser, request: Request, identity: IdentityDep
) -> None:
    """Remove a passkey, unless it is the last way to sign in."""
    await identity.passkeys.remove(user, passkey_id, origin_of(request))


# --- native apps -------------------------------------------------------------------------------


@router.get("/.well-known/apple-app-site-association")
async def apple_association(response: Response, identity: IdentityDep) -> wire.AppleAssociation:
    """The iOS apps that may use our passkeys."""
    response.headers["Cache-Control"] = f"public, max-age={ASSOCIATION_SECONDS}"
    return identity.native_apps.apple_document()


@router.get("/.well-known/assetlinks.json")
async def asset_links(response: Response, identity: IdentityDep) -> list[wire.AssetLink]:
    """The Android apps that may use our passkeys."""
    response.headers["Cache-Control"] = f"public, max-age={ASSOCIATION_SECONDS}"
    return identity.native_apps.android_document()
