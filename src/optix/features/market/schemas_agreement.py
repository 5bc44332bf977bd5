"""What the endpoints of the market data agreement say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from optix.features.market.rules import Standing
from optix.features.market.schemas import Schema
from optix.kernel import limits

Lane = Literal["main", "delayed", "none"]


class AgreementQuestion(Schema):
    id: str
    text: str


class MarketAgreement(Schema):
    """The agreement as it stands, and where its reader stands."""

    version: str
    paragraphs: list[str]
    questions: list[AgreementQuestion]
    needed: bool = Field(description="Whether real-time prices are shown only with it, here.")
    standing: Standing
    full_name: str | None = Field(description="As signed; null while there is no declaration.")
    answers: dict[str, bool] | None
    signed_at: datetime | None
    lane: Lane = Field(description="The feed the reader is shown: none where no delayed one runs.")
    reason: str = Field(description="Why it is not real time; empty when it is, or nothing is.")


class MarketAgreementSignature(Schema):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = Field(max_length=32, description="The version that was read.")
    full_name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=3, max_length=limits.AGREEMENT_NAME_LENGTH_MAX
        ),
    ] = Field(description="Typed as a signature.")
    answers: dict[str, bool] = Field(
        max_length=limits.AGREEMENT_ANSWERS_MAX, description="An answer to each question, by id."
    )
