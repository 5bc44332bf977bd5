"""How good a password is: an estimator, lists of breached ones, and what the rules say.

The estimator (zxcvbn) counts the guesses that somebody needs who knows words, names, keyboards and
years, and who knows this person's name and address. It is loaded when first needed and runs in one
thread of its own: it shares a table between calls, and it is slow on long input made on purpose,
so it sees the beginning only, which has to be good enough by itself.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from optix.features.identity import rules
from optix.features.identity.breached import is_breached
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import PasswordTooWeak
from optix.features.identity.schemas import PasswordStrength
from optix.kernel import limits

SCORE_MIN: Final = 3  # of 0 to 4: some 10^8 guesses and more
CONTEXT: Final = ("optix", "options", "trading", "trader", "portfolio")

BREACHED = "is on lists of passwords that leaked elsewhere"
GUESSABLE = "is guessed too quickly"


class PasswordRules:
    """Judges passwords for everybody who sets one."""

    def __init__(self, *, full_list: Path | None = None) -> None:
        self._full_list = full_list
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="strength")
        self._waiting = 0

    async def check(self, password: str, *, email: str, display_name: str = "") -> None:
        """Refuse a password that is guessed. Errors: PasswordTooWeak, PasswordHashingBusy."""
        rules.check_password(password, email=email)
        judged = await self.judge(password, email=email, display_name=display_name)
        if judged.acceptable:
            return
        reason = BREACHED if judged.breached else GUESSABLE
        hint = f" {judged.warning}" if judged.warning and not judged.breached else ""
        raise PasswordTooWeak(f"The password {reason}.{hint}", fields={"password": reason})

    async def judge(self, password: str, *, email: str, display_name: str = "") -> PasswordStrength:
        """Return what the estimator and the lists think. Errors: PasswordHashingBusy."""
        if self._waiting >= limits.PASSWORD_ESTIMATES_WAITING_MAX:
            raise PasswordHashingBusy("Too many people choose passwords.", retry_after_seconds=5)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._thread, self._judge, password, email, display_name
            )
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _judge(self, password: str, email: str, display_name: str) -> PasswordStrength:
        normal = unicodedata.normalize("NFKC", password)
        breached = is_breached(normal, self._full_list)
        weakness = rules.password_weakness(normal, email)
        found = _estimate(normal, [email, *_words(email), *_words(display_name), *CONTEXT])
        feedback: dict[str, Any] = found["feedback"]
        return PasswordStrength(
            score=found["score"],
            acceptable=weakness is None and not breached and found["score"] >= SCORE_MIN,
            breached=breached,
            warning=(f"It {weakness}." if weakness else None)
            or (f"It {BREACHED}." if breached else None)
            or feedback["warning"]
            or None,
            suggestions=feedback["suggestions"],
        )


def _estimate(password: str, known: Sequence[str]) -> dict[str, Any]:
    from zxcvbn import zxcvbn

    beginning = password[: limits.PASSWORD_ESTIMATED_LENGTH_MAX]
    # An empty one is no password and the library's feedback has no words for it.
    found: dict[str, Any] = zxcvbn(beginning or " ", user_inputs=list(known))
    return found


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text) if len(word) > 2]
