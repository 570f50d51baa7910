"""What Box's calls cost, and how many it takes."""

from __future__ import annotations

from mover.connectors.box.together import LARGEST, MOST_LISTED
from mover.connectors.costs import CallCosts, Limit, Step, calls_at_most

_MIB = 1024 * 1024
_SOURCE = "https://developer.box.com/guides/api-calls/permissions-and-errors/rate-limits/"

COSTS = CallCosts(
    title="Box",
    reads=(
        Step(up_to=0, calls=2),
        # An archive of a hundred files is two calls; the first ones have fewer (docs/benchmarks.md: 200 and 1,000 files).
        Step(up_to=LARGEST, calls=0.02, opening=4, alone=2, first=MOST_LISTED),
        Step(calls=2),  # Box names another address
    ),
    read_alone=2,
    uploads=(Step(calls=1),),
    piece=8 * _MIB,  # of files below 1,000 MiB, as Box chooses; of larger ones 32 MiB
    look=1,
    look_each_name=1,  # preflights, each of which tells an id
    permit=1,
    limits=(
        calls_at_most("takes 1,000 calls a minute of a user", 1_000, every_s=60, source=_SOURCE),
        Limit(told="takes 240 uploads a minute of a user", most=240, every_s=60, source=_SOURCE, upload=1),
    ),
)
