"""The keys that payloads in Temporal are encrypted with: from the operator's settings, or a file of Mover's own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mover.errors import InvalidConfiguration
from mover.settings import Settings
from mover.vault.given_files import readable_by_others
from mover.vault.secret import Secret

_BYTES = 32
_ID_BYTES = 8
_FILE_MODE = 0o600


@dataclass(frozen=True)
class PayloadKeys:
    """Keys by their ids, in the order in which they were given: the first encrypts, all decrypt.

    A key's id is the beginning of its hash, so that two machines need not agree on names.
    """

    keys: Mapping[str, Secret]

    @property
    def newest(self) -> tuple[str, Secret]:
        """What is encrypted with."""
        return next(iter(self.keys.items()))

    @classmethod
    def parse(cls, lines: list[str], where: str) -> PayloadKeys:
        """Read keys, 32 bytes each as hex or base64, the newest first. Raises InvalidConfiguration."""
        found = {}
        for number, line in enumerate(lines, 1):
            raw = _decoded(line.strip())
            if raw is None:
                raise InvalidConfiguration(f"{where}: key {number} is not 32 bytes as hex or base64")
            found[hashlib.sha256(b"mover payload key" + raw).hexdigest()[: 2 * _ID_BYTES]] = Secret(
                base64.b64encode(raw).decode()
            )
        if not found:
            raise InvalidConfiguration(f"{where}: there is no key")
        return cls(found)


def payload_keys(settings: Settings) -> PayloadKeys:
    """The keys of the settings, else those of `keys/payloads.key`, made on first use.

    Raises InvalidConfiguration: what is there is no key, or others can read the file.
    """
    if settings.payload_keys is not None:
        return PayloadKeys.parse(settings.payload_keys.reveal().split(","), "MOVER_PAYLOAD_KEYS")
    path = settings.keys_path / "payloads.key"
    if not path.exists():
        _create(path)
    return PayloadKeys.parse(_read(path).splitlines(), str(path))


def rotate_payload_key(settings: Settings) -> int:
    """Put a new key before those in the file, and return how many there are. Processes take it up when they start.

    The old ones stay, since workflows that are under way have payloads under them. Raises InvalidConfiguration.
    """
    if settings.payload_keys is not None:
        raise InvalidConfiguration("the keys are in MOVER_PAYLOAD_KEYS; put a new one first there")
    path = settings.keys_path / "payloads.key"
    lines = _read(path).splitlines() if path.exists() else []
    _write(path, [_new(), *lines])
    return len(lines) + 1


def _decoded(text: str) -> bytes | None:
    for decode in (bytes.fromhex, lambda given: base64.b64decode(given, validate=True)):
        try:
            raw = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(raw) == _BYTES:
            return raw
    return None


def _new() -> str:
    return base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def _read(path: Path) -> str:
    try:
        if readable_by_others(path.stat()):
            raise InvalidConfiguration(f"{path} holds keys and can be read by others; run: chmod 600 on it")
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise InvalidConfiguration(f"{path} cannot be read: {error}") from None


def _create(path: Path) -> None:
    """Make the file; of several processes at once, one makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _put(new, [_new()])
        try:
            os.link(new, path)
        except FileExistsError:
            return
    except OSError as error:
        raise InvalidConfiguration(f"{path} cannot be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        _put(new, lines)
        new.replace(path)
    except OSError as error:
        raise InvalidConfiguration(f"{path} cannot be written: {error.strerror}") from None
    finally:
        new.unlink(missing_ok=True)


def _put(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
