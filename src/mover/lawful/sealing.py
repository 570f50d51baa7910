"""Sealing a stream of bytes to recipients in the age format, piece by piece. Blocks: for threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from mover.lawful.records import Sealed
from mover.sealing.age.files import AgeSeal
from mover.sealing.age.recipients import read_recipients
from mover.sealing.streams import sealed_in_thread

PIECE = 1 << 20
"""Bytes of a piece of an age file, at most."""


def seal(plain: Iterator[bytes], keep: Callable[[bytes], None], recipients: Iterable[str]) -> Sealed:
    """Encrypt a stream to the recipients, and hand over the age file in pieces of at most 1 MiB.

    At most 1 MiB of it is in the clear in memory at a time. Raises what `plain` and `keep` raise.
    """
    read, made = _Counted(), _Counted()
    gathered = bytearray()

    def hand_over(size: int) -> None:
        piece = bytes(gathered[:size])
        keep(piece)
        made.count(piece)
        del gathered[:size]

    for sealed in sealed_in_thread(AgeSeal(read_recipients(recipients)).file(), map(read.count, plain)):
        gathered += sealed
        while len(gathered) >= PIECE:
            hand_over(PIECE)
    if gathered:
        hand_over(len(gathered))
    return Sealed(
        read_bytes=read.size,
        sha256=read.hash.hexdigest(),
        sealed_bytes=made.size,
        sealed_sha256=made.hash.hexdigest(),
    )


class _Counted:
    """How much has passed by, and its hash."""

    def __init__(self) -> None:
        self.size = 0
        self.hash = hashlib.sha256()

    def count(self, piece: bytes) -> bytes:
        self.size += len(piece)
        self.hash.update(piece)
        return piece
