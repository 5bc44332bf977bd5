"""The eight digits that come by mail: making, comparing, and what is said when they are wrong.

They are stored like a password, because eight digits are quickly tried against a fast hash; online
the number of tries is bounded. A row that does not exist costs the same time as one that does.
"""

from __future__ import annotations

import secrets
from typing import Final

from optix.kernel.errors import InvalidInput, NotFound

DIGITS: Final = 8


class MailCodeWrong(InvalidInput):
    code = "mail_code_wrong"
    next_step = "Type the code of the newest mail, or have another one sent."


class MailCodeOver(NotFound):
    """Unknown, expired, used, or tried too often: from outside it is all the same."""

    code = "mail_code_over"
    next_step = "Begin again, and use the code of the new mail within 30 minutes."


def new_code() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def shown(code: str) -> str:
    """Return `code` in two groups, as people read it."""
    return f"{code[:4]} {code[4:]}"


def cleaned(typed: str) -> str:
    """Return what somebody typed or pasted without the space between the groups."""
    return "".join(typed.split())


def wrong_code() -> MailCodeWrong:
    return MailCodeWrong("The code is wrong.", fields={"code": "is wrong"})


def code_over() -> MailCodeOver:
    return MailCodeOver("This code cannot be used any more.")
