"""What is staged at this moment, for those who have the right to ask (P10): whose it is, and the bytes.

A look neither keeps anything nor changes how long it stays: a part that goes while it is read is gone, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mover.errors import IntegrityError
from mover.staging.intake import Intake, Piece
from mover.staging.sealing import KeyDestroyed
from mover.staging.segments import Segments


class Label(msgspec.Struct, frozen=True):
    """Whose bytes a staged file has, in the numbers of the rooms above.

    Attributes:
        run: Of the ledger.
        item: Of that run.
    """

    run: int
    item: int


class PartGone(Exception):
    """What was to be read is not held any more: it was sent and removed, or given up."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One part as it stood at one moment.

    Attributes:
        label: Whose it is.
        offset: Where it begins in the file, in bytes.
        size: Bytes held.
        complete: All of the part has been received; else it was still coming in.
        since_ns: When its first byte was waited for, in nanoseconds since 1970 UTC.
        on_disk: It rests on disk, encrypted; else in memory, encrypted too.
    """

    label: Label
    offset: int
    size: int
    complete: bool
    since_ns: int
    on_disk: bool
    segments: Segments
    sealed: int
    tail: tuple[Piece, ...] = ()

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, decrypted, in pieces of at most 1 MiB. For a thread: it may wait for a disk.

        Raises:
            PartGone: It was removed meanwhile. What was yielded before is a beginning of it.
            IntegrityError: What rests is not what was put down.
        """
        for number in range(self.sealed):
            yield self._segment(number)
        for piece in self.tail:
            yield bytes(piece)

    def _segment(self, number: int) -> bytes:
        try:
            plain = self.segments.read(number)
        except (IntegrityError, IndexError, KeyDestroyed) as error:
            if self.segments.discarded or isinstance(error, KeyDestroyed):
                raise PartGone from None
            raise
        if self.segments.discarded:  # its buffer may have been another file's by the time it was read
            raise PartGone
        return plain


class Shelf:
    """A part from its first byte until it is removed, so that it can be looked at.

    Args:
        label: Whose it is.
        offset: Where it begins in the file, in bytes.
        since_ns: When its first byte was waited for.
        segments: Where its bytes rest.
        intake: What takes it in.
    """

    __slots__ = ("_intake", "_label", "_offset", "_segments", "_since_ns")

    def __init__(
        self, label: Label, *, offset: int, since_ns: int, segments: Segments, intake: Intake
    ) -> None:
        self._label = label
        self._offset = offset
        self._since_ns = since_ns
        self._segments = segments
        self._intake = intake

    @property
    def label(self) -> Label:
        """Whose it is."""
        return self._label

    @property
    def since_ns(self) -> int:
        """Since when it is held, in nanoseconds since 1970 UTC."""
        return self._since_ns

    def look(self) -> Held:
        """What is held of it now. On the event loop, where the intake changes."""
        intake = self._intake
        return Held(
            label=self._label,
            offset=self._offset,
            size=intake.held,
            complete=intake.complete,
            since_ns=self._since_ns,
            on_disk=self._segments.touches_disk,
            segments=self._segments,
            sealed=intake.sealed,
            tail=intake.unsealed,
        )
