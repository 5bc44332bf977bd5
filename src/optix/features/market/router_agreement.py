"""HTTP of the market data agreement: /api/v1/market/agreement."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from optix.features.identity.access import CurrentUser
from optix.features.market import rules, schemas_agreement
from optix.features.market.agreements import AgreementOutdated, AnswersIncomplete, standing_of
from optix.features.market.lanes import Lanes, MarketLanes
from optix.features.market.models import MarketDataAgreement
from optix.platform.http import errors
from optix.platform.origin import origin_of

PATH = "/api/v1/market/agreement"

router = APIRouter(tags=["market"])


@router.get(PATH)
async def get_market_agreement(
    user: CurrentUser, lanes: Lanes
) -> schemas_agreement.MarketAgreement:
    """The agreement about real-time prices, and what your last declaration makes you."""
    return _view(lanes, await lanes.agreements.find(user.id))


@router.post(PATH, responses=errors(AgreementOutdated, AnswersIncomplete))
async def sign_market_agreement(
    body: schemas_agreement.MarketAgreementSignature,
    user: CurrentUser,
    request: Request,
    lanes: Lanes,
) -> schemas_agreement.MarketAgreement:
    """Sign the declaration. It replaces the one before."""
    return _view(lanes, await lanes.agreements.sign(user.id, body, origin_of(request)))


@router.delete(PATH)
async def withdraw_market_agreement(
    user: CurrentUser, request: Request, lanes: Lanes
) -> schemas_agreement.MarketAgreement:
    """Withdraw the declaration. Real-time prices end within half a minute."""
    await lanes.agreements.withdraw(user.id, origin_of(request))
    return _view(lanes, None)


def _view(
    lanes: MarketLanes, agreement: MarketDataAgreement | None
) -> schemas_agreement.MarketAgreement:
    standing = standing_of(agreement)
    lane, reason = lanes.shown(standing)
    return schemas_agreement.MarketAgreement(
        version=rules.VERSION,
        paragraphs=list(rules.TEXT),
        questions=[
            schemas_agreement.AgreementQuestion(id=question.id, text=question.text)
            for question in rules.QUESTIONS
        ],
        needed=lanes.needed,
        standing=standing,
        full_name=agreement.full_name if agreement else None,
        answers=agreement.answers if agreement else None,
        signed_at=agreement.signed_at if agreement else None,
        lane=lane,
        reason=reason,
    )
