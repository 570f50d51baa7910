"""Where the sealed segments of a part rest: in memory, or in a file of ciphertext."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Protocol

from mover.errors import StagingFull
from mover.staging.buffers import Buffers
from mover.staging.sealing import SEGMENT, TAG, PartSeal, damaged

_WORTH_A_BUFFER = SEGMENT * 3 // 4  # smaller segments would waste too much of one


class Segments(Protocol):
    """The segments of one part. Plain bytes go in and come out; what rests is sealed."""

    @property
    def touches_disk(self) -> bool:
        """The operations may wait for a disk, and belong into a thread."""

    @property
    def discarded(self) -> bool:
        """Everything was removed, or is being removed."""

    def append(self, plain: bytes | memoryview, *, last: bool) -> None:
        """Seal the next segment and put it down. Raises StagingFull."""

    def read(self, segment: int) -> bytes:
        """Return a segment's plain bytes. Raises IntegrityError."""

    def discard(self) -> None:
        """Remove everything. Idempotent."""

    def __len__(self) -> int: ...


class MemorySegments:
    """Segments that rest in memory, sealed there too: memory may be swapped out or dumped."""

    touches_disk = False

    def __init__(self, seal: PartSeal, buffers: Buffers) -> None:
        self.discarded = False
        self._complete = False  # set after the last segment is there: others read meanwhile
        self._seal = seal
        self._buffers = buffers
        self._sealed: list[bytes | memoryview] = []
        self._borrowed: list[bytearray] = []

    def append(self, plain: bytes | memoryview, *, last: bool) -> None:
        """Seal the next segment and keep it."""
        segment = len(self._sealed)
        if len(plain) < _WORTH_A_BUFFER:
            self._sealed.append(self._seal.seal(plain, segment, last=last))
        else:
            buffer = self._buffers.take()
            self._borrowed.append(buffer)
            sealed = memoryview(buffer)[: len(plain) + TAG]
            self._seal.seal_into(sealed, plain, segment, last=last)
            self._sealed.append(sealed)
        self._complete = last

    def read(self, segment: int) -> bytes:
        """Return a segment's plain bytes. Raises IntegrityError."""
        sealed = self._sealed[segment]
        return self._seal.unseal(sealed, segment, last=self._complete and segment == len(self._sealed) - 1)

    def discard(self) -> None:
        """Let go of all segments."""
        self.discarded = True  # first: whoever looks on must not take for it what its buffers hold next
        self._sealed.clear()
        while self._borrowed:
            self._buffers.put_back(self._borrowed.pop())

    def __len__(self) -> int:
        return len(self._sealed)


class DiskSegments:
    """Segments that rest in a file of their part's own, one after the other.

    The file is opened for each segment and closed again (some microseconds each), so that parts hold no descriptors,
    and nothing is left to close when a receiver or reader is cancelled.
    """

    touches_disk = True

    def __init__(self, seal: PartSeal, buffers: Buffers, path: Path) -> None:
        self._seal = seal
        self._buffers = buffers
        self._path = path
        self.discarded = False
        self._complete = False  # as above
        self._ends: list[int] = []  # where each segment ends in the file

    def append(self, plain: bytes | memoryview, *, last: bool) -> None:
        """Seal the next segment and write it.

        Raises:
            StagingFull: The disk did not take it.
        """
        size = len(plain) + TAG
        buffer = self._buffers.take()
        try:
            with memoryview(buffer)[:size] as sealed:
                self._seal.seal_into(sealed, plain, len(self._ends), last=last)
                self._write(sealed)
        finally:
            self._buffers.put_back(buffer)
        self._ends.append(self._end + size)
        self._complete = last

    def read(self, segment: int) -> bytes:
        """Return a segment's plain bytes.

        Raises:
            IntegrityError: The file is not what was written.
        """
        start = self._ends[segment - 1] if segment else 0
        try:
            sealed = self._read(start, self._ends[segment] - start)
        except OSError as error:
            raise damaged() from error
        return self._seal.unseal(sealed, segment, last=self._complete and segment == len(self._ends) - 1)

    def discard(self) -> None:
        """Remove the file.

        Raises:
            StagingFull: The disk did not let go of it.
        """
        self.discarded = True
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _refused("an encrypted part cannot be removed", self._path, error) from error

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _write(self, sealed: memoryview) -> None:
        mode = "r+" if self._ends else "x"
        try:
            with io.FileIO(self._path, mode, opener=_open_privately) as file:
                written = 0
                while written < len(sealed):  # short writes are allowed, and happen when space runs out
                    written += os.pwrite(file.fileno(), sealed[written:], self._end + written)
        except OSError as error:
            raise _refused("the disk takes no more encrypted parts", self._path, error) from error

    def _read(self, start: int, size: int) -> bytes:
        with io.FileIO(self._path, "r", opener=_open_privately) as file:
            return os.pread(file.fileno(), size, start)


def _open_privately(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _refused(message: str, path: Path, error: OSError) -> StagingFull:
    return StagingFull(message, operation="staging", path=str(path.parent), said=error.strerror or "")
