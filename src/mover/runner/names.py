"""What things are called in Temporal: task queues, workflows, schedules. Only ids, since Temporal shows these in clear."""

from __future__ import annotations

import re

from mover.errors import InvalidConfiguration

DESK = "mover"
"""Task queue of workflows and of short activities that need only the database; every runner serves it."""

DEPLOYMENT = "mover"
"""What all builds of Mover are called together, where Temporal tells them apart."""

DEFAULT_QUEUE = "default"
HOUSEKEEPING = "mover-housekeeping"
RECONCILER = "mover-reconciler"

_QUEUE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCHEDULE = "mover-schedule-"


def check_queue(name: str) -> str:
    """Return a name that a queue of runners can have. Raises InvalidConfiguration."""
    if not _QUEUE.fullmatch(name):
        raise InvalidConfiguration(
            f"a queue's name has at most 63 small letters, digits and -, and begins with no -; {name[:80]!r} has not"
        )
    return name


def slices(queue: str) -> str:
    """Task queue of the slices that runners of `queue` work on."""
    return f"mover-slices-{queue}"


def migration(migration_id: str) -> str:
    """Id of the workflow that starts the pairs of a migration."""
    return f"mover-migration-{migration_id}"


def pair_run(run_id: int) -> str:
    """Id of the workflow that brings a run to its end."""
    return f"mover-pair-run-{run_id}"


def schedule(schedule_id: str) -> str:
    """Id of a schedule."""
    return f"{_SCHEDULE}{schedule_id}"


def schedule_of(name: str) -> str | None:
    """The id of the schedule that Temporal knows by this name; None for others."""
    return name.removeprefix(_SCHEDULE) if name.startswith(_SCHEDULE) else None
