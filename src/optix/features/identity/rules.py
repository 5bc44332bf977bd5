"""The rules of accounts that need nothing but their input: what a password, a name, an e-mail is.

How quickly a password is guessed, and whether it leaked somewhere, is in `strength`.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from optix.kernel import limits
from optix.kernel.errors import InvalidInput

DISTINCT_CHARACTERS_MIN: Final = 5


class PasswordTooWeak(InvalidInput):
    code = "password_too_weak"
    next_step = "Choose a longer password, for example four words that do not belong together."


class DisplayNameUnusable(InvalidInput):
    code = "display_name_unusable"
    next_step = "Use letters, digits, spaces and punctuation."


def email_key(email: str) -> str:
    """Return the form in which two spellings of one address are equal."""
    return unicodedata.normalize("NFKC", email).casefold()


def check_password(password: str, *, email: str) -> None:
    """Refuse what needs no estimate. Errors: PasswordTooWeak."""
    reason = password_weakness(unicodedata.normalize("NFKC", password), email)
    if reason:
        raise PasswordTooWeak(f"The password {reason}.", fields={"password": reason})


def password_weakness(password: str, email: str) -> str | None:
    """Return why nobody may choose `password` ("has …"), None if these rules allow it."""
    if len(password) < limits.PASSWORD_LENGTH_MIN:
        return f"has fewer than {limits.PASSWORD_LENGTH_MIN} characters"
    if len(set(password)) < DISTINCT_CHARACTERS_MIN:
        return "repeats the same few characters"
    folded = password.casefold()
    key = email_key(email)
    local = key.partition("@")[0]
    if key and (folded == key or folded.strip("0123456789!?.*") == local):
        return "is the e-mail address, or little more"
    return None


def clean_display_name(name: str) -> str:
    """Return `name` in one form, without outer spaces. Errors: DisplayNameUnusable."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if len(cleaned) > limits.DISPLAY_NAME_LENGTH_MAX:
        raise DisplayNameUnusable(
            f"The name has more than {limits.DISPLAY_NAME_LENGTH_MAX} characters.",
            fields={"display_name": "is too long"},
        )
    # Control and format characters can fake another name (direction marks) or break a log line.
    if any(unicodedata.category(character)[0] == "C" for character in cleaned):
        raise DisplayNameUnusable(
            "The name holds characters that cannot be shown.",
            fields={"display_name": "holds characters that cannot be shown"},
        )
    return cleaned
