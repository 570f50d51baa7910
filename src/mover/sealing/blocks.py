"""A file that is cut into blocks, each sealed by itself: what `age` and rclone's crypt have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

BLOCK = 65_536  # bytes of content in every block but the last
TAG = 16  # bytes by which a sealed block is longer
SEALED_BLOCK = BLOCK + TAG


class Unsealable(Exception):
    """The sealed bytes are not what was sealed with this key: another key, or somebody changed them."""


class BlockCipher(Protocol):
    """Seals and opens the blocks of one file. May be used from several threads."""

    def seal(self, index: int, block: bytes, *, last: bool) -> bytes:
        """Seal a block; `index` counts from 0. The result is TAG bytes longer."""

    def open(self, index: int, sealed: bytes, *, last: bool) -> bytes:
        """Open a block. Raises Unsealable."""


@dataclass(frozen=True)
class Layout:
    """Where the bytes of a sealed file are.

    Attributes:
        prefix: Bytes before the first block.
        empty_block: A file without content has one empty block (age); else it has none (crypt).
    """

    prefix: int
    empty_block: bool

    def sealed_size(self, size: int) -> int:
        """How many bytes a file of `size` bytes has when it is sealed."""
        return self.prefix + size + TAG * self._blocks(size)

    def size(self, sealed_size: int) -> int:
        """How many bytes a sealed file has when it is opened. Raises ValueError: no sealed file has that size."""
        body = sealed_size - self.prefix
        if body < (TAG if self.empty_block else 0):
            raise ValueError("it is too short to be a whole sealed file")
        if body == 0:
            return 0
        full, rest = divmod(body, SEALED_BLOCK)
        if 0 < rest < TAG or (rest == TAG and not (self.empty_block and full == 0)):
            raise ValueError("it ends in the middle of a block")
        return full * BLOCK + max(rest - TAG, 0)

    def _blocks(self, size: int) -> int:
        return max(-(-size // BLOCK), 1 if self.empty_block else 0)
