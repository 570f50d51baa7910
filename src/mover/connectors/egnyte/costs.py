"""What Egnyte's calls cost, and how many it takes."""

from __future__ import annotations

from mover.connectors.costs import CallCosts, Step, calls_at_most

_SOURCE = "https://developers.egnyte.com/docs/read/Best_Practices"

COSTS = CallCosts(
    title="Egnyte",
    reads=(Step(calls=1),),
    read_alone=1,
    uploads=(Step(calls=1),),
    upload_where_stood=1,
    replace=1,
    begin=0,  # the first chunk is the beginning
    finish=1,
    rename=2,
    permit=2,
    limits=(
        calls_at_most(
            "takes two calls a second until it is asked for more", 2, every_s=1, source=_SOURCE, differs=True
        ),
        calls_at_most(
            "takes 1,000 calls a day until it is asked for more",
            1_000,
            every_s=86_400,
            source=_SOURCE,
            differs=True,
        ),
    ),
)
