"""Charts as figures for SVG: where lines and bars stand. Drawn by templates, beside a table with the same figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640
HEIGHT = 180
_LEFT, _BOTTOM, _TOP = 64, 24, 10
_MOST_POINTS = 240
_FEWEST_SAMPLES = 4
_STEPS = (1, 2, 5, 10)
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Mark:
    """A line of the grid, or a label on the axis: where, and its value."""

    at: float
    value: float


@dataclass(frozen=True)
class Line:
    """A line over time.

    Attributes:
        points: For `<polyline points>`.
        area: For `<path d>`: the line down to the axis.
        grid: Horizontal lines with their values.
        ticks: Times on the axis, in seconds since the first point.
        series: (seconds since the first point, value), as drawn; for the table.
    """

    points: str
    area: str
    grid: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    series: tuple[tuple[float, float], ...]
    peak: float


@dataclass(frozen=True)
class Slice:
    """A piece of a bar of parts: `x` and `width` in percent."""

    label: str
    tone: str
    amount: int
    x: float
    width: float


def throughput(totals: Sequence[tuple[int, int]]) -> Line | None:
    """Rates between samples of a growing total.

    Args:
        totals: (time in nanoseconds, total so far), in the order of time.

    Returns None if there are too few to draw.
    """
    samples = [one for n, one in enumerate(totals) if n == 0 or one[0] > totals[n - 1][0]]
    if len(samples) < _FEWEST_SAMPLES:
        return None
    stride = max(1, math.ceil(len(samples) / _MOST_POINTS))
    thinned = [*samples[:-1:stride], samples[-1]]
    begin = thinned[0][0]
    series = tuple(
        (
            (at - begin) / _NANOSECONDS,
            max(0, total - before) / ((at - before_at) / _NANOSECONDS),
        )
        for (before_at, before), (at, total) in itertools.pairwise(thinned)
    )
    return _line(series)


def _line(series: tuple[tuple[float, float], ...]) -> Line:
    first, last = series[0][0], series[-1][0]
    across = max(last - first, 1e-9)
    step = _round_step(max(value for _, value in series) / 3)
    top = step * max(1, math.ceil(max(value for _, value in series) / step))
    plot_width, plot_height = WIDTH - _LEFT, HEIGHT - _TOP - _BOTTOM

    def place(at: float, value: float) -> tuple[float, float]:
        return _LEFT + (at - first) / across * plot_width, _TOP + (1 - value / top) * plot_height

    placed = [place(at, value) for at, value in series]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    floor = _TOP + plot_height
    area = (
        f"M{placed[0][0]:.1f},{floor} "
        + " ".join(f"L{x:.1f},{y:.1f}" for x, y in placed)
        + f" L{placed[-1][0]:.1f},{floor} Z"
    )
    grid = tuple(Mark(round(place(first, step * n)[1], 1), step * n) for n in range(round(top / step) + 1))
    ticks = tuple(
        Mark(round(place(first + across * n / 4, 0)[0], 1), first + across * n / 4) for n in range(5)
    )
    return Line(points, area, grid, ticks, series, max(value for _, value in series))


def _round_step(wanted: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... that is not less."""
    if wanted <= 0:
        return 1.0
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    return next(magnitude * step for step in _STEPS if magnitude * step >= wanted * (1 - 1e-9))


def parts(amounts: Sequence[tuple[str, str, int]]) -> tuple[Slice, ...]:
    """A bar of parts of a whole: (label, tone, amount) to slices that fill it; what is nothing is left out."""
    whole = sum(amount for _, _, amount in amounts)
    slices = []
    x = 0.0
    for label, tone, amount in amounts:
        if amount <= 0:
            continue
        width = amount / whole * 100
        slices.append(Slice(label, tone, amount, round(x, 3), round(width, 3)))
        x += width
    return tuple(slices)
