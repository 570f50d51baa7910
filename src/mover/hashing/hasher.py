"""What a running hash is: the shape that `hashlib` gave the field."""

from __future__ import annotations

from typing import Protocol, Self


class Hasher(Protocol):
    """A hash that is being computed. `hashlib`'s objects are such hashers."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take the next bytes. A memoryview must be contiguous, of single bytes."""

    def hexdigest(self) -> str:
        """Return the hash of all bytes so far as lower-case hexadecimal text; more bytes may follow."""

    def copy(self) -> Self:
        """Return an independent hasher that has taken the same bytes."""
