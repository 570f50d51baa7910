"""What a move will cost, as a scan worked it out: calls on both sides, and how long it may take."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from mover.ledger.states import Action


class Sort(enum.StrEnum):
    """Sorts of calls."""

    LISTING = "listing"  # signing in, listings, permissions that are looked at: what the scan did itself
    READING = "reading"  # one entry described, content read
    WRITING = "writing"  # content sent, folders made, times set, names changed
    PERMITTING = "permitting"  # something permitted to somebody, or taken back


class SideCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Calls on one side. `by_sort` is None where nobody counts them: a folder, SFTP, FTP, a database."""

    service: str  # for people
    by_sort: Mapping[Sort, int] | None

    @property
    def calls(self) -> int | None:
        """All of them."""
        return None if self.by_sort is None else sum(self.by_sort.values())


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """A time in seconds that a move takes at least, and a sentence part that says why."""

    seconds: float
    why: str


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a move will cost.

    Attributes:
        source, destination: Calls.
        files: To be moved, compared or renamed.
        size: Their sizes in bytes, as far as they are known.
        unknown_sizes: So many of them tell no size.
        least: The shortest time that is possible; None: nothing is known.
        most_s: The longest time in seconds by what earlier runs achieved; None: not known.
        past: Earlier runs that this was taken from.
        uncounted: What the figures leave out, one part of a sentence each.
        hours_a_day: How long work goes on a day: less than 24 where a window is set.
    """

    source: SideCalls
    destination: SideCalls
    files: int
    size: int
    unknown_sizes: int
    least: Bound | None
    most_s: float | None
    past: int = 0
    uncounted: tuple[str, ...] = ()
    hours_a_day: float = 24.0


class FileGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Planned files that cost alike.

    Attributes:
        action: What is to be done to them.
        bucket: Index of the first of the given bounds that is not below their size; their number for larger ones; -1 for
            unknown sizes.
        large: They go in the lane for large files.
        stood: Their folder stands at the destination already.
        files: How many.
        size: In bytes, all together.
        pieces: For each of the given lengths, how many pieces of that length they are cut into, all together.
        names: Names in their paths below the destination's root, all together.
    """

    action: Action
    bucket: int
    large: bool
    stood: bool
    files: int
    size: float
    pieces: tuple[float, ...]
    names: float


class FolderCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Folders of a scan: missing at the destination, those among them without a file to come, to be dated, and listed."""

    missing: int
    without_files: int
    dated: int
    listed: int


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scan planned; `grants` are permissions to be given or taken back."""

    files: tuple[FileGroup, ...]
    folders: FolderCounts
    grants: int


class PastRun(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier run moved, and in how many seconds."""

    files: int
    size: float
    seconds: float
