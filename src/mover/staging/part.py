"""A part that has been staged."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from mover.entries import HashName
from mover.staging.budget import Reservation
from mover.staging.segments import Segments
from mover.staging.workers import Workers


class StagedPart:
    """A piece of a file, encrypted in memory or on disk until it has been sent. It is a connector's `Content`.

    Made by `StagedFile.receive`.

    Attributes:
        size: In bytes.
        hashes: Those that `receive` was asked for, of exactly these bytes.
        repeatable: `chunks` may be called again, also for several readers at once.
    """

    repeatable = True

    def __init__(
        self,
        segments: Segments,
        reservation: Reservation,
        workers: Workers,
        *,
        size: int,
        hashes: Mapping[HashName, str],
        forget: Callable[[StagedPart], None],
    ) -> None:
        self._segments = segments
        self._count = len(segments)
        self._reservation = reservation
        self._workers = workers
        self._forget = forget
        self._destroyed = False
        self.size = size
        self.hashes = hashes

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from the start, in pieces of at most 1 MiB.

        Raises:
            IntegrityError: What rests is not what was put down. No damaged byte is yielded.
            RuntimeError: The part was destroyed; reading it then is a defect of the caller.
        """
        return self._read_ahead() if self._segments.touches_disk else self._read_at_once()

    async def destroy(self) -> None:
        """Remove what is staged and give its room to those who wait. Idempotent.

        Raises:
            StagingFull: The disk did not let go of it; the next start will try again.
        """
        if not self._let_go():
            return
        try:
            if self._segments.touches_disk:
                await self._workers.run(self._segments.discard)
            else:
                self._segments.discard()
        finally:
            self._reservation.give_back()

    def discard(self) -> None:
        """Do what `destroy` does, at once and on this thread: for clean-up that must not be interrupted."""
        if self._let_go():
            try:
                self._segments.discard()
            finally:
                self._reservation.give_back()

    def _let_go(self) -> bool:
        if self._destroyed:
            return False
        self._destroyed = True
        self._forget(self)
        return True

    def _read(self, segment: int) -> bytes:
        if self._destroyed:
            raise RuntimeError("the staged part was destroyed")
        return self._segments.read(segment)

    async def _read_at_once(self) -> AsyncGenerator[bytes, None]:
        # Decrypting 1 MiB takes a tenth of a millisecond, and the hop to a thread would take as much.
        for segment in range(self._count):
            if plain := self._read(segment):
                yield plain

    async def _read_ahead(self) -> AsyncGenerator[bytes, None]:
        ahead = self._workers.start(self._read, 0)
        try:
            for following in range(1, self._count + 1):
                plain = await ahead
                if following < self._count:
                    ahead = self._workers.start(self._read, following)
                if plain:
                    yield plain
        finally:
            ahead.cancel()  # a reader that stops early has no use for it
