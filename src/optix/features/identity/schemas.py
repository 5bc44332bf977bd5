"""What the account endpoints take and say. No model here carries a hash or a stored secret."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, EmailStr, Field, SecretStr

from optix.kernel import limits


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class User(Schema):
    id: UUID
    email: str
    display_name: str
    role: Literal["user", "admin"]
    created_at: datetime


class Credentials(Schema):
    email: EmailStr = Field(max_length=limits.EMAIL_LENGTH_MAX)
    password: SecretStr = Field(max_length=limits.PASSWORD_LENGTH_MAX)
    client: Literal["web", "native"] = Field(
        default="native",
        description="web: the refresh token comes as an HttpOnly cookie. native: in the body.",
    )


class Registration(Credentials):
    display_name: str = Field(default="", max_length=limits.DISPLAY_NAME_LENGTH_MAX)


class RefreshRequest(Schema):
    refresh_token: SecretStr | None = Field(
        default=None, max_length=512, description="Left out by the web client: it has the cookie."
    )
    client: Literal["web", "native"] = "native"


class TryRequest(Schema):
    """Signing in to the development account without a password."""

    client: Literal["web", "native"] = "native"


class UserUpdate(Schema):
    """What a user can change. A field left out or null stays as it is."""

    display_name: str | None = Field(default=None, max_length=limits.DISPLAY_NAME_LENGTH_MAX)


class Tokens(Schema):
    """A signed-in session."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  # the scheme of RFC 6750, not a secret
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str | None = Field(description="Null for the web client: it is in the cookie.")
    user: User
