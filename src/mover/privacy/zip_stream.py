"""A ZIP archive that is written while it is read: memory does not grow with it, and nothing touches a disk."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator
from contextlib import suppress

_PIECE = 64 << 10


class _Pipe:
    """A file that can only be written to; what was written is taken out piece by piece."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        """Take bytes."""
        self._written += content
        return len(content)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self, *, at_least: int = 0) -> bytes:
        """What was written since the last time, if it is enough."""
        if len(self._written) < at_least or not self._written:
            return b""
        content = bytes(self._written)
        self._written.clear()
        return content


async def zipped(
    entries: AsyncIterator[tuple[str, AsyncIterator[bytes]]], at: tuple[int, int, int, int, int, int]
) -> AsyncIterator[bytes]:
    """Yield an archive of files.

    Args:
        entries: Their names and contents, each read to its end before the next.
        at: What the archive says when they were made: year to second.
    """
    pipe = _Pipe()
    archive = zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, allowZip64=True)  # type: ignore[call-overload]  # a writer that cannot seek is enough
    try:
        async for name, content in entries:
            about = zipfile.ZipInfo(name, at)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            with archive.open(about, "w", force_zip64=True) as entry:
                async for piece in content:
                    entry.write(piece)
                    if taken := pipe.taken(at_least=_PIECE):
                        yield taken
    except BaseException:
        with suppress(ValueError):
            archive.close()
        raise
    archive.close()
    yield pipe.taken()
