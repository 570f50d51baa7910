"""Taking a part in: gather pieces into segments, hash and seal each one, fetch the next meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from mover.errors import IntegrityError
from mover.hashing import MultiHasher
from mover.staging.sealing import SEGMENT
from mover.staging.segments import Segments
from mover.staging.workers import Workers, ended, settled

INLINE = 64 * 1024
"""Bytes up to which hashing and sealing on the event loop costs less than a hop to a thread and back (about 70 µs)."""

Piece = bytes | memoryview


class Intake:
    """One part on its way in. At most about 4 MiB of plain bytes are in memory, in no more than two segments.

    Args:
        segments: Where the segments go.
        hashers: Fed with all bytes, in the same hop to a thread that seals them.
        workers: The threads.
        most: More bytes than this are an error.

    Attributes:
        size: Bytes taken so far, of which more were announced if it is not `complete`.
        sealed: Segments that are sealed for sure, which never counts one that a thread is at.
        complete: All has come, and is sealed.
    """

    def __init__(
        self, segments: Segments, hashers: Sequence[MultiHasher], workers: Workers, *, most: int
    ) -> None:
        self._segments = segments
        self._hashers = hashers
        self._workers = workers
        self._most = most
        self._pieces: list[Piece] = []
        self._gathered = 0
        self._sealed_bytes = 0
        self._at_work: asyncio.Future[None] | None = None
        self._under_seal: Sequence[Piece] = ()  # what a thread is at
        self.size = 0
        self.sealed = 0
        self.complete = False

    @property
    def unsealed(self) -> tuple[Piece, ...]:
        """What was received after all that is `sealed`."""
        return (*self._under_seal, *self._pieces)

    @property
    def held(self) -> int:
        """Bytes that are sealed or unsealed now."""
        return self._sealed_bytes + sum(len(piece) for piece in self.unsealed)

    async def take(self, chunks: AsyncIterator[bytes]) -> None:
        """Take everything that comes. When this ends, well or not, no thread works for it any more.

        Raises:
            IntegrityError: More bytes came than `most`.
            StagingFull: The disk did not take them.
        """
        try:
            async for chunk in chunks:
                self.size += len(chunk)
                if self.size > self._most:
                    raise IntegrityError("more bytes came than were announced", operation="staging")
                for piece in _cut(chunk):
                    if self._gathered + len(piece) > SEGMENT:
                        await self._seal(last=False)
                    self._pieces.append(piece)
                    self._gathered += len(piece)
            await self._seal(last=True)
            await self._previous()
            self.complete = True
        finally:
            if self._at_work is not None:  # something else went wrong, and is what will be reported
                await ended(self._at_work)

    async def _seal(self, *, last: bool) -> None:
        await self._previous()
        pieces, size = self._pieces, self._gathered
        self._pieces, self._gathered = [], 0
        if size <= INLINE and not self._segments.touches_disk:
            self._hash_and_append(pieces, last=last)
            self._is_sealed(size)
        else:
            self._under_seal = pieces
            self._at_work = self._workers.start(self._hash_and_append, pieces, last=last)

    async def _previous(self) -> None:
        if self._at_work is not None:
            await settled(self._at_work)
            self._at_work = None
            self._is_sealed(sum(len(piece) for piece in self._under_seal))

    def _is_sealed(self, size: int) -> None:
        self._under_seal = ()
        self._sealed_bytes += size
        self.sealed += 1

    def _hash_and_append(self, pieces: Sequence[Piece], *, last: bool) -> None:
        plain = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        for hasher in self._hashers:
            hasher.update(plain)
        self._segments.append(plain, last=last)


def _cut(chunk: bytes) -> Iterator[Piece]:
    if len(chunk) <= SEGMENT:
        if chunk:
            yield chunk
        return
    view = memoryview(chunk)
    for start in range(0, len(view), SEGMENT):
        yield view[start : start + SEGMENT]
