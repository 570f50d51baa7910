"""How the bytes of a staged part are encrypted: AES-256-GCM, segment by segment.

Each file has a random key of its own, which exists in this process's memory and nowhere else. A nonce is 96 bits: the
part's number within the file, then the segment's number within the part. Part numbers are never given twice, so no
nonce repeats under a key (NIST SP 800-38D, section 8.2.1). The associated data names file, part and segment, and
whether the segment is the last one: a segment that is changed, cut, swapped with another or missing is noticed.
"""

from __future__ import annotations

import io
import itertools
import os
import struct
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mover.errors import IntegrityError

SEGMENT = 1024 * 1024
"""Plain bytes of a segment, at most."""

TAG = 16
"""Bytes by which a sealed segment is longer than a plain one."""

_KEY_BYTES = 32
_RANDOM = Path("/dev/urandom")
_NONCE = struct.Struct(">IQ")
_ASSOCIATED = struct.Struct(">16sIQ?")


class KeyDestroyed(RuntimeError):
    """The file was closed, and with it the only key to its parts."""


def fill_at_random(buffer: bytearray) -> None:
    """Fill a buffer for a key, and leave no copy anywhere: `os.urandom` would return one that cannot be wiped."""
    with io.FileIO(_RANDOM) as random:
        if random.readinto(buffer) != len(buffer):  # Linux gives so few bytes at once, or none (random(4))
            raise OSError(f"{_RANDOM} gave no random bytes")


class FileKey:
    """The key of one file's parts, random and new.

    It exists in one place: OpenSSL's context, which wipes it when it is freed. The buffer that it came in is wiped at once.

    Args:
        fill: Fills a buffer with random bytes.
    """

    def __init__(self, fill: Callable[[bytearray], None] = fill_at_random) -> None:
        key = bytearray(_KEY_BYTES)
        try:
            fill(key)
            self._cipher: AESGCM | None = AESGCM(key)
        finally:
            key[:] = bytes(_KEY_BYTES)
        self.file_id = os.urandom(16)
        self._numbers = itertools.count()

    @property
    def cipher(self) -> AESGCM:
        """The cipher with this key.

        Raises:
            KeyDestroyed: Using it then is a defect of whoever sends the file.
        """
        if self._cipher is None:
            raise KeyDestroyed("the staged file was closed, and its key with it")
        return self._cipher

    def next_part(self) -> PartSeal:
        """Return the seal for one more part of the file."""
        return PartSeal(self, next(self._numbers))

    def destroy(self) -> None:
        """Destroy the key: what was sealed with it can never be read again. Idempotent.

        It is wiped as soon as nobody is in the middle of sealing or unsealing with it.
        """
        self._cipher = None


class PartSeal:
    """Seals and unseals the segments of one part."""

    __slots__ = ("_key", "_part")

    def __init__(self, key: FileKey, part: int) -> None:
        self._key = key
        self._part = part

    def seal(self, plain: bytes | memoryview, segment: int, *, last: bool) -> bytes:
        """Return a segment encrypted. Each segment number may be sealed once."""
        nonce, associated = self._names(segment, last=last)
        return self._key.cipher.encrypt(nonce, plain, associated)

    def seal_into(self, sealed: memoryview, plain: bytes | memoryview, segment: int, *, last: bool) -> None:
        """Encrypt a segment into a buffer of exactly `len(plain) + TAG` bytes."""
        nonce, associated = self._names(segment, last=last)
        self._key.cipher.encrypt_into(nonce, plain, associated, sealed)

    def unseal(self, sealed: bytes | memoryview, segment: int, *, last: bool) -> bytes:
        """Return a segment decrypted.

        Raises:
            IntegrityError: It is not the segment that was sealed under this number.
        """
        nonce, associated = self._names(segment, last=last)
        try:
            return self._key.cipher.decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise damaged() from None

    def _names(self, segment: int, *, last: bool) -> tuple[bytes, bytes]:
        nonce = _NONCE.pack(self._part, segment)
        return nonce, _ASSOCIATED.pack(self._key.file_id, self._part, segment, last)


def damaged() -> IntegrityError:
    """Return the error for a segment that is not what was put down."""
    return IntegrityError("an encrypted part was damaged while it was staged", operation="staging")
