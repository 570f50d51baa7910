"""How people sign in: the authorization code flow of Microsoft's identity platform, with PKCE.

Answers to a refresh token hold a new one, and the old one stays good. There is no address where a token could be revoked:
people withdraw at https://myapps.microsoft.com (work) or https://account.live.com/consent/Manage (personal).
"""

from __future__ import annotations

from dataclasses import replace

from mover.connectors.microsoft.config import OneDriveConfig, SharePointConfig
from mover.connectors.registry import Surroundings
from mover.errors import AccountSuspended
from mover.transport.http import HttpSession
from mover.transport.oauth.description import OAuthDescription
from mover.transport.oauth.refusals import GrantRefused
from mover.transport.oauth.tokens import Tokens
from mover.transport.oauth.user_tokens import user_tokens
from mover.vault.secret import Secret

LOGIN = "https://login.microsoftonline.com"

_LOOPBACK = "http://localhost:{port}/"
"""Any port is taken where `http://localhost/` is registered ("Redirect URI restrictions", localhost exceptions)."""

_OFFLINE = "offline_access"
_SITES = "https://graph.microsoft.com/Sites.ReadWrite.All"
_FILES = "https://graph.microsoft.com/Files.ReadWrite.All"
_USER = "https://graph.microsoft.com/User.Read"


def token_url(tenant: str) -> str:
    """Where codes, refresh tokens and assertions are exchanged."""
    return f"{LOGIN}/{tenant}/oauth2/v2.0/token"


def _authorize_url(tenant: str) -> str:
    return f"{LOGIN}/{tenant}/oauth2/v2.0/authorize"


def _hints(config: OneDriveConfig | SharePointConfig) -> dict[str, str]:
    return {"domain_hint": config.allowed_domain} if config.allowed_domain else {}


ONEDRIVE_OAUTH = OAuthDescription(
    vendor="microsoft",
    authorize_url=lambda config: _authorize_url(config.tenant),
    token_url=lambda config: token_url(config.tenant),
    scopes=lambda _config: (_OFFLINE, _USER, _FILES),
    extra={"prompt": "select_account"},
    hints=_hints,
    loopback=_LOOPBACK,
)
SHAREPOINT_OAUTH = replace(ONEDRIVE_OAUTH, scopes=lambda _config: (_OFFLINE, _USER, _SITES))


_SUSPENDED = frozenset({"AADSTS50057", "AADSTS50034", "AADSTS500341"})
"""The user account is disabled; was deleted; was deleted from the directory ("Microsoft Entra error codes")."""


class PersonTokens:
    """Tokens of somebody who signed in with a browser; says so if the account was suspended meanwhile."""

    def __init__(self, inner: Tokens) -> None:
        self._inner = inner

    async def access(self, subject: str | None = None) -> Secret:
        """See `Tokens`."""
        try:
            return await self._inner.access(subject)
        except GrantRefused as error:
            if error.description.partition(":")[0] in _SUSPENDED:
                raise AccountSuspended(
                    "the account was disabled or deleted at Microsoft",
                    operation="sign-in",
                    said=error.said,
                ) from error
            raise

    async def refused(self, token: Secret, subject: str | None = None) -> None:
        """See `Tokens`."""
        await self._inner.refused(token, subject)


def tokens_of_person(
    description: OAuthDescription,
    config: OneDriveConfig | SharePointConfig,
    surroundings: Surroundings,
    http: HttpSession,
) -> Tokens:
    """Return the tokens of somebody who signed in with a browser."""
    return PersonTokens(user_tokens(description, config, surroundings, http))
