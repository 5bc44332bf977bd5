"""What of the audit trail a person sees at once, on channel `account` of their events.

The trail is where every change of an account's security passes, in its transaction; what is listed
here is left for the worker to publish in that same transaction. Bodies say what happened and to
which session or factor; addresses, programs and secrets stay in the trail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from optix.kernel.clock import to_ns
from optix.kernel.ids import SessionId, UserId
from optix.platform import user_events
from optix.platform.db import WriteSession
from optix.platform.user_events import Body

Detail = Mapping[str, str | int | bool | None]


class Happened(Protocol):
    """What is taken of a security event."""

    @property
    def kind(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def user_id(self) -> UserId | None: ...
    @property
    def session_id(self) -> SessionId | None: ...
    @property
    def detail(self) -> Detail: ...


Says = Callable[[Happened], Body]


def _session(event: Happened) -> Body:
    return {"session_id": str(event.session_id)}


def _started(event: Happened) -> Body:
    return {"session_id": str(event.session_id), "client": event.detail.get("client")}


def _sessions(event: Happened) -> Body:
    return {"sessions": event.detail.get("sessions")}


def _agreement(event: Happened) -> Body:
    return {
        "version": event.detail.get("version"),
        "professional": event.detail.get("professional"),
    }


def _nothing(event: Happened) -> Body:  # noqa: ARG001  # the kind says it all
    return {}


def _factor(name: str) -> Says:
    return lambda _: {"factor": name}


# Kind and outcome in the trail -> kind of the event, and what it says.
KINDS: Final[Mapping[tuple[str, str], tuple[str, Says]]] = {
    ("session.started", "success"): ("session_started", _started),
    ("session.ended", "success"): ("session_ended", _session),
    ("session.revoked", "success"): ("session_ended", _session),
    ("session.token_reused", "failure"): ("session_ended", _session),
    ("session.others_revoked", "success"): ("sessions_ended", _sessions),
    ("session.all_revoked", "success"): ("sessions_ended", _sessions),
    ("password.changed", "success"): ("password_changed", _nothing),
    ("password_reset.finished", "success"): ("password_changed", _nothing),
    ("email.changed", "success"): ("email_changed", _nothing),
    ("factor.totp_added", "success"): ("factor_added", _factor("totp")),
    ("factor.totp_removed", "success"): ("factor_removed", _factor("totp")),
    ("factor.recovery_codes_made", "success"): ("factor_added", _factor("recovery_codes")),
    ("passkey.added", "success"): ("factor_added", _factor("passkey")),
    ("passkey.removed", "success"): ("factor_removed", _factor("passkey")),
    ("issuer.linked", "success"): ("factor_added", _factor("issuer")),
    ("issuer.unlinked", "success"): ("factor_removed", _factor("issuer")),
    ("market_agreement.signed", "success"): ("agreement_signed", _agreement),
    ("market_agreement.withdrawn", "success"): ("agreement_withdrawn", _nothing),
}
DELETED: Final = "account.deleted"


async def tell(session: WriteSession, event: Happened, at: datetime) -> None:
    """Leave for the event's user what they are to be told of it.

    Effects: writes jobs.pgqueuer, for the kinds above; these are recorded in transactions of the
             system, because a user's own may not write there.
    """
    if event.user_id is None:
        return
    if event.kind == DELETED:
        await user_events.leave_forgetting(session, event.user_id)
        return
    found = KINDS.get((event.kind, event.outcome))
    if found is None:
        return
    kind, says = found
    await user_events.leave(session, event.user_id, "account", kind, says(event), at_ns=to_ns(at))
