"""What is captured each day, as the operator writes it."""

from __future__ import annotations

import pytest

from optix.kernel import limits
from optix.platform.settings import SettingsError, load_settings


def test_symbols_are_read_in_our_spelling_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIX_CAPTURE_SYMBOLS", " spy, ^VIX,BRK-B ,,SPY")
    assert load_settings().history.captured == ["SPY", "VIX", "BRK.B"]


def test_nothing_is_captured_unless_it_is_named() -> None:
    assert load_settings().history.captured == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("SPY,what is this", "OPTIX_CAPTURE_SYMBOLS"),
        (
            ",".join(f"A{number}" for number in range(limits.HISTORY_CAPTURED_SYMBOLS_MAX + 1)),
            f"at most {limits.HISTORY_CAPTURED_SYMBOLS_MAX}",
        ),
    ],
)
def test_what_cannot_be_captured_is_refused_with_a_word_why(
    monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("OPTIX_CAPTURE_SYMBOLS", value)
    with pytest.raises(SettingsError, match=said):
        load_settings()
