"""How fast a run is and how much of it is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

from mover.entries import EntryKind
from mover.ledger.records import Tally
from mover.ledger.states import OPEN
from mover.transfer.progress import Progress

_WINDOW_S = 15.0
_FILE_COST = 256 << 10  # bytes that are sent in the time that a file takes besides its content, about
_LEAST_S = 1.0  # a rate over less says nothing


class Before(msgspec.Struct, frozen=True):
    """What an interrupted run had come to when this process went on with it. Sizes in bytes."""

    files_seen: int = 0
    files_done: int = 0
    bytes_seen: int = 0
    bytes_done: int = 0

    @classmethod
    def of(cls, tallies: Iterable[Tally]) -> Before:
        """Take it from the ledger."""
        files = [tally for tally in tallies if tally.kind is not EntryKind.FOLDER]
        done = [tally for tally in files if tally.state not in OPEN]
        return cls(
            files_seen=sum(tally.count for tally in files),
            files_done=sum(tally.count for tally in done),
            bytes_seen=sum(tally.size for tally in files),
            bytes_done=sum(tally.size for tally in done),
        )


class Look(msgspec.Struct, frozen=True):
    """One look at a run under way.

    Attributes:
        files_seen, files_done, bytes_seen, bytes_done: Over the whole run; sizes in bytes.
        bytes_per_s, files_per_s: Over the last seconds.
        left_s: Seconds until the end, or None if nothing is known yet.
        at_least: More may be found: the time left is a lower limit, the share done an upper one.
    """

    files_seen: int
    files_done: int
    bytes_seen: int
    bytes_done: int
    bytes_per_s: float
    files_per_s: float
    left_s: float | None
    at_least: bool

    @property
    def share(self) -> float:
        """Share of what was seen that is done, 0 to 1."""
        cost = _cost(self.files_seen, self.bytes_seen)
        return min(_cost(self.files_done, self.bytes_done) / cost, 1.0) if cost else 0.0


class Meter:
    """Measures a run over a window of its last seconds.

    Args:
        progress: Of the run.
        clock: Seconds that only grow.
    """

    def __init__(self, progress: Progress, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock = clock
        self._samples: deque[tuple[float, int, int]] = deque()
        self.before = Before()

    def look(self) -> Look:
        """Take a sample and say how things are."""
        progress, before = self._progress, self.before
        ended = sum(progress.states.values())
        now = self._clock()
        self._samples.append((now, progress.bytes_received, ended))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _WINDOW_S:  # noqa: PLR2004 - two ends
            self._samples.popleft()
        began, bytes_then, ended_then = self._samples[0]
        passed = now - began
        bytes_per_s = (progress.bytes_received - bytes_then) / passed if passed >= _LEAST_S else 0.0
        files_per_s = (ended - ended_then) / passed if passed >= _LEAST_S else 0.0
        told = (progress.files_told, progress.bytes_told) if progress.scanning else (0, 0)
        files_seen = before.files_seen + max(progress.files_seen, told[0])
        files_done = min(before.files_done + ended, files_seen)
        under_way = sum(list(progress.current.values()))
        bytes_seen = before.bytes_seen + max(progress.bytes_seen, told[1])
        bytes_done = min(before.bytes_done + progress.bytes_done + under_way, bytes_seen)
        return Look(
            files_seen=files_seen,
            files_done=files_done,
            bytes_seen=bytes_seen,
            bytes_done=bytes_done,
            bytes_per_s=bytes_per_s,
            files_per_s=files_per_s,
            left_s=_left_s(files_seen - files_done, bytes_seen - bytes_done, files_per_s, bytes_per_s),
            at_least=progress.scanning,
        )


def _cost(files: float, size: float) -> float:
    """What files cost, in bytes: many small ones take as long as few large ones."""
    return size + files * _FILE_COST


def _left_s(files: int, size: int, files_per_s: float, bytes_per_s: float) -> float | None:
    speed = _cost(files_per_s, bytes_per_s)
    if not files:
        return 0.0
    return _cost(files, size) / speed if speed else None
