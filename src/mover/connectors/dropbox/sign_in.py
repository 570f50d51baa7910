"""How people sign in to Dropbox.

Source: Dropbox's "OAuth guide": codes with PKCE, refresh tokens that stay the same (`token_access_type=offline`), and
revocation by a call in the token's own name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mover.connectors.dropbox.config import DropboxBusinessConfig, DropboxConfig
from mover.connectors.registry import Surroundings
from mover.transport.http import HttpSession
from mover.transport.oauth.description import ONE_LOOPBACK_PORT, OAuthDescription, RevokeBy
from mover.transport.oauth.tokens import Tokens
from mover.transport.oauth.user_tokens import user_tokens

_AUTHORIZE_URL = "https://www.dropbox.com/oauth2/authorize"
_TOKEN_URL = "https://api.dropboxapi.com/oauth2/token"  # noqa: S105 - an address
_REVOKE_URL = "https://api.dropboxapi.com/2/auth/token/revoke"

_FILES = (
    "account_info.read",
    "files.metadata.read",
    "files.content.read",
    "files.content.write",
    "sharing.read",
    "sharing.write",
)
_TEAM = (
    *_FILES,
    "team_info.read",
    "members.read",
    "groups.read",
    "team_data.member",
    "team_data.team_space",
    "team_data.content.read",
    "team_data.content.write",
)

PERSONAL = OAuthDescription(
    vendor="dropbox",
    authorize_url=lambda _config: _AUTHORIZE_URL,
    token_url=lambda _config: _TOKEN_URL,
    revoke_url=lambda _config: _REVOKE_URL,
    revoke_by=RevokeBy.BEARER,
    scopes=lambda _config: _FILES,
    extra={"token_access_type": "offline"},
    loopback=ONE_LOOPBACK_PORT,
)
BUSINESS = replace(PERSONAL, scopes=lambda _config: _TEAM)


def tokens_for(
    config: DropboxConfig | DropboxBusinessConfig,
    surroundings: Surroundings,
    http: HttpSession,
    description: OAuthDescription,
    *,
    now: Callable[[], float],
) -> Tokens:
    """Return the tokens of a connection, without any I/O."""
    return user_tokens(description, config, surroundings, http, now=now)
