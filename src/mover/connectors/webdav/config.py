"""What a person fills in to connect a WebDAV server."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.vault.secret import Secret


class SignIn(enum.StrEnum):
    """How user name and password are shown to the server."""

    AUTO = "auto"
    BASIC = "basic"
    DIGEST = "digest"


class Dialect(enum.StrEnum):
    """Whose extensions of WebDAV are used."""

    AUTO = "auto"
    NEXTCLOUD = "nextcloud"
    OWNCLOUD = "owncloud"
    GENERIC = "generic"


class WebDavConfig(ConnectorConfig):
    """Keys of `mover connect webdav NAME`."""

    url: str = setting(help="Address of the folder that becomes the root, https://host/path/")
    username: str | None = setting(None, help="User name", ask=True)
    password: Secret | None = setting(None, help="Password or app password", ask=True)
    token: Secret | None = setting(None, help="Bearer token, instead of user name and password")
    ca_file: Path | None = setting(
        None, help="PEM file of the authority that signed the server's certificate"
    )
    client_certificate: Path | None = setting(None, help="PEM file of a client certificate")
    client_key: Path | None = setting(None, help="PEM file of the client certificate's key")
    auth: SignIn = setting(SignIn.AUTO, help="How the password is shown: auto, basic or digest")
    plain: bool = setting(False, help="true allows http:// without encryption")
    dialect: Dialect = setting(Dialect.AUTO, help="Extensions to use: auto, nextcloud, owncloud or generic")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("expected an address such as https://host/path/")
        if parts.username is not None or parts.password is not None:
            raise ValueError("user name and password go into keys of their own")
        if parts.query or parts.fragment:
            raise ValueError("an address without ? and # is expected")
        _ = parts.port  # raises ValueError where it is not a number
        if any(ord(c) <= ord(" ") for c in url):
            raise ValueError("an address has no blanks and control characters; a blank in a path is %20")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if urlsplit(self.url).scheme == "http" and not self.plain:
            raise ValueError("http:// sends everything in the clear; set plain=true to insist")
        if self.token and (self.username or self.password):
            raise ValueError("either token, or username and password")
        if self.username and ":" in self.username and self.auth is not SignIn.DIGEST:
            raise ValueError("a user name with a colon works with auth=digest only")  # RFC 7617 section 2
        if bool(self.client_certificate) < bool(self.client_key):
            raise ValueError("client_key needs client_certificate")
        return self
