"""Tables of what was measured at the simulated cloud services, Mover and rclone side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.clouds import AGAIN_INTO, AGAIN_OUT, LARGE, MANY_AGAIN, MANY_FIRST, OUT, SMALL, TIGHT, CloudRun
from bench.tables import table

_ORDER = (SMALL, LARGE, AGAIN_INTO, OUT, AGAIN_OUT, TIGHT, MANY_FIRST, MANY_AGAIN)
_HEADER = (
    "service",
    "what",
    "calls: mover",
    "rclone",
    "ratio",
    "calls / file: mover",
    "rclone",
    "files / s: mover",
    "rclone",
    "ratio",
    "refused: mover",
    "rclone",
    "early: mover",
    "rclone",
    "forbidden: mover",
    "rclone",
)


def cloud_tables(runs: Sequence[CloudRun]) -> str:
    """Return one table; ratios are Mover's figure by rclone's."""
    by_key = {(run.service, run.what, run.client): run for run in runs}
    lines = [
        _line(ours, by_key.get((service, what, "rclone")))
        for what in _ORDER
        for service in dict.fromkeys(run.service for run in runs)
        if (ours := by_key.get((service, what, "mover"))) is not None
    ]
    return f"### Cloud services (simulated)\n\n{table(_HEADER, lines)}"


def _line(ours: CloudRun, theirs: CloudRun | None) -> tuple[str, ...]:
    def pair(show: Callable[[CloudRun], str]) -> tuple[str, str]:
        return show(ours), "-" if theirs is None else show(theirs)

    return (
        ours.service,
        ours.what,
        *pair(lambda run: f"{run.total}"),
        "-" if theirs is None or not theirs.total else f"{ours.total / theirs.total:.2f}",
        *pair(lambda run: f"{run.total / run.files:.2f}"),
        *pair(lambda run: f"{run.files / run.wall_s:.1f}"),
        "-" if theirs is None else f"{theirs.wall_s / ours.wall_s:.2f}",
        *pair(lambda run: f"{run.refused}"),
        *pair(lambda run: f"{run.early}"),
        *pair(lambda run: f"{run.forbidden}"),
    )
