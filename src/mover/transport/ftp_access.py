"""How an FTP server is reached: what a person said, what the operator decided, and where that leads."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path

from mover.transport.limits import Limits
from mover.transport.proxy import Proxy
from mover.vault.secret import Secret


class FtpTls(enum.Enum):
    """When TLS begins."""

    NEVER = "never"
    EXPLICIT = "explicit"  # by AUTH TLS (RFC 4217)
    IMPLICIT = "implicit"  # with the connection, on a port of its own


@dataclass(frozen=True, kw_only=True)
class FtpAccess:
    """One account at one server.

    Attributes:
        host: As the person wrote it.
        port: Of the control connection.
        username: As the server spells it.
        password: Likewise; in UTF-8, unless `encoding` says otherwise.
        encoding: Of user name and password.
        tls: When TLS begins.
        ca_file: Certificates to trust instead of the system's.
        client_certificate: Shown to a server that asks for one (PEM, with its chain).
        client_key: Its key, if it stands apart.
        extended_passive: Ask for data connections by EPSV (RFC 2428) and only where that is refused by PASV; False:
            by PASV at once.
        limits: Of silence.
    """

    host: str
    port: int
    username: str
    password: Secret
    encoding: str = "utf-8"
    tls: FtpTls
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    extended_passive: bool = True
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, kw_only=True)
class FtpRoute:
    """Where connections go, control and data alike.

    Attributes:
        host: The server's name or address in its one spelling: what its certificate must name.
        proxy: Through which they go; None: directly.
        addresses: The only addresses that are connected to: the server's, checked, or the proxy's.
    """

    host: str
    proxy: Proxy | None
    addresses: tuple[str, ...]
