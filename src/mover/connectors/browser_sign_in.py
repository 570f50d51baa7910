"""What is filled in for services that people sign in to with a browser."""

from __future__ import annotations

from mover.connectors.configuration import ConnectorConfig, setting
from mover.vault.secret import Secret


class BrowserSignInConfig(ConnectorConfig):
    """Base of the configurations of such services. The tokens are Mover's own to fill in and to renew.

    Who has tokens from elsewhere (a developer) may give them: an access token alone is used until it ends; with a refresh
    token, `client_id` and `client_secret` are those of the app that it was given to.
    """

    client_id: str | None = setting(
        None, help="client ID of an app of your own, instead of the operator's", min_length=1, max_length=512
    )
    client_secret: Secret | None = setting(None, help="its client secret")
    allowed_domain: str | None = setting(
        None,
        help="sign in nobody but accounts of this mail domain, such as example.org",
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
    )
    allowed_tenant: str | None = setting(
        None,
        help="sign in nobody but accounts of the organisation that has this ID at the service",
        min_length=1,
        max_length=255,
    )
    refresh_token: Secret | None = setting(None, help="refresh token", internal=True)
    access_token: Secret | None = setting(None, help="access token", internal=True)
    access_expires: Secret | None = setting(None, help="when the access token ends", internal=True)
    account: str | None = setting(None, help="as whom it is signed in", internal=True)
