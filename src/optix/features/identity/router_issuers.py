"""HTTP of outside issuers: below /api/v1/auth/issuers.

The callback is the one address that a foreign page sends browsers to. It signs nobody in and sends
the browser on to the app, whatever came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from optix.features.identity import cookies, schemas
from optix.features.identity import schemas_factors as wire
from optix.features.identity.access import (
    AUTHENTICATION_ERRORS,
    CurrentUser,
    FreshUser,
    OwnReadSessionDep,
    StepUpNeeded,
    identity_of,
)
from optix.features.identity.cookies import AUTH_PATH
from optix.features.identity.factors_passkeys import LastWayIn
from optix.features.identity.issuers import (
    PARAMETER_LENGTH_MAX,
    IssuerAccountExists,
    IssuerEmailUnverified,
    IssuerFlowInvalid,
    IssuerLinkedElsewhere,
    IssuerNotFound,
    LinkNotFound,
    TooManyIssuers,
)
from optix.features.identity.service import Identity
from optix.features.identity.sessions import AccountDisabled, SignedIn
from optix.platform.http import errors
from optix.platform.one_time import ChallengesUnavailable
from optix.platform.origin import origin_of
from optix.ports.issuers import IssuerAnswerRefused, IssuerUnavailable

ISSUERS_PATH = f"{AUTH_PATH}/issuers"
FORM_FIELDS_MAX = 16

router = APIRouter(tags=["identity"])

IdentityDep = Annotated[Identity, Depends(identity_of)]
IssuerId = Annotated[str, Path(max_length=32, description="As `GET /api/v1/auth/issuers` says.")]
Parameter = Annotated[str | None, Query(max_length=PARAMETER_LENGTH_MAX)]

ONWARD: dict[int | str, dict[str, Any]] = {
    303: {"description": "On to the app, with a code in the fragment, or an error."}
}
FLOW_ERRORS = (IssuerFlowInvalid, IssuerAnswerRefused, IssuerUnavailable, ChallengesUnavailable)


@router.get(ISSUERS_PATH)
async def list_issuers(identity: IdentityDep) -> wire.IssuerList:
    """Who else can say who you are."""
    return identity.issuers.list_configured()


@router.get(f"{ISSUERS_PATH}/linked")
async def list_linked_issuers(
    user: CurrentUser, session: OwnReadSessionDep, identity: IdentityDep
) -> wire.LinkedIssuerList:
    """What is linked to your account, oldest first."""
    return await identity.issuers.list_linked(session, user.id)


@router.post(
    f"{ISSUERS_PATH}/linked",
    responses=errors(*AUTHENTICATION_ERRORS, *FLOW_ERRORS, IssuerLinkedElsewhere, TooManyIssuers),
)
async def finish_linking_issuer(
    body: wire.IssuerFinish, user: CurrentUser, request: Request, identity: IdentityDep
) -> wire.LinkedIssuer:
    """Finish linking with what the app was opened with. Beginning it needed the step-up."""
    return await identity.issuers.finish_linking(user, body, origin_of(request))


@router.delete(
    f"{ISSUERS_PATH}/linked/{{link_id}}",
    status_code=204,
    responses=errors(StepUpNeeded, LinkNotFound, LastWayIn),
)
async def unlink_issuer(
    link_id: UUID, user: FreshUser, request: Request, identity: IdentityDep
) -> None:
    """Unlink an issuer, unless it is the last way to sign in."""
    await identity.issuers.unlink(user, link_id, origin_of(request))


@router.post(
    f"{ISSUERS_PATH}/finish",
    responses=errors(*FLOW_ERRORS, IssuerEmailUnverified, IssuerAccountExists, AccountDisabled),
)
async def finish_issuer_sign_in(
    body: wire.IssuerFinish, request: Request, response: Response, identity: IdentityDep
) -> schemas.SignInAnswer:
    """Sign in with what the app was opened with; some accounts ask for a second factor then."""
    outcome = await identity.issuers.finish(body, origin_of(request))
    if isinstance(outcome, SignedIn):
        return cookies.answer(request, response, outcome)
    return outcome


@router.post(
    f"{ISSUERS_PATH}/{{issuer}}/start",
    responses=errors(IssuerNotFound, IssuerUnavailable, ChallengesUnavailable),
)
async def start_issuer_sign_in(
    issuer: IssuerId, body: wire.IssuerStart, identity: IdentityDep
) -> wire.IssuerRedirect:
    """Begin to sign in at an issuer."""
    return await identity.issuers.start(issuer, body.client)


@router.post(
    f"{ISSUERS_PATH}/{{issuer}}/link",
    responses=errors(StepUpNeeded, IssuerNotFound, IssuerUnavailable, ChallengesUnavailable),
)
async def start_linking_issuer(
    issuer: IssuerId, body: wire.IssuerStart, user: FreshUser, identity: IdentityDep
) -> wire.IssuerRedirect:
    """Begin to link an issuer to your account."""
    return await identity.issuers.start_linking(issuer, body.client, user)


@router.get(
    f"{ISSUERS_PATH}/{{issuer}}/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses={**ONWARD, **errors(ChallengesUnavailable)},
)
async def issuer_callback(
    issuer: IssuerId,
    identity: IdentityDep,
    *,
    state: Parameter = None,
    code: Parameter = None,
    iss: Parameter = None,
    error: Parameter = None,
) -> RedirectResponse:
    """Where an issuer sends the browser back to."""
    came = {"state": state, "code": code, "iss": iss, "error": error}
    return await _onward(identity, issuer, {k: v for k, v in came.items() if v is not None})


@router.post(
    f"{ISSUERS_PATH}/{{issuer}}/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses={**ONWARD, **errors(ChallengesUnavailable)},
)
async def issuer_form_callback(
    issuer: IssuerId, request: Request, identity: IdentityDep
) -> RedirectResponse:
    """The same for issuers that send a form."""
    body = (await request.body()).decode("ascii", "replace")
    try:
        fields = dict(parse_qsl(body, max_num_fields=FORM_FIELDS_MAX))
    except ValueError:
        fields = {}
    names = ("state", "code", "iss", "error")
    came = {k: v for k, v in fields.items() if k in names and len(v) <= PARAMETER_LENGTH_MAX}
    return await _onward(identity, issuer, came)


async def _onward(identity: Identity, issuer: str, came: Mapping[str, str]) -> RedirectResponse:
    return RedirectResponse(await identity.issuers.return_address(issuer, came), status_code=303)
