"""The rules of accounts that need nothing but their input: what a password, a name, an e-mail is.

A real strength estimator and a list of breached passwords belong to the security work; this keeps
out what an attacker tries first.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from optix.kernel import limits
from optix.kernel.errors import InvalidInput

# Passwords of at least ten characters that lead every list of leaked ones, without case.
COMMON_PASSWORDS: Final = frozenset(
    """1234567890 12345678910 0123456789 0987654321 1111111111 0000000000 9876543210 1q2w3e4r5t
    1qaz2wsx3edc qwertyuiop qwerty12345 qwerty1234 qwerty123456 qwertyuiop123 asdfghjkl123
    zxcvbnm1234 password12 password123 password1234 password12345 password123! passw0rd123
    p@ssw0rd123 p@ssword123 iloveyou12 iloveyou123 sunshine123 princess123 football123
    baseball123 welcome123 welcome1234 letmein1234 changeme123 administrator abcdefghij
    abcd123456 abc1234567 a123456789 aa12345678 qazwsxedcrfv 1234567890a trustno1trustno1
    superman123 dragon12345 monkey12345 liverpool123 michelle123 jennifer123 whatever123
    optixoptix optix12345 optix123456 trading123 admin12345 test123456""".split()  # noqa: SIM905  # words, not code
)
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
    """Refuse what is guessed first. Errors: PasswordTooWeak."""
    reason = _password_weakness(unicodedata.normalize("NFKC", password), email)
    if reason:
        raise PasswordTooWeak(f"The password {reason}.", fields={"password": reason})


def _password_weakness(password: str, email: str) -> str | None:
    if len(password) < limits.PASSWORD_LENGTH_MIN:
        return f"has fewer than {limits.PASSWORD_LENGTH_MIN} characters"
    if len(set(password)) < DISTINCT_CHARACTERS_MIN:
        return "repeats the same few characters"
    folded = password.casefold()
    if folded in COMMON_PASSWORDS:
        return "is one of the most common ones"
    key = email_key(email)
    local = key.partition("@")[0]
    if folded == key or folded.strip("0123456789!?.*") == local:
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
