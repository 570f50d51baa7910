"""The body of a request while it is sent: counted, watched for silence, and honest about why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from mover.errors import IntegrityError, MoverError, TimedOut
from mover.transport.http_library import aiohttp

# What is handed to the socket at once. Progress shows only in such steps, so a small one tells a slow line from a
# dead one.
_STEP = 128 * 1024


class RequestBody(aiohttp.payload.Payload):
    """Sends pieces as they come.

    Args:
        pieces: Consumed once.
        size: Of the whole body; None if unknown.
        silence_s: How long the service may take no bytes.
        place: Fills in where an error of the sending happened.

    aiohttp wraps whatever goes wrong while a body is sent in errors of its own; what really went wrong is kept in
    `failure`, so that errors of reading the source pass through an upload unchanged.

    Attributes:
        failure: What ended the sending early, unless it was the connection.
        handed_over: Bytes given to the connection so far.
    """

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        size: int | None,
        *,
        silence_s: float,
        place: Callable[[MoverError], MoverError],
    ) -> None:
        super().__init__(pieces)
        self._pieces = pieces
        self._size = size
        self._silence_s = silence_s
        self._place = place
        self.failure: Exception | None = None
        self.handed_over = 0

    @property
    def complete(self) -> bool:
        """All bytes that were announced have been handed over; True where nothing was announced."""
        return self._size is None or self.handed_over == self._size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> NoReturn:  # noqa: ARG002 - aiohttp's signature
        """Refuse: nobody but a debugger would want a stream as text."""
        raise TypeError("the body is a stream")

    async def write(self, writer: aiohttp.abc.AbstractStreamWriter) -> None:
        """Send the whole body."""
        await self.write_with_length(writer, None)

    async def write_with_length(
        self,
        writer: aiohttp.abc.AbstractStreamWriter,
        content_length: int | None,  # noqa: ARG002 - the size is known since the start
    ) -> None:
        """Send the whole body; raises what reading the pieces raises, IntegrityError, TimedOut."""
        assert isinstance(writer, aiohttp.http_writer.StreamWriter)
        self._consumed = True
        try:
            while (piece := await self._next()) is not None:
                await self._send(writer, piece)
        finally:
            # When sending stops early the pieces are left in the middle, perhaps with a file open.
            close = getattr(self._pieces, "aclose", None)
            if close is not None:
                await close()

    async def _next(self) -> bytes | None:
        try:
            piece = await anext(self._pieces, None)
        except Exception as error:
            self.failure = error
            raise
        if piece is not None:
            self.handed_over += len(piece)
            if self._size is not None and self.handed_over > self._size:
                self._fail(
                    IntegrityError(f"the content is longer than the {self._size} bytes that were announced")
                )
        elif not self.complete:
            self._fail(IntegrityError(f"the content ended after {self.handed_over} of {self._size} bytes"))
        return piece

    def _fail(self, error: MoverError) -> NoReturn:
        self.failure = self._place(error)
        raise self.failure

    async def _send(self, writer: aiohttp.http_writer.StreamWriter, piece: bytes) -> None:
        if len(piece) <= _STEP:
            await self._send_step(writer, piece)
            return
        view = memoryview(piece)
        for start in range(0, len(piece), _STEP):
            await self._send_step(writer, view[start : start + _STEP])

    async def _send_step(self, writer: aiohttp.http_writer.StreamWriter, step: bytes | memoryview) -> None:
        await writer.write(step, drain=False)
        if not writer.protocol.writing_paused:
            return
        # A task of its own, since aiohttp's drain cannot be waited for again once it was cancelled.
        draining = asyncio.ensure_future(writer.drain())
        try:
            waiting = _unsent(writer)
            while not (await asyncio.wait({draining}, timeout=self._silence_s))[0]:
                if (left := _unsent(writer)) >= waiting:
                    self._fail(TimedOut(f"the service took no bytes for {self._silence_s:g} s"))
                waiting = left
            await draining
        finally:
            draining.cancel()


def _unsent(writer: aiohttp.http_writer.StreamWriter) -> int:
    return writer.transport.get_write_buffer_size() if writer.transport else 0


async def in_one_piece(body: bytes) -> AsyncIterator[bytes]:
    """Make a body of bytes that are there already."""
    yield body
