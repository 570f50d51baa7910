"""A vendor's OAuth flow as data: addresses, scopes, and what differs from RFC 6749."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mover.vault.secret import Secret


class ClientProof(enum.Enum):
    """How Mover shows at the token endpoint who it is (RFC 6749 section 2.3.1)."""

    BODY = "client_secret_post"
    BASIC = "client_secret_basic"


class RevokeBy(enum.Enum):
    """How a token is revoked."""

    FORM = "form"  # the refresh token in a form, with the app's proof (RFC 7009)
    BEARER = "bearer"  # an empty request in the token's own name, which ends all that belongs to it (Dropbox)


ANY_LOOPBACK_PORT = "http://127.0.0.1:{port}/"
ONE_LOOPBACK_PORT = "http://127.0.0.1:8976/"
"""To be registered where a service compares addresses to the letter."""


class AppRegistration(msgspec.Struct, frozen=True, kw_only=True):
    """As what the operator has registered Mover at a vendor.

    Attributes:
        client_id: Public.
        client_secret: None for apps that are registered as public clients (PKCE alone).
    """

    client_id: str
    client_secret: Secret | None = None


@dataclass(frozen=True, kw_only=True)
class OAuthDescription:
    """How people sign in to a service with a browser: authorization code with PKCE (RFC 7636).

    Addresses are functions of the connection's configuration, since some vendors have one for each customer.

    Attributes:
        vendor: Whose app registration counts ("google" for all of Google's services).
        authorize_url: Where the browser goes.
        token_url: Where codes and refresh tokens are exchanged.
        revoke_url: Where a token is revoked (RFC 7009, or the vendor's likeness of it); None: only by the person, in the
            account's own pages.
        revoke_parameters: What is sent there beside the app's proof, made of the token.
        scopes: The least that moving needs, of this configuration.
        extra: More parameters of the authorization address (`access_type=offline`).
        hints: Likewise, of this configuration: whose accounts are offered to sign in with (`hd=example.org`).
        issuer: What the service calls itself in the answers that browsers bring back (RFC 9207); None: it does not.
        proof: How the app shows itself.
        rotating: Each refresh token is good for one exchange (Box).
        revoke_by: What is sent to `revoke_url`.
        loopback: Where the browser comes back to at the command line (RFC 8252 section 7.3). `{port}` is one that is free;
            services that compare addresses to the letter get a port that is registered. One of https is not served: people
            paste back where they ended.
    """

    vendor: str
    authorize_url: Callable[[Any], str]
    token_url: Callable[[Any], str]
    revoke_url: Callable[[Any], str] | None = None
    revoke_parameters: Callable[[Secret], Mapping[str, Secret]] = lambda token: {"token": token}
    scopes: Callable[[Any], tuple[str, ...]] = lambda _config: ()
    extra: Mapping[str, str] = field(default_factory=dict)
    hints: Callable[[Any], Mapping[str, str]] = lambda _config: {}
    issuer: Callable[[Any], str | None] = lambda _config: None
    proof: ClientProof = ClientProof.BODY
    rotating: bool = False
    revoke_by: RevokeBy = RevokeBy.FORM
    loopback: str = ANY_LOOPBACK_PORT
