"""The way to a service's sign-in page and back: authorization code (RFC 6749 section 4.1) with PKCE (RFC 7636)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from mover.errors import ProtocolViolation, SignInFailed, one_line
from mover.transport.http import HttpSession
from mover.transport.oauth.description import AppRegistration, OAuthDescription
from mover.transport.oauth.endpoint import Granted, request_token
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret

_LONGEST_CODE = 8192


class NotTheOneWhoLeft(SignInFailed):
    """What came back does not belong to what was begun."""

    advice = "Begin again, and finish in the same browser within ten minutes."


class SignInRefused(SignInFailed):
    """The person, or the service's administrator, said no at the service's own page."""

    advice = "Begin again and allow it; if the service lets no one allow it, its administrator has to approve Mover's app."


def authorization_address(
    description: OAuthDescription, config: Any, app: AppRegistration, proofs: Proofs, redirect_uri: str
) -> str:
    """Where the browser goes."""
    scopes = description.scopes(config)
    parameters = {
        **description.extra,
        **description.hints(config),
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        **({"scope": " ".join(scopes)} if scopes else {}),
        **proof_parameters(proofs),
    }
    return with_parameters(description.authorize_url(config), parameters)


def proof_parameters(proofs: Proofs) -> dict[str, str]:
    """What binds an answer to the one who left (RFC 6749 section 10.12, RFC 7636 section 4.3)."""
    return {
        "state": proofs.state,
        "code_challenge": create_s256_code_challenge(proofs.verifier.reveal()),
        "code_challenge_method": "S256",
    }


def with_parameters(address: str, parameters: Mapping[str, str]) -> str:
    """Add parameters to an address that may have some."""
    return str(add_params_to_uri(address, list(parameters.items())))


def code_of(answer: Mapping[str, str], description: OAuthDescription, config: Any, proofs: Proofs) -> Secret:
    """Look at what the browser brought back, and return the code in it.

    Args:
        answer: The parameters of the address that the service sent the browser to.
        description: Of the service.
        config: Of the connection.
        proofs: Of the departure.

    Raises NotTheOneWhoLeft, SignInRefused, and ProtocolViolation for an answer that is another service's or none.
    """
    if not proofs.state_matches(answer.get("state", "")):
        raise NotTheOneWhoLeft("the answer does not belong to the sign-in that was begun here")
    issuer = description.issuer(config)
    named = answer.get("iss")
    if issuer is not None and named is not None and named != issuer:
        raise ProtocolViolation(
            "the answer comes from another service than the one that was asked", said=one_line(named)
        )
    if "error" in answer:
        said = ": ".join(part for part in (answer["error"], answer.get("error_description", "")) if part)
        raise SignInRefused("the service did not let Mover in", said=said)
    code = answer.get("code", "")
    if not code or len(code) > _LONGEST_CODE or not code.isascii() or not code.isprintable():
        raise ProtocolViolation("the service's answer holds no code")
    return Secret(code)


async def redeem(
    http: HttpSession,
    description: OAuthDescription,
    config: Any,
    app: AppRegistration,
    code: Secret,
    proofs: Proofs,
    redirect_uri: str,
    *,
    now: Callable[[], float] = time.time,
) -> Granted:
    """Exchange a code for tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.5). Raises what `request_token` raises."""
    return await request_token(
        http,
        description.token_url(config),
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": proofs.verifier,
        },
        app=app,
        proof=description.proof,
        now=now,
    )
