"""Buffers that are used again: fresh memory costs a page fault every 4 KiB, which took a third of the receiving time."""

from __future__ import annotations

from collections import deque

from mover.staging.sealing import SEGMENT, TAG


class Buffers:
    """Buffers of the size of a sealed segment. May be used from several threads.

    Args:
        kept: How many are kept for later, at most.
    """

    def __init__(self, *, kept: int) -> None:
        self._free: deque[bytearray] = deque(maxlen=kept)

    def take(self) -> bytearray:
        """Return a buffer of `SEGMENT + TAG` bytes with anything in it."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(SEGMENT + TAG)

    def put_back(self, buffer: bytearray) -> None:
        """Hand a buffer over to whoever needs the next one."""
        self._free.append(buffer)
