"""What a person fills in to connect Egnyte, and how a person signs in with a browser.

Sources: "Public API Authentication" (developers.egnyte.com): the authorization code flow has one address for both steps,
on the customer's own domain; tokens live until the password changes or an administrator revokes them.
"""

from __future__ import annotations

import re

from pydantic import field_validator

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import setting
from mover.transport.oauth.description import OAuthDescription
from mover.vault.secret import Secret

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_OURS = ".egnyte.com"


class EgnyteConfig(BrowserSignInConfig):
    """Keys of `mover connect egnyte NAME`."""

    domain: str = setting(help="Name of the Egnyte domain: acme for acme.egnyte.com", ask=True)
    access_token: Secret | None = setting(None, help="An access token, instead of signing in with a browser")

    @field_validator("domain")
    @classmethod
    def _is_domain(cls, domain: str) -> str:
        short = domain.strip().lower().removeprefix("https://").rstrip("/").removesuffix(_OURS)
        if not _DOMAIN.fullmatch(short):
            raise ValueError(
                "expected the name of a domain at Egnyte, such as acme or acme.egnyte.com; where the company uses an "
                "address of its own, its administrator knows the name"
            )
        return short

    @property
    def origin(self) -> str:
        """Where the domain's API is."""
        return f"https://{self.domain}{_OURS}"


def _token_address(config: EgnyteConfig) -> str:
    return f"{config.origin}/puboauth/token"


OAUTH = OAuthDescription(
    vendor="egnyte",
    authorize_url=_token_address,
    token_url=_token_address,
    scopes=lambda _config: (
        "Egnyte.filesystem",
        "Egnyte.user",
        "Egnyte.group",
        "Egnyte.permission",
        "Egnyte.link",
    ),
    # Only addresses of https can be registered, so that the command line cannot serve one.
    loopback="https://localhost:8976/",
)
"""No address for revocation is documented: a token is revoked by an administrator, or with the password."""
