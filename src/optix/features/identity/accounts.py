"""One's own account: profile, preferences, password, e-mail address."""

from __future__ import annotations

from datetime import datetime

from optix.features.identity import repository, rules, schemas
from optix.features.identity.models import UserAccount
from optix.features.identity.schemas import Role
from optix.features.identity.sessions import to_user
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import ReadSession, WriteSession


class AccountGone(Unauthenticated):
    code = "account_gone"
    next_step = "Sign in with another account, or register."


async def get_user(session: ReadSession, owner: UserId) -> schemas.User:
    """Return the account of `owner`. Errors: AccountGone."""
    return to_user(await get_account(session, owner))


async def update_user(
    session: WriteSession, owner: UserId, changes: schemas.UserUpdate, clock: Clock
) -> schemas.User:
    """Change the account of `owner`.

    Effects: writes user_account.
    Errors:  AccountGone, DisplayNameUnusable.
    """
    account = await get_account(session, owner)
    if changes.display_name is not None:
        account.display_name = rules.clean_display_name(changes.display_name)
    if changes.preferences is not None:
        account.preferences = changes.preferences.model_dump()
    if changes.model_dump(exclude_none=True):
        account.updated_at = to_datetime(clock.now_ns())
    return to_user(account)


async def get_account(session: ReadSession, owner: UserId) -> UserAccount:
    """Errors: AccountGone."""
    account = await repository.find_account(session, owner)
    if account is None:
        raise AccountGone("The account of this access token does not exist any more.")
    return account


def new_account(
    email: str, password_hash: str | None, display_name: str, role: Role, now: datetime
) -> UserAccount:
    return UserAccount(
        id=new_uuid(),
        email=email,
        email_key=rules.email_key(email),
        display_name=display_name,
        role=role,
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )
