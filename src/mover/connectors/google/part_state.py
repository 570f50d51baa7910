"""What an upload in parts is kept as: in the ledger, and in memory while it lasts."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from mover.connectors.contract import Content
from mover.connectors.google.sessions import checked
from mover.errors import IntegrityError, NotFound


class PartToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An upload as the ledger keeps it. The address is good for this one file and for a week."""

    url: str
    part_size: int
    size: int | None
    item: str | None
    user: str | None = None
    drive: str | None = None


class OpenUpload(msgspec.Struct):
    """An upload that this process sends."""

    url: str
    sent: dict[int, str]
    tried: set[int]
    tail: bytes | None = None
    tail_offset: int = 0
    last: int = 0


class PartBody:
    """A part on its way: what goes out, what is held back, and the MD5 of both."""

    def __init__(self, content: Content, size: int, body: int) -> None:
        self._content = content
        self._size = size
        self._body = body
        self._position = 0
        self.tail = bytearray()
        self.digest = hashlib.md5(usedforsecurity=False)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield what goes out. Raises IntegrityError for a content of another size."""
        async for piece in self._content.chunks():
            self.digest.update(piece)
            out = piece[: max(0, self._body - self._position)]
            self.tail += piece[len(out) :]
            self._position += len(piece)
            if self._position > self._size:
                break
            if out:
                yield out
        if self._position != self._size:
            raise IntegrityError(
                f"the part has not the {self._size} bytes that were announced", operation="send"
            )

    async def consume(self) -> None:
        """Read it without sending anything."""
        async with aclosing(self.pieces()) as pieces:
            async for _ in pieces:
                pass


def read_token(token: str) -> PartToken:
    """Read a token. Raises NotFound for what is none, ProtocolViolation for an address that is not Google's."""
    try:
        known = msgspec.json.decode(token, type=PartToken)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotFound("the upload is gone") from None
    checked(known.url)
    return known
