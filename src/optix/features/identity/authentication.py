"""Who sends a request, by its access token. No query: what a token says holds until it ends, unless
its session was ended, which every process knows at once (`ended_sessions`).
"""

from __future__ import annotations

from dataclasses import dataclass

from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.schemas import Role
from optix.features.identity.tokens import AccessTokenVerifier
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import SessionId, UserId


class SessionEnded(Unauthenticated):
    code = "session_ended"
    next_step = "Sign in again."


@dataclass(frozen=True, slots=True)
class AuthenticatedUser:
    """Who sends a request. A socket wants a new token before `expires_at_ns`.

    `methods` are how the session was signed in; `stepped_up_at_ns` is when its holder last proved
    again who they are, None if not since the token was made.
    """

    id: UserId
    role: Role
    session_id: SessionId
    expires_at_ns: int
    methods: tuple[str, ...] = ()
    signed_in_at_ns: int = 0
    stepped_up_at_ns: int | None = None


class Authenticator:
    """Turns an access token into a user, for HTTP and for the socket."""

    def __init__(self, verifier: AccessTokenVerifier, ended: EndedSessions) -> None:
        self._verifier = verifier
        self._ended = ended

    def verify(self, token: str) -> AuthenticatedUser:
        """Errors: AccessTokenInvalid, AccessTokenExpired, SessionEnded (all Unauthenticated)."""
        claims = self._verifier.verify(token)
        self.check(claims.session_id)
        return AuthenticatedUser(
            id=claims.user_id,
            role="admin" if claims.role == "admin" else "user",
            session_id=claims.session_id,
            expires_at_ns=claims.expires_at_ns,
            methods=claims.methods,
            signed_in_at_ns=claims.signed_in_at_ns,
            stepped_up_at_ns=claims.stepped_up_at_ns,
        )

    def check(self, session_id: SessionId) -> None:
        """Errors: SessionEnded. For a socket, which showed its token long ago."""
        if session_id in self._ended:
            raise SessionEnded("The session of this access token has ended.")
