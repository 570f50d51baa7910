"""Content on its way to the server."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from mover.connectors.contract import Content
from mover.entries import HashName
from mover.errors import IntegrityError

SMALL = 128 * 1024
"""Content up to this size in bytes is handed to the connection at once, headers and all, and can be repeated."""

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}(; ?charset=[\w-]{1,40})?", re.ASCII)


@dataclass(frozen=True)
class InHand:
    """Small content, read already."""

    data: bytes
    hashes: Mapping[HashName, str]
    repeatable = True

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        yield self.data


class Streamed:
    """Content that is read while it is sent, and remembers whose fault it was if that failed.

    Attributes:
        failed: Reading the content raised, so that the error is not the server's.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self.failed = False
        self.size = content.size
        self.hashes = content.hashes
        self.repeatable = content.repeatable

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        async with aclosing(pieces_of(self._content)) as pieces:
            while True:
                try:
                    piece = await anext(pieces, None)
                except Exception:
                    self.failed = True
                    raise
                if piece is None:
                    return
                yield piece


async def at_hand(content: Content) -> InHand | Streamed:
    """Read small content; leave other content to be streamed. Raises what reading raises, and IntegrityError."""
    if content.size is None or content.size > SMALL:
        return Streamed(content)
    pieces: list[bytes] = []
    size = 0
    async with aclosing(pieces_of(content)) as arriving:
        async for piece in arriving:
            pieces.append(piece)
            size += len(piece)
            if size > content.size:
                break
    if size != content.size:
        raise IntegrityError("the content is not of the size that was announced")
    return InHand(pieces[0] if len(pieces) == 1 else b"".join(pieces), content.hashes)


async def pieces_of(content: Content) -> AsyncGenerator[bytes, None]:
    """Yield a content's bytes and close its iterator, whatever happens."""
    pieces = content.chunks()
    try:
        async for piece in pieces:
            yield piece
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def begins_with(content: Content, stored: AsyncIterator[bytes]) -> bool:
    """Tell whether `stored` is the beginning of the content, byte for byte, or all of it."""
    async with aclosing(pieces_of(content)) as own:
        mine = b""
        async for theirs in stored:
            while len(mine) < len(theirs):
                more = await anext(own, b"")
                if not more:
                    return False
                mine += more
            if mine[: len(theirs)] != theirs:
                return False
            mine = mine[len(theirs) :]
    return True


def safe_media_type(media_type: str | None) -> str | None:
    """Return a media type that may stand in a header; None if this one may not."""
    return media_type if media_type and _MEDIA_TYPE.fullmatch(media_type) else None
