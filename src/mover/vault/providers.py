"""Who holds the global key: the seam, the two that need nothing else (a file, the settings), and the choice among all."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Protocol

from mover.errors import InvalidConfiguration
from mover.vault import envelope
from mover.vault.door import KeyServiceDoor
from mover.vault.given_files import readable_by_others
from mover.vault.secret import Secret
from mover.vault.sources import (
    FileSource,
    GivenSource,
    HashicorpSource,
    KeySource,
    KmsSource,
    Pkcs11Source,
)

_ID_DOMAIN = b"mover global key id\0"
_FILE_LIMIT_BYTES = 1024


class KeyProvider(Protocol):
    """Holds a global key, and wraps persons' keys with it; the key itself need not leave the provider.

    Errors are `mover.errors`; a key service that is away raises a Transient one.
    """

    @property
    def title(self) -> str:
        """Name the key for people, as in "the stored secrets need ..."."""

    async def key_id(self) -> str:
        """Name the key that `wrap` uses, the same for ever (at most 64 characters). InvalidConfiguration: there is none."""

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """Encrypt a key, bound to its place; makes the global key if this is its first use."""

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """Decrypt what `wrap` made for the same place. Raises `envelope.UnsealError`; never makes a key."""


class GlobalKey:
    """A global key in this process's memory. Its id is derived from it, so it has the same wherever it is held."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = hashlib.sha256(_ID_DOMAIN + key).hexdigest()[:32]

    def wrap(self, key: bytes, where: bytes) -> bytes:
        """Encrypt a key for its place."""
        return envelope.seal(self._key, key, self._bound(where))

    def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """Decrypt what `wrap` made. Raises UnsealError."""
        return envelope.unseal(self._key, wrapped, self._bound(where))

    @classmethod
    def parse(cls, text: Secret, origin: str) -> GlobalKey:
        """Read 32 bytes spelled as 64 hexadecimal digits or as base64. Raises InvalidConfiguration naming `origin`."""
        spelled = text.reveal().strip()
        for decode in (bytes.fromhex, _from_base64):
            try:
                key = decode(spelled)
            except ValueError:
                continue
            if len(key) == envelope.KEY_BYTES:
                return cls(key)
        raise InvalidConfiguration(
            f"{origin} does not hold a key: 32 bytes, as 64 hexadecimal digits or as base64, are needed"
        )

    def _bound(self, where: bytes) -> bytes:
        return envelope.place("global key", self.id) + where


class EnvironmentKeyProvider:
    """The global key stands in a setting (`MOVER_GLOBAL_KEY`), 32 bytes as hex or base64. Raises InvalidConfiguration."""

    def __init__(self, key: Secret) -> None:
        self._key = GlobalKey.parse(key, "MOVER_GLOBAL_KEY")

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return "the key in the settings"

    async def key_id(self) -> str:
        """See `KeyProvider`."""
        return self._key.id

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        return self._key.wrap(key, where)

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        return self._key.unwrap(wrapped, where)


class FileKeyProvider:
    """The global key stands in a file that only its owner may read; made on first use.

    All methods raise InvalidConfiguration if the file is missing, holds no key, or may be read by others.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: GlobalKey | None = None

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return f"the file {str(self._path)!r}"

    async def key_id(self) -> str:
        """See `KeyProvider`."""
        return (await self._key()).id

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        if self._loaded is None:
            await asyncio.to_thread(_make_key_file, self._path)
        return (await self._key()).wrap(key, where)

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        return (await self._key()).unwrap(wrapped, where)

    async def beside(self, key_id: str) -> FileKeyProvider | None:
        """Find the file with this key: one beside this one whose name begins the same, or this one as it is now.

        A rotation in another process makes the next key beside this one and puts it into its place in the end, so this
        order finds it at every moment. Files that hold no usable key are passed over: nobody named them.
        """
        for path in await asyncio.to_thread(_files_beside, self._path):
            found = FileKeyProvider(path)
            try:
                if await found.key_id() == key_id:
                    return found
            except InvalidConfiguration:
                continue
        return None

    async def _key(self) -> GlobalKey:
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(_read_key_file, self._path)
        return self._loaded


def key_provider(source: KeySource, door: KeyServiceDoor) -> KeyProvider:
    """Make the provider of a source. Nothing is connected yet. Raises InvalidConfiguration."""
    # Each is imported where it is used: most processes need one of them.
    match source:
        case FileSource():
            return FileKeyProvider(source.path)
        case GivenSource():
            return EnvironmentKeyProvider(source.key)
        case HashicorpSource():
            from mover.vault.hashicorp import HashicorpKeyProvider  # noqa: PLC0415

            return HashicorpKeyProvider(source, door)
        case KmsSource():
            from mover.vault.kms import KmsKeyProvider  # noqa: PLC0415

            return KmsKeyProvider(source, door)
        case Pkcs11Source():
            from mover.vault.pkcs11 import Pkcs11KeyProvider  # noqa: PLC0415

            return Pkcs11KeyProvider(source)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error:
        raise ValueError from None


def _files_beside(path: Path) -> list[Path]:
    """The files whose names begin with that of `path`, itself last."""
    try:
        found = [other for other in path.parent.iterdir() if other.name.startswith(path.name + ".")]
    except OSError:
        found = []
    return [*sorted(found), path]


def _read_key_file(path: Path) -> GlobalKey:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise InvalidConfiguration(
            f"the vault's global key {str(path)!r} is missing; put it back, without it the stored secrets are lost"
        ) from None
    except OSError as error:
        raise InvalidConfiguration(
            f"the vault's global key {str(path)!r} cannot be read: {error.strerror}"
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InvalidConfiguration(f"the vault's global key {str(path)!r} is not a file")
        if readable_by_others(status):
            raise InvalidConfiguration(
                f"the vault's global key {str(path)!r} can be read by others; run chmod 600 on it, and replace it if "
                "others have been on this machine"
            )
        text = os.read(descriptor, _FILE_LIMIT_BYTES)
    finally:
        os.close(descriptor)
    return GlobalKey.parse(Secret(text.decode("ascii", "replace")), f"the file {str(path)!r}")


def _make_key_file(path: Path) -> None:
    """Make the file if there is none: whole and once, even if several processes try at the same time."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor, opened with O_EXCL and its mode
                file.write(envelope.new_key().hex().encode() + b"\n")
                file.flush()
                os.fsync(descriptor)
            try:
                os.link(draft, path)
            except FileExistsError:
                return  # another process was first: its key is the one
            _keep_names(path.parent)
        finally:
            draft.unlink()
    except OSError as error:
        raise InvalidConfiguration(
            f"the vault's global key {str(path)!r} cannot be made: {error.strerror}"
        ) from None


def _keep_names(folder: Path) -> None:
    """Have the folder itself written to disk: a key that is lost in a power cut takes all secrets with it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
