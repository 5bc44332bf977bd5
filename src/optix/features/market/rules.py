"""Who may see real-time prices: the declaration that exchanges ask for, and what follows from it.

Exchanges license real-time data by what somebody is: a non-professional subscriber uses it for
their own investing only and is in no capacity that makes it their business. Each question below
names one such capacity; one answer that differs makes a professional. The words are ours; the
capacities are those that the subscriber agreements of OPRA, CTA and UTP name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# Changed with the text: who signed an older one is asked again.
VERSION: Final = "2026-11"


@dataclass(frozen=True, slots=True)
class AgreementQuestion:
    """`non_professional` is the answer of who is none."""

    id: str
    text: str
    non_professional: bool


QUESTIONS: Final = (
    AgreementQuestion(
        "personal_use",
        "Do you use market data only for your own, personal investing and not for a business?",
        True,
    ),
    AgreementQuestion(
        "registered",
        "Are you registered or qualified with a securities or commodities regulator, an exchange, "
        "or an association of those who trade or advise?",
        False,
    ),
    AgreementQuestion(
        "adviser",
        "Do you work as an investment adviser or asset manager, registered or not?",
        False,
    ),
    AgreementQuestion(
        "exempt_institution",
        "Are you employed by a bank or another institution to do what would need a registration "
        "elsewhere?",
        False,
    ),
    AgreementQuestion(
        "for_others",
        "Do you trade with the money of others, or share its profits, or show the data to others?",
        False,
    ),
)

_PARAGRAPHS: Final = """
Real-time prices belong to the exchanges. They are licensed to you alone: do not pass them on, \
display them publicly, or feed them into a product.

Your answers below decide whether you are a non-professional subscriber. Answer truthfully, and \
come back to change them when something changes.

Prices are supplied as they are, without a warranty by the exchanges, their vendors or the \
operator of this server. They may be late, wrong or missing.

Exchanges may ask the operator who sees real-time prices. Your name, your answers and the time of \
your signature are kept for that, also after you withdraw, until your account is deleted.
"""
TEXT: Final = tuple(part.strip() for part in _PARAGRAPHS.split("\n\n"))


class Standing(StrEnum):
    """What somebody's last declaration makes them."""

    UNDECLARED = "undeclared"
    OUTDATED = "outdated"  # signed under an older text
    NON_PROFESSIONAL = "non_professional"
    PROFESSIONAL = "professional"


def is_professional(answers: Mapping[str, bool]) -> bool:
    """Tell what the answers make somebody. `answers` has every question."""
    return any(answers[question.id] is not question.non_professional for question in QUESTIONS)


def standing_of(version: str | None, *, professional: bool) -> Standing:
    """Return the standing from the declaration that holds; `version` None is no declaration."""
    if version is None:
        return Standing.UNDECLARED
    if version != VERSION:
        return Standing.OUTDATED
    return Standing.PROFESSIONAL if professional else Standing.NON_PROFESSIONAL


def may_see_realtime(standing: Standing, *, professionals: bool) -> bool:
    """`professionals`: the operator has licences for them too."""
    if standing is Standing.PROFESSIONAL:
        return professionals
    return standing is Standing.NON_PROFESSIONAL
