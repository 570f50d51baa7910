"""A file on its way through staging."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from types import MappingProxyType, TracebackType
from typing import Self

from mover.entries import HashName
from mover.hashing import MultiHasher
from mover.staging.budget import Budget, Place
from mover.staging.buffers import Buffers
from mover.staging.folder import ProcessFolder
from mover.staging.held import Label, Shelf
from mover.staging.intake import Intake
from mover.staging.part import StagedPart
from mover.staging.sealing import FileKey
from mover.staging.segments import DiskSegments, MemorySegments, Segments
from mover.staging.workers import Workers


class StagedFile:
    """The parts of one file, and the key that only they have. Made by `Staging.file`.

    A context manager, with `with` and `async with` alike: leaving it, in whatever way, destroys the key and all parts.
    """

    def __init__(
        self,
        folder: ProcessFolder,
        budget: Budget,
        buffers: Buffers,
        workers: Workers,
        *,
        label: Label | None,
        now_ns: Callable[[], int],
        forget: Callable[[StagedFile], object],
    ) -> None:
        self._folder = folder
        self._budget = budget
        self._buffers = buffers
        self._workers = workers
        self._forget = forget
        self._key = FileKey()
        self._label = label
        self._now_ns = now_ns
        self._parts: set[StagedPart] = set()
        self._shelves: dict[Segments, Shelf] = {}  # parts that have arrived, and those that are arriving
        self._closed = False

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        *,
        most: int,
        offset: int = 0,
        hashes: frozenset[HashName] = frozenset(),
        whole: MultiHasher | None = None,
    ) -> StagedPart:
        """Take bytes until the iterator ends, encrypted as they come, and return them as a part.

        First waits until there is room for `most` bytes: in memory, else on disk; first come, first served. If it
        fails or is cancelled nothing stays, and the room is given back. Closing `chunks` is the caller's part.

        Args:
            chunks: The bytes, in pieces of any size.
            most: Bytes at most; more are an error, fewer are not.
            offset: Where the part begins in the file, in bytes.
            hashes: Wanted hashes of this part.
            whole: The hasher of the whole file, fed with this part too; so parts must then be received one after the
                other. If it fails, the hasher has taken some of the bytes: give a `copy` to be able to try again.

        Raises:
            IntegrityError: More than `most` bytes came.
            StagingFull: The disk is full, or `most` is more than the whole budget.
            Canceled: Staging was closed while this waited for room.
            RuntimeError: The file was closed; receiving then is a defect of the caller.
        """
        self._require_open()
        hasher = MultiHasher(hashes)
        reservation = await self._budget.reserve(most)
        with contextlib.ExitStack() as undo:
            undo.callback(reservation.give_back)
            segments = self._new_segments(reservation.place)
            undo.callback(segments.discard)  # not in a thread: nothing may interrupt it
            intake = Intake(segments, [hasher, whole] if whole else [hasher], self._workers, most=most)
            undo.callback(self._shelves.pop, segments, None)
            self._put_up(segments, intake, offset)
            await intake.take(chunks)
            self._require_open()
            undo.pop_all()
        reservation.shrink(intake.size)
        part = StagedPart(
            segments,
            reservation,
            self._workers,
            size=intake.size,
            hashes=MappingProxyType(hasher.hexdigests()),
            forget=lambda gone: self._let_go(gone, segments),
        )
        self._parts.add(part)
        return part

    @property
    def shelves(self) -> list[Shelf]:
        """Its parts, for a look; none if nobody said whose they are."""
        return list(self._shelves.values())

    def close(self) -> None:
        """Destroy the key and all parts that are left. Idempotent.

        Raises:
            StagingFull: The disk did not let go of a part; the next start will try again.
        """
        self._closed = True
        self._key.destroy()
        self._forget(self)
        with contextlib.ExitStack() as undo:  # one that cannot be removed does not keep the others
            for part in self._parts:
                undo.callback(part.discard)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _put_up(self, segments: Segments, intake: Intake, offset: int) -> None:
        if self._label is not None:
            self._shelves[segments] = Shelf(
                self._label, offset=offset, since_ns=self._now_ns(), segments=segments, intake=intake
            )

    def _let_go(self, part: StagedPart, segments: Segments) -> None:
        self._parts.discard(part)
        self._shelves.pop(segments, None)

    def _require_open(self) -> None:
        if self._closed:
            raise RuntimeError("the staged file was closed")

    def _new_segments(self, place: Place) -> Segments:
        seal = self._key.next_part()
        match place:
            case Place.MEMORY:
                return MemorySegments(seal, self._buffers)
            case Place.DISK:
                return DiskSegments(seal, self._buffers, self._folder.new_file())
