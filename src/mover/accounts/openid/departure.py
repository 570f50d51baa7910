"""Leaving for the provider, and what has to be the same when somebody comes back.

State, nonce and PKCE verifier are derived from the ticket, which only the browser that left has (in a cookie). Nothing that
the database holds lets anybody else finish what it began.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from mover.accounts.openid.provider import Description
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Proofs:
    """What one departure is recognised by."""

    state: str
    nonce: str
    verifier: Secret = field(repr=False)

    @classmethod
    def of(cls, ticket: Secret) -> Proofs:
        """Derive them from a ticket."""
        return cls(_derived(ticket, "state"), _derived(ticket, "nonce"), Secret(_derived(ticket, "verifier")))

    def state_matches(self, presented: str) -> bool:
        """Tell whether the one who comes back is the one who left."""
        return hmac.compare_digest(self.state.encode(), presented.encode("utf-8", "surrogatepass"))


def authorization_url(description: Description, proofs: Proofs, *, client_id: str, redirect_uri: str) -> str:
    """Where the browser goes (OpenID Connect Core section 3.1.2.1, RFC 7636 section 4.3)."""
    parameters = {
        "response_type": "code",
        "scope": "openid email profile",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": proofs.state,
        "nonce": proofs.nonce,
        "code_challenge": create_s256_code_challenge(proofs.verifier.reveal()),
        "code_challenge_method": "S256",
    }
    return str(add_params_to_uri(description.authorization_endpoint, list(parameters.items())))


def _derived(ticket: Secret, what: str) -> str:
    return hmac.new(ticket.reveal().encode(), f"mover openid {what}".encode(), hashlib.sha256).hexdigest()
