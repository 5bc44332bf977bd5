"""The error tree of the product. The classes a feature raises live in the file that raises them.

    OptixError                 kind       HTTP
    ├── InvalidInput           invalid    422
    ├── Unauthenticated        unauthenticated 401
    ├── Forbidden              forbidden  403
    ├── NotFound               not_found  404
    ├── Conflict               conflict   409
    ├── AuthExpired            auth_expired 409 with a hint to reconnect
    ├── RateLimited            rate_limited 429 with Retry-After
    ├── Unavailable            unavailable 503
    └── OutcomeUnknown         outcome_unknown 202, never sent again

Every error says three things to a person: a stable `code`, what happened (`detail`), and what to do
next (`next_step`). How a kind becomes an HTTP answer, a socket frame or a log line is one table in
`platform/http.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class OptixError(Exception):
    """Root of all errors that the product raises on purpose.

    `fields` maps a field of the input to what is wrong with it; `retry_after_seconds` is set where
    waiting helps.
    """

    kind: ClassVar[str] = "bug"
    code: str = "internal_error"
    next_step: str = "Try again. If it happens again, send us the request id."

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        next_step: str | None = None,
        fields: Mapping[str, str] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code
        if next_step is not None:
            self.next_step = next_step
        self.fields: dict[str, str] = dict(fields or {})
        self.retry_after_seconds = retry_after_seconds


class InvalidInput(OptixError):
    kind = "invalid"
    code = "invalid_input"
    next_step = "Correct the input and send it again."


class Unauthenticated(OptixError):
    kind = "unauthenticated"
    code = "unauthenticated"
    next_step = "Sign in and send the access token as a bearer token."


class Forbidden(OptixError):
    kind = "forbidden"
    code = "forbidden"
    next_step = "Ask an administrator for access."


class NotFound(OptixError):
    kind = "not_found"
    code = "not_found"
    next_step = "Check the name or the address."


class Conflict(OptixError):
    kind = "conflict"
    code = "conflict"
    next_step = "Load the current state and try again."


class AuthExpired(OptixError):
    kind = "auth_expired"
    code = "auth_expired"
    next_step = "Reconnect the account."


class RateLimited(OptixError):
    kind = "rate_limited"
    code = "rate_limited"
    next_step = "Wait and try again."


class Unavailable(OptixError):
    kind = "unavailable"
    code = "unavailable"
    next_step = "Try again in a moment."


class OutcomeUnknown(OptixError):
    kind = "outcome_unknown"
    code = "outcome_unknown"
    next_step = "Do not send it again. The result is being looked up."
