"""Whether an ID token proves anything (OpenID Connect Core 1.0, section 3.1.3.7). No I/O.

The algorithm is chosen from our own short list and must fit the key: a token that names `none`, or
a public key as the secret of an HMAC, finds no key here. Times are compared with our own clock.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt

from optix.adapters.issuers.wire import KeySet
from optix.kernel.clock import NANOSECONDS
from optix.ports.issuers import IssuerAnswerRefused, IssuerIdentity

# For each algorithm the one kind of key it may be used with.
KEY_TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
}
CLOCK_SECONDS_OFF_MAX: Final = 60
AGE_SECONDS_MAX: Final = 600  # of an identity that was made for the flow at hand
SUBJECT_LENGTH_MAX: Final = 255
RSA_BITS_MIN: Final = 2_048

_CLAIMS: Final = ["iss", "sub", "aud", "exp", "iat", "nonce"]


class KeyUnknown(IssuerAnswerRefused):
    """The token names a key that is not in the set, or not one for its algorithm."""


def verify_id_token(
    token: str,
    keys: KeySet,
    *,
    algorithms: Sequence[str],
    issuer: str,
    client_id: str,
    nonce: str,
    now_ns: int,
) -> IssuerIdentity:
    """Return whom `token` names. Errors: KeyUnknown, IssuerAnswerRefused."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        if algorithm not in algorithms or algorithm not in KEY_TYPES:
            raise IssuerAnswerRefused("The identity is signed in a way that is not accepted.")
        key = _key_for(keys, header.get("kid"), algorithm)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            options={
                "require": _CLAIMS,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise IssuerAnswerRefused("The identity is not signed by its issuer for us.") from error
    _check_audience(claims, client_id)
    _check_times(claims, now_ns // NANOSECONDS)
    if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise IssuerAnswerRefused("The identity belongs to another sign-in.")
    return _identity(claims)


def _key_for(keys: KeySet, kid: object, algorithm: str) -> jwt.PyJWK:
    wanted = KEY_TYPES[algorithm]
    fitting = [
        key
        for key in keys.keys
        if all(key.get(name) == value for name, value in wanted.items())
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:  # without a name only a single key is clear
        raise KeyUnknown("The identity is signed with a key that its issuer does not show.")
    found = jwt.PyJWK(fitting[0], algorithm)
    if algorithm == "RS256" and found.key.key_size < RSA_BITS_MIN:
        raise KeyUnknown("The issuer signs with a key that is too short.")
    return found


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims["aud"]
    others = [each for each in audience if each != client_id] if isinstance(audience, list) else []
    if others or claims.get("azp", client_id) != client_id:
        # We trust nobody else, so a token that also serves others is not for us.
        raise IssuerAnswerRefused("The identity was made for somebody else.")


def _check_times(claims: Mapping[str, Any], now_s: int) -> None:
    times = [claims["exp"], claims["iat"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(each, int | float) and abs(each) < 1e12 for each in times):
        raise IssuerAnswerRefused("The identity has no readable times.")
    ends_s, issued_s, begins_s = times
    if ends_s + CLOCK_SECONDS_OFF_MAX <= now_s or now_s - issued_s > AGE_SECONDS_MAX:
        raise IssuerAnswerRefused("The identity has ended.")
    if max(issued_s, begins_s) > now_s + CLOCK_SECONDS_OFF_MAX:
        raise IssuerAnswerRefused("The identity is from the future.")


def _identity(claims: Mapping[str, Any]) -> IssuerIdentity:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        raise IssuerAnswerRefused("The identity names nobody.")
    email, name = claims.get("email"), claims.get("name")
    return IssuerIdentity(
        issuer=claims["iss"],
        subject=subject,
        email=email if isinstance(email, str) and email else None,
        # Apple writes the word, the standard a boolean.
        email_verified=claims.get("email_verified") in (True, "true"),
        name=name if isinstance(name, str) and name else None,
    )
