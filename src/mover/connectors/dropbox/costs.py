"""What Dropbox's calls cost. Dropbox publishes no number of calls that it takes."""

from __future__ import annotations

from mover.connectors.bodies import GATHERED_BYTES
from mover.connectors.costs import CallCosts, Step
from mover.connectors.dropbox.known_folders import LARGEST, MOST_REMEMBERED

COSTS = CallCosts(
    title="Dropbox",
    reads=(
        Step(up_to=0, calls=1),
        # A folder is a call, with all below it if that is little; how many files it has differs.
        Step(up_to=LARGEST, calls=0.1, opening=2, alone=1, first=MOST_REMEMBERED),
        Step(calls=1),
    ),
    read_alone=1,
    uploads=(
        # Contents share a call, and so do the ends of their sessions (docs/benchmarks.md: 200 and 1,000 files).
        Step(up_to=GATHERED_BYTES, calls=0.17, opening=5, alone=1),
        Step(calls=1.2, opening=0.8, alone=2),  # a session each, and a share in its end
    ),
    folder=Step(calls=0.1, opening=1, alone=1),
    permit=3,
)
