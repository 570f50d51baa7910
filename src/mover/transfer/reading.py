"""Reading the source: limited in rate, counted for the display, and checked against what was listed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from mover.entries import Entry, EntryRef
from mover.errors import Changed, MoverError
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.progress import Progress
from mover.transfer.side import Side


class FileReader:
    """Reads one version of one file of the source, whole or in ranges.

    `modified_ns` and `media_type` are to be kept, `published` are the hashes that the source vouches for: as listed, or
    as reading told where listings do not have them or cannot know (an S3 object that was encrypted on its own).
    `edition` differs where the same version is read as other bytes. `trouble` holds the error that reading raised: it travels through the upload that consumed the bytes, and by it the
    caller knows which side failed.
    """

    def __init__(
        self, side: Side, ref: EntryRef, entry: Entry, *, path: str, progress: Progress, bandwidth: Bandwidth
    ) -> None:
        self.entry = entry
        self.ref = ref
        self.trouble: MoverError | None = None
        self.modified_ns = entry.modified_ns
        self.media_type = entry.media_type
        self.published = entry.hashes
        self.edition = side.form.edition if side.form is not None else ""
        self._connector = side.connector
        self._path = path
        self._progress = progress
        self._bandwidth = bandwidth

    async def read(self, offset: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield bytes; with `length` exactly so many.

        Raises what the connector raises, and Changed if the file turns out to be longer or shorter than listed.
        """
        expected = self.entry.size if length is None else length
        got = 0
        pieces = self._open(offset, length)
        try:
            async with aclosing(pieces) as opened:
                async for piece in opened:
                    got += len(piece)
                    if expected is not None and got > expected:
                        raise Changed("the file is longer than it was when it was listed")
                    await self._bandwidth.take(len(piece))
                    self._progress.received(self._path, len(piece))
                    yield piece
            if expected is not None and got < expected:
                raise Changed("the file is shorter than it was when it was listed")
        except MoverError as error:
            self.trouble = error.at(operation="read", path=self._path)
            raise

    def _open(self, offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
        described = self._connector.described_reads
        if self.modified_ns is None and described is not None:
            return described.read(
                self.ref, offset=offset, length=length, version=self.entry.version, found=self._found
            )
        return self._connector.read(self.ref, offset=offset, length=length, version=self.entry.version)

    def _found(self, entry: Entry) -> None:
        self.modified_ns = entry.modified_ns
        self.published = entry.hashes
        self.published = entry.hashes

    async def learn_time(self) -> None:
        """Ask for the modified time where neither a listing nor an upload that has begun could tell it."""
        if self.modified_ns is None and self._connector.described_reads is not None:
            try:
                self._found(await self._connector.refresh(self.ref))
            except MoverError as error:
                self.trouble = error
                raise

    async def still_the_same(self) -> None:
        """Raise Changed if the file is another one by now; needed where reading does not notice by itself."""
        if self._connector.capabilities.versioned_reads and self.entry.version is not None:
            return
        try:
            now = await self._connector.refresh(self.ref)
        except MoverError as error:
            self.trouble = error
            raise
        was = self.entry
        if (now.version, now.size, now.modified_ns) != (was.version, was.size, was.modified_ns):
            self.trouble = Changed("the file changed while it was read", path=self._path)
            raise self.trouble
