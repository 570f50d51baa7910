"""Sealing and opening ranges of files, with at most about 1 MiB of them in memory, and the arithmetic in threads.

A reader gives the bytes of a range of the other form: to seal the bytes 100 to 200 of a sealed file, the blocks of
content that they come from are read; to open some content, the sealed blocks that hold it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from mover.errors import Changed
from mover.sealing.blocks import BLOCK, SEALED_BLOCK, BlockCipher, Layout, Unsealable

_AT_ONCE = 15  # blocks that one visit to a thread works on: with the one that is held back, 1 MiB

Read = Callable[[int, int | None], AsyncGenerator[bytes, None]]
"""Yields bytes from an offset on, so many of them; None: to the end."""


@dataclass(frozen=True)
class Sealing:
    """How one file is sealed: the bytes that come first, and the cipher of its blocks."""

    prefix: bytes
    cipher: BlockCipher
    empty_block: bool

    @property
    def layout(self) -> Layout:
        """Where its bytes are."""
        return Layout(len(self.prefix), self.empty_block)


async def sealed_whole(sealing: Sealing, content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Seal a file whose size need not be known."""
    yield sealing.prefix
    async with aclosing(_blocks(content, BLOCK, 0, to_end=True)) as groups:
        async for first, group, final in groups:
            if group or sealing.empty_block:
                yield await asyncio.to_thread(_seal, sealing.cipher, first, group, final)


def sealed_in_thread(sealing: Sealing, content: Iterable[bytes]) -> Iterator[bytes]:
    """Seal a file as `sealed_whole` does, for threads: it reads and computes where it is called."""
    yield sealing.prefix
    groups = _Groups(BLOCK, 0)
    for piece in content:
        for first, group, final in groups.more(piece):
            yield _seal(sealing.cipher, first, group, final)
    for first, group, final in groups.rest(to_end=True):
        if group or sealing.empty_block:
            yield _seal(sealing.cipher, first, group, final)


async def sealed_range(
    sealing: Sealing, size: int, read: Read, offset: int, length: int | None
) -> AsyncGenerator[bytes, None]:
    """Seal what stands in a range of the sealed file.

    Args:
        sealing: How; the same each time for the same file, or the ranges do not fit together.
        size: Of the content, in bytes.
        read: Reads content.
        offset: Where in the sealed file the range begins.
        length: Of the range; None: to the end.
    """
    layout = sealing.layout
    total = layout.sealed_size(size)
    end = _end(total, offset, length)
    start = min(offset, end)
    if start < min(end, layout.prefix):
        yield sealing.prefix[start:end]
    if end <= layout.prefix or start >= end:
        return
    start, end = max(start - layout.prefix, 0), end - layout.prefix
    first, behind = start // SEALED_BLOCK, -(-end // SEALED_BLOCK)
    from_, to = first * BLOCK, min(behind * BLOCK, size)
    to_end = to == size
    whole = from_ == 0 and to_end
    content = _exactly(read(from_, None if whole else to - from_), to - from_) if size else _nothing()
    async with aclosing(_blocks(content, BLOCK, first, to_end=to_end)) as groups:
        sealed = _sealed(sealing.cipher, groups)
        async for piece in _cut(sealed, start - first * SEALED_BLOCK, end - start):
            yield piece


async def opened_whole(
    cipher: BlockCipher, body: AsyncGenerator[bytes, None], *, empty_block: bool
) -> AsyncGenerator[bytes, None]:
    """Open all blocks of a file, given from behind its prefix to its end. Raises Unsealable, also if it was cut off."""
    async with aclosing(_blocks(body, SEALED_BLOCK, 0, to_end=True)) as groups:
        async for first, group, final in groups:
            if group or empty_block:
                yield await asyncio.to_thread(_open, cipher, first, group, final)


async def opened_range(
    cipher: BlockCipher, layout: Layout, sealed_size: int, read: Read, offset: int, length: int | None
) -> AsyncGenerator[bytes, None]:
    """Open a range of the content. `read` reads the sealed file. Raises Unsealable, and ValueError as `Layout.size` does."""
    size = layout.size(sealed_size)
    end = _end(size, offset, length)
    start = min(offset, end)
    if start >= end and not (size == 0 and layout.empty_block):
        return
    first, behind = start // BLOCK, max(-(-end // BLOCK), 1)
    from_ = layout.prefix + first * SEALED_BLOCK
    to = min(layout.prefix + behind * SEALED_BLOCK, sealed_size)
    body = read(from_, to - from_)
    async with aclosing(_blocks(body, SEALED_BLOCK, first, to_end=to == sealed_size)) as groups:
        opened = _opened(cipher, groups)
        async for piece in _cut(opened, start - first * BLOCK, end - start):
            yield piece


def _end(size: int, offset: int, length: int | None) -> int:
    """Where a range ends. Raises Changed if the file does before."""
    if length is not None and length > 0 and offset + length > size:
        raise Changed("the file is shorter than the range that was asked for")
    return size if length is None else min(offset + length, size)


async def _nothing() -> AsyncGenerator[bytes, None]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


async def _exactly(stream: AsyncGenerator[bytes, None], length: int) -> AsyncGenerator[bytes, None]:
    """Raise Changed where a file is longer or shorter than its size was: what was announced of it would be wrong."""
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            length -= len(piece)
            if length < 0:
                raise Changed("the file is longer than it was when it was listed")
            yield piece
    if length:
        raise Changed("the file is shorter than it was when it was listed")


class _Groups:
    """Whole blocks of a stream, some at once: the number of the first one, them, and whether the file's last is among them.

    Something is held back until more has come, so that the last block is known as such, and always comes.
    """

    def __init__(self, unit: int, first: int) -> None:
        self._unit = unit
        self._first = first
        self._held = bytearray()

    def more(self, piece: bytes) -> Iterator[tuple[int, bytes, bool]]:
        """Take a piece; yields what is complete by it."""
        held = self._held
        view = memoryview(piece)
        while view:
            room = self._unit * _AT_ONCE + 1 - len(held)
            held += view[:room]
            view = view[room:]
            if len(held) > self._unit * _AT_ONCE:
                group = bytes(held[:-1])
                del held[:-1]
                yield self._first, group, False
                self._first += _AT_ONCE

    def rest(self, *, to_end: bool) -> Iterator[tuple[int, bytes, bool]]:
        """Yield what is left at the end of the stream; `to_end`: that is the file's end, too."""
        if self._held or to_end:
            yield self._first, bytes(self._held), to_end


async def _blocks(
    stream: AsyncGenerator[bytes, None], unit: int, first: int, *, to_end: bool
) -> AsyncGenerator[tuple[int, bytes, bool], None]:
    groups = _Groups(unit, first)
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            for group in groups.more(piece):
                yield group
    for group in groups.rest(to_end=to_end):
        yield group


async def _sealed(
    cipher: BlockCipher, groups: AsyncGenerator[tuple[int, bytes, bool], None]
) -> AsyncGenerator[bytes, None]:
    async for first, group, final in groups:
        yield await asyncio.to_thread(_seal, cipher, first, group, final)


async def _opened(
    cipher: BlockCipher, groups: AsyncGenerator[tuple[int, bytes, bool], None]
) -> AsyncGenerator[bytes, None]:
    async for first, group, final in groups:
        yield await asyncio.to_thread(_open, cipher, first, group, final)


async def _cut(pieces: AsyncGenerator[bytes, None], skip: int, length: int) -> AsyncGenerator[bytes, None]:
    """Leave out what stands before and behind a range; all is read, so that what comes last is checked too."""
    async with aclosing(pieces) as opened:
        async for piece in opened:
            kept = piece[skip : skip + length]
            skip = max(skip - len(piece), 0)
            length -= len(kept)
            if kept:
                yield kept


def _seal(cipher: BlockCipher, first: int, group: bytes, final: bool) -> bytes:  # noqa: FBT001 - called by position from a thread
    cut = [group[at : at + BLOCK] for at in range(0, len(group), BLOCK)] or [b""]
    most = len(cut) - 1
    return b"".join(
        cipher.seal(first + number, block, last=final and number == most) for number, block in enumerate(cut)
    )


def _open(cipher: BlockCipher, first: int, group: bytes, final: bool) -> bytes:  # noqa: FBT001 - as above
    cut = [group[at : at + SEALED_BLOCK] for at in range(0, len(group), SEALED_BLOCK)] or [b""]
    most = len(cut) - 1
    opened = []
    for number, sealed in enumerate(cut):
        if len(sealed) < SEALED_BLOCK and not (final and number == most):
            raise Unsealable("a block in the middle is too short")
        opened.append(cipher.open(first + number, sealed, last=final and number == most))
    return b"".join(opened)
