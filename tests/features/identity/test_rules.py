"""The rules of accounts on tables of examples."""

from __future__ import annotations

import pytest

from optix.features.identity import rules
from optix.kernel import limits


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short one", "fewer than 10"),
        ("", "fewer than 10"),
        ("aaaaaaaaaaaaaaaa", "same few"),
        ("abababababababab", "same few"),
        ("ada.lovelace@example.com", "e-mail"),
        ("Ada.Lovelace2026!", "e-mail"),
        ("ａda.lovelace@example.com", "e-mail"),  # the same in another width
    ],
)
def test_a_password_that_is_guessed_first_is_refused_with_the_reason(
    password: str, reason: str
) -> None:
    with pytest.raises(rules.PasswordTooWeak) as refused:
        rules.check_password(password, email="Ada.Lovelace@example.com")
    assert reason in refused.value.fields["password"]


@pytest.mark.parametrize(
    "password",
    ["four unrelated green words", "x9$Lq2!vTz", "ночь улица фонарь", "🦊🌊🧩🎻🪐🧭🪁🔩🧵🫖"],
)
def test_a_password_nobody_guesses_is_taken_in_any_script(password: str) -> None:
    rules.check_password(password, email="ada@example.com")


def test_the_shortest_password_is_exactly_the_limit() -> None:
    password = "q7W!e2R?t9Y(u4I)"[: limits.PASSWORD_LENGTH_MIN]
    rules.check_password(password, email="ada@example.com")
    with pytest.raises(rules.PasswordTooWeak):
        rules.check_password(password[:-1], email="ada@example.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("STRASSE@example.com", "straße@example.com"),
        ("ａda@example.com", "ada@example.com"),
    ],
)
def test_two_spellings_of_one_address_are_one_account(one: str, other: str) -> None:
    assert rules.email_key(one) == rules.email_key(other)


def test_a_display_name_comes_in_one_form_without_outer_spaces() -> None:
    assert rules.clean_display_name("  Zoe\u0308 ") == "Zo\u00eb"
    assert rules.clean_display_name("") == ""


@pytest.mark.parametrize(
    "name", ["a\x00b", "a\nb", "ad\u202ea", "a\u200bb", "\x1b[31mred", "a\x7f"]
)
def test_a_display_name_cannot_hide_characters(name: str) -> None:
    with pytest.raises(rules.DisplayNameUnusable):
        rules.clean_display_name(name)


def test_a_display_name_is_at_most_as_long_as_the_limit() -> None:
    longest = "n" * limits.DISPLAY_NAME_LENGTH_MAX
    assert rules.clean_display_name(longest) == longest
    with pytest.raises(rules.DisplayNameUnusable):
        rules.clean_display_name(longest + "n")
