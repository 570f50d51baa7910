"""Upload sessions."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.accounts import Person
from simulators.blobs import Blob, Joined
from simulators.dropbox.hashes import BLOCK
from simulators.dropbox.namespaces import token_text
from simulators.dropbox.refusals import RouteError

_LIFETIME_NS = 7 * 86_400 * 1_000_000_000
_LARGEST_FILE = 2**41 - 2**22


@dataclass
class Session:
    """An upload session.

    Attributes:
        pieces: Content by offset.
        is_closed: Takes no more bytes.
        is_to_close: The last piece came; a concurrent session closes when those before it have come, too.
    """

    id: str
    person: Person | None
    made_ns: int
    is_concurrent: bool
    pieces: dict[int, Blob] = field(default_factory=dict)
    is_closed: bool = False
    is_to_close: bool = False

    @property
    def size(self) -> int:
        """Bytes from the start without a gap."""
        end = 0
        for offset in sorted(self.pieces):
            if offset > end:
                break
            end = max(end, offset + self.pieces[offset].size)
        return end

    @property
    def has_gap(self) -> bool:
        """Some bytes before others are missing."""
        return any(offset + piece.size > self.size for offset, piece in self.pieces.items())

    def append(self, offset: int, blob: Blob, *, close: bool) -> None:
        """Take bytes. Raises RouteError."""
        if self.is_closed:
            raise RouteError("closed")
        if offset + blob.size > _LARGEST_FILE:
            raise RouteError("too_large")
        if self.is_concurrent:
            if offset % BLOCK:
                raise RouteError("concurrent_session_invalid_offset")
            if blob.size % BLOCK and not close:
                raise RouteError("concurrent_session_invalid_data_size")
        elif offset != self.size:
            raise RouteError("incorrect_offset", inner={"correct_offset": self.size})
        if blob.size:
            self.pieces[offset] = blob
        self.is_to_close = close or self.is_to_close
        self.is_closed = self.is_to_close and not self.has_gap

    @property
    def blob(self) -> Blob:
        """All bytes."""
        return Joined([self.pieces[offset] for offset in sorted(self.pieces)])


class Sessions:
    """The upload sessions of a service."""

    def __init__(self) -> None:
        self.open: dict[str, Session] = {}
        self._made = 0

    def start(self, person: Person | None, now_ns: int, *, concurrent: bool) -> Session:
        """Begin a session."""
        self._made += 1
        made = Session(f"pid_upload_session:{token_text(self._made, 50)}", person, now_ns, concurrent)
        self.open[made.id] = made
        return made

    def find(self, session_id: str, person: Person | None, now_ns: int) -> Session:
        """Find a session that may still be used. Raises RouteError(not_found)."""
        found = self.open.get(session_id)
        if found is None or found.person is not person or now_ns > found.made_ns + _LIFETIME_NS:
            raise RouteError("not_found")
        return found
