"""Leaving for the provider."""

from __future__ import annotations

from mover.accounts.openid.provider import Description
from mover.transport.oauth.authorization import proof_parameters, with_parameters
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret


def proofs_of(ticket: Secret) -> Proofs:
    """What a departure is recognised by."""
    return Proofs.of(ticket, "openid")


def authorization_url(description: Description, proofs: Proofs, *, client_id: str, redirect_uri: str) -> str:
    """Where the browser goes (OpenID Connect Core section 3.1.2.1)."""
    parameters = {
        "response_type": "code",
        "scope": "openid email profile",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "nonce": proofs.nonce,
        **proof_parameters(proofs),
    }
    return with_parameters(description.authorization_endpoint, parameters)
