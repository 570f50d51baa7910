"""What to fill in to connect Box."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import ConnectorConfig, setting
from mover.vault.secret import Secret

_OTHERS = "true: what others share with a user is moved with that user's files too, not only by its owner"


class BoxConfig(BrowserSignInConfig):
    """Keys of `mover connect box NAME`: a person signs in with a browser."""

    others: bool = setting(False, help=_OTHERS)


class BoxEnterpriseConfig(ConnectorConfig):
    """Keys of `mover connect box-enterprise NAME`: an app that the enterprise's administrator has authorized.

    Either the app's client ID and secret with the enterprise's ID (Client Credentials Grant), or the JSON configuration
    that Box's developer console gives for an app with a key (JWT), which holds all three.
    """

    client_id: str | None = setting(None, help="Client ID of the app", ask=True, min_length=1, max_length=512)
    client_secret: Secret | None = setting(None, help="Client secret of the app", ask=True)
    enterprise_id: str | None = setting(
        None, help="ID of the enterprise, as the admin console shows it", ask=True, pattern=r"^[0-9]{1,20}$"
    )
    user_id: str | None = setting(
        None,
        help="ID of the administrator in whose name the app acts, instead of its service account",
        pattern=r"^[0-9]{1,20}$",
    )
    app_config: Secret | None = setting(
        None, help="JSON configuration of an app that signs with a key (JWT), instead of the secret"
    )

    others: bool = setting(False, help=_OTHERS)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.app_config is not None:
            if self.client_id or self.client_secret:
                raise ValueError("give either app_config or client_id and client_secret, not both")
            return self
        if not (self.client_id and self.client_secret and (self.enterprise_id or self.user_id)):
            raise ValueError("give client_id, client_secret and enterprise_id, or app_config")
        return self
