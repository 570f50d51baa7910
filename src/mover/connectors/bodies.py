"""The body of a request that sends a content."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from mover.connectors.contract import Content
from mover.errors import IntegrityError

GATHERED_BYTES = 256 * 1024  # contents up to this size go out in one piece with their headers


async def body_of(content: Content, size: int) -> bytes | Callable[[], AsyncIterator[bytes]]:
    """Return a small content as bytes, a large one as its stream.

    Raises:
        IntegrityError: A small one has not the size that it announced.
    """
    if size > GATHERED_BYTES:
        return content.chunks
    pieces = []
    left = size
    async for piece in content.chunks():
        left -= len(piece)
        if left < 0:
            break
        pieces.append(piece)
    if left:
        raise IntegrityError(f"the content has not the {size} bytes that were announced")
    return b"".join(pieces)
