"""How long a move may take: by what the vendors publish, what a person allows, and what earlier runs achieved.

The least time is the greatest of: what each published limit lets through, and what the bandwidth that was set lets through.
A limit that is another one for some accounts (`Limit.differs`) counts only as long as no earlier run shows what this
account bears. The most is known only from earlier runs: each would have taken so long for so many files, and so long for so
many bytes. Nothing is guessed: without a limit and an earlier run the time is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mover.connectors.costs import CallCosts, Limit
from mover.ledger.estimates import Bound, PastRun, Sort

ENOUGH_FILES, ENOUGH_BYTES = 50, 64 << 20
"""A run that moved less tells of its start rather than of its pace."""


class Charged(Protocol):
    """What one side of a move comes to."""

    @property
    def costs(self) -> CallCosts:
        """Its costs, with its limits."""

    @property
    def by_sort(self) -> dict[Sort, int]:
        """Calls."""

    @property
    def uploads(self) -> int:
        """Files that are sent."""

    @property
    def uploaded(self) -> float:
        """Their bytes."""


def how_long(
    sides: Sequence[Charged], *, files: int, size: float, bytes_per_s: int | None, past: Sequence[PastRun]
) -> tuple[Bound | None, float | None]:
    """The least time with what decides it, and the most in seconds; None: not known.

    Args:
        sides: Those of which calls are counted.
        files: To be moved.
        size: Of them, in bytes.
        bytes_per_s: The bandwidth that was set.
        past: Earlier runs.
    """
    telling = [run for run in past if run.files >= ENOUGH_FILES or run.size >= ENOUGH_BYTES]
    predicted = [times for run in telling if (times := _as_then(run, files, size)) is not None]
    bounds = [
        Bound(seconds=_seconds(limit, side), why=f"{side.costs.title} {limit.told}")
        for side in sides
        for limit in side.costs.limits
        if not (limit.differs and predicted)
    ]
    if bytes_per_s:
        bounds.append(Bound(seconds=size / bytes_per_s, why="the bandwidth that was set"))
    if not predicted:
        return max(bounds, key=lambda bound: bound.seconds, default=None), None
    bounds.append(Bound(seconds=min(low for low, _ in predicted), why="as fast as earlier runs were"))
    least = max(bounds, key=lambda bound: bound.seconds)
    return least, max(least.seconds, *(high for _, high in predicted))


def _as_then(run: PastRun, files: int, size: float) -> tuple[float, float] | None:
    """Seconds for so many files and for so many bytes at the pace of a run, the lesser first."""
    times = []
    if run.files:
        times.append(run.seconds * files / run.files)
    if run.size > 0:
        times.append(run.seconds * size / run.size)
    return (min(times), max(times)) if times else None


def _seconds(limit: Limit, side: Charged) -> float:
    """How long it takes until a limit has let all through; what it lets through at once takes no time."""
    amount = (
        sum(side.by_sort.get(sort, 0) * weight for sort, weight in _weights(limit))
        + side.uploads * limit.upload
        + side.uploaded * limit.uploaded_byte
    )
    return max(0.0, amount - limit.most) / limit.most * limit.every_s


def _weights(limit: Limit) -> tuple[tuple[Sort, float], ...]:
    return (
        (Sort.LISTING, limit.listing),
        (Sort.READING, limit.reading),
        (Sort.WRITING, limit.writing),
        (Sort.PERMITTING, limit.permitting),
    )
