"""Reading a file: blocks are asked for ahead and handed on in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from mover.connectors.sftp.api import Handle, Sftp, abandon
from mover.connectors.sftp.failures import Refusal, Status
from mover.connectors.sftp.tree import kind_of, version
from mover.connectors.sftp.wire import Attributes, Opening
from mover.entries import EntryKind
from mover.errors import Changed, Conflict, IntegrityError

AHEAD: Final = 2 << 20
"""Bytes on their way in one read, at most."""

_LEAST_BLOCK = 4096


async def read_file(
    sftp: Sftp, path: bytes, *, offset: int, length: int | None, expected: str | None
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file up to the size that it had at the beginning; see `Connector.read`.

    A file of up to one block costs two round trips: OPEN; READ and FSTAT together. CLOSE is not waited for. As FSTAT
    is answered after the first READ, it also tells that a file that fits in it has not changed before it was read.
    """
    handle = await sftp.open(path, Opening.READ)
    try:
        first = sftp.read(handle, offset, sftp.read_size if length is None else min(length, sftp.read_size))
        abandon(first)  # the facts may already be a reason to stop
        attributes = await sftp.look_at_open(handle)
        if kind_of(attributes) is EntryKind.FOLDER:
            raise Conflict("it is a folder")
        _check_version(attributes, expected)
        end = _end(attributes, offset, length)
        data = await _data(first)
        position = offset + len(data)
        if end is not None and position > end:  # it is growing
            data = data[: end - offset]
        if data:
            yield data
        if end is None:
            blocks = _one_by_one(sftp, handle, position, None if length is None else offset + length)
        else:
            blocks = _ahead(sftp, handle, position, end)
        async for block in blocks:
            position += len(block)
            yield block
        if expected is not None and position > offset + len(data):
            _check_version(await sftp.look_at_open(handle), expected)
    finally:
        abandon(sftp.close(handle))


def _check_version(attributes: Attributes, expected: str | None) -> None:
    if expected is not None and version(attributes) != expected:
        raise Changed("the file is no longer the one that was listed")


def _end(attributes: Attributes, offset: int, length: int | None) -> int | None:
    """Return where the reading ends, None if the server does not tell sizes."""
    if attributes.size is None:
        return None
    end = attributes.size if length is None else offset + length
    if end > attributes.size or offset > attributes.size:
        raise IntegrityError(f"the file has only {attributes.size} bytes now")
    return end


async def _ahead(sftp: Sftp, handle: Handle, position: int, end: int) -> AsyncGenerator[bytes, None]:
    asked_to = position
    block = sftp.read_size
    answers: deque[tuple[int, asyncio.Future[bytes]]] = deque()
    try:
        while position < end:
            while asked_to < end and (asked_to - position) < AHEAD:
                size = min(block, end - asked_to)
                answers.append((size, sftp.read(handle, asked_to, size)))
                asked_to += size
            size, answer = answers.popleft()
            data = await _data(answer)
            if not data:
                raise IntegrityError(f"the file ended after {position} of {end} bytes")
            position += len(data)
            if len(data) < size:  # the server caps what one read may have
                block = max(min(block, len(data)), _LEAST_BLOCK)
                answers.appendleft((size - len(data), sftp.read(handle, position, size - len(data))))
            yield data
    finally:
        for _, answer in answers:
            answer.cancel()


async def _one_by_one(
    sftp: Sftp, handle: Handle, position: int, end: int | None
) -> AsyncGenerator[bytes, None]:
    while end is None or position < end:
        data = await _data(
            sftp.read(handle, position, min(sftp.read_size, (end or position + sftp.read_size) - position))
        )
        if not data:
            if end is not None:
                raise IntegrityError(f"the file ended after {position} of {end} bytes")
            return
        position += len(data)
        yield data


async def _data(answer: asyncio.Future[bytes]) -> bytes:
    try:
        return await answer
    except Refusal as refusal:
        if refusal.code == Status.EOF:
            return b""
        raise
