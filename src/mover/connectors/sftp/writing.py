"""Writing a file: blocks are sent without waiting for the answers to those before."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from mover.connectors.contract import Content
from mover.connectors.sftp.api import STATVFS, Handle, Sftp, settled
from mover.connectors.sftp.failures import Refusal, Status
from mover.errors import IntegrityError, MoverError, QuotaExceeded

UNANSWERED: Final = 2 << 20
"""Bytes written and not yet acknowledged in one upload, at most."""


class Writes:
    """The writes to one open file.

    Attributes:
        written: Bytes sent so far.
    """

    def __init__(self, sftp: Sftp, handle: Handle, offset: int = 0) -> None:
        self.written = 0
        self._sftp = sftp
        self._handle = handle
        self._offset = offset
        self._answers: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._unanswered = 0

    async def send(self, content: Content) -> None:
        """Send all of the content; the last answers are still to come (`answered`).

        Raises Refusal for a write that failed, IntegrityError if the content has not the size that it should have.
        """
        async for chunk in content.chunks():
            for block in _blocks(chunk, self._sftp.write_size):
                await self._sftp.session.writable()
                position = self._offset + self.written
                self._answers.append((len(block), self._sftp.write(self._handle, position, block)))
                self.written += len(block)
                self._unanswered += len(block)
                while self._unanswered > UNANSWERED:
                    size, answer = self._answers.popleft()
                    await answer
                    self._unanswered -= size
        if content.size is not None and self.written != content.size:
            raise IntegrityError(f"{self.written} bytes came where {content.size} were announced")

    async def answered(self, *more: asyncio.Future[None]) -> None:
        """Wait for all writes, and for what was asked after them; raise the first failure."""
        await settled([*(answer for _, answer in self._answers), *more])
        self._answers.clear()

    def forget(self) -> None:
        """Give up: no answer is of interest any more."""
        for _, answer in self._answers:
            answer.cancel()


async def why_not_written(sftp: Sftp, folder: bytes, refusal: Refusal) -> QuotaExceeded | None:
    """Tell whether a write failed because the disk is full.

    OpenSSH answers a full disk with a failure that does not say so (version 3 has no status for it).
    """
    if refusal.code != Status.FAILURE or not sftp.offers(STATVFS):
        return None
    try:
        room = await sftp.room(folder)
    except (Refusal, MoverError):
        return None  # what was refused first stays the answer
    if room.free_bytes >= sftp.write_size:
        return None
    return QuotaExceeded("the server's disk is full", said=refusal.said)


def _blocks(chunk: bytes, largest: int) -> list[memoryview]:
    """Cut into equal blocks, as few as possible."""
    view = memoryview(chunk)
    if len(view) <= largest:
        return [view] if view else []
    count = -(-len(view) // largest)
    size = -(-len(view) // count)
    return [view[start : start + size] for start in range(0, len(view), size)]
