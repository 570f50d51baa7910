"""What the slices of one runner share: its place, its pace, and whether it is to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mover.audit.recording import Auditor, Recorder
from mover.migrations.given.holding import Holding
from mover.migrations.work import Work
from mover.transfer.run import Engine
from mover.workplace.workplace import Workplace


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things take, in seconds.

    Attributes:
        longest_s: A slice.
        in_one_go_s: A slice in which a file is under way that would begin anew if it were broken off.
        look_s: Between looks at what is wished.
        quiet_s: Files under way are waited for so long, before a slice is cancelled.
        drain_s: The same where the runner ends.
        reconcile_s: Between the runner's looks into the database for what no message told of.
    """

    longest_s: float = 600
    in_one_go_s: float = 7 * 86_400
    look_s: float = 1
    quiet_s: float = 5
    drain_s: float = 30
    reconcile_s: float = 5


class Draining:
    """Told when the runner is to end."""

    def __init__(self) -> None:
        self.begun = False
        self.at_once = False


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What slices of one runner share."""

    place: Workplace
    work: Work
    engine: Engine
    queue: str
    runner: str
    draining: Draining
    keys: Holding
    pace: Pace = Pace()
    auditor: Auditor = field(default_factory=Recorder)
    now_ns: Callable[[], int] = time.time_ns
