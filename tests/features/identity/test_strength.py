"""How good a password is, for whom it is meant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from optix.features.identity import strength
from optix.features.identity.passwords import PasswordHashingBusy
from optix.features.identity.rules import PasswordTooWeak
from optix.features.identity.strength import PasswordRules
from optix.kernel import limits

EMAIL = "ada.lovelace@analytical.example"


@pytest.fixture
def passwords() -> Iterator[PasswordRules]:
    rules = PasswordRules()
    yield rules
    rules.close()


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("1234567890", "leaked"),
        ("Password123", "leaked"),
        ("password12345", "leaked"),
        ("qwertyuiop[]", "leaked"),
        ("January2026", "guessed"),
        ("abcabcabcdefdef", "guessed"),
        ("lovelace2026", "guessed"),
        ("analytical1", "guessed"),
        ("optixtrading", "guessed"),
        ("Augusta2026", "guessed"),
        ("short one", "fewer"),
    ],
)
async def test_a_password_that_is_guessed_is_refused_with_the_reason(
    passwords: PasswordRules, password: str, reason: str
) -> None:
    with pytest.raises(PasswordTooWeak) as refused:
        await passwords.check(password, email=EMAIL, display_name="Augusta King")
    assert reason in refused.value.fields["password"]


@pytest.mark.parametrize(
    "password",
    [
        "four unrelated green words",
        "x9$Lq2!vTz",
        "ночь улица фонарь",
        "🦊🌊🧩🎻🪐🧭🪁🔩🧵🫖",
        "seven quiet marble bicycles " * 9,
    ],
)
async def test_a_password_nobody_guesses_is_taken_in_any_script(
    passwords: PasswordRules, password: str
) -> None:
    await passwords.check(password[: limits.PASSWORD_LENGTH_MAX], email=EMAIL)


async def test_the_same_password_is_worse_for_who_bears_its_name(
    passwords: PasswordRules,
) -> None:
    here = await passwords.judge("zyxgorbaqwint", email="zyxgorbaqwin@example.com")
    there = await passwords.judge("zyxgorbaqwint", email=EMAIL)
    assert here.score < there.score


async def test_what_is_said_is_what_registering_would_say(passwords: PasswordRules) -> None:
    for password in ("", " ", "a", "1234567890", "password12345", "four unrelated green words"):
        judged = await passwords.judge(password, email=EMAIL)
        try:
            await passwords.check(password, email=EMAIL)
        except PasswordTooWeak:
            assert not judged.acceptable
            assert judged.warning or judged.suggestions
        else:
            assert judged.acceptable


async def test_the_estimator_sees_a_bounded_beginning(
    passwords: PasswordRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made on purpose, long input costs it seconds."""
    seen: list[int] = []
    real = strength._estimate

    def spy(password: str, known: Any) -> dict[str, Any]:
        found = real(password, known)
        seen.append(sum(len(part["token"]) for part in found["sequence"]))
        return found

    monkeypatch.setattr(strength, "_estimate", spy)
    await passwords.judge("x9$Lq2!vTz" * 25, email=EMAIL)
    assert seen == [limits.PASSWORD_ESTIMATED_LENGTH_MAX]


async def test_more_than_may_wait_are_turned_away(
    passwords: PasswordRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(strength, "is_breached", lambda *_: go_on.wait(10))
    waiting = [
        asyncio.create_task(passwords.judge("anything", email=""))
        for _ in range(limits.PASSWORD_ESTIMATES_WAITING_MAX)
    ]
    await asyncio.sleep(0)
    with pytest.raises(PasswordHashingBusy):
        await passwords.judge("anything", email="")
    go_on.set()
    assert len(await asyncio.gather(*waiting)) == limits.PASSWORD_ESTIMATES_WAITING_MAX
