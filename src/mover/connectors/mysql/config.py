"""What a person fills in to connect a MySQL or MariaDB server."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Self

from pydantic import model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.vault.secret import Secret


class Tls(enum.StrEnum):
    """When the connection is encrypted. A certificate that is shown is verified in every case."""

    REQUIRED = "required"
    OFFERED = "offered"
    OFF = "off"


class MySqlConfig(ConnectorConfig):
    """Keys of `mover connect mysql NAME`."""

    host: str = setting(help="Host name or address", min_length=1, max_length=253, pattern=r"^[^\s/@]+$")
    port: int = setting(3306, help="Port", ge=1, le=65535)
    username: str = setting(help="User name at the server", min_length=1)
    password: Secret | None = setting(None, help="Password", ask=True)
    database: str | None = setting(
        None, help="Database that becomes the root; without it every database is a folder", min_length=1
    )
    tls: Tls = setting(
        Tls.REQUIRED,
        help="required, offered (encrypt where the server offers it) or off; not required needs plain=true",
    )
    plain: bool = setting(False, help="true allows a connection without encryption")
    ca_file: Path | None = setting(
        None, help="PEM file of the authority that signed the server's certificate"
    )
    client_certificate: Path | None = setting(None, help="PEM file of a client certificate")
    client_key: Path | None = setting(None, help="PEM file of the client certificate's key")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.tls is not Tls.REQUIRED and not self.plain:
            raise ValueError(f"tls={self.tls} may send everything in the clear; set plain=true to insist")
        if bool(self.client_certificate) < bool(self.client_key):
            raise ValueError("client_key needs client_certificate")
        return self
