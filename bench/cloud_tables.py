"""Tables of what was measured at the simulated cloud services, Mover and rclone side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.clouds import (
    AGAIN_INTO,
    AGAIN_OUT,
    LARGE,
    MANY_AGAIN,
    MANY_FIRST,
    MORE_INTO,
    MORE_OUT,
    MORE_OUT_LIMITED,
    OUT,
    SMALL,
    TIGHT,
    CloudRun,
)
from bench.tables import table

_ORDER = (
    SMALL,
    LARGE,
    AGAIN_INTO,
    OUT,
    AGAIN_OUT,
    MORE_OUT_LIMITED,
    TIGHT,
    MORE_INTO,
    MORE_OUT,
    MANY_FIRST,
    MANY_AGAIN,
)
_BORNE_BY_CALLS = {SMALL, OUT, MORE_OUT_LIMITED, TIGHT}
"""Where there are enough files for a rate."""

_CALLS = ("what", "service", "files", "calls: mover", "rclone", "ratio", "a file: mover", "rclone")
_SPEED = (
    "what",
    "service",
    "files / s: mover",
    "rclone",
    "ratio",
    "throttle lets through: mover",
    "rclone",
    "refused: mover",
    "rclone",
    "forbidden: mover",
    "rclone",
    "peak MB: mover",
    "rclone",
)


def cloud_tables(runs: Sequence[CloudRun]) -> str:
    """Return a table of calls and one of speed and patience; ratios are Mover's figure by rclone's.

    Of several rounds the one whose time is the median stands for all.
    """
    rounds: dict[tuple[str, str, str], list[CloudRun]] = {}
    for run in runs:
        rounds.setdefault((run.service, run.what, run.client), []).append(run)
    by_key = {key: sorted(same, key=lambda run: run.wall_s)[len(same) // 2] for key, same in rounds.items()}
    pairs = [
        (ours, by_key.get((service, what, "rclone")))
        for what in _ORDER
        for service in dict.fromkeys(run.service for run in runs)
        if (ours := by_key.get((service, what, "mover"))) is not None
    ]
    calls = table(_CALLS, [_calls(*pair) for pair in pairs])
    speed = table(_SPEED, [_speed(*pair) for pair in pairs])
    return f"### Cloud services (simulated): calls\n\n{calls}\n\n### Cloud services (simulated): speed\n\n{speed}"


def _calls(ours: CloudRun, theirs: CloudRun | None) -> tuple[str, ...]:
    return (
        ours.what,
        ours.service,
        f"{ours.files:,}",
        *_both(ours, theirs, lambda run: f"{run.total:,}"),
        "-" if theirs is None or not theirs.total else f"{ours.total / theirs.total:.2f}",
        *_both(ours, theirs, lambda run: f"{run.total / run.files:.3g}"),
    )


def _speed(ours: CloudRun, theirs: CloudRun | None) -> tuple[str, ...]:
    return (
        ours.what,
        ours.service,
        *_both(ours, theirs, lambda run: f"{run.files / run.wall_s:.1f}"),
        "-" if theirs is None else f"{theirs.wall_s / ours.wall_s:.2f}",
        *_both(ours, theirs, _ceiling),
        *_both(ours, theirs, lambda run: f"{run.refused}"),
        *_both(ours, theirs, lambda run: f"{run.forbidden}"),
        *_both(ours, theirs, lambda run: f"{run.peak_bytes / 1_000_000:.0f}"),
    )


def _both(ours: CloudRun, theirs: CloudRun | None, show: Callable[[CloudRun], str]) -> tuple[str, str]:
    return show(ours), "-" if theirs is None else show(theirs)


def _ceiling(run: CloudRun) -> str:
    return f"{run.ceiling:.1f}" if run.ceiling is not None and run.what in _BORNE_BY_CALLS else "-"
