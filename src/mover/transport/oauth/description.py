"""A vendor's OAuth flow as data: addresses, scopes, and what differs from RFC 6749."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mover.vault.secret import Secret


class ClientProof(enum.Enum):
    """How Mover shows at the token endpoint who it is (RFC 6749 section 2.3.1)."""

    BODY = "client_secret_post"
    BASIC = "client_secret_basic"


@dataclass(frozen=True, kw_only=True)
class AppRegistration:
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
        proof: How the app shows itself.
        rotating: Each refresh token is good for one exchange (Box).
    """

    vendor: str
    authorize_url: Callable[[Any], str]
    token_url: Callable[[Any], str]
    revoke_url: Callable[[Any], str] | None = None
    revoke_parameters: Callable[[Secret], Mapping[str, Secret]] = lambda token: {"token": token}
    scopes: Callable[[Any], tuple[str, ...]] = lambda _config: ()
    extra: Mapping[str, str] = field(default_factory=dict)
    proof: ClientProof = ClientProof.BODY
    rotating: bool = False
