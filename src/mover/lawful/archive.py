"""A tar archive as a stream: POSIX.1-2001 (pax), so that any tar opens it and names may be of any length and alphabet."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mover.errors import IntegrityError

_MODE = 0o600


@dataclass(frozen=True)
class Member:
    """A file of an archive: `content` has exactly `size` bytes."""

    name: str
    size: int
    content: Iterable[bytes]

    @classmethod
    def of(cls, name: str, content: bytes) -> Member:
        """A file that is small enough to be whole in memory."""
        return cls(name, len(content), (content,))


@dataclass(frozen=True)
class Written:
    """A file that is in the archive."""

    name: str
    size: int
    sha256: str


def tar_stream(members: Iterable[Member], written: list[Written], *, at_s: int) -> Iterator[bytes]:
    """Yield an archive, and note each member in `written` once it has passed, so that a later member can name it.

    Args:
        members: Asked for one after the other.
        written: Appended to.
        at_s: Seconds since 1970 UTC: the modified time of all members.

    Raises IntegrityError: A member's content has another size than was said.
    """
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.size, info.mtime, info.mode = member.size, at_s, _MODE
        yield info.tobuf(tarfile.PAX_FORMAT)
        size, digest = 0, hashlib.sha256()
        for piece in member.content:
            size += len(piece)
            digest.update(piece)
            yield piece
        if size != member.size:
            raise IntegrityError(
                "a file of the archive has not the size that it should have", path=member.name
            )
        yield bytes(-size % tarfile.BLOCKSIZE)
        written.append(Written(member.name, size, digest.hexdigest()))
    yield bytes(2 * tarfile.BLOCKSIZE)
