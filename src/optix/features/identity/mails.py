"""What identity writes to people, and the names of the jobs that send it.

A mail never holds more than it must: a code or a link, or that something happened. Links carry
their token behind `#`, which browsers send to no server and write into no log of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from optix.features.identity.mail_codes import shown
from optix.kernel.ids import SessionId, UserId
from optix.platform import jobs
from optix.platform.db import WriteSession
from optix.ports.mail import Message, written

MAIL_REGISTRATION: Final = "identity.mail_registration"
MAIL_PASSWORD_RESET: Final = "identity.mail_password_reset"  # noqa: S105  # the name of a job
MAIL_EMAIL_CHANGE: Final = "identity.mail_email_change"
MAIL_NOTICE: Final = "identity.mail_notice"

Notice = Literal[
    "password_changed",
    "email_change_started",
    "email_changed",
    "new_sign_in",
    "factors_changed",
    "account_disabled",
    "account_deleted",
]


class Words(NamedTuple):
    subject: str
    said: str


NOTICES: Final[Mapping[str, Words]] = {
    "password_changed": Words(
        "Your OPTIX password was changed",
        "The password of your OPTIX account was changed, and other devices were signed out.",
    ),
    "email_change_started": Words(
        "A new address for your OPTIX account",
        "Somebody who is signed in to your OPTIX account wants to move it to another e-mail "
        "address. Nothing changes before that address is confirmed.",
    ),
    "email_changed": Words(
        "Your OPTIX account has a new address",
        "Your OPTIX account was moved to another e-mail address. Mail to this one is no longer "
        "used.",
    ),
    "new_sign_in": Words(
        "A new sign-in to OPTIX",
        "Somebody signed in to your OPTIX account from a device or browser that was not used "
        "before.",
    ),
    "factors_changed": Words(
        "How you sign in to OPTIX was changed",
        "An authenticator app, a passkey, recovery codes or a linked account was added to your "
        "OPTIX account or removed from it. The security settings show what is there now.",
    ),
    "account_disabled": Words(
        "Your OPTIX account was disabled",
        "An administrator disabled your OPTIX account. All devices were signed out.",
    ),
    "account_deleted": Words(
        "Your OPTIX account was deleted",
        "Your OPTIX account and what belonged to it were deleted.",
    ),
}


async def notify(
    session: WriteSession,
    owner: UserId,
    notice: str,
    *,
    to: str | None = None,
    session_id: SessionId | None = None,
) -> None:
    """Let the worker tell `owner` what happened, in the caller's transaction.

    `to` is an address that the account no longer has; `session_id` is the sign-in it is about.
    """
    assert notice in NOTICES, f"nothing is written about {notice}"
    arguments = {"notice": notice, "user_id": str(owner)}
    if to is not None:
        arguments["to"] = to
    if session_id is not None:
        arguments["session_id"] = str(session_id)
    await jobs.enqueue(session, MAIL_NOTICE, arguments)


def registration_code(to: str, code: str) -> Message:
    return written(
        to,
        f"Your OPTIX code: {shown(code)}",
        [
            "Type this code where you began to register:",
            shown(code),
            (
                "It works for 30 minutes. If you did not ask for it, ignore this mail: without the "
                "code there is no account."
            ),
        ],
    )


def already_registered(to: str, base_url: str) -> Message:
    return written(
        to,
        "You have an OPTIX account already",
        [
            (
                "Somebody, probably you, wanted to register this e-mail address with OPTIX. It has "
                "an account already: sign in, or choose a new password if you forgot yours."
            ),
            base_url,
            "If it was not you, there is nothing to do.",
        ],
    )


def reset_link(to: str, base_url: str, token: str) -> Message:
    return written(
        to,
        "Choose a new OPTIX password",
        [
            "Open this link to choose a new password:",
            f"{base_url}/reset-password#token={token}",
            (
                "It works once, for 30 minutes. If you did not ask for it, ignore this mail: your "
                "password stays as it is."
            ),
        ],
    )


def email_change_code(to: str, code: str) -> Message:
    return written(
        to,
        f"Your OPTIX code: {shown(code)}",
        [
            "Type this code in OPTIX to move your account to this e-mail address:",
            shown(code),
            "It works for 30 minutes. If you did not ask for it, ignore this mail.",
        ],
    )


def notice(to: str, kind: str, base_url: str, about: str = "") -> Message:
    words = NOTICES[kind]
    paragraphs = [words.said]
    if about:
        paragraphs.append(about)
    paragraphs += [
        "If this was not you, choose a new password now and look at your devices under Security:",
        f"{base_url}/security",
    ]
    return written(to, words.subject, paragraphs)
