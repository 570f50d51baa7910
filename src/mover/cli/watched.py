"""A run that is being shown, as its displays see it."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from mover.cli.rate import Meter
from mover.transfer.progress import Progress


class Watched(msgspec.Struct):
    """A run that is being shown.

    Attributes:
        title: `nas:/docs → cold:/backup`.
        progress: Of the run.
        meter: Of the run.
        run: Its number, once it has one.
        resumed: It goes on with an interrupted one.
        only_looking: Files are found, and none is moved.
        began: When, by a clock that only grows.
        stopping: Tells whether the run was interrupted and is cleaning up.
    """

    title: str
    progress: Progress
    meter: Meter
    run: int | None = None
    resumed: bool = False
    only_looking: bool = False
    began: float = msgspec.field(default_factory=time.monotonic)
    stopping: Callable[[], bool] = lambda: False
