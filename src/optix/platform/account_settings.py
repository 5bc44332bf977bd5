"""What the operator can set about accounts: how mail travels, and what passwords cost."""

from __future__ import annotations

from email.utils import parseaddr
from typing import Literal, Self

from pydantic import Field, model_validator

from optix.platform.setting_types import Group, OptionalPath, OptionalSecret, OptionalText, problem


class MailSettings(Group):
    """Without a server, mails are written into `<data_dir>/mail` (development only)."""

    smtp_host: OptionalText = Field(
        None,
        description="The mail server. Left out in development, mails are files in the data folder.",
        examples=["smtp.example.org"],
    )
    smtp_port: int = Field(
        587,
        ge=1,
        le=65_535,
        description="Its port: 587 for starttls, 465 for tls.",
        examples=["587"],
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the line to it is encrypted; none is refused in production.",
        examples=["starttls"],
    )
    smtp_username: OptionalText = Field(
        None, description="The login at the mail server.", examples=["optix"]
    )
    smtp_password: OptionalSecret = Field(
        None, description="The password of that login.", examples=["…"]
    )
    mail_from: str = Field(
        "OPTIX <optix@localhost>",
        description="The sender of all mails.",
        examples=["OPTIX <optix@example.org>"],
    )

    @model_validator(mode="after")
    def _sender_is_an_address(self) -> Self:
        if "@" not in parseaddr(self.mail_from)[1] or not self.mail_from.isprintable():
            raise problem(
                "OPTIX_MAIL_FROM must be an e-mail address, with a name if you like. "
                "For example: OPTIX_MAIL_FROM=OPTIX <optix@example.org>"
            )
        return self

    def production_problems(self) -> list[str]:
        """Return what keeps the worker of a production from sending mail."""
        if self.smtp_host is None:
            return [
                (
                    "OPTIX_SMTP_HOST is missing: with OPTIX_ENV=production the worker sends mail, "
                    "for example OPTIX_SMTP_HOST=smtp.example.org"
                )
            ]
        if self.smtp_security == "none":
            return ["OPTIX_SMTP_SECURITY=none is refused with OPTIX_ENV=production."]
        if parseaddr(self.mail_from)[1].endswith("@localhost"):
            return [
                (
                    "OPTIX_MAIL_FROM is missing: with OPTIX_ENV=production name the sender, "
                    "for example OPTIX_MAIL_FROM=OPTIX <optix@example.org>"
                )
            ]
        return []


class PasswordSettings(Group):
    bcrypt_cost: int = Field(
        10,
        ge=10,
        le=16,
        description="What hashing a password costs; each step doubles it. Logins hash anew.",
        examples=["12"],
    )
    breached_passwords_file: OptionalPath = Field(
        None,
        description="The SHA-1 list of Pwned Passwords, ordered by hash, to refuse all of it.",
        examples=["/var/lib/optix/pwned-passwords-sha1-ordered-by-hash.txt"],
    )
