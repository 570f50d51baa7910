"""What a person fills in to connect an FTP server."""

from __future__ import annotations

import codecs
import enum
from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.vault.secret import Secret

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
_FIRST_PRINTABLE = " "


class TlsBegins(enum.StrEnum):
    """When TLS begins on a control connection."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"


class FtpAccount(ConnectorConfig):
    """What both services need."""

    host: str = setting(help="Host name or address", min_length=1, max_length=253, pattern=r"^[^\s/@]+$")
    port: int | None = setting(None, help="Port; 21 if none is given", ge=1, le=65535)
    username: str = setting(help="User name at the server", min_length=1)
    password: Secret = setting(help="Password", ask=True)
    path: str = setting("/", help="Folder that is / of the connection; ~ is the folder after sign-in")
    encoding: str = setting("utf-8", help="How the server spells names: utf-8, cp1252, shift_jis, ...")
    extended_passive: bool = setting(
        True, help="false asks for data connections by PASV at once, not by EPSV first"
    )
    exact_times: bool = setting(
        True, help="false takes times from LIST as they are (minutes, or days) where the server has no MLSD"
    )
    set_times: Literal["auto", "mfmt", "mdtm", "no"] = setting(
        "auto", help="How times are set: auto, mfmt, mdtm (as vsftpd takes it) or no"
    )
    remote_checksums: Literal["auto", "off"] = setting(
        "auto", help="auto: ask for hashes by HASH, XSHA256 and the like where offered; off: never"
    )

    @field_validator("username", "path")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if any(character < _FIRST_PRINTABLE for character in text):
            raise ValueError("control characters cannot stand here")
        return text

    @field_validator("password")
    @classmethod
    def _can_be_sent(cls, password: Secret) -> Secret:
        if any(character < _FIRST_PRINTABLE for character in password.reveal()):
            raise ValueError("a password with control characters cannot be sent by FTP")
        return password

    @field_validator("encoding")
    @classmethod
    def _is_superset_of_ascii(cls, encoding: str) -> str:
        text = _PRINTABLE_ASCII.decode()
        try:
            fits = text.encode(encoding) == _PRINTABLE_ASCII and codecs.lookup(encoding).name != "utf-7"
        except (LookupError, UnicodeError):
            fits = False
        if not fits:
            raise ValueError(
                "expected the name of an encoding that contains ASCII, such as utf-8, cp1252 or gbk"
            )
        return encoding

    @model_validator(mode="after")
    def _credentials_can_be_spelled(self) -> Self:
        try:
            _ = self.username.encode(self.encoding), self.password.reveal().encode(self.encoding)
        except UnicodeEncodeError:
            fits = False
        else:
            fits = True
        if not fits:  # outside of the `except`: the cause would carry the password
            raise ValueError("user name or password cannot be spelled in that encoding")
        return self


class FtpConfig(FtpAccount):
    """Keys of `mover connect ftp NAME`."""

    plain: bool = setting(False, help="true allows FTP without encryption")

    @model_validator(mode="after")
    def _insists(self) -> Self:
        if not self.plain:
            raise ValueError(
                "FTP sends everything in the clear, the password too; "
                "connect by ftps, or set plain=true to insist"
            )
        return self


class FtpsConfig(FtpAccount):
    """Keys of `mover connect ftps NAME`."""

    port: int | None = setting(
        None, help="Port; if none is given 21, or 990 with tls=implicit", ge=1, le=65535
    )
    tls: TlsBegins = setting(
        TlsBegins.EXPLICIT, help="explicit (AUTH TLS, port 21) or implicit (from the start, port 990)"
    )
    ca_file: Path | None = setting(
        None, help="PEM file of the authority that signed the server's certificate"
    )
    client_certificate: Path | None = setting(None, help="PEM file of a client certificate")
    client_key: Path | None = setting(None, help="PEM file of the client certificate's key")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.client_certificate) < bool(self.client_key):
            raise ValueError("client_key needs client_certificate")
        return self
