"""Contents out of an archive.

A service calls files in an archive as it likes. So they are found by the hash that the listing told, whatever they are
called there, and what is not there with just that content counts as absent. An archive is hostile: what is taken out of it
has a known size, and no more entries are looked at than there can be.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping

from mover.connectors.archives import DESCRIBED
from mover.errors import ProtocolViolation

_FORMS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)


def unpacked(
    archive: bytes, wanted: Mapping[str, int], hash_of: Callable[[bytes], str], *, entries: int
) -> Mapping[str, bytes]:
    """Return those files of an archive that are wanted, by their hash.

    An entry that cannot be read is left out; so is one that is encrypted, or packed in a rare form.

    Args:
        archive: All of it.
        wanted: The hash of each file in hexadecimal, with its size in bytes.
        hash_of: Hashes a content.
        entries: So many files and folders can be in it; more are not looked at.

    Raises ProtocolViolation if it is no archive, or has too long a directory.
    """
    found: dict[str, bytes] = {}
    sizes = set(wanted.values())
    try:
        with zipfile.ZipFile(_Within(archive, (entries + 1) * DESCRIBED)) as opened:
            for told in opened.infolist()[: entries + 1]:
                if told.file_size not in sizes or told.compress_type not in _FORMS:
                    continue
                content = _content(opened, told)
                if content is None:
                    continue
                digest = hash_of(content)
                if wanted.get(digest) == len(content):
                    found[digest] = content
                    if len(found) == len(wanted):
                        break
    except _UNREADABLE as error:
        raise ProtocolViolation("the service's archive cannot be read") from error
    return found


def _content(opened: zipfile.ZipFile, told: zipfile.ZipInfo) -> bytes | None:
    if told.flag_bits & _ENCRYPTED:
        return None
    try:
        with opened.open(told) as file:
            return file.read(told.file_size)
    except _UNREADABLE:
        return None


class _Within(io.BytesIO):
    """Gives out no more at once than a bound; an archive's directory is read at once, and each entry of it costs memory."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._size = len(data)  # `getbuffer` would copy all of it
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """Read. Raises BadZipFile beyond the bound, but for the last 64 KiB, in which the directory's end is looked for."""
        left = self._size - self.tell()
        asked = left if size is None or size < 0 else min(size, left)
        if asked > max(self._most, 2**16 + 64):
            raise zipfile.BadZipFile("the directory of the archive is too long")
        return super().read(size)
