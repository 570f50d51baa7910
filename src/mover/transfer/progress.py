"""What a run is doing right now, in numbers that a display may read at any moment."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import msgspec

from mover.ledger.grants import GrantState
from mover.ledger.states import MOVED, PROBLEMS, SKIPPED, ItemState


class Progress(msgspec.Struct):
    """Counters of this process's share of a run; the ledger has the truth. Sizes in bytes.

    Attributes:
        folders_listed: Folders of the source read to their end.
        files_seen, bytes_seen: Files listed so far, and their sizes.
        files_told, bytes_told: Files that the source told all at once, before any folder is scanned, and their sizes.
        states: How many files ended in each state since the run was started or gone on with.
        bytes_received: Read from the source.
        bytes_done: Sizes of the files that ended in any state.
        current: Paths under way, with the bytes received of each.
        scanning: The listing of the source goes on.
        last_problem: The newest message about a file that failed, for the display.
        permissions: How many permissions ended in each state so far.
        in_one_go: Paths under way that would begin anew if they were broken off: the destination takes no parts of them.
        stopping: Set from outside: no further file is begun, so that the run can be cancelled between files.
    """

    folders_listed: int = 0
    files_seen: int = 0
    bytes_seen: int = 0
    files_told: int = 0
    bytes_told: int = 0
    states: Counter[ItemState] = msgspec.field(default_factory=Counter)
    bytes_received: int = 0
    bytes_done: int = 0
    current: dict[str, int] = msgspec.field(default_factory=dict)
    scanning: bool = True
    last_problem: str = ""
    permissions: Counter[GrantState] = msgspec.field(default_factory=Counter)
    in_one_go: set[str] = msgspec.field(default_factory=set)
    stopping: bool = False

    def permitted(self, state: GrantState) -> None:
        """Count a permission that was given, or could not be."""
        self.permissions[state] += 1

    def ended(self, state: ItemState, size: int | None, *, path: str = "", message: str = "") -> None:
        """Count a file that reached its final state."""
        self.states[state] += 1
        self.bytes_done += size or 0
        if state in PROBLEMS:
            self.last_problem = f"{path}: {message}" if path else message

    def carried(self, state: ItemState, count: int, size: int) -> None:
        """Count files that are known to be as they were, without having been listed; `size` is that of all of them."""
        self.files_seen += count
        self.bytes_seen += size
        self.states[state] += count
        self.bytes_done += size

    @contextlib.contextmanager
    def under_way(self, path: str) -> Iterator[None]:
        """Show a file while it is being moved."""
        self.current[path] = 0
        try:
            yield
        finally:
            self.current.pop(path, None)

    @contextlib.contextmanager
    def going_in_one_go(self, path: str) -> Iterator[None]:
        """Note that a file would begin anew if it were broken off now."""
        self.in_one_go.add(path)
        try:
            yield
        finally:
            self.in_one_go.discard(path)

    def received(self, path: str, size: int) -> None:
        """Count bytes read from the source."""
        self.bytes_received += size
        if path in self.current:
            self.current[path] += size

    @property
    def moved(self) -> int:
        """Files that arrived."""
        return sum(self.states[state] for state in MOVED)

    @property
    def skipped(self) -> int:
        """Files that needed nothing."""
        return sum(self.states[state] for state in SKIPPED)

    @property
    def problems(self) -> int:
        """Files that a person should look at."""
        return sum(self.states[state] for state in PROBLEMS)
