"""Codes of authenticator apps, against the published vectors and at the edges of their window."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from optix.features.identity.totp import (
    STEP_SECONDS,
    matching_step,
    new_secret,
    otpauth_uri,
    step_at,
)
from optix.kernel.clock import NANOSECONDS

# RFC 6238, appendix B: the SHA-1 key in base32, and the last six of its eight digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = {
    59: "287082",
    1_111_111_109: "081804",
    1_111_111_111: "050471",
    1_234_567_890: "005924",
    2_000_000_000: "279037",
    20_000_000_000: "353130",
}


@pytest.mark.parametrize(("at_s", "code"), RFC_CODES.items())
def test_the_published_codes_belong_to_their_steps(at_s: int, code: str) -> None:
    found = matching_step(RFC_SECRET, code, at_s * NANOSECONDS, after_step=-1)
    assert found == at_s // STEP_SECONDS


@pytest.mark.parametrize(
    ("steps_off", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_be_off_by_one_step(steps_off: int, right: bool) -> None:
    secret, now_s = new_secret(), 1_800_000_000
    code = pyotp.TOTP(secret).at(now_s + steps_off * STEP_SECONDS)
    found = matching_step(secret, code, now_s * NANOSECONDS, after_step=-1)
    assert found == (step_at(now_s * NANOSECONDS) + steps_off if right else None)


def test_a_used_step_and_all_before_it_are_refused() -> None:
    secret, now_s = new_secret(), 1_800_000_000
    now_ns, step = now_s * NANOSECONDS, step_at(now_s * NANOSECONDS)
    before, now = (pyotp.TOTP(secret).generate_otp(each) for each in (step - 1, step))
    assert matching_step(secret, now, now_ns, after_step=step - 1) == step
    assert matching_step(secret, now, now_ns, after_step=step) is None
    assert matching_step(secret, before, now_ns, after_step=step - 1) is None


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345\n", "-12345", "1e5000", "0x1234"]
)
def test_what_is_not_six_digits_is_wrong(code: str) -> None:
    assert matching_step(RFC_SECRET, code, 59 * NANOSECONDS, after_step=-1) is None


def test_a_code_may_be_written_with_a_space() -> None:
    assert matching_step(RFC_SECRET, "287 082", 59 * NANOSECONDS, after_step=-1) == 1


def test_the_qr_code_holds_the_key_the_account_and_who_we_are() -> None:
    secret = new_secret()
    parts = urlsplit(otpauth_uri(secret, "ada+x@example.com"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/OPTIX:ada%2Bx%40example.com"
    assert parse_qs(parts.query) == {"secret": [secret], "issuer": ["OPTIX"]}


def test_keys_are_random_and_160_bits_long() -> None:
    keys = {new_secret() for _ in range(50)}
    assert len(keys) == 50
    assert {len(pyotp.TOTP(key).byte_secret()) for key in keys} == {20}
