"""What the API says of structures. Money and quantities are decimal texts; `null` has a reason."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from optix.features.portfolio.structures.chains import ChainKind, StepKind
from optix.features.portfolio.structures.margin import NotEstimated
from optix.features.portfolio.structures.margin_rules import Rule
from optix.features.portfolio.structures.payoff import Basis, NotDone
from optix.features.portfolio.structures.values import Shape, Why
from optix.kernel import limits
from optix.kernel.instrument import Right
from optix.platform.http import SearchWords


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StructureLeg(_Answer):
    """A share of one position."""

    symbol: str = Field(description="Canonical; for an option the OCC key of its contract.")
    kind: str
    quantity: str = Field(description="Of this structure; negative is owed.")
    multiplier: int
    expiration: date | None
    right: Right | None
    strike: str | None
    cost: str | None = Field(description="Its share of what the position cost, to the cent.")
    price: str | None = Field(description="Mark per share.")
    value: str | None
    reason: str = Field(description="Why there is no value; empty where there is.")


class StructureFigures(_Answer):
    """Profit when the first options end."""

    basis: Basis = Field(description="Exact, or the model that values what lives longer.")
    front: date | None = Field(description="The day these figures are of; null: shares alone.")
    profit_max: str | None = Field(description="Null is without a bound.")
    profit_bounded: bool
    loss_max: str | None = Field(description="A negative profit; null is without a bound.")
    loss_bounded: bool
    break_evens: list[str]


class PayoffPoint(_Answer):
    price: str = Field(description="Of the underlying.")
    profit: str


class Structure(_Answer):
    id: UUID = Field(description="Stays while its legs stay; an override's own id where it is one.")
    account_id: UUID
    underlying: str
    shape: Shape
    name: str = Field(description="What its owner calls it; empty where it is not named.")
    units: str = Field(description="How often the shape is held; shares by their number.")
    why: Why = Field(description="What says that its legs belong together.")
    confidence: float = Field(description="A judgement from 0 to 1, not a measured frequency.")
    orders: list[str] = Field(description="Orders that opened it, as the broker names them.")
    legs: list[StructureLeg]
    currency: str
    cost: str | None = Field(description="Paid for all legs; negative was received.")
    value: str | None
    unrealised: str | None
    figures: StructureFigures | None
    reason: NotDone | None = Field(description="Why there are no figures.")


class FallenStructure(_Answer):
    """What its owner put together and is not all there any more."""

    id: UUID
    account_id: UUID
    name: str
    missing: list[str] = Field(description="Symbols of the legs that are gone.")


class ChainStep(_Answer):
    kind: StepKind
    day: date
    at: datetime | None
    closed: str | None
    opened: str | None
    quantity: str
    premium: str = Field(description="Cash of its options, fees included; positive was received.")
    cash: str = Field(description="Cash of everything in it.")
    premium_so_far: str


class StructureChain(_Answer):
    """A position that was rolled, or a wheel, with what all of it brought."""

    id: UUID
    account_id: UUID
    kind: ChainKind
    underlying: str
    is_open: bool
    steps: list[ChainStep]
    premium: str
    cash: str
    value: str | None = Field(description="Of what is held of it now; null: a mark is missing.")
    profit: str | None = Field(description="Cash and value together.")


class MarginGroup(_Answer):
    rule: Rule
    units: int
    legs: list[str] = Field(description="Signed quantity and symbol.")
    initial: str
    maintenance: str


class UnderlyingMargin(_Answer):
    underlying: str
    initial: str | None
    maintenance: str | None
    long_options: str | None = Field(description="The part of it that long options are worth.")
    exact: bool = Field(description="No other grouping needs less.")
    at_least: str | None = Field(description="No grouping needs less than this.")
    leverage: str = Field(description="Of a fund that is known as leveraged; 1 for all others.")
    groups: list[MarginGroup]
    reason: NotEstimated | None


class AccountMargin(_Answer):
    """An estimate by public strategy rules, beside what the broker says itself."""

    label: Literal["estimate"] = "estimate"
    account_id: UUID
    currency: str
    has_margin: bool = Field(description="By the broker's word for the account.")
    initial: str | None = Field(description="Null where an underlying has no estimate.")
    maintenance: str | None
    broker_maintenance: str | None = Field(description="As the broker states it.")
    underlyings: list[UnderlyingMargin]


class StructureList(_Answer):
    structures: list[Structure]
    fallen: list[FallenStructure]
    chains: list[StructureChain]
    margin: list[AccountMargin] = Field(description="Empty unless it was asked for.")
    left_out: int = Field(description="Positions that have no shape: bonds, funds, futures, cash.")
    history_complete: bool = Field(description="All lines of history were read for the openings.")
    as_of: datetime


class StructureDetail(_Answer):
    structure: Structure
    points: list[PayoffPoint] = Field(description="Empty where there are no figures.")
    as_of: datetime


def _quantity(text: str) -> str:
    if not text.strip("-0."):
        raise ValueError("is nothing")
    return text


Quantity = Annotated[
    str,
    StringConstraints(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,9})?$"),
    AfterValidator(_quantity),
]


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OverrideLeg(_Question):
    symbol: Annotated[SearchWords, Field(min_length=1, max_length=limits.CONTRACT_TEXT_LENGTH_MAX)]
    quantity: Quantity = Field(
        description="With the sign of the position, and not beyond it.", examples=["-1"]
    )


class NewOverride(_Question):
    account_id: UUID
    name: Annotated[SearchWords, Field(max_length=limits.STRUCTURE_NAME_LENGTH_MAX)] = ""
    legs: list[OverrideLeg] = Field(min_length=1, max_length=limits.STRUCTURE_OVERRIDE_LEGS_MAX)


class Override(_Answer):
    id: UUID
    account_id: UUID
    name: str
    legs: list[OverrideLeg]
    created_at: datetime


class OverrideList(_Answer):
    overrides: list[Override]
