"""Six-digit codes of an authenticator app (RFC 6238: SHA-1, 30 seconds), as pure arithmetic.

A code names a step: the number of the half minute it was made in. Whoever verifies keeps the last
step that was used, so no code works twice; that memory is in `repository_factors`. SHA-1 and 30
seconds are what every authenticator app can do; a collision of SHA-1 is of no use against HMAC.
"""

from __future__ import annotations

import hmac
from typing import Final

import pyotp

from optix.kernel.clock import NANOSECONDS

STEP_SECONDS: Final = 30
DIGITS: Final = 6
STEPS_EITHER_SIDE: Final = 1  # phones' clocks are off by some seconds
SECRET_CHARACTERS: Final = 32  # of base32: 160 bits, the length of SHA-1
ISSUER: Final = "OPTIX"


def new_secret() -> str:
    """Return a random key in base32."""
    return pyotp.random_base32(SECRET_CHARACTERS)


def otpauth_uri(secret: str, email: str) -> str:
    """Return what an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret, name=email, issuer=ISSUER).provisioning_uri()


def step_at(now_ns: int) -> int:
    """Return the number of the half minute of `now_ns`."""
    return now_ns // (STEP_SECONDS * NANOSECONDS)


def matching_step(secret: str, code: str, now_ns: int, *, after_step: int) -> int | None:
    """Return the step that `code` belongs to, None if it is wrong, too old, early or used.

    Steps up to and including `after_step` are used. All candidates are compared, each in constant
    time, so that the time of an answer says nothing.
    """
    given = code.replace(" ", "")
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    generator, now_step = pyotp.TOTP(secret), step_at(now_ns)
    found: int | None = None
    for step in range(now_step - STEPS_EITHER_SIDE, now_step + STEPS_EITHER_SIDE + 1):
        right = hmac.compare_digest(generator.generate_otp(step), given)
        if right and step > after_step:
            found = step
    return found
