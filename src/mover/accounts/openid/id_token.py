"""Is an ID token what it should be? OpenID Connect Core section 3.1.3.7; joserfc checks signatures, Authlib claims."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mover.errors import ProtocolViolation
from mover.vault.secret import Secret

# Signatures only, made with a key of the provider's own: never "none", and no HMAC, whose key would be the client secret.
_ALGORITHMS = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
_LEEWAY_S = 120
_LONGEST_TOKEN = 64 * 1024
_LONGEST_SUBJECT = 255  # Core section 2


@dataclass(frozen=True)
class Expected:
    """What an ID token is compared with."""

    issuer: str
    client_id: str
    nonce: str


def key_wanted(token: Secret) -> str | None:
    """Read which key an ID token says it was signed with (`kid`). Raises ProtocolViolation."""
    try:
        kid = _header(token).get("kid")
    except (ValueError, TypeError, RecursionError) as error:
        raise ProtocolViolation("the provider's ID token cannot be read") from error
    return kid if isinstance(kid, str) else None


def verified_claims(
    token: Secret, access_token: Secret, keys: KeySet, expected: Expected, now_s: float
) -> dict[str, Any]:
    """Check an ID token that was got for a code, and return what it says. Raises ProtocolViolation.

    Signature by one of `keys`, issuer, audience (this client and no other), authorised party, nonce, times with two
    minutes of leeway, the hash of the access token if there is one.
    """
    try:
        _header(token)
        decoded = jwt.decode(token.reveal(), keys, algorithms=_ALGORITHMS)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": expected.issuer},
                "aud": {"essential": True, "value": expected.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
                "iat": {"essential": True},
            },
            params={
                "nonce": expected.nonce,
                "client_id": expected.client_id,
                "access_token": access_token.reveal(),
            },
        )
        claims.validate(now=int(now_s), leeway=_LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProtocolViolation(
            "the provider's ID token is not valid", said=getattr(error, "description", "") or str(error)
        ) from error
    found = dict(claims)
    if found["aud"] not in (expected.client_id, [expected.client_id]):
        raise ProtocolViolation("the provider's ID token is not valid: it is meant for others too")
    subject = found["sub"]
    if not isinstance(subject, str) or not subject or len(subject) > _LONGEST_SUBJECT:
        raise ProtocolViolation("the provider's ID token is not valid: it names nobody")
    return found


def _header(token: Secret) -> dict[str, Any]:
    text = token.reveal()
    if len(text) > _LONGEST_TOKEN or not text.isascii():
        raise ValueError("too long, or not a token at all")
    segment = text.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    if not isinstance(header, dict):
        raise TypeError("no header")
    return header
