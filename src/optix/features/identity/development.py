"""The two well-known accounts of a development machine. Never in production.

Their passwords are printed in the documentation and would not pass the rules for real ones.
"""

from __future__ import annotations

from typing import Final, Literal

from optix.features.identity import repository, rules
from optix.features.identity.accounts import new_account
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Role
from optix.features.identity.sign_in import TRY_EMAIL
from optix.kernel.clock import Clock, SystemClock, to_datetime
from optix.kernel.errors import Forbidden
from optix.platform.db import WriteSession

DEVELOPMENT_ACCOUNTS: Final[tuple[tuple[str, str, str, Role], ...]] = (
    ("admin@optix.io", "Admin123!", "Admin", "admin"),
    (TRY_EMAIL, "Test123!", "Test", "user"),
)


class DevelopmentOnly(Forbidden):
    code = "development_only"
    next_step = "Register an account with a password of your own."


async def seed_development_accounts(
    session: WriteSession,
    *,
    environment: Literal["development", "production"],
    hasher: PasswordHasher,
    clock: Clock | None = None,
) -> list[str]:
    """Create the missing development accounts and return their e-mail addresses.

    Effects: writes user_account; a second run, or one beside another, changes nothing.
    Errors:  DevelopmentOnly in production.
    """
    if environment != "development":
        raise DevelopmentOnly("Development accounts are never created in production.")
    now = to_datetime((clock or SystemClock()).now_ns())
    created = []
    for email, password, name, role in DEVELOPMENT_ACCOUNTS:
        if await repository.find_account_by_email_key(session, rules.email_key(email)):
            continue  # without hashing, so that a second start is not slower
        account = new_account(email, await hasher.hash(password), name, role, now)
        if await repository.add_account(session, account):
            created.append(email)
    return created
