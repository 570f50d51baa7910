"""What workflows and activities tell each other: ids and numbers, nothing that a person typed. See `payloads`, too."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class SliceEnd(enum.StrEnum):
    """How a slice of a run ended."""

    MORE = "more"  # it goes on at once
    ENDED = "ended"  # the run has its code
    RESTING = "resting"  # paused, or waiting for its turn or its window: it is started anew when that comes


@dataclass(frozen=True)
class Ticket:
    """A run that may be started.

    Attributes:
        organisation_id: Whose share of the runners it uses.
        queue: Of the runners.
        urgency: 1 (first) to 5 (last).
        silence_s: A runner that is silent for so long is dead.
    """

    run_id: int
    migration_id: str
    organisation_id: str
    queue: str
    urgency: int
    silence_s: float


@dataclass(frozen=True)
class Plan:
    """What a migration can start now.

    Attributes:
        tickets: Runs that may be started, in order; those that were started and wait for a runner among them.
        open_runs: All that have not ended.
        next_s: Seconds until something becomes due by itself; None if nothing does.
    """

    tickets: list[Ticket] = field(default_factory=list)
    open_runs: int = 0
    next_s: float | None = None


@dataclass(frozen=True)
class Swept:
    """What housekeeping did, for those who look into Temporal.

    Attributes:
        rows: Of old runs and items that were removed.
        connections: Whose secrets were destroyed since nobody used them.
    """

    rows: int = 0
    connections: int = 0
