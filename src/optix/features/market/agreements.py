"""The market data agreement of a user: reading, signing, withdrawing. The rules are in `rules`."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from optix.features.market import repository, rules
from optix.features.market.models import MarketDataAgreement
from optix.features.market.rules import QUESTIONS, VERSION, Standing
from optix.features.market.schemas_agreement import MarketAgreementSignature
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database, ReadSession
from optix.platform.origin import Origin


class AgreementOutdated(Conflict):
    """Another text than the present one was signed."""

    code = "market_agreement_outdated"
    next_step = "Read the agreement again and sign the version it names."


class AnswersIncomplete(InvalidInput):
    """Not just the questions that are asked were answered."""

    code = "market_agreement_answers"
    next_step = "Answer each question of the agreement, and no other."


class MarketAgreements:
    """One per process. What it remembers of a user is at most half a minute old."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[UserId, tuple[int, Standing]] = OrderedDict()

    async def find(self, owner: UserId) -> MarketDataAgreement | None:
        """Return the declaration that holds."""
        async with self._database.reading(owner=owner) as session:
            return await repository.find_agreement(session, owner)

    async def standing(self, owner: UserId) -> Standing:
        """Return where `owner` stands, as of at most `AGREEMENT_KEPT_SECONDS` ago."""
        now_ns = self._clock.now_ns()
        kept = self._kept.get(owner)
        if kept is not None and now_ns - kept[0] < limits.AGREEMENT_KEPT_SECONDS * NANOSECONDS:
            return kept[1]
        standing = standing_of(await self.find(owner))
        self._kept[owner] = (now_ns, standing)
        self._kept.move_to_end(owner)
        if len(self._kept) > limits.AGREEMENTS_KEPT_MAX:
            self._kept.popitem(last=False)
        return standing

    async def sign(
        self, owner: UserId, signature: MarketAgreementSignature, origin: Origin
    ) -> MarketDataAgreement:
        """Replace the declaration of `owner`.

        Effects: market_data_agreement; records market_agreement.signed.
        Errors:  AgreementOutdated, AnswersIncomplete.
        """
        if signature.version != VERSION:
            raise AgreementOutdated(f"The agreement is at version {VERSION} by now.")
        asked = {question.id for question in QUESTIONS}
        if signature.answers.keys() != asked:
            raise AnswersIncomplete(
                "The answers are not those to the questions that are asked.",
                fields=dict.fromkeys(sorted(asked - signature.answers.keys()), "missing"),
            )
        now = to_datetime(self._clock.now_ns())
        agreement = MarketDataAgreement(
            id=new_uuid(),
            user_id=owner,
            version=VERSION,
            full_name=signature.full_name,
            answers=dict(signature.answers),
            professional=rules.is_professional(signature.answers),
            signed_at=now,
            ended_at=None,
        )
        async with self._database.writing(owner=owner) as session:
            await repository.lock_owner(session, owner)
            await repository.end_agreement(session, owner, now)
            await repository.add_agreement(session, agreement)
        event = SecurityEvent(
            kind="market_agreement.signed",
            user_id=owner,
            detail={"version": VERSION, "professional": agreement.professional},
        )
        await audit.record_alone(self._database, event, origin, now)
        self._kept.pop(owner, None)
        return agreement

    async def withdraw(self, owner: UserId, origin: Origin) -> None:
        """End the declaration of `owner`, if there is one.

        Effects: market_data_agreement; records market_agreement.withdrawn.
        """
        now = to_datetime(self._clock.now_ns())
        async with self._database.writing(owner=owner) as session:
            ended = await repository.end_agreement(session, owner, now)
        if ended:
            event = SecurityEvent(kind="market_agreement.withdrawn", user_id=owner)
            await audit.record_alone(self._database, event, origin, now)
        self._kept.pop(owner, None)


def standing_of(agreement: MarketDataAgreement | None) -> Standing:
    """Return the standing that a declaration gives."""
    if agreement is None:
        return Standing.UNDECLARED
    return rules.standing_of(agreement.version, professional=agreement.professional)


async def exported_agreements(session: ReadSession, owner: UserId) -> Any:
    """Return what is kept of `owner`, for the export of their own data."""
    return [
        {
            "version": row.version,
            "full_name": row.full_name,
            "answers": row.answers,
            "professional": row.professional,
            "signed_at": row.signed_at.isoformat(),
            "ended_at": row.ended_at.isoformat() if row.ended_at else None,
        }
        for row in await repository.list_agreements(session, owner)
    ]
