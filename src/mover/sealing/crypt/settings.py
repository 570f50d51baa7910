"""What a crypt remote of rclone is set to: as a password alone, or as the section of rclone's configuration."""

from __future__ import annotations

import base64
import binascii
import configparser
import enum
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

# Rclone hides passwords in its file with this key, which is in its source: it keeps nobody out.
_OBSCURING = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")
_BLOCK = 16


class NameEncryption(enum.StrEnum):
    """How names are encrypted."""

    STANDARD = "standard"
    OBFUSCATE = "obfuscate"  # hides names from a glance, not from a search
    OFF = "off"


class NameEncoding(enum.StrEnum):
    """How encrypted names are spelled."""

    BASE32 = "base32"
    BASE64 = "base64"  # for services that tell capitals from small letters
    BASE32768 = "base32768"  # for services that count characters


@dataclass(frozen=True, kw_only=True)
class CryptSettings:
    """A crypt remote. `salt` is what rclone calls password2; `suffix` counts where names are not encrypted."""

    password: Secret
    salt: Secret = field(default_factory=lambda: Secret(""))
    names: NameEncryption = NameEncryption.STANDARD
    folder_names: bool = True
    encoding: NameEncoding = NameEncoding.BASE32
    suffix: str = ".bin"


def read_crypt_settings(given: Secret) -> CryptSettings:
    """Read a password (one line; a second line is the salt), or a section of `rclone config show`.

    Raises InvalidConfiguration, which never repeats what was given.
    """
    text = given.reveal().strip("\r\n")
    if text.lstrip().startswith("["):
        return _from_section(text)
    lines = text.splitlines()
    if not lines or not lines[0]:
        raise InvalidConfiguration("the password of crypt is empty")
    if len(lines) > 2:  # noqa: PLR2004 - password and salt
        raise InvalidConfiguration(
            "crypt: give the password in one line, its salt in a second one if there is one, or the section of rclone's "
            "configuration, which begins with [name]"
        )
    return CryptSettings(password=Secret(lines[0]), salt=Secret(lines[1] if len(lines) > 1 else ""))


def _from_section(text: str) -> CryptSettings:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        raise InvalidConfiguration("crypt: the section of rclone's configuration cannot be read") from None
    sections = [parser[name] for name in parser.sections() if parser[name].get("type", "crypt") == "crypt"]
    if len(sections) != 1:
        raise InvalidConfiguration("crypt: give one section of rclone's configuration whose type is crypt")
    found = sections[0]
    password = _revealed("password", found.get("password", ""))
    if not password:
        raise InvalidConfiguration("crypt: the section has no password")
    if (
        found.get("pass_bad_blocks", "false").lower() == "true"
        or found.get("no_data_encryption", "").lower() == "true"
    ):
        raise InvalidConfiguration("crypt: pass_bad_blocks and no_data_encryption are not supported")
    suffix = found.get("suffix", ".bin")
    try:
        return CryptSettings(
            password=password,
            salt=_revealed("password2", found.get("password2", "")),
            names=NameEncryption(found.get("filename_encryption", "standard")),
            folder_names=found.get("directory_name_encryption", "true").lower() != "false",
            encoding=NameEncoding(found.get("filename_encoding", "base32")),
            suffix="" if suffix == "none" else suffix if suffix.startswith(".") else f".{suffix}",
        )
    except ValueError:
        raise InvalidConfiguration(
            "crypt: filename_encryption is standard, obfuscate or off; filename_encoding is base32, base64 or base32768"
        ) from None


def _revealed(name: str, obscured: str) -> Secret:
    if not obscured:
        return Secret("")
    try:
        raw = base64.urlsafe_b64decode(obscured + "=" * (-len(obscured) % 4))
        decryptor = Cipher(
            AES(_OBSCURING), CTR(raw[:_BLOCK])
        ).decryptor()  # refuses a start that is too short
        return Secret((decryptor.update(raw[_BLOCK:]) + decryptor.finalize()).decode())
    except (ValueError, binascii.Error):
        raise InvalidConfiguration(f"crypt: {name} is not written as rclone writes it") from None
