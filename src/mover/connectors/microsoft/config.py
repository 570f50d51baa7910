"""What a person fills in to connect to Microsoft's services."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import ConnectorConfig, Reach, setting
from mover.vault.secret import Secret

_TENANT = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,253}$"
_CLIENT_ID = r"^[A-Za-z0-9._-]{1,128}$"


class OneDriveConfig(BrowserSignInConfig):
    """Keys of `mover connect onedrive NAME`."""

    tenant: str = setting(
        "common",
        help="Who may sign in: common (work and personal accounts), organizations, consumers, or one tenant's id or domain",
        pattern=_TENANT,
    )


class SharePointConfig(BrowserSignInConfig):
    """Keys of `mover connect sharepoint NAME`."""

    tenant: str = setting(
        "organizations",
        help="Who may sign in: organizations, or one tenant's id or domain",
        pattern=_TENANT,
    )


class Office365Config(ConnectorConfig):
    """Keys of `mover connect office365 NAME`: an app with permissions of its own."""

    tenant: str = setting(help="Directory (tenant) id, or a domain of the tenant", pattern=_TENANT)
    client_id: str = setting(help="Application (client) id", pattern=_CLIENT_ID)
    client_secret: Secret | None = setting(None, help="Client secret; a certificate is safer", ask=True)
    certificate: Secret | None = setting(
        None, help="Certificate (PEM) of the app, or the path of its file", reach=Reach.KEY_FILE
    )
    private_key: Secret | None = setting(
        None, help="The certificate's private key (PEM), or the path of its file", reach=Reach.KEY_FILE
    )
    passphrase: Secret | None = setting(None, help="Passphrase of the private key")

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if bool(self.certificate) != bool(self.private_key):
            raise ValueError("certificate and private_key belong together")
        if bool(self.client_secret) == bool(self.certificate):
            raise ValueError("give either client_secret or certificate and private_key")
        return self
