"""What a person fills in to connect an SFTP server."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, Reach, setting
from mover.vault.secret import Secret


class SftpConfig(ConnectorConfig):
    """An account at an SFTP server.

    `path` decides what `/` of the connection is. By default it is the server's own root, so that `nas:/srv/docs` means
    what it means to the server; many services confine an account to a folder of its own and call that `/`. `~` and
    every path without a leading slash start at the account's home folder.
    """

    host: str = setting(help="Host name or address", min_length=1, max_length=253, pattern=r"^[^\s/@]+$")
    port: int = setting(22, help="Port", ge=1, le=65535)
    username: str = setting(help="User name at the server", min_length=1)
    password: Secret | None = setting(
        None, help="Password; also answers a keyboard-interactive prompt", ask=True
    )
    private_key: Secret | None = setting(
        None, help="Private key in OpenSSH or PEM form, or the path of its file", reach=Reach.KEY_FILE
    )
    passphrase: Secret | None = setting(None, help="Passphrase of the private key")
    agent: bool = setting(
        False, help="Also sign in with the keys of the running SSH agent", reach=Reach.AGENT
    )
    path: str = setting("/", help="Folder that is / of the connection; ~ is the account's home folder")
    remote_checksums: Literal["auto", "off", "commands"] = setting(
        "auto",
        help="auto: hash by the check-file extension where offered; commands: else run sha256sum and the like; off: never",
    )
    host_key: str | None = setting(
        None,
        help="The server's public key, pinned at first use; remove it only if the server was set up anew",
        internal=True,
    )

    @field_validator("path")
    @classmethod
    def _without_nul(cls, path: str) -> str:
        if "\0" in path:
            raise ValueError("a path must not contain a NUL character")
        return path

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not (self.password or self.private_key or self.agent):
            raise ValueError("give password, private_key or agent=true")
        return self
